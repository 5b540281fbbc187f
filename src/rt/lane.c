// SPDX-License-Identifier: ISC
//
// A lane: one thread that takes all the jobs that are waiting and does them together. While it
// syncs, the next batch gathers.
#include "base/check.h"
#include "rt/inside.h"

#include <errno.h>
#include <stdlib.h>

struct rt_lane {
    struct rt *rt;
    const char *name;
    void (*fn)(void *context, struct rt_job *const *jobs, size_t count);
    void *context;
    size_t batch_max;
    struct rt_job **batch;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct rt_job *first, **last;
    bool is_ending, is_due; // due: without threads, the run is on its way
    bool has_thread;
    pthread_t thread;
};

// With the lock held.
static size_t take_batch(struct rt_lane *lane)
{
    size_t count = 0;

    while (lane->first && count < lane->batch_max) {
        lane->batch[count++] = lane->first;
        lane->first = lane->first->next;
    }
    if (!lane->first)
        lane->last = &lane->first;
    return count;
}

static void do_batch(struct rt_lane *lane, size_t count)
{
    lane->fn(lane->context, lane->batch, count);
    for (size_t i = 0; i < count; i++)
        rt_wake_up(&lane->batch[i]->waiter, lane->batch[i]->result);
}

static void *lane_main(void *arg)
{
    struct rt_lane *lane = arg;

    rt_self = (struct rt_self){.rt = lane->rt};
    pthread_mutex_lock(&lane->lock);
    for (;;) {
        size_t count = take_batch(lane);

        if (!count && lane->is_ending)
            break;
        if (!count) {
            pthread_cond_wait(&lane->more, &lane->lock);
            continue;
        }
        pthread_mutex_unlock(&lane->lock);
        do_batch(lane, count);
        pthread_mutex_lock(&lane->lock);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

int rt_lane_new(struct rt *rt, const char *name,
                void (*fn)(void *context, struct rt_job *const *jobs, size_t count), void *context,
                size_t batch_max, struct rt_lane **out)
{
    struct rt_lane *lane = calloc(1, sizeof(*lane));

    CHECK(lane && batch_max > 0);
    lane->rt = rt;
    lane->name = name;
    lane->fn = fn;
    lane->context = context;
    lane->batch_max = batch_max;
    lane->batch = calloc(batch_max, sizeof(struct rt_job *));
    CHECK(lane->batch);
    lane->last = &lane->first;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->more, NULL);
    if (rt->world->has_threads) {
        int r = -pthread_create(&lane->thread, NULL, lane_main, lane);

        lane->has_thread = r == 0;
        if (r < 0) {
            rt_lane_free(lane);
            return r;
        }
    }
    *out = lane;
    return 0;
}

void rt_lane_free(struct rt_lane *lane)
{
    if (!lane)
        return;
    CHECK(!rt_self.task && !lane->is_due);
    pthread_mutex_lock(&lane->lock);
    lane->is_ending = true;
    pthread_cond_signal(&lane->more);
    pthread_mutex_unlock(&lane->lock);
    if (lane->has_thread)
        pthread_join(lane->thread, NULL);
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->more);
    free(lane->batch);
    free(lane);
}

static void run_later(void *arg)
{
    struct rt_lane *lane = arg;
    struct rt_self self = rt_self;
    size_t count;

    lane->is_due = false;
    count = take_batch(lane);
    if (lane->first) {
        lane->is_due = true;
        lane->rt->world->later(lane->rt, run_later, lane);
    }
    rt_self = (struct rt_self){.rt = lane->rt};
    lane->fn(lane->context, lane->batch, count);
    rt_self = self;
    for (size_t i = 0; i < count; i++)
        rt_wake_up(&lane->batch[i]->waiter, lane->batch[i]->result);
}

int rt_lane_run(struct rt_lane *lane, struct rt_job *job)
{
    bool was_empty;

    rt_waiter_init(&job->waiter);
    job->next = NULL;
    pthread_mutex_lock(&lane->lock);
    was_empty = !lane->first;
    *lane->last = job;
    lane->last = &job->next;
    pthread_mutex_unlock(&lane->lock);
    if (lane->has_thread && was_empty)
        pthread_cond_signal(&lane->more);
    if (!lane->has_thread && !lane->is_due) {
        lane->is_due = true;
        lane->rt->world->later(lane->rt, run_later, lane);
    }
    return rt_wait_for(&job->waiter, false, lane->name);
}
