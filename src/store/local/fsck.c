// SPDX-License-Identifier: ISC
//
// fsck. First every row (fsck_rows.c), and with it the body it names, to its last byte; on the way
// what lives in each segment is counted. Then every segment, from record to record. Only numbers
// that can be derived are ever repaired; nothing is removed.
#include "base/check.h"
#include "store/local/fsck.h"

#include <errno.h>

void fsck_tell(struct fsck *f, struct fsck_finding finding)
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

void *fsck_seen(struct map *map, uint64_t id, size_t size)
{
    void *seen = map_get_u64(map, id);

    if (!seen) {
        seen = store_alloc(size);
        map_put_u64(map, id, seen);
    }
    return seen;
}

int fsck_set_number(struct fsck *f, const char *table, const char *column, uint64_t id,
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
    struct segment_seen *seen = fsck_seen(&f->segments, segment, sizeof(*seen));

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

int fsck_body(struct fsck *f, struct fsck_finding finding, const struct store_body_ref *body)
{
    struct index_message m = {0};
    CLEANUP(buf_drop) struct buf header = {0};
    struct record record;
    int r;

    r = index_message(f->x, body->message_id, &m);
    if (r < 0)
        return r;
    if (r == 0) {
        struct message_seen *seen = fsck_seen(&f->messages, body->message_id, sizeof(*seen));

        seen->id = body->message_id;
        if (seen->refs++)
            return 0; // read before
    }
    finding.level = FSCK_DAMAGE;
    finding.message_id = body->message_id;
    finding.segment = m.segment ? m.segment : message_segment(body->message_id);
    finding.offset = m.segment ? m.offset : message_offset(body->message_id);
    f->report->bodies++;
    buf_init(&header, RECORD_HEADER_MAX);
    r = local_record_read(f->l, finding.segment, finding.offset, &header, &record);
    if (r == 0 && record.message_id != body->message_id)
        r = -ENOENT;
    if (r == 0) {
        count_record(f, &record, finding.segment);
        r = body_reads(f, body);
    }
    if (r == 0)
        return 0;
    finding.code = r == -ENOENT ? "body-missing" : "body-damaged";
    finding.cure = "restore this message from a backup; what is left of it stays readable as bytes "
                   "of its segment";
    fsck_tell(f, finding);
    return 0;
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
    fsck_tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                       .code = "segment-count-wrong",
                                       .cure = "run fsck --repair, which counts again",
                                       .segment = s->id,
                                       .found = s->live_count,
                                       .expected = seen->count});
    r = fsck_set_number(f, "segment", "live_count", s->id, seen->count);
    return r < 0 ? r : fsck_set_number(f, "segment", "live_bytes", s->id, seen->bytes);
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
            fsck_tell(f, (struct fsck_finding){
                             .level = FSCK_DAMAGE,
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
    for (size_t at = 0; map_next(&l->segments.by_id, &at, NULL, &value);)
        f.bytes_all += ((struct segment *)value)->live_bytes;
    if (options->repair)
        r = index_simple(f.x, ST_BEGIN);
    for (size_t at = 0; r == 0 && map_next(&l->store.catalog->heads, &at, NULL, &value);)
        r = fsck_mailbox(&f, value);
    if (r == 0)
        r = fsck_queue(&f);
    if (r == 0)
        r = fsck_orphans(&f);
    if (r == 0)
        r = fsck_refs(&f);
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
