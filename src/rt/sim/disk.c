// SPDX-License-Identifier: ISC
//
// Two trees and a list: `now` is what users see, `durable` what a crash cannot touch, `pending`
// what lies between them. A sync moves operations from the list to the durable tree.
#include "rt/sim/disk.h"

#include "base/check.h"
#include "rt/disk_inside.h"
#include "rt/sim/pending.h"

#include <errno.h>
#include <pthread.h>

struct sim_disk {
    struct rt_disk base;
    pthread_mutex_t lock;
    struct tree now, durable;
    struct pending pending;
    struct sim_file *files; // open handles
    uint64_t steps, cut_at, fail_at, fail_sync;
    int fail_error;
    bool is_cut, is_lying;
    uint64_t capacity; // pages
};

struct sim_file {
    struct rt_file base;
    struct sim_disk *disk;
    struct sim_file *next;
    size_t inode;
    bool is_read_only, is_locked;
};

static const struct rt_disk_ops ops;

static struct sim_disk *sim_of(const struct rt_disk *disk)
{
    CHECK(disk->ops == &ops);
    return (struct sim_disk *)(uintptr_t)disk;
}

static struct sim_file *file_of(const struct rt_file *file)
{
    return (struct sim_file *)(uintptr_t)file;
}

static struct sim_disk *enter(const struct rt_disk *disk)
{
    struct sim_disk *d = sim_of(disk);

    pthread_mutex_lock(&d->lock);
    return d;
}

static int leave(struct sim_disk *d, int result)
{
    pthread_mutex_unlock(&d->lock);
    return result;
}

int rt_sim_disk_new(struct rt_disk **out)
{
    struct sim_disk *d = calloc(1, sizeof(*d));

    CHECK(d);
    d->base.ops = &ops;
    d->capacity = UINT64_MAX;
    CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
    *out = &d->base;
    return 0;
}

int rt_sim_disk_clone(struct rt_disk *disk, struct rt_disk **out)
{
    struct sim_disk *from = enter(disk), *to;

    rt_sim_disk_new(out);
    to = sim_of(*out);
    tree_clone(&from->now, &to->now);
    tree_clone(&from->durable, &to->durable);
    pending_clone(&from->pending, &to->pending);
    to->capacity = from->capacity;
    return leave(from, 0);
}

