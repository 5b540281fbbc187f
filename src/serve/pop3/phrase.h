// SPDX-License-Identifier: ISC
//
// What the server says to people, in the languages it speaks (LANG, RFC 6856 3). Clients go by +OK,
// -ERR and the codes in brackets, which are the same in each.
#pragma once

struct pop3_session;

enum pop3_language {
    POP3_ENGLISH, // also i-default, RFC 2277 4.5
    POP3_PORTUGUESE,
    POP3_LANGUAGES,
};

enum pop3_phrase {
    POP3_AND_PASSWORD,
    POP3_ANOTHER_HAS_IT,
    POP3_BEGIN_TLS,
    POP3_CLOSED,
    POP3_DAMAGED,
    POP3_DELETED,
    POP3_GIVEN_UP,
    POP3_GOING_DOWN,
    POP3_GONE,
    POP3_GOODBYE,
    POP3_LANGUAGE,
    POP3_LANGUAGES_FOLLOW,
    POP3_LINE_TOO_LONG,
    POP3_MAILBOX_GONE,
    POP3_MAILBOX_UNREADABLE,
    POP3_MESSAGE,
    POP3_MESSAGES,
    POP3_NO_APOP,
    POP3_NO_COMMAND,
    POP3_NO_LANGUAGE,
    POP3_NO_MECHANISM,
    POP3_NO_MESSAGE,
    POP3_NO_TLS,
    POP3_NOT_SAID_SO,
    POP3_NOTHING_MARKED,
    POP3_NOTHING_REMOVED,
    POP3_OCTETS,
    POP3_SIGN_IN_FIRST,
    POP3_SIGNED_IN,
    POP3_TLS_FIRST,
    POP3_TLS_IS_ON,
    POP3_TLS_TOO_LATE,
    POP3_TOO_MANY_BAD,
    POP3_TOO_SOON,
    POP3_UNAVAILABLE,
    POP3_UNREADABLE,
    POP3_USER_FIRST,
    POP3_UTF8_IS_ON,
    POP3_UTF8_NEEDED,
    POP3_UTF8_TOO_LATE,
    POP3_WILL_BE_REMOVED,
    POP3_WRONG,
    POP3_WRONG_ARGUMENTS,
    POP3_PHRASES,
};

/// The code, if it has one, and the phrase in the session's language, in UTF-8.
const char *pop3_say(const struct pop3_session *s, enum pop3_phrase phrase);
/// In English, for the log.
const char *pop3_phrase_english(enum pop3_phrase phrase);
