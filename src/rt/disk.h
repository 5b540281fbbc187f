// SPDX-License-Identifier: ISC
//
// Files below one directory. Blocking: called from pool threads and lanes, never on a loop. The
// simulator's disk (rt/sim/disk.h) forgets unsynced writes, tears and reorders them, fills up and
// returns errors. Names are relative, one level ("index.db") or two ("segments/000001").
#pragma once

#include "base/str.h"

#include <sys/types.h>
#include <sys/uio.h>

struct rt_disk;
struct rt_file;

/// The directory `path`, which must exist. 0 or -errno.
int rt_disk_open(const char *path, struct rt_disk **out);
void rt_disk_close(struct rt_disk *disk);
/// The directory's path, or NULL when it is simulated.
const char *rt_disk_path(const struct rt_disk *disk);

enum { RT_FILE_CREATE = 1, RT_FILE_EXCLUSIVE = 2, RT_FILE_READ_ONLY = 4 };
int rt_file_open(struct rt_disk *disk, const char *name, unsigned flags, struct rt_file **out);
void rt_file_close(struct rt_file *file);
/// Bytes read, fewer than len only at the end of the file; -errno.
ssize_t rt_file_read(struct rt_file *file, void *to, size_t len, uint64_t offset);
/// All of it, or -errno (then any part may have been written). `iov` may be changed.
int rt_file_write(struct rt_file *file, struct iovec *iov, int count, uint64_t offset);
/// fdatasync. After an error nothing is known of what was written before; do not retry.
int rt_file_sync(struct rt_file *file);
int rt_file_truncate(struct rt_file *file, uint64_t size);
/// Gives the space back, reads as zeros afterwards; the size stays. -EOPNOTSUPP is harmless.
int rt_file_punch(struct rt_file *file, uint64_t offset, uint64_t len);
/// Reserves the space really. Grows the size.
int rt_file_reserve(struct rt_file *file, uint64_t offset, uint64_t len);
int rt_file_size(struct rt_file *file, uint64_t *out);
/// Takes the exclusive lock of the file for this process; -EWOULDBLOCK when another has it.
int rt_file_lock(struct rt_file *file);

int rt_disk_mkdir(struct rt_disk *disk, const char *name);
int rt_disk_remove(struct rt_disk *disk, const char *name);
int rt_disk_rename(struct rt_disk *disk, const char *from, const char *to);
/// Makes creations, removals and renames in that directory ("" is the top) durable.
int rt_disk_sync_dir(struct rt_disk *disk, const char *dir);
/// Calls each(arg, name) for every entry, no order; stops at its first non-zero, which is returned.
int rt_disk_list(struct rt_disk *disk, const char *dir, int (*each)(void *arg, const char *name),
                 void *arg);
/// Bytes an unprivileged writer could still write.
int rt_disk_free_bytes(struct rt_disk *disk, uint64_t *out);
