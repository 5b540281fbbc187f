// SPDX-License-Identifier: ISC
//
// Line ends of a whole message: CRLF as mail travels and is kept (RFC 5322 2.1), LF as files of
// Unix have them. Pure.
#pragma once

#include "base/buf.h"

/// Appends `text` with a CR before each LF that has none. All else stays: bare CRs, NULs, 8 bits.
void lines_put_crlf(struct buf *out, struct str text);
/// Appends `text` with each CRLF as LF. Whoever takes it back by lines_put_crlf gets what it was
/// only if lines_are_clean.
void lines_put_lf(struct buf *out, struct str text);
/// Each LF has a CR before it, which has none before it itself.
bool lines_are_clean(struct str text);
