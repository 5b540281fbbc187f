// SPDX-License-Identifier: ISC
//
// Inside mail/downgrade: the bytes of one stretch of a message, put in another way, in pieces of
// any size.
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "mail/encoding.h"

/// What becomes of the bytes of a body.
enum downgrade_how {
    DOWNGRADE_KEEP,
    DOWNGRADE_QUOTED_PRINTABLE,
    DOWNGRADE_BASE64,
    DOWNGRADE_ESCAPE, // it is quoted-printable, with bytes that should have been escaped
    DOWNGRADE_DROP,   // it is base64, with bytes that say nothing
    DOWNGRADE_MASK,   // nobody reads it (preambles): "?" for each byte beyond ASCII
};

struct downgrade_body {
    enum downgrade_how how;
    struct buf held; // a line, or bytes that make no line of base64 yet
    size_t column;   // ESCAPE
};
void downgrade_body_begin(struct downgrade_body *b, enum downgrade_how how);
void downgrade_body_put(struct downgrade_body *b, struct str bytes, struct buf *out);
void downgrade_body_end(struct downgrade_body *b, struct buf *out);
void downgrade_body_done(struct downgrade_body *b);

/// A header in which Content-Transfer-Encoding is replaced, and the fields added without which it
/// would say nothing.
struct downgrade_header {
    bool changes_label, needs_version, needs_type;
    enum encoding label;
    struct buf held; // the beginning of a line
    bool is_within_line, is_dropping, has_put_fields;
};
void downgrade_header_begin(struct downgrade_header *h, bool changes_label, enum encoding label,
                            bool is_message, bool needs_type);
void downgrade_header_put(struct downgrade_header *h, struct str bytes, struct buf *out);
void downgrade_header_end(struct downgrade_header *h, struct buf *out);
void downgrade_header_done(struct downgrade_header *h);
