// SPDX-License-Identifier: ISC
//
// Characters: any charset of a message to UTF-8 (by iconv, with the aliases mail really uses), and
// the folded form in which searches compare. UTF-8 is checked with libunistring. Nothing here
// fails on bytes: what cannot be read becomes U+FFFD.
#pragma once

#include "base/buf.h"
#include "base/str.h"

/// Appends `bytes`, which are in `charset`, as UTF-8. ISO-8859-1 is read as windows-1252, US-ASCII
/// with high bytes as an unknown charset. An unknown charset: as UTF-8 when the bytes are that,
/// else as windows-1252; the result is then false. When `out` reaches its maximum what fitted
/// stays in it and it is failed.
bool charset_put_utf8(struct buf *out, struct str charset, struct str bytes);
/// Would charset_put_utf8 know it? IMAP SEARCH must refuse those it does not (BADCHARSET).
bool charset_is_known(struct str charset);

/// Appends UTF-8 with each broken sequence replaced by U+FFFD.
void charset_put_valid(struct buf *out, struct str utf8);
/// Well-formed UTF-8: no surrogates, no overlong forms.
bool charset_is_utf8(struct str bytes);
bool charset_is_ascii(struct str bytes);

/// Appends UTF-8 in the form in which searches compare: i;unicode-casemap (RFC 5051), that is each
/// character in simple case folding and fully decomposed, with "ss" for a sharp s on top.
/// Diacritics count. A folded text contains a folded word as a plain substring (str_find_str). At
/// most 18 times as long.
void charset_put_folded(struct buf *out, struct str utf8);
