// SPDX-License-Identifier: ISC
#include "rt/conn_harness.h"

#include "base/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- the server: says what it reads

int on_open(void *arg, struct rt_conn *conn)
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
        return rt_putf(conn, "long %zu\r\n", line.len) < 0 ? -EIO : RT_NEXT;
    if (str_eq(line, STR("quit")))
        return rt_put(conn, STR("bye\r\n")) < 0 ? -EIO : RT_CLOSE;
    else if (str_eq(line, STR("handle")))
        s->world->handle = rt_conn_handle(conn);
    else if (str_eq(line, STR("slow")))
        return slow_command(s);
    if (str_eq(line, STR("notify"))) {
        rt_notify(s->world->rt, rt_conn_handle(conn));
        CHECK(rt_sleep(1) == 0); // so that it arrives while we run
    }
    if (str_eq(line, STR("peer"))) {
        rt_put(conn, rt_conn_peer(conn));
        return rt_put(conn, STR("\r\n")) < 0 ? -EIO : RT_NEXT;
    }
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

void on_close(void *arg)
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

void on_left(void *context, struct str peer)
{
    struct world *w = context;

    CHECK(peer.len > 0);
    atomic_fetch_add(&w->left, 1);
}

const struct rt_protocol talk = {
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

void run_limited(struct world *w, struct rt_config config, int (*first)(void *arg))
{
    struct rt_listen listen = {.address = *w->path ? w->path : "127.0.0.1",
                               .protocol = &talk,
                               .context = w,
                               .gate = w,
                               .admit = on_admit,
                               .left = on_left};

    assert_int_equal(rt_new(&config, &w->rt), 0);
    assert_int_equal(rt_listen(w->rt, &listen, &w->port), 0);
    assert_int_equal(rt_run(w->rt, first, w), 0);
    if (w->thread)
        pthread_join(*w->thread, NULL);
    rt_free(w->rt);
    assert_int_equal(atomic_load(&w->opened), atomic_load(&w->closed));
    assert_int_equal(atomic_load(&w->opened), atomic_load(&w->left));
}

void run_world(struct world *w, unsigned loops, int (*first)(void *arg))
{
    run_limited(w, (struct rt_config){.loops = loops}, first);
}

struct rt_conn *dial(struct world *w)
{
    struct rt_conn *conn;

    CHECK(rt_dial(*w->path ? w->path : "127.0.0.1", w->port, 60000, &conn) == 0);
    return conn;
}

void say(struct rt_conn *conn, struct str bytes)
{
    CHECK(rt_put(conn, bytes) == 0);
    CHECK(rt_flush(conn) == 0);
}

void hear(struct rt_conn *conn, struct str expected)
{
    struct str line;

    CHECK(rt_line(conn, LINE_MAX_BYTES, &line) == 0);
    if (!str_eq(line, expected))
        fprintf(stderr, "heard \"%.*s\", not \"%.*s\"\n", STR_ARG(line), STR_ARG(expected));
    CHECK(str_eq(line, expected));
}

void hear_end(struct rt_conn *conn)
{
    struct str rest;

    CHECK(rt_peek(conn, &rest) == -ECONNRESET);
    rt_hang_up(conn);
}
