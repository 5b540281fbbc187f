// SPDX-License-Identifier: ISC
//
// One group: plan, write the segment, sync it, commit the index, publish. A group that fails as a
// whole (the disk is full, a change had to be taken back) is done again job by job, so that no job
// suffers for another. After a sync that failed nothing is accepted any more: what the disk holds
// is then unknown, and asking again would only make the kernel say yes.
#include "base/check.h"
#include "log/log.h"
#include "store/local/local.h"

#include <errno.h>

enum {
    WAL_FRAMES_MAX = 4000, // pages in the WAL before it is folded into the file
    GROUP_BYTES_MAX = 16 << 20,
    DEAD_MAX = 1 << 16, // ranges remembered for punching; beyond it compaction finds them
};

static void break_down(struct local *l, const char *what, int error)
{
    atomic_store(&l->broken, true);
    log_failure("store/local", what, error);
}

// ---- the jobs of a group

static int take_extent(struct local *l, struct local_job *job)
{
    struct record record = {.kind = RECORD_EXTENT,
                            .header_len = (uint32_t)record_align(RECORD_FIXED + 4),
                            .data_len = job->bytes.len,
                            .chunk_count = 1};
    struct pending p = {.header_len = record.header_len,
                        .data_len = job->bytes.len,
                        .data = job->bytes,
                        .header_at = l->headers.len};

    p.at = segments_take(&l->segments, record.header_len + record_align(p.data_len));
    record_begin(&l->headers, &record);
    record_put_chunk(&l->headers, job->extent.crc);
    record_end(&l->headers, p.header_at, STR(""), record.header_len);
    STORE_GROW(l->pending, l->pending_count, l->pending_cap);
    l->pending[l->pending_count++] = p;
    job->extent.segment = l->segments.current->id;
    job->extent.offset = p.at + p.header_len;
    job->extent.len = (uint32_t)job->bytes.len;
    return 0;
}

static int begin_index(struct local *l)
{
    int r;

    if (l->in_transaction)
        return 0;
    r = index_simple(&l->index, ST_BEGIN);
    l->in_transaction = r == 0;
    return r;
}

static int put_moved(struct local *l, uint64_t message_id, uint64_t offset)
{
    sqlite3_stmt *st = index_use(&l->index, ST_MESSAGE_MOVE);

    if (!st)
        return l->index.error;
    bind_u64(st, 1, message_id);
    bind_u64(st, 2, l->segments.current->id);
    bind_u64(st, 3, offset);
    return index_run(&l->index, st);
}

/// The whole record, checked, behind l->headers. The caller puts l->headers.len back on an error.
static int load_record(struct local *l, struct local_job *job, struct record *out,
                       struct buf *header)
{
    int r;

    r = local_record_read(l, job->from.segment, job->from.offset, header, out);
    if (r < 0)
        return r;
    buf_put(&l->headers, str_head(buf_str(header), out->header_len));
    return local_data_read(l, job->from.segment, job->from.offset, out, &l->headers);
}

/// The entries of the queue right behind a mail go with it.
static void take_move_queue(struct local *l, const struct local_job *job, const struct record *mail)
{
    CLEANUP(buf_drop) struct buf header = {0};
    struct pending p = {.header_at = l->headers.len};
    struct record record;

    buf_init(&header, RECORD_HEADER_MAX);
    if (local_record_read(l, job->from.segment, job->from.offset + record_len(mail), &header,
                          &record) < 0 ||
        record.kind != RECORD_QUEUE || record.message_id != mail->message_id)
        return;
    buf_put(&l->headers, str_head(buf_str(&header), record.header_len));
    p.header_len = record.header_len;
    p.at = segments_take(&l->segments, p.header_len);
    STORE_GROW(l->pending, l->pending_count, l->pending_cap);
    l->pending[l->pending_count++] = p;
}

/// Copies a record to the end of the log and tells the index where it lies now. What is damaged
/// stays where it is; fsck and readers report it.
static int take_move(struct local *l, struct local_job *job)
{
    struct segment *from = segments_find(&l->segments, job->from.segment);
    struct pending p = {.header_at = l->headers.len};
    CLEANUP(buf_drop) struct buf header = {0};
    struct record record;
    int r;

    buf_init(&header, RECORD_HEADER_MAX);
    r = from ? load_record(l, job, &record, &header) : -ENOENT;
    if (r == 0)
        r = begin_index(l);
    if (r == 0)
        r = local_is_live(&l->index, &record, job->from.segment, job->from.offset);
    if (r <= 0) { // 0: it died meanwhile
        l->headers.len = p.header_at;
        return r;
    }
    p.header_len = record.header_len;
    p.data_len = record.data_len;
    p.at = segments_take(&l->segments, record_len(&record));
    STORE_GROW(l->pending, l->pending_count, l->pending_cap);
    l->pending[l->pending_count++] = p;
    take_move_queue(l, job, &record);
    segments_count(&l->segments, from, -1, -(int64_t)record.data_len);
    segments_count(&l->segments, l->segments.current, 1, (int64_t)record.data_len);
    return put_moved(l, record.message_id, p.at);
}

