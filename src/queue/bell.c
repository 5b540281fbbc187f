// SPDX-License-Identifier: ISC
#include "base/check.h"

#include "queue/inside.h"

#include <errno.h>

enum { WAIT_MAX_MS = 3600 * 1000 };

void queue_bell_init(struct queue_bell *bell)
{
    *bell = (struct queue_bell){0};
    CHECK(pthread_mutex_init(&bell->lock, NULL) == 0);
}

void queue_bell_done(struct queue_bell *bell)
{
    pthread_mutex_destroy(&bell->lock);
}

void queue_bell_ring(struct queue_bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->rung = true;
    // Under the lock: the waiter's memory is there until queue_bell_wait has had the lock again.
    if (bell->waiting)
        rt_wake_up(bell->waiting, 0);
    bell->waiting = NULL;
    pthread_mutex_unlock(&bell->lock);
}

static bool is_rung(struct queue_bell *bell, struct rt_waiter *w)
{
    bool rung;

    pthread_mutex_lock(&bell->lock);
    rung = bell->rung;
    bell->rung = false;
    bell->waiting = rung ? NULL : w;
    pthread_mutex_unlock(&bell->lock);
    return rung;
}

int queue_bell_wait(struct queue_bell *bell, uint64_t us)
{
    uint64_t ms = us / 1000 + (us % 1000 != 0);
    struct rt_scope scope;
    struct rt_waiter w;
    int r;

    rt_waiter_init(&w);
    if (is_rung(bell, &w))
        return 0;
    rt_within(&scope, (uint32_t)(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS));
    r = rt_wait(&w, true);
    rt_within_end(&scope);
    is_rung(bell, NULL);
    return r;
}

void queue_bell_wait_always(struct queue_bell *bell)
{
    struct rt_waiter w;

    rt_waiter_init(&w);
    if (is_rung(bell, &w))
        return;
    rt_wait(&w, false);
    is_rung(bell, NULL);
}
