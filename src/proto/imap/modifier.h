// SPDX-License-Identifier: ISC
//
// What stands in parentheses behind or between the arguments of SELECT, FETCH and STORE (RFC 4466
// 2.1, 2.4, 2.5): the modifiers of RFC 7162 (CONDSTORE, QRESYNC, CHANGEDSINCE, VANISHED,
// UNCHANGEDSINCE) and of RFC 9394 (PARTIAL).
#pragma once

#include "proto/imap/sequence.h"

enum { IMAP_MODSEQ_BITS = 63 }; // RFC 7162 7: mod-sequence-value

struct imap_select_modifiers {
    bool condstore, qresync;
    // of QRESYNC (RFC 7162 3.2.5)
    uint32_t uidvalidity;
    uint64_t modseq;
    struct imap_sequence known;         // uids; count 0: not said
    struct imap_sequence match_numbers; // seq-match-data: message numbers, and
    struct imap_sequence match_uids;    // as many uids; count 0: not said
};
/// [SP "(" select-param *(SP select-param) ")"]
bool imap_scan_select_modifiers(struct scan *in, struct arena *arena,
                                struct imap_select_modifiers *out);

struct imap_fetch_modifiers {
    bool has_since, has_vanished, has_partial;
    uint64_t changed_since;
    bool from_end;                        // PARTIAL -1:-100
    uint32_t partial_first, partial_last; // counted from 1, ascending
};
/// [SP "(" fetch-modifier *(SP fetch-modifier) ")"], each once.
bool imap_scan_fetch_modifiers(struct scan *in, struct imap_fetch_modifiers *out);

/// [SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"]; UINT64_MAX when it is not there.
bool imap_scan_store_modifiers(struct scan *in, uint64_t *out_unchanged_since);
