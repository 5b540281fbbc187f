// SPDX-License-Identifier: ISC
//
// Flags (RFC 3501 2.3.2): five system flags and \Recent as bits, keywords by name.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

enum imap_flag {
    IMAP_SEEN = 1,
    IMAP_ANSWERED = 2,
    IMAP_FLAGGED = 4,
    IMAP_DELETED = 8,
    IMAP_DRAFT = 16,
    IMAP_RECENT = 32, // the server's own: told, never set by a client
    IMAP_FLAGS_SETTABLE = 31,
};

enum { IMAP_KEYWORDS_MAX = 128 }; // different ones in one command

struct imap_flags {
    unsigned bits; // without IMAP_RECENT: what a client says of it is passed over
    struct str *keywords;
    size_t keyword_count;
    bool has_unknown; // "\Foo": no keyword, and no system flag we have
};

/// "(" [flag *(SP flag)] ")"
bool imap_scan_flag_list(struct scan *in, struct arena *arena, struct imap_flags *out);
/// The same, or the flags without parentheses (STORE).
bool imap_scan_store_flags(struct scan *in, struct arena *arena, struct imap_flags *out);

/// Puts the flags of `bits`, apart by spaces, then those keywords[i] whose bit i is set.
void imap_flags_put(struct buf *out, unsigned bits, uint64_t keyword_bits,
                    const struct str *keywords, size_t keyword_count);
