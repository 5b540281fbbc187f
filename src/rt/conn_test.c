// SPDX-License-Identifier: ISC
//
// Connections in the real world: lines of every kind; whom one dials, and from where.
#include "base/check.h"
#include "rt/conn_harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

// ---- lines

static int talk_once(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w);

    hear(conn, STR("hello"));
    say(conn, STR("one\r\ntwo\nthr"));
    hear(conn, STR("line one"));
    hear(conn, STR("bare two"));
    say(conn, STR("ee\r\n\r\n"));
    hear(conn, STR("line three"));
    hear(conn, STR("line "));
    say(conn, STR("quit\r\nnever read\r\n"));
    hear(conn, STR("bye"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void lines_come_and_go(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_once);
    assert_int_equal(atomic_load(&w.opened), 1);
}

static int talk_by_bytes(void *arg)
{
    static const char text[] = "alpha\r\nbeta\n\r\nquit\r\n";
    struct world *w = arg;
    struct rt_conn *conn = dial(w);

    hear(conn, STR("hello"));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        say(conn, str_of(text + i, 1));
        CHECK(rt_sleep(0) == 0);
    }
    hear(conn, STR("line alpha"));
    hear(conn, STR("bare beta"));
    hear(conn, STR("line "));
    hear(conn, STR("bye"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void lines_may_come_byte_by_byte(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_by_bytes);
}

static void say_many(struct rt_conn *conn, char c, size_t count, struct str end)
{
    char *bytes = malloc(count);

    CHECK(bytes);
    memset(bytes, c, count);
    CHECK(rt_put(conn, str_of(bytes, count)) == 0);
    say(conn, end);
    free(bytes);
}

static int talk_long(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w);

    hear(conn, STR("hello"));
    say_many(conn, 'a', LINE_MAX_BYTES, STR("\r\n"));
    hear(conn, STR("line aaaaaaaaaaaaaaaaaaaa"));
    say_many(conn, 'b', LINE_MAX_BYTES + 1, STR("\r\nafter\r\n"));
    hear(conn, STR("long 1000"));
    hear(conn, STR("line after"));
    say_many(conn, 'c', 3 << 20, STR("\nafter\r\n"));
    hear(conn, STR("long 1000"));
    hear(conn, STR("line after"));
    say(conn, STR("quit\r\n"));
    hear(conn, STR("bye"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void long_lines_are_read_away(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_long);
}

static int talk_endless(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w);
    char *bytes = calloc(1, 1 << 20);
    int r = 0;

    for (int i = 0; i < 64 && r >= 0; i++)
        r = rt_put(conn, str_of(bytes, 1 << 20));
    CHECK(r < 0); // given up after 16 MiB
    free(bytes);
    rt_hang_up(conn);
    rt_stop(w->rt);
    return 0;
}

static void an_endless_line_is_given_up(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_endless);
}

static int on_big_command(void *arg, struct rt_conn *conn)
{
    struct str line;
    int r = rt_line(conn, 1 << 20, &line);

    (void)arg;
    if (r < 0)
        return r;
    for (size_t i = 0; i < line.len; i++)
        CHECK(line.ptr[i] == 'x');
    rt_putf(conn, "%zu\r\n", line.len);
    rt_put(conn, line); // as large as it is, past the high-water mark
    return rt_put(conn, STR("\r\n")) < 0 ? -EIO : RT_NEXT;
}

static int open_silently(void *arg, struct rt_conn *conn)
{
    (void)arg;
    (void)conn;
    return RT_NEXT;
}

static const struct rt_protocol big_talk = {
    .name = "big", .session_size = 8, .open = open_silently, .command = on_big_command};

static int talk_big(void *arg)
{
    struct world *w = arg;
    struct rt_listen listen = {.address = "127.0.0.1", .protocol = &big_talk};
    struct rt_conn *conn;
    struct str line;

    CHECK(rt_listen(w->rt, &listen, &w->port) == 0); // while it runs
    conn = dial(w);
    say_many(conn, 'x', 1 << 20, STR("\r\n"));
    hear(conn, STR("1048576"));
    CHECK(rt_line(conn, 1 << 20, &line) == 0 && line.len == 1 << 20);
    rt_hang_up(conn);
    rt_stop(w->rt);
    return 0;
}

static void a_line_may_have_a_megabyte(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_big);
}

