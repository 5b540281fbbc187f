// SPDX-License-Identifier: ISC
//
// Connections in the real world, with a small line protocol on them: lines of every kind, parking,
// notices, deadlines, drain.
#include "base/check.h"

#include "rt/conn.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE_MAX_BYTES = 1000 };

// What the server saw; what a test wants to know of it.
struct world {
    struct rt *rt;
    uint16_t port;
    char path[64]; // of a unix socket, or ""
    _Atomic int opened, closed, admitted, left;
    _Atomic int idle_wakes;
    struct rt_handle handle; // of the last session that said "handle"
};

struct session {
    struct rt_conn *conn;
    struct world *world;
};

// ---- the server: says what it reads

static int on_open(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;

    s->conn = conn;
    s->world = rt_conn_context(conn);
    atomic_fetch_add(&s->world->opened, 1);
    return rt_put(conn, STR("hello\r\n")) < 0 ? -EIO : RT_NEXT;
}

static int slow_command(struct session *s)
{
    rt_put(s->conn, STR("slow\r\n"));
    rt_flush(s->conn);
    if (rt_sleep(3600 * 1000) < 0)
        rt_put(s->conn, STR("too slow\r\n"));
    return RT_CLOSE;
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;
    struct str line;
    int r = rt_line(conn, LINE_MAX_BYTES, &line);

    if (r < 0)
        return r;
    if (r == RT_LINE_TOO_LONG)
        rt_putf(conn, "long %zu\r\n", line.len);
    else if (str_eq(line, STR("quit")))
        return rt_put(conn, STR("bye\r\n")) < 0 ? -EIO : RT_CLOSE;
    else if (str_eq(line, STR("handle")))
        s->world->handle = rt_conn_handle(conn);
    else if (str_eq(line, STR("slow")))
        return slow_command(s);
    if (str_eq(line, STR("idle")))
        rt_conn_set_idle_ms(conn, 5);
    rt_putf(conn, "%s %.*s\r\n", r == RT_BARE_LF ? "bare" : "line", STR_ARG(str_head(line, 20)));
    return RT_NEXT;
}

static int on_wake(void *arg, struct rt_conn *conn, unsigned why)
{
    struct session *s = arg;

    if (why & RT_WAKE_NOTIFY)
        rt_put(conn, STR("notified\r\n"));
    if (why & RT_WAKE_IDLE) {
        atomic_fetch_add(&s->world->idle_wakes, 1);
        rt_put(conn, STR("sleepy\r\n"));
    }
    if (why & RT_WAKE_SHUTDOWN)
        rt_put(conn, STR("going down\r\n"));
    return why & (RT_WAKE_IDLE | RT_WAKE_SHUTDOWN) ? RT_CLOSE : RT_NEXT;
}

static void on_close(void *arg)
{
    struct session *s = arg;

    atomic_fetch_add(&s->world->closed, 1);
}

static bool on_admit(void *context, struct str peer, struct str *refusal)
{
    struct world *w = context;

    CHECK(peer.len > 0);
    if (atomic_fetch_add(&w->admitted, 1) >= 3000) {
        *refusal = STR("no more\r\n");
        return false;
    }
    return true;
}

static void on_left(void *context, struct str peer)
{
    struct world *w = context;

    CHECK(peer.len > 0);
    atomic_fetch_add(&w->left, 1);
}

static const struct rt_protocol talk = {
    .name = "talk",
    .session_size = sizeof(struct session),
    .open = on_open,
    .command = on_command,
    .wake = on_wake,
    .close = on_close,
    .idle_ms = 60000,
    .command_ms = 60000,
};

// ---- the frame of a test

static void run_world(struct world *w, unsigned loops, int (*first)(void *arg))
{
    struct rt_config config = {.loops = loops};
    struct rt_listen listen = {.address = *w->path ? w->path : "127.0.0.1",
                               .protocol = &talk,
                               .context = w,
                               .gate = w,
                               .admit = on_admit,
                               .left = on_left};

    assert_int_equal(rt_new(&config, &w->rt), 0);
    assert_int_equal(rt_listen(w->rt, &listen, &w->port), 0);
    assert_int_equal(rt_run(w->rt, first, w), 0);
    rt_free(w->rt);
    assert_int_equal(atomic_load(&w->opened), atomic_load(&w->closed));
    assert_int_equal(atomic_load(&w->opened), atomic_load(&w->left));
}

static struct rt_conn *dial(struct world *w)
{
    struct rt_conn *conn;

    CHECK(rt_dial(*w->path ? w->path : "127.0.0.1", w->port, 60000, &conn) == 0);
    return conn;
}

static void say(struct rt_conn *conn, struct str bytes)
{
    CHECK(rt_put(conn, bytes) == 0);
    CHECK(rt_flush(conn) == 0);
}

static void hear(struct rt_conn *conn, struct str expected)
{
    struct str line;

    CHECK(rt_line(conn, LINE_MAX_BYTES, &line) == 0);
    if (!str_eq(line, expected))
        fprintf(stderr, "heard \"%.*s\", not \"%.*s\"\n", STR_ARG(line), STR_ARG(expected));
    CHECK(str_eq(line, expected));
}

static void hear_end(struct rt_conn *conn)
{
    struct str rest;

    CHECK(rt_peek(conn, &rest) == -ECONNRESET);
    rt_hang_up(conn);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
