// SPDX-License-Identifier: ISC
//
// MAIL and RCPT: paths and parameters (RFC 5321 4.1.1.2, 4.1.1.3, 4.1.2). Brackets are asked for;
// a blank behind the colon is let through, as everybody does. Source routes are read and dropped
// (RFC 5321 4.1.1.3, appendix C).
#include "proto/smtp/command.h"

#include "proto/smtp/limits.h"
#include "proto/smtp/parameter.h"

static const struct smtp_fault WRITE_MAIL = {501, "5.5.4", "write MAIL FROM:<address>"};
static const struct smtp_fault WRITE_RCPT = {501, "5.5.4", "write RCPT TO:<address>"};
static const struct smtp_fault BAD_SENDER = {501, "5.1.7", "that is no sender address"};
static const struct smtp_fault BAD_RECIPIENT = {501, "5.1.3", "that is no recipient address"};
static const struct smtp_fault LONG_SENDER = {501, "5.1.7", "path too long"};
static const struct smtp_fault LONG_RECIPIENT = {501, "5.1.3", "path too long"};
static const struct smtp_fault NEEDS_UTF8 = {
    553, "5.6.7", "an address beyond ASCII needs the parameter SMTPUTF8 of MAIL"};
static const struct smtp_fault BAD_SYNTAX = {501, "5.5.4",
                                             "parameters are KEYWORD or KEYWORD=value"};
static const struct smtp_fault BAD_VALUE = {501, "5.5.4", "that value of a parameter is not valid"};
static const struct smtp_fault TWICE = {501, "5.5.4", "a parameter was given twice"};
static const struct smtp_fault UNKNOWN = {555, "5.5.4", "a parameter is not known here"};

// ---- paths

/// A-d-l ":" in front of the mailbox; A-d-l = At-domain *( "," At-domain ).
static bool scan_route(struct scan *in)
{
    struct str route, hop;

    if (scan_peek(in) != '@')
        return true;
    if (!scan_until(in, ':', SMTP_COMMAND_MAX, &route) || !scan_char(in, ':'))
        return false;
    while (str_split(&route, ',', &hop))
        if (!str_starts(hop, STR("@")) || !address_domain_is_valid(str_skip(hop, 1), ADDRESS_UTF8))
            return false;
    return true;
}

/// "<" [ A-d-l ":" ] Mailbox ">"; eats it.
static bool scan_path(struct scan *in, unsigned flags, struct str *out, struct address *address)
{
    struct scan at = *in;
    const char *begin;

    if (!scan_char(&at, '<') || !scan_route(&at))
        return false;
    begin = at.at;
    if (!address_scan(&at, flags | ADDRESS_UTF8, address))
        return false;
    *out = str_of(begin, (size_t)(at.at - begin));
    if (!scan_char(&at, '>'))
        return false;
    *in = at;
    return true;
}

static bool is_path_long(struct str path)
{
    return path.len + 2 > ADDRESS_PATH_MAX;
}

// ---- parameters

static bool is_keyword_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-';
}

/// esmtp-value = 1*(%d33-60 / %d62-126), and UTF-8 (RFC 6531 3.3). "=" is let through within one:
/// xtext and ENVIDs of some clients have it.
static bool is_value_char(char c)
{
    unsigned char u = (unsigned char)c;

    return u > ' ' && u != 127;
}

/// One kind of parameter. `set` gives false on a bad value; `has_value` whether "=" must follow.
struct parameter {
    const char *keyword;
    bool has_value;
    bool (*set)(void *to, struct str value);
};

static const struct smtp_fault *scan_parameter(struct scan *in, const struct parameter *table,
                                               size_t count, void *to, unsigned *seen)
{
    struct str keyword, value = STR_NONE;

    if (!scan_while(in, is_keyword_char, SMTP_COMMAND_MAX, &keyword))
        return &BAD_SYNTAX;
    if (scan_char(in, '=') && !scan_while(in, is_value_char, SMTP_COMMAND_MAX, &value))
        return &BAD_SYNTAX;
    for (size_t i = 0; i < count; i++) {
        if (!str_case_eq(keyword, str_from(table[i].keyword)))
            continue;
        if (*seen & 1U << i)
            return &TWICE;
        *seen |= 1U << i;
        return (value.ptr != NULL) == table[i].has_value && table[i].set(to, value) ? NULL
                                                                                    : &BAD_VALUE;
    }
    return &UNKNOWN;
}

/// *( SP esmtp-param ) to the end of the argument.
static const struct smtp_fault *scan_parameters(struct scan *in, const struct parameter *table,
                                                size_t count, void *to)
{
    const struct smtp_fault *fault;
    unsigned seen = 0;

    while (!scan_is_end(in)) {
        if (!scan_blank(in))
            return &BAD_SYNTAX;
        fault = scan_parameter(in, table, count, to, &seen);
        if (fault)
            return fault;
    }
    return NULL;
}

// ---- MAIL

