// SPDX-License-Identifier: ISC
//
// Sessions between two commands: parked by the thousand, woken by silence and by notices from any
// thread.
#include "base/check.h"
#include "rt/conn_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

// ---- parking

enum { PARKED = 2000 };

static int park_many(void *arg)
{
    static struct rt_conn *conns[PARKED];
    struct world *w = arg;

    for (int i = 0; i < PARKED; i++)
        conns[i] = dial(w);
    for (int i = 0; i < PARKED; i++)
        hear(conns[i], STR("hello"));
    for (int i = PARKED; i-- > 0;)
        say(conns[i], STR("x\r\n"));
    for (int i = 0; i < PARKED; i++) {
        hear(conns[i], STR("line x"));
        rt_hang_up(conns[i]);
    }
    rt_stop(w->rt);
    return 0;
}

static void many_sessions_are_parked(void **state)
{
    struct world w = {0};
    struct rlimit files;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    run_world(&w, 2, park_many);
    assert_int_equal(atomic_load(&w.opened), PARKED);
}

static int grow_sleepy(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w);

    hear(conn, STR("hello"));
    say(conn, STR("idle\r\n"));
    hear(conn, STR("line idle"));
    hear(conn, STR("sleepy"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void a_silent_session_is_woken(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, grow_sleepy);
    assert_int_equal(atomic_load(&w.idle_wakes), 1);
}

static void *notify_thread(void *arg)
{
    struct world *w = arg;

    rt_notify(w->rt, w->handle);
    return NULL;
}

static void notify_from_thread(struct world *w)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, notify_thread, w) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static int notify(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w), *younger;
    struct rt_handle stale;

    hear(conn, STR("hello"));
    say(conn, STR("handle\r\n"));
    hear(conn, STR("line handle"));
    for (int i = 0; i < 20; i++) {
        notify_from_thread(w);
        hear(conn, STR("notified"));
    }
    say(conn, STR("notify\r\n"));
    hear(conn, STR("line notify"));
    hear(conn, STR("notified")); // when it parked
    say(conn, STR("quit\r\n"));
    hear(conn, STR("bye"));
    hear_end(conn);
    while (atomic_load(&w->left) < atomic_load(&w->admitted)) // it lingers until we have hung up
        CHECK(rt_sleep(1) == 0);

    // One end of the next connection sits in the same slot, and is none of the old handle's
    // business.
    stale = w->handle;
    younger = dial(w);
    hear(younger, STR("hello"));
    say(younger, STR("handle\r\n"));
    hear(younger, STR("line handle"));
    CHECK(w->handle.slot != stale.slot || w->handle.generation != stale.generation);
    rt_notify(w->rt, stale);
    rt_notify(w->rt, (struct rt_handle){77, 0, 1});
    rt_notify(w->rt, (struct rt_handle){0, 1u << 30, 1});
    for (int i = 0; i < 3; i++) { // and nothing in between
        say(younger, STR("x\r\n"));
        hear(younger, STR("line x"));
    }
    rt_hang_up(younger);
    rt_stop(w->rt);
    return 0;
}

static void notices_come_from_any_thread(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, notify);
}

static _Atomic bool hammer_ends;

// Guesses handles, alive and dead.
static void *hammer_thread(void *arg)
{
    struct world *w = arg;

    for (uint64_t i = 0; !atomic_load(&hammer_ends); i++)
        rt_notify(w->rt, (struct rt_handle){i % 2, (uint32_t)(i / 2 % 8), 1 + i / 16 % 40});
    return NULL;
}

static int come_and_go(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 100; i++) {
        struct rt_conn *conn = dial(w);
        struct str line;

        say(conn, STR("quit\r\n"));
        do // however often it is notified in between
            CHECK(rt_line(conn, LINE_MAX_BYTES, &line) == 0);
        while (!str_eq(line, STR("bye")));
        rt_hang_up(conn);
    }
    return 0;
}

static int notify_while_closing(void *arg)
{
    struct rt_task *tasks[4];
    struct world *w = arg;

    CHECK(pthread_create(w->thread, NULL, hammer_thread, w) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(rt_spawn(come_and_go, w, "come and go", &tasks[i]) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(rt_join(tasks[i]) == 0);
    atomic_store(&hammer_ends, true);
    rt_stop(w->rt);
    return 0;
}

static void notices_may_miss_those_that_close(void **state)
{
    pthread_t hammer;
    struct world w = {.thread = &hammer};

    (void)state;
    run_world(&w, 2, notify_while_closing);
    assert_int_equal(atomic_load(&w.opened), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_sessions_are_parked),
        cmocka_unit_test(a_silent_session_is_woken),
        cmocka_unit_test(notices_come_from_any_thread),
        cmocka_unit_test(notices_may_miss_those_that_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
