// SPDX-License-Identifier: ISC
//
// The words of the IMAP grammar (RFC 3501 9): atoms, strings, literals, numbers. The text of a
// command is what the client sent, line ends and literals in their places:
// `a1 LOGIN {3}\r\nana {6}\r\nsecret`. Collecting it, with the continuations a literal asks for, is
// the session's work; imap_line_literal tells it when a line ends in one.
#pragma once

#include "base/arena.h"
#include "base/scan.h"

/// Does this line (without its line end) end in "{n}" or "{n+}" (RFC 7888)? A number above
/// UINT32_MAX counts as one: *out_size is UINT32_MAX then.
struct imap_literal {
    uint64_t size;
    bool is_sync;     // the client waits for "+"
    size_t head_size; // bytes of the line before the "{"
};
bool imap_line_literal(struct str line, struct imap_literal *out);

/// One space; RFC 3501 knows no other gap between arguments.
static inline bool imap_scan_sp(struct scan *in)
{
    return scan_char(in, ' ');
}

bool imap_scan_tag(struct scan *in, struct str *out);
bool imap_scan_atom(struct scan *in, struct str *out);
/// The next atom, if it is this word, without regard to case; `word` must be upper case.
bool imap_scan_word(struct scan *in, struct str word);
/// Strings give the bytes they stand for; a quoted string with escapes is a copy in the arena,
/// anything else a view. 8-bit bytes are let through, NUL is not.
bool imap_scan_string(struct scan *in, struct arena *arena, struct str *out);
bool imap_scan_astring(struct scan *in, struct arena *arena, struct str *out);
/// A string, or NIL: then out->ptr is NULL.
bool imap_scan_nstring(struct scan *in, struct arena *arena, struct str *out);
/// "~{n}" and any octets, NUL too (RFC 3516 7): a view.
bool imap_scan_literal8(struct scan *in, struct str *out);
/// list-mailbox: as astring, with the wildcards "%" and "*".
bool imap_scan_pattern(struct scan *in, struct arena *arena, struct str *out);
bool imap_scan_number(struct scan *in, uint32_t *out);
/// Not zero.
bool imap_scan_nz_number(struct scan *in, uint32_t *out);

/// ATOM-CHAR: may stand in an atom.
bool imap_is_atom_char(char c);
