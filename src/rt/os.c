// SPDX-License-Identifier: ISC
//
// The real world's loops. All work is done in the prepare phase, just before the loop waits for
// events: the callbacks of libuv only note who is to run. So one place knows how long a turn took,
// and one timer of libuv is enough for all of ours.
#include "rt/os.h"

#include "base/check.h"
#include "log/log.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_us(struct rt *rt)
{
    struct timespec t;

    (void)rt;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int64_t wall_us(struct rt *rt)
{
    struct timespec t;

    (void)rt;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void random_bytes(struct rt *rt, void *to, size_t len)
{
    char *at = to;

    (void)rt;
    while (len) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        CHECK(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

// ---- turns

static void on_timer(uv_timer_t *timer)
{
    struct rt_os_loop *loop = timer->data;

    loop->armed_us = RT_NEVER; // what is due is done in the turn
}

/// The loop is awake, and the turn empties the inbox. A uv_async_t would do the same, but
/// libuv 1.44 spins in it until the other thread has left uv_async_send, which costs more than the
/// waking.
static void on_poke(uv_poll_t *poke, int status, int events)
{
    struct rt_os_loop *loop = poke->data;
    uint64_t count;

    (void)status;
    (void)events;
    (void)!read(loop->poke_fd, &count, sizeof(count));
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; // only keeps the loop from waiting
}

static void come_again(struct rt_os_loop *loop, uint64_t at_us, uint64_t now)
{
    if (at_us <= now) {
        uv_idle_start(&loop->idle, on_idle);
        return;
    }
    uv_idle_stop(&loop->idle);
    if (at_us == loop->armed_us)
        return;
    loop->armed_us = at_us;
    if (at_us == RT_NEVER) {
        uv_timer_stop(&loop->timer);
        return;
    }
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->timer, on_timer, (at_us - now + 999) / 1000, 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct rt_os_loop *loop = prepare->data;
    uint64_t begun_us = now_us(NULL), ended_us, next_us;

    atomic_store_explicit(&loop->base.busy_since_us, begun_us, memory_order_relaxed);
    next_us = rt_loop_turn(&loop->base);
    ended_us = now_us(NULL);
    atomic_store_explicit(&loop->base.busy_since_us, 0, memory_order_relaxed);
    if (ended_us - begun_us > RT_HOT_MS * 1000)
        rt_os_watchdog_note(&loop->base, ended_us - begun_us);
    loop->base.hottest_us = 0;
    if (rt_loop_is_finished(&loop->base))
        uv_stop(&loop->uv);
    else
        come_again(loop, next_us, ended_us);
}

static void *loop_main(void *arg)
{
    struct rt_os_loop *loop = arg;

    rt_self = (struct rt_self){.rt = loop->base.rt, .loop = &loop->base};
    while (!rt_loop_is_finished(&loop->base))
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    rt_self = (struct rt_self){0};
    return NULL;
}

static void poke(struct rt_loop *loop)
{
    uint64_t one = 1;
    ssize_t n;

    do
        n = write(rt_os_loop_of(loop)->poke_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    CHECK(n == sizeof(one) || errno == EAGAIN); // full: it is poked already
}

static int run(struct rt *rt)
{
    unsigned started = 1;
    int r = 0;

    rt_os_watchdog_start((struct rt_os_rt *)(void *)rt);
    for (; started < rt->loop_count; started++) {
        struct rt_os_loop *loop = rt_os_loop_of(rt->loops[started]);

        r = -pthread_create(&loop->thread, NULL, loop_main, loop);
        if (r < 0)
            break;
    }
    if (r < 0) {
        rt_stop(rt);
        for (unsigned i = started; i < rt->loop_count; i++)
            loop_main(rt_os_loop_of(rt->loops[i])); // to end what was begun on them
    }
    loop_main(rt_os_loop_of(rt->loops[0]));
    for (unsigned i = 1; i < started; i++)
        pthread_join(rt_os_loop_of(rt->loops[i])->thread, NULL);
    rt_os_watchdog_end((struct rt_os_rt *)(void *)rt);
    return r;
}

// ---- signals

static void on_signal_arrived(uv_signal_t *handle, int number)
{
    struct rt_os_signal *sig = handle->data;
    int r = rt_spawn(sig->fn, sig->arg, "signal", NULL);

    (void)number;
    if (r < 0)
        log_failure("rt", "signal not handled", r);
}

static int on_signal(struct rt *rt, int number, int (*fn)(void *arg), void *arg)
{
    struct rt_os_signal *sig = calloc(1, sizeof(*sig));
    int r;

    CHECK(sig);
    sig->fn = fn;
    sig->arg = arg;
    sig->handle.data = sig;
    CHECK(uv_signal_init(&rt_os_loop_of(rt->loops[0])->uv, &sig->handle) == 0);
    list_put_last(&((struct rt_os_rt *)(void *)rt)->signals, &sig->link);
    r = uv_signal_start(&sig->handle, on_signal_arrived, number);
    uv_unref((uv_handle_t *)&sig->handle);
    return r;
}

// ---- birth and death

static int rt_os_loop_new(struct rt *rt, unsigned index, struct rt_os_loop **out)
{
    struct rt_os_loop *loop = calloc(1, sizeof(*loop));
    int r;

    if (!loop)
        return -ENOMEM;
    loop->poke_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r = loop->poke_fd < 0 ? -errno : uv_loop_init(&loop->uv);
    if (r < 0) {
        if (loop->poke_fd >= 0)
            close(loop->poke_fd);
        free(loop);
        return r;
    }
    rt_loop_init(&loop->base, rt, index);
    list_init(&loop->ports);
    list_init(&loop->new_ports);
    loop->armed_us = RT_NEVER;
    loop->prepare.data = loop->timer.data = loop->poke.data = loop;
    CHECK(uv_poll_init(&loop->uv, &loop->poke, loop->poke_fd) == 0);
    CHECK(uv_poll_start(&loop->poke, UV_READABLE, on_poke) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->timer) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->idle) == 0);
    CHECK(uv_prepare_start(&loop->prepare, on_prepare) == 0);
    *out = loop;
    return 0;
}

static void rt_os_loop_free(struct rt_os_loop *loop)
{
    // Every socket is closed; what is left are the handles of ours, which need one more round.
    rt_os_unlisten(&loop->base);
    rt_os_drop_new_ports(loop);
    uv_close((uv_handle_t *)&loop->poke, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop->uv) == 0);
    close(loop->poke_fd);
    rt_loop_done(&loop->base);
    free(loop);
}

static void rt_os_free(struct rt *base)
{
    struct rt_os_rt *rt = (struct rt_os_rt *)(void *)base;

    LIST_EACH (&rt->signals, it)
        uv_close((uv_handle_t *)&LIST_OF(it, struct rt_os_signal, link)->handle, NULL);
    for (unsigned i = 0; i < base->loop_count; i++)
        rt_os_loop_free(rt_os_loop_of(base->loops[i]));
    LIST_EACH (&rt->signals, it) {
        list_remove(it);
        free(LIST_OF(it, struct rt_os_signal, link));
    }
    pthread_mutex_destroy(&rt->watchdog_lock);
    pthread_cond_destroy(&rt->watchdog_end);
    rt_done(base);
    free(rt);
}

static unsigned core_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

int rt_new(const struct rt_config *config, struct rt **out)
{
    struct rt_os_rt *rt = calloc(1, sizeof(*rt));
    unsigned count;
    int r = 0;

    if (!rt)
        return -ENOMEM;
    rt_init(&rt->base, &rt_world_os, config);
    list_init(&rt->signals);
    pthread_mutex_init(&rt->watchdog_lock, NULL);
    pthread_cond_init(&rt->watchdog_end, NULL);
    count = rt->base.config.loops ? rt->base.config.loops : core_count();
    rt->base.loops = calloc(count, sizeof(*rt->base.loops));
    CHECK(rt->base.loops);
    signal(SIGPIPE, SIG_IGN);
    while (r == 0 && rt->base.loop_count < count) {
        struct rt_os_loop *loop;

        r = rt_os_loop_new(&rt->base, rt->base.loop_count, &loop);
        if (r == 0)
            rt->base.loops[rt->base.loop_count++] = &loop->base;
    }
    if (r < 0) {
        rt_os_free(&rt->base);
        return r;
    }
    *out = &rt->base;
    return 0;
}

const struct rt_world rt_world_os = {
    .has_threads = true,
    .now_us = now_us,
    .wall_us = wall_us,
    .random_bytes = random_bytes,
    .run = run,
    .free = rt_os_free,
    .poke = poke,
    .on_signal = on_signal,
    .listen = rt_os_listen,
    .unlisten = rt_os_unlisten,
    .dial = rt_os_dial,
    .dialled = rt_os_dialled,
    .receive = rt_os_receive,
    .send = rt_os_send,
    .poll = rt_os_poll,
    .shut = rt_os_shut,
    .close = rt_os_close,
    .local_name = rt_os_local_name,
};
