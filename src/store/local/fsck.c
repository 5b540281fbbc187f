// SPDX-License-Identifier: ISC
//
// fsck. First every row: the numbers of each mailbox against its entries, and each entry's body
// read to its last byte; on the way what lives in each segment is counted. Then every segment, from
// record to record. Only numbers that can be derived are ever repaired; nothing is removed.
#include "base/check.h"
#include "store/crc.h"
#include "store/local/local.h"

#include <errno.h>

/// What the entries say of a message that has a row of its own.
struct message_seen {
    uint64_t id, refs;
};

struct segment_seen {
    uint64_t count, bytes;
};

struct fsck {
    struct local *l;
    struct index *x;
    const struct fsck_options *options;
    struct fsck_report *report;
    struct map messages; // id to message_seen
    struct map segments; // id to segment_seen
    uint64_t bytes_all;
};

static void tell(struct fsck *f, struct fsck_finding finding)
{
    switch (finding.level) {
    case FSCK_NOTE:
        f->report->notes++;
        break;
    case FSCK_REPAIRABLE:
        f->report->repairable++;
        f->report->repaired += f->options->repair;
        break;
    case FSCK_DAMAGE:
        f->report->damaged++;
        break;
    }
    if (f->options->each)
        f->options->each(f->options->arg, &finding);
}

static void *seen_in(struct map *map, uint64_t id, size_t size)
{
    void *seen = map_get_u64(map, id);

    if (!seen) {
        seen = store_alloc(size);
        map_put_u64(map, id, seen);
    }
    return seen;
}

static int set_number(struct fsck *f, const char *table, const char *column, uint64_t id,
                      uint64_t value)
{
    char *sql;
    int r;

    if (!f->options->repair)
        return 0;
    sql = sqlite3_mprintf("UPDATE %s SET %s=%lld WHERE id=%lld", table, column, (long long)value,
                          (long long)id);
    CHECK(sql);
    r = index_errno(sqlite3_exec(f->x->db, sql, NULL, NULL, NULL));
    sqlite3_free(sql);
    return r;
}

// ---- bodies

static void count_live(struct fsck *f, uint32_t segment, uint64_t bytes)
{
    struct segment_seen *seen = seen_in(&f->segments, segment, sizeof(*seen));

    seen->count++;
    seen->bytes += bytes;
}

static void count_record(struct fsck *f, const struct record *record, uint32_t segment)
{
    count_live(f, segment, record->data_len);
    for (uint32_t i = 0; record->kind == RECORD_MAIL_EXTENTS && i < record->chunk_count; i++) {
        struct record_extent e = record_extent_at(record, i);

        count_live(f, e.segment, e.len);
    }
}

static int body_reads(struct fsck *f, const struct store_body_ref *ref)
{
    CLEANUP(free_drop) char *piece = store_alloc(BODY_EXTENT);

    for (uint64_t at = 0; at < ref->size; at += BODY_EXTENT) {
        size_t len = ref->size - at < BODY_EXTENT ? (size_t)(ref->size - at) : BODY_EXTENT;
        ssize_t n = local_body_read(f->l, ref, at, piece, len);

        if (n < 0)
            return (int)n;
    }
    f->report->bytes += ref->size;
    if (f->options->progress)
        f->options->progress(f->options->arg, f->report->bytes, f->bytes_all);
    return 0;
}

static int check_body(struct fsck *f, uint64_t mailbox_id, const struct store_entry *e)
{
    struct index_message m = {0};
    CLEANUP(buf_drop) struct buf header = {0};
    struct record record;
    struct fsck_finding finding = {.level = FSCK_DAMAGE,
                                   .mailbox_id = mailbox_id,
                                   .uid = e->uid,
                                   .message_id = e->body.message_id};
    int r;

    r = index_message(f->x, e->body.message_id, &m);
    if (r < 0)
        return r;
    if (r == 0) {
        struct message_seen *seen = seen_in(&f->messages, e->body.message_id, sizeof(*seen));

        seen->id = e->body.message_id;
        if (seen->refs++)
            return 0; // read before
    }
    finding.segment = m.segment ? m.segment : message_segment(e->body.message_id);
    finding.offset = m.segment ? m.offset : message_offset(e->body.message_id);
    f->report->bodies++;
    buf_init(&header, RECORD_HEADER_MAX);
    r = local_record_read(f->l, finding.segment, finding.offset, &header, &record);
    if (r == 0 && record.message_id != e->body.message_id)
        r = -ENOENT;
    if (r == 0) {
        count_record(f, &record, finding.segment);
        r = body_reads(f, &e->body);
    }
    if (r == 0)
        return 0;
    finding.code = r == -ENOENT ? "body-missing" : "body-damaged";
    finding.cure = "restore this message from a backup; what is left of it stays readable as bytes "
                   "of its segment";
    tell(f, finding);
    return 0;
}

