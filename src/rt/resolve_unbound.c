// SPDX-License-Identifier: ISC
//
// Asking by libunbound: one context for the process, whose own thread asks and validates; a second
// thread, ours, takes the answers and wakes the tasks. A task that gives up leaves its question
// behind: the answer still comes, for the cache, and is thrown away then.
//
//     task ──ub_resolve_async──▶ libunbound's thread ──▶ ub_fd ──▶ our thread ──rt_wake_up──▶ task
//
// What belongs to a question is under the lock: while `waiter` stands there the task sleeps (or is
// about to look), so it is woken with the lock held.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/resolve_inside.h"
#include "rt/resolve_unbound.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    OPEN_MAX_COUNT = 1000, // questions with libunbound at once
    TIMEOUT_MS = 20000,
    CLASS_IN = 1,
    RCODE_NOERROR = 0,
};

struct unbound {
    struct rt_resolver base;
    struct ub_ctx *context;
    uint32_t timeout_ms;
    pthread_t thread;
    bool has_thread;
    int end; // eventfd: the thread is to end
    pthread_mutex_t lock;
    struct list open;    // struct asked
    struct list waiting; // struct turn: for one of the open ones to be answered
    unsigned open_count;
};

/// A question that libunbound has.
struct asked {
    struct list link;
    struct unbound *unbound;
    struct rt_waiter *waiter; // NULL: answered, or nobody wants it any more
    bool is_abandoned;
    int error;
    struct ub_result *result;
};

/// A task that waits for its turn to ask.
struct turn {
    struct list link;
    struct rt_waiter waiter;
};

static struct unbound *unbound_of(struct rt_resolver *resolver)
{
    return LIST_OF(resolver, struct unbound, base);
}

// ---- turns

/// With the lock held: one question less is open.
static void pass_turn(struct unbound *u)
{
    struct list *next = list_take_first(&u->waiting);

    if (next)
        rt_wake_up(&LIST_OF(next, struct turn, link)->waiter, 0);
    else
        u->open_count--;
}

/// [await] One of the open questions.
static int take_turn(struct unbound *u)
{
    struct turn turn = {0};
    int r;

    rt_waiter_init(&turn.waiter);
    pthread_mutex_lock(&u->lock);
    if (u->open_count < OPEN_MAX_COUNT) {
        u->open_count++;
        pthread_mutex_unlock(&u->lock);
        return 0;
    }
    list_put_last(&u->waiting, &turn.link);
    pthread_mutex_unlock(&u->lock);
    r = rt_wait_for(&turn.waiter, true, "turn to ask DNS");
    pthread_mutex_lock(&u->lock);
    if (r < 0 && !list_is_in(&turn.link))
        pass_turn(u); // it came too late
    list_remove(&turn.link);
    pthread_mutex_unlock(&u->lock);
    return r;
}

// ---- answers

static void asked_free(struct asked *a)
{
    ub_resolve_free(a->result);
    free(a);
}

/// On our thread.
static void on_answer(void *arg, int error, struct ub_result *result)
{
    struct asked *a = arg;
    struct unbound *u = a->unbound;
    bool is_abandoned;

    pthread_mutex_lock(&u->lock);
    a->error = error;
    a->result = result;
    list_remove(&a->link);
    pass_turn(u);
    is_abandoned = a->is_abandoned;
    if (a->waiter)
        rt_wake_up(TAKE(a->waiter), 0);
    pthread_mutex_unlock(&u->lock);
    if (is_abandoned)
        asked_free(a);
}

static void *take_answers(void *arg)
{
    struct unbound *u = arg;
    struct pollfd fds[2] = {{.fd = ub_fd(u->context), .events = POLLIN},
                            {.fd = u->end, .events = POLLIN}};

    for (;;) {
        int n = poll(fds, 2, -1);

        if (n < 0 && errno != EINTR)
            log_failure("rt/resolve", "poll", -errno);
        if (n <= 0)
            continue;
        if (fds[1].revents)
            return NULL;
        if (ub_process(u->context) != 0)
            log_event(LOG_ERROR, "rt/resolve", "libunbound does not give its answers");
    }
}

/// [await] The answer is the caller's then. On an error of the wait it is not: *a belongs to
/// whoever the answer comes to.
static int await_answer(struct unbound *u, struct asked *a, struct rt_waiter *waiter)
{
    int r = rt_wait_for(waiter, true, "DNS");
    bool is_answered;

    pthread_mutex_lock(&u->lock);
    is_answered = !a->waiter;
    a->waiter = NULL;
    a->is_abandoned = !is_answered;
    pthread_mutex_unlock(&u->lock);
    if (r < 0 && is_answered)
        asked_free(a);
    return r;
}

static const char *rcode_name(int rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};

    return rcode >= 0 && rcode < (int)(sizeof(names) / sizeof(names[0])) ? names[rcode] : "RCODE";
}

