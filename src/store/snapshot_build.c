// SPDX-License-Identifier: ISC
//
// Making pictures: from messages, from an older picture and what happened since, from two of them.
// Whatever a new picture has in common with an older one is shared, never copied.
#include "base/check.h"
#include "store/engine.h"
#include "store/snapshot_inside.h"

struct snapshot_builder {
    const struct store_snapshot *like;
    size_t like_part;
    struct snapshot_part *parts;
    size_t part_count, part_cap;
    size_t count, bytes;
    struct store_brief pending[SNAPSHOT_BLOCK]; // of one block, not yet a chunk
    size_t pending_count;
};

struct snapshot_builder *snapshot_builder_new(const struct store_snapshot *like)
{
    struct snapshot_builder *b = store_alloc(sizeof(*b));

    b->like = like;
    return b;
}

void snapshot_builder_free(struct snapshot_builder *b)
{
    for (size_t i = 0; b && i < b->part_count; i++)
        snapshot_chunk_drop(b->parts[i].chunk);
    if (b)
        free(b->parts);
    free(b);
}

static struct snapshot_chunk *chunk_of(const struct store_brief *briefs, size_t count,
                                       bool has_keywords)
{
    struct snapshot_chunk *chunk;
    uint64_t *keywords;
    uint8_t *lows, *flags;

    for (size_t i = 0; i < count; i++)
        has_keywords |= briefs[i].keywords != 0;
    chunk = store_alloc(snapshot_chunk_bytes(count, has_keywords));
    chunk->holders = 1;
    chunk->block = briefs[0].uid / SNAPSHOT_BLOCK;
    chunk->count = (uint16_t)count;
    chunk->has_keywords = has_keywords;
    keywords = (uint64_t *)snapshot_keywords(chunk);
    lows = (uint8_t *)snapshot_lows(chunk);
    flags = (uint8_t *)snapshot_flags(chunk);
    for (size_t i = 0; i < count; i++) {
        chunk->modseqs[i] = briefs[i].modseq;
        if (has_keywords)
            keywords[i] = briefs[i].keywords;
        lows[i] = (uint8_t)(briefs[i].uid % SNAPSHOT_BLOCK);
        flags[i] = (uint8_t)briefs[i].flags;
    }
    return chunk;
}

/// Takes the caller's hold on the chunk.
static void add_part(struct snapshot_builder *b, struct snapshot_chunk *chunk)
{
    struct snapshot_part part = {.chunk = chunk, .before = (uint32_t)b->count};

    for (size_t i = 0; i < chunk->count; i++) {
        part.unseen = (uint16_t)(part.unseen + !(snapshot_flags(chunk)[i] & STORE_SEEN));
        if (chunk->modseqs[i] > part.modseq_max)
            part.modseq_max = chunk->modseqs[i];
    }
    STORE_GROW(b->parts, b->part_count, b->part_cap);
    b->parts[b->part_count++] = part;
    b->count += chunk->count;
    b->bytes += snapshot_chunk_bytes(chunk->count, chunk->has_keywords);
}

/// The same chunk in `like`, if there is one.
static struct snapshot_chunk *like_of(struct snapshot_builder *b,
                                      const struct snapshot_chunk *chunk)
{
    size_t size = snapshot_chunk_bytes(chunk->count, chunk->has_keywords) - sizeof(*chunk);
    struct snapshot_chunk *like;

    while (b->like && b->like_part < b->like->part_count &&
           b->like->parts[b->like_part].chunk->block < chunk->block)
        b->like_part++;
    if (!b->like || b->like_part == b->like->part_count)
        return NULL;
    like = b->like->parts[b->like_part].chunk;
    return like->block == chunk->block && like->count == chunk->count &&
                   like->has_keywords == chunk->has_keywords &&
                   memcmp(like->modseqs, chunk->modseqs, size) == 0
               ? like
               : NULL;
}

static void flush(struct snapshot_builder *b)
{
    struct snapshot_chunk *chunk, *like;

    if (b->pending_count == 0)
        return;
    chunk = chunk_of(b->pending, b->pending_count, false);
    b->pending_count = 0;
    like = like_of(b, chunk);
    if (like) {
        atomic_fetch_add_explicit(&like->holders, 1, memory_order_relaxed);
        snapshot_chunk_drop(chunk);
        chunk = like;
    }
    add_part(b, chunk);
}

