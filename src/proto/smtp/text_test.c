// SPDX-License-Identifier: ISC
#include "proto/smtp/text.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/// What is left over goes to *rest when the end came.
static void decode(struct smtp_dot *d, struct str in, struct buf *out, struct str *rest)
{
    struct str piece;

    while (smtp_dot_next(d, &in, &piece))
        buf_put(out, piece);
    *rest = in;
}

struct row {
    struct str in, out;
    bool is_end, has_bare, has_nul;
    struct str rest;
};

/// What every cut of the same bytes must give.
static const struct row ROWS[] = {
    {STR(".\r\n"), STR(""), true, false, false, STR("")},
    {STR("a\r\n.\r\nQUIT\r\n"), STR("a\r\n"), true, false, false, STR("QUIT\r\n")},
    {STR("..\r\n...\r\n.a\r\n.\r\n"), STR(".\r\n..\r\na\r\n"), true, false, false, STR("")},
    {STR("a.\r\n.\r\n"), STR("a.\r\n"), true, false, false, STR("")},
    {STR("\r\n\r\n.\r\n"), STR("\r\n\r\n"), true, false, false, STR("")},
    {STR("a\0b\r\n.\r\n"), STR("a\0b\r\n"), true, false, true, STR("")},
    // the smuggler's ends: none of them is one
    {STR("a\n.\nMAIL\r\n.\r\n"), STR("a\n.\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\n.\r\nMAIL\r\n.\r\n"), STR("a\n.\r\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r\n.\nMAIL\r\n.\r\n"), STR("a\r\n\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r.\rMAIL\r\n.\r\n"), STR("a\r.\rMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r.\r\nMAIL\r\n.\r\n"), STR("a\r.\r\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r\n.\rMAIL\r\n.\r\n"), STR("a\r\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r\n.\r\r\nMAIL\r\n.\r\n"), STR("a\r\n\r\nMAIL\r\n"), true, true, false, STR("")},
    {STR("a\r\r\n.\r\n"), STR("a\r\r\n"), true, true, false, STR("")},
    {STR("a\n\n.\r\n.\r\n"), STR("a\n\n.\r\n"), true, true, false, STR("")},
    {STR("a\r\n\x00.\r\n.\r\n"), STR("a\r\n\x00.\r\n"), true, false, true, STR("")},
    {STR("a\n\r.\r\n.\r\n"), STR("a\n\r.\r\n"), true, true, false, STR("")},
    // no end yet
    {STR("a\r\n."), STR("a\r\n"), false, false, false, STR("")},
    {STR("a\r\n.\r"), STR("a\r\n"), false, false, false, STR("")},
    {STR("a"), STR("a"), false, false, false, STR("")},
};

static void check_row(const struct row *row, const struct smtp_dot *d, const struct buf *out,
                      struct str rest)
{
    assert_true(str_eq(buf_str(out), row->out));
    assert_int_equal(smtp_dot_is_end(d), row->is_end);
    assert_int_equal(d->text.has_bare, row->has_bare);
    assert_int_equal(d->text.has_nul, row->has_nul);
    assert_true(str_eq(rest, row->rest));
}

static void only_crlf_dot_crlf_ends(void **state)
{
    struct buf out;
    (void)state;

    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        for (size_t cut = 0; cut <= ROWS[i].in.len; cut++) {
            struct smtp_dot d = {0};
            struct str rest;

            buf_clear(&out);
            decode(&d, str_head(ROWS[i].in, cut), &out, &rest);
            if (smtp_dot_is_end(&d))
                rest = str_of(rest.ptr, rest.len + ROWS[i].in.len - cut);
            else
                decode(&d, str_skip(ROWS[i].in, cut), &out, &rest);
            check_row(&ROWS[i], &d, &out, rest);
        }
    }
    buf_done(&out);
}

static void bytes_one_by_one_give_the_same(void **state)
{
    struct buf out;
    (void)state;

    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct smtp_dot d = {0};
        struct str rest = STR("");
        size_t at = 0;

        buf_clear(&out);
        for (; at < ROWS[i].in.len && !smtp_dot_is_end(&d); at++)
            decode(&d, str_of(ROWS[i].in.ptr + at, 1), &out, &rest);
        check_row(&ROWS[i], &d, &out, str_skip(ROWS[i].in, at));
    }
    buf_done(&out);
}

/// The vector path: every place in a long text, with the fault there and nowhere else.
static void faults_are_seen_at_every_place(void **state)
{
    char text[200];
    (void)state;

    for (size_t i = 0; i < sizeof text; i++) {
        static const char FAULTS[] = {'\r', '\n', '\0'};

        for (size_t f = 0; f < sizeof FAULTS; f++) {
            struct smtp_text t = {0};

            memset(text, 'x', sizeof text);
            text[i] = FAULTS[f];
            smtp_text_look(&t, str_of(text, sizeof text));
            smtp_text_end(&t);
            assert_int_equal(t.has_bare, FAULTS[f] != '\0');
            assert_int_equal(t.has_nul, FAULTS[f] == '\0');
        }
        if (i > 0) {
            struct smtp_text t = {0};

            memset(text, 'x', sizeof text);
            text[i - 1] = '\r';
            text[i] = '\n';
            smtp_text_look(&t, str_of(text, sizeof text));
            smtp_text_end(&t);
            assert_false(t.has_bare);
        }
    }
}

static void stuffing_goes_there_and_back(void **state)
{
    static const struct {
        struct str in, wire;
    } STUFFED[] = {
        {STR(""), STR(".\r\n")},
        {STR("a"), STR("a\r\n.\r\n")},
        {STR("a\r\n"), STR("a\r\n.\r\n")},
        {STR(".\r\n..\r\n"), STR("..\r\n...\r\n.\r\n")},
        {STR("a\n.\nb\r.\rc"), STR("a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n")},
        {STR("a\r\r\n\n"), STR("a\r\n\r\n\r\n.\r\n")},
        {STR("\r\n.a"), STR("\r\n..a\r\n.\r\n")},
    };
    struct buf whole, cut_up;
    (void)state;

    buf_init(&whole, 1000);
    buf_init(&cut_up, 1000);
    for (size_t i = 0; i < COUNT(STUFFED); i++) {
        for (size_t cut = 0; cut <= STUFFED[i].in.len; cut++) {
            struct smtp_stuff s = {0};

            buf_clear(&cut_up);
            smtp_stuff_put(&s, str_head(STUFFED[i].in, cut), &cut_up);
            smtp_stuff_put(&s, str_skip(STUFFED[i].in, cut), &cut_up);
            smtp_stuff_end(&s, &cut_up);
            assert_true(str_eq(buf_str(&cut_up), STUFFED[i].wire));
        }
    }
    buf_done(&whole);
    buf_done(&cut_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_crlf_dot_crlf_ends),
        cmocka_unit_test(bytes_one_by_one_give_the_same),
        cmocka_unit_test(faults_are_seen_at_every_place),
        cmocka_unit_test(stuffing_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
