// SPDX-License-Identifier: ISC
//
// Reading, on any thread: each call takes one of the readers' connections and gives it back.
#include "base/check.h"
#include "log/log.h"
#include "store/crc.h"
#include "store/local/local.h"

#include <errno.h>

// ---- entries

int local_entries(struct local *l, uint64_t mailbox_id, uint32_t first, uint32_t last,
                  struct store_entries *out)
{
    struct store_mailbox mailbox;
    struct local_reader *reader;
    struct entry_list list = {0};
    int r;

    r = catalog_mailbox_by_id(l->store.catalog, mailbox_id, &mailbox);
    if (r)
        return r;
    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    r = index_entries(&reader->index, mailbox_id, first, last, &list);
    local_reader_give(l, reader);
    if (r < 0)
        store_entries_done(&list.entries);
    *out = list.entries;
    return r;
}

// ---- changes

static int by_uid(const void *a, const void *b)
{
    const struct store_entry *x = a, *y = b;

    return (x->uid > y->uid) - (x->uid < y->uid);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/// New ones stand at the end, since uids and modseqs grow together; others have an index.
static int changed_entries(struct index *x, uint64_t mailbox_id, uint64_t since,
                           struct entry_list *list)
{
    sqlite3_stmt *st = index_use(x, ST_BORN_SINCE);
    struct store_entry entry;
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, mailbox_id);
    while ((r = index_step(x, st)) == 1 && column_u64(st, 9) > since) {
        index_entry(st, &entry);
        entry_list_add(list, &entry);
    }
    if (r < 0)
        return r;
    index_reset(st);
    st = index_use(x, ST_CHANGED_SINCE);
    if (!st)
        return x->error;
    bind_u64(st, 1, mailbox_id);
    bind_u64(st, 2, since);
    while ((r = index_step(x, st)) == 1) {
        index_entry(st, &entry);
        entry_list_add(list, &entry);
    }
    if (list->entries.count)
        qsort(list->entries.items, list->entries.count, sizeof(entry), by_uid);
    return r;
}

static int expunged_uids(struct index *x, uint64_t mailbox_id, uint64_t since,
                         struct store_changes *out)
{
    sqlite3_stmt *st = index_use(x, ST_EXPUNGED_SINCE);
    size_t cap = 0;
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, mailbox_id);
    bind_u64(st, 2, since);
    while ((r = index_step(x, st)) == 1) {
        STORE_GROW(out->expunged, out->expunged_count, cap);
        out->expunged[out->expunged_count++] = (uint32_t)column_u64(st, 0);
    }
    if (out->expunged_count)
        qsort(out->expunged, out->expunged_count, sizeof(uint32_t), by_number);
    return r;
}

static int mailbox_row(struct index *x, uint64_t mailbox_id, struct store_mailbox *out)
{
    sqlite3_stmt *st = index_use(x, ST_MAILBOX_GET);
    struct str name;
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, mailbox_id);
    r = index_step(x, st);
    if (r <= 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    *out = (struct store_mailbox){.id = mailbox_id,
                                  .account_id = column_u64(st, 1),
                                  .uidvalidity = (uint32_t)column_u64(st, 2),
                                  .uidnext = (uint32_t)column_u64(st, 3),
                                  .modseq = column_u64(st, 5),
                                  .expunge_modseq = column_u64(st, 6),
                                  .message_count = (uint32_t)column_u64(st, 7),
                                  .unseen_count = (uint32_t)column_u64(st, 8),
                                  .deleted_count = (uint32_t)column_u64(st, 9),
                                  .bytes = column_u64(st, 11),
                                  .deleted_bytes = column_u64(st, 12),
                                  .special_use = (unsigned)column_u64(st, 13)};
    name = str_head(column_str(st, 14), STORE_NAME_MAX);
    memcpy(out->name, name.ptr, name.len);
    index_reset(st);
    return 0;
}

int local_changes(struct local *l, uint64_t mailbox_id, uint64_t since, struct store_changes *out)
{
    struct local_reader *reader;
    struct entry_list list = {0};
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    r = index_simple(&reader->index, ST_READ); // one snapshot for all of it
    if (r == 0)
        r = mailbox_row(&reader->index, mailbox_id, &out->mailbox);
    if (r == 0)
        r = changed_entries(&reader->index, mailbox_id, since, &list);
    if (r == 0)
        r = expunged_uids(&reader->index, mailbox_id, since, out);
    local_reader_give(l, reader);
    out->changed = list.entries;
    if (r)
        store_changes_done(out);
    else
        catalog_await_modseq(l->store.catalog, mailbox_id, out->mailbox.modseq);
    return r;
}

// ---- documents and the rest

int local_doc_get(struct local *l, const char *kind, struct str key, struct buf *out)
{
    struct local_reader *reader;
    sqlite3_stmt *st;
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    st = index_use(&reader->index, ST_DOC_GET);
    r = reader->index.error;
    if (st) {
        bind_str(st, 1, str_from(kind));
        sqlite3_bind_blob(st, 2, key.ptr, (int)key.len, SQLITE_STATIC);
        r = index_step(&reader->index, st);
        if (r == 1) {
            buf_put(out, column_str(st, 0));
            index_reset(st);
            r = buf_ok(out) ? 0 : -EFBIG;
        } else if (r == 0) {
            r = STORE_NOT_FOUND;
        }
    }
    local_reader_give(l, reader);
    return r;
}

int local_doc_list(struct local *l, const char *kind, struct store_doc_list *out)
{
    struct local_reader *reader;
    sqlite3_stmt *st;
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    st = index_use(&reader->index, ST_DOC_LIST);
    if (st)
        bind_str(st, 1, str_from(kind));
    while ((r = index_step(&reader->index, st)) == 1)
        store_doc_list_add(out, column_str(st, 0), column_str(st, 1));
    local_reader_give(l, reader);
    return r;
}

int local_commit_known(struct local *l, const uint8_t token[16])
{
    struct local_reader *reader;
    sqlite3_stmt *st;
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    st = index_use(&reader->index, ST_TOKEN_GET);
    if (st)
        sqlite3_bind_blob(st, 1, token, 16, SQLITE_STATIC);
    r = index_step(&reader->index, st);
    if (r == 1)
        index_reset(st);
    local_reader_give(l, reader);
    return r < 0 ? r : r == 1 ? STORE_OK : STORE_NOT_FOUND;
}

int local_stats(struct local *l, struct store_stats *out)
{
    void *value;

    *out = (struct store_stats){.commits = atomic_load(&l->commits),
                                .groups = atomic_load(&l->groups),
                                .syncs = atomic_load(&l->syncs),
                                .mailboxes = catalog_mailbox_count(l->store.catalog)};
    pthread_mutex_lock(&l->segments.lock);
    for (size_t at = 0; map_next(&l->segments.by_id, &at, NULL, &value);) {
        const struct segment *segment = value;

        out->segments++;
        out->bodies += segment->live_count;
        out->bytes_live += segment->live_bytes;
        out->bytes_dead += segment->size - segment->live_bytes;
    }
    pthread_mutex_unlock(&l->segments.lock);
    out->messages = catalog_message_count(l->store.catalog);
    return 0;
}