static void disk_close(struct rt_disk *disk)
{
    struct sim_disk *d = sim_of(disk);

    CHECK(!d->files);
    tree_done(&d->now);
    tree_done(&d->durable);
    pending_done(&d->pending);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static const char *disk_path(const struct rt_disk *disk)
{
    (void)disk;
    return NULL;
}

// --- steps and faults

enum fate { GOES_WELL, POWER_GOES };

// Counts a step. 0 or -errno when it must do nothing; *out tells whether the power goes in it.
static int step(struct sim_disk *d, enum fate *out)
{
    *out = GOES_WELL;
    if (d->is_cut)
        return -EIO;
    d->steps++;
    if (d->fail_at == d->steps)
        return d->fail_error;
    if (d->cut_at == d->steps) {
        d->is_cut = true;
        *out = POWER_GOES;
    }
    return 0;
}

static int result_of(enum fate fate)
{
    return fate == POWER_GOES ? -EIO : 0;
}

uint64_t rt_sim_disk_steps(struct rt_disk *disk)
{
    struct sim_disk *d = enter(disk);
    uint64_t steps = d->steps;

    leave(d, 0);
    return steps;
}

void rt_sim_disk_cut_at(struct rt_disk *disk, uint64_t at)
{
    struct sim_disk *d = enter(disk);

    d->cut_at = at;
    leave(d, 0);
}

bool rt_sim_disk_is_cut(struct rt_disk *disk)
{
    struct sim_disk *d = enter(disk);

    return leave(d, d->is_cut);
}

void rt_sim_disk_fail_at(struct rt_disk *disk, uint64_t at, int error)
{
    struct sim_disk *d = enter(disk);

    d->fail_at = error ? at : 0;
    d->fail_error = error;
    leave(d, 0);
}

void rt_sim_disk_fail_sync(struct rt_disk *disk, uint64_t n)
{
    struct sim_disk *d = enter(disk);

    d->fail_sync = n;
    leave(d, 0);
}

void rt_sim_disk_set_capacity(struct rt_disk *disk, uint64_t bytes)
{
    struct sim_disk *d = enter(disk);

    d->capacity = bytes == UINT64_MAX ? bytes : bytes / TREE_PAGE;
    leave(d, 0);
}

void rt_sim_disk_set_lying(struct rt_disk *disk, bool lying)
{
    struct sim_disk *d = enter(disk);

    d->is_lying = lying;
    leave(d, 0);
}

// --- after the power went

size_t rt_sim_disk_pending(struct rt_disk *disk)
{
    struct sim_disk *d = enter(disk);
    size_t count = d->pending.count;

    leave(d, 0);
    return count;
}

int rt_sim_disk_crash(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                      struct rt_disk **out)
{
    struct sim_disk *from = enter(disk), *to;

    rt_sim_disk_new(out);
    to = sim_of(*out);
    tree_clone(&from->durable, &to->durable);
    pending_survive(&from->pending, &to->durable, how, choice);
    tree_clone(&to->durable, &to->now);
    to->capacity = from->capacity;
    return leave(from, 0);
}

uint64_t rt_sim_disk_digest(struct rt_disk *disk)
{
    struct sim_disk *d = enter(disk);
    uint64_t digest = tree_digest(&d->now);

    leave(d, 0);
    return digest;
}

// --- files

static bool has_directory(const struct sim_disk *d, const char *name)
{
    const char *slash = strchr(name, '/');
    char dir[256];
    const struct name *found;

    if (!slash)
        return true;
    memcpy(dir, name, (size_t)(slash - name));
    dir[slash - name] = '\0';
    found = tree_find(&d->now, dir);
    return found && found->is_dir;
}

// Creation is one step: the name is pending until its directory is synced.
static int create(struct sim_disk *d, const char *name, bool is_dir, size_t *out_inode)
{
    struct operation op = {
        .kind = OPERATION_NAME, .is_dir = is_dir, .name = (char *)(uintptr_t)name};
    enum fate fate;
    int r;

    if (!has_directory(d, name))
        return -ENOENT;
    r = step(d, &fate);
    if (r < 0)
        return r;
    op.number = d->steps;
    op.inode = *out_inode = tree_inode_new(&d->now);
    tree_name_put(&d->now, name, op.inode, is_dir);
    pending_put(&d->pending, &op, NULL);
    return result_of(fate);
}

static int find_or_create(struct sim_disk *d, const char *name, unsigned flags, size_t *out_inode)
{
    const struct name *found = tree_find(&d->now, name);

    if (d->is_cut)
        return -EIO;
    if (!found)
        return flags & RT_FILE_CREATE ? create(d, name, false, out_inode) : -ENOENT;
    if (found->is_dir)
        return -EISDIR;
    if ((flags & RT_FILE_CREATE) && (flags & RT_FILE_EXCLUSIVE))
        return -EEXIST;
    *out_inode = found->inode;
    return 0;
}

static int file_open(struct rt_disk *disk, const char *name, unsigned flags, struct rt_file **out)
{
    struct sim_disk *d = enter(disk);
    struct sim_file *f;
    size_t inode = 0;
    int r = find_or_create(d, name, flags, &inode);

    if (r < 0)
        return leave(d, r);
    f = calloc(1, sizeof(*f));
    CHECK(f);
    *f = (struct sim_file){.base.ops = &ops,
                           .disk = d,
                           .next = d->files,
                           .inode = inode,
                           .is_read_only = flags & RT_FILE_READ_ONLY};
    d->files = f;
    *out = &f->base;
    return leave(d, 0);
}

// Space of a file comes back when neither a name nor a handle leads to it.
static void release(struct sim_disk *d, size_t inode)
{
    for (struct sim_file *f = d->files; f; f = f->next) {
        if (f->inode == inode)
            return;
    }
    if (!tree_is_named(&d->now, inode))
        tree_truncate(&d->now, inode, 0);
}

static void file_close(struct rt_file *file)
{
    struct sim_file *f = file_of(file), **at;
    struct sim_disk *d = f->disk;

    pthread_mutex_lock(&d->lock);
    for (at = &d->files; *at != f; at = &(*at)->next)
        CHECK(*at);
    *at = f->next;
    release(d, f->inode);
    free(f);
    leave(d, 0);
}

static struct sim_disk *enter_file(struct rt_file *file)
{
    struct sim_disk *d = file_of(file)->disk;

    pthread_mutex_lock(&d->lock);
    return d;
}

static ssize_t file_read(struct rt_file *file, void *to, size_t len, uint64_t offset)
{
    struct sim_disk *d = enter_file(file);
    ssize_t n =
        d->is_cut ? -EIO : (ssize_t)tree_read(&d->now, file_of(file)->inode, offset, to, len);

    leave(d, 0);
    return n;
}

// How many of the bytes fit on the disk.
static size_t room_for(const struct sim_disk *d, size_t inode, uint64_t offset, size_t len)
{
    uint64_t left = d->capacity > d->now.page_count ? d->capacity - d->now.page_count : 0;
    size_t fit = 0;

    if (d->capacity == UINT64_MAX || tree_holes(&d->now, inode, offset, len) <= left)
        return len;
    while (fit < len) {
        size_t piece = TREE_PAGE - (size_t)((offset + fit) % TREE_PAGE);

        piece = piece < len - fit ? piece : len - fit;
        if (tree_holes(&d->now, inode, offset, fit + piece) > left)
            break;
        fit += piece;
    }
    return fit;
}

static int write_bytes(struct sim_disk *d, size_t inode, const char *bytes, size_t len,
                       uint64_t offset)
{
    struct operation op = {.kind = OPERATION_WRITE, .inode = inode, .offset = offset};
    enum fate fate;
    int r = step(d, &fate);

    if (r < 0)
        return r;
    op.number = d->steps;
    op.len = room_for(d, inode, offset, len);
    if (op.len) {
        tree_write(&d->now, inode, offset, bytes, (size_t)op.len);
        pending_put(&d->pending, &op, bytes);
    }
    if (fate == POWER_GOES)
        return -EIO;
    return op.len < len ? -ENOSPC : 0;
}

static int file_write(struct rt_file *file, struct iovec *iov, int count, uint64_t offset)
{
    struct sim_disk *d;
    size_t len = 0, at = 0;
    char *bytes;
    int r;

    if (file_of(file)->is_read_only)
        return -EBADF;
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    bytes = malloc(len + 1);
    CHECK(bytes);
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len)
            memcpy(bytes + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    d = enter_file(file);
    r = write_bytes(d, file_of(file)->inode, bytes, len, offset);
    free(bytes);
    return leave(d, r);
}

static bool sync_must_fail(struct sim_disk *d)
{
    return d->fail_sync && --d->fail_sync == 0;
}

static int file_sync(struct rt_file *file)
{
    struct sim_disk *d = enter_file(file);
    enum fate fate;
    int r = step(d, &fate);

    if (r < 0 || fate == POWER_GOES)
        return leave(d, r < 0 ? r : -EIO);
    if (sync_must_fail(d)) {
        pending_forget_half(&d->pending, file_of(file)->inode);
        return leave(d, -EIO);
    }
    if (!d->is_lying) {
        tree_inode_need(&d->durable, file_of(file)->inode);
        pending_sync_file(&d->pending, file_of(file)->inode, &d->durable);
    }
    return leave(d, 0);
}

static int change_file(struct rt_file *file, enum operation_kind kind, uint64_t offset,
                       uint64_t len)
{
    struct operation op = {
        .kind = kind, .inode = file_of(file)->inode, .offset = offset, .len = len};
    struct sim_disk *d;
    enum fate fate;
    int r;

    if (file_of(file)->is_read_only)
        return -EBADF;
    d = enter_file(file);
    r = step(d, &fate);
    if (r < 0)
        return leave(d, r);
    op.number = d->steps;
    if (kind == OPERATION_TRUNCATE)
        tree_truncate(&d->now, op.inode, len);
    else if (kind == OPERATION_PUNCH)
        tree_punch(&d->now, op.inode, offset, len);
    else if (room_for(d, op.inode, offset, (size_t)len) < len)
        return leave(d, fate == POWER_GOES ? -EIO : -ENOSPC);
    else
        tree_reserve(&d->now, op.inode, offset, len);
    pending_put(&d->pending, &op, NULL);
    return leave(d, result_of(fate));
}

static int file_truncate(struct rt_file *file, uint64_t size)
{
    return change_file(file, OPERATION_TRUNCATE, 0, size);
}

static int file_punch(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return change_file(file, OPERATION_PUNCH, offset, len);
}

static int file_reserve(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return change_file(file, OPERATION_RESERVE, offset, len);
}

static int file_size(struct rt_file *file, uint64_t *out)
{
    struct sim_disk *d = enter_file(file);

    if (d->is_cut)
        return leave(d, -EIO);
    *out = d->now.inodes[file_of(file)->inode].size;
    return leave(d, 0);
}

static int file_lock(struct rt_file *file)
{
    struct sim_disk *d = enter_file(file);

    if (d->is_cut)
        return leave(d, -EIO);
    for (struct sim_file *f = d->files; f; f = f->next) {
        if (f->inode == file_of(file)->inode && f->is_locked && f != file_of(file))
            return leave(d, -EWOULDBLOCK);
    }
    file_of(file)->is_locked = true;
    return leave(d, 0);
}

// --- names

static int disk_mkdir(struct rt_disk *disk, const char *name)
{
    struct sim_disk *d = enter(disk);
    size_t inode;

    if (d->is_cut)
        return leave(d, -EIO);
    return leave(d, tree_find(&d->now, name) ? -EEXIST : create(d, name, true, &inode));
}

static bool is_below(const char *name, const char *dir)
{
    size_t len = strlen(dir);

    return len ? strncmp(name, dir, len) == 0 && name[len] == '/' : !strchr(name, '/');
}

static bool has_names(const struct sim_disk *d, const char *dir)
{
    for (size_t i = 0; i < d->now.name_count; i++) {
        if (is_below(d->now.names[i].text, dir))
            return true;
    }
    return false;
}

static int disk_remove(struct rt_disk *disk, const char *name)
{
    struct sim_disk *d = enter(disk);
    const struct name *found = tree_find(&d->now, name);
    struct operation op = {.kind = OPERATION_REMOVE, .name = (char *)(uintptr_t)name};
    enum fate fate;
    int r;

    if (d->is_cut)
        return leave(d, -EIO);
    if (!found)
        return leave(d, -ENOENT);
    if (found->is_dir && has_names(d, name))
        return leave(d, -ENOTEMPTY);
    r = step(d, &fate);
    if (r < 0)
        return leave(d, r);
    op.number = d->steps;
    op.inode = found->inode;
    tree_name_drop(&d->now, name, op.inode);
    pending_put(&d->pending, &op, NULL);
    release(d, op.inode);
    return leave(d, result_of(fate));
}

static int disk_rename(struct rt_disk *disk, const char *from, const char *to)
{
    struct sim_disk *d = enter(disk);
    const struct name *found = tree_find(&d->now, from), *old = tree_find(&d->now, to);
    size_t replaced = old ? old->inode : SIZE_MAX;
    struct operation op = {.kind = OPERATION_RENAME,
                           .name = (char *)(uintptr_t)from,
                           .new_name = (char *)(uintptr_t)to,
                           .needs_old_dir = true,
                           .needs_new_dir = true};
    enum fate fate;
    int r;

    if (d->is_cut)
        return leave(d, -EIO);
    if (!found || !has_directory(d, to))
        return leave(d, -ENOENT);
    if (found->is_dir || (old && old->is_dir))
        return leave(d, -EISDIR); // nobody here renames directories
    r = step(d, &fate);
    if (r < 0)
        return leave(d, r);
    op.number = d->steps;
    op.inode = found->inode;
    tree_name_drop(&d->now, from, op.inode);
    tree_name_put(&d->now, to, op.inode, false);
    pending_put(&d->pending, &op, NULL);
    if (replaced != SIZE_MAX && replaced != op.inode)
        release(d, replaced);
    return leave(d, result_of(fate));
}

static int disk_sync_dir(struct rt_disk *disk, const char *dir)
{
    struct sim_disk *d = enter(disk);
    enum fate fate;
    int r = step(d, &fate);

    if (r < 0 || fate == POWER_GOES)
        return leave(d, r < 0 ? r : -EIO);
    if (!d->is_lying)
        pending_sync_dir(&d->pending, dir, &d->durable);
    return leave(d, 0);
}

static int disk_list(struct rt_disk *disk, const char *dir,
                     int (*each)(void *arg, const char *name), void *arg)
{
    struct sim_disk *d = enter(disk);
    struct tree seen;
    int r = d->is_cut ? -EIO : 0;

    tree_clone(&d->now, &seen); // `each` may use the disk
    leave(d, 0);
    if (*dir && !tree_find(&seen, dir))
        r = -ENOENT;
    for (size_t i = 0; r == 0 && i < seen.name_count; i++) {
        if (is_below(seen.names[i].text, dir))
            r = each(arg, seen.names[i].text + (*dir ? strlen(dir) + 1 : 0));
    }
    tree_done(&seen);
    return r;
}

static int disk_free_bytes(struct rt_disk *disk, uint64_t *out)
{
    struct sim_disk *d = enter(disk);

    if (d->is_cut)
        return leave(d, -EIO);
    *out = d->capacity == UINT64_MAX         ? (uint64_t)1 << 40
           : d->capacity > d->now.page_count ? (d->capacity - d->now.page_count) * TREE_PAGE
                                             : 0;
    return leave(d, 0);
}

static const struct rt_disk_ops ops = {
    .close = disk_close,
    .path = disk_path,
    .file_open = file_open,
    .file_close = file_close,
    .file_read = file_read,
    .file_write = file_write,
    .file_sync = file_sync,
    .file_truncate = file_truncate,
    .file_punch = file_punch,
    .file_reserve = file_reserve,
    .file_size = file_size,
    .file_lock = file_lock,
    .mkdir = disk_mkdir,
    .remove = disk_remove,
    .rename = disk_rename,
    .sync_dir = disk_sync_dir,
    .list = disk_list,
    .free_bytes = disk_free_bytes,
};
