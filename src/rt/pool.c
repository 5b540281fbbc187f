// SPDX-License-Identifier: ISC
//
// Workers that run what must not run on a loop. A call lies on its caller's stack and waits in a
// queue in order of arrival; as the caller sleeps meanwhile, a full queue is nothing else than
// callers that wait: that is the back-pressure. A world without threads runs the calls later, on
// the scheduler.
#include "base/check.h"
#include "rt/inside.h"

#include <errno.h>
#include <stdlib.h>

struct call {
    struct call *next;
    struct rt *rt;
    int (*fn)(void *arg);
    void *arg;
    struct rt_waiter waiter;
};

struct rt_pool {
    struct rt *rt;
    const char *name;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct call *first, **last;
    bool is_ending;
    unsigned idle; // workers that wait
    unsigned count;
    pthread_t threads[];
};

static struct call *take(struct rt_pool *pool)
{
    struct call *call;

    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (!pool->first && !pool->is_ending)
        pthread_cond_wait(&pool->more, &pool->lock);
    pool->idle--;
    call = pool->first;
    if (call) {
        pool->first = call->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return call;
}

static void *worker_main(void *arg)
{
    struct rt_pool *pool = arg;
    struct call *call;

    rt_self = (struct rt_self){.rt = pool->rt};
    while ((call = take(pool)))
        rt_wake_up(&call->waiter, call->fn(call->arg));
    return NULL;
}

int rt_pool_new(struct rt *rt, const char *name, unsigned threads, unsigned queue_max,
                struct rt_pool **out)
{
    struct rt_pool *pool;

    CHECK(threads > 0);
    (void)queue_max; // see above: waiting in the queue and waiting for the queue are one
    pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    if (!pool)
        return -ENOMEM;
    pool->rt = rt;
    pool->name = name;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    for (; rt->world->has_threads && pool->count < threads; pool->count++) {
        int r = -pthread_create(&pool->threads[pool->count], NULL, worker_main, pool);

        if (r < 0) {
            rt_pool_free(pool);
            return r;
        }
    }
    *out = pool;
    return 0;
}

void rt_pool_free(struct rt_pool *pool)
{
    if (!pool)
        return;
    CHECK(!rt_self.task);
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->more);
    free(pool);
}

static void run_later(void *arg)
{
    struct call *call = arg;
    struct rt_self self = rt_self;
    int result;

    rt_self = (struct rt_self){.rt = call->rt};
    result = call->fn(call->arg);
    rt_self = self;
    rt_wake_up(&call->waiter, result);
}

static void *aside_main(void *arg)
{
    struct call *call = arg;

    rt_self = (struct rt_self){.rt = call->rt};
    rt_wake_up(&call->waiter, call->fn(call->arg));
    return NULL;
}

int rt_call_aside(int (*fn)(void *arg), void *arg)
{
    struct call call = {.rt = rt_here(), .fn = fn, .arg = arg};
    pthread_t thread;
    int result;

    rt_waiter_init(&call.waiter);
    if (!call.rt->world->has_threads) {
        call.rt->world->later(call.rt, run_later, &call);
        return rt_wait_for(&call.waiter, false, "aside");
    }
    CHECK(pthread_create(&thread, NULL, aside_main, &call) == 0);
    result = rt_wait_for(&call.waiter, false, "aside");
    pthread_join(thread, NULL);
    return result;
}

static void enqueue(struct rt_pool *pool, struct call *call)
{
    bool is_anybody_idle;

    pthread_mutex_lock(&pool->lock);
    *pool->last = call;
    pool->last = &call->next;
    is_anybody_idle = pool->idle > 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_anybody_idle) // who wakes up finds the lock free
        pthread_cond_signal(&pool->more);
}

int rt_call(struct rt_pool *pool, int (*fn)(void *arg), void *arg)
{
    struct call call = {.rt = pool->rt, .fn = fn, .arg = arg};

    rt_waiter_init(&call.waiter);
    if (pool->rt->world->has_threads)
        enqueue(pool, &call);
    else
        pool->rt->world->later(pool->rt, run_later, &call);
    return rt_wait_for(&call.waiter, false, pool->name);
}
