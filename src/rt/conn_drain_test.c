// SPDX-License-Identifier: ISC
//
// How sessions end that do not end by themselves: deadlines of a command, drain, stop.
#include "base/check.h"
#include "rt/conn_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_has_a_deadline),
        cmocka_unit_test(drain_says_good_bye),
        cmocka_unit_test(stop_closes_the_parked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
