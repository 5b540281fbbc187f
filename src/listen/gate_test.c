// SPDX-License-Identifier: ISC
#include "listen/gate.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t SEED[2] = {1, 2};

static void a_peer_has_so_many_and_no_more(void **state)
{
    struct setting_list none = {0};
    struct listen_gate gate;
    (void)state;

    listen_gate_init(&gate, SEED);
    listen_gate_set(&gate, 2, &none, &none);
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
    listen_gate_set(&gate, 2, &none, &none);
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
    listen_gate_set(&gate, 1, &exempt, &none);
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
    listen_gate_set(&gate, 1, &none, &proxies);
    assert_true(listen_gate_is_proxy(&gate, STR("192.0.2.200")));
    assert_false(listen_gate_is_proxy(&gate, STR("192.0.3.1")));
    assert_false(listen_gate_is_proxy(&gate, STR("unix")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.200")));
    assert_true(listen_gate_enter(&gate, STR("192.0.2.200")));
    assert_true(listen_gate_enter(&gate, STR("192.0.3.1")));
    assert_false(listen_gate_enter(&gate, STR("192.0.3.1")));
    listen_gate_done(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_has_so_many_and_no_more),
        cmocka_unit_test(a_network_of_ipv6_is_one_peer),
        cmocka_unit_test(some_have_no_limit),
        cmocka_unit_test(proxies_are_known_and_not_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
