// SPDX-License-Identifier: ISC
//
// Questions to a name server of the test's own: every kind of answer, time that runs out, tasks
// that give up, more questions than may be open.
#include "base/check.h"
#include "rt/dns_server_for_test.h"
#include "rt/resolve.h"

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

enum { ARENA = 1 << 20, CROWD = 1500 };

struct world {
    struct rt *rt;
    struct dns_server server;
    struct rt_resolver *resolver;
    struct str asked_name;
    int done, given_up;
};

static const char *const zone[] = {
    "example.test MX 10 MX1.Example.test.",
    "example.test MX 20 mx2.example.test.",
    "example.test TXT \"v=spf1 \" \"-all\"",
    "mx1.example.test A 192.0.2.1",
    "mx1.example.test A 192.0.2.2",
    "mx1.example.test AAAA 2001:db8::1",
    "null.test MX 0 .",
    "alias.test CNAME example.test.",
    "far.test CNAME nowhere.test.",
    "_25._tcp.mx1.example.test TLSA 3 1 1 "
    "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
    "fails.test servfail",
    "silent.test silent",
    "held.test hold",
    "held.test A 192.0.2.7",
    NULL,
};

/// Runs `first` as a task with a resolver that asks our server.
static void with_resolver(int (*first)(void *arg), struct world *w, const char *const *lines,
                          uint32_t timeout_ms)
{
    const char *forward[] = {w->server.address};
    struct rt_resolver_config config = {
        .forward = forward, .forward_count = 1, .trust_anchor = "", .timeout_ms = timeout_ms};
    struct rt_config rt_config = {.loops = 2, .tasks_max = 4 * CROWD};
    CLEANUP(buf_drop) struct buf why = {0};

    buf_init(&why, 4096);
    dns_server_start(&w->server, lines);
    assert_int_equal(rt_new(&rt_config, &w->rt), 0);
    if (rt_resolver_new(w->rt, &config, &w->resolver, &why) < 0)
        fail_msg("%s", buf_cstr(&why));
    assert_int_equal(rt_run(w->rt, first, w), 0);
    rt_resolver_free(w->resolver);
    rt_free(w->rt);
    dns_server_stop(&w->server);
}

static void check_row(struct world *w, struct arena *arena, const char *name, enum dns_type type,
                      enum dns_status status, const char *canonical, const char *texts)
{
    CLEANUP(buf_drop) struct buf got = {0};
    struct dns_answer answer;
    int r = rt_resolve(w->resolver, str_from(name), type, arena, &answer);

    buf_init(&got, 4096);
    for (size_t i = 0; i < answer.count; i++)
        buf_putf(&got, "%s%.*s", i ? ", " : "", STR_ARG(answer.records[i].text));
    if (r != 0 || answer.status != status || !str_eq(answer.canonical, str_from(canonical)) ||
        !str_eq(buf_str(&got), str_from(texts)) || answer.is_secure)
        FAIL("%s %s: %d, status %d, canonical %.*s, why %.*s: %s", name, dns_type_name(type), r,
             (int)answer.status, STR_ARG(answer.canonical), STR_ARG(answer.why), buf_cstr(&got));
}

