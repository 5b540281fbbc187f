// SPDX-License-Identifier: ISC
//
// struct map: a hash table from bytes, or from a number, to a pointer. Keys are copied. One map
// uses either kind of key, not both. Not for several threads without a lock of yours.
#pragma once

#include "base/str.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t count;   // entries
    size_t cap;     // slots, a power of two, 0 before the first put
    size_t deleted; // tombstones among them
    uint64_t seed[2];
};

/// `seed` from the runtime's randomness where strangers choose the keys, else {0, 0}.
void map_init(struct map *m, const uint64_t seed[2]);
/// Frees keys and slots; the values are yours.
void map_done(struct map *m);

/// The value, or NULL when there is none.
void *map_get(const struct map *m, struct str key);
/// Value must not be NULL. Returns the value that stood there before, or NULL.
void *map_put(struct map *m, struct str key, void *value);
/// Returns the value that was taken out, or NULL.
void *map_take(struct map *m, struct str key);

void *map_get_u64(const struct map *m, uint64_t key);
void *map_put_u64(struct map *m, uint64_t key, void *value);
void *map_take_u64(struct map *m, uint64_t key);

/// Walk all entries in no order: start with *at = 0; false at the end. The map may lose the
/// entry it stands on (map_take) but gain none meanwhile. `key` may be NULL; its view lives as
/// long as the entry.
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);