static int take_drop(struct local *l, struct local_job *job)
{
    struct segment *segment = segments_find(&l->segments, job->from.segment);
    sqlite3_stmt *st;
    int r;

    if (!segment || segment == l->segments.current || segment->live_count || segment->changed ||
        segments_is_pinned(&l->segments, segment))
        return -EBUSY;
    r = begin_index(l);
    if (r < 0)
        return r;
    st = index_use(&l->index, ST_SEGMENT_REMOVE);
    if (!st)
        return l->index.error;
    bind_u64(st, 1, segment->id);
    return index_run(&l->index, st);
}

static bool is_low_on_space(struct local *l)
{
    uint64_t bytes;

    return rt_disk_free_bytes(l->disk, &bytes) == 0 && bytes < l->config.free_bytes_min;
}

static int take_job(struct local *l, struct local_job *job, bool is_low)
{
    switch (job->kind) {
    case JOB_COMMIT:
        if (is_low && apply_needs_space(job->change))
            return -ENOSPC;
        return apply_change(l->store.catalog, &l->rows, job->change);
    case JOB_EXTENT:
        return is_low ? -ENOSPC : take_extent(l, job);
    case JOB_MOVE:
        return take_move(l, job);
    case JOB_DROP:
        return take_drop(l, job);
    }
    return -EINVAL;
}

// ---- writing

static int write_pending(struct local *l)
{
    int r;

    for (size_t i = 0; i < l->pending_count; i++) {
        const struct pending *p = &l->pending[i];
        size_t pad = (size_t)(record_align(p->data_len) - p->data_len);

        if (p->data.ptr) {
            segments_add(&l->segments, str_of(l->headers.ptr + p->header_at, p->header_len), 0);
            segments_add(&l->segments, p->data, pad);
        } else {
            segments_add(&l->segments,
                         str_of(l->headers.ptr + p->header_at, p->header_len + p->data_len), pad);
        }
    }
    r = segments_write(&l->segments);
    return r;
}

static int sync_segment(struct local *l)
{
    int r;

    if (l->config.skip_data_sync || !l->segments.current || !l->segments.current->unsynced)
        return 0;
    r = segments_sync(&l->segments);
    atomic_fetch_add(&l->syncs, 1);
    if (r < 0)
        break_down(l, "sync segment", r);
    return r < 0 ? -EIO : 0;
}

/// After this an error of COMMIT leaves nothing, but for a failed sync, whose result is unknown.
static int commit_index(struct local *l)
{
    int r;

    r = begin_index(l);
    if (r == 0)
        r = index_write_catalog(&l->index, l->store.catalog);
    if (r == 0)
        r = index_write_segments(&l->index, &l->segments);
    if (r < 0)
        return r;
    r = index_simple(&l->index, ST_COMMIT);
    if (r == 0)
        l->in_transaction = false;
    if (r < 0 && r != -ENOSPC)
        break_down(l, "commit index", r);
    return r;
}

static void begin_group(struct local *l)
{
    catalog_group_begin(l->store.catalog);
    l->pending_count = l->dead_count = 0;
    l->segments.delta_count = l->segments.iov_count = 0;
    buf_clear(&l->headers);
    l->index.error = 0;
    l->in_transaction = false;
    if (l->segments.current)
        l->segments.at = l->segments.current->size;
}

static void abort_group(struct local *l)
{
    if (!sqlite3_get_autocommit(l->index.db))
        index_simple(&l->index, ST_ROLLBACK);
    l->in_transaction = false;
    segments_abort(&l->segments);
    catalog_abort(l->store.catalog);
}

static void keep_dead(struct local *l)
{
    pthread_mutex_lock(&l->dead_lock);
    for (size_t i = 0; i < l->dead_count && l->dead_ready_count < DEAD_MAX; i++) {
        STORE_GROW(l->dead_ready, l->dead_ready_count, l->dead_ready_cap);
        l->dead_ready[l->dead_ready_count++] = l->dead[i];
    }
    pthread_mutex_unlock(&l->dead_lock);
    l->dead_count = 0;
}

static void finish_job(struct local *l, struct local_job *job)
{
    struct segment *segment;

    if (job->result != 0)
        return;
    if (job->kind == JOB_COMMIT)
        atomic_fetch_add(&l->commits, 1);
    if (job->kind == JOB_EXTENT)
        segments_pin(&l->segments, job->extent.segment, 1);
    if (job->kind != JOB_DROP)
        return;
    segment = segments_find(&l->segments, job->from.segment);
    if (segment)
        segments_remove(&l->segments, segment);
}