// ---- mailboxes

static int compare(struct fsck *f, const struct head *head, const char *column, uint64_t found,
                   uint64_t expected)
{
    if (found == expected)
        return 0;
    tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                  .code = "number-wrong",
                                  .cure = "run fsck --repair, which counts again",
                                  .mailbox_id = head->id,
                                  .what = column,
                                  .found = found,
                                  .expected = expected});
    return set_number(f, "mailbox", column, head->id, expected);
}

static int compare_all(struct fsck *f, const struct head *head, const struct head_state *sum)
{
    const struct head_state *s = &head->work;
    const struct {
        const char *column;
        uint64_t found, expected;
    } numbers[] = {
        {"messages", s->message_count, sum->message_count},
        {"unseen", s->unseen_count, sum->unseen_count},
        {"deleted", s->deleted_count, sum->deleted_count},
        {"bytes", s->bytes, sum->bytes},
        {"deleted_bytes", s->deleted_bytes, sum->deleted_bytes},
        {"uidnext", s->uidnext, sum->uidnext > s->uidnext ? sum->uidnext : s->uidnext},
        {"modseq", s->modseq, sum->modseq > s->modseq ? sum->modseq : s->modseq},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int r = compare(f, head, numbers[i].column, numbers[i].found, numbers[i].expected);

        if (r < 0)
            return r;
    }
    return 0;
}

static int check_mailbox(struct fsck *f, const struct head *head)
{
    struct head_state sum = {.uidnext = 1, .modseq = 1};
    struct entry_list list = {0};
    int r;

    f->report->mailboxes++;
    r = index_entries(f->x, head->id, 1, UINT32_MAX, &list);
    for (size_t i = 0; r == 0 && i < list.entries.count; i++) {
        const struct store_entry *e = &list.entries.items[i];

        f->report->entries++;
        sum.message_count++;
        sum.unseen_count += !(e->flags & STORE_SEEN);
        sum.bytes += e->body.size;
        if (e->flags & STORE_DELETED) {
            sum.deleted_count++;
            sum.deleted_bytes += e->body.size;
        }
        sum.uidnext = e->uid + 1;
        if (e->modseq > sum.modseq)
            sum.modseq = e->modseq;
        r = check_body(f, head->id, e);
    }
    store_entries_done(&list.entries);
    return r < 0 ? r : compare_all(f, head, &sum);
}

// ---- rows that belong to nobody

static int check_orphans(struct fsck *f)
{
    static const char sql[] = "SELECT mailbox, count(*) FROM entry WHERE mailbox NOT IN"
                              " (SELECT id FROM mailbox) GROUP BY mailbox";
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(f->x->db, sql, -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW)
        tell(f, (struct fsck_finding){.level = FSCK_DAMAGE,
                                      .code = "entries-without-mailbox",
                                      .cure = "restore the index from a backup, or rebuild it",
                                      .mailbox_id = column_u64(st, 0),
                                      .found = column_u64(st, 1)});
    sqlite3_finalize(st);
    return index_errno(r);
}

static int check_refs(struct fsck *f)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(f->x->db, "SELECT id, refs FROM message", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t id = column_u64(st, 0), refs = column_u64(st, 1);
        const struct message_seen *seen = map_get_u64(&f->messages, id);

        if (refs == (seen ? seen->refs : 0))
            continue;
        tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                      .code = "references-wrong",
                                      .cure = "run fsck --repair, which counts again",
                                      .message_id = id,
                                      .found = refs,
                                      .expected = seen ? seen->refs : 0});
        set_number(f, "message", "refs", id, seen ? seen->refs : 0);
    }
    sqlite3_finalize(st);
    return index_errno(r);
}

