// SPDX-License-Identifier: ISC
#include "proto/pop3/command.h"
#include "base/scan.h"

enum takes {
    TAKES_NOTHING,
    TAKES_TEXT,         // the rest of the line, at least one byte
    TAKES_NUMBER,       // msg
    TAKES_MAYBE_NUMBER, // [msg]
    TAKES_TOP,          // msg n
    TAKES_AUTH,         // [mechanism [initial-response]]
    TAKES_MAYBE_WORD,   // [word]
};

// clang-format off
static const struct {
    struct str name;
    enum takes takes;
} verbs[POP3_VERB_COUNT] = {
    [POP3_APOP] = {STR("APOP"), TAKES_TEXT},
    [POP3_AUTH] = {STR("AUTH"), TAKES_AUTH},
    [POP3_CAPA] = {STR("CAPA"), TAKES_NOTHING},
    [POP3_DELE] = {STR("DELE"), TAKES_NUMBER},
    [POP3_LANG] = {STR("LANG"), TAKES_MAYBE_WORD},
    [POP3_LIST] = {STR("LIST"), TAKES_MAYBE_NUMBER},
    [POP3_NOOP] = {STR("NOOP"), TAKES_NOTHING},
    [POP3_PASS] = {STR("PASS"), TAKES_TEXT},
    [POP3_QUIT] = {STR("QUIT"), TAKES_NOTHING},
    [POP3_RETR] = {STR("RETR"), TAKES_NUMBER},
    [POP3_RSET] = {STR("RSET"), TAKES_NOTHING},
    [POP3_STAT] = {STR("STAT"), TAKES_NOTHING},
    [POP3_STLS] = {STR("STLS"), TAKES_NOTHING},
    [POP3_TOP]  = {STR("TOP"),  TAKES_TOP},
    [POP3_UIDL] = {STR("UIDL"), TAKES_MAYBE_NUMBER},
    [POP3_USER] = {STR("USER"), TAKES_TEXT},
    [POP3_UTF8] = {STR("UTF8"), TAKES_NOTHING},
};
// clang-format on

struct str pop3_verb_name(enum pop3_verb verb)
{
    return verbs[verb].name;
}

static bool find_verb(struct str word, enum pop3_verb *out)
{
    for (int i = 0; i < POP3_VERB_COUNT; i++) {
        if (str_case_eq(word, verbs[i].name)) {
            *out = (enum pop3_verb)i;
            return true;
        }
    }
    return false;
}

/// msg: a decimal number from 1 on.
static bool scan_message_number(struct scan *in, struct pop3_command *out)
{
    uint64_t n = 0;

    if (!scan_u64(in, UINT32_MAX, &n) || n == 0)
        return false;
    out->number = (uint32_t)n;
    out->has_number = true;
    return true;
}

/// msg SP n
static bool scan_top(struct scan *in, struct pop3_command *out)
{
    uint64_t n = 0;

    if (!scan_message_number(in, out) || !scan_blank(in) || !scan_u64(in, UINT32_MAX, &n))
        return false;
    out->lines = (uint32_t)n;
    return true;
}

static bool is_word_char(char c)
{
    return c > ' ' && c < 0x7f;
}

/// [mechanism [SP initial-response]], RFC 5034 4
static bool scan_auth(struct scan *in, struct pop3_command *out)
{
    if (scan_is_end(in))
        return true;
    if (!scan_while(in, is_word_char, 20, &out->name))
        return false;
    if (!scan_blank(in) || scan_is_end(in))
        return true;
    out->has_response = scan_while(in, is_word_char, POP3_RESPONSE_MAX, &out->response);
    return out->has_response;
}

static bool scan_argument(struct scan *in, enum takes takes, struct pop3_command *out)
{
    switch (takes) {
    case TAKES_NOTHING:
        return true;
    case TAKES_TEXT:
        out->name = scan_rest(in);
        in->at = in->end;
        return out->name.len > 0;
    case TAKES_NUMBER:
        return scan_message_number(in, out);
    case TAKES_MAYBE_NUMBER:
        return scan_is_end(in) || scan_message_number(in, out);
    case TAKES_TOP:
        return scan_top(in, out);
    case TAKES_AUTH:
        return scan_auth(in, out);
    case TAKES_MAYBE_WORD:
        return scan_is_end(in) || scan_while(in, is_word_char, POP3_COMMAND_MAX, &out->name);
    }
    return false;
}

enum pop3_parse pop3_command_parse(struct str line, struct pop3_command *out)
{
    struct pop3_command command = {0};
    struct str rest = line, word = STR_NONE;
    struct scan in;

    *out = command;
    if (str_find(line, '\0') >= 0 || !str_split(&rest, ' ', &word))
        return POP3_NO_SUCH_VERB;
    if (!find_verb(word, &command.verb))
        return POP3_NO_SUCH_VERB;

    // A password may begin and end with spaces; only the one space behind the keyword is ours
    in = scan_of(rest.ptr ? rest : STR(""));
    if (verbs[command.verb].takes != TAKES_TEXT)
        scan_blank(&in);
    out->verb = command.verb;
    if (!scan_argument(&in, verbs[command.verb].takes, &command))
        return POP3_BAD_ARGUMENT;
    scan_blank(&in);
    if (!scan_is_end(&in))
        return POP3_BAD_ARGUMENT;

    *out = command;
    return POP3_PARSED;
}
