// SPDX-License-Identifier: ISC
//
// Modified UTF-7, in which IMAP4rev1 names mailboxes (RFC 3501 5.1.3). A name has exactly one such
// form, so that what a client sends can be compared after decoding.
#pragma once

#include "base/buf.h"
#include "base/str.h"

/// UTF-8 to modified UTF-7. False, and nothing appended, when it is not well-formed UTF-8.
bool utf7_put(struct buf *out, struct str utf8);

/// Modified UTF-7 to UTF-8. False, and nothing appended, unless it is the one right form: 8-bit
/// bytes, encoded printable ASCII, broken base64, lone surrogates and needless shifts are refused.
bool utf7_put_decoded(struct buf *out, struct str name);
