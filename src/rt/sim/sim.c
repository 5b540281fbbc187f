// SPDX-License-Identifier: ISC
//
// The simulator's clock, chance and scheduler. Every event, be it a delivery, a deadline or a call
// that is due, is a timer of the one loop; between turns the clock jumps to the next.
#include "rt/sim/sim.h"

#include "base/check.h"
#include "log/log.h"
#include "rt/sim/world.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>

#define START_US 1000000u
#define NEW_YEAR_US 1767225600000000 // 2026-01-01
#define YEAR_US (365ull * 24 * 3600 * 1000000)

const struct rt_sim_config rt_sim_calm = {
    .call_max_us = 200,
    .delay_min_us = 50,
    .delay_max_us = 500,
};

const struct rt_sim_config rt_sim_rough = {
    .call_max_us = 50000,
    .delay_min_us = 50,
    .delay_max_us = 100000,
    .window_bytes = 4096,
    .split = 300000,
    .bytewise = 50000,
    .stall = 10000,
    .stall_max_us = 600u * 1000000,
    .reset = 2000,
    .vanish = 1000,
    .refuse = 10000,
    .lose_dial = 10000,
};

static const struct rt_world sim_world;

// ---- chance (splitmix64)

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rt_sim_below(struct sim *sim, uint64_t below)
{
    return below ? draw(&sim->world_state) % below : 0;
}

bool rt_sim_chance(struct sim *sim, uint32_t parts_of_a_million)
{
    return parts_of_a_million && rt_sim_below(sim, RT_SIM_PPM) < parts_of_a_million;
}

static void random_bytes(struct rt *rt, void *to, size_t len)
{
    struct sim *sim = sim_of(rt);
    unsigned char *at = to;

    while (len) {
        uint64_t value = draw(&sim->program_state);
        size_t n = len < sizeof(value) ? len : sizeof(value);

        memcpy(at, &value, n);
        at += n;
        len -= n;
    }
    sim->random_draws++;
}

// ---- the trace

static void mix(struct sim *sim, uint64_t value)
{
    uint64_t state = sim->hash ^ value;

    sim->hash = draw(&state);
}

void rt_sim_trace_bytes(struct sim *sim, const void *bytes, size_t len)
{
    static const uint64_t seed[2] = {1, 2};

    mix(sim, str_hash(str_of(bytes, len), seed));
}

void rt_sim_trace(struct sim *sim, const char *what, uint64_t id, uint64_t value)
{
    char text[160];
    int len;

    sim->events++;
    rt_sim_trace_bytes(sim, what, strlen(what));
    mix(sim, sim->now_us);
    mix(sim, id);
    mix(sim, value);
    mix(sim, sim->random_draws);
    if (!sim->config.trace)
        return;
    len = snprintf(text, sizeof(text), "%llu.%06llu %s %llu %llu",
                   (unsigned long long)sim->now_us / 1000000,
                   (unsigned long long)sim->now_us % 1000000, what, (unsigned long long)id,
                   (unsigned long long)value);
    sim->config.trace(sim->config.trace_arg, str_of(text, (size_t)len));
}

void rt_sim_note(struct rt *rt, const char *what, uint64_t value)
{
    CHECK(rt_is_sim(rt));
    rt_sim_trace(sim_of(rt), what, 0, value);
}

uint64_t rt_sim_trace_hash(struct rt *rt)
{
    CHECK(rt_is_sim(rt));
    return sim_of(rt)->hash;
}

bool rt_is_sim(const struct rt *rt)
{
    return rt->world == &sim_world;
}

// ---- OpenSSL's randomness

static int seeded_bytes(unsigned char *to, int len)
{
    rt_random_bytes(to, (size_t)len);
    return 1;
}

static int seeded_status(void)
{
    return 1;
}

// The one way to give OpenSSL another source without writing a provider; the simulator is no
// place for secrets.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const RAND_METHOD *seed_openssl(void)
{
    static const RAND_METHOD seeded = {
        .bytes = seeded_bytes, .pseudorand = seeded_bytes, .status = seeded_status};
    const RAND_METHOD *before = RAND_get_rand_method();

    RAND_set_rand_method(&seeded);
    return before;
}

static void unseed_openssl(const RAND_METHOD *before)
{
    RAND_set_rand_method(before);
}
#pragma GCC diagnostic pop

// ---- time

static uint64_t now_us(struct rt *rt)
{
    return sim_of(rt)->now_us;
}

static int64_t wall_us(struct rt *rt)
{
    return sim_of(rt)->config.wall_us + (int64_t)sim_of(rt)->now_us;
}

void rt_sim_arm(struct sim *sim, struct rt_timer *timer, uint64_t after_us)
{
    rt_timer_set(&sim->loop.timers, timer, sim->now_us + after_us);
}

struct later {
    struct list link;
    struct rt_timer timer;
    struct sim *sim;
    void (*fn)(void *arg);
    void *arg;
};

