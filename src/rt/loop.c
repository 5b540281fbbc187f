// SPDX-License-Identifier: ISC
//
// A turn of a loop: the errands other threads sent, the timers that are due, each ready task once.
#include "base/check.h"
#include "rt/inside.h"
#include "rt/session.h"

#include <stdatomic.h>
#include <stdlib.h>

struct post {
    struct rt_errand errand;
    void (*fn)(void *arg);
    void *arg;
    struct rt_loop *loop;
    unsigned node;
};

static void on_post(struct rt_errand *errand)
{
    struct post *post = (struct post *)(void *)errand;

    post->loop->node = post->node;
    post->fn(post->arg);
    post->loop->node = 0;
    free(post);
}

// Those that came too late to be run.
static void drop_posts(struct rt_loop *loop)
{
    struct rt_errand *errand = atomic_exchange(&loop->inbox, NULL);

    while (errand) {
        struct rt_errand *next = errand->next;

        if (errand->fn == on_post)
            free(errand);
        errand = next;
    }
}

enum { TURN_US = 5000 }; // of tasks, before events are looked at again

void rt_loop_init(struct rt_loop *loop, struct rt *rt, unsigned index)
{
    loop->rt = rt;
    loop->index = index;
    list_init(&loop->ready);
    list_init(&loop->tasks);
    list_init(&loop->spare);
    list_init(&loop->slabs);
    list_init(&loop->conns);
    list_init(&loop->starved);
    list_init(&loop->shakers);
}

void rt_loop_done(struct rt_loop *loop)
{
    drop_posts(loop);
    rt_sessions_done(loop);
    rt_tasks_done(loop);
    rt_timers_done(&loop->timers);
}

void rt_errand_send(struct rt_loop *loop, struct rt_errand *errand)
{
    struct rt_errand *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);

    do
        errand->next = head;
    while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, errand, memory_order_release,
                                                  memory_order_relaxed));
    if (!head) // else whoever put the first one has poked already
        loop->rt->world->poke(loop);
}

static void run_errands(struct rt_loop *loop)
{
    struct rt_errand *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct rt_errand *oldest = NULL;

    while (newest) {
        struct rt_errand *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct rt_errand *next = oldest->next;

        oldest->fn(oldest);
        oldest = next;
    }
}

// Appends all of `from`.
static void move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

static void run_ready(struct rt_loop *loop)
{
    uint64_t until_us = rt_now_us() + TURN_US;
    struct list now, *link;

    // Only those that are ready now: a task that breathes comes after the next events.
    list_init(&now);
    move_all(&now, &loop->ready);
    while (loop->last_ran_us < until_us && (link = list_take_first(&now)))
        rt_task_run(LIST_OF(link, struct rt_task, link));
    move_all(&now, &loop->ready); // those that became ready meanwhile come after the rest
    move_all(&loop->ready, &now);
}

uint64_t rt_loop_turn(struct rt_loop *loop)
{
    rt_self = (struct rt_self){.rt = loop->rt, .loop = loop};
    run_errands(loop);
    rt_timers_fire(&loop->timers, rt_now_us());
    run_ready(loop);
    rt_sessions_feed(loop);
    rt_self.loop = loop;
    if (!list_is_empty(&loop->ready) || atomic_load(&loop->inbox))
        return 0;
    return rt_timers_next(&loop->timers);
}

bool rt_loop_is_finished(const struct rt_loop *loop)
{
    return loop->stopping && loop->task_count == 0 && list_is_empty(&loop->conns);
}

void rt_post(struct rt_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = malloc(sizeof(*post));

    CHECK(post);
    *post = (struct post){.errand = {.fn = on_post}, .fn = fn, .arg = arg, .loop = loop};
    post->node = rt_self.loop == loop ? rt_node_here(loop) : 0;
    rt_errand_send(loop, &post->errand);
}
