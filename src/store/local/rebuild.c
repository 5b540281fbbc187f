// SPDX-License-Identifier: ISC
//
// A lost index is made again from the records of the segments: each whole mail goes where its
// record says it was filed, with the uid and flags of that moment. The numbers are then counted by
// fsck. Mailboxes get a new uidvalidity, because clients must not trust what they knew.
#include "base/check.h"
#include "log/log.h"
#include "store/local/local.h"

#include <errno.h>
#include <time.h>

struct rebuilding {
    struct local *l; // only disk, segments and index are used
    uint64_t mails;
    uint64_t last_mailbox;
    struct store_body_ref mail; // of the record before, when that was a whole mail
};

static int run3(struct index *x, const char *sql, uint64_t a, uint64_t b, uint64_t c,
                struct str name)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(x->db, sql, -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    bind_u64(st, 1, a);
    bind_u64(st, 2, b);
    bind_u64(st, 3, c);
    bind_str(st, 4, name);
    r = sqlite3_step(st);
    sqlite3_finalize(st);
    return index_errno(r);
}

/// A name that an older mailbox of the account has already is told apart by its number.
static int add_mailbox(struct rebuilding *b, const struct record_place *place)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO mailbox SELECT ?1, ?2, ?3, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,"
        " CASE WHEN EXISTS(SELECT 1 FROM mailbox WHERE account=?2 AND name=?4 AND id<>?1)"
        " THEN ?4 || '~' || ?1 ELSE ?4 END";

    if (place->mailbox_id > b->last_mailbox)
        b->last_mailbox = place->mailbox_id;
    return run3(&b->l->index, sql, place->mailbox_id, place->account_id, (uint64_t)time(NULL),
                place->name.len ? place->name : STR("Found"));
}

