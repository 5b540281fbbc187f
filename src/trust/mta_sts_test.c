// SPDX-License-Identifier: ISC
#include "trust/mta_sts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *txt, *id; // NULL: no record
} records[] = {
    {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
    {"v=STSv1;id=1", "1"},
    {"v=STSv1; ext=x; id=a1 ; more=y", "a1"},
    {"v=STSv1", NULL},
    {"v=STSv1;", NULL},
    {"v=STSv1; id=", NULL},
    {"v=STSv1; id=a-b", NULL},
    {"v=STSv1; id=1; id=2", NULL},
    {"v=STSv1; id=123456789012345678901234567890123", NULL},
    {"v=STSv2; id=1", NULL},
    {"id=1; v=STSv1", NULL},
    {"v=spf1 -all", NULL},
    {"", NULL},
};

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct str id = STR("");
        bool is = mta_sts_record_parse(str_from(records[i].txt), &id);

        if (is != (records[i].id != NULL) || (is && !str_eq(id, str_from(records[i].id))))
            fail_msg("%s: %d %.*s", records[i].txt, is, STR_ARG(id));
    }
}

#define HEAD "version: STSv1\n"
static const struct {
    const char *body;
    int mode; // -1: no policy
    uint32_t max_age;
    size_t mx_count;
} policies[] = {
    {HEAD "mode: enforce\nmx: mx.example.org\nmax_age: 604800\n", MTA_STS_ENFORCE, 604800, 1},
    {"version: STSv1\r\nmode: testing\r\nmx: *.example.org\r\nmx: b.example\r\nmax_age: 1\r\n",
     MTA_STS_TESTING, 1, 2},
    {HEAD "mode: none\nmax_age: 0", MTA_STS_NONE, 0, 0},
    {HEAD "mode: enforce\nmode: none\nmx: a.example\nmax_age: 9\nunknown: x\n", MTA_STS_ENFORCE, 9,
     1},
    {HEAD "mode: enforce\nmx: a.example\nmax_age: 9999999999\n", MTA_STS_ENFORCE, MTA_STS_AGE_MAX,
     1},
    {HEAD "mode: enforce\nmax_age: 9\n", -1, 0, 0},
    {HEAD "mode: enforce\nmx: a.example\n", -1, 0, 0},
    {HEAD "mx: a.example\nmax_age: 9\n", -1, 0, 0},
    {"mode: enforce\nmx: a.example\nmax_age: 9\n", -1, 0, 0},
    {"version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 9\n", -1, 0, 0},
    {HEAD "mode: Enforce\nmx: a.example\nmax_age: 9\n", -1, 0, 0},
    {HEAD "mode: enforce\nmx: a..example\nmax_age: 9\n", -1, 0, 0},
    {HEAD "mode: enforce\nmx: *.*.example\nmax_age: 9\n", -1, 0, 0},
    {HEAD "mode: enforce\nmx: a.example\nmax_age: -1\n", -1, 0, 0},
    {HEAD "mode: enforce\nmx: a.example\nmax_age: 99999999999\n", -1, 0, 0},
    {"<html>not found</html>", -1, 0, 0},
    {"", -1, 0, 0},
};

static void test_policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct arena arena;
        struct mta_sts policy;
        const char *why = NULL;
        bool is;

        arena_init(&arena, 1 << 20);
        is = mta_sts_parse(str_from(policies[i].body), &arena, &policy, &why);
        if (is != (policies[i].mode >= 0))
            fail_msg("policy %zu: %d %s", i, is, why ? why : "");
        if (is) {
            assert_int_equal((int)policy.mode, policies[i].mode);
            assert_int_equal(policy.max_age, policies[i].max_age);
            assert_int_equal(policy.mx_count, policies[i].mx_count);
        } else {
            assert_non_null(why);
        }
        arena_done(&arena);
    }
}

static const struct {
    const char *pattern, *host;
    bool fits;
} matches[] = {
    {"mx.example.org", "MX.Example.org", true},   {"mx.example.org", "mx2.example.org", false},
    {"*.example.org", "mx.example.org", true},    {"*.example.org", "a.mx.example.org", false},
    {"*.example.org", "example.org", false},      {"*.example.org", ".example.org", false},
    {"*.example.org", "mx.example.org.x", false}, {"*.example.org", "mxexample.org", false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        struct str mx = str_from(matches[i].pattern);
        struct mta_sts policy = {.mx = &mx, .mx_count = 1};

        if (mta_sts_has(&policy, str_from(matches[i].host)) != matches[i].fits)
            fail_msg("%s, %s", matches[i].pattern, matches[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