// ---- dialling and listening

static int talk_many_loops(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 50; i++) {
        struct rt_conn *conn = dial(w);

        hear(conn, STR("hello"));
        CHECK(str_eq(rt_conn_peer(conn), STR("127.0.0.1")) && rt_conn_peer_port(conn) == w->port);
        say(conn, STR("quit\r\n"));
        hear(conn, STR("bye"));
        hear_end(conn);
    }
    rt_stop(w->rt);
    return 0;
}

static void every_loop_accepts(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 3, talk_many_loops);
    assert_int_equal(atomic_load(&w.opened), 50);
}

static void unix_sockets_work_alike(void **state)
{
    struct world w = {0};

    (void)state;
    snprintf(w.path, sizeof(w.path), "/tmp/rt_conn_test.%ld", (long)getpid());
    run_world(&w, 2, talk_once);
    assert_int_not_equal(access(w.path, F_OK), 0); // taken away at the end
}

static int dial_nobody(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn;

    CHECK(rt_dial("not an address", 25, 1000, &conn) == -EINVAL);
    CHECK(rt_dial("/nonexistent/socket", 0, 1000, &conn) == -ENOENT);
    CHECK(rt_dial("127.0.0.1", 1, 60000, &conn) == -ECONNREFUSED);
    rt_stop(w->rt);
    return 0;
}

static int dial_from_elsewhere(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn;

    for (int i = 1; i <= 3; i++) { // the session tells whom it sees
        char source[16];

        snprintf(source, sizeof(source), "127.0.0.%d", 10 * i);
        CHECK(rt_dial_from(source, "127.0.0.1", w->port, 60000, &conn) == 0);
        hear(conn, STR("hello"));
        say(conn, STR("peer\r\n"));
        hear(conn, str_from(source));
        CHECK(str_eq(rt_conn_local(conn), str_from(source)));
        say(conn, STR("quit\r\n"));
        hear(conn, STR("bye"));
        hear_end(conn);
    }
    CHECK(rt_dial_from("::1", "127.0.0.1", w->port, 1000, &conn) == -EAFNOSUPPORT);
    CHECK(rt_dial_from("192.0.2.1", "127.0.0.1", w->port, 1000, &conn) == -EADDRNOTAVAIL);
    CHECK(rt_dial_from("here", "127.0.0.1", w->port, 1000, &conn) == -EINVAL);
    rt_stop(w->rt);
    return 0;
}

static void the_source_may_be_chosen(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, dial_from_elsewhere);
}

static void dialling_nobody_fails(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, dial_nobody);
}

static void a_port_in_use_is_refused(void **state)
{
    struct rt_config config = {.loops = 2};
    struct rt_listen listen = {.address = "127.0.0.1", .protocol = &talk};
    struct rt *a, *b;
    uint16_t port;

    (void)state;
    assert_int_equal(rt_new(&config, &a), 0);
    assert_int_equal(rt_new(&config, &b), 0);
    assert_int_equal(rt_listen(a, &listen, &port), 0);
    listen.port = port;
    assert_int_equal(rt_listen(b, &listen, &port), -EADDRINUSE);
    listen.address = "localhost";
    assert_int_equal(rt_listen(b, &listen, &port), -EINVAL);
    rt_free(a);
    rt_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_and_go),          cmocka_unit_test(lines_may_come_byte_by_byte),
        cmocka_unit_test(long_lines_are_read_away),   cmocka_unit_test(an_endless_line_is_given_up),
        cmocka_unit_test(a_line_may_have_a_megabyte), cmocka_unit_test(every_loop_accepts),
        cmocka_unit_test(unix_sockets_work_alike),    cmocka_unit_test(the_source_may_be_chosen),
        cmocka_unit_test(dialling_nobody_fails),      cmocka_unit_test(a_port_in_use_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
