// SPDX-License-Identifier: ISC
#include "base/buf.h"
#include "receive/smtp/header.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    struct str message;
    size_t header_len; // where missing fields go; SIZE_MAX: the header does not end
    bool has_line, has_date, has_message_id;
    unsigned hops;
} ROWS[] = {
    {STR("Subject: x\r\n\r\nbody\r\n"), 12, true, false, false, 0},
    {STR("Date: x\r\nmessage-id : <a@b>\r\n\r\nbody\r\n"), 29, true, true, true, 0},
    {STR("Received: a\r\n b\r\nReceived: c\r\nX-Received: d\r\n\r\n"), 45, true, false, false, 2},
    {STR("\r\nDate: in the body\r\n"), 0, true, false, false, 0},
    {STR("hello world\r\n\r\nDate: x\r\n"), 0, false, false, false, 0},
    {STR("hello\r\n"), 0, false, false, false, 0},
    {STR(" with ESMTPSA\r\nDate: x\r\n\r\n"), 0, false, false, false, 0},
    {STR("\t\r\nReceived: x\r\n\r\n"), 0, false, false, false, 0},
    {STR(": x\r\n"), 0, false, false, false, 0},
    {STR("From ana@example.test Mon\r\nDate: x\r\n\r\n"), 36, true, true, false, 0},
    {STR("Subject: x\r\nnot a field\r\nDate: y\r\n\r\nb"), 34, true, true, false, 0},
    {STR("Subject: x\r\nDate: y\r\n"), SIZE_MAX, false, true, false, 0},
    {STR("Subject: x"), SIZE_MAX, false, false, false, 0},
    {STR("Sub"), SIZE_MAX, false, false, false, 0},
    {STR("A: x\r\n Date: folded\r\n\tMessage-ID: y\r\n\r\n"), 37, true, false, false, 0},
    {STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "a:"
         "\r\n"),
     0, false, false, false, 0},
};

/// Feeds the message in pieces of `step` bytes and puts "|" where missing fields would go.
static void play(struct str message, size_t step, struct receive_header *h, struct buf *out,
                 enum receive_header_step *last)
{
    *last = RECEIVE_HEADER_MORE;
    for (size_t at = 0; at < message.len; at += step) {
        struct str in = str_head(str_skip(message, at), step), piece;

        while (in.len > 0 && !h->is_over) {
            *last = receive_header_next(h, &in, &piece);
            buf_put(out, piece);
            if (*last == RECEIVE_HEADER_MORE)
                continue;
            buf_put_char(out, '|');
            buf_put(out, str_of(h->held, h->held_len));
            h->held_len = 0;
        }
        buf_put(out, in);
    }
    buf_put(out, str_of(h->held, h->held_len));
}

static void check_row(size_t i, size_t step)
{
    struct receive_header h = {0};
    enum receive_header_step last;
    struct buf out, want;

    buf_init(&out, 1000);
    buf_init(&want, 1000);
    play(ROWS[i].message, step, &h, &out, &last);
    buf_put(&want, str_head(ROWS[i].message, ROWS[i].header_len));
    if (ROWS[i].header_len != SIZE_MAX) {
        buf_put_char(&want, '|');
        buf_put(&want, str_skip(ROWS[i].message, ROWS[i].header_len));
        assert_int_equal(last, ROWS[i].has_line ? RECEIVE_HEADER_END : RECEIVE_HEADER_NO_LINE);
    }
    if (!str_eq(buf_str(&out), buf_str(&want)))
        fail_msg("row %zu, pieces of %zu: %.*s", i, step, STR_ARG(buf_str(&out)));
    assert_int_equal(h.hops, ROWS[i].hops);
    assert_int_equal(h.has_date, ROWS[i].has_date);
    assert_int_equal(h.has_message_id, ROWS[i].has_message_id);
    buf_done(&out);
    buf_done(&want);
}

static void headers_end_at_the_same_place_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        for (size_t step = 1; step <= ROWS[i].message.len; step++)
            check_row(i, step);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_end_at_the_same_place_however_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
