// SPDX-License-Identifier: ISC
#include "app/import_url.h"

static bool copy(struct str from, char *to, size_t size)
{
    if (from.len == 0 || from.len >= size)
        return false;
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

static bool decode(struct str from, char *to, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < from.len; i++) {
        int high = from.ptr[i] == '%' && i + 2 < from.len ? char_hex(from.ptr[i + 1]) : -1;
        int low = high >= 0 ? char_hex(from.ptr[i + 2]) : -1;
        char c = from.ptr[i];

        if (c == '%' && low < 0)
            return false;
        if (c == '%') {
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (len + 1 >= size || (unsigned char)c < ' ')
            return false;
        to[len++] = c;
    }
    to[len] = '\0';
    return len > 0;
}

bool import_url_is(const char *text)
{
    return str_case_starts(str_from(text), STR("imap://")) ||
           str_case_starts(str_from(text), STR("imaps://"));
}

/// HOST, HOST:PORT or [ADDRESS]:PORT
static bool parse_host(struct str text, struct import_url *out)
{
    ptrdiff_t colon = str_find_last(text, ':');
    uint64_t port;

    if (str_starts(text, STR("["))) {
        ptrdiff_t end = str_find(text, ']');

        if (end < 0 || !copy(str_of(text.ptr + 1, (size_t)end - 1), out->host, sizeof out->host))
            return false;
        text = str_skip(text, (size_t)end + 1);
        colon = text.len ? 0 : -1;
        if (text.len && text.ptr[0] != ':')
            return false;
    } else if (!copy(colon < 0 ? text : str_head(text, (size_t)colon), out->host,
                     sizeof out->host)) {
        return false;
    }
    if (colon < 0)
        return true;
    if (!str_to_u64(str_skip(text, (size_t)colon + 1), 65535, &port) || port == 0)
        return false;
    out->port = (uint16_t)port;
    return true;
}

bool import_url_parse(const char *text, struct import_url *out)
{
    struct str rest = str_from(text);
    ptrdiff_t at;

    if (!import_url_is(text))
        return false;
    *out = (struct import_url){.is_tls = str_case_starts(rest, STR("imaps:"))};
    out->port = out->is_tls ? 993 : 143;
    rest = str_skip(rest, out->is_tls ? 8 : 7);
    if (str_ends(rest, STR("/")))
        rest.len--;
    at = str_find_last(rest, '@');
    if (at < 0 || str_find(str_skip(rest, (size_t)at), '/') >= 0)
        return false;
    return decode(str_head(rest, (size_t)at), out->user, sizeof out->user) &&
           parse_host(str_skip(rest, (size_t)at + 1), out);
}
