// SPDX-License-Identifier: ISC
//
// What a section means in one message: a range of its bytes, or, where fields are chosen from a
// header, bytes put together. FETCH, CATENATE and URLFETCH ask here.
#pragma once

#include "mail/structure.h"
#include "proto/imap/section.h"
#include "serve/imap/message.h"

struct imap_piece {
    bool is_missing;         // the message has no such part: NIL
    bool is_fields;          // `fields` instead of `range`
    struct byte_range range; // of the message
    struct buf fields;
};

/// [await] 0 or -errno. To be ended by imap_piece_done.
int imap_piece_find(struct imap_message *m, const struct imap_section *section,
                    struct imap_piece *out);
void imap_piece_done(struct imap_piece *piece);
static inline void imap_piece_drop(struct imap_piece *piece)
{
    imap_piece_done(piece);
}

static inline size_t imap_piece_size(const struct imap_piece *piece)
{
    return piece->is_fields ? piece->fields.len : piece->range.to - piece->range.from;
}

/// [await] The part that a path of numbers names (BINARY); NULL in *out when there is none. The
/// empty path names no part but the message: NULL, too.
int imap_piece_part(struct imap_message *m, const struct imap_section *section,
                    const struct mime_part **out);