// ---- segments

static int compare_segment(struct fsck *f, const struct segment *s)
{
    static const struct segment_seen none;
    const struct segment_seen *seen = map_get_u64(&f->segments, s->id);
    int r = 0;

    if (!seen)
        seen = &none;
    if (seen->count == s->live_count && seen->bytes == s->live_bytes)
        return 0;
    tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                  .code = "segment-count-wrong",
                                  .cure = "run fsck --repair, which counts again",
                                  .segment = s->id,
                                  .found = s->live_count,
                                  .expected = seen->count});
    r = set_number(f, "segment", "live_count", s->id, seen->count);
    return r < 0 ? r : set_number(f, "segment", "live_bytes", s->id, seen->bytes);
}

/// Every record's header, so that the log could be rebuilt from; bodies were read by their entries.
static int walk_segment(struct fsck *f, const struct segment *s)
{
    CLEANUP(buf_drop) struct buf header = {0};
    uint64_t at = 0;
    bool in_gap = false;

    buf_init(&header, RECORD_HEADER_MAX);
    while (at < s->size) {
        struct record record;
        int r = local_record_read(f->l, s->id, at, &header, &record);

        if (r == 0) {
            f->report->records++;
            at += record_len(&record);
            in_gap = false;
            continue;
        }
        if (r != -EBADMSG && r != -ENOENT)
            return r;
        if (!in_gap)
            tell(f,
                 (struct fsck_finding){.level = FSCK_DAMAGE,
                                       .code = r == -ENOENT ? "segment-missing" : "log-damaged",
                                       .cure = "restore the segment from a backup; mail elsewhere "
                                               "is not concerned",
                                       .segment = s->id,
                                       .offset = at});
        if (r == -ENOENT)
            return 0;
        in_gap = true;
        at += 8; // until a record begins again
    }
    return 0;
}

static int check_segments(struct fsck *f)
{
    void *value;
    int r = 0;

    for (size_t at = 0; r == 0 && map_next(&f->l->segments.by_id, &at, NULL, &value);) {
        r = walk_segment(f, value);
        if (r == 0)
            r = compare_segment(f, value);
    }
    return r;
}

static void free_values(struct map *map)
{
    void *value;

    for (size_t at = 0; map_next(map, &at, NULL, &value);)
        free(value);
    map_done(map);
}

int local_fsck(struct local *l, const struct fsck_options *options, struct fsck_report *report)
{
    struct fsck f = {.l = l, .x = &l->index, .options = options, .report = report};
    uint64_t seed[2] = {1, 2};
    void *value;
    int r = 0;

    *report = (struct fsck_report){0};
    map_init(&f.messages, seed);
    map_init(&f.segments, seed);
    for (size_t at = 0; map_next(&l->store.catalog->heads, &at, NULL, &value);)
        f.bytes_all += ((struct head *)value)->work.bytes;
    if (options->repair)
        r = index_simple(f.x, ST_BEGIN);
    for (size_t at = 0; r == 0 && map_next(&l->store.catalog->heads, &at, NULL, &value);)
        r = check_mailbox(&f, value);
    if (r == 0)
        r = check_orphans(&f);
    if (r == 0)
        r = check_refs(&f);
    if (r == 0)
        r = check_segments(&f);
    if (options->repair && !sqlite3_get_autocommit(f.x->db)) {
        int end = index_simple(f.x, r == 0 ? ST_COMMIT : ST_ROLLBACK);

        r = r == 0 ? end : r;
    }
    free_values(&f.messages);
    free_values(&f.segments);
    return r;
}

int store_fsck(struct rt_disk *disk, const struct fsck_options *options, struct fsck_report *report)
{
    struct store_local_config config = {.disk = disk, .read_only = !options->repair};
    struct rt_file *index;
    struct local *l;
    int r;

    r = rt_file_open(disk, "index.db", RT_FILE_READ_ONLY, &index);
    if (r < 0)
        return r;
    rt_file_close(index);
    r = local_open(&config, NULL, &l);
    if (r < 0)
        return r;
    r = local_fsck(l, options, report);
    local_close(l);
    return r;
}
