// SPDX-License-Identifier: ISC
#include "listen/gate.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t SEED[2] = {1, 2};

static const struct setting_list NONE;

static void set(struct listen_gate *gate, uint64_t peer_max, const struct setting_list *exempt,
                const struct setting_list *proxies)
{
    listen_gate_set(
        gate, &(struct listen_gate_limits){
                  .peer_max = peer_max, .exempt = exempt, .proxies = proxies, .relays = &NONE});
}

static void a_peer_has_so_many_and_no_more(void **state)
{
    struct setting_list none = {0};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    set(&gate, 2, &none, &none);
    assert_true(listen_gate_enter(&gate, STR("192.0.2.1")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.1")));
    assert_false(listen_gate_enter(&gate, STR("192.0.2.1")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.2")));
    listen_gate_leave(&gate, STR("192.0.2.1"));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.1")));
    assert_false(listen_gate_enter(&gate, STR("192.0.2.1")));
    listen_gate_leave(&gate, STR("192.0.2.1"));
    listen_gate_leave(&gate, STR("192.0.2.1"));
    assert_int_equal(listen_gate_count(&gate, STR("192.0.2.1")), 0);
    assert_int_equal(listen_gate_count(&gate, STR("192.0.2.2")), 1);
    listen_gate_done(&gate);
}

static void a_network_of_ipv6_is_one_peer(void **state)
{
    struct setting_list none = {0};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    set(&gate, 2, &none, &none);
    assert_true(listen_gate_enter(&gate, STR("2001:db8:0:1::1")));
    assert_true(listen_gate_enter(&gate, STR("2001:db8:0:1:ffff::2")));
    assert_false(listen_gate_enter(&gate, STR("2001:db8:0:1::3")));
    assert_true(listen_gate_enter(&gate, STR("2001:db8:0:2::1")));
    listen_gate_leave(&gate, STR("2001:db8:0:1::9"));
    assert_true(listen_gate_enter(&gate, STR("2001:db8:0:1::3")));
    listen_gate_done(&gate);
}

static void some_have_no_limit(void **state)
{
    struct str items[] = {STR("127.0.0.1")};
    struct setting_list exempt = {items, 1}, none = {0};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    set(&gate, 1, &exempt, &none);
    for (int i = 0; i < 10; i++)
        assert_true(listen_gate_enter(&gate, STR("127.0.0.1")));
    assert_true(listen_gate_enter(&gate, STR("unix")));
    assert_false(listen_gate_enter(&gate, STR("unix")));
    listen_gate_done(&gate);
}

static void proxies_are_known_and_not_limited(void **state)
{
    struct str items[] = {STR("192.0.2.0/24")};
    struct setting_list none = {0}, proxies = {items, 1};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    set(&gate, 1, &none, &proxies);
    assert_true(listen_gate_is_proxy(&gate, STR("192.0.2.200")));
    assert_false(listen_gate_is_proxy(&gate, STR("192.0.3.1")));
    assert_false(listen_gate_is_proxy(&gate, STR("unix")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.200")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.200")));
    assert_true(listen_gate_enter(&gate, STR("192.0.3.1")));
    assert_false(listen_gate_enter(&gate, STR("192.0.3.1")));
    listen_gate_done(&gate);
}

enum { SECOND = 1000000 };

static void a_peer_comes_so_often_and_no_more(void **state)
{
    struct str networks[] = {STR("203.0.113.0/24")}, proxy_networks[] = {STR("198.51.100.7")};
    struct str addresses[] = {STR("192.0.2.9")};
    struct setting_list relays = {networks, 1}, proxies = {proxy_networks, 1};
    struct setting_list exempt = {addresses, 1};
    const char *const FREE[] = {"127.0.0.1", "127.9.9.9",    "::1",         "unix",
                                "192.0.2.9", "203.0.113.77", "198.51.100.7"};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    listen_gate_set(&gate, &(struct listen_gate_limits){.peer_max = 1,
                                                        .peer_rate = 3,
                                                        .exempt = &exempt,
                                                        .proxies = &proxies,
                                                        .relays = &relays});
    for (int i = 0; i < 3; i++)
        assert_false(listen_gate_is_too_fast(&gate, STR("192.0.2.1"), 100 * SECOND));
    assert_true(listen_gate_is_too_fast(&gate, STR("192.0.2.1"), 150 * SECOND));
    assert_false(listen_gate_is_too_fast(&gate, STR("192.0.2.2"), 150 * SECOND));
    // what was refused did not count, so it is over when the minute is
    for (int i = 0; i < 3; i++)
        assert_false(listen_gate_is_too_fast(&gate, STR("192.0.2.1"), 160 * SECOND));
    assert_true(listen_gate_is_too_fast(&gate, STR("192.0.2.1"), 160 * SECOND));
    // a /64 is one peer
    for (int i = 0; i < 3; i++)
        assert_false(listen_gate_is_too_fast(&gate, STR("2001:db8::1"), 160 * SECOND));
    assert_true(listen_gate_is_too_fast(&gate, STR("2001:db8::2"), 160 * SECOND));
    for (size_t i = 0; i < sizeof FREE / sizeof *FREE; i++)
        for (int k = 0; k < 10; k++)
            assert_false(listen_gate_is_too_fast(&gate, str_from(FREE[i]), 160 * SECOND));
    listen_gate_done(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_has_so_many_and_no_more),
        cmocka_unit_test(a_network_of_ipv6_is_one_peer),
        cmocka_unit_test(some_have_no_limit),
        cmocka_unit_test(a_peer_comes_so_often_and_no_more),
        cmocka_unit_test(proxies_are_known_and_not_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
