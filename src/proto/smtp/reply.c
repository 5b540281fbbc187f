// SPDX-License-Identifier: ISC
//
// Replies: see the header.
#include "proto/smtp/reply.h"

#include "base/scan.h"

// ---- putting

/// A line of a reply; what could end it or hide in a terminal is replaced.
static void put_line(struct buf *out, unsigned code, bool is_last, const char *status,
                     struct str text)
{
    const char head[4] = {(char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10),
                          (char)('0' + code % 10), is_last ? ' ' : '-'};
    size_t begin = out->len;

    buf_put(out, str_of(head, sizeof head));
    if (status && *status) {
        buf_put(out, str_from(status));
        buf_put_char(out, ' ');
    }
    if (out->len - begin + text.len > SMTP_REPLY_LINE_MAX)
        text = str_head(text, SMTP_REPLY_LINE_MAX - (out->len - begin));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        buf_put_char(out, c < ' ' || c == 127 ? '?' : (char)c);
    }
    buf_put(out, STR("\r\n"));
}

void smtp_reply_put(struct buf *out, unsigned code, const char *status, struct str text)
{
    struct str rest = text.ptr ? text : STR(""), line;

    while (str_split(&rest, '\n', &line))
        put_line(out, code, rest.ptr == NULL, status, line);
}

// ---- reading

void smtp_reply_init(struct smtp_reply *r)
{
    *r = (struct smtp_reply){0};
    buf_init(&r->text, SMTP_REPLY_BYTES_MAX);
}

void smtp_reply_done(struct smtp_reply *r)
{
    buf_done(&r->text);
}

void smtp_reply_clear(struct smtp_reply *r)
{
    buf_clear(&r->text);
    r->code = 0;
    r->line_count = 0;
}

/// Reply-code = %x32-35 %x30-35 %x30-39 (RFC 5321 4.2); the second digit is not held against
/// anybody.
static bool scan_code(struct scan *in, unsigned *out)
{
    struct str rest = scan_rest(in);
    uint64_t code;

    if (rest.len < 3 || !str_to_u64(str_head(rest, 3), 599, &code) || code < 200)
        return false;
    in->at += 3;
    *out = (unsigned)code;
    return true;
}

enum smtp_reply_answer smtp_reply_add(struct smtp_reply *r, struct str line)
{
    struct scan in = scan_of(line);
    unsigned code;
    bool is_more;

    if (!scan_code(&in, &code) || (r->line_count > 0 && code != r->code))
        return SMTP_REPLY_BAD;
    is_more = scan_char(&in, '-');
    if (!is_more && !scan_char(&in, ' ') && !scan_is_end(&in))
        return SMTP_REPLY_BAD;
    if (r->line_count > 0)
        buf_put_char(&r->text, '\n');
    buf_put(&r->text, scan_rest(&in));
    r->code = code;
    if (++r->line_count > SMTP_REPLY_LINES_MAX || !buf_ok(&r->text))
        return SMTP_REPLY_BAD;
    return is_more ? SMTP_REPLY_MORE : SMTP_REPLY_WHOLE;
}

// ---- what a server offers

static const struct {
    const char *keyword;
    enum smtp_extension extension;
} EXTENSIONS[] = {
    {"PIPELINING", SMTP_HAS_PIPELINING},
    {"SIZE", SMTP_HAS_SIZE},
    {"8BITMIME", SMTP_HAS_8BITMIME},
    {"SMTPUTF8", SMTP_HAS_SMTPUTF8},
    {"STARTTLS", SMTP_HAS_STARTTLS},
    {"AUTH", SMTP_HAS_AUTH},
    {"ENHANCEDSTATUSCODES", SMTP_HAS_ENHANCED},
    {"CHUNKING", SMTP_HAS_CHUNKING},
    {"DSN", SMTP_HAS_DSN},
    {"BINARYMIME", SMTP_HAS_BINARYMIME},
    {"REQUIRETLS", SMTP_HAS_REQUIRETLS},
    {"DELIVERBY", SMTP_HAS_DELIVERBY},
    {"MT-PRIORITY", SMTP_HAS_MT_PRIORITY},
    {"LIMITS", SMTP_HAS_LIMITS},
};

/// RFC 9422 3: "NAME=value" with blanks between; what is unknown or broken is passed over.
static void read_limits(struct str rest, struct smtp_offer *offer)
{
    const struct {
        const char *name;
        uint64_t *to;
    } limits[] = {{"MAILMAX", &offer->mails_max},
                  {"RCPTMAX", &offer->recipients_max},
                  {"RCPTDOMAINMAX", &offer->domains_max}};
    struct str word, name;

    while (str_split(&rest, ' ', &word)) {
        if (!str_split(&word, '=', &name) || !word.ptr)
            continue;
        for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
            if (str_case_eq(name, str_from(limits[i].name)))
                str_to_u64(word, 999999, limits[i].to);
        }
    }
}

/// What stands behind a keyword.
static void read_value(enum smtp_extension extension, struct str value, struct smtp_offer *offer)
{
    switch (extension) {
    case SMTP_HAS_SIZE:
        str_to_u64(value, UINT64_MAX, &offer->size_max);
        break;
    case SMTP_HAS_AUTH:
        if (offer->mechanisms.len == 0)
            offer->mechanisms = value;
        break;
    case SMTP_HAS_DELIVERBY:
        str_to_u64(value, 999999999, &offer->by_min_s);
        break;
    case SMTP_HAS_LIMITS:
        read_limits(value, offer);
        break;
    default:
        break;
    }
}

static void read_keyword(struct str line, struct smtp_offer *offer)
{
    struct str rest = line, keyword;

    if (!str_split(&rest, ' ', &keyword))
        return;
    rest = str_trim(rest);
    for (size_t i = 0; i < sizeof(EXTENSIONS) / sizeof(*EXTENSIONS); i++) {
        if (!str_case_eq(keyword, str_from(EXTENSIONS[i].keyword)))
            continue;
        offer->extensions |= EXTENSIONS[i].extension;
        read_value(EXTENSIONS[i].extension, rest, offer);
    }
}

void smtp_offer_parse(const struct smtp_reply *ehlo, struct smtp_offer *out)
{
    struct str rest = buf_str(&ehlo->text), line;

    *out = (struct smtp_offer){.mechanisms = STR("")};
    str_split(&rest, '\n', &line); // the greeting
    while (str_split(&rest, '\n', &line))
        read_keyword(str_trim(line), out);
}

bool smtp_offer_has_mechanism(const struct smtp_offer *offer, struct str mechanism)
{
    struct str rest = offer->mechanisms, word;

    while (str_split(&rest, ' ', &word)) {
        if (str_case_eq(word, mechanism))
            return true;
    }
    return false;
}
