// SPDX-License-Identifier: ISC
//
// What stands behind struct accounts, for the files of this room only.
//
// Readers: enter, look, copy what they need, leave; no [await] in between. They count themselves
// in one of two counters; the writer swaps the directory, sends newcomers to the other counter and
// waits until the first is empty, twice over, before it frees what the swap made garbage. So
// readers never wait and never lock.
//
// Writers: one at a time (`turn`, a queue of tasks), because a change reads the directory, commits
// to the store and only then swaps. The holder of the turn may keep pointers to records across
// [await]s: nobody else frees any.
#pragma once

#include "log/log.h"
#include "rt/rt.h"

#include "account/directory.h"
#include "account/guard.h"
#include "account/password.h"

#include <pthread.h>

struct turn_waiter;
struct account_issuer;

struct accounts {
    struct store *store;
    _Atomic(const struct account_config *) config;

    _Atomic(struct account_directory *) directory;
    _Atomic unsigned phase;
    _Alignas(64) _Atomic uint64_t readers[2];

    _Alignas(64) pthread_mutex_t turn_lock; // over the next three; held for a few instructions
    bool turn_taken;
    struct turn_waiter *turn_first, *turn_last;

    struct account_garbage *garbage; // the turn's
    uint64_t next_id;                // the turn's

    struct rt_pool *pool;
    void *gsasl; // Gsasl *
    struct account_cache *cache;
    struct account_failures *failures;
    struct account_issuer *issuer;
    uint8_t secret[32];                       // makes the salts of users who do not exist
    char no_password[crypto_pwhash_STRBYTES]; // fits nothing, takes as long
};

/// Of readers. `phase` goes back into leave.
const struct account_directory *account_enter(struct accounts *a, unsigned *phase);
void account_leave(struct accounts *a, unsigned phase);

/// [await] In order of asking; cannot be cancelled.
void account_turn_take(struct accounts *a);
void account_turn_give(struct accounts *a);
/// The directory as the holder of the turn sees it.
const struct account_directory *account_turn_directory(struct accounts *a);

/// [await] With the turn held: commits `draft` (NULL: removes `old`; old NULL: a new record) by
/// `change`, which may hold more operations and is freed, then shows it. An account_answer or
/// -errno.
int account_apply(struct accounts *a, struct store_change *change, struct account_record *old,
                  const struct account_record *draft, struct buf *why);

/// Is it a text of at most ACCOUNT_NAME_MAX bytes of UTF-8 without control characters?
bool account_text_is_valid(struct str text);
/// "invalid" with a sentence.
int account_invalid(struct buf *why, const char *what, struct str value);
/// The record of that type with the address as written, in *out; else ACCOUNT_INVALID or
/// ACCOUNT_NOT_FOUND with a sentence.
int account_find(const struct account_directory *d, struct str address,
                 enum account_record_type type, struct account_record **out, struct buf *why);
/// May a new thing have this address? Puts its one form into *name. ACCOUNT_OK, _INVALID,
/// _NOT_FOUND (its domain), _EXISTS.
int account_find_free(const struct account_directory *d, struct str address, struct buf *name,
                      struct buf *why);

/// No waiting. What the passwords of `user` are checked against; false: nobody of that name.
bool account_credentials_find(struct accounts *a, struct str user, struct account_credentials *out);
