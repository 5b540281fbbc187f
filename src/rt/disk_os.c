// SPDX-License-Identifier: ISC
//
// Real files, below a directory that is held open. Links are not followed: the directory is ours
// alone.
#include "base/check.h"
#include "rt/disk_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct disk_os {
    struct rt_disk base;
    int fd;
    char *path;
};

struct file_os {
    struct rt_file base;
    int fd;
};

static const struct rt_disk_ops ops;

static int dir_of(const struct rt_disk *disk)
{
    return ((const struct disk_os *)(const void *)disk)->fd;
}

static int fd_of(const struct rt_file *file)
{
    return ((const struct file_os *)(const void *)file)->fd;
}

// 0 or -errno of a call that says -1.
static int done(int result)
{
    return result < 0 ? -errno : 0;
}

int rt_disk_open(const char *path, struct rt_disk **out)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct disk_os *disk;

    if (fd < 0)
        return -errno;
    disk = calloc(1, sizeof(*disk));
    CHECK(disk);
    *disk = (struct disk_os){.base.ops = &ops, .fd = fd, .path = strdup(path)};
    CHECK(disk->path);
    *out = &disk->base;
    return 0;
}

static void disk_close(struct rt_disk *base)
{
    struct disk_os *disk = (struct disk_os *)(void *)base;

    close(disk->fd);
    free(disk->path);
    free(disk);
}

static const char *disk_path(const struct rt_disk *disk)
{
    return ((const struct disk_os *)(const void *)disk)->path;
}

// ---- files

static int file_open(struct rt_disk *disk, const char *name, unsigned flags, struct rt_file **out)
{
    int mode = flags & RT_FILE_READ_ONLY ? O_RDONLY : O_RDWR;
    struct file_os *file;
    int fd;

    if (flags & (RT_FILE_CREATE | RT_FILE_EXCLUSIVE))
        mode |= O_CREAT;
    if (flags & RT_FILE_EXCLUSIVE)
        mode |= O_EXCL;
    fd = openat(dir_of(disk), name, mode | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    file = calloc(1, sizeof(*file));
    CHECK(file);
    *file = (struct file_os){.base.ops = &ops, .fd = fd};
    *out = &file->base;
    return 0;
}

static void file_close(struct rt_file *file)
{
    close(fd_of(file));
    free(file);
}

static ssize_t file_read(struct rt_file *file, void *to, size_t len, uint64_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd_of(file), (char *)to + got, len - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

// Takes `n` written bytes off the front.
static void advance(struct iovec **iov, int *count, size_t n)
{
    while (*count && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        ++*iov;
        --*count;
    }
    if (*count) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

static int file_write(struct rt_file *file, struct iovec *iov, int count, uint64_t offset)
{
    advance(&iov, &count, 0); // empty pieces
    while (count) {
        ssize_t n = pwritev(fd_of(file), iov, count < IOV_MAX ? count : IOV_MAX, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        offset += (size_t)n;
        advance(&iov, &count, (size_t)n);
    }
    return 0;
}

static int file_sync(struct rt_file *file)
{
    return done(fdatasync(fd_of(file)));
}

static int file_truncate(struct rt_file *file, uint64_t size)
{
    return done(ftruncate(fd_of(file), (off_t)size));
}

static int file_punch(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return done(fallocate(fd_of(file), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                          (off_t)len));
}

static int file_reserve(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return -posix_fallocate(fd_of(file), (off_t)offset, (off_t)len);
}

static int file_size(struct rt_file *file, uint64_t *out)
{
    struct stat st;

    if (fstat(fd_of(file), &st) < 0)
        return -errno;
    *out = (uint64_t)st.st_size;
    return 0;
}

static int file_lock(struct rt_file *file)
{
    return done(flock(fd_of(file), LOCK_EX | LOCK_NB));
}

// ---- names

static int disk_mkdir(struct rt_disk *disk, const char *name)
{
    return done(mkdirat(dir_of(disk), name, 0700));
}

static int disk_remove(struct rt_disk *disk, const char *name)
{
    int r = done(unlinkat(dir_of(disk), name, 0));

    return r == -EISDIR ? done(unlinkat(dir_of(disk), name, AT_REMOVEDIR)) : r;
}

static int disk_rename(struct rt_disk *disk, const char *from, const char *to)
{
    return done(renameat(dir_of(disk), from, dir_of(disk), to));
}

static int open_dir(struct rt_disk *disk, const char *dir)
{
    int fd = openat(dir_of(disk), *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int disk_sync_dir(struct rt_disk *disk, const char *dir)
{
    int fd = open_dir(disk, dir), r;

    if (fd < 0)
        return fd;
    r = done(fsync(fd));
    close(fd);
    return r;
}

static int disk_list(struct rt_disk *disk, const char *dir,
                     int (*each)(void *arg, const char *name), void *arg)
{
    int fd = open_dir(disk, dir), r = 0;
    DIR *stream;

    if (fd < 0)
        return fd;
    stream = fdopendir(fd);
    if (!stream) {
        r = -errno;
        close(fd);
        return r;
    }
    while (r == 0) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(stream);
        if (!entry) {
            r = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = each(arg, entry->d_name);
    }
    closedir(stream);
    return r;
}

static int disk_free_bytes(struct rt_disk *disk, uint64_t *out)
{
    struct statvfs st;

    if (fstatvfs(dir_of(disk), &st) < 0)
        return -errno;
    *out = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
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
