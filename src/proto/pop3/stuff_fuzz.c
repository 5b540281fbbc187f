// SPDX-License-Identifier: ISC
//
// Any message in any pieces: what is sent ends with the only line that is a single dot, has no bare
// CR or LF, and does not depend on the pieces. First byte: piece length; second: lines of TOP.
#include "base/check.h"
#include "proto/pop3/stuff.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void stuff_all(struct str message, size_t piece, uint32_t lines, struct buf *out)
{
    struct pop3_stuff stuff;

    pop3_stuff_init(&stuff, lines);
    for (; message.len > 0; message = str_skip(message, piece))
        pop3_stuff_put(&stuff, str_head(message, piece), out);
    pop3_stuff_end(&stuff, out);
}

static void check_sent(struct str sent)
{
    bool is_last = false;

    while (sent.len > 0) {
        ptrdiff_t end = str_find_str(sent, STR("\r\n"));
        struct str line;

        CHECK(end >= 0 && !is_last);
        line = str_head(sent, (size_t)end);
        CHECK(str_find(line, '\r') < 0 && str_find(line, '\n') < 0);
        is_last = str_eq(line, STR("."));
        sent = str_skip(sent, (size_t)end + 2);
    }
    CHECK(is_last);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct buf whole, pieces;
    struct str message;
    uint32_t lines;

    if (len < 2)
        return 0;
    lines = bytes[1] == 255 ? (uint32_t)POP3_ALL_LINES : bytes[1];
    message = str_of(bytes + 2, len - 2);
    buf_init(&whole, 3 * len + 16);
    buf_init(&pieces, 3 * len + 16);
    stuff_all(message, len, lines, &whole);
    stuff_all(message, (size_t)bytes[0] + 1, lines, &pieces);
    CHECK(buf_ok(&whole) && str_eq(buf_str(&whole), buf_str(&pieces)));
    check_sent(buf_str(&whole));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
