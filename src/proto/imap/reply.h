// SPDX-License-Identifier: ISC
//
// Values of answers as bytes (RFC 3501 9): strings in the shortest form that can hold them.
#pragma once

#include "base/buf.h"

/// Quoted when that is possible and not long, else a literal. NUL, which neither may hold, is put
/// as "?".
void imap_put_string(struct buf *out, struct str s);
/// The same for who enabled UTF-8 in quoted strings (RFC 6855 3, RFC 9051 4.3).
void imap_put_string_utf8(struct buf *out, struct str s);
/// NIL when ptr is NULL.
void imap_put_nstring(struct buf *out, struct str s);
/// An atom when it can be one.
void imap_put_astring(struct buf *out, struct str s);
/// A UTF-8 mailbox name as it is, for who enabled that (RFC 6855 3, RFC 9051 5.1).
void imap_put_mailbox_utf8(struct buf *out, struct str name);
/// The same in modified UTF-7.
void imap_put_mailbox(struct buf *out, struct str name);
/// The "{n}" CRLF before n bytes.
void imap_put_literal_head(struct buf *out, uint64_t size);
