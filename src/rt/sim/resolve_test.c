// SPDX-License-Identifier: ISC
//
// The simulated domain name system: answers and marks, failures by the seed, and the same history
// for the same seed.
#include "base/check.h"
#include "rt/sim/resolve.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include <cmocka.h>

// In a task, from whose stack cmocka cannot leave.
#define FAIL(...)                                                                                  \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        _exit(1);                                                                                  \
    } while (0)

static const char *const zone[] = {
    "; a world of its own",
    "",
    "example.org. MX 10 mx.example.org.",
    "example.org. secure",
    "mx.example.org. A 192.0.2.1",
    "mx.example.org. A 192.0.2.2",
    "sub.example.org. plain",
    "a.sub.example.org A 192.0.2.3",
    "alias.example.org. CNAME mx.example.org.",
    "far.example.org. CNAME mx.plain.test.",
    "mx.plain.test A 192.0.2.4",
    "liar.test bogus",
    "liar.test MX 10 mx.liar.test.",
    "via-liar.test CNAME liar.test",
    "fails.test servfail",
    "silent.test timeout",
    "loop1.test CNAME loop2.test",
    "loop2.test CNAME loop1.test",
    NULL,
};
static const char *const later[] = {"example.org. MX 10 other.example.org.", NULL};

struct world {
    struct rt *rt;
    struct rt_resolver *resolver;
    int statuses[5];
};

static int ask_table(void *arg)
{
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        bool is_secure;
        const char *canonical;
        size_t count;
    } ROWS[] = {
        {"example.org", DNS_MX, DNS_FOUND, true, "example.org", 1},
        {"Example.ORG.", DNS_MX, DNS_FOUND, true, "example.org", 1},
        {"mx.example.org", DNS_A, DNS_FOUND, true, "mx.example.org", 2},
        {"mx.example.org", DNS_AAAA, DNS_NO_DATA, true, "mx.example.org", 0},
        {"no.example.org", DNS_A, DNS_NO_NAME, true, "no.example.org", 0},
        {"a.sub.example.org", DNS_A, DNS_FOUND, false, "a.sub.example.org", 1},
        {"sub.example.org", DNS_A, DNS_NO_DATA, false, "sub.example.org", 0},
        {"b.sub.example.org", DNS_A, DNS_NO_NAME, false, "b.sub.example.org", 0},
        {"alias.example.org", DNS_A, DNS_FOUND, true, "mx.example.org", 2},
        {"alias.example.org", DNS_CNAME, DNS_FOUND, true, "alias.example.org", 1},
        {"far.example.org", DNS_A, DNS_FOUND, false, "mx.plain.test", 1},
        {"liar.test", DNS_MX, DNS_BOGUS, false, "liar.test", 0},
        {"x.liar.test", DNS_MX, DNS_BOGUS, false, "x.liar.test", 0},
        {"via-liar.test", DNS_MX, DNS_BOGUS, false, "liar.test", 0},
        {"fails.test", DNS_MX, DNS_FAILED, false, "fails.test", 0},
        {"silent.test", DNS_MX, DNS_FAILED, false, "silent.test", 0},
        {"loop1.test", DNS_A, DNS_FAILED, false, "loop1.test", 0},
        {"nexample.org", DNS_A, DNS_NO_NAME, false, "nexample.org", 0},
    };
    struct world *w = arg;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct dns_answer a;
        int r = rt_resolve(w->resolver, str_from(ROWS[i].name), ROWS[i].type, &arena, &a);

        if (r != 0 || a.status != ROWS[i].status || a.is_secure != ROWS[i].is_secure ||
            a.count != ROWS[i].count || !str_eq(a.canonical, str_from(ROWS[i].canonical)))
            FAIL("%s: %d, status %d, secure %d, count %zu, canonical %.*s", ROWS[i].name, r,
                 (int)a.status, a.is_secure, a.count, STR_ARG(a.canonical));
    }
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static void start(struct world *w, uint64_t seed, const struct rt_sim_resolver_config *config)
{
    assert_int_equal(rt_sim_new(seed, &rt_sim_calm, &w->rt), 0);
    assert_int_equal(rt_sim_resolver_new(w->rt, config, &w->resolver), 0);
}

static void end(struct world *w)
{
    rt_resolver_free(w->resolver);
    rt_free(w->rt);
}

static void zones_answer(void **state)
{
    struct rt_sim_resolver_config config = {.lines = zone};
    struct world w = {0};
    (void)state;

    start(&w, 1, &config);
    assert_int_equal(rt_run(w.rt, ask_table, &w), 0);
    end(&w);
}

static int ask_in_time(void *arg)
{
    struct world *w = arg;
    struct rt_scope scope;
    struct dns_answer answer;
    struct arena arena;
    uint64_t begun_us = rt_now_us();

    arena_init(&arena, 1 << 20);
    rt_within(&scope, 5000);
    CHECK(rt_resolve(w->resolver, STR("silent.test"), DNS_A, &arena, &answer) == -ETIMEDOUT);
    rt_within_end(&scope);
    assert_in_range(rt_now_us() - begun_us, 5000000, 5100000);
    CHECK(rt_resolve(w->resolver, STR("silent.test"), DNS_A, &arena, &answer) == 0);
    assert_in_range(rt_now_us() - begun_us, 25000000, 25200000);
    rt_sim_resolver_change(w->resolver, later);
    CHECK(rt_resolve(w->resolver, STR("example.org"), DNS_MX, &arena, &answer) == 0);
    CHECK(str_eq(answer.records[0].name, STR("other.example.org")) && !answer.is_secure);
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static void silence_ends(void **state)
{
    struct rt_sim_resolver_config config = {.lines = zone};
    struct world w = {0};
    (void)state;

    start(&w, 1, &config);
    assert_int_equal(rt_run(w.rt, ask_in_time, &w), 0);
    end(&w);
}

static int ask_often(void *arg)
{
    struct world *w = arg;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 300; i++) {
        struct dns_answer answer;
        bool is_secure = i % 2;

        CHECK(rt_resolve(w->resolver, is_secure ? STR("mx.example.org") : STR("mx.plain.test"),
                         DNS_A, &arena, &answer) == 0);
        w->statuses[answer.status]++;
        CHECK(answer.status == DNS_FOUND || answer.count == 0);
        CHECK(!(is_secure && answer.status == DNS_NO_DATA)); // signed, nobody can say that
        CHECK(!(!is_secure && answer.status == DNS_BOGUS));
        arena_reset(&arena);
    }
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static uint64_t play(uint64_t seed, struct world *w)
{
    struct rt_sim_resolver_config config = {.lines = zone,
                                            .failed = 100000,
                                            .silent = 50000,
                                            .empty = 100000,
                                            .bogus = 100000,
                                            .slow = 100000,
                                            .slow_max_us = 40000000};
    uint64_t hash;

    *w = (struct world){0};
    start(w, seed, &config);
    assert_int_equal(rt_run(w->rt, ask_often, w), 0);
    hash = rt_sim_trace_hash(w->rt);
    end(w);
    return hash;
}

static void one_seed_one_history(void **state)
{
    struct world w;
    uint64_t hash = play(7, &w);
    (void)state;

    for (int i = 0; i < 5; i++) // each kind but "no such name" came
        assert_true(i == DNS_NO_NAME || w.statuses[i] > 0);
    assert_true(play(7, &w) == hash);
    assert_true(play(8, &w) != hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_answer),
        cmocka_unit_test(silence_ends),
        cmocka_unit_test(one_seed_one_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
