// SPDX-License-Identifier: ISC
//
// Which bytes of a message are meant: sections (RFC 3501 6.4.5, RFC 9051 6.4.5) as FETCH writes
// them between brackets and IMAP URLs after ";SECTION=".
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

enum imap_section_text {
    IMAP_SECTION_WHOLE, // "", "1.2"
    IMAP_SECTION_HEADER,
    IMAP_SECTION_HEADER_FIELDS,
    IMAP_SECTION_HEADER_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME,
};

enum { IMAP_SECTION_DEPTH_MAX = 64 };

struct imap_section {
    uint32_t *parts; // "1.2" is {1, 2}
    size_t part_count;
    enum imap_section_text text;
    struct str *fields; // of HEADER.FIELDS and HEADER.FIELDS.NOT
    size_t field_count;
};

/// "[" [section-spec] "]". *out is only written on success.
bool imap_scan_section(struct scan *in, struct arena *arena, struct imap_section *out);
/// The same of numbers only: section-binary (RFC 3516 7).
bool imap_scan_section_binary(struct scan *in, struct arena *arena, struct imap_section *out);
/// section-spec, without brackets, to the end of the text.
bool imap_section_parse(struct str text, struct arena *arena, struct imap_section *out);
/// With its brackets.
void imap_section_put(struct buf *out, const struct imap_section *section);
