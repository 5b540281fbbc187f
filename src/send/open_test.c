// SPDX-License-Identifier: ISC
//
// A host of several addresses, of which the first answers the telephone and nothing else.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/sim.h"
#include "send/send.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const ADDRESSES[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};

static const struct row {
    const char *sick[3]; // greetings; "": hangs up; NULL: well
    const char *address; // whose session it is; NULL: none
    unsigned connections;
} ROWS[] = {
    {{NULL, NULL, NULL}, "192.0.2.1", 1},
    {{"", NULL, NULL}, "192.0.2.2", 2},
    {{"421 4.3.2 busy", NULL, NULL}, "192.0.2.2", 2},
    {{"554 5.3.2 not here", NULL, NULL}, "192.0.2.2", 2},
    {{"SSH-2.0-OpenSSH", NULL, NULL}, "192.0.2.2", 2},
    {{"", "", NULL}, NULL, 2}, // the third is for another attempt, at the next host
};

struct world {
    struct rt *rt;
    const struct row *row;
    unsigned connections;
};

static int on_open(void *session, struct rt_conn *conn)
{
    struct world *w = rt_conn_context(conn);
    const char *sick = NULL;

    (void)session;
    w->connections++;
    for (size_t i = 0; i < 3; i++)
        if (str_eq(rt_conn_local(conn), str_from(ADDRESSES[i])))
            sick = w->row->sick[i];
    if (sick && !sick[0])
        return RT_CLOSE;
    rt_putf(conn, "%s\r\n", sick ? sick : "220 far");
    return RT_NEXT;
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct str line;

    (void)session;
    if (rt_line(conn, 1000, &line) < 0 || str_eq(line, STR("QUIT")))
        return RT_CLOSE;
    rt_putf(conn, "250 far\r\n");
    return RT_NEXT;
}

static void on_close(void *session)
{
    (void)session;
}

static const struct rt_protocol FAR = {
    .name = "far", .session_size = 1, .open = on_open, .command = on_command, .close = on_close};

static int play(void *arg)
{
    static const struct send_config CONFIG = {30000, 60000, 60000, 60000, 60000, 60000};
    CLEANUP(arena_done) struct arena arena = {0};
    struct world *w = arg;
    struct send_server server = {.config = &CONFIG,
                                 .addresses = ADDRESSES,
                                 .address_count = 3,
                                 .port = 25,
                                 .name = "far.test",
                                 .helo = STR("near.test")};
    struct send_session *session;
    struct send_peer peer = {0};
    struct outcome o;

    arena_init(&arena, 1 << 20);
    o = send_open(&server, &arena, &session, NULL);
    if (session)
        send_peer(session, &peer);
    if (!w->row->address)
        CHECK(!session && o.verdict == LATER);
    else
        CHECK(session && o.verdict == DONE && strcmp(peer.address, w->row->address) == 0);
    CHECK(w->connections == w->row->connections);
    send_close(session);
    rt_stop(w->rt);
    return 0;
}

static void another_address_is_tried(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct world w = {.row = &ROWS[i]};
        struct rt_listen what = {.address = "0.0.0.0", .port = 25, .protocol = &FAR, .context = &w};

        assert_int_equal(rt_sim_new(i + 1, &rt_sim_calm, &w.rt), 0);
        assert_int_equal(rt_listen(w.rt, &what, NULL), 0);
        assert_int_equal(rt_run(w.rt, play, &w), 0);
        rt_free(w.rt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_address_is_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
