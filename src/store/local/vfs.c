// SPDX-License-Identifier: ISC
#include "store/local/vfs.h"

#include "base/check.h"
#include "store/engine.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

enum { SHM_REGIONS_MAX = 64 };

/// The WAL index of the disk's one database.
struct shm {
    void *regions[SHM_REGIONS_MAX];
    int shared[SQLITE_SHM_NLOCK];
    bool exclusive[SQLITE_SHM_NLOCK];
    int users;
};

struct vfs {
    sqlite3_vfs base; // first; pAppData is this
    struct rt_disk *disk;
    pthread_mutex_t lock;
    struct shm shm;
    char name[40];
};

struct file {
    sqlite3_file base; // first
    struct vfs *vfs;
    struct rt_file *file;
    bool new_name; // its directory must be synced with it
    bool has_shm;
    bool delete_on_close;
    unsigned shared, exclusive; // our locks, bits
    char name[64];
};

static struct file *of(sqlite3_file *f)
{
    return (struct file *)f;
}

static int result(int error, int otherwise)
{
    if (error == 0)
        return SQLITE_OK;
    return error == -ENOSPC ? SQLITE_FULL : otherwise;
}

// ---- a file

static int on_close(sqlite3_file *f)
{
    rt_file_close(of(f)->file);
    of(f)->file = NULL;
    if (of(f)->delete_on_close)
        rt_disk_remove(of(f)->vfs->disk, of(f)->name);
    return SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *to, int len, sqlite3_int64 offset)
{
    ssize_t n = rt_file_read(of(f)->file, to, (size_t)len, (uint64_t)offset);

    if (n < 0)
        return SQLITE_IOERR_READ;
    if (n == len)
        return SQLITE_OK;
    memset((char *)to + n, 0, (size_t)(len - n));
    return SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 offset)
{
    struct iovec iov = {(void *)from, (size_t)len};

    return result(rt_file_write(of(f)->file, &iov, 1, (uint64_t)offset), SQLITE_IOERR_WRITE);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return result(rt_file_truncate(of(f)->file, (uint64_t)size), SQLITE_IOERR_TRUNCATE);
}

static int on_sync(sqlite3_file *f, int flags)
{
    int r = rt_file_sync(of(f)->file);
    (void)flags;

    if (r == 0 && of(f)->new_name) {
        r = rt_disk_sync_dir(of(f)->vfs->disk, "");
        of(f)->new_name = r != 0;
    }
    return result(r, SQLITE_IOERR_FSYNC);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *out)
{
    uint64_t size;
    int r = rt_file_size(of(f)->file, &size);

    *out = r == 0 ? (sqlite3_int64)size : 0;
    return result(r, SQLITE_IOERR_FSTAT);
}

static int on_lock(sqlite3_file *f, int level)
{
    (void)f; // the store's own lock keeps others out; in WAL mode connections lock in shm
    (void)level;
    return SQLITE_OK;
}

static int on_check_lock(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
    (void)f;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int on_sector_size(sqlite3_file *f)
{
    (void)f;
    return 512;
}

static int on_characteristics(sqlite3_file *f)
{
    (void)f;
    return 0; // nothing is atomic, sequential or safe to append
}

// ---- shared memory

static int on_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
    struct vfs *v = of(f)->vfs;

    *out = NULL;
    if (region >= SHM_REGIONS_MAX)
        return SQLITE_FULL;
    pthread_mutex_lock(&v->lock);
    if (!of(f)->has_shm) {
        of(f)->has_shm = true;
        v->shm.users++;
    }
    if (!v->shm.regions[region] && extend)
        v->shm.regions[region] = store_alloc((size_t)size);
    *out = v->shm.regions[region];
    pthread_mutex_unlock(&v->lock);
    return SQLITE_OK;
}

static bool can_lock(const struct file *file, int i, bool exclusive)
{
    const struct shm *shm = &file->vfs->shm;
    int others = shm->shared[i] - (file->shared >> i & 1 ? 1 : 0);

    if (shm->exclusive[i] && !(file->exclusive >> i & 1))
        return false;
    return !exclusive || others == 0;
}

static void lock_one(struct file *file, int i, bool exclusive)
{
    if (exclusive) {
        file->vfs->shm.exclusive[i] = true;
        file->exclusive |= 1u << i;
    } else if (!(file->shared >> i & 1)) {
        file->vfs->shm.shared[i]++;
        file->shared |= 1u << i;
    }
}

static void unlock_one(struct file *file, int i)
{
    if (file->exclusive >> i & 1)
        file->vfs->shm.exclusive[i] = false;
    if (file->shared >> i & 1)
        file->vfs->shm.shared[i]--;
    file->exclusive &= ~(1u << i);
    file->shared &= ~(1u << i);
}

static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    struct vfs *v = of(f)->vfs;
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    int r = SQLITE_OK;

    pthread_mutex_lock(&v->lock);
    if (flags & SQLITE_SHM_UNLOCK) {
        for (int i = offset; i < offset + n; i++)
            unlock_one(of(f), i);
    } else {
        for (int i = offset; i < offset + n; i++) {
            if (!can_lock(of(f), i, exclusive))
                r = SQLITE_BUSY;
        }
        for (int i = offset; r == SQLITE_OK && i < offset + n; i++)
            lock_one(of(f), i, exclusive);
    }
    pthread_mutex_unlock(&v->lock);
    return r;
}

