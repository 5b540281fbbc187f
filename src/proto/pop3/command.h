// SPDX-License-Identifier: ISC
//
// POP3 commands: one line to one value (RFC 1939, RFC 2449 CAPA, RFC 2595 STLS, RFC 5034 AUTH). The
// grammar alone; what is allowed when is serve/pop3's business. APOP is known by name only, so that
// it gets an answer of its own: it would need the password itself on the server, and ours are kept
// as Argon2id.
#pragma once

#include "base/str.h"

enum {
    POP3_COMMAND_MAX = 253,    // bytes before CRLF, RFC 2449 4: 255 with it
    POP3_RESPONSE_MAX = 12286, // of an AUTH response, RFC 4954 4.5 names 12288 with CRLF
};

enum pop3_verb {
    POP3_APOP,
    POP3_AUTH,
    POP3_CAPA,
    POP3_DELE,
    POP3_LANG,
    POP3_LIST,
    POP3_NOOP,
    POP3_PASS,
    POP3_QUIT,
    POP3_RETR,
    POP3_RSET,
    POP3_STAT,
    POP3_STLS,
    POP3_TOP,
    POP3_UIDL,
    POP3_USER,
    POP3_UTF8,
    POP3_VERB_COUNT,
};

/// Views into the parsed line.
struct pop3_command {
    enum pop3_verb verb;
    struct str name;     // USER: the name; PASS: the password, spaces and all; AUTH: the mechanism;
                         // LANG: the language, or nothing
    struct str response; // AUTH: the initial response as it was sent (base64, or "=")
    bool has_response;
    bool has_number;
    uint32_t number; // DELE, LIST, RETR, TOP, UIDL: message number, not 0
    uint32_t lines;  // TOP
};

enum pop3_parse {
    POP3_PARSED,
    POP3_NO_SUCH_VERB,
    POP3_BAD_ARGUMENT, // out->verb is set
};

/// `line` without its CRLF. A NUL anywhere makes it bad.
enum pop3_parse pop3_command_parse(struct str line, struct pop3_command *out);

/// The verb's name, "RETR".
struct str pop3_verb_name(enum pop3_verb verb);
