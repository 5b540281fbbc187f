// SPDX-License-Identifier: ISC
//
// Nodes that die: all that belongs to them ends, nothing they say arrives any more, the others live
// on, and they may come back. Pools and lanes can be freed inside the world.
#include "base/check.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { NODES = 3, ROUNDS = 20, MINUTE = 60000 };

struct world;

struct node {
    struct world *world;
    unsigned number;
    char address[16];
    int tasks, sessions; // alive
    int late;            // things said after the death
    bool is_dead;
};

struct world {
    struct rt *rt;
    struct node nodes[NODES + 1];
    int refused, silent, greeted;
};

// ---- a node: it listens, and has workers that have workers

struct session {
    struct rt_conn *conn;
    struct node *node;
};

static int on_open(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;

    s->conn = conn;
    s->node = rt_conn_context(conn);
    s->node->sessions++;
    return rt_putf(conn, "hello from %u\r\n", s->node->number) < 0 ? -EIO : RT_NEXT;
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;
    struct str line;
    int r = rt_line(conn, 100, &line);

    if (r == 0)
        r = rt_sleep(50); // long enough to die in
    if (s->node->is_dead)
        rt_put(conn, STR("from the grave\r\n"));
    return r < 0 ? r : rt_put(conn, STR("done\r\n")) < 0 ? -EIO : RT_NEXT;
}

static void on_close(void *arg)
{
    struct session *s = arg;

    s->node->sessions--;
}

static const struct rt_protocol protocol = {.name = "node",
                                            .session_size = sizeof(struct session),
                                            .open = on_open,
                                            .command = on_command,
                                            .close = on_close,
                                            .idle_ms = 10 * MINUTE,
                                            .command_ms = MINUTE};

static int on_grave(void *arg)
{
    struct node *node = arg;

    node->late++; // it was cancelled before it began
    CHECK(rt_sleep(1) == -ECANCELED);
    node->tasks--;
    return 0;
}

static int child(void *arg)
{
    struct node *node = arg;

    while (rt_sleep(10) == 0)
        continue;
    CHECK(node->is_dead);
    node->tasks++;
    CHECK(rt_spawn(on_grave, node, "late", NULL) == 0);
    node->tasks--;
    return 0;
}

/// Talks to another node, whatever becomes of that.
static int talker(void *arg)
{
    struct node *node = arg;
    const struct node *other = &node->world->nodes[1 + node->number % NODES];

    for (;;) {
        struct rt_conn *conn;
        struct str line;
        int r = rt_dial_from(node->address, other->address, 25, MINUTE, &conn);

        if (r == -ECANCELED || (r < 0 && rt_sleep(100) < 0))
            break;
        if (r < 0)
            continue;
        while (r == 0 && (r = rt_line(conn, 100, &line)) == 0) {
            CHECK(!str_eq(line, STR("from the grave")));
            r = rt_put(conn, STR("work\r\n"));
        }
        rt_hang_up(conn);
        if (rt_sleep(1) < 0)
            break;
    }
    node->tasks--;
    return 0;
}

static int boot(void *arg)
{
    struct node *node = arg;
    struct rt_listen listen = {
        .address = node->address, .port = 25, .protocol = &protocol, .context = node};

    rt_sim_node_begin(node->world->rt, node->number);
    node->is_dead = false;
    CHECK(rt_listen(node->world->rt, &listen, NULL) == 0);
    node->tasks += 2;
    CHECK(rt_spawn(child, node, "child", NULL) == 0);
    CHECK(rt_spawn(talker, node, "talker", NULL) == 0);
    return 0;
}

static void start(struct node *node)
{
    struct rt_task *task;

    CHECK(rt_spawn(boot, node, "boot", &task) == 0);
    CHECK(rt_join(task) == 0);
}

// ---- the watcher, who belongs to no node

static void look_at_dead(struct world *w, const struct node *node)
{
    struct rt_conn *conn;
    int r = rt_dial(node->address, 25, MINUTE, &conn);

    CHECK(r == -ECONNREFUSED || r == -ETIMEDOUT);
    w->refused += r == -ECONNREFUSED;
    w->silent += r == -ETIMEDOUT;
}

