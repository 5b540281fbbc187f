// SPDX-License-Identifier: ISC
//
// The verbs and their simple arguments. MAIL and RCPT are in envelope.c.
#include "proto/smtp/command.h"

#include "proto/smtp/limits.h"

static const struct smtp_fault CONTROL = {500, "5.5.2", "no control characters in commands"};
static const struct smtp_fault HELO_NAME = {501, "5.5.4", "write EHLO your.host.name"};
static const struct smtp_fault BDAT_SIZE = {501, "5.5.4", "write BDAT size or BDAT size LAST"};
static const struct smtp_fault AUTH_WORDS = {501, "5.5.4", "write AUTH mechanism"};
static const struct smtp_fault AUTH_BASE64 = {501, "5.5.2", "that is not base64"};

static const char *const NAMES[SMTP_VERBS] = {
    [SMTP_UNKNOWN] = "?", [SMTP_HELO] = "HELO", [SMTP_EHLO] = "EHLO",         [SMTP_LHLO] = "LHLO",
    [SMTP_MAIL] = "MAIL", [SMTP_RCPT] = "RCPT", [SMTP_DATA] = "DATA",         [SMTP_BDAT] = "BDAT",
    [SMTP_RSET] = "RSET", [SMTP_NOOP] = "NOOP", [SMTP_QUIT] = "QUIT",         [SMTP_HELP] = "HELP",
    [SMTP_VRFY] = "VRFY", [SMTP_EXPN] = "EXPN", [SMTP_STARTTLS] = "STARTTLS", [SMTP_AUTH] = "AUTH",
};

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
