// SPDX-License-Identifier: ISC
//
// What a server says, as a client reads it (RFC 3501 7, RFC 9051 7): one response with its literals
// in their places, as in proto/imap/scan.h. Mild, for servers differ: what is not known is skipped.
// The message itself (BODY[]) is not part of the text: whoever reads the connection takes it out
// and leaves NIL in its place, see imap_response_has_body.
#pragma once

#include "base/arena.h"
#include "mail/date.h"

enum imap_response_kind {
    IMAP_SAYS_OTHER,
    IMAP_SAYS_TAGGED,     // TAG OK [code] text
    IMAP_SAYS_CONDITION,  // * OK [code] text; also NO, BAD, BYE, PREAUTH
    IMAP_SAYS_GO_ON,      // + text
    IMAP_SAYS_CAPABILITY, // text: the words
    IMAP_SAYS_LIST,       // also LSUB
    IMAP_SAYS_NAMESPACE,
    IMAP_SAYS_EXISTS,
    IMAP_SAYS_FETCH,
};
enum imap_condition { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };

/// RFC 3501 7.2.2, RFC 6154 2
enum imap_attribute {
    IMAP_NOSELECT = 1, // or \NonExistent
    IMAP_ALL = 2,
    IMAP_ARCHIVE = 4,
    IMAP_DRAFTS = 8,
    IMAP_FLAGGED_USE = 16,
    IMAP_JUNK = 32,
    IMAP_SENT = 64,
    IMAP_TRASH = 128,
};

enum { IMAP_RESPONSE_KEYWORDS_MAX = 128 };

/// Views of the text, or in the arena.
struct imap_response {
    enum imap_response_kind kind;
    enum imap_condition condition;
    struct str tag;
    struct str code; // between the brackets; "": none
    struct str text;
    // LIST; NAMESPACE: the first personal one, name is its prefix
    unsigned attributes;
    char separator; // '\0': NIL
    struct str name;
    uint32_t number; // EXISTS, FETCH
    // FETCH
    uint32_t uid; // 0: not told
    bool has_flags, has_date, has_size, has_body;
    unsigned flags; // bits of imap_flag
    struct str *keywords;
    size_t keyword_count;
    struct date date;
    uint64_t size;
    struct str body; // of a short one that came as a string; ptr NULL: it was taken out
};

/// False: no response at all.
bool imap_response_parse(struct str text, struct arena *arena, struct imap_response *out);
/// Is the literal at the end of this line, cut before its "{", the message?
bool imap_response_has_body(struct str head);
/// The number of a code "UIDVALIDITY 7"; `name` in upper case. False: it is another code.
bool imap_response_code_number(struct str code, struct str name, uint32_t *out);
/// Is that word among those of CAPABILITY? Case does not matter.
bool imap_response_has_word(struct str words, struct str word);
