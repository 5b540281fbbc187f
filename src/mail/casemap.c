// SPDX-License-Identifier: ISC
#include "mail/casemap.h"

#include "base/check.h"

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

enum { DECOMPOSED_MAX = 64 };

static void put_code_point(struct buf *out, ucs4_t c)
{
    uint8_t bytes[6];
    int len = u8_uctomb(bytes, c, sizeof(bytes));

    CHECK(len > 0); // decompositions of characters are characters
    buf_put(out, str_of(bytes, (size_t)len));
}

/// RFC 5051 2 (b) and (c): the first of `left` is replaced by what it consists of, until nothing
/// can be taken apart any more.
static void put_decomposed(struct buf *out, ucs4_t c)
{
    ucs4_t left[DECOMPOSED_MAX] = {c}, parts[UC_DECOMPOSITION_MAX_LENGTH];
    size_t count = 1;
    int tag;

    while (count) {
        int more = uc_decomposition(left[0], &tag, parts);

        if (more <= 0 || count - 1 + (size_t)more > DECOMPOSED_MAX) {
            put_code_point(out, left[0]);
            more = 0;
        }
        memmove(left + more, left + 1, (count - 1) * sizeof(left[0]));
        memcpy(left, parts, (size_t)more * sizeof(left[0]));
        count += (size_t)more - 1;
    }
}

static void put_ascii(struct buf *out, struct str ascii)
{
    char *to = buf_room(out, ascii.len);

    if (!to)
        return;
    for (size_t i = 0; i < ascii.len; i++)
        to[i] = char_upper(ascii.ptr[i]);
    buf_added(out, ascii.len);
}

void casemap_put(struct buf *out, struct str utf8)
{
    for (size_t i = 0; i < utf8.len && buf_ok(out);) {
        size_t start = i;
        ucs4_t c;

        while (i < utf8.len && !(utf8.ptr[i] & 0x80))
            i++;
        put_ascii(out, str_of(utf8.ptr + start, i - start));
        if (i == utf8.len)
            return;
        i += (size_t)u8_mbtouc(&c, (const uint8_t *)utf8.ptr + i, utf8.len - i);
        put_decomposed(out, uc_totitle(c));
    }
}
