// SPDX-License-Identifier: ISC
#include "route/transport.h"

#include "base/cleanup.h"
#include "mail/address.h"

#include "route/network.h"
#include "route/preset.h"

enum { HOST_MAX = 253, URL_MAX = 400 };

static bool wrong(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct buf *why, const char *format, ...)
{
    va_list args;

    if (!why)
        return false;
    va_start(args, format);
    buf_vputf(why, format, args);
    va_end(args);
    return false;
}

/// The first word of a line, and what follows the blanks behind it.
static struct str take_word(struct str *line)
{
    struct str rest = str_trim(*line);
    size_t at = 0;

    while (at < rest.len && rest.ptr[at] != ' ' && rest.ptr[at] != '\t')
        at++;
    *line = str_trim(str_skip(rest, at));
    return str_head(rest, at);
}

// ---- patterns

static bool pattern_is_valid(struct str pattern, bool may_be_sender, struct buf *why)
{
    struct address a;

    if (str_eq(pattern, STR("*")))
        return true;
    if (may_be_sender && str_case_starts(pattern, STR("from:"))) {
        pattern = str_skip(pattern, 5);
        if (!str_starts(pattern, STR("@"))) {
            if (address_parse(pattern, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &a))
                return true;
            return wrong(why,
                         "from:%.*s is no address; write from:ana@example.org or "
                         "from:@example.org",
                         STR_ARG(pattern));
        }
        pattern = str_skip(pattern, 1);
    } else if (str_starts(pattern, STR("."))) {
        pattern = str_skip(pattern, 1);
    }
    if (address_domain_is_valid(pattern, ADDRESS_UTF8))
        return true;
    return wrong(why,
                 "\"%.*s\" is no domain; write example.org, .example.org for all below it, "
                 "or *",
                 STR_ARG(pattern));
}

static bool is_domain(struct str pattern, struct str domain)
{
    CLEANUP(buf_drop) struct buf name = {.max = ADDRESS_DOMAIN_MAX};

    return address_put_domain(&name, pattern) && str_eq(buf_str(&name), domain);
}

static bool is_below(struct str pattern, struct str domain)
{
    CLEANUP(buf_drop) struct buf name = {.max = ADDRESS_DOMAIN_MAX + 1};

    buf_put_char(&name, '.');
    return address_put_domain(&name, str_skip(pattern, 1)) && name.len < domain.len &&
           str_ends(domain, buf_str(&name));
}

static bool is_sender(struct str pattern, struct str sender)
{
    struct address wanted, is;

    if (!address_parse(sender, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &is))
        return false;
    if (str_starts(pattern, STR("@"))) {
        CLEANUP(buf_drop) struct buf name = {.max = ADDRESS_DOMAIN_MAX};

        return address_put_domain(&name, is.domain) &&
               is_domain(str_skip(pattern, 1), buf_str(&name));
    }
    if (!address_parse(pattern, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &wanted))
        return false;
    // A person writes his address in the case he likes, and it is the administrator's own user.
    return str_case_eq(wanted.local, is.local) && str_case_eq(wanted.domain, is.domain);
}

static bool fits(struct str pattern, struct str sender, struct str domain)
{
    if (str_eq(pattern, STR("*")))
        return true;
    if (str_case_starts(pattern, STR("from:")))
        return is_sender(str_skip(pattern, 5), sender);
    if (str_starts(pattern, STR(".")))
        return is_below(pattern, domain);
    return is_domain(pattern, domain);
}

// ---- ways

static bool parse_port(struct str text, uint16_t *out)
{
    uint64_t port;

    if (!str_to_u64(text, 65535, &port) || port == 0)
        return false;
    *out = (uint16_t)port;
    return true;
}

/// HOST[:PORT], with an IPv6 address in brackets.
static bool parse_host(struct str text, struct transport *out, struct buf *why)
{
    ptrdiff_t end;

    if (str_starts(text, STR("["))) {
        end = str_find(text, ']');
        if (end < 0)
            return wrong(why, "\"%.*s\": the ] is missing", STR_ARG(text));
        out->host = str_skip(str_head(text, (size_t)end), 1);
        text = str_skip(text, (size_t)end + 1);
    } else {
        end = str_find(text, ':');
        out->host = end < 0 ? text : str_head(text, (size_t)end);
        text = end < 0 ? STR("") : str_skip(text, (size_t)end);
    }
    if (text.len && (text.ptr[0] != ':' || !parse_port(str_skip(text, 1), &out->port)))
        return wrong(why, "\"%.*s\" is no port; write HOST:25", STR_ARG(text));
    if (out->host.len > HOST_MAX || (!network_parse(out->host, &(struct network){0}) &&
                                     !address_domain_is_valid(out->host, ADDRESS_STRICT)))
        return wrong(why, "\"%.*s\" is no host; write a name, 192.0.2.1 or [2001:db8::1]",
                     STR_ARG(out->host));
    return true;
}

static bool parse_login(struct str rest, struct transport *out, struct buf *why)
{
    ptrdiff_t at = str_find_last(rest, '@');

    if (at <= 0)
        return wrong(why, "who signs in is missing; write submission://USER@HOST");
    out->user = str_head(rest, (size_t)at);
    return parse_host(str_skip(rest, (size_t)at + 1), out, why);
}

static bool parse_preset(const struct route_preset *preset, struct str rest, struct transport *out,
                         struct buf *why)
{
    if (rest.len == 0)
        return wrong(why, "who signs in is missing; write %s://USER", preset->name);
    out->kind = TRANSPORT_SUBMISSION;
    out->user = rest;
    out->host = str_from(preset->host);
    return true;
}