static int add_entry(struct rebuilding *b, const struct record *record,
                     const struct record_place *place)
{
    static const char sql[] = "INSERT OR IGNORE INTO entry VALUES(?1, ?2, ?3, 0, ?2, ?2, ?5, ?5,"
                              " ?6, ?7, ?8)";
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(b->l->index.db, sql, -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    bind_u64(st, 1, place->mailbox_id);
    bind_u64(st, 2, place->uid);
    bind_u64(st, 3, place->flags);
    sqlite3_bind_int64(st, 5, record->internal_date);
    sqlite3_bind_int(st, 6, record->zone_minutes);
    bind_u64(st, 7, record->message_id);
    bind_u64(st, 8, record->body_size);
    r = sqlite3_step(st);
    sqlite3_finalize(st);
    return index_errno(r);
}

/// Nobody knows whether it went on its way already: it is held, and the operator decides.
static int add_queued(struct rebuilding *b, const struct record_place *place)
{
    struct store_queue_entry entry, there;
    int r;

    if (!record_get_queued(place, &entry))
        return 0;
    r = index_queued(&b->l->index, entry.id, &there);
    if (r <= 0)
        return r; // of a copy that was moved
    entry.due_us = STORE_QUEUE_HELD;
    entry.body = b->mail;
    return local_queue_add(&b->l->rows, &entry);
}

/// A row of its own when several entries share it or it does not lie where its id says; fsck
/// counts the references afterwards.
static int add_message(struct rebuilding *b, const struct record *record, uint32_t segment,
                       uint64_t offset)
{
    bool at_home = message_segment(record->message_id) == segment &&
                   message_offset(record->message_id) == offset;

    if (at_home && record->place_count < 2)
        return 0;
    return run3(&b->l->index, "INSERT OR REPLACE INTO message VALUES(?1, 1, ?2, ?3)",
                record->message_id, at_home ? 0 : segment, at_home ? 0 : offset, STR_NONE);
}

static int add_place(struct rebuilding *b, const struct record *record,
                     const struct record_place *place)
{
    int r;

    if (!place->mailbox_id)
        return add_queued(b, place);
    r = add_mailbox(b, place);
    return r < 0 ? r : add_entry(b, record, place);
}

/// The entries of the queue that stand behind their mail: they share it.
static int begin_queue_record(struct rebuilding *b, const struct record *record)
{
    if (b->mail.message_id != record->message_id)
        return STORE_NOT_FOUND; // the mail is gone
    return run3(&b->l->index, "INSERT OR IGNORE INTO message VALUES(?1, 1, 0, 0)",
                record->message_id, 0, 0, STR_NONE);
}

static int begin_mail(struct rebuilding *b, const struct record *record, uint32_t segment,
                      uint64_t offset)
{
    b->mail = (struct store_body_ref){.message_id = record->message_id, .size = record->body_size};
    b->mails++;
    return add_message(b, record, segment, offset);
}

static int add_record(struct rebuilding *b, const struct record *record, uint32_t segment,
                      uint64_t offset)
{
    struct record_place place;
    size_t at = 0;
    int r;

    if (record->kind == RECORD_EXTENT)
        return 0;
    r = record->kind == RECORD_QUEUE ? begin_queue_record(b, record)
                                     : begin_mail(b, record, segment, offset);
    while (r == 0 && record_next_place(record, &at, &place))
        r = add_place(b, record, &place);
    return r < 0 ? r : 0;
}

/// Damaged mail is left out (its bytes stay); a piece punched away is mail that was removed.
static bool is_whole(struct local *l, uint32_t segment, uint64_t offset,
                     const struct record *record)
{
    CLEANUP(buf_drop) struct buf data = {0};

    if (record->data_len > (uint64_t)1 << 30)
        return false;
    buf_init(&data, (size_t)record->data_len);
    return local_data_read(l, segment, offset, record, &data) == 0;
}

static int walk(struct rebuilding *b, struct segment *segment)
{
    CLEANUP(buf_drop) struct buf header = {0};
    uint64_t end = 0;
    int r = 0;

    buf_init(&header, RECORD_HEADER_MAX);
    for (uint64_t at = 0; r == 0 && at < segment->size;) {
        struct record record;

        if (local_record_read(b->l, segment->id, at, &header, &record) < 0 ||
            !is_whole(b->l, segment->id, at, &record)) {
            b->mail = (struct store_body_ref){0};
            at += 8;
            continue;
        }
        r = add_record(b, &record, segment->id, at);
        at += record_len(&record);
        end = at;
    }
    if (r < 0)
        return r;
    return run3(&b->l->index, "INSERT INTO segment VALUES(?1, ?2, 0, 0)", segment->id, end, 0,
                STR_NONE);
}

static int find_segment(void *arg, const char *name)
{
    struct local *l = arg;
    uint32_t id = segment_id(name);
    struct rt_file *file;
    char path[32];
    uint64_t size;
    int r;

    if (!id)
        return 0;
    segment_name(id, path);
    r = rt_file_open(l->disk, path, RT_FILE_READ_ONLY, &file);
    if (r < 0)
        return r;
    r = rt_file_size(file, &size);
    rt_file_close(file);
    if (r == 0)
        segments_load(&l->segments, id, size, 0, 0);
    return r;
}

static int fill_index(struct local *l, uint64_t *out_mails)
{
    struct rebuilding b = {.l = l};
    void *value;
    int r;

    r = rt_disk_list(l->disk, "segments", find_segment, l);
    if (r == 0)
        r = index_simple(&l->index, ST_BEGIN);
    for (size_t at = 0; r == 0 && map_next(&l->segments.by_id, &at, NULL, &value);)
        r = walk(&b, value);
    if (r == 0)
        r = run3(&l->index, "INSERT INTO meta VALUES('next_mailbox', ?1 + 1), ('uidvalidity', ?2)",
                 b.last_mailbox, (uint64_t)time(NULL), 0, STR_NONE);
    if (r == 0)
        r = index_simple(&l->index, ST_COMMIT);
    *out_mails = b.mails;
    return r;
}

static int put_aside(struct rt_disk *disk)
{
    static const char *const names[][2] = {{"index.db", "index.db.old"},
                                           {"index.db-wal", "index.db.old-wal"}};

    for (size_t i = 0; i < 2; i++) {
        int r = rt_disk_rename(disk, names[i][0], names[i][1]);

        if (r < 0 && r != -ENOENT)
            return r;
    }
    rt_disk_remove(disk, "index.db-shm");
    return rt_disk_sync_dir(disk, "");
}

int store_rebuild(struct rt_disk *disk, uint64_t *out_mails)
{
    struct fsck_options options = {.repair = true};
    struct fsck_report report;
    struct local *l;
    int r;

    r = local_open_bare(disk, &l);
    if (r < 0)
        return r;
    r = put_aside(disk);
    if (r == 0)
        r = index_open(&l->index, l->index_path, l->vfs, INDEX_MAY_CREATE);
    if (r == 0)
        r = index_upgrade(&l->index, 0);
    if (r == 0)
        r = fill_index(l, out_mails);
    local_close(l);
    return r < 0 ? r : store_fsck(disk, &options, &report);
}
