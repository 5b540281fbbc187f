// SPDX-License-Identifier: ISC
//
// One search key that needs no other keys: everything of search-key (RFC 3501 9) but NOT, OR and
// lists, with the keys that RFC 5032, 5182, 7162, 8474 and 8514 add.
#pragma once

#include "proto/imap/search.h"

/// *out_is_not: its contrary is meant (UNKEYWORD).
bool imap_search_scan_key(struct scan *in, struct arena *arena, struct imap_search_node *out,
                          bool *out_is_not);
