// SPDX-License-Identifier: ISC
//
// How much somebody has done within a sliding window: so many mails of an address in the last hour,
// so many recipients of an account in the last day. The window has 24 slots, so that what is old
// leaves it in small steps. Bounded: when the table is full, who did nothing for longest is
// forgotten. Any thread; nobody waits.
#pragma once

#include "base/str.h"

enum { RATE_SLOTS = 24 };

struct rate;

/// `window_s`: a multiple of RATE_SLOTS. `seed`: random, so that nobody can aim at another's place.
struct rate *rate_new(size_t entries, uint32_t window_s, const uint64_t seed[2]);
/// NULL is fine.
void rate_free(struct rate *rate);
/// Adds n (taken back when negative, as far as the current slot has it); returns the sum within the
/// window that ends at now_s.
uint64_t rate_add(struct rate *rate, struct str who, int64_t n, int64_t now_s);
uint64_t rate_sum(struct rate *rate, struct str who, int64_t now_s);
/// When the sum will be below `max`, if nothing is added: now_s when it is.
int64_t rate_free_at(struct rate *rate, struct str who, uint64_t max, int64_t now_s);

/// An IP address as it is counted: itself, or the first 64 bits of one of IPv6, which is what one
/// customer gets. `to` has RATE_KEY_MAX bytes.
enum { RATE_KEY_MAX = 64 };
struct str rate_key(struct str ip, char *to);
