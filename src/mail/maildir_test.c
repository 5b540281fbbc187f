// SPDX-License-Identifier: ISC
#include "mail/lines.h"
#include "mail/maildir.h"
#include "mail/mh.h"
#include "mail/test.h"

static void names_tell_flags(void **state)
{
    static const struct {
        const char *file, *base; // NULL: no message
        unsigned flags;
        uint32_t keywords;
    } rows[] = {
        {"1.2.host", "1.2.host", 0, 0},
        {"1.2.host:2,", "1.2.host", 0, 0},
        {"1.2.host,S=9:2,RS", "1.2.host,S=9", MAILDIR_REPLIED | MAILDIR_SEEN, 0},
        {"1.2.host:2,DFPRSTab", "1.2.host", 63, 3},
        {"1:2,S:2,F", "1:2,S", MAILDIR_FLAGGED, 0},
        {"1;2,S", "1", MAILDIR_SEEN, 0},
        {"1!2,S", "1", MAILDIR_SEEN, 0},
        {"1:1,S", "1:1,S", 0, 0},
        {"1:2,SXYz9", "1", MAILDIR_SEEN, 1U << 25},
        {".hidden", NULL, 0, 0},
        {"", NULL, 0, 0},
        {":2,S", NULL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct maildir_name n;
        bool is_good = maildir_name_parse(str_from(rows[i].file), &n);

        assert_int_equal(is_good, rows[i].base != NULL);
        if (!is_good)
            continue;
        ASSERT_STR(n.base, str_from(rows[i].base), rows[i].file);
        assert_int_equal(n.flags, rows[i].flags);
        assert_int_equal(n.keywords, rows[i].keywords);
    }
}

static void keywords_have_names(void **state)
{
    struct str names[MAILDIR_KEYWORDS];

    (void)state;
    maildir_keywords_parse(STR("0 $Label1\n1 two\r\n25 last\n26 none\nx y\n3\n"), names);
    ASSERT_STR(names[0], STR("$Label1"), "a");
    ASSERT_STR(names[1], STR("two"), "b");
    ASSERT_STR(names[25], STR("last"), "z");
    assert_null(names[2].ptr);
    assert_null(names[3].ptr);
}

static void folders_go_both_ways(void **state)
{
    static const struct {
        const char *file, *mailbox;
        bool is_ours;
    } rows[] = {
        {".Work", "Work", true},
        {".Work.Old", "Work/Old", true},
        {".Entw&APw-rfe", "Entw\xc3\xbcrfe", true},
        {".Fran\xc3\xa7"
         "ais",
         "Fran\xc3\xa7"
         "ais",
         false},
        {".a&-b", "a&b", true},
        {".v1&AC4-2", "v1.2", true},
        {".&AOk-&AC4-&AOk-", "\xc3\xa9.\xc3\xa9", true},
        {".bad&", "bad&", false},
        {".bad\xff", "bad?", false},
        {"..x..y.", "x/y", false},
        {".a/b", "a_b", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf name = test_buf(), back = test_buf();

        maildir_put_folder(&name, str_from(rows[i].file));
        ASSERT_STR(buf_str(&name), str_from(rows[i].mailbox), rows[i].file);
        if (!rows[i].is_ours)
            continue;
        assert_true(maildir_put_folder_name(&back, buf_str(&name)));
        ASSERT_STR(buf_str(&back), str_from(rows[i].file), rows[i].mailbox);
    }
}

static void subscriptions_of_all_kinds(void **state)
{
    static const struct {
        const char *text;
        char separator;
        const char *names; // apart by "|"
    } rows[] = {
        {"Work\nWork.Old\n\nINBOX\n", '.', "Work|Work/Old|INBOX"},
        {"Work/Old\r\ninbox\n", '/', "Work/Old|INBOX"},
        {"INBOX.Sent\nINBOX.A.B\n", '.', "Sent|A/B"},
        {"V\t2\n\nWork\tOld\nx\001ty\n&APw-\n", '.', "Work/Old|x\ty|\xc3\xbc"},
        {"", '.', ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf all = test_buf(), one = test_buf();
        size_t at = 0;

        while (maildir_subscription_next(str_from(rows[i].text), &at, rows[i].separator, &one)) {
            buf_putf(&all, "%s%.*s", all.len ? "|" : "", STR_ARG(buf_str(&one)));
            buf_clear(&one);
        }
        ASSERT_STR(buf_str(&all), str_from(rows[i].names), rows[i].text);
    }
}

static void sequences_of_mh(void **state)
{
    static const struct {
        const char *name;
        uint32_t number;
        bool is_in;
    } rows[] = {
        {"unseen", 1, true},  {"unseen", 3, true},   {"unseen", 4, false},    {"unseen", 8, true},
        {"unseen", 9, true},  {"unseen", 10, false}, {"unseen", 12, true},    {"flagged", 7, true},
        {"flagged", 6, true}, {"flagged", 0, false}, {"flagged", 999, false}, {"mine", 1, false},
    };
    struct mh_sequences s;
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    mh_sequences_parse(
        STR("unseen: 8-9 1-3 2\n 12\nflagged: 5-7 x 9-8 0 3-\nnonsense\n: 4\nmine:\n"), &arena, &s);
    assert_int_equal(s.count, 3);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < s.count; k++) {
            if (str_eq(s.items[k].name, str_from(rows[i].name)) &&
                mh_sequence_has(&s.items[k], rows[i].number) != rows[i].is_in)
                fail_msg("%s %u", rows[i].name, rows[i].number);
        }
    }
    arena_done(&arena);
    assert_int_equal(mh_number(STR("17")), 17);
    assert_int_equal(mh_number(STR(",17")), 0);
    assert_int_equal(mh_number(STR("0")), 0);
    assert_int_equal(mh_number(STR("99999999999")), 0);
}

static void line_ends(void **state)
{
    static const struct {
        struct str in, crlf, lf;
        bool is_clean;
    } rows[] = {
        {STR("a\nb\n"), STR("a\r\nb\r\n"), STR("a\nb\n"), false},
        {STR("a\r\nb\r\n"), STR("a\r\nb\r\n"), STR("a\nb\n"), true},
        {STR("a\r\nb\nc"), STR("a\r\nb\r\nc"), STR("a\nb\nc"), false},
        {STR("a\r\r\n"), STR("a\r\r\n"), STR("a\r\n"), false},
        {STR("\n\n"), STR("\r\n\r\n"), STR("\n\n"), false},
        {STR("a\rb\0\r\n"), STR("a\rb\0\r\n"), STR("a\rb\0\n"), true},
        {STR(""), STR(""), STR(""), true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf crlf = test_buf(), lf = test_buf();

        lines_put_crlf(&crlf, rows[i].in);
        lines_put_lf(&lf, rows[i].in);
        ASSERT_STR(buf_str(&crlf), rows[i].crlf, "crlf");
        ASSERT_STR(buf_str(&lf), rows[i].lf, "lf");
        assert_int_equal(lines_are_clean(rows[i].in), rows[i].is_clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_flags),     cmocka_unit_test(keywords_have_names),
        cmocka_unit_test(folders_go_both_ways), cmocka_unit_test(subscriptions_of_all_kinds),
        cmocka_unit_test(sequences_of_mh),      cmocka_unit_test(line_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