static bool parse_lmtp(struct str rest, struct transport *out, struct buf *why)
{
    out->kind = TRANSPORT_LMTP;
    if (str_starts(rest, STR("/"))) {
        out->host = rest;
        return rest.len < 108 || wrong(why, "the path of a socket has at most 107 bytes");
    }
    if (!parse_host(rest, out, why))
        return false;
    return out->port || wrong(why, "LMTP has no port of its own; write lmtp://HOST:24");
}

/// RFC 3463: class 4 or 5, subject and detail of at most three digits.
static bool is_enhanced(struct str code)
{
    struct str part;
    uint64_t n;
    int parts = 0;

    if (code.len < 5 || (code.ptr[0] != '4' && code.ptr[0] != '5') || code.ptr[1] != '.')
        return false;
    while (str_split(&code, '.', &part)) {
        if (part.len > 3 || !str_to_u64(part, 999, &n))
            return false;
        parts++;
    }
    return parts == 3;
}

static bool parse_error(struct str rest, struct transport *out, struct buf *why)
{
    out->kind = TRANSPORT_ERROR;
    out->enhanced = take_word(&rest);
    out->text = rest.len ? rest : STR("the administrator has closed this way");
    return is_enhanced(out->enhanced) ||
           wrong(why, "\"%.*s\" is no status code; write error:5.7.1 and what the sender is told",
                 STR_ARG(out->enhanced));
}

static bool parse_scheme(struct str scheme, struct str rest, struct transport *out, struct buf *why)
{
    const struct route_preset *preset = route_preset_find(scheme);

    if (preset)
        return parse_preset(preset, rest, out, why);
    if (str_case_eq(scheme, STR("lmtp")))
        return parse_lmtp(rest, out, why);
    if (str_case_eq(scheme, STR("submission")) || str_case_eq(scheme, STR("submissions"))) {
        out->kind = scheme.len == 10 ? TRANSPORT_SUBMISSION : TRANSPORT_SUBMISSIONS;
        return parse_login(rest, out, why);
    }
    if (!str_case_eq(scheme, STR("smtp")))
        return wrong(why,
                     "there is no way \"%.*s\"; there are mx, smtp://, submission://, "
                     "submissions://, lmtp://, gmail://, outlook://, hotmail://, yahoo://, "
                     "error:",
                     STR_ARG(scheme));
    out->kind = TRANSPORT_SMTP;
    if (str_find(rest, '@') >= 0)
        return wrong(why, "smtp:// does not sign in; write submission://USER@HOST");
    return parse_host(rest, out, why);
}

bool transport_parse(struct str url, struct transport *out, struct buf *why)
{
    ptrdiff_t colon = str_find(url, ':');
    struct transport t = {0};

    if (url.len > URL_MAX)
        return wrong(why, "a way has at most %d bytes", URL_MAX);
    if (str_case_eq(url, STR("mx"))) {
        *out = t;
        return true;
    }
    if (str_case_starts(url, STR("error:"))) {
        if (!parse_error(str_skip(url, 6), &t, why))
            return false;
    } else if (colon < 0 || !str_starts(str_skip(url, (size_t)colon), STR("://"))) {
        return wrong(why,
                     "\"%.*s\" is no way; write mx, smtp://HOST, submission://USER@HOST, "
                     "lmtp:///PATH or error:5.7.1 TEXT",
                     STR_ARG(url));
    } else if (!parse_scheme(str_head(url, (size_t)colon), str_skip(url, (size_t)colon + 3), &t,
                             why)) {
        return false;
    }
    *out = t;
    return true;
}

bool transport_line_is_valid(struct str line, struct buf *why)
{
    struct str pattern = take_word(&line);
    struct transport t;

    if (line.len == 0)
        return wrong(why,
                     "\"%.*s\" leads nowhere; write \"PATTERN WAY\", such as \"example.org "
                     "smtp://mail.example.org\"",
                     STR_ARG(pattern));
    return pattern_is_valid(pattern, true, why) && transport_parse(line, &t, why);
}

struct str transport_find(const struct setting_list *lines, struct str sender, struct str domain)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct str way = lines->items[i], pattern = take_word(&way);

        if (fits(pattern, sender, domain))
            return way;
    }
    return STR_NONE;
}

bool transport_is_listed(const struct setting_list *lines, struct str url)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct str way = lines->items[i];

        take_word(&way);
        if (str_eq(way, url))
            return true;
    }
    return false;
}

// ---- TLS by destination

static const char *const rules[] = {
    [TLS_RULE_NEVER] = "never",   [TLS_RULE_MAY] = "may",   [TLS_RULE_MUST] = "must",
    [TLS_RULE_VERIFY] = "verify", [TLS_RULE_DANE] = "dane",
};

/// "never", "may", ...; TLS_RULE_NONE for anything else.
static enum tls_rule rule_of(struct str word)
{
    for (size_t i = TLS_RULE_NEVER; i < sizeof rules / sizeof rules[0]; i++)
        if (str_case_eq(word, str_from(rules[i])))
            return (enum tls_rule)i;
    return TLS_RULE_NONE;
}

bool tls_rule_line_is_valid(struct str line, struct buf *why)
{
    struct str pattern = take_word(&line);

    if (!pattern_is_valid(pattern, false, why))
        return false;
    return rule_of(line) != TLS_RULE_NONE ||
           wrong(why, "\"%.*s\" is none of never, may, must, verify, dane", STR_ARG(line));
}

enum tls_rule tls_rule_find(const struct setting_list *lines, struct str domain)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct str level = lines->items[i], pattern = take_word(&level);

        if (fits(pattern, STR(""), domain))
            return rule_of(level);
    }
    return TLS_RULE_NONE;
}
