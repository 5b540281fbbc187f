// SPDX-License-Identifier: ISC
//
// Two bounded tables beside the passwords. The memory of verified ones, so that a client that
// reconnects every minute does not cost 60 ms each time: it holds keyed hashes only, and a changed
// account has a new version, which fits none of them. And the count of failures by account and
// peer, which makes guessing slower and slower. When a table is full the oldest entry of a small
// neighbourhood goes. Any thread; nobody waits.
#pragma once

#include "base/str.h"

enum { GUARD_TAG_LEN = 32 };

/// Remembers `entries_max` tags of 32 bytes.
struct account_cache;
struct account_cache *account_cache_new(size_t entries_max);
/// NULL is fine.
void account_cache_free(struct account_cache *cache);
/// The tag under which a password of that state of that account is remembered.
void account_cache_tag(const struct account_cache *cache, uint64_t account_id, uint64_t version,
                       struct str password, uint8_t tag[GUARD_TAG_LEN]);
bool account_cache_has(struct account_cache *cache, const uint8_t tag[GUARD_TAG_LEN],
                       uint64_t now_us);
void account_cache_put(struct account_cache *cache, const uint8_t tag[GUARD_TAG_LEN],
                       uint64_t now_us);

struct account_failures;
struct account_failures *account_failures_new(void);
void account_failures_free(struct account_failures *failures);
/// Must this peer wait before it may try that user again? After `max` failures: a minute for each
/// one too many, at most 15. Peers of IPv6 count by their /64.
///
/// A user who is guessed at from many peers, 10 times `max` failures in all, is guarded as well:
/// peers from which he never signed in (in 30 days, since the start) have one guess in 15 minutes
/// then, and after 100 times `max` failures none. Five failures are forgotten each minute. Where he
/// signed in before, nobody locks him out.
bool account_failures_is_blocked(struct account_failures *failures, struct str user, struct str ip,
                                 uint64_t max, uint64_t now_us);
/// Counts one more; returns how many there are.
uint64_t account_failures_note(struct account_failures *failures, struct str user, struct str ip,
                               uint64_t now_us);
/// Signed in: that user's count from this peer is forgotten, and the peer is known.
void account_failures_forget(struct account_failures *failures, struct str user, struct str ip,
                             uint64_t now_us);
