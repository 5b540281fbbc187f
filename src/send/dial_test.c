// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "log/log.h"
#include "rt/sim/sim.h"
#include "send/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { CONNECT_MS = 30000, HEAD_START_US = 250000, SLACK_US = 60000 };

static const char *const ADDRESSES[] = {"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"};

struct world {
    struct rt *rt;
    const char *const *addresses;
    size_t address_count;
    unsigned opened, closed;
    // what came of it
    int result;
    const char *answered;
    uint64_t took_us;
};

static int on_open(void *session, struct rt_conn *conn)
{
    struct world *w = rt_conn_context(conn);

    *(struct world **)session = w;
    w->opened++;
    return RT_NEXT;
}

static int on_command(void *session, struct rt_conn *conn)
{
    (void)session;
    (void)conn;
    return RT_CLOSE;
}

static void on_close(void *session)
{
    (*(struct world **)session)->closed++;
}

static const struct rt_protocol QUIET = {.name = "quiet",
                                         .session_size = sizeof(struct world *),
                                         .open = on_open,
                                         .command = on_command,
                                         .close = on_close};

static int race(void *arg)
{
    static const struct send_config CONFIG = {.connect = CONNECT_MS};
    struct world *w = arg;
    struct send_server server = {.config = &CONFIG, .port = 25};
    struct send_session s = {.server = &server, .address_count = w->address_count};
    uint64_t begun_us = rt_now_us();

    for (size_t i = 0; i < w->address_count; i++)
        s.addresses[i] = w->addresses[i];
    w->result = send_dial(&s);
    w->took_us = rt_now_us() - begun_us;
    w->answered = s.address;
    rt_sleep(1000);
    // the others were called off
    CHECK(w->opened - w->closed == (w->result == 0 ? 1 : 0));
    if (w->result == 0)
        rt_hang_up(s.conn);
    rt_sleep(1000);
    rt_stop(w->rt);
    return 0;
}

static void run(struct world *w, uint64_t seed, const struct rt_sim_config *config,
                const char *listening)
{
    struct rt_listen what = {.address = listening, .port = 25, .protocol = &QUIET, .context = w};

    log_set_level(LOG_ERROR);
    assert_int_equal(rt_sim_new(seed, config, &w->rt), 0);
    assert_int_equal(rt_listen(w->rt, &what, NULL), 0);
    assert_int_equal(rt_run(w->rt, race, w), 0);
    rt_free(w->rt);
    assert_int_equal(w->opened, w->closed);
}

static void the_first_that_answers_is_taken(void **state)
{
    struct world w = {.addresses = ADDRESSES, .address_count = 4};
    (void)state;

    run(&w, 1, &rt_sim_calm, "0.0.0.0");
    assert_int_equal(w.result, 0);
    assert_string_equal(w.answered, ADDRESSES[0]);
    assert_int_equal(w.opened, 1); // nobody else was troubled
}

static void a_refusal_costs_no_time(void **state)
{
    struct world w = {.addresses = ADDRESSES, .address_count = 4};
    (void)state;

    run(&w, 1, &rt_sim_calm, "192.0.2.2");
    assert_int_equal(w.result, 0);
    assert_string_equal(w.answered, ADDRESSES[3]);
    assert_true(w.took_us < HEAD_START_US);
}

static void nobody_answers(void **state)
{
    struct rt_sim_config lost = rt_sim_calm;
    struct world refused = {.addresses = ADDRESSES, .address_count = 4};
    struct world silent = {.addresses = ADDRESSES, .address_count = 4};
    struct world none = {.addresses = ADDRESSES, .address_count = 0};
    (void)state;

    run(&refused, 1, &rt_sim_calm, "198.51.100.1");
    assert_int_equal(refused.result, -ECONNREFUSED);
    lost.lose_dial = RT_SIM_PPM;
    run(&silent, 1, &lost, "0.0.0.0");
    assert_int_equal(silent.result, -ETIMEDOUT);
    assert_true(silent.took_us < 3 * HEAD_START_US + CONNECT_MS * 1000 + SLACK_US);
    run(&none, 1, &rt_sim_calm, "0.0.0.0");
    assert_int_equal(none.result, -EDESTADDRREQ);
}

/// Some are refused, some never answered: one that answers is found within the head starts.
static void any_that_answers_is_found(void **state)
{
    struct rt_sim_config rough = rt_sim_calm;
    unsigned found = 0, later = 0;
    (void)state;

    rough.lose_dial = RT_SIM_PPM / 2;
    rough.refuse = RT_SIM_PPM / 4;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world w = {.addresses = ADDRESSES, .address_count = 4};

        run(&w, seed, &rough, "0.0.0.0");
        if (w.result == 0) {
            found++;
            later += w.answered != ADDRESSES[0];
            assert_true(w.took_us < 3 * HEAD_START_US + SLACK_US);
        } else {
            assert_true(w.result == -ETIMEDOUT || w.result == -ECONNREFUSED);
        }
    }
    assert_true(found > 100 && later > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_answers_is_taken),
        cmocka_unit_test(a_refusal_costs_no_time),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(any_that_answers_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
