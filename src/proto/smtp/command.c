// SPDX-License-Identifier: ISC
//
// The verbs and their simple arguments. MAIL and RCPT are in envelope.c.
#include "proto/smtp/command.h"

#include "proto/smtp/limits.h"

static const struct smtp_fault CONTROL = {500, "5.5.2", "no control characters in commands"};
static const struct smtp_fault HELO_NAME = {501, "5.5.4", "write EHLO your.host.name"};
static const struct smtp_fault BDAT_SIZE = {501, "5.5.4", "write BDAT size or BDAT size LAST"};
static const struct smtp_fault ETRN_NODE = {501, "5.5.4", "write ETRN domain"};
static const struct smtp_fault XCLIENT_WORDS = {501, "5.5.4",
                                                "write XCLIENT NAME=value ..., values in xtext"};
static const struct smtp_fault AUTH_WORDS = {501, "5.5.4", "write AUTH mechanism"};
static const struct smtp_fault AUTH_BASE64 = {501, "5.5.2", "that is not base64"};

// clang-format off
static const char *const NAMES[SMTP_VERBS] = {
    [SMTP_UNKNOWN] = "?", [SMTP_HELO] = "HELO", [SMTP_EHLO] = "EHLO",         [SMTP_LHLO] = "LHLO",
    [SMTP_MAIL] = "MAIL", [SMTP_RCPT] = "RCPT", [SMTP_DATA] = "DATA",         [SMTP_BDAT] = "BDAT",
    [SMTP_RSET] = "RSET", [SMTP_NOOP] = "NOOP", [SMTP_QUIT] = "QUIT",         [SMTP_HELP] = "HELP",
    [SMTP_VRFY] = "VRFY", [SMTP_EXPN] = "EXPN", [SMTP_STARTTLS] = "STARTTLS", [SMTP_AUTH] = "AUTH",
    [SMTP_ETRN] = "ETRN", [SMTP_XCLIENT] = "XCLIENT",
};
// clang-format on

const char *smtp_verb_name(enum smtp_verb verb)
{
    return verb > SMTP_UNKNOWN && verb < SMTP_VERBS ? NAMES[verb] : NAMES[SMTP_UNKNOWN];
}

static enum smtp_verb verb_of(struct str word)
{
    for (int i = SMTP_UNKNOWN + 1; i < SMTP_VERBS; i++) {
        if (str_case_eq(word, str_from(NAMES[i])))
            return (enum smtp_verb)i;
    }
    return SMTP_UNKNOWN;
}

/// A tab is let through: old clients put them for blanks.
static bool has_control(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];

        if ((c < ' ' && c != '\t') || c == 127)
            return true;
    }
    return false;
}

const struct smtp_fault *smtp_command_parse(struct str line, struct smtp_command *out)
{
    size_t word_len = 0;

    if (has_control(line))
        return &CONTROL;
    while (word_len < line.len && line.ptr[word_len] != ' ' && line.ptr[word_len] != '\t')
        word_len++;
    out->word = str_head(line, word_len);
    out->verb = verb_of(out->word);
    out->argument = str_trim(str_skip(line, word_len));
    return NULL;
}

const struct smtp_fault *smtp_helo_parse(struct str argument, struct str *out_name)
{
    if (argument.len == 0 || argument.len > ADDRESS_DOMAIN_MAX || str_find(argument, ' ') >= 0 ||
        str_find(argument, '\t') >= 0)
        return &HELO_NAME;
    *out_name = argument;
    return NULL;
}

const struct smtp_fault *smtp_bdat_parse(struct str argument, struct smtp_bdat *out)
{
    struct scan in = scan_of(argument);
    struct smtp_bdat bdat = {0};

    if (!scan_u64(&in, INT64_MAX, &bdat.size))
        return &BDAT_SIZE;
    if (scan_blank(&in)) {
        if (!scan_case_word(&in, STR("LAST")))
            return &BDAT_SIZE;
        bdat.is_last = true;
    }
    if (!scan_is_end(&in))
        return &BDAT_SIZE;
    *out = bdat;
    return NULL;
}

static bool is_mechanism_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-' || c == '_';
}

static bool is_base64_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '+' || c == '/' || c == '=';
}

const struct smtp_fault *smtp_auth_parse(struct str argument, struct smtp_auth *out)
{
    struct scan in = scan_of(argument);
    struct smtp_auth auth = {.initial = STR("")};

    // RFC 4422 3.1: 1 to 20 characters
    if (!scan_while(&in, is_mechanism_char, 20, &auth.mechanism))
        return &AUTH_WORDS;
    if (scan_blank(&in)) {
        auth.has_initial = true;
        if (!scan_while(&in, is_base64_char, SMTP_AUTH_LINE_MAX, &auth.initial))
            return &AUTH_BASE64;
        if (str_eq(auth.initial, STR("=")))
            auth.initial = STR("");
    }
    if (!scan_is_end(&in))
        return auth.has_initial ? &AUTH_BASE64 : &AUTH_WORDS;
    *out = auth;
    return NULL;
}

const struct smtp_fault *smtp_etrn_parse(struct str argument, struct smtp_etrn *out)
{
    struct smtp_etrn etrn = {.node = argument};

    if (str_starts(argument, STR("@")) || str_starts(argument, STR("#"))) {
        etrn.option = argument.ptr[0];
        etrn.node = str_skip(argument, 1);
    }
    if (!address_domain_is_valid(etrn.node, ADDRESS_UTF8) || str_find(etrn.node, '[') >= 0)
        return &ETRN_NODE;
    *out = etrn;
    return NULL;
}

/// Where that attribute's value goes; NULL: there is none such.
static struct str *xclient_member(struct smtp_xclient *x, struct str name)
{
    const struct {
        struct str name;
        struct str *to;
    } MEMBERS[] = {
        {STR("NAME"), &x->name},         {STR("ADDR"), &x->addr},         {STR("PORT"), &x->port},
        {STR("PROTO"), &x->proto},       {STR("HELO"), &x->helo},         {STR("LOGIN"), &x->login},
        {STR("DESTADDR"), &x->destaddr}, {STR("DESTPORT"), &x->destport},
    };

    for (size_t i = 0; i < sizeof MEMBERS / sizeof *MEMBERS; i++)
        if (str_case_eq(name, MEMBERS[i].name))
            return MEMBERS[i].to;
    return NULL;
}

const struct smtp_fault *smtp_xclient_parse(struct str argument, struct smtp_xclient *out)
{
    struct smtp_xclient x = {0};
    struct str word, name, *to;

    if (argument.len == 0)
        return &XCLIENT_WORDS;
    while (str_split(&argument, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (str_find(word, '=') < 0 || !str_split(&word, '=', &name))
            return &XCLIENT_WORDS;
        to = xclient_member(&x, name);
        if (!to || to->ptr || !smtp_xtext_is_valid(word))
            return &XCLIENT_WORDS;
        *to = str_case_eq(word, STR("[UNAVAILABLE]")) || str_case_eq(word, STR("[TEMPUNAVAIL]"))
                  ? STR("")
                  : word;
        if (!to->ptr)
            *to = STR("");
    }
    *out = x;
    return NULL;
}
