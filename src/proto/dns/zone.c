// SPDX-License-Identifier: ISC
//
// Records as they stand in a zone file (RFC 1035 5.1), one at a time, without $-lines, parentheses
// and relative names.
#include "base/cleanup.h"
#include "base/scan.h"
#include "proto/dns/record.h"

#include <arpa/inet.h>

enum { WORD_MAX = 2048, DATA_MAX = 65535, STRING_MAX = 255 };

static bool is_word_byte(char c)
{
    return c != ' ' && c != '\t';
}

static bool scan_word_of(struct scan *in, struct str *out)
{
    scan_blank(in);
    return scan_while(in, is_word_byte, WORD_MAX, out);
}

static bool put_number(struct buf *out, struct scan *in, uint64_t max)
{
    struct str word;
    uint64_t value;

    if (!scan_word_of(in, &word) || !str_to_u64(word, max, &value))
        return false;
    if (max > UINT8_MAX)
        buf_put_char(out, (char)(value >> 8));
    buf_put_char(out, (char)value);
    return true;
}

static bool put_address(struct buf *out, struct scan *in, int family, size_t len)
{
    char text[INET6_ADDRSTRLEN], bytes[16];
    struct str word;

    if (!scan_word_of(in, &word) || word.len >= sizeof(text))
        return false;
    memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    if (inet_pton(family, text, bytes) != 1)
        return false;
    buf_put(out, str_of(bytes, len));
    return true;
}

static bool put_name(struct buf *out, struct scan *in)
{
    struct str word;

    return scan_word_of(in, &word) && dns_name_put(out, word);
}

/// One byte of a string: itself, "\"", or "\065".
static bool scan_string_byte(struct scan *in, char *out)
{
    uint64_t value;

    if (!scan_char(in, '\\')) {
        *out = *in->at++;
        return true;
    }
    if (scan_is_end(in))
        return false;
    if (!char_is_digit(*in->at)) {
        *out = *in->at++;
        return true;
    }
    if (in->end - in->at < 3 || !str_to_u64(str_of(in->at, 3), UINT8_MAX, &value))
        return false;
    in->at += 3;
    *out = (char)value;
    return true;
}

static bool put_string(struct buf *out, struct scan *in)
{
    char bytes[STRING_MAX];
    size_t len = 0;
    bool is_quoted;

    scan_blank(in);
    is_quoted = scan_char(in, '"');
    while (!scan_is_end(in) && (is_quoted ? *in->at != '"' : is_word_byte(*in->at))) {
        if (len == sizeof(bytes) || !scan_string_byte(in, &bytes[len]))
            return false;
        len++;
    }
    if (is_quoted && !scan_char(in, '"'))
        return false;
    buf_put_char(out, (char)len);
    buf_put(out, str_of(bytes, len));
    return true;
}

static bool put_strings(struct buf *out, struct scan *in)
{
    do {
        if (!put_string(out, in))
            return false;
        scan_blank(in);
    } while (!scan_is_end(in));
    return true;
}

static bool put_hex(struct buf *out, struct scan *in)
{
    struct str word;

    if (!scan_word_of(in, &word) || word.len % 2)
        return false;
    for (size_t i = 0; i < word.len; i += 2) {
        int high = char_hex(word.ptr[i]), low = char_hex(word.ptr[i + 1]);

        if (high < 0 || low < 0)
            return false;
        buf_put_char(out, (char)(high << 4 | low));
    }
    return true;
}

static bool put_any(struct buf *out, enum dns_type type, struct scan *in)
{
    switch (type) {
    case DNS_A:
        return put_address(out, in, AF_INET, 4);
    case DNS_AAAA:
        return put_address(out, in, AF_INET6, 16);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
        return put_name(out, in);
    case DNS_MX:
        return put_number(out, in, UINT16_MAX) && put_name(out, in);
    case DNS_TXT:
        return put_strings(out, in);
    case DNS_TLSA:
        return put_number(out, in, UINT8_MAX) && put_number(out, in, UINT8_MAX) &&
               put_number(out, in, UINT8_MAX) && put_hex(out, in);
    default:
        return false;
    }
}

bool dns_data_put(struct buf *out, enum dns_type type, struct str text)
{
    CLEANUP(buf_drop) struct buf data = {0};
    struct scan in = scan_of(text);

    buf_init(&data, DATA_MAX);
    if (!put_any(&data, type, &in))
        return false;
    scan_blank(&in);
    if (!scan_is_end(&in) || !buf_ok(&data))
        return false;
    buf_put(out, buf_str(&data));
    return buf_ok(out);
}
