// SPDX-License-Identifier: ISC
//
// Any bytes as DATA. The first byte chooses the cuts. Whatever the cuts: the same text, the same
// faults, the same end, and that end is the first CR LF "." CR LF. What was stuffed comes back.
#include "base/check.h"
#include "proto/smtp/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// Returns how many bytes were eaten.
static size_t decode(struct str in, size_t step, struct smtp_dot *d, struct buf *out)
{
    size_t at = 0;

    *d = (struct smtp_dot){0};
    while (at < in.len && !smtp_dot_is_end(d)) {
        struct str chunk = str_head(str_skip(in, at), step), piece;
        size_t len = chunk.len;

        while (smtp_dot_next(d, &chunk, &piece))
            buf_put(out, piece);
        at += len - chunk.len;
    }
    return at;
}

/// Where CR LF "." CR LF ends, the CR LF before the first line being that of DATA itself.
static size_t true_end(struct str in)
{
    ptrdiff_t at;

    if (str_starts(in, STR(".\r\n")))
        return 3;
    at = str_find_str(in, STR("\r\n.\r\n"));
    return at < 0 ? in.len : (size_t)at + 5;
}

static void check_round(struct str in)
{
    struct smtp_stuff s = {0};
    struct smtp_dot d;
    struct buf wire, back;

    buf_init(&wire, in.len * 3 + 100);
    buf_init(&back, in.len * 3 + 100);
    smtp_stuff_put(&s, in, &wire);
    smtp_stuff_end(&s, &wire);
    CHECK(decode(buf_str(&wire), 7, &d, &back) == wire.len);
    CHECK(smtp_dot_is_end(&d) && !d.text.has_bare);
    CHECK(back.len == 0 || str_ends(buf_str(&back), STR("\r\n")));
    buf_done(&wire);
    buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_dot whole, cut_up;
    struct buf a, b;
    struct str in;
    size_t eaten;

    if (size < 1)
        return 0;
    in = str_of(data + 1, size - 1);
    buf_init(&a, size);
    buf_init(&b, size);
    eaten = decode(in, in.len + 1, &whole, &a);
    CHECK(eaten == true_end(in));
    CHECK(decode(in, 1U + data[0], &cut_up, &b) == eaten);
    CHECK(whole.state == cut_up.state && str_eq(buf_str(&a), buf_str(&b)));
    CHECK(whole.text.has_bare == cut_up.text.has_bare);
    CHECK(whole.text.has_nul == cut_up.text.has_nul);
    buf_done(&a);
    buf_done(&b);
    check_round(in);
    return 0;
}
