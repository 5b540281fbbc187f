// SPDX-License-Identifier: ISC
#include "mail/address.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <unistr.h>

enum { LABEL_MAX = 63, LITERAL_IP_MAX = 45, U_DOMAIN_MAX = 1020 };

bool address_is_utf8(struct str s)
{
    return s.len == 0 || !u8_check((const uint8_t *)s.ptr, s.len);
}

static bool has_high_byte(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 127)
            return true;
    }
    return false;
}

static bool is_atext(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)) ||
           (unsigned char)c > 127;
}

static bool is_label_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-' || c == '_' || (unsigned char)c > 127;
}

/// Dot-string = Atom *("." Atom)
static bool scan_dot_string(struct scan *in, size_t max)
{
    struct scan at = *in;
    struct str atom;

    do {
        if (!scan_while(&at, is_atext, max, &atom))
            return false;
    } while (scan_char(&at, '.'));
    *in = at;
    return true;
}

/// Quoted-string = DQUOTE *QcontentSMTP DQUOTE
static bool scan_quoted_string(struct scan *in)
{
    struct scan at = *in;

    if (!scan_char(&at, '"'))
        return false;
    for (; !scan_is_end(&at); at.at++) {
        unsigned char c = (unsigned char)*at.at;

        if (c == '"') {
            at.at++;
            *in = at;
            return true;
        }
        if (c == '\\') {
            at.at++;
            if (scan_is_end(&at))
                return false;
            c = (unsigned char)*at.at;
            if (c > 126)
                return false;
        }
        if (c < 32 || c == 127)
            return false;
    }
    return false;
}

static bool scan_local(struct scan *in, unsigned flags, struct address *a)
{
    size_t max = flags & ADDRESS_LONG_LOCAL ? ADDRESS_PATH_MAX : ADDRESS_LOCAL_MAX;
    struct scan at = *in;

    a->is_quoted = scan_peek(in) == '"';
    if (a->is_quoted ? !scan_quoted_string(&at) : !scan_dot_string(&at, max))
        return false;
    a->local = str_of(in->at, (size_t)(at.at - in->at));
    if (a->local.len > max)
        return false;
    *in = at;
    return true;
}

/// sub-domain *("." sub-domain); sub-domain = Let-dig [Ldh-str]
static bool scan_domain_name(struct scan *in)
{
    struct scan at = *in;
    struct str label;

    do {
        if (!scan_while(&at, is_label_char, ADDRESS_DOMAIN_MAX, &label))
            return false;
        if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
            return false;
        if (label.len > LABEL_MAX && !has_high_byte(label))
            return false;
    } while (scan_char(&at, '.'));
    *in = at;
    return true;
}

static bool is_dcontent(char c)
{
    return c > 32 && c < 127 && c != '[' && c != ']' && c != '\\';
}

static bool is_tag_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-';
}

size_t address_literal_ip(struct str domain, unsigned char ip[16])
{
    static const struct str ipv6 = STR("IPv6:");
    char text[LITERAL_IP_MAX + 1] = "";
    struct str inner;
    bool is_ipv6;

    if (domain.len < 3 || domain.ptr[0] != '[' || domain.ptr[domain.len - 1] != ']')
        return 0;
    inner = str_of(domain.ptr + 1, domain.len - 2);
    is_ipv6 = str_case_starts(inner, ipv6);
    if (is_ipv6)
        inner = str_skip(inner, ipv6.len);
    if (inner.len > LITERAL_IP_MAX || memchr(inner.ptr, '\0', inner.len))
        return 0;
    memcpy(text, inner.ptr, inner.len);
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, ip) != 1)
        return 0;
    return is_ipv6 ? 16 : 4;
}

/// address-literal = "[" ( IPv4 / "IPv6:" IPv6 / Standardized-tag ":" 1*dcontent ) "]"
static bool scan_literal(struct scan *in)
{
    struct scan at = *in, inner;
    unsigned char ip[16];
    struct str content, tag;

    if (!scan_char(&at, '[') || !scan_while(&at, is_dcontent, ADDRESS_DOMAIN_MAX, &content) ||
        !scan_char(&at, ']'))
        return false;
    inner = scan_of(content);
    if (!address_literal_ip(str_of(in->at, (size_t)(at.at - in->at)), ip)) {
        if (str_case_starts(content, STR("IPv6:")) ||
            !scan_while(&inner, is_tag_char, content.len, &tag) || tag.ptr[tag.len - 1] == '-' ||
            !scan_char(&inner, ':') || scan_is_end(&inner))
            return false;
    }
    *in = at;
    return true;
}

// A name with U-labels must be one that libidn2 can look up.
static bool is_u_domain(struct str domain)
{
    CLEANUP(buf_drop) struct buf ascii = {0};

    buf_init(&ascii, ADDRESS_DOMAIN_MAX);
    return address_put_domain(&ascii, domain);
}

