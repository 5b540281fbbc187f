// SPDX-License-Identifier: ISC
//
// Policies of MTA-STS as they come and go, with a web server made of a table, over the simulator.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/sim/resolve.h"

#include "route/state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FETCH_MS = 20000, LOOKERS = 3 };

static const char POLICY[] = "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n";

static const char *const ANNOUNCED[] = {"_mta-sts.a.test TXT \"v=STSv1; id=1\"", NULL};
static const char *const CHANGED[] = {"_mta-sts.a.test TXT \"v=STSv1; id=2\"", NULL};
static const char *const GONE[] = {"a.test A 192.0.2.1", NULL};

static struct {
    const char *body; // NULL: it cannot be had
    unsigned fetches;
} web;

// ---- instead of route/fetch.c

bool fetch_addresses(const struct route *route, struct str host, struct arena *arena,
                     struct buf *out)
{
    (void)route, (void)host, (void)arena, (void)out;
    return false;
}

int fetch_run(const struct fetch *f, struct arena *arena)
{
    (void)arena;
    web.fetches++;
    rt_sleep(FETCH_MS);
    if (!web.body) {
        buf_put(f->why, STR("no answer"));
        return -ENOENT;
    }
    buf_put(f->out, str_from(web.body));
    return 0;
}

// ---- the world

struct world {
    struct rt *rt;
    struct route route;
    struct route_config config;
    void (*play)(struct world *w);
};

static bool look(struct world *w)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct find_sts found;

    arena_init(&arena, 16 << 20);
    sts_find(&w->route, STR("a.test"), &arena, &found);
    return found.has_policy && found.policy.mode == MTA_STS_ENFORCE;
}

static int run_world(void *arg)
{
    struct world *w = arg;
    struct rt_sim_resolver_config dns = {.lines = ANNOUNCED};

    CHECK(rt_sim_resolver_new(w->rt, &dns, &w->route.resolver) == 0);
    CHECK(store_memory_open(w->rt, &w->route.store) == 0);
    CHECK(route_state_new(w->rt, &w->route.state) == 0);
    w->play(w);
    rt_sleep(2 * FETCH_MS); // who refreshes ends
    store_close(w->route.store);
    rt_stop(w->rt);
    return 0;
}

static void run(void (*play)(struct world *w))
{
    struct world w = {.play = play, .config = {.sts = true, .sts_retry = 300000}};

    web.body = POLICY;
    web.fetches = 0;
    w.route.config = &w.config;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, run_world, &w), 0);
    route_state_free(w.route.state);
    rt_resolver_free(w.route.resolver);
    rt_free(w.rt);
}

// ---- what must hold

struct looker {
    struct world *w;
    struct rt_task *task;
    bool has_policy;
};

static int look_beside(void *arg)
{
    struct looker *l = arg;

    l->has_policy = look(l->w);
    return 0;
}

static void play_together(struct world *w)
{
    struct looker lookers[LOOKERS];

    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){.w = w};
        CHECK(rt_spawn(look_beside, &lookers[i], "looker", &lookers[i].task) == 0);
    }
    for (int i = 0; i < LOOKERS; i++) {
        rt_join(lookers[i].task);
        CHECK(lookers[i].has_policy);
    }
    CHECK(web.fetches == 1);
}

/// Of mails that come together the first alone would be protected.
static void who_comes_second_waits_for_the_fetch(void **state)
{
    (void)state;
    run(play_together);
}

static void play_kept(struct world *w)
{
    CHECK(look(w));
    rt_sim_resolver_change(w->route.resolver, GONE);
    CHECK(look(w) && web.fetches == 1);
    rt_sim_resolver_change(w->route.resolver, CHANGED);
    web.body = NULL;
    rt_sleep(400000);
    CHECK(look(w));
    rt_sleep(60000);
    CHECK(look(w) && web.fetches == 2);
    rt_sleep(86400000);
    CHECK(!look(w)); // its time is over
}

/// RFC 8461 5.1: whoever takes away record and server takes away no protection.
static void a_policy_outlives_its_server(void **state)
{
    (void)state;
    run(play_kept);
}

static void play_failing(struct world *w)
{
    web.body = NULL;
    CHECK(!look(w) && !look(w) && web.fetches == 1);
    rt_sleep(400000);
    web.body = POLICY;
    CHECK(look(w) && web.fetches == 2);
}

static void what_cannot_be_had_is_asked_for_again(void **state)
{
    (void)state;
    run(play_failing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_second_waits_for_the_fetch),
        cmocka_unit_test(a_policy_outlives_its_server),
        cmocka_unit_test(what_cannot_be_had_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
