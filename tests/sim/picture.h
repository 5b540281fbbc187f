// SPDX-License-Identifier: ISC
//
// A mailbox as an IMAP client knows it, made from nothing but the server's untagged responses. A
// response that cannot be true (RFC 3501 7.4.1, RFC 7162 3.2) ends the process.
#pragma once

#include "base/str.h"
#include "store/store.h"

enum { PICTURE_MAX = 4096, PICTURE_GONE_MAX = 16384 };

/// What the actors set: bits of picture_entry.flags.
enum { PICTURE_FLAGS = 9 };
extern const struct str picture_flag_names[PICTURE_FLAGS];

struct picture_entry {
    uint32_t uid;   // 0: not told yet
    bool has_flags; // told
    unsigned flags;
    uint64_t modseq; // 0: not told yet
};

struct picture {
    struct picture_entry entries[PICTURE_MAX]; // by message number
    size_t count;
    uint32_t gone[PICTURE_GONE_MAX]; // uids that were said to be gone
    size_t gone_count;
    uint32_t uidvalidity;
    uint64_t highest;      // HIGHESTMODSEQ: all up to here is in the picture
    uint64_t told_highest; // of any MODSEQ
};

/// Empty, of a mailbox that was selected just now.
void picture_clear(struct picture *p);
void picture_exists(struct picture *p, uint64_t count);
void picture_expunge(struct picture *p, uint64_t number);
/// "3,5:7" of VANISHED. Those of EARLIER need not be known.
void picture_vanished(struct picture *p, struct str uids, bool is_earlier);
/// What stands in the parentheses of FETCH: UID, FLAGS, MODSEQ.
void picture_fetch(struct picture *p, uint64_t number, struct str items);
/// Puts what was known before back into the picture of a mailbox that was selected again with
/// QRESYNC, but for `vanished`.
void picture_resume(struct picture *p, const struct picture *before, struct str vanished);
/// The first message of which uid or flags are not known, counted from 1; 0: all are known.
size_t picture_unknown(const struct picture *p);

/// [await] Is it the store's mailbox: uids, flags, keywords, with `has_modseq` modseqs, and is all
/// gone that was said to be? False: printed why.
bool picture_is(const struct picture *p, struct store *store, uint64_t mailbox_id, bool has_modseq,
                const char *whose);
