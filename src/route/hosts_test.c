// SPDX-License-Identifier: ISC
//
// route_hosts asks side by side, and whoever is cancelled waits for no name server.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/sim/resolve.h"

#include "route/route.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PATIENCE_MS = 1000, SOON_US = 100000 };

// The last question of all is answered at once, the others never.
static const char *const LINES[] = {"a.test MX 10 mx1.a.test", "a.test MX 20 mx2.a.test",
                                    "mx1.a.test A 192.0.2.1",  "mx2.a.test A 192.0.2.2",
                                    "mx1.a.test timeout",      NULL};

static struct route_config config = {.prefer = STR("race"), .tls = STR("may"), .smtp_port = 25};
static struct route route = {.config = &config, .host_name = STR("us.test")};
static uint64_t took_us;

static int ask(void *arg)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct route_hosts hosts;

    (void)arg;
    arena_init(&arena, 1 << 20);
    route_hosts(&route, STR("a.test"), ROUTE_CARE_USUAL, &arena, &hosts);
    return 0;
}

static int run_world(void *arg)
{
    struct rt *rt = arg;
    struct rt_sim_resolver_config dns = {.lines = LINES};
    struct rt_task *task;
    uint64_t begun_us;

    CHECK(rt_sim_resolver_new(rt, &dns, &route.resolver) == 0);
    CHECK(rt_spawn(ask, NULL, "ask", &task) == 0);
    rt_sleep(PATIENCE_MS);
    begun_us = rt_now_us();
    rt_cancel(task);
    rt_join(task);
    took_us = rt_now_us() - begun_us;
    rt_stop(rt);
    return 0;
}

static void who_is_cancelled_waits_for_no_name_server(void **state)
{
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &rt), 0);
    assert_int_equal(rt_run(rt, run_world, rt), 0);
    rt_resolver_free(route.resolver);
    rt_free(rt);
    assert_true(took_us < SOON_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_cancelled_waits_for_no_name_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