static int ask_table(void *arg)
{
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        const char *canonical, *texts;
    } ROWS[] = {
        {"example.test", DNS_MX, DNS_FOUND, "example.test",
         "10 mx1.example.test, 20 mx2.example.test"},
        {"EXAMPLE.test.", DNS_MX, DNS_FOUND, "example.test",
         "10 mx1.example.test, 20 mx2.example.test"},
        {"example.test", DNS_TXT, DNS_FOUND, "example.test", "\"v=spf1 \" \"-all\""},
        {"mx1.example.test", DNS_A, DNS_FOUND, "mx1.example.test", "192.0.2.1, 192.0.2.2"},
        {"mx1.example.test", DNS_AAAA, DNS_FOUND, "mx1.example.test", "2001:db8::1"},
        {"null.test", DNS_MX, DNS_FOUND, "null.test", "0 ."},
        {"alias.test", DNS_MX, DNS_FOUND, "example.test",
         "10 mx1.example.test, 20 mx2.example.test"},
        {"_25._tcp.mx1.example.test", DNS_TLSA, DNS_FOUND, "_25._tcp.mx1.example.test",
         "3 1 1 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"},
        {"example.test", DNS_A, DNS_NO_DATA, "example.test", ""},
        {"mx2.example.test", DNS_A, DNS_NO_NAME, "mx2.example.test", ""},
        {"far.test", DNS_A, DNS_NO_NAME, "nowhere.test", ""},
        {"fails.test", DNS_MX, DNS_FAILED, "fails.test", ""},
        {"a..b", DNS_MX, DNS_NO_NAME, "", ""},
        {"mx1 .test", DNS_MX, DNS_NO_NAME, "", ""},
    };
    struct world *w = arg;
    struct arena arena;

    arena_init(&arena, ARENA);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
        check_row(w, &arena, ROWS[i].name, ROWS[i].type, ROWS[i].status, ROWS[i].canonical,
                  ROWS[i].texts);
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static void every_kind_of_answer(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(ask_table, &w, zone, 0);
}

