// SPDX-License-Identifier: ISC
#include "route/network.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *network, *ip;
    enum { NO_NETWORK, OUTSIDE, INSIDE } is;
} cases[] = {
    {"192.0.2.0/24", "192.0.2.255", INSIDE},
    {"192.0.2.0/24", "192.0.3.0", OUTSIDE},
    {"192.0.2.128/25", "192.0.2.127", OUTSIDE},
    {"192.0.2.128/25", "192.0.2.128", INSIDE},
    {"192.0.2.1", "192.0.2.1", INSIDE},
    {"192.0.2.1", "192.0.2.2", OUTSIDE},
    {"0.0.0.0/0", "203.0.113.9", INSIDE},
    {"0.0.0.0/0", "2001:db8::1", OUTSIDE},
    {"::/0", "2001:db8::1", INSIDE},
    {"2001:db8::/32", "2001:db8:ffff::1", INSIDE},
    {"2001:db8::/32", "2001:db9::1", OUTSIDE},
    {"2001:db8::/33", "2001:db8:8000::1", OUTSIDE},
    {"192.0.2.0/24", "::ffff:192.0.2.7", INSIDE},
    {"192.0.2.0/24", "unix", OUTSIDE},
    {"192.0.2.0/24", "", OUTSIDE},
    {"192.0.2.0/33", "192.0.2.1", NO_NETWORK},
    {"192.0.2.0/", "192.0.2.1", NO_NETWORK},
    {"192.0.2.0/x", "192.0.2.1", NO_NETWORK},
    {"192.0.2/24", "192.0.2.1", NO_NETWORK},
    {"2001:db8::/129", "2001:db8::1", NO_NETWORK},
    {"", "192.0.2.1", NO_NETWORK},
    {"example.test", "192.0.2.1", NO_NETWORK},
};

static void networks_hold_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str item = str_from(cases[i].network);
        struct setting_list list = {&item, 1};
        struct network n;

        assert_int_equal(network_parse(item, &n), cases[i].is != NO_NETWORK);
        assert_int_equal(network_list_has(&list, str_from(cases[i].ip)), cases[i].is == INSIDE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks_hold_what_the_table_says)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
