// SPDX-License-Identifier: ISC
//
// The index: one SQLite file. A struct index is one connection with its prepared statements; the
// committer has the only one that writes and checkpoints (SQLite before 3.51 can corrupt a WAL that
// two connections checkpoint), readers have their own. doc/format/index.md tells the tables.
#pragma once

#include "store/rows.h"
#include "store/local/segments.h"

#include <sqlite3.h>

enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_SAVE,
    ST_RELEASE,
    ST_BACK,
    ST_READ,
    ST_ENTRY_ADD,
    ST_ENTRY_SET,
    ST_ENTRY_REMOVE,
    ST_ENTRIES,
    ST_ENTRIES_CLEAR,
    ST_BORN_SINCE,
    ST_CHANGED_SINCE,
    ST_EXPUNGED_ADD,
    ST_EXPUNGED_SINCE,
    ST_EXPUNGED_BOUND,
    ST_EXPUNGED_TRIM,
    ST_EXPUNGED_COUNT,
    ST_EXPUNGED_CLEAR,
    ST_MESSAGE_GET,
    ST_MESSAGE_ADD,
    ST_MESSAGE_HOLD,
    ST_MESSAGE_RELEASE,
    ST_MESSAGE_REMOVE,
    ST_MESSAGE_MOVE,
    ST_DOC_GET,
    ST_DOC_LIST,
    ST_DOC_PUT,
    ST_DOC_REMOVE,
    ST_QUEUE_ADD,
    ST_QUEUE_FIND,
    ST_QUEUE_SET,
    ST_QUEUE_REMOVE,
    ST_QUEUE_DUE,
    ST_QUEUE_LANE_DUE,
    ST_QUEUE_ONE,
    ST_QUEUE_OF_MAIL,
    ST_TOKEN_PUT,
    ST_TOKEN_GET,
    ST_MAILBOX_PUT,
    ST_MAILBOX_SET,
    ST_MAILBOX_GET,
    ST_MAILBOX_REMOVE,
    ST_KEYWORD_PUT,
    ST_KEYWORDS_CLEAR,
    ST_SUBSCRIPTION_PUT,
    ST_SUBSCRIPTIONS_CLEAR,
    ST_ACCOUNT_PUT,
    ST_ACCOUNT_REMOVE,
    ST_SEGMENT_PUT,
    ST_SEGMENT_REMOVE,
    ST_META_PUT,
    ST_COUNT,
};

struct index {
    sqlite3 *db;
    sqlite3_stmt *st[ST_COUNT];
    int error;       // of a statement in the group; 0: none
    int wal_frames;  // after the last commit
    const char *vfs; // NULL: SQLite's own
};

enum { INDEX_READ = 1, INDEX_MAY_CREATE = 2 };
/// `vfs` NULL: `path` is a path.
int index_open(struct index *x, const char *path, const char *vfs, unsigned flags);
/// Closing the writer's folds the WAL into the file.
void index_close(struct index *x);
/// 0: no tables yet. -EPROTO: of a newer program.
int index_version(struct index *x, int *out);
/// Brings tables of that version (0: none) to today's, in one transaction.
int index_upgrade(struct index *x, int version);

/// -errno of an SQLite result; 0 for OK, ROW and DONE.
int index_errno(int sqlite_result);

// Running a statement: st = index_use(x, ST_...), bind from 1, then one of the others.

sqlite3_stmt *index_use(struct index *x, enum statement which);
void bind_u64(sqlite3_stmt *st, int at, uint64_t value);
void bind_str(sqlite3_stmt *st, int at, struct str value);
uint64_t column_u64(sqlite3_stmt *st, int at);
struct str column_str(sqlite3_stmt *st, int at);
/// Runs one that gives no rows. 0 or -errno, which is kept in x->error.
int index_run(struct index *x, sqlite3_stmt *st);
/// 1: there is a row; 0: no more, the statement is reset; -errno likewise.
int index_step(struct index *x, sqlite3_stmt *st);
void index_reset(sqlite3_stmt *st);
int index_simple(struct index *x, enum statement which);

/// Rows of `entry` as values.
void index_entry(sqlite3_stmt *st, struct store_entry *out);
int index_entries(struct index *x, uint64_t mailbox_id, uint32_t first, uint32_t last,
                  struct entry_list *out);
/// Where a message lies: its row in `message` when it has one. 0 or STORE_NOT_FOUND. segment 0: at
/// the place that its id tells.
struct index_message {
    uint64_t refs;
    uint32_t segment;
    uint64_t offset;
};
int index_message(struct index *x, uint64_t message_id, struct index_message *out);

/// The row of the queue's entry, all but lane and value. 0 or STORE_NOT_FOUND.
int index_queued(struct index *x, uint64_t id, struct store_queue_entry *out);
int index_queue_read(struct index *x, const struct queue_query *query,
                     struct store_queue_list *out);

/// Writes what the committer's group touched: mailboxes, accounts, segments, counters.
int index_write_catalog(struct index *x, struct catalog *c);
int index_write_segments(struct index *x, struct segments *s);
/// Fills both from the tables.
int index_load(struct index *x, struct catalog *c, struct segments *s);

/// The id of a message says where it was written first.
static inline uint64_t message_id_of(uint32_t segment, uint64_t offset)
{
    return (uint64_t)segment << 32 | offset >> 3;
}
static inline uint32_t message_segment(uint64_t message_id)
{
    return (uint32_t)(message_id >> 32);
}
static inline uint64_t message_offset(uint64_t message_id)
{
    return (message_id & UINT32_MAX) << 3;
}
