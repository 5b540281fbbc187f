// SPDX-License-Identifier: ISC
//
// A thread that looks at the loops from outside: one that has not come round for RT_HOT_MS is
// reported with the task that is running on it; when it comes round at last, it tells itself how
// long it took.
#include "base/check.h"

#include "log/log.h"
#include "rt/os.h"

#include <stdatomic.h>
#include <time.h>

enum { LOOK_MS = 25 };

static void report(struct rt_loop *loop, const char *what, const char *name, uint64_t us)
{
    struct log_line l;

    log_begin(&l, LOG_WARN, "rt/watchdog", what);
    log_u64(&l, "loop", loop->index);
    log_text(&l, "task", name ? name : "none");
    log_u64(&l, "ms", us / 1000);
    log_end(&l);
}

static void look(struct rt_loop *loop)
{
    uint64_t since_us = atomic_load_explicit(&loop->busy_since_us, memory_order_relaxed);
    uint64_t now_us = rt_now_us();

    if (since_us == 0 || now_us < since_us + RT_HOT_MS * 1000)
        return;
    if (atomic_exchange(&loop->reported_us, since_us) != since_us)
        report(loop, "loop is hot", atomic_load_explicit(&loop->running_name, memory_order_relaxed),
               now_us - since_us);
}

void rt_os_watchdog_note(struct rt_loop *loop, uint64_t took_us)
{
    report(loop, "loop was hot", loop->hottest_name, took_us);
}

static void *watch(void *arg)
{
    struct rt_os_rt *rt = arg;

    pthread_mutex_lock(&rt->watchdog_lock);
    while (!rt->watchdog_ending) {
        struct timespec until;

        for (unsigned i = 0; i < rt->base.loop_count; i++)
            look(rt->base.loops[i]);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&rt->watchdog_end, &rt->watchdog_lock, &until);
    }
    pthread_mutex_unlock(&rt->watchdog_lock);
    return NULL;
}

void rt_os_watchdog_start(struct rt_os_rt *rt)
{
    rt->watchdog_ending = false;
    CHECK(pthread_create(&rt->watchdog, NULL, watch, rt) == 0);
}

void rt_os_watchdog_end(struct rt_os_rt *rt)
{
    pthread_mutex_lock(&rt->watchdog_lock);
    rt->watchdog_ending = true;
    pthread_cond_signal(&rt->watchdog_end);
    pthread_mutex_unlock(&rt->watchdog_lock);
    pthread_join(rt->watchdog, NULL);
}
