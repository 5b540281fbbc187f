// SPDX-License-Identifier: ISC
#include "account/name.h"

#include "base/cleanup.h"

#include <unicase.h>
#include <uninorm.h>

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] > 127)
            return false;
    return true;
}

static void put_lower(struct buf *out, struct str ascii)
{
    for (size_t i = 0; i < ascii.len; i++)
        buf_put_char(out, char_lower(ascii.ptr[i]));
}

static bool put_lower_utf8(struct buf *out, struct str s)
{
    CLEANUP(free_drop) uint8_t *lower = NULL;
    size_t len = 0;

    if (!address_is_utf8(s))
        return false;
    lower = u8_tolower((const uint8_t *)s.ptr, s.len, NULL, UNINORM_NFC, NULL, &len);
    if (!lower || len > ADDRESS_LOCAL_MAX)
        return false;
    buf_put(out, str_of(lower, len));
    return true;
}

bool account_name_put_local(struct buf *out, struct str local)
{
    CLEANUP(buf_drop) struct buf plain = {0};

    buf_init(&plain, ADDRESS_PATH_MAX);
    address_put_local(&plain, local);
    if (!buf_ok(&plain) || plain.len == 0 || plain.len > ADDRESS_LOCAL_MAX)
        return false;
    if (!is_ascii(buf_str(&plain)))
        return put_lower_utf8(out, buf_str(&plain));
    put_lower(out, buf_str(&plain));
    return true;
}

static bool put_domain(struct buf *out, struct str domain)
{
    return domain.len > 0 && domain.ptr[0] != '[' && address_put_domain(out, domain);
}

bool account_name_put(struct buf *out, struct str local, struct str domain)
{
    size_t before = out->len;

    if (account_name_put_local(out, local)) {
        buf_put_char(out, '@');
        if (put_domain(out, domain) && buf_ok(out))
            return true;
    }
    out->len = before;
    return false;
}

bool account_name_parse(struct str text, struct buf *out)
{
    struct address a;

    buf_clear(out);
    return address_parse(text, ADDRESS_UTF8, &a) && account_name_put(out, a.local, a.domain);
}

bool account_name_parse_foreign(struct str text, struct buf *out)
{
    struct address a;

    buf_clear(out);
    if (!address_parse(text, ADDRESS_UTF8, &a))
        return false;
    address_put_local(out, a.local);
    buf_put_char(out, '@');
    return address_put_domain(out, a.domain) && buf_ok(out);
}

bool account_name_parse_domain(struct str text, struct buf *out)
{
    buf_clear(out);
    return address_domain_is_valid(text, ADDRESS_UTF8) && put_domain(out, text) && buf_ok(out);
}

struct address account_name_split(struct str name)
{
    ptrdiff_t at = str_find_last(name, '@');
    struct address a = {.local = name, .domain = STR("")};

    if (at >= 0) {
        a.local = str_head(name, (size_t)at);
        a.domain = str_skip(name, (size_t)at + 1);
    }
    a.is_quoted = a.local.len > 0 && a.local.ptr[0] == '"';
    a.is_literal = a.domain.len > 0 && a.domain.ptr[0] == '[';
    a.is_utf8 = !is_ascii(name);
    return a;
}
