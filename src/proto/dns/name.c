// SPDX-License-Identifier: ISC
#include "proto/dns/name.h"

#include "proto/dns/record.h"

enum { LABEL_MAX = 63, WIRE_MAX = 255 }; // RFC 1035 2.3.4

// ---- bytes to text

static void put_byte(struct buf *out, char c)
{
    unsigned char byte = (unsigned char)c;

    if (byte <= ' ' || byte > '~') {
        buf_putf(out, "\\%03u", byte);
        return;
    }
    if (c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@')
        buf_put_char(out, '\\');
    buf_put_char(out, char_lower(c));
}

bool dns_name_scan(struct scan *in, struct buf *out)
{
    struct scan at = *in;
    size_t begun = out->len, wire = 0;
    int len;

    while ((len = scan_peek(&at)) > 0) {
        wire += 1 + (size_t)len;
        if (len > LABEL_MAX || wire >= WIRE_MAX || at.end - at.at < 1 + len)
            return false;
        if (out->len > begun)
            buf_put_char(out, '.');
        at.at++;
        for (int i = 0; i < len; i++)
            put_byte(out, *at.at++);
    }
    if (len < 0 || !buf_ok(out) || out->len - begun > DNS_NAME_MAX)
        return false;
    at.at++;
    *in = at;
    return true;
}

// ---- text to bytes

/// "\032" or "\.": the byte it stands for.
static bool scan_escape(struct scan *in, unsigned char *out)
{
    struct scan at = *in;
    unsigned value = 0;

    if (!scan_char(&at, '\\') || scan_is_end(&at))
        return false;
    if (!char_is_digit((char)scan_peek(&at))) {
        if (scan_peek(&at) <= ' ' || scan_peek(&at) > '~')
            return false;
        *out = (unsigned char)*at.at++;
        *in = at;
        return true;
    }
    for (int i = 0; i < 3; i++) {
        int c = scan_peek(&at);

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
        at.at++;
    }
    if (value > 255)
        return false;
    *out = (unsigned char)value;
    *in = at;
    return true;
}

static bool scan_byte(struct scan *in, unsigned char *out)
{
    int c = scan_peek(in);

    if (c == '\\')
        return scan_escape(in, out);
    if (c <= ' ' || c > '~' || c == '.')
        return false;
    *out = (unsigned char)c;
    in->at++;
    return true;
}

bool dns_name_put(struct buf *out, struct str name)
{
    struct scan in = scan_of(name);
    unsigned char wire[WIRE_MAX], byte;
    size_t len = 0;

    if (str_eq(name, STR(".")))
        in.at = in.end;
    while (!scan_is_end(&in)) {
        size_t head = len++;

        while (scan_byte(&in, &byte)) {
            if (len - head > LABEL_MAX || len >= WIRE_MAX - 1)
                return false;
            wire[len++] = byte;
        }
        if (len - head == 1 || (!scan_is_end(&in) && !scan_char(&in, '.')))
            return false;
        wire[head] = (unsigned char)(len - head - 1);
    }
    wire[len++] = 0;
    buf_put(out, str_of(wire, len));
    return buf_ok(out);
}
