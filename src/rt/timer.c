// SPDX-License-Identifier: ISC
//
// A heap with four children to a node, kept in an array.
#include "rt/timer.h"

#include "base/check.h"

#include <stdlib.h>

void rt_timers_done(struct rt_timers *timers)
{
    free(timers->heap);
    *timers = (struct rt_timers){0};
}

static bool is_before(const struct rt_timer *a, const struct rt_timer *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void place(struct rt_timers *timers, uint32_t at, struct rt_timer *timer)
{
    timers->heap[at] = timer;
    timer->index = at + 1;
}

static void rise(struct rt_timers *timers, uint32_t at, struct rt_timer *timer)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 4;

        if (!is_before(timer, timers->heap[parent]))
            break;
        place(timers, at, timers->heap[parent]);
        at = parent;
    }
    place(timers, at, timer);
}

static void sink(struct rt_timers *timers, uint32_t at, struct rt_timer *timer)
{
    for (;;) {
        uint32_t first = at * 4 + 1, best = first;

        if (first >= timers->count)
            break;
        for (uint32_t i = first + 1; i < first + 4 && i < timers->count; i++) {
            if (is_before(timers->heap[i], timers->heap[best]))
                best = i;
        }
        if (!is_before(timers->heap[best], timer))
            break;
        place(timers, at, timers->heap[best]);
        at = best;
    }
    place(timers, at, timer);
}

static void take_out(struct rt_timers *timers, struct rt_timer *timer)
{
    uint32_t at = timer->index - 1;
    struct rt_timer *last = timers->heap[--timers->count];

    timer->index = 0;
    if (last == timer)
        return;
    if (is_before(last, timer))
        rise(timers, at, last);
    else
        sink(timers, at, last);
}

static void put_in(struct rt_timers *timers, struct rt_timer *timer)
{
    if (timers->count == timers->cap) {
        timers->cap = timers->cap ? timers->cap * 2 : 64;
        timers->heap = realloc(timers->heap, timers->cap * sizeof(*timers->heap));
        CHECK(timers->heap);
    }
    rise(timers, timers->count++, timer);
}

void rt_timer_set(struct rt_timers *timers, struct rt_timer *timer, uint64_t at_us)
{
    if (timer->index)
        take_out(timers, timer);
    if (at_us == RT_NEVER)
        return;
    timer->at_us = at_us;
    timer->order = ++timers->order;
    put_in(timers, timer);
}

void rt_timer_by(struct rt_timers *timers, struct rt_timer *timer, uint64_t at_us)
{
    if (at_us != RT_NEVER && (!timer->index || timer->at_us > at_us))
        rt_timer_set(timers, timer, at_us);
}

uint64_t rt_timers_next(const struct rt_timers *timers)
{
    return timers->count ? timers->heap[0]->at_us : RT_NEVER;
}

void rt_timers_fire(struct rt_timers *timers, uint64_t now_us)
{
    while (timers->count && timers->heap[0]->at_us <= now_us) {
        struct rt_timer *timer = timers->heap[0];

        take_out(timers, timer);
        timer->fire(timer, now_us);
    }
}
