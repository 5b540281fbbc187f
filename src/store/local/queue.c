// SPDX-License-Identifier: ISC
//
// The queue's rows: written by the committer, read by the pool's threads.
#include "store/local/local.h"

#include <errno.h>

static struct index *index_of(struct rows *rows)
{
    return &LIST_OF(rows, struct local, rows)->index;
}

// ---- writing

int local_queue_add(struct rows *rows, const struct store_queue_entry *e)
{
    struct index *x = index_of(rows);
    sqlite3_stmt *st = index_use(x, ST_QUEUE_ADD);

    if (!st)
        return x->error;
    bind_u64(st, 1, e->id);
    sqlite3_bind_int64(st, 2, e->due_us);
    bind_str(st, 3, e->lane);
    bind_u64(st, 4, e->mail_id);
    bind_u64(st, 5, e->body.message_id);
    bind_u64(st, 6, e->body.size);
    bind_str(st, 7, e->value);
    return index_run(x, st);
}

int local_queue_find(struct rows *rows, uint64_t id, struct store_queue_entry *out)
{
    return index_queued(index_of(rows), id, out);
}

int local_queue_set(struct rows *rows, const struct store_queue_entry *e)
{
    struct index *x = index_of(rows);
    sqlite3_stmt *st = index_use(x, ST_QUEUE_SET);

    if (!st)
        return x->error;
    bind_u64(st, 1, e->id);
    sqlite3_bind_int64(st, 2, e->due_us);
    bind_str(st, 3, e->lane);
    bind_str(st, 4, e->value);
    return index_run(x, st);
}

int local_queue_remove(struct rows *rows, uint64_t id)
{
    struct index *x = index_of(rows);
    sqlite3_stmt *st = index_use(x, ST_QUEUE_REMOVE);

    if (!st)
        return x->error;
    bind_u64(st, 1, id);
    return index_run(x, st);
}

// ---- reading

static void read_row(sqlite3_stmt *st, struct store_queue_entry *out)
{
    *out = (struct store_queue_entry){
        .due_us = sqlite3_column_int64(st, 0),
        .id = column_u64(st, 1),
        .mail_id = column_u64(st, 2),
        .body = {.message_id = column_u64(st, 3), .size = column_u64(st, 4)}};
}

int index_queued(struct index *x, uint64_t id, struct store_queue_entry *out)
{
    sqlite3_stmt *st = index_use(x, ST_QUEUE_FIND);
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, id);
    r = index_step(x, st);
    if (r <= 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    read_row(st, out);
    index_reset(st);
    return 0;
}

static enum statement statement_for(const struct queue_query *q)
{
    switch (q->kind) {
    case QUEUE_ONE:
        return ST_QUEUE_ONE;
    case QUEUE_OF_MAIL:
        return ST_QUEUE_OF_MAIL;
    case QUEUE_DUE:
        break;
    }
    return q->lane.ptr ? ST_QUEUE_LANE_DUE : ST_QUEUE_DUE;
}

static void bind_query(sqlite3_stmt *st, const struct queue_query *q)
{
    if (q->kind != QUEUE_DUE) {
        bind_u64(st, 1, q->id);
        return;
    }
    sqlite3_bind_int64(st, 1, q->after.due_us);
    bind_u64(st, 2, q->after.id);
    sqlite3_bind_int64(st, 3, q->due_max_us);
    bind_u64(st, 4, q->max < INT64_MAX ? q->max : INT64_MAX);
    if (q->lane.ptr)
        bind_str(st, 5, q->lane);
}

int index_queue_read(struct index *x, const struct queue_query *query, struct store_queue_list *out)
{
    sqlite3_stmt *st = index_use(x, statement_for(query));
    struct store_queue_entry entry;
    int r;

    if (!st)
        return x->error;
    bind_query(st, query);
    while ((r = index_step(x, st)) == 1) {
        read_row(st, &entry);
        entry.lane = column_str(st, 5);
        entry.value = column_str(st, 6);
        store_queue_list_add(out, &entry);
    }
    return r;
}

int local_queue_read(struct local *l, const struct queue_query *query, struct store_queue_list *out)
{
    struct local_reader *reader;
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    r = index_queue_read(&reader->index, query, out);
    local_reader_give(l, reader);
    return r;
}
