// SPDX-License-Identifier: ISC
#include "mail/date.h"
#include "mail/test.h"

static void civil_days_go_both_ways(void **state)
{
    int64_t year;
    unsigned month, day;
    (void)state;

    assert_int_equal(date_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(date_days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(date_days_from_civil(1969, 12, 31), -1);
    for (int64_t days = -800000; days < 800000; days += 13) {
        date_civil_from_days(days, &year, &month, &day);
        assert_int_equal(date_days_from_civil(year, month, day), days);
    }
}

static void date_fields_are_read_mildly(void **state)
{
    // 837596665 is 1996-07-17 09:44:25 UTC
    static const struct {
        const char *text;
        bool is_good;
        int64_t seconds;
        int32_t zone;
        bool is_unknown;
    } rows[] = {
        {"Wed, 17 Jul 1996 02:44:25 -0700", true, 837596665, -420, false},
        {"Wed, 17 Jul 1996 02:44:25 -0700 (PDT)", true, 837596665, -420, false},
        {"17 Jul 1996 09:44:25 +0000", true, 837596665, 0, false},
        {"17 Jul 1996 09:44:25 -0000", true, 837596665, 0, true},
        {"17 Jul 1996 09:44:25", true, 837596665, 0, true},
        {"17 Jul 1996 09:44 GMT", true, 837596640, 0, false},
        {"17 Jul 96 09:44:25 UT", true, 837596665, 0, false},
        {"17 jul 096 09:44:25 ut", true, 837596665, 0, false},
        {"17 Jul 1996 02:44:25 PDT", true, 837596665, -420, false},
        {"17 Jul 1996 04:44:25 EST", true, 837596665, -300, false},
        {"17 Jul 1996 09:44:25 Q", true, 837596665, 0, true},
        {"17 Jul 1996 15:14:25 +0530", true, 837596665, 330, false},
        {"Wed,17 Jul 1996 09:44:25 Z", true, 837596665, 0, false},
        {"Wed 17 Jul 1996 09:44:25 +0000", true, 837596665, 0, false},
        {"Wednesday, 17 July 1996 09:44:25 +0000", true, 837596665, 0, false},
        {"17-Jul-1996 09:44:25 +0000", true, 837596665, 0, false},
        {"Wed Jul 17 09:44:25 1996", true, 837596665, 0, true},
        {"Jul 17 09:44:25 1996", true, 837596665, 0, true},
        {"\r\n Wed,\r\n 17 (c(d)) Jul 1996 (x)\r\n 09 : 44 : 25 +0000", true, 837596665, 0, false},
        {"29 Feb 2000 00:00:00 +0000", true, 951782400, 0, false},
        {"1 Jan 1970 00:00:00 +0000", true, 0, 0, false},
        {"31 Dec 1969 23:59:59 +0000", true, -1, 0, false},
        {"31 Dec 2016 23:59:60 +0000", true, 1483228799, 0, false},
        {"1 Jan 49 00:00:00 +0000", true, 2493072000, 0, false},
        {"29 Feb 1900 00:00:00 +0000", false, 0, 0, false},
        {"31 Apr 2001 00:00:00 +0000", false, 0, 0, false},
        {"0 Apr 2001 00:00:00 +0000", false, 0, 0, false},
        {"1 Foo 2001 00:00:00 +0000", false, 0, 0, false},
        {"1 Apr 2001 24:00:00 +0000", false, 0, 0, false},
        {"1 Apr 2001 00:60:00 +0000", false, 0, 0, false},
        {"1 Apr 2001", false, 0, 0, false},
        {"1 Apr 99999 00:00:00", false, 0, 0, false},
        {"", false, 0, 0, false},
        {"yesterday", false, 0, 0, false},
        {"((((", false, 0, 0, false},
        {"17 Jul 1996 09:44:25 +99", true, 837596665, 0, true},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct date d;
        bool is_good = date_parse(str_from(rows[i].text), &d);

        if (is_good != rows[i].is_good)
            fail_msg("%s: got %d", rows[i].text, is_good);
        if (!is_good)
            continue;
        if (d.seconds != rows[i].seconds || d.zone_minutes != rows[i].zone ||
            d.is_zone_unknown != rows[i].is_unknown)
            fail_msg("%s: got %lld %d %d", rows[i].text, (long long)d.seconds, d.zone_minutes,
                     d.is_zone_unknown);
    }
}

static void dates_are_put(void **state)
{
    static const struct {
        struct date date;
        const char *field, *imap;
    } rows[] = {
        {{837596665, -420, false}, "Wed, 17 Jul 1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -0700"},
        {{0, 0, false}, "Thu, 01 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000"},
        {{0, 0, true}, "Thu, 01 Jan 1970 00:00:00 -0000", " 1-Jan-1970 00:00:00 -0000"},
        {{-1, 0, false}, "Wed, 31 Dec 1969 23:59:59 +0000", "31-Dec-1969 23:59:59 +0000"},
        {{0, -30, false}, "Wed, 31 Dec 1969 23:30:00 -0030", "31-Dec-1969 23:30:00 -0030"},
        {{951782400, 345, false}, "Tue, 29 Feb 2000 05:45:00 +0545", "29-Feb-2000 05:45:00 +0545"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf field = test_buf(), imap = test_buf();
        struct date back;

        date_put(&field, rows[i].date);
        ASSERT_STR(buf_str(&field), str_from(rows[i].field), "field");
        assert_true(date_parse(buf_str(&field), &back));
        assert_int_equal(back.seconds, rows[i].date.seconds);
        date_put_imap(&imap, rows[i].date);
        ASSERT_STR(buf_str(&imap), str_from(rows[i].imap), "imap");
        assert_true(date_parse_imap(buf_str(&imap), &back));
        assert_int_equal(back.seconds, rows[i].date.seconds);
        assert_int_equal(back.zone_minutes, rows[i].date.zone_minutes);
    }
}

static void imap_dates_are_read_strictly(void **state)
{
    static const char *const bad[] = {
        "17-Jul-1996 02:44:25",        "7-Jul-1996 02:44:25 -0700",  "17-Jul-1996 2:44:25 -0700 ",
        "17-Jul-1996 24:44:25 -0700",  "31-Feb-1996 02:44:25 -0700", "17 Jul 1996 02:44:25 -0700",
        "17-Jul-1996 02:44:25 -0770",  "17-Jul-1996 02:44:25 PDT  ", "",
        "17-Jul-1996 02:44:25 -07000",
    };
    struct date d;
    int64_t days;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(date_parse_imap(str_from(bad[i]), &d));
    assert_true(date_parse_imap_day(STR("1-Feb-1994"), &days));
    assert_int_equal(days, date_days_from_civil(1994, 2, 1));
    assert_true(date_parse_imap_day(STR("01-feb-1994"), &days));
    assert_false(date_parse_imap_day(STR(" 1-Feb-1994"), &days));
    assert_false(date_parse_imap_day(STR("30-Feb-1994"), &days));
    assert_false(date_parse_imap_day(STR("1-Feb-94"), &days));
    assert_false(date_parse_imap_day(STR("1-Feb-1994 "), &days));
    assert_int_equal(date_day((struct date){0, -30, false}), -1);
    assert_int_equal(date_day((struct date){86399, 1, false}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_days_go_both_ways),
        cmocka_unit_test(date_fields_are_read_mildly),
        cmocka_unit_test(dates_are_put),
        cmocka_unit_test(imap_dates_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
