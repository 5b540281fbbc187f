// SPDX-License-Identifier: ISC
//
// Any message with raw bytes into lines. First byte: how it is cut. Whatever it is,
//  - the result does not depend on the cuts;
//  - each piece puts no more than was promised;
//  - what comes out has no part left to be changed.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/binary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct str message, size_t piece, struct buf *out)
{
    struct binary *b = binary_new();

    for (size_t at = 0; at < message.len; at += piece) {
        struct str bytes = str_head(str_skip(message, at), piece);
        size_t before = out->len;

        binary_put(b, bytes, out);
        CHECK(out->len - before <= 2 * bytes.len + BINARY_ROOM);
    }
    binary_end(b, out);
    CHECK(buf_ok(out));
    binary_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_drop) struct buf whole = {.max = 4 << 20}, cut = {.max = 4 << 20};
    CLEANUP(buf_drop) struct buf again = {.max = 16 << 20};
    struct str message;

    if (size < 1 || size > 65536)
        return 0;
    message = str_of(data + 1, size - 1);
    run(message, message.len + 1, &whole);
    run(message, 1 + data[0] % 100, &cut);
    CHECK(str_eq(buf_str(&whole), buf_str(&cut)));
    run(buf_str(&whole), 4096, &again);
    CHECK(str_eq(buf_str(&whole), buf_str(&again)));
    return 0;
}
