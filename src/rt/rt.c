// SPDX-License-Identifier: ISC
//
// The process as a whole: what is the same in the real and in the simulated world. Run, stop,
// drain, clock, randomness.
#include "rt/rt.h"

#include "base/check.h"
#include "log/log.h"
#include "rt/os.h"
#include "rt/session.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

static uint32_t or_else(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

void rt_init(struct rt *rt, const struct rt_world *world, const struct rt_config *config)
{
    rt->world = world;
    if (config)
        rt->config = *config;
    rt->config.tasks_max = or_else(rt->config.tasks_max, 10000);
    rt->config.connections_max = or_else(rt->config.connections_max, 100000);
    rt->config.handshakes_max = or_else(rt->config.handshakes_max, 64);
    pthread_mutex_init(&rt->lock, NULL);
    list_init(&rt->listeners);
}

void rt_done(struct rt *rt)
{
    LIST_EACH (&rt->listeners, it) {
        struct rt_listener *listener = LIST_OF(it, struct rt_listener, link);

        list_remove(it);
        free(listener->address);
        free(listener);
    }
    pthread_mutex_destroy(&rt->lock);
    free(rt->loops);
}

void rt_free(struct rt *rt)
{
    if (rt)
        rt->world->free(rt);
}

// ---- run and stop

static int first_main(void *arg)
{
    struct rt *rt = arg;

    rt->first_result = rt->first(rt->first_arg);
    if (rt->first_result < 0)
        rt_stop(rt);
    return 0;
}

static void start_first(void *arg)
{
    struct rt *rt = arg;

    CHECK(rt_spawn(first_main, rt, "first", NULL) == 0);
}

int rt_run(struct rt *rt, int (*first)(void *arg), void *arg)
{
    int r;

    rt->first = first;
    rt->first_arg = arg;
    rt->first_result = 0;
    rt_post(rt->loops[0], start_first, rt);
    r = rt->world->run(rt);
    if (r < 0)
        return r;
    return rt->first_result < 0 ? rt->first_result : 0;
}

static void stop_loop(void *arg)
{
    struct rt_loop *loop = arg;

    if (loop->stopping)
        return;
    loop->stopping = true;
    rt_sessions_stop(loop);
    rt_tasks_cancel(loop);
}

void rt_stop(struct rt *rt)
{
    if (atomic_exchange(&rt->stopping, true))
        return;
    for (unsigned i = 0; i < rt->loop_count; i++)
        rt_post(rt->loops[i], stop_loop, rt->loops[i]);
}

// ---- drain

static void on_grace(struct rt_timer *timer, uint64_t now_us)
{
    struct rt_loop *loop = LIST_OF(timer, struct rt_loop, grace);

    (void)now_us;
    rt_sessions_cancel(loop);
}

static void drain_loop(void *arg)
{
    struct rt_loop *loop = arg;

    loop->grace.fire = on_grace;
    rt_timer_set(&loop->timers, &loop->grace, rt_now_us() + (uint64_t)loop->rt->grace_ms * 1000);
    rt_sessions_drain(loop);
    if (atomic_load(&loop->rt->sessions) == 0)
        rt_stop(loop->rt);
}

void rt_drain(struct rt *rt, uint32_t grace_ms)
{
    if (atomic_exchange(&rt->draining, true))
        return;
    rt->grace_ms = grace_ms;
    for (unsigned i = 0; i < rt->loop_count; i++)
        rt_post(rt->loops[i], drain_loop, rt->loops[i]);
}

bool rt_is_draining(const struct rt *rt)
{
    return atomic_load(&rt->draining);
}

void rt_session_left(struct rt *rt)
{
    if (atomic_fetch_sub(&rt->sessions, 1) == 1 && atomic_load(&rt->draining))
        rt_stop(rt);
}

// ---- doors to the world

int rt_on_signal(struct rt *rt, int signal, int (*fn)(void *arg), void *arg)
{
    return rt->world->on_signal(rt, signal, fn, arg);
}

int rt_listen(struct rt *rt, const struct rt_listen *what, uint16_t *out_port)
{
    struct rt_listener *listener = calloc(1, sizeof(*listener));
    int r;

    CHECK(listener);
    listener->what = *what;
    listener->address = strdup(what->address);
    CHECK(listener->address);
    listener->what.address = listener->address;
    listener->node = rt_node_here(rt->loops[0]);
    r = rt->world->listen(rt, listener, out_port);
    if (r < 0) {
        free(listener->address);
        free(listener);
        return r;
    }
    pthread_mutex_lock(&rt->lock);
    list_put_last(&rt->listeners, &listener->link);
    pthread_mutex_unlock(&rt->lock);
    return 0;
}

struct rt *rt_here(void)
{
    CHECK(rt_self.rt);
    return rt_self.rt;
}

struct rt_loop *rt_loop_here(void)
{
    CHECK(rt_self.loop);
    return rt_self.loop;
}

unsigned rt_loop_count(const struct rt *rt)
{
    return rt->loop_count;
}

struct rt_loop *rt_loop_at(struct rt *rt, unsigned index)
{
    CHECK(index < rt->loop_count);
    return rt->loops[index];
}

// Where no runtime runs (a command-line tool), the world is the real one.
static const struct rt_world *world_here(void)
{
    return rt_self.rt ? rt_self.rt->world : &rt_world_os;
}

uint64_t rt_now_us(void)
{
    return world_here()->now_us(rt_self.rt);
}

int64_t rt_wall_us(void)
{
    return world_here()->wall_us(rt_self.rt);
}

void rt_random_bytes(void *to, size_t len)
{
    world_here()->random_bytes(rt_self.rt, to, len);
}

uint64_t rt_random(void)
{
    uint64_t value;

    rt_random_bytes(&value, sizeof(value));
    return value;
}

// ---- what is going on

static void dump_loop(void *arg)
{
    struct rt_loop *loop = arg;
    uint64_t now_us = rt_now_us();
    struct log_line l;

    log_begin(&l, LOG_INFO, "rt", "loop");
    log_u64(&l, "loop", loop->index);
    log_u64(&l, "tasks", loop->task_count);
    log_u64(&l, "spare", loop->spare_count);
    log_u64(&l, "handshakes", loop->handshakes);
    log_u64(&l, "sessions_of_all_loops", atomic_load(&loop->rt->sessions));
    log_end(&l);
    LIST_EACH (&loop->tasks, it) {
        const struct rt_task *task = LIST_OF(it, struct rt_task, alive);

        log_begin(&l, LOG_INFO, "rt", "task");
        log_u64(&l, "loop", loop->index);
        log_text(&l, "name", task->name);
        log_u64(&l, "age_ms", (now_us - task->begun_us) / 1000);
        log_text(&l, "waits_for", task->done ? "join" : task->waits_for ? task->waits_for : "");
        if (task->conn)
            log_u64(&l, "conn", task->conn->id);
        log_end(&l);
    }
}

void rt_dump(struct rt *rt)
{
    for (unsigned i = 0; i < rt->loop_count; i++)
        rt_post(rt->loops[i], dump_loop, rt->loops[i]);
}
