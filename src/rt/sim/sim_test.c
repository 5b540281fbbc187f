// SPDX-License-Identifier: ISC
//
// Sessions over the simulated network: the same seed tells the same history, and under every fault
// a session ends and what was said arrives in order or not at all.
#include "base/check.h"
#include "rt/cert_for_test.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"
#include "rt/tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct rt *rt;
    struct rt_pool *pool;
    struct rt_lane *lane;
    struct rt_tls *tls;
    struct rt_tls_client *client;
    uint16_t port;
    int clients;
    int opened, closed, good, broken, batches;
};

struct session {
    struct rt_conn *conn;
    struct world *world;
    int next; // the number the client must say next
};

// ---- a server that counts

static int on_open(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;

    s->conn = conn;
    s->world = rt_conn_context(conn);
    s->world->opened++;
    return rt_put(conn, STR("hello\r\n")) < 0 ? -EIO : RT_NEXT;
}

static int add_one(void *arg)
{
    return *(int *)arg + 1;
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;
    struct rt_job job = {0};
    struct str line;
    uint64_t said;
    int r = rt_line(conn, 100, &line);

    if (r < 0)
        return r;
    CHECK(r == 0);
    if (str_eq(line, STR("quit")))
        return rt_put(conn, STR("bye\r\n")) < 0 ? -EIO : RT_CLOSE;
    if (str_eq(line, STR("peer"))) {
        rt_put(conn, rt_conn_peer(conn));
        return rt_put(conn, STR("\r\n")) < 0 ? -EIO : RT_NEXT;
    }
    if (str_eq(line, STR("starttls"))) {
        rt_put(conn, STR("go ahead\r\n"));
        return rt_start_tls(conn, s->world->tls);
    }
    CHECK(str_to_u64(line, 1000, &said));
    CHECK((int)said == s->next); // whatever the network does: in order, none missing, none twice
    s->next = rt_call(s->world->pool, add_one, &s->next);
    CHECK(rt_lane_run(s->world->lane, &job) == 0);
    return rt_putf(conn, "%d\r\n", s->next) < 0 ? -EIO : RT_NEXT;
}

static int on_wake(void *arg, struct rt_conn *conn, unsigned why)
{
    (void)arg;
    (void)conn;
    (void)why;
    return RT_CLOSE;
}

static void on_close(void *arg)
{
    struct session *s = arg;

    s->world->closed++;
}

static const struct rt_protocol counting = {.name = "counting",
                                            .session_size = sizeof(struct session),
                                            .open = on_open,
                                            .command = on_command,
                                            .wake = on_wake,
                                            .close = on_close,
                                            .idle_ms = 300000,
                                            .command_ms = 300000};

static void do_batch(void *context, struct rt_job *const *jobs, size_t count)
{
    struct world *w = context;

    w->batches++;
    for (size_t i = 0; i < count; i++)
        jobs[i]->result = 0;
}

// ---- clients

static int hear_number(struct rt_conn *conn, int expected)
{
    struct str line;
    uint64_t number;
    int r = rt_line(conn, 100, &line);

    if (r < 0)
        return r;
    CHECK(str_to_u64(line, 1000, &number) && (int)number == expected);
    return 0;
}

static int hear(struct rt_conn *conn, struct str expected)
{
    struct str line;
    int r = rt_line(conn, 100, &line);

    CHECK(r < 0 || str_eq(line, expected));
    return r;
}

static int count_together(struct rt_conn *conn, int count)
{
    int r = 0;

    for (int i = 0; r == 0 && i < count; i += 4) {
        rt_putf(conn, "%d\r\n%d\r\n%d\r\n%d\r\n", i, i + 1, i + 2, i + 3); // pipelined
        for (int k = 1; r == 0 && k <= 4; k++)
            r = hear_number(conn, i + k);
    }
    return r;
}

static int talk(struct world *w, struct rt_conn *conn)
{
    int r = hear(conn, STR("hello"));

    if (r == 0 && w->tls) {
        rt_put(conn, STR("starttls\r\n"));
        r = hear(conn, STR("go ahead"));
        if (r == 0)
            r = rt_start_tls_client(conn, w->client, "alpha.test");
    }
    if (r == 0)
        r = count_together(conn, (int)(rt_random() % 40));
    if (r == 0) {
        rt_put(conn, STR("quit\r\n"));
        r = hear(conn, STR("bye"));
    }
    return r;
}

static int one_client(void *arg)
{
    struct world *w = arg;
    struct rt_scope scope;
    struct rt_conn *conn;
    int r;

    rt_sleep((uint32_t)(rt_random() % 10000));
    r = rt_dial("10.1.1.1", w->port, 60000, &conn);
    if (r == 0) {
        rt_within(&scope, 3600 * 1000);
        r = talk(w, conn);
        rt_within_end(&scope);
        rt_hang_up(conn);
    }
    if (r == 0)
        w->good++;
    else
        w->broken++;
    return 0;
}

