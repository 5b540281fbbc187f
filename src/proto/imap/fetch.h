// SPDX-License-Identifier: ISC
//
// What FETCH asks for (RFC 3501 6.4.5): items, and sections with partials; with those of RFC 3516
// (BINARY), 8474 (EMAILID, THREADID), 8514 (SAVEDATE), 8970 (PREVIEW) and 7162
// (MODSEQ).
#pragma once

#include "proto/imap/section.h"

enum imap_fetch_kind {
    IMAP_FETCH_UID,
    IMAP_FETCH_FLAGS,
    IMAP_FETCH_INTERNALDATE,
    IMAP_FETCH_SIZE, // RFC822.SIZE
    IMAP_FETCH_ENVELOPE,
    IMAP_FETCH_BODY, // without a section: BODYSTRUCTURE without extensions
    IMAP_FETCH_BODYSTRUCTURE,
    IMAP_FETCH_SECTION,       // BODY[...]
    IMAP_FETCH_RFC822,        // BODY[] under its old name
    IMAP_FETCH_RFC822_HEADER, // BODY.PEEK[HEADER]
    IMAP_FETCH_RFC822_TEXT,   // BODY[TEXT]
    IMAP_FETCH_BINARY,        // BINARY[1.2]: decoded
    IMAP_FETCH_BINARY_SIZE,   // BINARY.SIZE[1.2]
    IMAP_FETCH_PREVIEW,
    IMAP_FETCH_SAVEDATE,
    IMAP_FETCH_EMAILID,
    IMAP_FETCH_THREADID,
    IMAP_FETCH_MODSEQ, // RFC 7162 3.1.4.2
};

enum { IMAP_FETCH_ITEMS_MAX = 128 };

struct imap_fetch_item {
    enum imap_fetch_kind kind;
    struct imap_section section; // of SECTION, RFC822..., BINARY and BINARY_SIZE
    bool is_peek;                // does not set \Seen
    bool is_lazy;                // PREVIEW (LAZY)
    bool is_partial;
    uint32_t partial_offset, partial_len; // partial_len > 0
};

struct imap_fetch {
    struct imap_fetch_item *items;
    size_t count;
};

/// fetch-att, a macro (ALL, FAST, FULL) or "(" fetch-att *(SP fetch-att) ")".
bool imap_scan_fetch(struct scan *in, struct arena *arena, struct imap_fetch *out);
/// How the item is named in the answer: `BODY[HEADER.FIELDS (DATE)]<0>`.
void imap_fetch_item_put(struct buf *out, const struct imap_fetch_item *item);
