// SPDX-License-Identifier: ISC
//
// What was taken from where: for each account and source a list of 16-byte keys, kept as documents
// and committed in one change with the messages they stand for, so that no crash parts them
// (doc/format/import.md). Keys are only ever added; a full chunk is never written again, so a
// batch costs what it adds.
#pragma once

#include "store/store.h"

enum {
    IMPORT_KEY_BYTES = 16,
    IMPORT_CHUNK_BYTES = 2048 * IMPORT_KEY_BYTES,
    IMPORT_SOURCE_MAX = 8192, // bytes of a source's name
};

struct import_state {
    struct store *store;
    struct buf id;         // "ACCOUNT/HASH", of both documents' keys
    struct buf source;     // its name
    struct buf head, next; // the head as it is in the store, and as it will be; empty: none
    struct buf tail;       // keys of the last chunk
    uint64_t chunks;       // full ones
    uint64_t taken;        // keys, all together
    uint64_t run;          // a number that tells this run from others
    struct buf chunk_key, old_keys;
};

/// [await] 0 or -errno. import_state_done in any case.
int import_state_open(struct import_state *state, struct store *store, uint64_t account_id,
                      struct str source);
void import_state_done(struct import_state *state);
/// [await] Tells all keys, chunk by chunk. Stops at the first non-zero and returns it.
int import_state_each(struct import_state *state, int (*each)(void *arg, struct str keys),
                      void *arg);
/// [await] From now on this run is the one that adds: another, older one gets STORE_CONFLICT at its
/// next commit. With `again` all that was taken is forgotten. 0, a store_answer or -errno.
int import_state_claim(struct import_state *state, bool again);
/// To be committed with the next change.
void import_state_add(struct import_state *state, const uint8_t key[IMPORT_KEY_BYTES]);
/// Puts the documents into the change; the state must stay as it is until that is committed, and
/// be told by import_state_committed.
void import_state_put(struct import_state *state, struct store_change *change);
void import_state_committed(struct import_state *state);
