// SPDX-License-Identifier: ISC
//
// The writing half, and opening; reading is in db_read.c.
#include "base/check.h"
#include "log/log.h"
#include "summary/db_inside.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PENDING_MAX = 8 << 20, // bytes of rows that wait
    ROW_MAX = 256 * 1024,  // longer ones are made each time
    RETRY_S = 60,
    GATHER_MS = 100,
};

const struct derived_kind summary_db_kind = {
    .name = "summary.db",
    .where = "summary/db",
    .version = 1,
    .schema = "CREATE TABLE summary(id INTEGER PRIMARY KEY, size INTEGER, row BLOB);",
    .cache_kib = 4096,
};

/// One as it waits; `len` bytes of a row follow. len 0: to be removed.
struct waiting {
    uint64_t message_id, size;
    size_t len;
};

// ---- coming

static void enqueue(struct summary_db *db, const struct waiting *head, struct str row)
{
    bool was_empty;

    pthread_mutex_lock(&db->lock);
    was_empty = db->pending.len == 0;
    if (db->pending.len + sizeof(*head) + row.len > PENDING_MAX) {
        atomic_fetch_add(&db->dropped, 1);
    } else {
        buf_put(&db->pending, str_of(head, sizeof(*head)));
        buf_put(&db->pending, row);
    }
    pthread_mutex_unlock(&db->lock);
    if (was_empty)
        pthread_cond_signal(&db->more);
}

void summary_db_put(struct summary_db *db, const struct store_body_ref *ref,
                    const struct summary *summary)
{
    struct waiting head = {.message_id = ref->message_id, .size = ref->size};
    struct buf row;

    buf_init(&row, ROW_MAX);
    summary_row_put(&row, ref->message_id, ref->size, summary);
    head.len = row.len;
    if (buf_ok(&row))
        enqueue(db, &head, buf_str(&row));
    buf_done(&row);
}

void summary_db_remove(struct summary_db *db, uint64_t message_id)
{
    enqueue(db, &(struct waiting){.message_id = message_id}, STR(""));
}

// ---- writing

static void close_writer(struct summary_db *db)
{
    sqlite3_finalize(db->put);
    sqlite3_finalize(db->remove);
    sqlite3_close(db->writer);
    db->writer = NULL;
    db->put = db->remove = NULL;
}

static int open_writer(struct summary_db *db)
{
    int r;

    if (db->writer)
        return 0;
    if (time(NULL) < db->not_before)
        return -EAGAIN;
    r = derived_open(&summary_db_kind, db->dir, &db->writer);
    if (r == 0) {
        db->put = derived_prepare(&summary_db_kind, db->writer,
                                  "INSERT OR REPLACE INTO summary VALUES(?1, ?2, ?3)");
        db->remove =
            derived_prepare(&summary_db_kind, db->writer, "DELETE FROM summary WHERE id=?1");
        if (!db->put || !db->remove)
            r = -EUCLEAN;
    }
    if (r < 0) {
        db->not_before = time(NULL) + RETRY_S;
        close_writer(db);
    }
    return r;
}

static int write_one(struct summary_db *db, const struct waiting *head, const char *row)
{
    sqlite3_stmt *st = head->len ? db->put : db->remove;
    int r;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)head->message_id);
    if (head->len) {
        sqlite3_bind_int64(st, 2, (sqlite3_int64)head->size);
        sqlite3_bind_blob(st, 3, row, (int)head->len, SQLITE_STATIC);
    }
    r = sqlite3_step(st);
    sqlite3_reset(st);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int write_all(struct summary_db *db)
{
    int r = sqlite3_exec(db->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t at = 0; at < db->taken.len && r == SQLITE_OK;) {
        struct waiting head;

        memcpy(&head, db->taken.ptr + at, sizeof head);
        r = write_one(db, &head, db->taken.ptr + at + sizeof head);
        at += sizeof head + head.len;
        atomic_fetch_add(&db->written, head.len > 0);
    }
    return r == SQLITE_OK ? sqlite3_exec(db->writer, "COMMIT", NULL, NULL, NULL) : r;
}

static void make_anew(struct summary_db *db, const char *why)
{
    close_writer(db);
    derived_remove(&summary_db_kind, db->dir, why);
    atomic_fetch_add(&db->generation, 1);
}

/// A file in trouble is closed, a damaged one removed; what is lost is made again when asked for.
static void write_taken(struct summary_db *db)
{
    int r;

    if (atomic_exchange(&db->is_damaged, false))
        make_anew(db, "a reader found it damaged");
    if (open_writer(db) < 0)
        return;
    r = write_all(db);
    if (r == SQLITE_OK)
        return;
    log_failure("summary/db", "summaries are not kept for now", derived_errno(r));
    if (derived_is_damage(r))
        make_anew(db, sqlite3_errstr(r));
    else
        db->not_before = time(NULL) + RETRY_S;
    close_writer(db);
}

/// A moment for more to come, so that a transaction holds many.
static void gather(struct summary_db *db)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATHER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!db->is_stopping && db->asked == db->done && db->pending.len < PENDING_MAX / 4 &&
           pthread_cond_timedwait(&db->more, &db->lock, &until) == 0)
        ;
}

static void *write_rows(void *arg)
{
    struct summary_db *db = arg;

    pthread_mutex_lock(&db->lock);
    for (;;) {
        struct buf swap;
        uint64_t asked;

        while (!db->is_stopping && db->pending.len == 0 && db->asked == db->done)
            pthread_cond_wait(&db->more, &db->lock);
        if (db->is_stopping && db->pending.len == 0 && db->asked == db->done)
            break;
        gather(db);
        asked = db->asked;
        swap = db->pending;
        db->pending = db->taken;
        db->taken = swap;
        pthread_mutex_unlock(&db->lock);
        write_taken(db);
        buf_clear(&db->taken);
        pthread_mutex_lock(&db->lock);
        db->done = asked;
        pthread_cond_broadcast(&db->idle);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

void summary_db_flush(struct summary_db *db)
{
    uint64_t mine;

    pthread_mutex_lock(&db->lock);
    mine = ++db->asked;
    pthread_cond_signal(&db->more);
    while (db->done < mine)
        pthread_cond_wait(&db->idle, &db->lock);
    pthread_mutex_unlock(&db->lock);
}

// ---- opening

static void drop(struct summary_db *db)
{
    summary_db_close_readers(db);
    close_writer(db);
    buf_done(&db->pending);
    buf_done(&db->taken);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->more);
    pthread_cond_destroy(&db->idle);
    free(db->dir);
    free(db);
}

int summary_db_open(const char *dir, struct summary_db **out)
{
    struct summary_db *db = calloc(1, sizeof(*db));
    sigset_t all, before;
    int r;

    CHECK(db);
    db->dir = strdup(dir);
    CHECK(db->dir);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->more, NULL);
    pthread_cond_init(&db->idle, NULL);
    buf_init(&db->pending, PENDING_MAX);
    buf_init(&db->taken, PENDING_MAX);
    open_writer(db); // later, if not now
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); // signals are for others
    r = -pthread_create(&db->thread, NULL, write_rows, db);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0)
        drop(db);
    else
        *out = db;
    return r;
}

void summary_db_close(struct summary_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->is_stopping = true;
    pthread_cond_signal(&db->more);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->thread, NULL);
    drop(db);
}

void summaries_remove(const char *dir)
{
    derived_remove(&summary_db_kind, dir, NULL);
}

void summary_db_stats(struct summary_db *db, struct summaries_stats *out)
{
    out->written = atomic_load(&db->written);
    out->dropped = atomic_load(&db->dropped);
}