void snapshot_builder_add(struct snapshot_builder *b, const struct store_brief *brief)
{
    if (b->pending_count > 0) {
        const struct store_brief *last = &b->pending[b->pending_count - 1];

        CHECK(last->uid < brief->uid);
        if (last->uid / SNAPSHOT_BLOCK != brief->uid / SNAPSHOT_BLOCK)
            flush(b);
    }
    b->pending[b->pending_count++] = *brief;
}

/// A part of another picture as it is.
static void share(struct snapshot_builder *b, const struct snapshot_part *part)
{
    struct snapshot_part mine = *part;

    flush(b);
    atomic_fetch_add_explicit(&mine.chunk->holders, 1, memory_order_relaxed);
    mine.before = (uint32_t)b->count;
    STORE_GROW(b->parts, b->part_count, b->part_cap);
    b->parts[b->part_count++] = mine;
    b->count += mine.chunk->count;
    b->bytes += snapshot_chunk_bytes(mine.chunk->count, mine.chunk->has_keywords);
}

struct store_snapshot *snapshot_builder_end(struct snapshot_builder *b, struct snapshots *cache,
                                            const struct store_mailbox *mailbox,
                                            struct store_words *words)
{
    struct store_snapshot *snapshot = store_alloc(sizeof(*snapshot));

    flush(b);
    *snapshot = (struct store_snapshot){
        .cache = cache,
        .holders = 1,
        .mailbox = *mailbox,
        .words = words,
        .bytes = b->bytes + b->part_count * sizeof(*b->parts) + sizeof(*snapshot),
        .count = b->count,
        .part_count = b->part_count,
        .parts = b->parts,
    };
    if (b->part_count > 0)
        snapshot->parts = store_realloc_array(b->parts, b->part_count, sizeof(*b->parts));
    free(b);
    return snapshot;
}

// ---- what happened since

struct merging {
    struct snapshot_builder *builder;
    const struct store_changes *changes;
    size_t changed, expunged; // the next of each
};

static void add_changed(struct merging *m)
{
    const struct store_entry *entry = &m->changes->changed.items[m->changed++];
    struct store_brief brief = {entry->uid, entry->flags, entry->keywords, entry->modseq};

    snapshot_builder_add(m->builder, &brief);
}

static bool has_changed_before(const struct merging *m, uint64_t uid_end)
{
    return m->changed < m->changes->changed.count &&
           m->changes->changed.items[m->changed].uid < uid_end;
}

static bool has_expunged_before(struct merging *m, uint64_t uid_first, uint64_t uid_end)
{
    const struct store_changes *changes = m->changes;

    while (m->expunged < changes->expunged_count && changes->expunged[m->expunged] < uid_first)
        m->expunged++;
    return m->expunged < changes->expunged_count && changes->expunged[m->expunged] < uid_end;
}

static void merge_chunk(struct merging *m, const struct snapshot_chunk *chunk, uint64_t uid_end)
{
    for (size_t i = 0; i < chunk->count; i++) {
        struct store_brief brief = snapshot_brief(chunk, i);

        while (has_changed_before(m, brief.uid))
            add_changed(m);
        if (has_changed_before(m, (uint64_t)brief.uid + 1))
            add_changed(m);
        else if (!has_expunged_before(m, brief.uid, (uint64_t)brief.uid + 1))
            snapshot_builder_add(m->builder, &brief);
    }
    while (has_changed_before(m, uid_end))
        add_changed(m);
}

struct store_snapshot *snapshot_apply(const struct store_snapshot *base,
                                      const struct store_changes *changes,
                                      struct store_words *words)
{
    struct merging m = {.builder = snapshot_builder_new(NULL), .changes = changes};

    for (size_t p = 0; p < base->part_count; p++) {
        const struct snapshot_part *part = &base->parts[p];
        uint64_t first = (uint64_t)part->chunk->block * SNAPSHOT_BLOCK;
        uint64_t end = first + SNAPSHOT_BLOCK;

        while (has_changed_before(&m, first))
            add_changed(&m);
        if (has_changed_before(&m, end) || has_expunged_before(&m, first, end))
            merge_chunk(&m, part->chunk, end);
        else
            share(m.builder, part);
    }
    while (has_changed_before(&m, UINT64_MAX))
        add_changed(&m);
    return snapshot_builder_end(m.builder, base->cache, &changes->mailbox, words);
}

// ---- pictures of one's own

