// SPDX-License-Identifier: ISC
//
// Backup and restore. A backup first takes collect.lock, so that nothing is removed from the
// segments; then it copies the index (SQLite's online backup: one moment of it), then the segments
// which that copy names, each up to the size it records. Records never change in place, so what the
// copied index refers to is whole in segments copied later. Hard links would be cheaper, but a
// linked segment shares the holes that are punched into it afterwards.
#include "base/check.h"
#include "store/local/local.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

enum { PIECE = 1 << 20, LOCK_TRIES = 600, LOCK_WAIT_MS = 100 };

struct copying {
    struct rt_disk *from, *to;
    struct backup_report *report;
    char *piece;
};

static int path_in(struct rt_disk *disk, const char *name, struct buf *out)
{
    const char *dir = rt_disk_path(disk);

    if (!dir)
        return -EOPNOTSUPP;
    buf_init(out, 8192);
    buf_putf(out, "%s/%s", dir, name);
    return buf_cstr(out) ? 0 : -ENAMETOOLONG;
}

static int copy_pages(struct sqlite3 *from, struct sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int r;

    if (!backup)
        return -EIO;
    r = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    return r == SQLITE_DONE ? 0 : index_errno(r) ? index_errno(r) : -EIO;
}

static int copy_index(struct copying *c, struct index *to)
{
    CLEANUP(buf_drop) struct buf from_path = {0};
    CLEANUP(buf_drop) struct buf to_path = {0};
    struct index from;
    int r;

    r = path_in(c->from, "index.db", &from_path);
    if (r == 0)
        r = path_in(c->to, "index.db", &to_path);
    if (r == 0)
        r = index_open(&from, buf_cstr(&from_path), NULL, INDEX_READ);
    if (r < 0)
        return r;
    // a server may have it open: its connection alone checkpoints
    sqlite3_db_config(from.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    r = index_open(to, buf_cstr(&to_path), NULL, INDEX_MAY_CREATE);
    if (r == 0)
        r = copy_pages(from.db, to->db);
    index_close(&from);
    return r;
}

static int copy_bytes(struct copying *c, struct rt_file *from, struct rt_file *to, uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
        ssize_t n = rt_file_read(from, c->piece, len, at);
        struct iovec iov = {c->piece, len};
        int r;

        if (n < 0)
            return (int)n;
        if ((size_t)n != len)
            return -EBADMSG; // shorter than the index says
        r = rt_file_write(to, &iov, 1, at);
        if (r < 0)
            return r;
        at += len;
        c->report->bytes += len;
    }
    return rt_file_sync(to);
}

static int copy_segment(struct copying *c, uint32_t id, uint64_t size)
{
    struct rt_file *from = NULL, *to = NULL;
    char name[32];
    int r;

    segment_name(id, name);
    r = rt_file_open(c->from, name, RT_FILE_READ_ONLY, &from);
    if (r == 0)
        r = rt_file_open(c->to, name, RT_FILE_CREATE | RT_FILE_EXCLUSIVE, &to);
    if (r == 0)
        r = copy_bytes(c, from, to, size);
    rt_file_close(from);
    rt_file_close(to);
    c->report->segments += r == 0;
    return r;
}

static int copy_segments(struct copying *c, struct index *index)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(index->db, "SELECT id, size FROM segment", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    r = 0;
    while (r == 0 && (r = sqlite3_step(st)) == SQLITE_ROW)
        r = copy_segment(c, (uint32_t)column_u64(st, 0), column_u64(st, 1));
    sqlite3_finalize(st);
    return r < 0 ? r : index_errno(r);
}

static int is_something(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return 1;
}

/// The new or empty directory, with a place for segments.
static int make_target(const char *path, struct rt_disk **out)
{
    struct rt_disk *disk;
    int r;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    r = rt_disk_open(path, &disk);
    if (r < 0)
        return r;
    r = rt_disk_list(disk, "", is_something, NULL);
    if (r == 0)
        r = rt_disk_mkdir(disk, "segments");
    else if (r > 0)
        r = -ENOTEMPTY;
    if (r < 0)
        rt_disk_close(disk);
    else
        *out = disk;
    return r;
}

static int copy_store(struct rt_disk *from, const char *to, struct backup_report *report)
{
    struct copying c = {.from = from, .report = report, .piece = store_alloc(PIECE)};
    struct index index = {0};
    int r;

    *report = (struct backup_report){0};
    r = make_target(to, &c.to);
    if (r == 0) {
        r = copy_index(&c, &index);
        if (r == 0)
            r = copy_segments(&c, &index);
        index_close(&index);
        if (r == 0)
            r = rt_disk_sync_dir(c.to, "segments");
        if (r == 0)
            r = rt_disk_sync_dir(c.to, "");
        rt_disk_close(c.to);
    }
    free(c.piece);
    return r;
}

/// Waits for a collector at work; a minute at most.
static int hold_collection(struct rt_disk *disk, struct rt_file **out)
{
    int r;

    r = rt_file_open(disk, "collect.lock", RT_FILE_CREATE, out);
    if (r < 0)
        return r;
    for (int i = 0; i < LOCK_TRIES; i++) {
        r = rt_file_lock(*out);
        if (r != -EWOULDBLOCK)
            break;
        poll(NULL, 0, LOCK_WAIT_MS);
    }
    if (r < 0)
        rt_file_close(*out);
    return r;
}

int store_backup(struct rt_disk *from, const char *to, struct backup_report *report)
{
    struct rt_file *lock;
    int r;

    if (!rt_disk_path(from))
        return -EOPNOTSUPP;
    r = hold_collection(from, &lock);
    if (r < 0)
        return r;
    r = copy_store(from, to, report);
    rt_file_close(lock);
    return r;
}

int store_restore(const char *from, const char *to, struct fsck_report *report)
{
    struct fsck_options options = {0};
    struct backup_report copied;
    struct rt_disk *disk;
    int r;

    r = rt_disk_open(from, &disk);
    if (r < 0)
        return r;
    r = copy_store(disk, to, &copied);
    rt_disk_close(disk);
    if (r < 0)
        return r;
    r = rt_disk_open(to, &disk);
    if (r < 0)
        return r;
    r = store_fsck(disk, &options, report);
    rt_disk_close(disk);
    return r;
}
