// SPDX-License-Identifier: ISC
//
// xtext (RFC 3461 4): printable ASCII as it is, all else as "+" and two upper-case hex digits.
#include "proto/smtp/command.h"

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 127 && c != '+' && c != '=';
}

/// The value of a digit of hexchar, or -1.
static int upper_hex(char c)
{
    return c >= 'a' && c <= 'f' ? -1 : char_hex(c);
}

bool smtp_xtext_is_valid(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain((unsigned char)text.ptr[i]))
            continue;
        if (text.ptr[i] != '+' || text.len - i < 3 || upper_hex(text.ptr[i + 1]) < 0 ||
            upper_hex(text.ptr[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

bool smtp_xtext_decode(struct str text, struct buf *out)
{
    if (!smtp_xtext_is_valid(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '+') {
            buf_put_char(out, (char)(upper_hex(text.ptr[i + 1]) * 16 + upper_hex(text.ptr[i + 2])));
            i += 2;
        } else {
            buf_put_char(out, text.ptr[i]);
        }
    }
    return true;
}