static void on_shm_barrier(sqlite3_file *f)
{
    atomic_thread_fence(memory_order_seq_cst);
    pthread_mutex_lock(&of(f)->vfs->lock);
    pthread_mutex_unlock(&of(f)->vfs->lock);
}

static void shm_free(struct shm *shm)
{
    for (int i = 0; i < SHM_REGIONS_MAX; i++) {
        free(shm->regions[i]);
        shm->regions[i] = NULL;
    }
}

static int on_shm_unmap(sqlite3_file *f, int delete_it)
{
    struct vfs *v = of(f)->vfs;
    (void)delete_it;

    pthread_mutex_lock(&v->lock);
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
        unlock_one(of(f), i);
    if (of(f)->has_shm && --v->shm.users == 0)
        shm_free(&v->shm);
    of(f)->has_shm = false;
    pthread_mutex_unlock(&v->lock);
    return SQLITE_OK;
}

static const sqlite3_io_methods the_methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_lock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

// ---- the file system

static int on_open(sqlite3_vfs *base, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct vfs *v = base->pAppData;
    struct file *file = of(f);
    struct rt_file *there;
    int r;

    *file = (struct file){.vfs = v};
    if (!name)
        return SQLITE_CANTOPEN; // temporary files are kept in memory
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->delete_on_close = flags & SQLITE_OPEN_DELETEONCLOSE;
    r = rt_file_open(v->disk, name, 0, &there);
    if (r == -ENOENT && flags & SQLITE_OPEN_CREATE) {
        r = rt_file_open(v->disk, name, RT_FILE_CREATE, &there);
        file->new_name = !(flags & SQLITE_OPEN_MAIN_DB);
    }
    if (r < 0)
        return SQLITE_CANTOPEN;
    file->file = there;
    file->base.pMethods = &the_methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *base, const char *name, int sync_dir)
{
    struct vfs *v = base->pAppData;
    int r = rt_disk_remove(v->disk, name);

    if (r == -ENOENT)
        return SQLITE_IOERR_DELETE_NOENT;
    if (r == 0 && sync_dir)
        r = rt_disk_sync_dir(v->disk, "");
    return result(r, SQLITE_IOERR_DELETE);
}

static int on_access(sqlite3_vfs *base, const char *name, int flags, int *out)
{
    struct vfs *v = base->pAppData;
    struct rt_file *file;
    int r = rt_file_open(v->disk, name, RT_FILE_READ_ONLY, &file);
    (void)flags;

    *out = r == 0;
    if (r == 0)
        rt_file_close(file);
    return r == 0 || r == -ENOENT ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

static int on_full_path(sqlite3_vfs *base, const char *name, int max, char *out)
{
    (void)base;
    snprintf(out, (size_t)max, "%s", name);
    return SQLITE_OK;
}

static int on_randomness(sqlite3_vfs *base, int len, char *out)
{
    (void)base; // the same in every run
    memset(out, 0x5a, (size_t)len);
    return len;
}

static int on_sleep(sqlite3_vfs *base, int us)
{
    (void)base;
    return us;
}

static int on_time(sqlite3_vfs *base, sqlite3_int64 *out)
{
    (void)base;
    *out = 210866760000000 + (sqlite3_int64)1700000000 * 1000;
    return SQLITE_OK;
}

static int on_old_time(sqlite3_vfs *base, double *out)
{
    sqlite3_int64 ms;

    on_time(base, &ms);
    *out = (double)ms / 86400000.0;
    return SQLITE_OK;
}

int sim_vfs_register(struct rt_disk *disk, const char **out_name)
{
    static _Atomic unsigned count;
    struct vfs *v = store_alloc(sizeof(*v));

    snprintf(v->name, sizeof(v->name), "carteiro-sim-%u", atomic_fetch_add(&count, 1));
    v->disk = disk;
    pthread_mutex_init(&v->lock, NULL);
    v->base = (sqlite3_vfs){.iVersion = 2,
                            .szOsFile = sizeof(struct file),
                            .mxPathname = 60,
                            .zName = v->name,
                            .pAppData = v,
                            .xOpen = on_open,
                            .xDelete = on_delete,
                            .xAccess = on_access,
                            .xFullPathname = on_full_path,
                            .xRandomness = on_randomness,
                            .xSleep = on_sleep,
                            .xCurrentTime = on_old_time,
                            .xCurrentTimeInt64 = on_time};
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        free(v);
        return -ENOMEM;
    }
    *out_name = v->name;
    return 0;
}

void sim_vfs_unregister(const char *name)
{
    sqlite3_vfs *base = sqlite3_vfs_find(name);
    struct vfs *v;

    CHECK(base);
    v = base->pAppData;
    sqlite3_vfs_unregister(base);
    shm_free(&v->shm);
    pthread_mutex_destroy(&v->lock);
    free(v);
}