/// After it, and without readers, the WAL begins again at its start.
static void checkpoint(struct local *l)
{
    int r;

    l->index.wal_frames = 0;
    r = sqlite3_wal_checkpoint_v2(l->index.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    r = index_errno(r);
    if (r == -EIO || r == -EUCLEAN)
        break_down(l, "fold the index's log", r);
}

static bool is_wal_long(const struct local *l)
{
    return l->index.wal_frames >= WAL_FRAMES_MAX ||
           (l->config.segment_bytes < 65536 && l->index.wal_frames > 40); // a test's
}

// ---- the group

static int roll_if_full(struct local *l)
{
    uint32_t id = l->segments.current ? l->segments.current->id + 1 : 1;
    int r;

    if (!segments_are_full(&l->segments))
        return 0;
    r = segments_roll(&l->segments, id);
    if (r == -EIO)
        break_down(l, "begin a segment", r);
    l->rolled |= r == 0;
    return r;
}

static bool has_commit(struct local_job *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->kind != JOB_EXTENT && jobs[i]->result == 0)
            return true;
    }
    return false;
}

/// 0: job->result of each says what became of it. -errno: nothing of the group happened.
static int try_group(struct local *l, struct local_job *const *jobs, size_t count)
{
    bool is_low, recorded;
    int r;

    begin_group(l);
    r = roll_if_full(l);
    if (r < 0)
        return r;
    is_low = is_low_on_space(l);
    for (size_t i = 0; i < count; i++) {
        jobs[i]->result = take_job(l, jobs[i], is_low);
        if (l->index.error)
            return l->index.error;
    }
    r = write_pending(l);
    if (r < 0)
        return r;
    recorded = has_commit(jobs, count) || l->rolled;
    if (recorded)
        r = sync_segment(l);
    if (recorded && r == 0)
        r = commit_index(l);
    else if (l->in_transaction && r == 0)
        r = index_simple(&l->index, ST_ROLLBACK); // all were refused
    if (r < 0)
        return r;
    l->rolled &= !recorded;
    segments_publish(&l->segments, recorded);
    catalog_publish(l->store.catalog);
    keep_dead(l);
    for (size_t i = 0; i < count; i++)
        finish_job(l, jobs[i]);
    return 0;
}

static int run_group(struct local *l, struct local_job *const *jobs, size_t count)
{
    int r;

    if (atomic_load(&l->broken))
        return -EIO;
    r = try_group(l, jobs, count);
    atomic_fetch_add(&l->groups, 1);
    if (r < 0)
        abort_group(l);
    return r;
}

/// Space that was kept back for this: what frees space must not fail for want of it.
static void release_reserve(struct local *l)
{
    if (!l->reserve_gone)
        rt_disk_remove(l->disk, "reserve");
    l->reserve_gone = true;
}

static bool frees_space(const struct local_job *job)
{
    return job->kind != JOB_EXTENT && (job->kind != JOB_COMMIT || !apply_needs_space(job->change));
}

static void run_alone(struct local *l, struct local_job *job)
{
    int r;

    r = run_group(l, &job, 1);
    if (r == -ENOSPC && frees_space(job)) {
        release_reserve(l);
        checkpoint(l); // its pages are written over what is there
        r = run_group(l, &job, 1);
    }
    if (r == -EAGAIN && job->result)
        r = job->result; // it was refused, and its rows were taken back with the group
    if (r)
        job->result = r;
}

/// Bytes that the job brings to the group's write.
static uint64_t bytes_of(const struct local_job *job)
{
    uint64_t bytes = job->bytes.len;

    for (size_t i = 0; job->kind == JOB_COMMIT && i < job->change->count; i++) {
        const struct store_body *body = op_body(&job->change->ops[i]);

        bytes += body ? body->head.len : 0;
    }
    return bytes;
}

static size_t count_of_group(struct local_job *const *jobs, size_t count)
{
    uint64_t bytes = bytes_of(jobs[0]);
    size_t n = 1;

    while (n < count && (bytes += bytes_of(jobs[n])) <= GROUP_BYTES_MAX)
        n++;
    return n;
}

static void do_group(struct local *l, struct local_job *const *jobs, size_t count)
{
    int r = -EAGAIN;

    if (count > 1)
        r = run_group(l, jobs, count);
    if (r < 0) {
        for (size_t i = 0; i < count; i++)
            run_alone(l, jobs[i]);
    }
}

void local_group(struct local *l, struct local_job *const *jobs, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t n = count_of_group(jobs + done, count - done);

        do_group(l, jobs + done, n);
        done += n;
    }
    if (l->reserve_gone && !is_low_on_space(l))
        l->reserve_gone = local_reserve(l) < 0;
    if (!atomic_load(&l->broken) && is_wal_long(l))
        checkpoint(l);
}
