// SPDX-License-Identifier: ISC
//
// Connections in the real world, with a small line protocol on them: lines of every kind, parking,
// notices, deadlines, drain.
#include "base/check.h"
#include "rt/conn.h"

#include "rt/conn.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
    pthread_t *thread;       // to be joined after rt_run
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

static void run_limited(struct world *w, struct rt_config config, int (*first)(void *arg))
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

static void run_world(struct world *w, unsigned loops, int (*first)(void *arg))
{
    run_limited(w, (struct rt_config){.loops = loops}, first);
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

// ---- deadlines and drain

static int on_short_command(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;
    struct str line;
    int r;

    rt_conn_set_command_ms(conn, 5);
    r = rt_line(conn, 100, &line);
    CHECK(r == -ETIMEDOUT);
    CHECK(rt_line(conn, 100, &line) == -ETIMEDOUT);
    CHECK(rt_put(conn, STR("421 too slow\r\n")) == -ETIMEDOUT);
    atomic_fetch_add(&s->world->idle_wakes, 1);
    return r;
}

static const struct rt_protocol short_talk = {.name = "short",
                                              .session_size = sizeof(struct session),
                                              .open = on_open,
                                              .command = on_short_command,
                                              .close = on_close};

static int be_too_slow(void *arg)
{
    struct world *w = arg;
    struct rt_listen listen = {
        .address = "127.0.0.1", .protocol = &short_talk, .context = w, .gate = w, .left = on_left};
    struct rt_conn *conn;

    CHECK(rt_listen(w->rt, &listen, &w->port) == 0);
    conn = dial(w);
    hear(conn, STR("hello"));
    say(conn, STR("half a li"));
    hear(conn, STR("421 too slow"));
    hear_end(conn);
    rt_stop(w->rt);
    return 0;
}

static void a_command_has_a_deadline(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, be_too_slow);
    assert_int_equal(atomic_load(&w.idle_wakes), 1);
}

// A client with a thread of its own, as draining ends the tasks of the process.
static int plain_dial(struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

static void plain_hear(int fd, struct str expected)
{
    char got[64];

    CHECK(expected.len <= sizeof(got));
    CHECK(recv(fd, got, expected.len, MSG_WAITALL) == (ssize_t)expected.len);
    CHECK(str_eq(str_of(got, expected.len), expected));
}

static void plain_hear_end(int fd)
{
    char c;

    CHECK(recv(fd, &c, 1, 0) == 0);
    close(fd);
}

static void *drain_thread(void *arg)
{
    struct world *w = arg;
    int parked = plain_dial(w), busy = plain_dial(w);

    plain_hear(parked, STR("hello\r\n"));
    plain_hear(busy, STR("hello\r\n"));
    CHECK(send(busy, "slow\r\n", 6, 0) == 6);
    plain_hear(busy, STR("slow\r\n"));
    rt_drain(w->rt, 20);
    CHECK(rt_is_draining(w->rt));
    plain_hear(parked, STR("going down\r\n"));
    plain_hear_end(parked);
    plain_hear(busy, STR("too slow\r\n")); // when the time of grace was over
    plain_hear_end(busy);
    return NULL;
}

static int start_drainer(void *arg)
{
    struct world *w = arg;

    return -pthread_create(w->thread, NULL, drain_thread, w);
}

static void drain_says_good_bye(void **state)
{
    pthread_t drainer;
    struct world w = {.thread = &drainer};

    (void)state;
    run_world(&w, 2, start_drainer); // rt_run ends by itself when all have gone
    assert_int_equal(atomic_load(&w.opened), 2);
}

static int stop_with_parked(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w);

    hear(conn, STR("hello"));
    rt_stop(w->rt);
    rt_hang_up(conn);
    return 0;
}

static void stop_closes_the_parked(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 2, stop_with_parked);
    assert_int_equal(atomic_load(&w.closed), 1);
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
        cmocka_unit_test(lines_come_and_go),
        cmocka_unit_test(lines_may_come_byte_by_byte),
        cmocka_unit_test(long_lines_are_read_away),
        cmocka_unit_test(an_endless_line_is_given_up),
        cmocka_unit_test(a_line_may_have_a_megabyte),
        cmocka_unit_test(every_loop_accepts),
        cmocka_unit_test(unix_sockets_work_alike),
        cmocka_unit_test(the_source_may_be_chosen),
        cmocka_unit_test(dialling_nobody_fails),
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(many_sessions_are_parked),
        cmocka_unit_test(connections_have_a_limit),
        cmocka_unit_test(sessions_wait_for_a_task),
        cmocka_unit_test(accepting_survives_a_lack_of_files),
        cmocka_unit_test(a_silent_session_is_woken),
        cmocka_unit_test(notices_come_from_any_thread),
        cmocka_unit_test(notices_may_miss_those_that_close),
        cmocka_unit_test(a_command_has_a_deadline),
        cmocka_unit_test(drain_says_good_bye),
        cmocka_unit_test(stop_closes_the_parked),
        cmocka_unit_test(a_peer_may_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
