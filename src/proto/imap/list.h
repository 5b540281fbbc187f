// SPDX-License-Identifier: ISC
//
// What LIST, LSUB and STATUS ask for: RFC 3501 6.3.8 to 6.3.10, with the selection and return
// options of RFC 5258 (SUBSCRIBED, REMOTE, RECURSIVEMATCH, CHILDREN), RFC 6154 (SPECIAL-USE), RFC
// 5819 (STATUS), RFC 8440 (MYRIGHTS) and RFC 9590 (METADATA); what STATUS tells beyond RFC 3501 is
// from RFC 7162 (HIGHESTMODSEQ), 7889 (APPENDLIMIT), 8438 (SIZE), 8474 (MAILBOXID) and 9208
// (DELETED, DELETED-STORAGE).
#pragma once

#include "base/arena.h"
#include "base/scan.h"

enum imap_status_item {
    IMAP_STATUS_MESSAGES = 1,
    IMAP_STATUS_RECENT = 2,
    IMAP_STATUS_UIDNEXT = 4,
    IMAP_STATUS_UIDVALIDITY = 8,
    IMAP_STATUS_UNSEEN = 16,
    IMAP_STATUS_DELETED = 32,
    IMAP_STATUS_SIZE = 64,
    IMAP_STATUS_HIGHESTMODSEQ = 128,
    IMAP_STATUS_MAILBOXID = 256,
    IMAP_STATUS_APPENDLIMIT = 512,
    IMAP_STATUS_DELETED_STORAGE = 1024,
};

enum imap_list_option {
    IMAP_LIST_SUBSCRIBED = 1,
    IMAP_LIST_REMOTE = 2,
    IMAP_LIST_RECURSIVE_MATCH = 4,
    IMAP_LIST_SPECIAL_USE = 8,
    IMAP_LIST_CHILDREN = 16,
    IMAP_LIST_STATUS = 32,
    IMAP_LIST_MYRIGHTS = 64,
    IMAP_LIST_METADATA = 128,
};

enum { IMAP_LIST_PATTERNS_MAX = 32 };

struct imap_list {
    unsigned selects; // bits of imap_list_option
    unsigned returns;
    unsigned status_items; // bits of imap_status_item, with IMAP_LIST_STATUS
    struct str *entries;   // names of annotations, with IMAP_LIST_METADATA
    size_t entry_count;
    bool is_extended;     // RFC 5258: answers tell more
    struct str reference; // as on the wire
    struct str *patterns;
    size_t pattern_count;
};

/// From behind the verb to the end of the command.
bool imap_list_parse(struct scan *in, struct arena *arena, struct imap_list *out);
/// LSUB has no options.
bool imap_lsub_parse(struct scan *in, struct arena *arena, struct imap_list *out);
/// "(" item *(SP item) ")"
bool imap_scan_status_items(struct scan *in, unsigned *out);
