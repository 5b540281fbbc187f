// SPDX-License-Identifier: ISC
//
// The result that a search saved for later commands, "$" (RFC 5182). It is kept as uids, so that
// what is expunged falls out of it by itself, and lives as long as the mailbox stays selected.
#pragma once

#include "proto/imap/sequence.h"
#include "serve/imap/hits.h"

struct imap_session;

enum { IMAP_SAVED_MAX = 256 * 1024 }; // ranges of uids, 8 bytes each

struct imap_saved {
    struct imap_range *ranges; // ascending; malloc
    size_t count;
};

/// Replaces what was saved. False, and then it is empty, when that is more than IMAP_SAVED_MAX
/// ranges. Hits in any order.
bool imap_saved_set(struct imap_session *s, const struct imap_hits *hits);
void imap_saved_clear(struct imap_session *s);
/// Views, until the next of the two above.
struct imap_sequence imap_saved_uids(const struct imap_session *s);
