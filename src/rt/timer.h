// SPDX-License-Identifier: ISC
//
// The timers of one loop: a heap by time, and by order of arming where times are equal, so that
// every run of the simulator is the same. Owners put deadlines off lazily: a timer that stands too
// early in the heap is looked at again when it fires; so the commands of a session cost no heap
// work.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RT_NEVER UINT64_MAX

struct rt_timer {
    uint64_t at_us, order;
    uint32_t index; // 1 + place in the heap; 0: not armed
    void (*fire)(struct rt_timer *timer, uint64_t now_us);
};

struct rt_timers {
    struct rt_timer **heap;
    uint32_t count, cap;
    uint64_t order;
};

void rt_timers_done(struct rt_timers *timers);
/// Arms it, or moves it to that time. RT_NEVER disarms.
void rt_timer_set(struct rt_timers *timers, struct rt_timer *timer, uint64_t at_us);
/// Arms it unless it stands earlier already: for owners that look again when it fires.
void rt_timer_by(struct rt_timers *timers, struct rt_timer *timer, uint64_t at_us);
/// When the next one fires, or RT_NEVER.
uint64_t rt_timers_next(const struct rt_timers *timers);
/// Fires what is due.
void rt_timers_fire(struct rt_timers *timers, uint64_t now_us);
