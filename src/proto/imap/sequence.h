// SPDX-License-Identifier: ISC
//
// Sequence sets (RFC 3501 9): "1:3,5,7:*", of message numbers or of UIDs.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

enum { IMAP_STAR = 0 }; // "*": no number is 0

/// As written: in any order, either end may be IMAP_STAR.
struct imap_range {
    uint32_t first, last;
};
struct imap_sequence {
    const struct imap_range *ranges;
    size_t count;
};

/// Ranges stand in the arena, at most one for every two bytes of text.
bool imap_scan_sequence(struct scan *in, struct arena *arena, struct imap_sequence *out);

/// What the set means when the highest number in use is `star`: ascending, neither overlapping nor
/// touching, every first <= last. "*" in an empty mailbox (star 0) means nothing; "7:*" always
/// holds `star` (RFC 3501 6.4.8).
struct imap_sequence imap_sequence_resolve(struct imap_sequence set, uint32_t star,
                                           struct arena *arena);
/// Is it in a resolved set? Logarithmic.
bool imap_sequence_has(struct imap_sequence resolved, uint32_t number);

/// Puts ascending numbers as a set, "1:3,5"; one at a time; `imap_set_end` closes it.
struct imap_set_putter {
    struct buf *out;
    uint32_t first, last; // the open range; 0: none yet
    bool has_some;
};
void imap_set_put(struct imap_set_putter *set, uint32_t number);
/// first <= last
void imap_set_put_range(struct imap_set_putter *set, uint32_t first, uint32_t last);
void imap_set_end(struct imap_set_putter *set);
