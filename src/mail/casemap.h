// SPDX-License-Identifier: ISC
//
// i;unicode-casemap (RFC 5051), the collation of SORT and THREAD: two texts are compared by the
// bytes of what this puts for them.
#pragma once

#include "base/buf.h"

/// Appends UTF-8 with each character in title case and fully decomposed. What is no UTF-8 becomes
/// U+FFFD. At most 18 times as long.
void casemap_put(struct buf *out, struct str utf8);
