// SPDX-License-Identifier: ISC
#include "mail/received.h"

#include "mail/address.h"
#include "mail/header.h"

static bool is_name_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || (c && strchr(".-_:[]", c));
}

static void put_claimed(struct buf *out, struct str name)
{
    if (address_domain_is_valid(name, ADDRESS_UTF8)) {
        buf_put(out, name);
        return;
    }
    name = str_head(name, ADDRESS_DOMAIN_MAX);
    for (size_t i = 0; i < name.len; i++)
        buf_put_char(out, is_name_char(name.ptr[i]) ? name.ptr[i] : '?');
}

// For words of ours and addresses that were parsed: only what would end the clause or line.
static void put_word(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_put_char(out, (unsigned char)s.ptr[i] < 32 || s.ptr[i] == 127 ? '?' : s.ptr[i]);
}

static void put_clause(struct buf *out, struct str name, struct str value)
{
    if (value.len == 0)
        return;
    buf_put(out, name);
    put_word(out, value);
}

/// TCP-info = address-literal / ( Domain FWS address-literal )
static void put_client(struct buf *out, const struct received *r)
{
    if (r->client_ip.len == 0)
        return;
    buf_put(out, STR(" ("));
    if (r->client_name.len) {
        put_claimed(out, r->client_name);
        buf_put_char(out, ' ');
    }
    buf_put(out, str_find(r->client_ip, ':') >= 0 ? STR("[IPv6:") : STR("["));
    put_word(out, r->client_ip);
    buf_put(out, STR("])"));
}

void received_put(struct buf *out, const struct received *r)
{
    buf_put(out, STR("Received:"));
    if (r->helo.len) {
        buf_put(out, STR(" from "));
        put_claimed(out, r->helo);
        put_client(out, r);
        buf_put(out, STR("\r\n\t"));
    } else {
        buf_put_char(out, ' ');
    }
    buf_put(out, STR("by "));
    put_word(out, r->by);
    put_clause(out, STR(" with "), r->with);
    put_clause(out, STR(" id "), r->id);
    if (r->for_whom.len) {
        put_clause(out, STR("\r\n\tfor <"), r->for_whom);
        buf_put_char(out, '>');
    }
    put_clause(out, STR("\r\n\ttls "), r->tls);
    if (r->has_priority)
        buf_putf(out, "\r\n\tpriority %d", r->priority);
    buf_put(out, STR(";\r\n\t"));
    date_put(out, r->date);
    buf_put(out, STR("\r\n"));
}
