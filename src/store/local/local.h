// SPDX-License-Identifier: ISC
//
// store/local: append-only segment files for bodies, one SQLite file for everything else.
//
//   lock          held while the store is open
//   index.db      (+ -wal, -shm) mailboxes, entries, documents, segment numbers
//   segments/     000001, 000002, ...
//   reserve       space kept back so that deleting works on a full disk
//   collect.lock  held by a backup: while it is, nothing is removed from the segments
//
// What is damaged stays where it is: its segment is never removed, readers and fsck report it.
//
// Order of a group: bodies are written to the segment and synced; then the index commits entries,
// numbers and the segment's new size in one transaction; then everyone is answered. A crash before
// the index commit leaves bytes behind the recorded size, which opening cuts off.
//
// The functions here are plain and blocking; local.c calls them from the committer's lane and the
// readers' pool. They need no runtime, so tests call them from any thread.
#pragma once

#include "rt/rt.h"
#include "store/apply.h"
#include "store/keep.h"
#include "store/local/index.h"

#include <stdatomic.h>

enum { RESERVE_BYTES = 4 << 20 };

enum job_kind {
    JOB_COMMIT, // job->change
    JOB_EXTENT, // a piece of job->body, out: job->extent
    JOB_MOVE,   // the record at job->from goes to the end of the log
    JOB_DROP,   // the row of segment job->from.segment, and its file
};

struct local_job {
    struct rt_job job; // first
    enum job_kind kind;
    struct store_change *change;
    struct str bytes; // of an extent
    struct record_extent extent;
    struct {
        uint32_t segment;
        uint64_t offset;
    } from;
    int result;
};

/// A record the group in hand will write.
struct pending {
    struct store_body *body;
    uint64_t at; // in the current segment
    uint32_t header_len;
    uint64_t data_len;
    size_t header_at; // of its header in local->headers
    bool is_queue;    // the entries of `body` in the queue, right behind it
    struct str data;  // NULL ptr: the data is in local->headers too, behind the header
};

/// Space that nobody refers to any more; given back by local_punch.
struct dead_range {
    uint32_t segment;
    uint64_t offset;
    uint64_t len; // 0: the data of the record that starts at offset
};

struct local_reader {
    struct local_reader *next;
    struct index index;
};

/// What store_body keeps of a big body.
struct spilled {
    struct record_extent *items;
    size_t count, cap;
    bool committed;
};

struct local {
    struct store store;
    struct rows rows;
    struct store_local_config config;
    struct rt_disk *disk;
    struct rt_file *lock;
    struct segments segments;
    struct index index; // the committer's
    char *index_path;
    const char *vfs;

    pthread_mutex_t readers_lock;
    struct local_reader *readers;

    // the committer's
    struct pending *pending;
    size_t pending_count, pending_cap;
    size_t pending_mark, delta_mark, dead_mark; // where the change in hand began
    uint64_t at_mark;
    int changes_mark; // of SQLite's count of changed rows
    bool saved;       // the change in hand has a savepoint
    struct buf headers;
    struct dead_range *dead; // of the group in hand
    size_t dead_count, dead_cap;
    bool in_transaction;
    bool rolled; // the group began a segment: the index must learn of it
    bool reserve_gone;

    pthread_mutex_t dead_lock;
    struct dead_range *dead_ready; // of groups that are durable
    size_t dead_ready_count, dead_ready_cap;

    _Atomic bool broken; // a sync failed: nothing is accepted any more
    struct rt_lane *lane;
    struct rt_pool *pool;
    struct rt_task *collector;
    _Atomic bool closing;
    _Atomic uint64_t commits, groups, syncs;
};

static inline struct local *local_of(struct store *store)
{
    return (struct local *)store;
}

/// Opens without lane, pool and collector. Blocking.
int local_open(const struct store_local_config *config, struct rt *rt, struct local **out);
/// The lock and nothing else: neither index nor segments.
int local_open_bare(struct rt_disk *disk, struct local **out);
void local_close(struct local *l);
/// Does the jobs as one group; fills job->result of each.
void local_group(struct local *l, struct local_job *const *jobs, size_t count);

void local_rows_init(struct local *l);
/// Plans the record of a new body, and the one behind it when entries of the queue need one.
/// STORE_LIMIT when its header would be too long.
int local_plan(struct local *l, const struct store_change *change, struct store_body *body,
               struct store_body_ref *out);
/// The change is kept: builds what was planned, now that it is known where it was filed.
void local_build(struct local *l, const struct store_change *change);
/// Planned in this very group: nothing is on disk that could be read or punched.
bool local_is_pending(const struct local *l, uint64_t message_id, const struct pending **out);

/// Makes the reserve file. 0 or -errno.
int local_reserve(struct local *l);

/// A connection for reading, given back after use.
int local_reader_take(struct local *l, struct local_reader **out);
void local_reader_give(struct local *l, struct local_reader *reader);

int local_entries(struct local *l, uint64_t mailbox_id, uint32_t first, uint32_t last,
                  struct store_entries *out);
int local_changes(struct local *l, uint64_t mailbox_id, uint64_t since, struct store_changes *out);
int local_queue_add(struct rows *rows, const struct store_queue_entry *e);
int local_queue_find(struct rows *rows, uint64_t id, struct store_queue_entry *out);
int local_queue_set(struct rows *rows, const struct store_queue_entry *e);
int local_queue_remove(struct rows *rows, uint64_t id);
int local_queue_read(struct local *l, const struct queue_query *query,
                     struct store_queue_list *out);
int local_doc_get(struct local *l, const char *kind, struct str key, struct buf *out);
int local_doc_list(struct local *l, const char *kind, struct store_doc_list *out);
int local_commit_known(struct local *l, const uint8_t token[16]);
int local_stats(struct local *l, struct store_stats *out);
ssize_t local_body_read(struct local *l, const struct store_body_ref *ref, uint64_t offset,
                        void *to, size_t len);
/// Writes body->tail through `run`, which does one job and waits for it.
int local_body_spill(struct store_body *body, int (*run)(struct local *l, struct local_job *job));
void local_body_free(struct store_body *body);

/// The header of the record at that place, in *header (cleared first). -ENOENT, -EBADMSG.
int local_record_read(struct local *l, uint32_t segment, uint64_t offset, struct buf *header,
                      struct record *out);
/// Appends the data of that record, checked; of one with extents nothing.
int local_data_read(struct local *l, uint32_t segment, uint64_t offset, const struct record *record,
                    struct buf *out);
/// Does an entry, or a row of `message`, say that this mail lives? `offset` 0 and `segment` 0: at
/// home; else only if that is where it lies now. 1, 0, -errno.
int local_is_live(struct index *x, const struct record *record, uint32_t segment, uint64_t offset);

/// Gives the space of dead records back, at most `max` of them. Not while a backup holds it.
size_t local_punch(struct local *l, size_t max);
/// Removes dead segments, moves what lives in mostly dead ones; `run` as above.
int local_collect(struct local *l, int (*run)(struct local *l, struct local_job *job));

/// Of a store that is open and idle.
int local_fsck(struct local *l, const struct fsck_options *options, struct fsck_report *report);
