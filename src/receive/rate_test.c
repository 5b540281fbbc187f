// SPDX-License-Identifier: ISC
#include "receive/rate.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define HOUR 3600

static const uint64_t SEED[2] = {1, 2};
static const int64_t NOON = 1700000000 / 86400 * 86400 + 43200;

static void a_window_slides(void **state)
{
    static const struct {
        int64_t at_s, n;
        uint64_t sum;
    } ROWS[] = {
        {0, 5, 5},         {HOUR, 1, 6},       {23 * HOUR, 2, 8},  {24 * HOUR - 1, 0, 8},
        {24 * HOUR, 0, 3}, {25 * HOUR, 0, 2},  {25 * HOUR, -1, 2}, // of this slot there is none
        {26 * HOUR, 4, 6}, {26 * HOUR, -3, 3}, {20 * HOUR, 1, 4},  // the clock went back
        {47 * HOUR, 0, 2}, {100 * HOUR, 0, 0},
    };
    struct rate *rate = rate_new(100, 24 * HOUR, SEED);
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        uint64_t sum = rate_add(rate, STR("ana"), ROWS[i].n, NOON + ROWS[i].at_s);

        if (sum != ROWS[i].sum)
            fail_msg("row %zu: %llu", i, (unsigned long long)sum);
        assert_int_equal(rate_sum(rate, STR("ana"), NOON + ROWS[i].at_s), sum);
    }
    assert_int_equal(rate_sum(rate, STR("bruno"), NOON), 0);
    rate_free(rate);
}

static void it_is_told_when_there_is_room_again(void **state)
{
    struct rate *rate = rate_new(100, 24 * HOUR, SEED);
    (void)state;

    assert_int_equal(rate_free_at(rate, STR("ana"), 10, NOON), NOON);
    rate_add(rate, STR("ana"), 4, NOON + 100);
    rate_add(rate, STR("ana"), 6, NOON + HOUR + 100);
    assert_int_equal(rate_free_at(rate, STR("ana"), 11, NOON + HOUR + 100), NOON + HOUR + 100);
    assert_int_equal(rate_free_at(rate, STR("ana"), 10, NOON + HOUR + 100), NOON + 24 * HOUR);
    assert_int_equal(rate_free_at(rate, STR("ana"), 6, NOON + 2 * HOUR), NOON + 25 * HOUR);
    // what is told is true
    assert_int_equal(rate_sum(rate, STR("ana"), NOON + 24 * HOUR - 1), 10);
    assert_int_equal(rate_sum(rate, STR("ana"), NOON + 24 * HOUR), 6);
    assert_int_equal(rate_free_at(rate, STR("ana"), 6, NOON + 25 * HOUR), NOON + 25 * HOUR);
    rate_free(rate);
}

static void a_crowd_costs_no_memory_and_pushes_out_the_silent(void **state)
{
    struct rate *rate = rate_new(8, HOUR, SEED); // one set
    char name[16];
    (void)state;

    rate_add(rate, STR("ana"), 7, NOON);
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "%d", i);
        rate_add(rate, str_from(name), 1, NOON + 200);
        if (i % 5 == 0) // she goes on
            rate_add(rate, STR("ana"), 0, NOON + 400);
    }
    assert_int_equal(rate_sum(rate, STR("ana"), NOON + 400), 7);
    assert_int_equal(rate_sum(rate, STR("9999"), NOON + 400), 1);
    rate_free(rate);
}

static void a_network_of_ipv6_is_one(void **state)
{
    char a[RATE_KEY_MAX], b[RATE_KEY_MAX];
    (void)state;

    assert_true(str_eq(rate_key(STR("2001:db8:0:1::1"), a), rate_key(STR("2001:db8:0:1:f::2"), b)));
    assert_false(str_eq(rate_key(STR("2001:db8:0:1::1"), a), rate_key(STR("2001:db8:0:2::1"), b)));
    assert_true(str_eq(rate_key(STR("192.0.2.1"), a), STR("192.0.2.1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_slides),
        cmocka_unit_test(it_is_told_when_there_is_room_again),
        cmocka_unit_test(a_crowd_costs_no_memory_and_pushes_out_the_silent),
        cmocka_unit_test(a_network_of_ipv6_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
