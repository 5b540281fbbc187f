// SPDX-License-Identifier: ISC
#include "mail/mbox.h"
#include "mail/test.h"

#include <errno.h>

static ssize_t read_text(void *arg, uint64_t offset, void *to, size_t len)
{
    struct str text = str_skip(*(struct str *)arg, (size_t)offset);

    text = str_head(text, len < 7000 ? len : 7000); // in pieces
    memcpy(to, text.ptr, text.len);
    return (ssize_t)text.len;
}

enum { MESSAGES_MAX = 8 };

struct parsed {
    struct buf bytes[MESSAGES_MAX];
    struct mbox_message messages[MESSAGES_MAX];
    size_t count;
    int answer;
    struct arena arena;
};

static void parse(struct str text, enum mbox_kind kind, size_t max, struct parsed *out)
{
    CLEANUP(buf_drop) struct buf raw = {.max = max};
    struct mbox m;
    uint64_t offset;

    *out = (struct parsed){0};
    arena_init(&out->arena, 1 << 20);
    out->answer = mbox_open(&m, kind, read_text, &text);
    while (out->answer == 0 && out->count < MESSAGES_MAX) {
        out->answer = mbox_next(&m, &raw, &offset);
        if (out->answer != 0)
            continue;
        out->bytes[out->count] = test_buf();
        mbox_message_take(m.kind, buf_str(&raw), &out->arena, &out->messages[out->count],
                          &out->bytes[out->count]);
        out->count++;
    }
    mbox_done(&m);
}

static void parsed_done(struct parsed *p)
{
    for (size_t i = 0; i < p->count; i++)
        buf_done(&p->bytes[i]);
    arena_done(&p->arena);
}

#define F1 "From a@b.c Thu Jan  1 00:00:10 1970\n"
#define F2 "From d e Thu Jan  1 00:00:20 1970\n"