/// Adds the messages of both chunks (either may be NULL); how many only `old` had.
static size_t merge_kept(struct snapshot_builder *b, const struct snapshot_chunk *old,
                         const struct snapshot_chunk *now)
{
    size_t i = 0, n = 0, kept = 0, old_count = old ? old->count : 0, count = now ? now->count : 0;

    while (i < old_count || n < count) {
        uint64_t old_uid = i < old_count ? snapshot_uid(old, i) : UINT64_MAX;
        uint64_t uid = n < count ? snapshot_uid(now, n) : UINT64_MAX;
        struct store_brief brief = uid <= old_uid ? snapshot_brief(now, n) : snapshot_brief(old, i);

        kept += old_uid < uid;
        i += old_uid <= uid;
        n += uid <= old_uid;
        snapshot_builder_add(b, &brief);
    }
    return kept;
}

/// Has `old` a message that `now` does not have?
static bool has_more(const struct snapshot_chunk *old, const struct snapshot_chunk *now)
{
    size_t n = 0;

    for (size_t i = 0; i < old->count; i++) {
        while (n < now->count && snapshot_lows(now)[n] < snapshot_lows(old)[i])
            n++;
        if (n == now->count || snapshot_lows(now)[n] != snapshot_lows(old)[i])
            return true;
    }
    return false;
}

struct store_snapshot *store_snapshot_keep(struct store_snapshot *old, struct store_snapshot *now,
                                           size_t *out_kept)
{
    struct snapshot_builder *b = snapshot_builder_new(NULL);
    size_t o = 0, n = 0, kept = 0;

    while (o < old->part_count || n < now->part_count) {
        const struct snapshot_part *was = o < old->part_count ? &old->parts[o] : NULL;
        const struct snapshot_part *is = n < now->part_count ? &now->parts[n] : NULL;

        if (was && is && was->chunk->block < is->chunk->block)
            is = NULL;
        else if (was && is && is->chunk->block < was->chunk->block)
            was = NULL;
        o += was != NULL;
        n += is != NULL;
        if (is && (!was || was->chunk == is->chunk || !has_more(was->chunk, is->chunk)))
            share(b, is);
        else
            kept += merge_kept(b, was ? was->chunk : NULL, is ? is->chunk : NULL);
    }
    *out_kept = kept;
    if (kept > 0)
        return snapshot_builder_end(b, now->cache, &now->mailbox, store_snapshot_words(now));
    snapshot_builder_free(b);
    return store_snapshot_hold(now);
}

/// A picture that shares everything with this one.
static struct store_snapshot *twin_of(const struct store_snapshot *snapshot)
{
    struct snapshot_builder *b = snapshot_builder_new(NULL);

    for (size_t p = 0; p < snapshot->part_count; p++)
        share(b, &snapshot->parts[p]);
    return snapshot_builder_end(b, snapshot->cache, &snapshot->mailbox,
                                store_snapshot_words(snapshot));
}

/// The chunk becomes one that no other picture has, with room for keywords if need be.
static void own_chunk(struct snapshot_part *part, bool has_keywords)
{
    struct snapshot_chunk *old = part->chunk;
    struct store_brief *briefs;

    if (atomic_load_explicit(&old->holders, memory_order_acquire) == 1 &&
        (old->has_keywords || !has_keywords))
        return;
    briefs = store_alloc(old->count * sizeof(*briefs));
    for (size_t i = 0; i < old->count; i++)
        briefs[i] = snapshot_brief(old, i);
    part->chunk = chunk_of(briefs, old->count, has_keywords);
    free(briefs);
    snapshot_chunk_drop(old);
}

struct store_snapshot *store_snapshot_edit(struct store_snapshot *snapshot, size_t index,
                                           const struct store_brief *brief)
{
    struct snapshot_part *part;
    size_t at;

    if (!snapshots_is_own(snapshot)) {
        struct store_snapshot *twin = twin_of(snapshot);

        store_snapshot_drop(snapshot);
        snapshot = twin;
    }
    part = &snapshot->parts[snapshot_find_part(snapshot, index)];
    at = index - part->before;
    CHECK(snapshot_uid(part->chunk, at) == brief->uid);
    own_chunk(part, brief->keywords != 0);
    part->unseen = (uint16_t)(part->unseen - !(snapshot_flags(part->chunk)[at] & STORE_SEEN) +
                              !(brief->flags & STORE_SEEN));
    if (brief->modseq > part->modseq_max)
        part->modseq_max = brief->modseq;
    part->chunk->modseqs[at] = brief->modseq;
    ((uint8_t *)snapshot_flags(part->chunk))[at] = (uint8_t)brief->flags;
    if (part->chunk->has_keywords)
        ((uint64_t *)snapshot_keywords(part->chunk))[at] = brief->keywords;
    return snapshot;
}
