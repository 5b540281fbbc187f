// SPDX-License-Identifier: ISC
//
// The segment files: which there are, how long, how much of each is alive; appending a group of
// records; reading. The committer appends and changes the numbers; pool threads read, under `lock`
// for the table only. Names are "segments/" and the id in six digits or more.
#pragma once

#include "base/map.h"
#include "rt/disk.h"
#include "store/local/record.h"

#include <pthread.h>

struct segment {
    uint32_t id;
    uint64_t size;        // committed or at least written; recovery cuts what is behind the index
    uint64_t live_count;  // mail records and extents that something refers to
    uint64_t live_bytes;  // of bodies
    struct rt_file *file; // NULL: not open
    unsigned users;       // threads that read it now
    unsigned pins;        // extents of bodies that are still arriving
    uint64_t stuck_at;    // live_count + 1 when the collector last could not empty it
    bool unsynced;        // written since the last sync
    bool gone;            // removed; freed by its last user
    bool changed;         // its row must be written with the next commit; it is in `changed`
};

/// What a group does to the numbers of a segment, added when it is published.
struct segment_delta {
    struct segment *segment;
    int64_t count, bytes;
};

struct segments {
    struct rt_disk *disk;
    uint64_t roll_bytes; // a new one is begun past this
    pthread_mutex_t lock;
    struct map by_id;
    size_t open_count;
    struct segment *current; // where the next record goes; NULL: none yet

    // the group in hand
    uint64_t at; // where its next record goes; current->size is where it began
    struct segment_delta *deltas;
    size_t delta_count, delta_cap;
    struct segment **changed;
    size_t changed_count, changed_cap;
    struct iovec *iov;
    size_t iov_count, iov_cap;
};

void segments_init(struct segments *s, struct rt_disk *disk, uint64_t roll_bytes);
void segments_done(struct segments *s);
/// While opening: a segment the index knows.
struct segment *segments_load(struct segments *s, uint32_t id, uint64_t size, uint64_t live_count,
                              uint64_t live_bytes);
struct segment *segments_find(struct segments *s, uint32_t id);

// ---- appending; the committer

/// Begins a new file when the current one is full; syncs the old one first. 0, -ENOSPC (nothing
/// changed); other errors are for good.
int segments_roll(struct segments *s, uint32_t id);
bool segments_are_full(const struct segments *s);
/// The place of the next record of `len` bytes (a multiple of 8).
uint64_t segments_take(struct segments *s, uint64_t len);
/// The bytes of the group, in the order in which the places were taken; they must stay until
/// segments_write. `pad` zeros follow.
void segments_add(struct segments *s, struct str bytes, size_t pad);
void segments_count(struct segments *s, struct segment *segment, int64_t count, int64_t bytes);
/// Writes the group's bytes. On an error the file is cut back.
int segments_write(struct segments *s);
int segments_sync(struct segments *s);
/// The group was written: numbers and size become those of everyone. `recorded`: in the index too.
void segments_publish(struct segments *s, bool recorded);
void segments_mark(struct segments *s, struct segment *segment);
/// The group never was.
void segments_abort(struct segments *s);

// ---- reading; any thread

/// Keeps the segment from going until segments_leave. -ENOENT.
int segments_enter(struct segments *s, uint32_t id, struct segment **out);
void segments_leave(struct segments *s, struct segment *segment);
bool segments_is_pinned(struct segments *s, const struct segment *segment);
void segments_pin(struct segments *s, uint32_t id, int by);
/// Takes it out of the table and removes the file.
int segments_remove(struct segments *s, struct segment *segment);
void segment_name(uint32_t id, char out[32]);
/// 0 when `name` is no segment's.
uint32_t segment_id(const char *name);
