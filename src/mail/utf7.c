// SPDX-License-Identifier: ISC
#include "mail/utf7.h"

#include "base/cleanup.h"
#include "base/scan.h"

#include <unistr.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(unsigned c)
{
    return c >= 32 && c <= 126;
}

struct bits {
    uint32_t value;
    unsigned count;
};

static void put_unit(struct buf *out, struct bits *b, unsigned unit)
{
    b->value = b->value << 16 | unit;
    b->count += 16;
    while (b->count >= 6) {
        b->count -= 6;
        buf_put_char(out, digits[b->value >> b->count & 63]);
    }
    b->value &= (1U << b->count) - 1;
}

static void put_code_point(struct buf *out, struct bits *b, ucs4_t c)
{
    if (c < 0x10000) {
        put_unit(out, b, c);
        return;
    }
    put_unit(out, b, 0xd800 + ((c - 0x10000) >> 10));
    put_unit(out, b, 0xdc00 + (c & 0x3ff));
}

static void end_shift(struct buf *out, struct bits *b)
{
    if (b->count)
        buf_put_char(out, digits[b->value << (6 - b->count) & 63]);
    *b = (struct bits){0};
    buf_put_char(out, '-');
}

bool utf7_put(struct buf *out, struct str utf8)
{
    const uint8_t *at = (const uint8_t *)utf8.ptr;
    size_t left = utf8.len;
    struct bits b = {0};
    bool is_shifted = false;

    if (left && u8_check(at, left))
        return false;
    while (left) {
        ucs4_t c;
        int len = u8_mbtouc(&c, at, left);

        at += len;
        left -= (size_t)len;
        if (is_direct(c) && is_shifted)
            end_shift(out, &b);
        if (!is_direct(c) && !is_shifted)
            buf_put_char(out, '&');
        is_shifted = !is_direct(c);
        if (is_shifted)
            put_code_point(out, &b, c);
        else
            buf_put(out, c == '&' ? STR("&-") : str_of(&(char){(char)c}, 1));
    }
    if (is_shifted)
        end_shift(out, &b);
    return true;
}

static int digit_value(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

struct surrogates {
    unsigned high; // waiting for its other half
};

static bool take_unit(struct buf *out, struct surrogates *s, unsigned unit)
{
    uint8_t bytes[6];
    ucs4_t c = unit;
    int len;

    if (s->high) {
        if (unit < 0xdc00 || unit > 0xdfff)
            return false;
        c = 0x10000 + ((s->high - 0xd800) << 10) + (unit - 0xdc00);
        s->high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
        s->high = unit;
        return true;
    } else if (is_direct(unit)) {
        return false;
    }
    len = u8_uctomb(bytes, c, sizeof(bytes));
    if (len < 0)
        return false; // a lone low surrogate
    buf_put(out, str_of(bytes, (size_t)len));
    return true;
}

// What stands between "&" and "-", which is not empty.
static bool decode_shifted(struct buf *out, struct scan *in)
{
    struct surrogates s = {0};
    struct bits b = {0};

    while (!scan_char(in, '-')) {
        int value = scan_peek(in) < 0 ? -1 : digit_value(*in->at);

        if (value < 0)
            return false;
        in->at++;
        b.value = (b.value << 6 | (unsigned)value) & 0xfffff;
        b.count += 6;
        if (b.count >= 16) {
            b.count -= 16;
            if (!take_unit(out, &s, b.value >> b.count & 0xffff))
                return false;
        }
    }
    return !s.high && b.count < 6 && (b.value & ((1U << b.count) - 1)) == 0;
}

static bool decode(struct buf *out, struct str name)
{
    struct scan in = scan_of(name);
    bool was_shifted = false;

    while (!scan_is_end(&in)) {
        char c = *in.at++;

        if (!is_direct((unsigned char)c))
            return false;
        if (c != '&') {
            buf_put_char(out, c);
            was_shifted = false;
        } else if (scan_char(&in, '-')) {
            buf_put_char(out, '&');
            was_shifted = false;
        } else {
            if (was_shifted || !decode_shifted(out, &in))
                return false;
            was_shifted = true;
        }
    }
    return true;
}

bool utf7_put_decoded(struct buf *out, struct str name)
{
    CLEANUP(buf_drop) struct buf utf8 = {0};

    buf_init(&utf8, name.len * 2);
    if (!decode(&utf8, name))
        return false;
    buf_put(out, buf_str(&utf8));
    return true;
}