static void messages_are_split_and_unquoted(void **state)
{
    static const struct {
        const char *what;
        enum mbox_kind kind;
        const char *text;
        const char *messages[4];
    } rows[] = {
        {"two",
         MBOX_AUTO,
         F1 "A: 1\n\nx\n\n" F2 "B: 2\n\ny\n\n",
         {"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
        {"without the last empty line", MBOX_AUTO, F1 "A: 1\n\nx\n", {"A: 1\r\n\r\nx\r\n"}},
        {"without the last line end", MBOX_AUTO, F1 "A: 1\n\nx", {"A: 1\r\n\r\nx"}},
        {"CRLF",
         MBOX_AUTO,
         "From a Thu Jan  1 00:00:10 1970\r\nA: 1\r\n\r\nx\r\n\r\n" F2 "B: 2\n\n",
         {"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\n"}},
        {"rd",
         MBOX_AUTO,
         F1 "A: 1\n\n>From x\n>>From y\n>Fromage\n\n",
         {"A: 1\r\n\r\nFrom x\r\n>From y\r\n>Fromage\r\n"}},
        {"o", MBOX_O, F1 "A: 1\n\n>From x\n>>From y\n\n", {"A: 1\r\n\r\nFrom x\r\n>>From y\r\n"}},
        {"somebody writes From",
         MBOX_AUTO,
         F1 "A: 1\n\nx\n\nFrom here on\n\nFrom Thu on\n\n",
         {"A: 1\r\n\r\nx\r\n\r\nFrom here on\r\n\r\nFrom Thu on\r\n"}},
        {"no empty line between",
         MBOX_AUTO,
         F1 "A: 1\n\nx\n" F2 "B: 2\n\ny\n",
         {"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
        {"a From line within a paragraph",
         MBOX_AUTO,
         F1 "A: 1\n\nx\n" F2 "y z\n",
         {"A: 1\r\n\r\nx\r\nFrom d e Thu Jan  1 00:00:20 1970\r\ny z\r\n"}},
        {"no body", MBOX_AUTO, F1 "A: 1\n\n\n" F2 "\n\n", {"A: 1\r\n\r\n", "\r\n"}},
        {"cl2",
         MBOX_AUTO,
         F1 "Content-Length: 45\n\nx\n\n" F2 ">From x\n\n" F2 "Content-Length: 2\n\ny\n\n",
         {"\r\nx\r\n\r\nFrom d e Thu Jan  1 00:00:20 1970\r\n>From x\r\n", "\r\ny\r\n"}},
        {"a length that lies is none",
         MBOX_AUTO,
         F1 "Content-Length: 9\n\nx\n\n" F2 "A: 2\n\ny\n\n",
         {"Content-Length: 9\r\n\r\nx\r\n", "A: 2\r\n\r\ny\r\n"}},
        {"nor is one past the end",
         MBOX_CL2,
         F1 "Content-Length: 999999\n\nx\n\n" F2 "A: 2\n\ny\n\n",
         {"\r\nx\r\n", "A: 2\r\n\r\ny\r\n"}},
        {"one stranger's length decides nothing",
         MBOX_AUTO,
         F1 "A: 1\n\nx\n\n" F1 "Content-Length: 43\n\nx\n\n" F2 "A: 2\n\ny\n\n" F2 "A: 3\n\nz\n\n",
         {"A: 1\r\n\r\nx\r\n", "Content-Length: 43\r\n\r\nx\r\n", "A: 2\r\n\r\ny\r\n",
          "A: 3\r\n\r\nz\r\n"}},
        {"marks go",
         MBOX_AUTO,
         F1 "A: 1\nStatus: RO\nX-Status: A\nX-UID: 7\nX-Keywords: a b\n\nx\n\n",
         {"A: 1\r\n\r\nx\r\n"}},
        {"Mozilla's only at the top",
         MBOX_AUTO,
         F1 "X-Mozilla-Status: 0001\nX-Mozilla-Keys: k\nA: 1\nX-Mozilla-Status: 0008\n\nx\n\n",
         {"A: 1\r\nX-Mozilla-Status: 0008\r\n\r\nx\r\n"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p;
        size_t k = 0;

        parse(str_from(rows[i].text), rows[i].kind, 1 << 20, &p);
        for (; k < 4 && rows[i].messages[k]; k++)
            ASSERT_STR(k < p.count ? buf_str(&p.bytes[k]) : STR_NONE, str_from(rows[i].messages[k]),
                       rows[i].what);
        if (p.count != k || p.answer != MBOX_END)
            fail_msg("%s: %zu messages, answer %d", rows[i].what, p.count, p.answer);
        parsed_done(&p);
    }
}

static void from_lines_tell_when(void **state)
{
    static const struct {
        const char *line;
        int64_t seconds; // -1: none
    } rows[] = {
        {"From a@b Wed Jul 17 09:44:25 1996\n", 837596665},
        {"From a@b Wed Jul 17 09:44:25 1996\r\n", 837596665},
        {"From - Wed Jul 17 09:44:25 1996\n", 837596665},
        {"From \"a b\"@c Wed Jul 17 09:44:25 1996\n", 837596665},
        {"From a@b Wed Jul 17 11:44:25 1996 +0200\n", 837596665},
        {"From a@b Wed Jul 17 11:44:25 +0200 1996\n", 837596665},
        {"From a@b Wed Jul 17 02:44:25 PDT 1996\n", 837596665},
        {"From a@b Wed Jul 17 09:44:25 1996 remote from x\n", 837596665},
        {"From a@b Wed Jul  7 09:44 1996\n", 836732640},
        {"From Mon to Wed Jul 17 09:44:25 1996\n", 837596665},
        {"From a@b Wed Jul 17\n", -1},
        {"From a@b\n", -1},
        {"From Wed\n", -1},
        {"From: a@b Wed Jul 17 09:44:25 1996\n", -1},
        {"from a@b Wed Jul 17 09:44:25 1996\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p;

        parse(str_from(rows[i].line), MBOX_AUTO, 1 << 20, &p);
        if (rows[i].seconds < 0)
            assert_int_equal(p.answer, MBOX_NONE);
        else if (p.count != 1 || !p.messages[0].has_date ||
                 p.messages[0].seconds != rows[i].seconds)
            fail_msg("%s: %lld", rows[i].line, (long long)p.messages[0].seconds);
        parsed_done(&p);
    }
}

static void marks_become_flags(void **state)
{
    static const struct {
        const char *marks;
        unsigned flags;
        const char *keyword;
        bool is_internal;
    } rows[] = {
        {"Status: RO\n", MBOX_SEEN, NULL, false},
        {"Status: O\nX-Status: AFDT\n", MBOX_ANSWERED | MBOX_FLAGGED | MBOX_DELETED | MBOX_DRAFT,
         NULL, false},
        {"X-Keywords: $Label1 other\n", 0, "$Label1", false},
        {"X-Mozilla-Status: 0007\n", MBOX_SEEN | MBOX_ANSWERED | MBOX_FLAGGED, NULL, false},
        {"X-Mozilla-Status: 0009\n", MBOX_SEEN | MBOX_DELETED, NULL, false},
        {"X-IMAP: 1 2\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n", 0, NULL,
         true},
        {"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n", 0, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf text = test_buf();
        struct parsed p;

        buf_putf(&text, "%s%s\nx\n\n", F1, rows[i].marks);
        parse(buf_str(&text), MBOX_AUTO, 1 << 20, &p);
        assert_int_equal(p.count, 1);
        assert_int_equal(p.messages[0].flags, rows[i].flags);
        assert_int_equal(p.messages[0].is_internal, rows[i].is_internal);
        if (rows[i].keyword)
            ASSERT_STR(p.messages[0].keywords[0], str_from(rows[i].keyword), rows[i].marks);
        parsed_done(&p);
    }
}

static void what_was_put_is_taken_back_to_the_byte(void **state)
{
    static const struct str rows[] = {
        STR("A: 1\r\n\r\nx\r\n"),
        STR("A: 1\r\n\r\nFrom x\r\n>From y\r\n\r\nFrom a Thu Jan  1 00:00:10 1970\r\nA: 1\r\n"),
        STR("A: 1\r\n\r\nx"),
        STR("A: 1\r\n\r\nx\ny\r\n"),
        STR("A: 1\r\n\r\nx\r\r\n"),
        STR("A: 1\r\n\r\nx\r"),
        STR("A: 1\r\n\r\nx\n\r"),
        STR("A: 1\r\n"),
        STR("A: 1"),
        STR(""),
        STR("\r\n"),
        STR("\r\n\r\n\r\n"),
        STR(" blank\r\n\r\nx\r\n"),
        STR("X-Lines: as-is\r\n\r\nx\r\n"),
        STR("Status: RO\r\nX-Status: F\r\nX-Keywords: k\r\nX-UID: 7\r\n\r\nx\r\n"),
        STR("Content-Length: 3\r\n\r\nx\r\n\r\n"),
        STR("A: \0\xff\r\n\r\n\0\0\r\n"),
        STR("\nFrom a Thu Jan  1 00:00:10 1970\n"),
    };
    static const struct str keywords[] = {STR("$Label1"), STR("zwei")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf text = test_buf();
        struct mbox_envelope e = {STR("a b@c"), 837596665, (unsigned)i & 31, keywords, i % 3};
        struct parsed p;

        mbox_message_put(&text, &e, rows[i]);
        mbox_message_put(&text, &e, rows[i]);
        parse(buf_str(&text), MBOX_AUTO, 1 << 20, &p);
        if (p.count != 2 || p.answer != MBOX_END)
            fail_msg("row %zu: %zu messages, answer %d", i, p.count, p.answer);
        for (size_t k = 0; k < 2; k++) {
            ASSERT_STR(buf_str(&p.bytes[k]), rows[i], "bytes");
            assert_int_equal(p.messages[k].seconds, 837596665);
            assert_int_equal(p.messages[k].flags, i & 31);
            assert_int_equal(p.messages[k].keyword_count, i % 3);
        }
        parsed_done(&p);
    }
}

static void a_message_too_large_is_passed_over(void **state)
{
    CLEANUP(buf_drop) struct buf text = test_buf(), raw = {.max = 4096};
    struct str view;
    struct mbox m;
    uint64_t offset;

    (void)state;
    buf_put(&text, STR(F1 "A: 1\n\n"));
    for (int i = 0; i < 300000; i++) // one line longer than any window
        buf_put(&text, STR("abcd"));
    buf_put(&text, STR("\n\n" F2 "B: 2\n\ny\n"));
    view = buf_str(&text);
    assert_int_equal(mbox_open(&m, MBOX_AUTO, read_text, &view), 0);
    assert_int_equal(mbox_next(&m, &raw, &offset), MBOX_TOO_LARGE);
    assert_int_equal(offset, 0);
    assert_int_equal(mbox_next(&m, &raw, &offset), 0);
    assert_int_equal(offset, 1200000 + sizeof(F1 "A: 1\n\n\n\n") - 1);
    ASSERT_STR(buf_str(&raw), STR(F2 "B: 2\n\ny\n"), "the next one");
    assert_int_equal(mbox_next(&m, &raw, &offset), MBOX_END);
    mbox_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_split_and_unquoted),
        cmocka_unit_test(from_lines_tell_when),
        cmocka_unit_test(marks_become_flags),
        cmocka_unit_test(what_was_put_is_taken_back_to_the_byte),
        cmocka_unit_test(a_message_too_large_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
