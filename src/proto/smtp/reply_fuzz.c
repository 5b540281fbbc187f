// SPDX-License-Identifier: ISC
//
// Any bytes as what a server answers, line by line: no crash, no growth; and what we put we read.
#include "base/check.h"
#include "proto/smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_own(unsigned code, struct str text)
{
    struct smtp_reply r;
    struct buf wire;
    struct str rest, line;
    enum smtp_reply_answer answer = SMTP_REPLY_MORE;

    buf_init(&wire, 1 << 20);
    smtp_reply_init(&r);
    smtp_reply_put(&wire, code, "2.0.0", str_head(text, 200));
    rest = buf_str(&wire);
    while (answer == SMTP_REPLY_MORE && str_split(&rest, '\n', &line)) {
        CHECK(line.len > 0 && line.ptr[line.len - 1] == '\r');
        CHECK(line.len - 1 <= SMTP_REPLY_LINE_MAX);
        answer = smtp_reply_add(&r, str_head(line, line.len - 1));
    }
    CHECK(answer == SMTP_REPLY_WHOLE || r.line_count > SMTP_REPLY_LINES_MAX);
    smtp_reply_done(&r);
    buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data, size), line;
    struct smtp_reply r;
    struct smtp_offer offer;

    smtp_reply_init(&r);
    while (str_split(&rest, '\n', &line)) {
        enum smtp_reply_answer answer = smtp_reply_add(&r, line);

        CHECK(r.text.len <= SMTP_REPLY_BYTES_MAX && r.line_count <= SMTP_REPLY_LINES_MAX + 1);
        if (answer == SMTP_REPLY_MORE)
            continue;
        smtp_offer_parse(&r, &offer);
        smtp_reply_clear(&r);
    }
    smtp_reply_done(&r);
    check_own(250, str_of(data, size));
    return 0;
}
