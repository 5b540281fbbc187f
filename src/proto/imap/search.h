// SPDX-License-Identifier: ISC
//
// The search program (RFC 3501 6.4.4) as a flat array of nodes in which operands stand before
// their operator; the last node is the whole. Whoever evaluates it walks the array once, without
// recursion, and parsing knows none either.
#pragma once

#include "base/arena.h"
#include "base/scan.h"
#include "proto/imap/sequence.h"

enum imap_search_op {
    IMAP_SEARCH_ALL,
    IMAP_SEARCH_AND, // of left and right
    IMAP_SEARCH_OR,
    IMAP_SEARCH_NOT,  // of left
    IMAP_SEARCH_FLAG, // all bits of `set` and none of `unset` (imap_flag, IMAP_RECENT too)
    IMAP_SEARCH_KEYWORD,
    IMAP_SEARCH_NUMBERS, // message numbers in `numbers`
    IMAP_SEARCH_UIDS,
    IMAP_SEARCH_RESULT, // "$": what the last search saved (RFC 5182)
    IMAP_SEARCH_MODSEQ, // at least `modseq` (RFC 7162 3.1.5)
    IMAP_SEARCH_BEFORE, // the internal date's day against `day`
    IMAP_SEARCH_ON,
    IMAP_SEARCH_SINCE,
    IMAP_SEARCH_SENT_BEFORE, // the Date field's day
    IMAP_SEARCH_SENT_ON,
    IMAP_SEARCH_SENT_SINCE,
    IMAP_SEARCH_SAVED_BEFORE, // when it came into the mailbox (RFC 8514)
    IMAP_SEARCH_SAVED_ON,
    IMAP_SEARCH_SAVED_SINCE,
    IMAP_SEARCH_OLDER,   // internal date at least `seconds` ago (RFC 5032)
    IMAP_SEARCH_YOUNGER, // at most
    IMAP_SEARCH_LARGER,
    IMAP_SEARCH_SMALLER,
    IMAP_SEARCH_HEADER, // field `name` holds `text`; empty text: the field is there
    IMAP_SEARCH_BODY,
    IMAP_SEARCH_TEXT,     // header or body
    IMAP_SEARCH_EMAILID,  // `name` (RFC 8474)
    IMAP_SEARCH_THREADID, // `name`
};

enum { IMAP_SEARCH_NODES_MAX = 8192, IMAP_SEARCH_TEXTS_MAX = 64 };

struct imap_search_node {
    enum imap_search_op op;
    uint32_t left, right; // indexes, smaller than the node's own
    union {
        struct {
            unsigned set, unset;
        };
        struct {
            struct str name, text; // KEYWORD, EMAILID, THREADID: name
        };
        struct imap_sequence numbers; // as written
        int64_t day;                  // since 1970-01-01
        uint64_t size;
        uint64_t modseq;
        uint32_t seconds;
    };
};

struct imap_search {
    struct str charset; // ptr NULL: none named
    struct imap_search_node *nodes;
    size_t count;    // at least 1
    bool has_modseq; // a MODSEQ key: the answer tells the highest one
    bool has_fuzzy;  // RFC 6203: a key may match loosely; here they match as without it
};

/// [SP "CHARSET" SP charset] SP keys, to the end of the command. False on anything that is no
/// search program, has more than IMAP_SEARCH_NODES_MAX nodes or more than IMAP_SEARCH_TEXTS_MAX
/// texts to look for.
bool imap_search_parse(struct scan *in, struct arena *arena, struct imap_search *out);
/// SP keys, in a charset that was told already (SORT, THREAD).
bool imap_search_parse_keys(struct scan *in, struct arena *arena, struct str charset,
                            struct imap_search *out);
