// SPDX-License-Identifier: ISC
//
// Reading pictures: finding a message, and what two pictures do not share.
#include "base/check.h"
#include "store/snapshot_inside.h"

struct store_brief snapshot_brief(const struct snapshot_chunk *chunk, size_t at)
{
    return (struct store_brief){
        .uid = snapshot_uid(chunk, at),
        .flags = snapshot_flags(chunk)[at],
        .keywords = chunk->has_keywords ? snapshot_keywords(chunk)[at] : 0,
        .modseq = chunk->modseqs[at],
    };
}

size_t snapshot_chunk_bytes(size_t count, bool has_keywords)
{
    return sizeof(struct snapshot_chunk) + count * ((has_keywords ? 2 : 1) * sizeof(uint64_t) + 2);
}

void snapshot_chunk_drop(struct snapshot_chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->holders, 1, memory_order_acq_rel) == 1)
        free(chunk);
}

void store_words_drop(struct store_words *words)
{
    if (words && atomic_fetch_sub_explicit(&words->holders, 1, memory_order_acq_rel) == 1)
        free(words);
}

void snapshot_free(struct store_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->part_count; i++)
        snapshot_chunk_drop(snapshot->parts[i].chunk);
    store_words_drop(snapshot->words);
    free(snapshot->parts);
    free(snapshot);
}

const struct store_mailbox *store_snapshot_mailbox(const struct store_snapshot *snapshot)
{
    return &snapshot->mailbox;
}

struct store_words *store_snapshot_words(const struct store_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->words->holders, 1, memory_order_relaxed);
    return snapshot->words;
}

size_t store_snapshot_count(const struct store_snapshot *snapshot)
{
    return snapshot->count;
}

/// Where the part after this one begins.
static size_t part_end(const struct store_snapshot *snapshot, size_t part)
{
    return (size_t)snapshot->parts[part].before + snapshot->parts[part].chunk->count;
}

/// In a mailbox that lost few messages it is where one looks first.
size_t snapshot_find_part(const struct store_snapshot *snapshot, size_t index)
{
    size_t low = index / SNAPSHOT_BLOCK, high = snapshot->part_count;

    if (low < high && snapshot->parts[low].before <= index && index < part_end(snapshot, low))
        return low;
    while (low + 1 < high) { // no part before `low` can have it: none has more than a block
        size_t middle = low + (high - low) / 2;

        if (snapshot->parts[middle].before <= index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct store_brief store_snapshot_at(const struct store_snapshot *snapshot, size_t index)
{
    size_t part;

    CHECK(index < snapshot->count);
    part = snapshot_find_part(snapshot, index);
    return snapshot_brief(snapshot->parts[part].chunk, index - snapshot->parts[part].before);
}

/// The first part whose block is >= `block`.
static size_t part_of_block(const struct store_snapshot *snapshot, uint32_t block)
{
    size_t low = 0, high = snapshot->part_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (snapshot->parts[middle].chunk->block < block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t store_snapshot_index(const struct store_snapshot *snapshot, uint32_t uid)
{
    size_t part = part_of_block(snapshot, uid / SNAPSHOT_BLOCK), low = 0, high;
    const struct snapshot_chunk *chunk;

    if (part == snapshot->part_count)
        return snapshot->count;
    chunk = snapshot->parts[part].chunk;
    high = chunk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (snapshot_uid(chunk, middle) < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return snapshot->parts[part].before + low;
}

size_t store_snapshot_unseen(const struct store_snapshot *snapshot)
{
    for (size_t p = 0; p < snapshot->part_count; p++) {
        const struct snapshot_chunk *chunk = snapshot->parts[p].chunk;

        if (snapshot->parts[p].unseen == 0)
            continue;
        for (size_t i = 0; i < chunk->count; i++)
            if (!(snapshot_flags(chunk)[i] & STORE_SEEN))
                return snapshot->parts[p].before + i;
    }
    return snapshot->count;
}

size_t store_snapshot_changed(const struct store_snapshot *snapshot, size_t index, uint64_t since)
{
    if (index >= snapshot->count)
        return snapshot->count;
    for (size_t p = snapshot_find_part(snapshot, index); p < snapshot->part_count; p++) {
        const struct snapshot_part *part = &snapshot->parts[p];
        size_t i = index > part->before ? index - part->before : 0;

        if (part->modseq_max <= since)
            continue;
        for (; i < part->chunk->count; i++)
            if (part->chunk->modseqs[i] > since)
                return part->before + i;
    }
    return snapshot->count;
}

// ---- differences

/// Past the end of a chunk it stands at the beginning of the next. False: no message is left.
static bool settle(const struct store_snapshot *snapshot, size_t *part, size_t *at)
{
    if (*part < snapshot->part_count && *at == snapshot->parts[*part].chunk->count) {
        ++*part;
        *at = 0;
    }
    return *part < snapshot->part_count;
}

static void pass_shared(struct store_snapshot_walk *w)
{
    while (w->old_at == 0 && w->now_at == 0 && w->old_part < w->old->part_count &&
           w->now_part < w->now->part_count &&
           w->old->parts[w->old_part].chunk == w->now->parts[w->now_part].chunk) {
        w->old_part++;
        w->now_part++;
    }
}

static size_t index_of(const struct store_snapshot *snapshot, size_t part, size_t at)
{
    return part < snapshot->part_count ? snapshot->parts[part].before + at : snapshot->count;
}

static bool is_same(const struct store_brief *a, const struct store_brief *b)
{
    return a->flags == b->flags && a->keywords == b->keywords && a->modseq == b->modseq;
}

bool store_snapshot_walk_next(struct store_snapshot_walk *w, struct store_difference *out)
{
    for (;;) {
        bool has_old = settle(w->old, &w->old_part, &w->old_at);
        bool has_now = settle(w->now, &w->now_part, &w->now_at);

        pass_shared(w);
        has_old = has_old && w->old_part < w->old->part_count;
        has_now = has_now && w->now_part < w->now->part_count;
        if (!has_old && !has_now)
            return false;
        *out = (struct store_difference){
            .old_index = index_of(w->old, w->old_part, w->old_at),
            .now_index = index_of(w->now, w->now_part, w->now_at),
        };
        if (has_old)
            out->old = snapshot_brief(w->old->parts[w->old_part].chunk, w->old_at);
        if (has_now)
            out->now = snapshot_brief(w->now->parts[w->now_part].chunk, w->now_at);
        out->kind = !has_now || (has_old && out->old.uid < out->now.uid)   ? STORE_GONE
                    : !has_old || (has_now && out->now.uid < out->old.uid) ? STORE_NEW
                                                                           : STORE_CHANGED;
        w->old_at += out->kind != STORE_NEW;
        w->now_at += out->kind != STORE_GONE;
        if (out->kind != STORE_CHANGED || !is_same(&out->old, &out->now))
            return true;
    }
}