static bool scan_domain(struct scan *in, unsigned flags, struct address *a)
{
    struct scan at = *in;

    a->is_literal = scan_peek(in) == '[';
    if (a->is_literal ? !scan_literal(&at) : !scan_domain_name(&at))
        return false;
    a->domain = str_of(in->at, (size_t)(at.at - in->at));
    if (a->domain.len > ADDRESS_DOMAIN_MAX)
        return false;
    if (has_high_byte(a->domain) && (!(flags & ADDRESS_UTF8) || !is_u_domain(a->domain)))
        return false;
    *in = at;
    return true;
}

bool address_scan(struct scan *in, unsigned flags, struct address *out)
{
    struct address a = {0};
    struct scan at = *in;

    if (!scan_local(&at, flags, &a) || !scan_char(&at, '@') || !scan_domain(&at, flags, &a))
        return false;
    if ((size_t)(at.at - in->at) > ADDRESS_PATH_MAX - 2)
        return false;
    a.is_utf8 = has_high_byte(a.local) || has_high_byte(a.domain);
    if (a.is_utf8 && (!(flags & ADDRESS_UTF8) || !address_is_utf8(a.local)))
        return false;
    *out = a;
    *in = at;
    return true;
}

bool address_parse(struct str text, unsigned flags, struct address *out)
{
    struct scan in = scan_of(text);
    struct address a;

    if (!address_scan(&in, flags, &a) || !scan_is_end(&in))
        return false;
    *out = a;
    return true;
}

bool address_domain_is_valid(struct str domain, unsigned flags)
{
    struct scan in = scan_of(domain);
    struct address a = {0};

    return domain.len && scan_domain(&in, flags, &a) && scan_is_end(&in);
}

// Walks what a local part stands for: the quotes and backslashes of a quoted string fall away.
static bool next_local_char(struct str *rest, bool is_quoted, char *out)
{
    if (is_quoted && rest->len > 1 && rest->ptr[0] == '\\')
        *rest = str_skip(*rest, 1);
    if (rest->len == 0)
        return false;
    *out = rest->ptr[0];
    *rest = str_skip(*rest, 1);
    return true;
}

static bool strip_quotes(struct str *local)
{
    if (local->len < 2 || local->ptr[0] != '"' || local->ptr[local->len - 1] != '"')
        return false;
    *local = str_of(local->ptr + 1, local->len - 2);
    return true;
}

void address_put_local_value(struct buf *out, struct str local)
{
    bool is_quoted = strip_quotes(&local);
    char c;

    while (next_local_char(&local, is_quoted, &c))
        buf_put_char(out, c);
}

// Does a quoted string's content also stand as a dot-string?
static bool is_plain(struct str content)
{
    struct scan in = scan_of(content);

    return content.len && scan_dot_string(&in, content.len) && scan_is_end(&in);
}

void address_put_local(struct buf *out, struct str local)
{
    bool is_quoted = strip_quotes(&local);
    CLEANUP(buf_drop) struct buf value = {0};
    char c;

    if (!is_quoted) {
        buf_put(out, local);
        return;
    }
    buf_init(&value, local.len);
    while (next_local_char(&local, true, &c))
        buf_put_char(&value, c);
    if (is_plain(buf_str(&value))) {
        buf_put(out, buf_str(&value));
        return;
    }
    buf_put_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, value.ptr[i]);
    }
    buf_put_char(out, '"');
}

void address_put(struct buf *out, const struct address *a)
{
    address_put_local(out, a->local);
    buf_put_char(out, '@');
    buf_put(out, a->domain);
}

static void put_lower(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_put_char(out, char_lower(s.ptr[i]));
}

bool address_put_domain(struct buf *out, struct str domain)
{
    char name[U_DOMAIN_MAX + 1];
    uint8_t *ascii = NULL;
    size_t len;

    if (domain.len && domain.ptr[domain.len - 1] == '.')
        domain.len--;
    if (domain.len == 0 || domain.len > U_DOMAIN_MAX || memchr(domain.ptr, '\0', domain.len))
        return false;
    if (!has_high_byte(domain)) {
        if (domain.len > ADDRESS_DOMAIN_MAX)
            return false;
        put_lower(out, domain);
        return true;
    }
    memcpy(name, domain.ptr, domain.len);
    name[domain.len] = '\0';
    if (!address_is_utf8(domain) ||
        idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
            IDN2_OK)
        return false;
    len = strlen((const char *)ascii);
    if (len <= ADDRESS_DOMAIN_MAX)
        put_lower(out, str_of(ascii, len));
    idn2_free(ascii);
    return len <= ADDRESS_DOMAIN_MAX;
}

bool address_eq(const struct address *a, const struct address *b)
{
    struct str x = a->local, y = b->local;
    bool x_quoted = strip_quotes(&x), y_quoted = strip_quotes(&y);
    char c, d;

    if (!str_case_eq(a->domain, b->domain))
        return false;
    while (next_local_char(&x, x_quoted, &c)) {
        if (!next_local_char(&y, y_quoted, &d) || c != d)
            return false;
    }
    return !next_local_char(&y, y_quoted, &d);
}