static int ask_again(void *arg)
{
    struct world *w = arg;
    struct dns_answer answer;
    struct arena arena;
    int asked;

    arena_init(&arena, ARENA);
    CHECK(rt_resolve(w->resolver, STR("example.test"), DNS_MX, &arena, &answer) == 0);
    CHECK(answer.ttl > 0 && answer.ttl <= 60);
    asked = atomic_load(&w->server.asked);
    CHECK(rt_resolve(w->resolver, STR("example.test"), DNS_MX, &arena, &answer) == 0);
    CHECK(atomic_load(&w->server.asked) == asked);
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static void what_was_asked_is_not_asked_again(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(ask_again, &w, zone, 0);
}

// ---- time and giving up

static int ask_silent(void *arg)
{
    struct world *w = arg;
    struct rt_scope scope;
    struct dns_answer answer;
    struct arena arena;

    arena_init(&arena, ARENA);
    // its own time: an answer, of a kind
    CHECK(rt_resolve(w->resolver, STR("silent.test"), DNS_MX, &arena, &answer) == 0);
    CHECK(answer.status == DNS_FAILED);
    CHECK(answer.why.len > 0);
    // the caller's time
    rt_within(&scope, 20);
    CHECK(rt_resolve(w->resolver, STR("silent.test"), DNS_TXT, &arena, &answer) == -ETIMEDOUT);
    CHECK(answer.status == DNS_FAILED);
    rt_within_end(&scope);
    do // and all goes on (on a slow machine not within its time at once)
        CHECK(rt_resolve(w->resolver, STR("example.test"), DNS_MX, &arena, &answer) == 0);
    while (answer.status == DNS_FAILED);
    CHECK(answer.status == DNS_FOUND);
    arena_done(&arena);
    rt_stop(w->rt);
    return 0;
}

static void a_silent_server_costs_the_time_of_a_question(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(ask_silent, &w, zone, 200);
}

static int ask_held(void *arg)
{
    struct world *w = arg;
    struct dns_answer answer;
    struct arena arena;
    int r;

    arena_init(&arena, ARENA);
    r = rt_resolve(w->resolver, STR("held.test"), DNS_A, &arena, &answer);
    w->given_up += r == -ECANCELED;
    w->done += r == 0 && answer.status == DNS_FOUND;
    arena_done(&arena);
    return 0;
}

/// Half of the tasks give up while the answer is under way; it comes, and the others have it.
static int cancel_some(void *arg)
{
    struct world *w = arg;
    struct rt_task *tasks[40];

    for (int i = 0; i < 40; i++)
        CHECK(rt_spawn(ask_held, w, "asks", &tasks[i]) == 0);
    while (atomic_load(&w->server.asked) == 0)
        rt_sleep(1);
    for (int i = 0; i < 40; i += 2)
        rt_cancel(tasks[i]);
    for (int i = 0; i < 40; i += 2)
        rt_join(tasks[i]);
    CHECK(w->given_up == 20);
    atomic_store(&w->server.holds, false);
    for (int i = 1; i < 40; i += 2)
        rt_join(tasks[i]);
    CHECK(w->done == 20);
    rt_stop(w->rt);
    return 0;
}

static void a_task_may_give_up(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(cancel_some, &w, zone, 0);
}

/// The process ends while answers are under way.
static int leave(void *arg)
{
    struct world *w = arg;
    struct rt_task *tasks[20];

    for (int i = 0; i < 20; i++)
        CHECK(rt_spawn(ask_held, w, "asks", &tasks[i]) == 0);
    while (atomic_load(&w->server.asked) == 0)
        rt_sleep(1);
    for (int i = 0; i < 20; i++)
        rt_cancel(tasks[i]);
    for (int i = 0; i < 20; i++)
        rt_join(tasks[i]);
    rt_stop(w->rt);
    return 0;
}

static void the_end_does_not_wait_for_answers(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(leave, &w, zone, 0);
    assert_int_equal(w.given_up, 20);
}

// ---- a crowd

static int ask_one_of_many(void *arg)
{
    struct world *w = arg;
    struct dns_answer answer;
    struct arena arena;
    char name[32];

    arena_init(&arena, ARENA);
    snprintf(name, sizeof(name), "n%llu.held.test", (unsigned long long)rt_random());
    CHECK(rt_resolve(w->resolver, str_from(name), DNS_A, &arena, &answer) == 0);
    w->done += answer.status == DNS_NO_NAME;
    arena_done(&arena);
    return 0;
}

static int ask_many(void *arg)
{
    struct world *w = arg;
    static struct rt_task *tasks[CROWD];

    for (int i = 0; i < CROWD; i++)
        CHECK(rt_spawn(ask_one_of_many, w, "asks", &tasks[i]) == 0);
    for (int i = 0; i < CROWD; i++)
        rt_join(tasks[i]);
    rt_stop(w->rt);
    return 0;
}

static void a_crowd_waits_its_turn(void **state)
{
    static struct world w;
    (void)state;

    with_resolver(ask_many, &w, zone, 0);
    assert_int_equal(w.done, CROWD);
}

// ---- settings

static void bad_settings_are_told(void **state)
{
    static const char *const nonsense[] = {"mail.example.test"};
    static const struct {
        struct rt_resolver_config config;
        const char *word;
    } ROWS[] = {
        {{.forward = nonsense, .forward_count = 1}, "mail.example.test"},
        {{.root = "x@y", .trust_anchor = ""}, "x@y"},
        {{.trust_anchor = "/nowhere/root.key"}, "/nowhere/root.key"},
        {{.trust_anchor = "/etc/passwd"}, "/etc/passwd"}, // readable, and no keys
    };
    struct rt_config config = {.loops = 1};
    struct rt *rt;
    (void)state;

    assert_int_equal(rt_new(&config, &rt), 0);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        CLEANUP(buf_drop) struct buf why = {0};
        struct rt_resolver *resolver = NULL;

        buf_init(&why, 4096);
        assert_true(rt_resolver_new(rt, &ROWS[i].config, &resolver, &why) < 0);
        assert_null(resolver);
        if (str_find_str(buf_str(&why), str_from(ROWS[i].word)) < 0)
            fail_msg("row %zu: %s", i, buf_cstr(&why));
    }
    rt_resolver_free(NULL);
    rt_free(rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_answer),
        cmocka_unit_test(what_was_asked_is_not_asked_again),
        cmocka_unit_test(a_silent_server_costs_the_time_of_a_question),
        cmocka_unit_test(a_task_may_give_up),
        cmocka_unit_test(the_end_does_not_wait_for_answers),
        cmocka_unit_test(a_crowd_waits_its_turn),
        cmocka_unit_test(bad_settings_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
