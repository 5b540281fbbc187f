// SPDX-License-Identifier: ISC
//
// Encoded words (RFC 2047): text of a header field to UTF-8 and back. Decoding takes any bytes and
// always gives well-formed UTF-8; what is not exactly an encoded word stays as it was written.
#pragma once

#include "base/buf.h"
#include "base/str.h"

/// The longest encoded word (RFC 2047 2).
enum { WORD_MAX = 75 };

/// A field's value, folded or not, as UTF-8 on one line; a fold with a tab becomes a space. Encoded
/// words may also stand inside quoted strings and next to other text, as senders do. Bytes of one
/// character that were split over two neighbouring words of the same charset are joined. Raw 8-bit
/// text is taken as UTF-8 or windows-1252.
void word_put_decoded(struct buf *out, struct str value);

/// Unstructured UTF-8 text (Subject) for a field: as it is when that is safe, else as encoded
/// words of at most WORD_MAX bytes with a blank between, where header_put can fold.
void word_put(struct buf *out, struct str utf8);
/// A display name: as atoms, as a quoted string or as encoded words, whichever is needed.
void word_put_phrase(struct buf *out, struct str utf8);