/// RFC 1870 3: up to 20 digits, which may say more than 64 bits hold; a number like that, and any
/// longer one, is a size larger than all limits (RFC 1870 6.1), not a mistake of writing.
static bool set_size(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    mail->has_size = true;
    for (size_t i = 0; i < value.len; i++)
        if (!char_is_digit(value.ptr[i]))
            return false;
    if (!str_to_u64(value, UINT64_MAX, &mail->size))
        mail->size = UINT64_MAX;
    return value.len > 0;
}

static bool set_body(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    mail->has_body = true;
    if (str_case_eq(value, STR("7BIT")))
        mail->body = SMTP_BODY_7BIT;
    else if (str_case_eq(value, STR("8BITMIME")))
        mail->body = SMTP_BODY_8BITMIME;
    else if (str_case_eq(value, STR("BINARYMIME")))
        mail->body = SMTP_BODY_BINARYMIME;
    else
        return false;
    return true;
}

static bool set_utf8(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    (void)value;
    mail->is_utf8 = true;
    return true;
}

static bool set_auth(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    mail->has_auth = true;
    mail->auth = value;
    return str_eq(value, STR("<>")) || smtp_xtext_is_valid(value);
}

// clang-format off
static const struct parameter MAIL_PARAMETERS[] = {
    {"SIZE",        true,  set_size},
    {"BODY",        true,  set_body},
    {"SMTPUTF8",    false, set_utf8},
    {"AUTH",        true,  set_auth},
    {"RET",         true,  smtp_set_ret},
    {"ENVID",       true,  smtp_set_envid},
    {"BY",          true,  smtp_set_by},
    {"HOLDFOR",     true,  smtp_set_hold_for},
    {"HOLDUNTIL",   true,  smtp_set_hold_until},
    {"MT-PRIORITY", true,  smtp_set_priority},
    {"REQUIRETLS",  false, smtp_set_requires_tls},
};
// clang-format on

const struct smtp_fault *smtp_mail_parse(struct str argument, struct smtp_mail *out)
{
    struct scan in = scan_of(argument);
    struct smtp_mail mail = {.path = STR("")};
    const struct smtp_fault *fault;

    if (!scan_case_word(&in, STR("FROM:")))
        return &WRITE_MAIL;
    scan_blank(&in);
    if (scan_peek(&in) != '<')
        return &WRITE_MAIL;
    if (scan_word(&in, STR("<>")))
        mail.is_null = true;
    else if (!scan_path(&in, ADDRESS_LONG_LOCAL, &mail.path, &mail.sender))
        return &BAD_SENDER;
    if (is_path_long(mail.path))
        return &LONG_SENDER;
    fault = scan_parameters(&in, MAIL_PARAMETERS,
                            sizeof(MAIL_PARAMETERS) / sizeof(*MAIL_PARAMETERS), &mail);
    if (fault)
        return fault;
    if (mail.sender.is_utf8 && !mail.is_utf8)
        return &NEEDS_UTF8;
    *out = mail;
    return NULL;
}

// ---- RCPT

static const struct parameter RCPT_PARAMETERS[] = {
    {"NOTIFY", true, smtp_set_notify},
    {"ORCPT", true, smtp_set_orcpt},
};

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 126)
            return false;
    return true;
}

/// RFC 5321 4.1.1.3: the one address that may stand without a domain.
static bool scan_postmaster(struct scan *in, struct smtp_rcpt *rcpt)
{
    struct scan at = *in;

    if (!scan_char(&at, '<') || !scan_case_word(&at, STR("postmaster")) || !scan_char(&at, '>'))
        return false;
    rcpt->is_postmaster = true;
    rcpt->path = str_of(in->at + 1, strlen("postmaster"));
    rcpt->recipient = (struct address){.local = rcpt->path, .domain = STR("")};
    *in = at;
    return true;
}

const struct smtp_fault *smtp_rcpt_parse(struct str argument, bool allow_utf8,
                                         struct smtp_rcpt *out)
{
    struct scan in = scan_of(argument);
    struct smtp_rcpt rcpt = {0};
    const struct smtp_fault *fault;

    if (!scan_case_word(&in, STR("TO:")))
        return &WRITE_RCPT;
    scan_blank(&in);
    if (scan_peek(&in) != '<')
        return &WRITE_RCPT;
    if (!scan_postmaster(&in, &rcpt) && !scan_path(&in, 0, &rcpt.path, &rcpt.recipient))
        return &BAD_RECIPIENT;
    if (is_path_long(rcpt.path))
        return &LONG_RECIPIENT;
    if (rcpt.recipient.is_utf8 && !allow_utf8)
        return &NEEDS_UTF8;
    fault = scan_parameters(&in, RCPT_PARAMETERS,
                            sizeof(RCPT_PARAMETERS) / sizeof(*RCPT_PARAMETERS), &rcpt);
    if (fault)
        return fault;
    if (!allow_utf8 && !is_ascii(rcpt.orcpt))
        return &NEEDS_UTF8;
    *out = rcpt;
    return NULL;
}
