// SPDX-License-Identifier: ISC
//
// Space back. Records nobody refers to are punched out of the file (the header stays, so that the
// segment can still be walked); segments with nothing alive are removed; what lives in segments
// that are mostly dead is copied to the end of the log, after which those are dead too. All of it
// after the index commit that made the space dead is durable, and never while a backup is made.
#include "base/check.h"
#include "log/log.h"
#include "store/local/local.h"

#include <errno.h>

enum { BLOCK = 4096 };

/// -EWOULDBLOCK while a backup holds it.
static int hold(struct local *l, struct rt_file **out)
{
    int r;

    r = rt_file_open(l->disk, "collect.lock", RT_FILE_CREATE, out);
    if (r < 0)
        return r;
    r = rt_file_lock(*out);
    if (r < 0)
        rt_file_close(*out);
    return r;
}

// ---- punching

static int range_of_data(struct local *l, struct dead_range *range)
{
    CLEANUP(buf_drop) struct buf header = {0};
    struct record record;
    int r;

    if (range->len)
        return 0;
    buf_init(&header, RECORD_HEADER_MAX);
    r = local_record_read(l, range->segment, range->offset, &header, &record);
    if (r < 0)
        return r;
    range->offset += record.header_len;
    range->len = record.data_len;
    return 0;
}

static void punch(struct local *l, struct dead_range range)
{
    uint64_t first, last;
    struct segment *segment;

    if (range_of_data(l, &range) < 0 || segments_enter(&l->segments, range.segment, &segment) < 0)
        return;
    first = (range.offset + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
    last = (range.offset + range.len) & ~(uint64_t)(BLOCK - 1);
    if (last > first)
        rt_file_punch(segment->file, first, last - first);
    segments_leave(&l->segments, segment);
}

static bool take_range(struct local *l, struct dead_range *out)
{
    bool some;

    pthread_mutex_lock(&l->dead_lock);
    some = l->dead_ready_count > 0;
    if (some)
        *out = l->dead_ready[--l->dead_ready_count];
    pthread_mutex_unlock(&l->dead_lock);
    return some;
}

size_t local_punch(struct local *l, size_t max)
{
    struct rt_file *lock;
    struct dead_range range;
    size_t done = 0;

    if (hold(l, &lock) < 0)
        return 0;
    while (done < max && take_range(l, &range)) {
        punch(l, range);
        done++;
    }
    rt_file_close(lock);
    return done;
}

// ---- segments

struct candidate {
    uint32_t id;
    uint64_t size;
    bool is_dead;
};

static size_t find_candidates(struct local *l, struct candidate *out, size_t max)
{
    size_t count = 0;
    void *value;

    pthread_mutex_lock(&l->segments.lock);
    for (size_t at = 0; count < max && map_next(&l->segments.by_id, &at, NULL, &value);) {
        const struct segment *s = value;

        if (s == l->segments.current || s->pins || s->live_bytes > s->size / 4)
            continue;
        if (s->stuck_at == s->live_count + 1)
            continue; // extents or damage, as the last time
        out[count++] = (struct candidate){s->id, s->size, s->live_count == 0};
    }
    pthread_mutex_unlock(&l->segments.lock);
    return count;
}

static int move_if_live(struct local *l, uint32_t segment, uint64_t offset,
                        const struct record *record,
                        int (*run)(struct local *l, struct local_job *job))
{
    struct local_job job = {.kind = JOB_MOVE, .from = {segment, offset}};
    struct local_reader *reader;
    int r;

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    r = local_is_live(&reader->index, record, segment, offset);
    local_reader_give(l, reader);
    if (r <= 0)
        return r;
    return run(l, &job);
}

/// Pieces of big bodies stay where they are: their segment goes when the last of them does.
static int move_living(struct local *l, const struct candidate *c,
                       int (*run)(struct local *l, struct local_job *job))
{
    CLEANUP(buf_drop) struct buf header = {0};
    uint64_t at = 0;
    int r = 0;

    buf_init(&header, RECORD_HEADER_MAX);
    while (r >= 0 && at < c->size && !atomic_load(&l->closing)) {
        struct record record;

        r = local_record_read(l, c->id, at, &header, &record);
        if (r < 0)
            return r;
        r = move_if_live(l, c->id, at, &record, run);
        if (r == -EBADMSG)
            r = 0; // it stays; fsck tells
        at += record_len(&record);
    }
    return r;
}

static void mark_stuck(struct local *l, uint32_t id)
{
    struct segment *s;

    pthread_mutex_lock(&l->segments.lock);
    s = segments_find(&l->segments, id);
    if (s && s->live_count)
        s->stuck_at = s->live_count + 1;
    pthread_mutex_unlock(&l->segments.lock);
}

int local_collect(struct local *l, int (*run)(struct local *l, struct local_job *job))
{
    struct candidate candidates[16];
    struct rt_file *lock;
    size_t count;
    int r;

    r = hold(l, &lock);
    if (r < 0)
        return r == -EWOULDBLOCK ? 0 : r;
    count = find_candidates(l, candidates, 16);
    r = 0;
    for (size_t i = 0; r >= 0 && i < count && !atomic_load(&l->closing); i++) {
        struct local_job drop = {.kind = JOB_DROP, .from = {candidates[i].id, 0}};

        if (!candidates[i].is_dead)
            r = move_living(l, &candidates[i], run);
        if (r >= 0)
            r = run(l, &drop);
        if (r == -EBUSY) {
            mark_stuck(l, candidates[i].id); // something in it lives
            r = 0;
        }
    }
    rt_file_close(lock);
    return r;
}