static void read_records(const struct rt_question *question, const struct ub_result *result,
                         struct dns_answer *out)
{
    CLEANUP(free_drop) struct str *data = calloc(DNS_RECORDS_MAX, sizeof(*data));
    size_t count = 0;

    CHECK(data);
    for (; result->data && result->data[count]; count++) {
        if (count < DNS_RECORDS_MAX)
            data[count] = str_of(result->data[count], (size_t)result->len[count]);
    }
    rt_answer_records(question, data, count, out);
}

static void read_result(const struct rt_question *question, const struct ub_result *result,
                        struct dns_answer *out)
{
    struct arena *arena = question->arena;

    out->ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
    if (result->canonname && arena_has_room(arena, 2048))
        out->canonical = rt_answer_name(arena, str_from(result->canonname));
    if (result->bogus) {
        out->status = DNS_BOGUS;
        out->why = rt_answer_why(arena, "%s", result->why_bogus ? result->why_bogus : "not valid");
        return;
    }
    out->is_secure = result->secure;
    if (result->havedata) {
        read_records(question, result, out);
    } else if (result->nxdomain) {
        out->status = DNS_NO_NAME;
        out->why = STR_NONE;
    } else if (result->rcode == RCODE_NOERROR) {
        out->status = DNS_NO_DATA;
        out->why = STR_NONE;
    } else {
        out->why = rt_answer_why(arena, "the name servers fail (%s)", rcode_name(result->rcode));
    }
    out->is_secure = out->is_secure && out->status != DNS_FAILED;
}

/// [await] Asks, with the turn taken.
static int ask_in_turn(struct unbound *u, const struct rt_question *question,
                       struct dns_answer *out)
{
    struct asked *a = calloc(1, sizeof(*a));
    struct rt_waiter waiter;
    int r;

    CHECK(a);
    rt_waiter_init(&waiter);
    a->unbound = u;
    a->waiter = &waiter;
    pthread_mutex_lock(&u->lock);
    list_put_last(&u->open, &a->link);
    pthread_mutex_unlock(&u->lock);
    r = ub_resolve_async(u->context, question->name.len ? question->name.ptr : ".",
                         (int)question->type, CLASS_IN, a, on_answer, NULL);
    if (r != 0)
        on_answer(a, r, NULL); // as if that had been the answer
    r = await_answer(u, a, &waiter);
    if (r < 0)
        return r;
    if (a->error || !a->result)
        out->why = rt_answer_why(question->arena, "libunbound: %s", ub_strerror(a->error));
    else
        read_result(question, a->result, out);
    asked_free(a);
    return 0;
}

static int ask(struct rt_resolver *resolver, const struct rt_question *question,
               struct dns_answer *out)
{
    struct unbound *u = unbound_of(resolver);
    struct rt_scope scope;
    int r;

    rt_within(&scope, u->timeout_ms);
    r = take_turn(u);
    if (r == 0)
        r = ask_in_turn(u, question, out);
    rt_within_end(&scope);
    if (r == 0)
        return 0;
    out->why = rt_answer_why(question->arena, "no answer within %u s", u->timeout_ms / 1000);
    return rt_task_verdict(); // 0 when it was only the question's time that is over
}

// ---- birth and death

static void unbound_free(struct rt_resolver *resolver)
{
    struct unbound *u = unbound_of(resolver);
    uint64_t one = 1;

    if (u->has_thread) {
        CHECK(write(u->end, &one, sizeof(one)) == sizeof(one));
        pthread_join(u->thread, NULL);
    }
    ub_ctx_delete(u->context); // no answer comes any more
    LIST_EACH (&u->open, it) {
        struct asked *a = LIST_OF(it, struct asked, link);

        CHECK(a->is_abandoned); // nobody asks any more
        asked_free(a);
    }
    if (u->end >= 0)
        close(u->end);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static int start(struct unbound *u, const struct rt_resolver_config *config, struct buf *why)
{
    int r = rt_unbound_context(config, &u->context, why);

    if (r < 0)
        return r;
    u->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->end < 0)
        return -errno;
    r = -pthread_create(&u->thread, NULL, take_answers, u);
    u->has_thread = r == 0;
    return r;
}

int rt_resolver_new(struct rt *rt, const struct rt_resolver_config *config,
                    struct rt_resolver **out, struct buf *why)
{
    struct unbound *u;
    int r;

    if (!rt->world->has_threads) {
        buf_putf(why, "a simulated world has a resolver of its own");
        return -ENOTSUP;
    }
    u = calloc(1, sizeof(*u));
    CHECK(u);
    u->base = (struct rt_resolver){.free = unbound_free, .ask = ask};
    u->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    u->end = -1;
    pthread_mutex_init(&u->lock, NULL);
    list_init(&u->open);
    list_init(&u->waiting);
    r = start(u, config, why);
    if (r < 0) {
        unbound_free(&u->base);
        if (why->len == 0)
            buf_putf(why, "the resolver cannot start: %s", strerror(-r));
        return r;
    }
    *out = &u->base;
    return 0;
}
