// SPDX-License-Identifier: ISC
#include "proto/imap/url.h"

#include "mail/charset.h"
#include "mail/date.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/scan.h"

/// What may stand in a URL as it is; "%XX" stands for the others.
static bool is_url_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return false;
    return true;
}

/// "%C3%A1" to bytes. False on a broken escape and on what is no text.
static bool decode(struct str text, struct arena *arena, struct str *out)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            if (text.len - i < 3 || char_hex(text.ptr[i + 1]) < 0 || char_hex(text.ptr[i + 2]) < 0)
                return false;
            c = (char)(char_hex(text.ptr[i + 1]) << 4 | char_hex(text.ptr[i + 2]));
            i += 2;
        }
        if (c == '\0' || c == '\r' || c == '\n')
            return false;
        bytes[len++] = c;
    }
    *out = str_of(bytes, len);
    return charset_is_utf8(*out);
}

/// The last place where `word` stands, case ignored; -1: nowhere.
static ptrdiff_t find_last(struct str text, struct str word)
{
    for (size_t i = text.len; i-- > 0;)
        if (str_case_starts(str_skip(text, i), word))
            return (ptrdiff_t)i;
    return -1;
}

// ---- from the end: ";EXPIRE=" date-time ";URLAUTH=" access [":" mechanism ":" token]

/// Digits of exactly that many places.
static bool scan_digits(struct scan *in, size_t count, unsigned max, unsigned *out)
{
    uint64_t value;

    if ((size_t)(in->end - in->at) < count || !str_to_u64(str_of(in->at, count), max, &value))
        return false;
    in->at += count;
    *out = (unsigned)value;
    return true;
}

