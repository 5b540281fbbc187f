// SPDX-License-Identifier: ISC
//
// How often each of many 16-byte keys was seen: 24 bytes for each, for lists of messages taken.
#pragma once

#include "base/str.h"

enum { TALLY_KEY_BYTES = 16 };

struct tally_slot {
    uint8_t key[TALLY_KEY_BYTES];
    uint32_t count; // 0: free
};
struct tally {
    struct tally_slot *slots;
    size_t cap, used;
};

/// Keys are spread well: they come out of a hash. Zeroed before the first use.
uint32_t tally_count(const struct tally *t, const uint8_t key[TALLY_KEY_BYTES]);
/// One more; gives how often it had been seen before.
uint32_t tally_add(struct tally *t, const uint8_t key[TALLY_KEY_BYTES]);
void tally_done(struct tally *t);
