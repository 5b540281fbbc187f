// SPDX-License-Identifier: ISC
//
// The doors of rt/disk.h: to the operating system or to the simulator.
#include "rt/disk.h"

#include "rt/disk_inside.h"

#include <errno.h>

static bool piece_is_good(const char *piece, size_t len)
{
    if (len == 0 || len > 255)
        return false;
    return !(piece[0] == '.' && (len == 1 || (len == 2 && piece[1] == '.')));
}

bool rt_disk_name_is_good(const char *name)
{
    const char *slash = strchr(name, '/');

    if (!slash)
        return piece_is_good(name, strlen(name));
    return piece_is_good(name, (size_t)(slash - name)) && !strchr(slash + 1, '/') &&
           piece_is_good(slash + 1, strlen(slash + 1));
}

void rt_disk_close(struct rt_disk *disk)
{
    if (disk)
        disk->ops->close(disk);
}

const char *rt_disk_path(const struct rt_disk *disk)
{
    return disk->ops->path(disk);
}

int rt_file_open(struct rt_disk *disk, const char *name, unsigned flags, struct rt_file **out)
{
    return rt_disk_name_is_good(name) ? disk->ops->file_open(disk, name, flags, out) : -EINVAL;
}

void rt_file_close(struct rt_file *file)
{
    if (file)
        file->ops->file_close(file);
}

ssize_t rt_file_read(struct rt_file *file, void *to, size_t len, uint64_t offset)
{
    return file->ops->file_read(file, to, len, offset);
}

int rt_file_write(struct rt_file *file, struct iovec *iov, int count, uint64_t offset)
{
    return file->ops->file_write(file, iov, count, offset);
}

int rt_file_sync(struct rt_file *file)
{
    return file->ops->file_sync(file);
}

int rt_file_truncate(struct rt_file *file, uint64_t size)
{
    return file->ops->file_truncate(file, size);
}

int rt_file_punch(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return file->ops->file_punch(file, offset, len);
}

int rt_file_reserve(struct rt_file *file, uint64_t offset, uint64_t len)
{
    return file->ops->file_reserve(file, offset, len);
}

int rt_file_size(struct rt_file *file, uint64_t *out)
{
    return file->ops->file_size(file, out);
}

int rt_file_lock(struct rt_file *file)
{
    return file->ops->file_lock(file);
}

int rt_disk_mkdir(struct rt_disk *disk, const char *name)
{
    return rt_disk_name_is_good(name) ? disk->ops->mkdir(disk, name) : -EINVAL;
}

int rt_disk_remove(struct rt_disk *disk, const char *name)
{
    return rt_disk_name_is_good(name) ? disk->ops->remove(disk, name) : -EINVAL;
}

int rt_disk_rename(struct rt_disk *disk, const char *from, const char *to)
{
    if (!rt_disk_name_is_good(from) || !rt_disk_name_is_good(to))
        return -EINVAL;
    return disk->ops->rename(disk, from, to);
}

int rt_disk_sync_dir(struct rt_disk *disk, const char *dir)
{
    return *dir && !rt_disk_name_is_good(dir) ? -EINVAL : disk->ops->sync_dir(disk, dir);
}

int rt_disk_list(struct rt_disk *disk, const char *dir, int (*each)(void *arg, const char *name),
                 void *arg)
{
    return *dir && !rt_disk_name_is_good(dir) ? -EINVAL : disk->ops->list(disk, dir, each, arg);
}

int rt_disk_free_bytes(struct rt_disk *disk, uint64_t *out)
{
    return disk->ops->free_bytes(disk, out);
}
