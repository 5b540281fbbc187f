// SPDX-License-Identifier: ISC
#include "proto/dns/record.h"

#include "base/cleanup.h"
#include "mail/encoding.h"
#include "proto/dns/name.h"

#include <arpa/inet.h>

static const struct {
    enum dns_type type;
    const char *name;
} types[] = {
    {DNS_A, "A"},     {DNS_NS, "NS"},     {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"},
    {DNS_PTR, "PTR"}, {DNS_MX, "MX"},     {DNS_TXT, "TXT"},     {DNS_AAAA, "AAAA"},
    {DNS_DS, "DS"},   {DNS_TLSA, "TLSA"}, {DNS_CAA, "CAA"},     {DNS_DNSKEY, "DNSKEY"},
};

enum { TEXT_MAX = 4 * 65535 + 64 }; // a record's data has at most 65,535 bytes, escaped each four

enum dns_type dns_type_parse(struct str name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_case_eq(name, str_from(types[i].name)))
            return types[i].type;
    }
    return (enum dns_type)0;
}

const char *dns_type_name(enum dns_type type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return "?";
}

// ---- pieces

static bool scan_number(struct scan *in, size_t bytes, uint32_t *out)
{
    uint32_t value = 0;

    if ((size_t)(in->end - in->at) < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)*in->at++;
    *out = value;
    return true;
}

/// <character-string> of RFC 1035 3.3: a length, and so many bytes.
static bool scan_string(struct scan *in, struct str *out)
{
    int len = scan_peek(in);

    if (len < 0 || in->end - in->at < 1 + len)
        return false;
    *out = str_of(in->at + 1, (size_t)len);
    in->at += 1 + len;
    return true;
}

static void put_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_putf(out, "%02X", (unsigned char)bytes.ptr[i]);
}

static void put_quoted(struct buf *out, struct str bytes)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];

        if (byte < ' ' || byte > '~')
            buf_putf(out, "\\%03u", byte);
        else if (byte == '"' || byte == '\\')
            buf_putf(out, "\\%c", byte);
        else
            buf_put_char(out, (char)byte);
    }
    buf_put_char(out, '"');
}

// ---- one type each: eats the data, puts the text, sets what else the type has

struct reading {
    struct scan in;
    struct buf *text;
    struct arena *arena;
    struct dns_record *out;
};

static bool read_address(struct reading *r, int family, size_t len)
{
    char text[INET6_ADDRSTRLEN];

    if ((size_t)(r->in.end - r->in.at) != len || !inet_ntop(family, r->in.at, text, sizeof(text)))
        return false;
    r->in.at = r->in.end;
    buf_put(r->text, str_from(text));
    r->out->address = arena_str(r->arena, str_from(text));
    return true;
}

static bool read_name(struct reading *r)
{
    size_t begun = r->text->len;

    if (!dns_name_scan(&r->in, r->text))
        return false;
    r->out->name = arena_str(r->arena, str_skip(buf_str(r->text), begun));
    if (r->text->len == begun)
        buf_put_char(r->text, '.');
    return true;
}

static bool read_mx(struct reading *r)
{
    uint32_t preference;

    if (!scan_number(&r->in, 2, &preference))
        return false;
    r->out->preference = preference;
    buf_putf(r->text, "%u ", preference);
    return read_name(r);
}

static bool read_txt(struct reading *r)
{
    CLEANUP(buf_drop) struct buf joined = {0};
    struct str piece;

    buf_init(&joined, 65535);
    while (scan_string(&r->in, &piece)) {
        if (r->text->len)
            buf_put_char(r->text, ' ');
        put_quoted(r->text, piece);
        buf_put(&joined, piece);
    }
    r->out->txt = arena_str(r->arena, buf_str(&joined));
    return r->text->len > 0; // RFC 1035 3.3.14: one or more
}

static bool read_tlsa(struct reading *r)
{
    uint32_t usage, selector, matching;
    struct str data;

    if (!scan_number(&r->in, 1, &usage) || !scan_number(&r->in, 1, &selector) ||
        !scan_number(&r->in, 1, &matching) || scan_is_end(&r->in))
        return false;
    data = scan_rest(&r->in);
    r->in.at = r->in.end;
    r->out->tlsa = (struct dns_tlsa){(uint8_t)usage, (uint8_t)selector, (uint8_t)matching,
                                     arena_str(r->arena, data)};
    buf_putf(r->text, "%u %u %u ", usage, selector, matching);
    put_hex(r->text, data);
    return true;
}

static bool read_soa(struct reading *r)
{
    uint32_t number;

    if (!read_name(r))
        return false;
    buf_put_char(r->text, ' ');
    if (!read_name(r))
        return false;
    for (int i = 0; i < 5; i++) {
        if (!scan_number(&r->in, 4, &number))
            return false;
        buf_putf(r->text, " %u", number);
    }
    r->out->name = STR_NONE;
    return true;
}

/// DS and DNSKEY: a number of two bytes, two of one, and bytes.
static bool read_key(struct reading *r, bool is_base64)
{
    uint32_t first, second, third;

    if (!scan_number(&r->in, 2, &first) || !scan_number(&r->in, 1, &second) ||
        !scan_number(&r->in, 1, &third) || scan_is_end(&r->in))
        return false;
    buf_putf(r->text, "%u %u %u ", first, second, third);
    if (is_base64)
        encoding_put_base64(r->text, scan_rest(&r->in));
    else
        put_hex(r->text, scan_rest(&r->in));
    r->in.at = r->in.end;
    return true;
}

/// RFC 8659 4.1.
static bool read_caa(struct reading *r)
{
    uint32_t flags;
    struct str tag;

    if (!scan_number(&r->in, 1, &flags) || !scan_string(&r->in, &tag) || !tag.len)
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        if (!char_is_alpha(tag.ptr[i]) && !char_is_digit(tag.ptr[i]))
            return false;
    }
    buf_putf(r->text, "%u %.*s ", flags, STR_ARG(tag));
    put_quoted(r->text, scan_rest(&r->in));
    r->in.at = r->in.end;
    return true;
}

static bool read_any(struct reading *r, enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return read_address(r, AF_INET, 4);
    case DNS_AAAA:
        return read_address(r, AF_INET6, 16);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
        return read_name(r);
    case DNS_MX:
        return read_mx(r);
    case DNS_TXT:
        return read_txt(r);
    case DNS_TLSA:
        return read_tlsa(r);
    case DNS_SOA:
        return read_soa(r);
    case DNS_DS:
        return read_key(r, false);
    case DNS_DNSKEY:
        return read_key(r, true);
    case DNS_CAA:
        return read_caa(r);
    }
    return false;
}

bool dns_record_parse(enum dns_type type, struct str data, struct arena *arena,
                      struct dns_record *out)
{
    CLEANUP(buf_drop) struct buf text = {0};
    struct dns_record record = {0};
    struct reading r = {.in = scan_of(data), .text = &text, .arena = arena, .out = &record};

    buf_init(&text, TEXT_MAX);
    if (data.len > UINT16_MAX || !read_any(&r, type) || !scan_is_end(&r.in) || !buf_ok(&text))
        return false;
    record.text = arena_str(arena, buf_str(&text));
    *out = record;
    return true;
}