static void on_later(struct rt_timer *timer, uint64_t now)
{
    struct later *later = LIST_OF(timer, struct later, timer);

    (void)now;
    list_remove(&later->link);
    rt_sim_trace(later->sim, "call", 0, 0);
    later->fn(later->arg);
    free(later);
}

static void run_later(struct rt *rt, void (*fn)(void *arg), void *arg)
{
    struct sim *sim = sim_of(rt);
    struct later *later = calloc(1, sizeof(*later));

    CHECK(later);
    *later = (struct later){.timer.fire = on_later, .sim = sim, .fn = fn, .arg = arg};
    list_put_last(&sim->laters, &later->link);
    rt_sim_arm(sim, &later->timer, 1 + rt_sim_below(sim, sim->config.call_max_us));
}

// ---- the loop

static int verdict(const struct sim *sim, uint64_t next_us)
{
    if (next_us == RT_NEVER)
        return -EDEADLK;
    if (next_us > sim->config.time_max_us || sim->events > sim->config.events_max)
        return -ETIME;
    return 0;
}

static void report_stuck(struct sim *sim, int r)
{
    struct log_line l;

    log_begin(&l, LOG_WARN, "rt/sim", r == -EDEADLK ? "nothing left to run" : "past the limits");
    log_u64(&l, "events", sim->events);
    log_u64(&l, "virtual_s", sim->now_us / 1000000);
    log_end(&l);
    rt_dump(&sim->base);
    rt_stop(&sim->base);
}

static int run(struct rt *rt)
{
    struct sim *sim = sim_of(rt);
    const RAND_METHOD *method = seed_openssl();
    int result = 0;

    for (;;) {
        uint64_t next_us = rt_loop_turn(&sim->loop);
        int r;

        if (rt_loop_is_finished(&sim->loop))
            break;
        sim->now_us++; // so that no history stands still
        if (next_us == 0)
            next_us = sim->now_us;
        r = verdict(sim, next_us);
        // What cannot be cancelled and is never woken is a bug in the program: do not hang.
        CHECK(r == 0 || result == 0 || next_us != RT_NEVER);
        if (r < 0 && result == 0) {
            result = r;
            report_stuck(sim, r);
        } else if (next_us > sim->now_us) {
            sim->now_us = next_us;
        }
    }
    unseed_openssl(method);
    rt_self = (struct rt_self){0};
    return result;
}

static void poke(struct rt_loop *loop)
{
    (void)loop; // the turn looks into the inbox anyway
}

static int on_signal(struct rt *rt, int signal, int (*fn)(void *arg), void *arg)
{
    (void)rt;
    (void)signal;
    (void)fn;
    (void)arg;
    return 0;
}

// ---- birth and death

static void sim_free(struct rt *rt)
{
    struct sim *sim = sim_of(rt);

    rt_sim_net_done(sim);
    LIST_EACH (&sim->laters, it)
        free(LIST_OF(it, struct later, link));
    rt_loop_done(&sim->loop);
    rt->loops = NULL;
    rt_done(rt);
    free(sim);
}

int rt_sim_new(uint64_t seed, const struct rt_sim_config *config, struct rt **out)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    CHECK(sim);
    sim->config = config ? *config : rt_sim_calm;
    if (!sim->config.wall_us)
        sim->config.wall_us = NEW_YEAR_US;
    if (!sim->config.time_max_us)
        sim->config.time_max_us = YEAR_US;
    if (!sim->config.events_max)
        sim->config.events_max = 100000000;
    if (!sim->config.window_bytes)
        sim->config.window_bytes = 64 * 1024;
    rt_init(&sim->base, &sim_world, &sim->config.rt);
    sim->base.loops = sim->loops;
    sim->base.loop_count = 1;
    sim->loops[0] = &sim->loop;
    rt_loop_init(&sim->loop, &sim->base, 0);
    list_init(&sim->ports);
    list_init(&sim->links);
    list_init(&sim->laters);
    sim->now_us = START_US;
    sim->world_state = seed;
    sim->program_state = seed ^ 0x5851f42d4c957f2du;
    sim->next_port = 20000;
    log_set_clock(rt_wall_us); // the real one outside of simulated tasks
    *out = &sim->base;
    return 0;
}

static const struct rt_world sim_world = {
    .has_threads = false,
    .now_us = now_us,
    .wall_us = wall_us,
    .random_bytes = random_bytes,
    .run = run,
    .free = sim_free,
    .poke = poke,
    .later = run_later,
    .on_signal = on_signal,
    .listen = rt_sim_listen,
    .unlisten = rt_sim_unlisten,
    .dial = rt_sim_dial,
    .dialled = rt_sim_dialled,
    .receive = rt_sim_receive,
    .send = rt_sim_send,
    .poll = rt_sim_poll,
    .shut = rt_sim_shut,
    .close = rt_sim_close,
    .local_name = rt_sim_local_name,
};