static int all_clients(void *arg)
{
    struct world *w = arg;
    struct rt_task **tasks = calloc((size_t)w->clients, sizeof(*tasks));

    for (int i = 0; i < w->clients; i++)
        CHECK(rt_spawn(one_client, w, "client", &tasks[i]) == 0);
    for (int i = 0; i < w->clients; i++)
        CHECK(rt_join(tasks[i]) == 0);
    free(tasks);
    rt_drain(w->rt, 600 * 1000);
    return 0;
}

static uint64_t run_world(struct world *w, uint64_t seed, const struct rt_sim_config *config)
{
    struct rt_listen listen = {
        .address = "0.0.0.0", .port = 25, .protocol = &counting, .context = w};
    uint64_t hash;
    int r;

    assert_int_equal(rt_sim_new(seed, config, &w->rt), 0);
    assert_int_equal(rt_pool_new(w->rt, "pool", 4, 4, &w->pool), 0);
    assert_int_equal(rt_lane_new(w->rt, "lane", do_batch, w, 10, &w->lane), 0);
    assert_int_equal(rt_listen(w->rt, &listen, &w->port), 0);
    r = rt_run(w->rt, all_clients, w);
    if (r != 0)
        fail_msg("seed %llu: rt_run said %d", (unsigned long long)seed, r);
    hash = rt_sim_trace_hash(w->rt);
    rt_pool_free(w->pool);
    rt_lane_free(w->lane);
    rt_free(w->rt);
    assert_int_equal(w->opened, w->closed);
    assert_int_equal(w->good + w->broken, w->clients);
    return hash;
}

static void in_a_calm_world_all_is_well(void **state)
{
    struct world w = {.clients = 200};

    (void)state;
    run_world(&w, 1, &rt_sim_calm);
    assert_int_equal(w.good, 200);
    assert_true(w.batches > 0);
}

static void the_same_seed_tells_the_same_history(void **state)
{
    uint64_t hashes[8];

    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world a = {.clients = 50}, b = {.clients = 50};
        void *shift = malloc(1000 + 5000 * seed); // so that addresses differ between the two

        hashes[seed] = run_world(&a, seed, &rt_sim_rough);
        assert_true(hashes[seed] == run_world(&b, seed, &rt_sim_rough));
        assert_int_equal(a.good, b.good);
        free(shift);
        for (uint64_t other = 0; other < seed; other++)
            assert_true(hashes[other] != hashes[seed]);
    }
}

static void in_a_rough_world_every_session_ends(void **state)
{
    struct world all = {0};

    (void)state;
    for (uint64_t seed = 100; seed < 150; seed++) {
        struct world w = {.clients = 50};

        run_world(&w, seed, &rt_sim_rough);
        all.good += w.good;
        all.broken += w.broken;
    }
    assert_in_range(all.good, 500, 2400); // faults did strike, and not everybody
    assert_in_range(all.broken, 100, 2000);
}

static void connections_break_at_every_byte(void **state)
{
    (void)state;
    for (uint64_t cut = 1; cut < 60; cut++) {
        struct rt_sim_config config = rt_sim_calm;
        struct world w = {.clients = 4};

        config.cut_after_bytes = cut;
        run_world(&w, cut, &config);
    }
}

static int dial_from_there(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn;

    CHECK(rt_dial_from("203.0.113.7", "10.1.1.1", 25, 60000, &conn) == 0);
    CHECK(hear(conn, STR("hello")) == 0);
    CHECK(str_eq(rt_conn_local(conn), STR("203.0.113.7")));
    rt_put(conn, STR("peer\r\n"));
    CHECK(hear(conn, STR("203.0.113.7")) == 0);
    rt_hang_up(conn);
    w->good++;
    rt_drain(w->rt, 1000);
    return 0;
}

static void the_source_is_the_peer(void **state)
{
    struct rt_listen listen = {.address = "0.0.0.0", .port = 25, .protocol = &counting};
    struct world w = {0};

    (void)state;
    listen.context = &w;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &w.rt), 0);
    assert_int_equal(rt_listen(w.rt, &listen, NULL), 0);
    assert_int_equal(rt_run(w.rt, dial_from_there, &w), 0);
    rt_free(w.rt);
    assert_int_equal(w.good, 1);
}

// ---- idle time

struct sleeper {
    struct rt *rt;
    struct rt_handle handle;
    int notices, idle_wakes;
};

static int on_sleeper_open(void *arg, struct rt_conn *conn)
{
    struct sleeper *s = rt_conn_context(conn);

    (void)arg;
    s->handle = rt_conn_handle(conn);
    return RT_NEXT;
}

static int on_sleeper_command(void *arg, struct rt_conn *conn)
{
    struct str line;
    int r = rt_line(conn, 100, &line);

    (void)arg;
    return r < 0 ? r : RT_NEXT;
}

