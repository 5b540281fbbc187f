// SPDX-License-Identifier: ISC
//
// The header of a message or part, as fields over its raw bytes (RFC 5322 2.2). Reading allocates
// nothing and never fails: each byte of a header belongs to exactly one field, broken lines are
// fields without a name, and line ends may be CRLF or LF. Writing folds at 78 columns and lets no
// line end of a value through.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum {
    /// Columns after which lines are folded where that is possible (RFC 5322 2.1.1).
    HEADER_FOLD_COLUMNS = 78,
    /// The longest line, without CRLF, that may be sent (RFC 5322 2.1.1).
    HEADER_LINE_MAX = 998,
};

/// Views into the header that was read.
struct header_field {
    struct str name;  // without blanks; empty: no field, a broken line (also mbox's "From ...")
    struct str value; // from behind the colon to before the last line end, folds still in it
    struct str raw;   // all its lines with their line ends
    size_t offset;    // of raw in the bytes given to header_iter_of
};

struct header_iter {
    struct str left;
    size_t offset;
};

/// `bytes` is a header or a whole message: the fields end at the first empty line.
static inline struct header_iter header_iter_of(struct str bytes)
{
    return (struct header_iter){bytes, 0};
}

/// The next field; false at the empty line or the end of the bytes. Then `offset` says how many
/// bytes the fields took, without the empty line.
bool header_next(struct header_iter *it, struct header_field *out);

/// How many bytes of a message are its header, the empty line included when there is one.
size_t header_len(struct str message);

/// The first field of that name, case ignored.
bool header_find(struct str header, struct str name, struct header_field *out);
/// How many fields of that name there are.
size_t header_count(struct str header, struct str name);

/// A value on one line: line ends taken out, blanks at both ends cut. A view of `value` when it
/// has no folds, else a copy in the arena.
struct str header_unfold(struct arena *a, struct str value);
/// The same, appended.
void header_put_unfolded(struct buf *out, struct str value);

/// Appends "Name: value CRLF", folded before words that would pass HEADER_FOLD_COLUMNS. CR, LF and
/// NUL in the value become spaces, so a value cannot make a second field. The bytes are put as they
/// are otherwise: see mail/word.h for text that is not ASCII.
void header_put(struct buf *out, struct str name, struct str value);