/// "Z" or "+01:00", in minutes.
static bool scan_zone(struct scan *in, int *out)
{
    bool is_west = scan_peek(in) == '-';
    unsigned hours, minutes;

    *out = 0;
    if (scan_case_word(in, STR("Z")))
        return true;
    if (!(scan_char(in, '+') || scan_char(in, '-')) || !scan_digits(in, 2, 23, &hours) ||
        !scan_char(in, ':') || !scan_digits(in, 2, 59, &minutes))
        return false;
    *out = (int)(hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

static bool is_day(int64_t year, unsigned month, unsigned day)
{
    int64_t back_year;
    unsigned back_month, back_day;

    if (month < 1 || day < 1)
        return false;
    date_civil_from_days(date_days_from_civil(year, month, day), &back_year, &back_month,
                         &back_day);
    return back_year == year && back_month == month && back_day == day;
}

/// date-time (RFC 3339 5.6)
static bool parse_expire(struct str text, int64_t *out)
{
    struct scan in = scan_of(text);
    unsigned year, month, day, hour, minute, second;
    struct str fraction;
    int zone;

    if (!scan_digits(&in, 4, 9999, &year) || !scan_char(&in, '-') ||
        !scan_digits(&in, 2, 12, &month) || !scan_char(&in, '-') ||
        !scan_digits(&in, 2, 31, &day) || !scan_case_word(&in, STR("T")) ||
        !scan_digits(&in, 2, 23, &hour) || !scan_char(&in, ':') ||
        !scan_digits(&in, 2, 59, &minute) || !scan_char(&in, ':') ||
        !scan_digits(&in, 2, 60, &second))
        return false;
    if (scan_char(&in, '.') && !scan_while(&in, char_is_digit, 32, &fraction))
        return false;
    if (!scan_zone(&in, &zone) || !scan_is_end(&in) || !is_day(year, month, day))
        return false;
    *out = date_days_from_civil(year, month, day) * 86400 + (int64_t)hour * 3600 + minute * 60 +
           second - zone * 60;
    return true;
}

static bool parse_access(struct str text, struct arena *arena, struct imap_url *url)
{
    if (str_case_eq(text, STR("authuser")))
        url->access = IMAP_URL_AUTHUSER;
    else if (str_case_eq(text, STR("anonymous")))
        url->access = IMAP_URL_ANONYMOUS;
    else if (str_case_starts(text, STR("submit+")))
        url->access = IMAP_URL_SUBMIT;
    else if (str_case_starts(text, STR("user+")))
        url->access = IMAP_URL_USER;
    else
        return false;
    if (url->access != IMAP_URL_SUBMIT && url->access != IMAP_URL_USER)
        return true;
    text = str_skip(text, (size_t)str_find(text, '+') + 1);
    return text.len > 0 && decode(text, arena, &url->access_user);
}

/// Takes the authorization off the end of *text.
static bool take_urlauth(struct str *text, struct arena *arena, struct imap_url *url)
{
    ptrdiff_t at = find_last(*text, STR(";URLAUTH="));
    struct str rest, access;

    url->rump = *text;
    if (at < 0)
        return true;
    rest = str_skip(*text, (size_t)at + strlen(";URLAUTH="));
    text->len = (size_t)at;
    (void)str_split(&rest, ':', &access);
    if (!parse_access(access, arena, url))
        return false;
    if (rest.ptr) {
        url->rump.len = (size_t)(rest.ptr - 1 - url->rump.ptr);
        if (!str_split(&rest, ':', &url->mechanism) || !rest.ptr)
            return false;
        url->token = rest;
    }
    return true;
}

static bool take_expire(struct str *text, struct imap_url *url)
{
    ptrdiff_t at = find_last(*text, STR(";EXPIRE="));

    if (at < 0)
        return true;
    url->has_expire = true;
    if (!parse_expire(str_skip(*text, (size_t)at + strlen(";EXPIRE=")), &url->expire))
        return false;
    text->len = (size_t)at;
    return true;
}

// ---- from the front

/// "imap://" [user [";AUTH=" mechanism] "@"] host [":" port] "/"
static bool take_server(struct str *text, struct arena *arena, struct imap_url *url)
{
    struct str server, host = STR_NONE, user = STR_NONE;
    ptrdiff_t at;

    if (!str_case_starts(*text, STR("imap://")))
        return str_find_str(*text, STR("://")) < 0; // another scheme; no mailbox has such a name
    url->is_absolute = true;
    *text = str_skip(*text, strlen("imap://"));
    at = str_find(*text, '/');
    if (at < 0)
        return false;
    server = str_head(*text, (size_t)at);
    *text = str_skip(*text, (size_t)at + 1);
    host = server;
    at = str_find_last(server, '@');
    if (at >= 0) {
        host = str_skip(server, (size_t)at + 1);
        user = str_head(server, (size_t)at);
        at = str_find(user, ';');
        if (at >= 0 && !str_case_starts(str_skip(user, (size_t)at), STR(";AUTH=")))
            return false;
        if (at >= 0)
            user.len = (size_t)at;
        if (user.len == 0 || !decode(user, arena, &url->user))
            return false;
    }
    return host.len > 0;
}

/// enc-mailbox [";UIDVALIDITY=" nz-number] "/", or nothing when the selected mailbox is meant.
static bool take_mailbox(struct scan *in, struct arena *arena, struct imap_url *url)
{
    struct str name;

    if (!scan_until(in, ';', IMAP_URL_MAX, &name))
        return false;
    if (scan_case_word(in, STR(";UIDVALIDITY="))) {
        if (!imap_scan_nz_number(in, &url->uidvalidity) || !scan_char(in, '/'))
            return false;
    } else if (str_ends(name, STR("/"))) {
        name.len--;
    } else if (name.len > 0) {
        return false;
    }
    if (name.len == 0)
        return !url->is_absolute && url->uidvalidity == 0;
    return decode(name, arena, &name) && imap_name_decode_utf8(name, arena, &url->mailbox);
}

/// What stands before the next "/;" or the end.
static struct str take_value(struct scan *in)
{
    struct str rest = scan_rest(in);
    ptrdiff_t at = str_find_str(rest, STR("/;"));

    if (at >= 0)
        rest.len = (size_t)at;
    in->at += rest.len;
    return rest;
}

/// ";UID=" nz-number ["/;SECTION=" enc-section] ["/;PARTIAL=" number ["." nz-number]]
static bool take_message(struct scan *in, struct arena *arena, struct imap_url *url)
{
    struct str section;

    if (!scan_case_word(in, STR(";UID=")) || !imap_scan_nz_number(in, &url->uid))
        return false;
    if (scan_case_word(in, STR("/;SECTION=")) &&
        (!decode(take_value(in), arena, &section) || section.len == 0 ||
         !imap_section_parse(section, arena, &url->section)))
        return false;
    if (scan_case_word(in, STR("/;PARTIAL="))) {
        url->is_partial = true;
        if (!imap_scan_number(in, &url->partial_offset) ||
            (scan_char(in, '.') && !imap_scan_nz_number(in, &url->partial_len)))
            return false;
    }
    return scan_is_end(in);
}

bool imap_url_parse(struct str text, struct arena *arena, struct imap_url *out)
{
    struct imap_url url = {0};
    struct scan in;

    if (text.len > IMAP_URL_MAX || !is_url_text(text) || !take_urlauth(&text, arena, &url) ||
        !take_expire(&text, &url) || !take_server(&text, arena, &url))
        return false;
    if (!url.is_absolute && str_starts(text, STR("/")))
        text = str_skip(text, 1);
    in = scan_of(text);
    if (!take_mailbox(&in, arena, &url) || !take_message(&in, arena, &url))
        return false;
    *out = url;
    return true;
}