static void look_at_living(struct world *w, const struct node *node)
{
    struct rt_conn *conn;
    struct str line;

    CHECK(rt_dial(node->address, 25, MINUTE, &conn) == 0);
    CHECK(rt_line(conn, 100, &line) == 0 && str_starts(line, STR("hello from")));
    w->greeted++;
    rt_hang_up(conn);
}

static void kill_one(struct world *w, struct node *node)
{
    int late = node->late;

    node->is_dead = true;
    rt_sim_node_kill(w->rt, node->number);
    CHECK(node->tasks == 0 && node->sessions == 0 && node->late == late + 1);
    for (unsigned i = 1; i <= NODES; i++) // the others live
        CHECK(i == node->number || w->nodes[i].tasks == 2);
}

static int watch(void *arg)
{
    struct world *w = arg;

    for (unsigned i = 1; i <= NODES; i++) {
        struct node *node = &w->nodes[i];

        *node = (struct node){.world = w, .number = i};
        snprintf(node->address, sizeof(node->address), "10.0.0.%u", i);
        start(node);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct node *node = &w->nodes[1 + rt_random() % NODES];

        CHECK(rt_sleep((uint32_t)(rt_random() % 1000)) == 0);
        kill_one(w, node);
        look_at_dead(w, node);
        start(node);
        look_at_living(w, node);
    }
    for (unsigned i = 1; i <= NODES; i++)
        kill_one(w, &w->nodes[i]), w->nodes[i].tasks = 2; // as if it lived, for the others
    rt_stop(w->rt);
    return 0;
}

static uint64_t play(uint64_t seed, struct world *w)
{
    uint64_t hash;

    *w = (struct world){0};
    assert_int_equal(rt_sim_new(seed, &rt_sim_calm, &w->rt), 0);
    assert_int_equal(rt_run(w->rt, watch, w), 0);
    hash = rt_sim_trace_hash(w->rt);
    rt_free(w->rt);
    return hash;
}

static void nodes_die_and_come_back(void **state)
{
    struct world w;
    int refused = 0, silent = 0;
    uint64_t hash = play(1, &w);
    (void)state;

    assert_true(play(1, &w) == hash);
    for (uint64_t seed = 2; seed < 12; seed++) {
        assert_true(play(seed, &w) != hash);
        assert_int_equal(w.greeted, ROUNDS);
        refused += w.refused;
        silent += w.silent;
    }
    assert_true(refused > 20 && silent > 20);
}

// ---- what a node had can be freed inside the world

struct things {
    struct rt *rt;
    struct rt_pool *pool;
    struct rt_lane *lane;
    int count;
};

static int add_one(void *arg)
{
    return ++*(int *)arg;
}

static void do_batch(void *context, struct rt_job *const *jobs, size_t count)
{
    struct things *t = context;

    for (size_t i = 0; i < count; i++)
        jobs[i]->result = ++t->count;
}

static int free_all(void *arg)
{
    struct things *t = arg;

    rt_lane_free(t->lane);
    rt_pool_free(t->pool);
    return 7;
}

static int use_and_free(void *arg)
{
    struct things *t = arg;

    for (int i = 0; i < 3; i++) {
        struct rt_job job = {0};

        t->count = 0;
        CHECK(rt_pool_new(t->rt, "pool", 2, 2, &t->pool) == 0);
        CHECK(rt_lane_new(t->rt, "lane", do_batch, t, 10, &t->lane) == 0);
        CHECK(rt_call(t->pool, add_one, &t->count) == 1);
        CHECK(rt_lane_run(t->lane, &job) == 2);
        CHECK(rt_call_aside(free_all, t) == 7);
    }
    rt_stop(t->rt);
    return 0;
}

static void pools_and_lanes_are_freed_aside(void **state)
{
    struct rt_config config = {.loops = 1};
    struct things t = {0};
    (void)state;

    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &t.rt), 0);
    assert_int_equal(rt_run(t.rt, use_and_free, &t), 0);
    rt_free(t.rt);
    assert_int_equal(rt_new(&config, &t.rt), 0);
    assert_int_equal(rt_run(t.rt, use_and_free, &t), 0);
    rt_free(t.rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_die_and_come_back),
        cmocka_unit_test(pools_and_lanes_are_freed_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
