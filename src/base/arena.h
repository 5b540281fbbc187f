// SPDX-License-Identifier: ISC
//
// struct arena: memory with a lifetime that has a name (config, session, transaction, command);
// given back as a whole. Every arena has a maximum; what a stranger can make grow must be limited
// before it gets here, so passing the maximum, like running out of memory, ends the process.
#pragma once

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; // the newest first
    char *at, *end;             // what is left of the newest
    size_t used, max;           // bytes asked for, and how many may be
};

/// Holds no memory until the first use.
void arena_init(struct arena *a, size_t max);
/// Everything in it becomes invalid; the memory of all blocks goes back.
void arena_done(struct arena *a);
/// As arena_done, but keeps one small block for the next use.
void arena_reset(struct arena *a);

/// Zeroed, aligned to 16; never NULL.
void *arena_alloc(struct arena *a, size_t len);
/// A copy, with a NUL behind it that is not counted.
struct str arena_str(struct arena *a, struct str s);
/// Would arena_alloc(len) stay within the maximum? For what a stranger can make grow.
static inline bool arena_has_room(const struct arena *a, size_t len)
{
    return len <= a->max && a->used <= a->max - len;
}

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc_array((a), sizeof(type), (count)))
void *arena_alloc_array(struct arena *a, size_t size, size_t count);
