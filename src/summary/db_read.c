// SPDX-License-Identifier: ISC
//
// Reading summary.db, on any thread. Ids of neighbours in a mailbox are neighbours in the file more
// often than not: then one walk gives them all, else each is looked up.
#include "base/check.h"
#include "summary/db_inside.h"

#include <errno.h>
#include <stdlib.h>

enum {
    RANGE_MIN = 8,  // fewer are looked up
    STRANGERS = 64, // rows of others that a walk steps over before it gives up
};

// ---- connections

static void close_reader(struct summary_reader *reader)
{
    sqlite3_finalize(reader->get);
    sqlite3_finalize(reader->range);
    sqlite3_finalize(reader->list);
    sqlite3_close(reader->db);
    free(reader);
}

static struct summary_reader *open_reader(struct summary_db *db)
{
    struct summary_reader *reader = calloc(1, sizeof(*reader));

    CHECK(reader);
    reader->generation = atomic_load(&db->generation);
    if (derived_open_reader(&summary_db_kind, db->dir, &reader->db) == 0) {
        reader->get =
            derived_prepare(&summary_db_kind, reader->db, "SELECT row FROM summary WHERE id=?1");
        reader->range =
            derived_prepare(&summary_db_kind, reader->db,
                            "SELECT id, row FROM summary WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        reader->list =
            derived_prepare(&summary_db_kind, reader->db,
                            "SELECT id, size FROM summary WHERE id>?1 ORDER BY id LIMIT ?2");
    }
    if (reader->get && reader->range && reader->list)
        return reader;
    close_reader(reader);
    return NULL;
}

static struct summary_reader *take(struct summary_db *db)
{
    struct summary_reader *reader;

    pthread_mutex_lock(&db->lock);
    reader = db->readers;
    if (reader)
        db->readers = reader->next;
    pthread_mutex_unlock(&db->lock);
    if (reader && reader->generation != atomic_load(&db->generation)) {
        close_reader(reader);
        reader = NULL;
    }
    return reader ? reader : open_reader(db);
}

/// `r`: what its last statement said.
static void give(struct summary_db *db, struct summary_reader *reader, int r)
{
    if (r != SQLITE_DONE && r != SQLITE_ROW) {
        if (derived_is_damage(r))
            atomic_store(&db->is_damaged, true);
        close_reader(reader);
        return;
    }
    pthread_mutex_lock(&db->lock);
    reader->next = db->readers;
    db->readers = reader;
    pthread_mutex_unlock(&db->lock);
}

void summary_db_close_readers(struct summary_db *db)
{
    while (db->readers) {
        struct summary_reader *reader = db->readers;

        db->readers = reader->next;
        close_reader(reader);
    }
}

// ---- getting

/// A row that is no good says that the file is not: damaged, or of another store.
static void take_row(struct summary_db *db, struct summary_wanted *wanted, struct str row,
                     size_t *bytes)
{
    wanted->found = summary_row_parse(row, wanted->ref->message_id, wanted->ref->size, wanted->out);
    if (wanted->found)
        *bytes += row.len;
    else
        atomic_store(&db->is_damaged, true);
}

/// One by one. How many were looked for.
static size_t look_up(struct summary_db *db, struct summary_reader *reader,
                      struct summary_wanted *wanted, size_t count, size_t *bytes, int *r)
{
    size_t i;

    for (i = 0; i < count && *bytes < SUMMARY_MANY_BYTES; i++) {
        sqlite3_bind_int64(reader->get, 1, (sqlite3_int64)wanted[i].ref->message_id);
        *r = sqlite3_step(reader->get);
        if (*r == SQLITE_ROW)
            take_row(db, &wanted[i], derived_column(reader->get, 0), bytes);
        sqlite3_reset(reader->get);
        if (*r != SQLITE_ROW && *r != SQLITE_DONE)
            return i;
    }
    return i;
}

/// In one walk, as long as there are few others in between. How many were looked for.
static size_t walk(struct summary_db *db, struct summary_reader *reader,
                   struct summary_wanted *wanted, size_t count, size_t *bytes, int *r)
{
    sqlite3_stmt *st = reader->range;
    size_t i = 0, strangers = 0;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)wanted[0].ref->message_id);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)wanted[count - 1].ref->message_id);
    while (i < count && *bytes < SUMMARY_MANY_BYTES && strangers < STRANGERS &&
           (*r = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);

        while (i < count && wanted[i].ref->message_id < id)
            i++;
        strangers += i == count || wanted[i].ref->message_id != id;
        for (; i < count && wanted[i].ref->message_id == id; i++) // perhaps twice in a mailbox
            take_row(db, &wanted[i], derived_column(st, 1), bytes);
    }
    sqlite3_reset(st);
    return *r == SQLITE_DONE ? count : i;
}

size_t summary_db_get(struct summary_db *db, struct summary_wanted *wanted, size_t count)
{
    struct summary_reader *reader = take(db);
    size_t done = 0, bytes = 0;
    int r = SQLITE_DONE;

    if (!reader)
        return count;
    if (count >= RANGE_MIN)
        done = walk(db, reader, wanted, count, &bytes, &r);
    if (r == SQLITE_ROW || r == SQLITE_DONE)
        done += look_up(db, reader, wanted + done, count - done, &bytes, &r);
    give(db, reader, r);
    // a file in trouble has nothing; only too much is left for later
    return bytes >= SUMMARY_MANY_BYTES ? done : count;
}

int summary_db_list(struct summary_db *db, uint64_t after, struct summary_known *out, size_t max)
{
    struct summary_reader *reader = take(db);
    int count = 0, r = SQLITE_DONE;

    if (!reader)
        return 0;
    sqlite3_bind_int64(reader->list, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(reader->list, 2, (sqlite3_int64)max);
    while ((r = sqlite3_step(reader->list)) == SQLITE_ROW)
        out[count++] = (struct summary_known){(uint64_t)sqlite3_column_int64(reader->list, 0),
                                              (uint64_t)sqlite3_column_int64(reader->list, 1)};
    sqlite3_reset(reader->list);
    give(db, reader, r);
    return r == SQLITE_DONE ? count : derived_errno(r);
}