static int on_sleeper_wake(void *arg, struct rt_conn *conn, unsigned why)
{
    struct sleeper *s = rt_conn_context(conn);

    (void)arg;
    s->notices += (why & RT_WAKE_NOTIFY) != 0;
    s->idle_wakes += (why & RT_WAKE_IDLE) != 0;
    return s->idle_wakes == 2 ? RT_CLOSE : RT_NEXT;
}

static const struct rt_protocol sleeping = {.name = "sleeping",
                                            .session_size = 8,
                                            .open = on_sleeper_open,
                                            .command = on_sleeper_command,
                                            .wake = on_sleeper_wake,
                                            .idle_ms = 300000};

static int poke_sleeper(void *arg)
{
    struct sleeper *s = arg;

    while (rt_sleep(70000) == 0)
        rt_notify(s->rt, s->handle);
    return 0;
}

/// Input at 100 s: idle at 400 s and, told once and staying, at 700 s; whatever notices come.
static int watch_sleeper(void *arg)
{
    struct sleeper *s = arg;
    uint64_t begun_us = rt_now_us();
    struct rt_task *poker;
    struct rt_conn *conn;
    struct str rest;

    CHECK(rt_spawn(poke_sleeper, s, "poker", &poker) == 0);
    CHECK(rt_dial("10.1.1.1", 25, 60000, &conn) == 0);
    CHECK(rt_sleep(100000) == 0);
    rt_put(conn, STR("here\r\n"));
    CHECK(rt_peek(conn, &rest) == -ECONNRESET); // flushes, then hears the end
    CHECK(rt_now_us() - begun_us > 699u * 1000000 && rt_now_us() - begun_us < 702u * 1000000);
    rt_hang_up(conn);
    rt_cancel(poker);
    rt_join(poker);
    rt_stop(s->rt);
    return 0;
}

static void notices_do_not_prolong_idleness(void **state)
{
    struct sleeper s = {0};
    struct rt_listen listen = {
        .address = "0.0.0.0", .port = 25, .protocol = &sleeping, .context = &s};

    (void)state;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &s.rt), 0);
    assert_int_equal(rt_listen(s.rt, &listen, NULL), 0);
    assert_int_equal(rt_run(s.rt, watch_sleeper, &s), 0);
    rt_free(s.rt);
    assert_true(s.notices >= 9 && s.idle_wakes == 2);
}

// ---- TLS, and worlds that stand still

static void tls_runs_over_it(void **state)
{
    char chain[] = "/tmp/rt_sim_test.chain.XXXXXX", key[] = "/tmp/rt_sim_test.key.XXXXXX";
    struct rt_tls_certificate certificate = {chain, key};
    struct rt_tls_config config = {.certificates = &certificate, .count = 1};
    struct rt_tls_client_config trust = {.verify = true, .ca_path = chain};
    struct world w[2];

    (void)state;
    close(mkstemp(chain));
    close(mkstemp(key));
    cert_for_test("DNS:alpha.test", chain, key);
    for (int i = 0; i < 2; i++) {
        w[i] = (struct world){.clients = 20};
        assert_int_equal(rt_tls_new(&config, &w[i].tls, NULL), 0);
        assert_int_equal(rt_tls_client_new(&trust, &w[i].client, NULL), 0);
    }
    assert_true(run_world(&w[0], 7, &rt_sim_rough) == run_world(&w[1], 7, &rt_sim_rough));
    assert_true(w[0].good > 5 && w[0].good == w[1].good);
    for (int i = 0; i < 2; i++) {
        rt_tls_free(w[i].tls);
        rt_tls_client_free(w[i].client);
    }
    unlink(chain);
    unlink(key);
}

static int wait_for_ever(void *arg)
{
    struct rt_waiter w;

    (void)arg;
    rt_waiter_init(&w);
    return rt_wait(&w, true);
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    while (rt_sleep(1000) == 0)
        continue;
    return -ECANCELED;
}

static void a_standstill_is_reported(void **state)
{
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &rt), 0);
    assert_int_equal(rt_run(rt, wait_for_ever, NULL), -EDEADLK);
    rt_free(rt);
}

static void an_endless_history_is_ended(void **state)
{
    struct rt_sim_config config = rt_sim_calm;
    struct rt *rt;

    (void)state;
    config.time_max_us = 3600u * 1000000;
    assert_int_equal(rt_sim_new(1, &config, &rt), 0);
    assert_int_equal(rt_run(rt, sleep_for_ever, NULL), -ETIME);
    rt_free(rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_calm_world_all_is_well),
        cmocka_unit_test(the_same_seed_tells_the_same_history),
        cmocka_unit_test(in_a_rough_world_every_session_ends),
        cmocka_unit_test(the_source_is_the_peer),
        cmocka_unit_test(notices_do_not_prolong_idleness),
        cmocka_unit_test(connections_break_at_every_byte),
        cmocka_unit_test(tls_runs_over_it),
        cmocka_unit_test(a_standstill_is_reported),
        cmocka_unit_test(an_endless_history_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
