// SPDX-License-Identifier: ISC
//
// The base subject (RFC 5256 2.1): what a conversation is called, without "Re:", "[list]", "(fwd)"
// and the like. SORT and THREAD compare it, folded by mail/casemap.h.
#pragma once

#include "base/buf.h"

/// Appends the base subject of a Subject field's value, folded or not, as UTF-8. True when the text
/// that was cut off tells a reply or a forward. Linear in the length of the value.
bool subject_put_base(struct buf *out, struct str value);
