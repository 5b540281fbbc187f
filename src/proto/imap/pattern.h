// SPDX-License-Identifier: ISC
//
// LIST wildcards (RFC 3501 6.3.8): "*" stands for anything, "%" for anything within one level.
#pragma once

#include "base/str.h"

enum { IMAP_PATTERN_MAX = 1024 }; // bytes; a longer one matches nothing

/// Time is at most the product of the two lengths.
bool imap_pattern_matches(struct str pattern, struct str name);
