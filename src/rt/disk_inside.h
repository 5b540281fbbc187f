// SPDX-License-Identifier: ISC
//
// What stands behind the doors of rt/disk.h: the operating system's files (disk_os.c) or the
// simulated ones (sim/disk.c).
#pragma once

#include "rt/disk.h"

struct rt_disk_ops {
    void (*close)(struct rt_disk *disk);
    const char *(*path)(const struct rt_disk *disk);
    int (*file_open)(struct rt_disk *disk, const char *name, unsigned flags, struct rt_file **out);
    void (*file_close)(struct rt_file *file);
    ssize_t (*file_read)(struct rt_file *file, void *to, size_t len, uint64_t offset);
    int (*file_write)(struct rt_file *file, struct iovec *iov, int count, uint64_t offset);
    int (*file_sync)(struct rt_file *file);
    int (*file_truncate)(struct rt_file *file, uint64_t size);
    int (*file_punch)(struct rt_file *file, uint64_t offset, uint64_t len);
    int (*file_reserve)(struct rt_file *file, uint64_t offset, uint64_t len);
    int (*file_size)(struct rt_file *file, uint64_t *out);
    int (*file_lock)(struct rt_file *file);
    int (*mkdir)(struct rt_disk *disk, const char *name);
    int (*remove)(struct rt_disk *disk, const char *name);
    int (*rename)(struct rt_disk *disk, const char *from, const char *to);
    int (*sync_dir)(struct rt_disk *disk, const char *dir);
    int (*list)(struct rt_disk *disk, const char *dir, int (*each)(void *arg, const char *name),
                void *arg);
    int (*free_bytes)(struct rt_disk *disk, uint64_t *out);
};

struct rt_disk {
    const struct rt_disk_ops *ops;
};

struct rt_file {
    const struct rt_disk_ops *ops;
};

/// Is it "name" or "dir/name", neither empty nor "." nor ".."?
bool rt_disk_name_is_good(const char *name);
