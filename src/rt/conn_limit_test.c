// SPDX-License-Identifier: ISC
//
// When there is not enough for all: connections, tasks, files; peers who are not wanted.
#include "base/check.h"
#include "rt/conn_harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

// ---- limits

enum { CROWD = 12 };

static int come_in_turns(void *arg)
{
    struct rt_conn *conns[CROWD];
    struct world *w = arg;

    for (int i = 0; i < CROWD; i++)
        conns[i] = dial(w); // the kernel takes them, the runtime not all
    for (int i = 0; i < CROWD; i++) {
        hear(conns[i], STR("hello"));
        CHECK(atomic_load(&w->opened) - atomic_load(&w->closed) <= 5);
        say(conns[i], STR("quit\r\n"));
        hear(conns[i], STR("bye"));
        hear_end(conns[i]);
    }
    rt_stop(w->rt);
    return 0;
}

static void connections_have_a_limit(void **state)
{
    struct world w = {0};

    (void)state;
    run_limited(&w, (struct rt_config){.loops = 1, .connections_max = 5}, come_in_turns);
    assert_int_equal(atomic_load(&w.opened), CROWD);
}

static int talk_half(void *arg)
{
    struct rt_conn *conns[CROWD];
    struct world *w = arg;

    for (int i = 0; i < CROWD; i++)
        conns[i] = dial(w);
    for (int i = 0; i < CROWD; i++)
        hear(conns[i], STR("hello"));
    for (int i = 0; i < CROWD; i++)
        say(conns[i], STR("ha")); // each would like to keep a task
    for (int i = 0; i < CROWD; i++)
        say(conns[i], STR("lf\r\n"));
    for (int i = 0; i < CROWD; i++)
        hear(conns[i], STR("line half"));
    rt_notify(w->rt, w->handle);
    for (int i = 0; i < CROWD; i++)
        rt_hang_up(conns[i]);
    rt_stop(w->rt);
    return 0;
}

static void sessions_wait_for_a_task(void **state)
{
    struct world w = {0};

    (void)state;
    run_limited(&w, (struct rt_config){.loops = 1, .tasks_max = 3}, talk_half);
    assert_int_equal(atomic_load(&w.opened), CROWD);
}

enum { FILES = 64 };

static int use_up_files(void *arg)
{
    struct rt_conn *conns[FILES];
    struct world *w = arg;
    int count = 0, r;

    while (count < FILES && (r = rt_dial("127.0.0.1", w->port, 60000, &conns[count])) == 0)
        count++;
    CHECK(count < FILES && r == -EMFILE);
    while (count > 4) // whether accepted already or not
        rt_hang_up(conns[--count]);
    while (count > 0) {
        hear(conns[--count], STR("hello")); // accepting goes on
        rt_hang_up(conns[count]);
    }
    rt_stop(w->rt);
    return 0;
}

static void accepting_survives_a_lack_of_files(void **state)
{
    struct world w = {0};
    struct rlimit before, few;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = FILES;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    run_world(&w, 1, use_up_files);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static int be_refused(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn;

    atomic_store(&w->admitted, 3000);
    conn = dial(w);
    hear(conn, STR("no more"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void a_peer_may_be_refused(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, be_refused);
    assert_int_equal(atomic_load(&w.opened), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_have_a_limit),
        cmocka_unit_test(sessions_wait_for_a_task),
        cmocka_unit_test(accepting_survives_a_lack_of_files),
        cmocka_unit_test(a_peer_may_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
