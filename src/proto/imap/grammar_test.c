// SPDX-License-Identifier: ISC
#include "proto/imap/command.h"
#include "proto/imap/fetch.h"
#include "proto/imap/flag.h"
#include "proto/imap/list.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/modifier.h"
#include "proto/imap/notify.h"
#include "proto/imap/pattern.h"
#include "proto/imap/reply.h"
#include "proto/imap/scan.h"
#include "proto/imap/sequence.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct arena arena;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 16 << 20);
    buf_init(&out, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    buf_done(&out);
    return 0;
}

static void modifiers_of_select(void **state)
{
    static const struct {
        const char *text;
        bool ok, condstore, qresync;
        uint64_t modseq;
        size_t known, matches;
    } cases[] = {
        {"", true, false, false, 0, 0, 0},
        {" (CONDSTORE)", true, true, false, 0, 0, 0},
        {" (qresync (67890007 20050715194045000 41,43:211,214:541))", true, false, true,
         20050715194045000, 3, 0},
        {" (QRESYNC (67890007 90060115194045000 41:211,214:541) CONDSTORE)", true, true, true,
         90060115194045000, 2, 0},
        {" (QRESYNC (1 2 (1,3,5 10,20,30)))", true, false, true, 2, 0, 3},
        {" (QRESYNC (1 2 1:5 (1,3 10,20)))", true, false, true, 2, 1, 2},
        {" (QRESYNC (1 9223372036854775807))", true, false, true, INT64_MAX, 0, 0},
        {" (QRESYNC (1 9223372036854775808))", false, false, false, 0, 0, 0},
        {" (QRESYNC (1 0))", false, false, false, 0, 0, 0},
        {" (QRESYNC (0 1))", false, false, false, 0, 0, 0},
        {" (QRESYNC (1 2 1:*))", false, false, false, 0, 0, 0},
        {" (QRESYNC (1 2 (1:3 10,20)))", false, false, false, 0, 0, 0},
        {" (QRESYNC (1))", false, false, false, 0, 0, 0},
        {" (QRESYNC (1 2)", false, false, false, 0, 0, 0},
        {" (CONDSTORE CONDSTORE)", false, false, false, 0, 0, 0},
        {" ()", false, false, false, 0, 0, 0},
        {"(CONDSTORE)", false, false, false, 0, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_select_modifiers got;
        bool ok = imap_scan_select_modifiers(&in, &arena, &got) && scan_is_end(&in);

        assert_int_equal(ok, cases[i].ok);
        if (!ok)
            continue;
        assert_int_equal(got.condstore, cases[i].condstore);
        assert_int_equal(got.qresync, cases[i].qresync);
        assert_int_equal(got.modseq, cases[i].modseq);
        assert_int_equal(got.known.count, cases[i].known);
        assert_int_equal(got.match_uids.count, cases[i].matches);
    }
}

static void notify_arguments(void **state)
{
    static const struct {
        const char *text;
        enum imap_notify_answer answer;
        size_t groups;
    } cases[] = {
        {" NONE", IMAP_NOTIFY_OK, 0},
        {" SET (selected (MessageNew MessageExpunge))", IMAP_NOTIFY_OK, 1},
        {" set status (Selected-Delayed (MessageNew (UID BODY[]) MessageExpunge)) (subtree (a \"b "
         "c\") "
         "NONE)",
         IMAP_NOTIFY_OK, 2},
        {" SET (mailboxes x (MailboxName)) (personal (SubscriptionChange))", IMAP_NOTIFY_OK, 2},
        {" SET (personal (Unheard-Of))", IMAP_NOTIFY_OK, 1},
        {" SET (selected (MessageNew (UID) MessageNew (UID) MessageExpunge))", IMAP_NOTIFY_SYNTAX,
         0},
        {" SET (personal (MessageNew))", IMAP_NOTIFY_SYNTAX, 0},
        {" SET (selected (MailboxName))", IMAP_NOTIFY_SYNTAX, 0},
        {" SET (mailboxes (MailboxName))", IMAP_NOTIFY_SYNTAX, 0},
        {" SET", IMAP_NOTIFY_SYNTAX, 0},
        {" SET (personal ())", IMAP_NOTIFY_SYNTAX, 0},
        {" NONE x", IMAP_NOTIFY_SYNTAX, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_notify_args got;

        assert_int_equal(imap_scan_notify(&in, &arena, &got), cases[i].answer);
        if (cases[i].answer == IMAP_NOTIFY_OK)
            assert_int_equal(got.count, cases[i].groups);
    }
}

static void commands(void **state)
{
    static const struct {
        const char *text, *tag, *verb, *rest;
        bool ok, is_uid;
    } cases[] = {
        {"a001 NOOP", "a001", "NOOP", "", true, false},
        {"1.b SELECT inbox", "1.b", "SELECT", " inbox", true, false},
        {"a uid fetch 1:* FLAGS", "a", "fetch", " 1:* FLAGS", true, true},
        {"a ", "a", "", "", false, false},
        {"a", "a", "", "", false, false},
        {"+ NOOP", "", "", "", false, false},
        {" NOOP", "", "", "", false, false},
        {"", "", "", "", false, false},
        {"a \"NOOP\"", "a", "", "", false, false},
        {"a UID ", "a", "", "", false, true},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imap_command c;

        assert_int_equal(imap_command_parse(str_from(cases[i].text), &c), cases[i].ok);
        assert_true(str_eq(c.tag, str_from(cases[i].tag)));
        if (!cases[i].ok)
            continue;
        assert_true(str_eq(c.verb, str_from(cases[i].verb)));
        assert_true(str_eq(scan_rest(&c.arguments), str_from(cases[i].rest)));
        assert_int_equal(c.is_uid, cases[i].is_uid);
    }
}

static void literals_at_a_lines_end(void **state)
{
    static const struct {
        const char *line;
        bool ok, is_sync;
        uint64_t size;
    } cases[] = {
        {"a LOGIN {11}", true, true, 11},
        {"a LOGIN {0+}", true, false, 0},
        {"a APPEND x {4294967296}", true, true, UINT32_MAX},
        {"a APPEND x {99999999999999999999999+}", true, false, UINT32_MAX},
        {"a LOGIN {}", false, false, 0},
        {"a LOGIN {+}", false, false, 0},
        {"a LOGIN 11}", false, false, 0},
        {"a LOGIN {11} ", false, false, 0},
        {"}", false, false, 0},
        {"{1}", true, true, 1},
        {"", false, false, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imap_literal l;

        assert_int_equal(imap_line_literal(str_from(cases[i].line), &l), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(l.size, cases[i].size);
        assert_int_equal(l.is_sync, cases[i].is_sync);
    }
}

static void strings(void **state)
{
    static const struct {
        const char *text, *value; // NULL: refused
    } cases[] = {
        {"abc", "abc"},
        {"a]b", "a]b"},
        {"\"a b\"", "a b"},
        {"\"a\\\"b\\\\\"", "a\"b\\"},
        {"\"\"", ""},
        {"{3}\r\na\"b", "a\"b"},
        {"{3+}\r\na\r\n", "a\r\n"},
        {"{0}\r\n", ""},
        {"\"a", NULL},
        {"\"a\\", NULL},
        {"\"a\\b\"", NULL},
        {"\"a\r\n\"", NULL},
        {"{3}\r\nab", NULL},
        {"{3}ab", NULL},
        {"(", NULL},
        {"", NULL},
        {"\xc3\xa9", "\xc3\xa9"},
    };
    struct scan in;
    struct str s;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        in = scan_of(str_from(cases[i].text));
        assert_int_equal(imap_scan_astring(&in, &arena, &s), !!cases[i].value);
        if (cases[i].value)
            assert_true(str_eq(s, str_from(cases[i].value)) && scan_is_end(&in));
    }
    in = scan_of(STR("{2}\r\na\0"));
    assert_false(imap_scan_string(&in, &arena, &s));
    in = scan_of(STR("nil"));
    assert_true(imap_scan_nstring(&in, &arena, &s) && !s.ptr);
}

static void strings_put(void **state)
{
    static const struct {
        struct str value;
        const char *astring, *nstring;
    } cases[] = {
        {STR("abc"), "abc", "\"abc\""},
        {STR("a b"), "\"a b\"", "\"a b\""},
        {STR(""), "\"\"", "\"\""},
        {STR("nil"), "\"nil\"", "\"nil\""},
        {STR("a\"\\"), "\"a\\\"\\\\\"", "\"a\\\"\\\\\""},
        {STR("a\r\nb"), "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
        {STR("\xc3\xa9"), "{2}\r\n\xc3\xa9", "{2}\r\n\xc3\xa9"},
        {STR("a\0b"), "{3}\r\na?b", "{3}\r\na?b"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&out);
        imap_put_astring(&out, cases[i].value);
        assert_string_equal(buf_cstr(&out), cases[i].astring);
        buf_clear(&out);
        imap_put_nstring(&out, cases[i].value);
        assert_string_equal(buf_cstr(&out), cases[i].nstring);
    }
    buf_clear(&out);
    imap_put_nstring(&out, STR_NONE);
    assert_string_equal(buf_cstr(&out), "NIL");
}

static void sequences(void **state)
{
    static const struct {
        const char *text;
        uint32_t star;
        const char *resolved; // NULL: refused
    } cases[] = {
        {"1", 9, "1"},
        {"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
        {"*:4,5:7", 10, "4:10"},
        {"*", 10, "10"},
        {"*", 0, ""},
        {"1:*", 0, ""},
        {"20:*", 10, "10:20"},
        {"5:3,1,2", 10, "1:5"},
        {"1:4294967295", 3, "1:4294967295"},
        {"4294967295,4294967294", 3, "4294967294:4294967295"},
        {"3,3,3", 3, "3"},
        {"0", 3, NULL},
        {"1:", 3, NULL},
        {",1", 3, NULL},
        {"1,", 3, NULL},
        {"1:2:3", 3, NULL},
        {"4294967296", 3, NULL},
        {"", 3, NULL},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_sequence set;

        assert_int_equal(imap_scan_sequence(&in, &arena, &set), !!cases[i].resolved);
        if (!cases[i].resolved)
            continue;
        set = imap_sequence_resolve(set, cases[i].star, &arena);
        buf_clear(&out);
        for (size_t n = 0; n < set.count; n++) {
            buf_putf(&out, n ? ",%u" : "%u", set.ranges[n].first);
            if (set.ranges[n].first != set.ranges[n].last)
                buf_putf(&out, ":%u", set.ranges[n].last);
            assert_true(imap_sequence_has(set, set.ranges[n].first));
            assert_true(imap_sequence_has(set, set.ranges[n].last));
        }
        assert_false(imap_sequence_has(set, 0));
        assert_string_equal(buf_cstr(&out), cases[i].resolved);
    }
}

static void sets_put(void **state)
{
    static const uint32_t numbers[] = {1, 2, 3, 5, 7, 8, 4294967295};
    struct imap_set_putter set = {.out = &out};
    (void)state;

    buf_clear(&out);
    for (size_t i = 0; i < COUNT(numbers); i++)
        imap_set_put(&set, numbers[i]);
    imap_set_end(&set);
    assert_string_equal(buf_cstr(&out), "1:3,5,7:8,4294967295");
}

static void flags(void **state)
{
    static const struct {
        const char *text;
        bool ok, unknown;
        const char *put;
    } cases[] = {
        {"(\\Seen \\deleted)", true, false, "\\Deleted \\Seen"},
        {"()", true, false, ""},
        {"\\Flagged \\Draft", true, false, "\\Flagged \\Draft"},
        {"(\\Recent $Junk $junk NonJunk)", true, false, "$Junk NonJunk"},
        {"(\\Foo)", true, true, ""},
        {"(\\Seen", false, false, ""},
        {"(\\)", false, false, ""},
        {"", false, false, ""},
        {"(\\Seen  a)", false, false, ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_flags f;

        assert_int_equal(imap_scan_store_flags(&in, &arena, &f), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_true(scan_is_end(&in));
        assert_int_equal(f.has_unknown, cases[i].unknown);
        buf_clear(&out);
        imap_flags_put(&out, f.bits, (1u << f.keyword_count) - 1, f.keywords, f.keyword_count);
        assert_string_equal(buf_cstr(&out), cases[i].put);
    }
}

static void patterns(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool yes;
    } cases[] = {
        {"*", "a/b/c", true},    {"%", "a/b", false},      {"%", "a", true},
        {"%/%", "a/b", true},    {"a/%", "a/", true},      {"a*c", "a/b/c", true},
        {"a%c", "a/c", false},   {"", "", true},           {"", "a", false},
        {"a", "A", false},       {"*b%", "a/b/cb", true},  {"*b%", "a/b/c", false},
        {"%b*", "ab/c", true},   {"%%%a", "ba", true},     {"*%*%", "", true},
        {"~/%", "~/Mail", true}, {"INBOX", "INBOX", true}, {"a*", "", false},
    };
    struct buf hard;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(imap_pattern_matches(str_from(cases[i].pattern), str_from(cases[i].name)),
                         cases[i].yes);
    // what would take a backtracking matcher longer than the world stands
    buf_init(&hard, 4096);
    for (int i = 0; i < 250; i++)
        buf_put(&hard, STR("*a%a"));
    buf_put(&hard, STR("b"));
    buf_clear(&out);
    for (int i = 0; i < 512; i++)
        buf_put(&out, STR("a"));
    assert_false(imap_pattern_matches(buf_str(&hard), buf_str(&out)));
    buf_put(&hard, STR("************************"));
    assert_false(imap_pattern_matches(buf_str(&hard), buf_str(&out)));
    buf_done(&hard);
}

static void names(void **state)
{
    static const struct {
        const char *wire, *name; // NULL: refused
        bool is_valid;
        const char *put;
    } cases[] = {
        {"inbox", "INBOX", true, "INBOX"},
        {"InBox/a", "INBOX/a", true, "INBOX/a"},
        {"inboxes", "inboxes", true, "inboxes"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語", true,
         "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"a&-b", "a&b", true, "a&-b"},
        {"a&b", NULL, false, NULL},
        {"Entw\xc3\xbcrfe", "Entwürfe", true, "Entw&APw-rfe"},
        {"\xff", NULL, false, NULL},
        {"a//b", "a//b", false, NULL},
        {"/a", "/a", false, NULL},
        {"a/", "a/", false, NULL},
        {"", "", false, NULL},
        {"a b", "a b", true, "\"a b\""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str name;

        assert_int_equal(imap_name_decode(str_from(cases[i].wire), &arena, &name), !!cases[i].name);
        if (!cases[i].name)
            continue;
        assert_true(str_eq(name, str_from(cases[i].name)));
        assert_int_equal(imap_name_is_valid(name), cases[i].is_valid);
        buf_clear(&out);
        imap_put_mailbox(&out, name);
        if (cases[i].put)
            assert_string_equal(buf_cstr(&out), cases[i].put);
    }
    assert_false(imap_name_is_valid(STR("a\nb")));
    assert_false(imap_name_is_valid(STR("a\xc2\x85")));
    assert_false(imap_name_is_valid(STR("a\xe2\x80\xa8")));
    assert_true(imap_name_is_valid(STR("a\xc3\x85\xe2\x80\xa6")));
}

/// RFC 9051 5.1: for who enabled it "&" is only that, and every name has one form.
static void names_in_utf8(void **state)
{
    struct str name;
    (void)state;

    assert_true(imap_name_decode_utf8(STR("a&b&AOk-"), &arena, &name));
    assert_true(str_eq(name, STR("a&b&AOk-")));
    assert_true(imap_name_decode_utf8(STR("inbox/\xc3\xa9"), &arena, &name));
    assert_true(str_eq(name, STR("INBOX/\xc3\xa9")));
    assert_false(imap_name_decode_utf8(STR("\xc3"), &arena, &name));
    name = imap_name_normalise(STR("caf"
                                   "e\xcc\x81"),
                               &arena);
    assert_true(str_eq(name, STR("caf\xc3\xa9")));
    name = STR("caf\xc3\xa9");
    assert_ptr_equal(imap_name_normalise(name, &arena).ptr, name.ptr);
    buf_clear(&out);
    imap_put_mailbox_utf8(&out, STR("caf\xc3\xa9 \"&\""));
    assert_string_equal(buf_cstr(&out), "\"caf\xc3\xa9 \\\"&\\\"\"");
    buf_clear(&out);
    imap_put_mailbox_utf8(&out, STR("a&b"));
    assert_string_equal(buf_cstr(&out), "a&b");
}

static void fetches(void **state)
{
    static const struct {
        const char *text, *put; // put: all items' names; NULL: refused
        int peeks;
    } cases[] = {
        {"ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE", 4},
        {"fast", "FLAGS INTERNALDATE RFC822.SIZE", 3},
        {"FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY", 5},
        {"(FLAGS BODY[HEADER.FIELDS (DATE FROM)])", "FLAGS BODY[HEADER.FIELDS (DATE FROM)]", 1},
        {"body.peek[]<0.2048>", "BODY[]<0>", 1},
        {"BODY[1.2.3.MIME]", "BODY[1.2.3.MIME]", 0},
        {"BODY[1.HEADER]", "BODY[1.HEADER]", 0},
        {"BODY[4.2.HEADER.FIELDS.NOT (\"a b\")]<7.1>", "BODY[4.2.HEADER.FIELDS.NOT (\"a b\")]<7>",
         0},
        {"(UID RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
         "UID RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE", 3},
        {"(BODY BODYSTRUCTURE BODY[TEXT] FLAGS FLAGS)", "BODY BODYSTRUCTURE BODY[TEXT] FLAGS", 3},
        {"BINARY[1.2]", "BINARY[1.2]", 0},
        {"(binary.peek[]<3.4> BINARY[2] BINARY[2])", "BINARY[]<3> BINARY[2] BINARY[2]", 1},
        {"BINARY.SIZE[4]", "BINARY.SIZE[4]", 1},
        {"PREVIEW", "PREVIEW", 1},
        {"PREVIEW (LAZY)", "PREVIEW", 1},
        {"(UID PREVIEW (lazy) SAVEDATE)", "UID PREVIEW SAVEDATE", 3},
        {"(PREVIEW EMAILID THREADID)", "PREVIEW EMAILID THREADID", 3},
        {"(ALL)", NULL, 0},
        {"()", NULL, 0},
        {"BINARY", NULL, 0},
        {"BINARY[1.]", NULL, 0},
        {"BINARY[1.MIME]", NULL, 0},
        {"BINARY[TEXT]", NULL, 0},
        {"BINARY.SIZE[1]<0.1>", NULL, 0},
        {"PREVIEW (EAGER)", NULL, 0},
        {"PREVIEW ()", NULL, 0},
        {"BODY.PEEK", NULL, 0},
        {"BODY[MIME]", NULL, 0},
        {"BODY[0]", NULL, 0},
        {"BODY[1.]", NULL, 0},
        {"BODY[.1]", NULL, 0},
        {"BODY[HEADER.FIELDS ()]", NULL, 0},
        {"BODY[HEADER.FIELDS]", NULL, 0},
        {"BODY[]<0.0>", NULL, 0},
        {"BODY[]<0>", NULL, 0},
        {"BODY[", NULL, 0},
        {"FLAGSX", NULL, 0},
        {"", NULL, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_fetch fetch;
        bool ok = imap_scan_fetch(&in, &arena, &fetch) && scan_is_end(&in);
        int peeks = 0;

        assert_int_equal(ok, !!cases[i].put);
        if (!ok)
            continue;
        buf_clear(&out);
        for (size_t n = 0; n < fetch.count; n++) {
            if (n > 0)
                buf_put_char(&out, ' ');
            imap_fetch_item_put(&out, &fetch.items[n]);
            peeks += fetch.items[n].is_peek;
        }
        assert_string_equal(buf_cstr(&out), cases[i].put);
        assert_int_equal(peeks, cases[i].peeks);
    }
}

static void lists(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        unsigned selects, returns, status;
        size_t patterns;
    } cases[] = {
        {" \"\" *", true, 0, 0, 0, 1},
        {" ~/Mail/ %", true, 0, 0, 0, 1},
        {" () \"\" (INBOX Drafts)", true, 0, 0, 0, 2},
        {" (SUBSCRIBED RECURSIVEMATCH) \"\" \"*\" RETURN (CHILDREN)", true,
         IMAP_LIST_SUBSCRIBED | IMAP_LIST_RECURSIVE_MATCH, IMAP_LIST_CHILDREN, 0, 1},
        {" \"\" % RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)", true, 0,
         IMAP_LIST_STATUS | IMAP_LIST_SPECIAL_USE, IMAP_STATUS_MESSAGES | IMAP_STATUS_UNSEEN, 1},
        {" (SPECIAL-USE) \"\" * RETURN ()", true, IMAP_LIST_SPECIAL_USE, 0, 0, 1},
        {" (RECURSIVEMATCH) \"\" *", false, 0, 0, 0, 0},
        {" (FOO) \"\" *", false, 0, 0, 0, 0},
        {" \"\" * RETURN (STATUS)", false, 0, 0, 0, 0},
        {" \"\"", false, 0, 0, 0, 0},
        {" \"\" * x", false, 0, 0, 0, 0},
        {" \"\" ()", false, 0, 0, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_list list;

        assert_int_equal(imap_list_parse(&in, &arena, &list), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(list.selects, cases[i].selects);
        assert_int_equal(list.returns, cases[i].returns);
        assert_int_equal(list.status_items, cases[i].status);
        assert_int_equal(list.pattern_count, cases[i].patterns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),
        cmocka_unit_test(literals_at_a_lines_end),
        cmocka_unit_test(strings),
        cmocka_unit_test(strings_put),
        cmocka_unit_test(sequences),
        cmocka_unit_test(sets_put),
        cmocka_unit_test(flags),
        cmocka_unit_test(patterns),
        cmocka_unit_test(names),
        cmocka_unit_test(names_in_utf8),
        cmocka_unit_test(fetches),
        cmocka_unit_test(lists),
        cmocka_unit_test(modifiers_of_select),
        cmocka_unit_test(notify_arguments),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
