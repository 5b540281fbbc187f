// SPDX-License-Identifier: ISC
//
// What FETCH asks for (RFC 3501 6.4.5): items, and sections with partials.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

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
};

enum imap_section_text {
    IMAP_SECTION_WHOLE, // "", "1.2"
    IMAP_SECTION_HEADER,
    IMAP_SECTION_HEADER_FIELDS,
    IMAP_SECTION_HEADER_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME,
};

enum { IMAP_SECTION_DEPTH_MAX = 64, IMAP_FETCH_ITEMS_MAX = 128 };

struct imap_section {
    uint32_t *parts; // "1.2" is {1, 2}
    size_t part_count;
    enum imap_section_text text;
    struct str *fields; // of HEADER.FIELDS and HEADER.FIELDS.NOT
    size_t field_count;
};

struct imap_fetch_item {
    enum imap_fetch_kind kind;
    struct imap_section section; // of the last four kinds
    bool is_peek;                // does not set \Seen
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
