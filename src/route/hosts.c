// SPDX-License-Identifier: ISC
//
// route_hosts: the search of route/find.h in the real world, its questions asked side by side.
#include "base/check.h"

#include "route/find.h"
#include "route/state.h"

/// Those that are still being asked; who waits for them.
struct asked {
    size_t left;
    struct rt_waiter *waiter;
};

struct asking {
    const struct route *route;
    struct asked *asked;
    struct find_question *question;
    struct arena *arena;
    struct rt_task *task;
};

static int ask_one(void *arg)
{
    struct asking *a = arg;
    int r = rt_resolve(a->route->resolver, a->question->name, a->question->type, a->arena,
                       &a->question->answer);

    if (--a->asked->left == 0 && a->asked->waiter)
        rt_wake_up(a->asked->waiter, 0);
    return r;
}

/// Who is cancelled does not wait for the far side's name servers.
static void wait_for(struct asked *asked, const struct asking *asking, size_t count)
{
    struct rt_waiter waiter;
    int r = 0;

    if (asked->left) {
        rt_waiter_init(&waiter);
        asked->waiter = &waiter;
        r = rt_wait(&waiter, true);
        asked->waiter = NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (asking[i].task && r < 0)
            rt_cancel(asking[i].task);
    for (size_t i = 0; i < count; i++)
        if (asking[i].task)
            rt_join(asking[i].task);
}

static void ask_all(void *arg, struct find_question *questions, size_t count, struct arena *arena)
{
    struct asking asking[FIND_ASK_AT_ONCE];
    struct asked asked = {0};

    CHECK(count <= FIND_ASK_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        asking[i] = (struct asking){
            .route = arg, .asked = &asked, .question = &questions[i], .arena = arena};
        questions[i].answer =
            (struct dns_answer){.status = DNS_FAILED, .why = STR("there is no resolver")};
        if (!asking[i].route->resolver)
            continue;
        asked.left++;
        // The last is asked here, and so is any for which there is no task.
        if (i + 1 == count || rt_spawn(ask_one, &asking[i], "route/ask", &asking[i].task) < 0) {
            asking[i].task = NULL;
            ask_one(&asking[i]);
        }
    }
    wait_for(&asked, asking, count);
}

static uint64_t draw(void *arg)
{
    (void)arg;
    return rt_random();
}

void route_hosts(const struct route *route, struct str lane, enum route_care care,
                 struct arena *arena, struct route_hosts *out)
{
    // The doors only read what it points to.
    const struct find_world world = {.ask = ask_all,
                                     .sts = sts_find,
                                     .password = password_find,
                                     .random = draw,
                                     .arg = (void *)(uintptr_t)route};

    find_hosts(route, &world, lane, care, arena, out);
}
