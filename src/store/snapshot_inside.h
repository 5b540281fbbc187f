// SPDX-License-Identifier: ISC
//
// What a picture is made of, for the files of snapshot: snapshot.c reads pictures, snapshot_build.c
// makes them, snapshot_cache.c keeps the newest of each mailbox.
//
// A picture is an array of parts, by uid; each points to the chunk with the messages of one block
// of 256 uids. Chunks are counted, and shared by all pictures in which the block is the same. A
// message costs 10 bytes, or 18 in a chunk with keywords; a chunk some 60 more.
#pragma once

#include "store/snapshot.h"

enum { SNAPSHOT_BLOCK = 256 }; // uids; a chunk has so many messages at most

struct snapshot_chunk {
    _Atomic uint32_t holders;
    uint32_t block; // uid / SNAPSHOT_BLOCK
    uint16_t count; // > 0
    bool has_keywords;
    uint64_t modseqs[]; // then keywords if it has any, then a byte of each uid, then the flags
};

struct snapshot_part {
    struct snapshot_chunk *chunk;
    uint64_t modseq_max; // none is higher
    uint32_t before;     // messages in the parts before this one
    uint16_t unseen;
};

struct snapshot_slot;

struct store_snapshot {
    struct snapshots *cache;
    size_t holders;             // under the cache's lock
    struct snapshot_slot *slot; // whose newest it is, or NULL; under the lock
    struct store_mailbox mailbox;
    struct store_words *words;
    size_t bytes; // all of it, shared or not
    size_t count, part_count;
    struct snapshot_part *parts;
};

// ---- chunks, snapshot.c

static inline const uint64_t *snapshot_keywords(const struct snapshot_chunk *chunk)
{
    return chunk->modseqs + chunk->count;
}
static inline const uint8_t *snapshot_lows(const struct snapshot_chunk *chunk)
{
    size_t numbers = chunk->has_keywords ? (size_t)2 * chunk->count : chunk->count;

    return (const uint8_t *)(chunk->modseqs + numbers);
}
static inline const uint8_t *snapshot_flags(const struct snapshot_chunk *chunk)
{
    return snapshot_lows(chunk) + chunk->count;
}
static inline uint32_t snapshot_uid(const struct snapshot_chunk *chunk, size_t at)
{
    return chunk->block * SNAPSHOT_BLOCK + snapshot_lows(chunk)[at];
}
struct store_brief snapshot_brief(const struct snapshot_chunk *chunk, size_t at);
size_t snapshot_chunk_bytes(size_t count, bool has_keywords);
void snapshot_chunk_drop(struct snapshot_chunk *chunk);
/// The part with the message at `index` < count.
size_t snapshot_find_part(const struct store_snapshot *snapshot, size_t index);
/// Nobody holds it any more.
void snapshot_free(struct store_snapshot *snapshot);

// ---- making, snapshot_build.c

/// Messages are added by uid, one by one or a chunk at a time.
struct snapshot_builder;
/// `like` (or NULL): chunks that come out equal to its are shared with it.
struct snapshot_builder *snapshot_builder_new(const struct store_snapshot *like);
void snapshot_builder_add(struct snapshot_builder *b, const struct store_brief *brief);
/// The picture, with one holder; takes `words` over. The builder is gone.
struct store_snapshot *snapshot_builder_end(struct snapshot_builder *b, struct snapshots *cache,
                                            const struct store_mailbox *mailbox,
                                            struct store_words *words);
void snapshot_builder_free(struct snapshot_builder *b);
/// `base` with those changes, as it is at changes->mailbox.modseq. Takes `words` over.
struct store_snapshot *snapshot_apply(const struct store_snapshot *base,
                                      const struct store_changes *changes,
                                      struct store_words *words);

// ---- keeping, snapshot_cache.c

struct snapshots *snapshots_new(void);
/// Nobody holds a picture any more.
void snapshots_free(struct snapshots *cache);
/// The mailbox is gone. Any thread; under the catalog's lock.
void snapshots_forget(struct snapshots *cache, uint64_t mailbox_id);
/// Has this picture no holder but the caller, and can it get none?
bool snapshots_is_own(const struct store_snapshot *snapshot);
/// For tests: bytes of the pictures that nobody holds; and how many of them may be.
size_t snapshots_idle_bytes(struct snapshots *cache);
void snapshots_set_idle_max(struct snapshots *cache, size_t bytes);
