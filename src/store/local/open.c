// SPDX-License-Identifier: ISC
//
// Opening and recovery. The index is the truth of what was acknowledged. What lies behind the size
// it records for the last segment was never acknowledged and is cut; nothing else ever is. A
// segment that is shorter than recorded is damage: it is reported and served as far as it goes.
#include "base/check.h"
#include "log/log.h"
#include "store/local/local.h"
#include "store/local/vfs.h"

#include <errno.h>

enum { SEGMENT_BYTES = 64 << 20, FREE_BYTES_MIN = 64 << 20 };

struct found_segments {
    struct local *l;
    uint32_t newer; // files past all that the index knows
    uint32_t newest;
    bool any;
};

int local_reserve(struct local *l)
{
    struct rt_file *file;
    uint64_t size;
    int r;

    if (l->config.segment_bytes < RESERVE_BYTES)
        return 0; // a test's
    r = rt_file_open(l->disk, "reserve", RT_FILE_CREATE, &file);
    if (r < 0)
        return r;
    r = rt_file_size(file, &size);
    if (r == 0 && size < RESERVE_BYTES)
        r = rt_file_reserve(file, 0, RESERVE_BYTES);
    rt_file_close(file);
    return r;
}

static int take_lock(struct local *l)
{
    int r;

    r = rt_file_open(l->disk, "lock", RT_FILE_CREATE, &l->lock);
    if (r < 0)
        return r;
    return rt_file_lock(l->lock);
}

// ---- segments

static void report(const char *what, uint32_t id, uint64_t found, uint64_t expected)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "store/local", what);
    log_u64(&line, "segment", id);
    log_u64(&line, "found", found);
    log_u64(&line, "expected", expected);
    log_end(&line);
}

static int look_at_file(void *arg, const char *name)
{
    struct found_segments *found = arg;
    uint32_t id = segment_id(name);

    found->any |= id != 0;
    if (!id || segments_find(&found->l->segments, id))
        return 0;
    if (found->l->segments.current && id < found->l->segments.current->id)
        return 0;
    found->newer++;
    found->newest = id;
    return 0;
}

/// Left by a crash between the index commit that forgot them and their removal, or between their
/// making and the commit that would have named them.
static int remove_unknown(void *arg, const char *name)
{
    struct local *l = arg;
    uint32_t id = segment_id(name);
    char path[32];

    if (!id || segments_find(&l->segments, id))
        return 0;
    report("removed a segment the index does not know", id, 0, 0);
    segment_name(id, path);
    return rt_disk_remove(l->disk, path);
}

static int cut_tail(struct local *l)
{
    struct segment *current;
    uint64_t size;
    int r;

    if (!l->segments.current)
        return 0;
    r = segments_enter(&l->segments, l->segments.current->id, &current);
    if (r == -ENOENT) {
        report("segment is missing", l->segments.current->id, 0, l->segments.current->size);
        return r;
    }
    if (r < 0)
        return r;
    segments_leave(&l->segments, current); // stays open: it is the current one
    r = rt_file_size(current->file, &size);
    if (r < 0)
        return r;
    if (size < current->size)
        report("segment is shorter than the index says", current->id, size, current->size);
    if (size > current->size)
        r = rt_file_truncate(current->file, current->size);
    return r;
}

static int recover_segments(struct local *l)
{
    struct found_segments found = {.l = l};
    int r;

    r = rt_disk_list(l->disk, "segments", look_at_file, &found);
    if (r < 0)
        return r;
    if (found.newer > 1) {
        // more than a crash can leave: the index is older than the mail
        report("index is older than the segments; restore it, or rebuild it", found.newest,
               found.newer, 1);
        return -EUCLEAN;
    }
    if (l->config.read_only)
        return 0;
    r = rt_disk_list(l->disk, "segments", remove_unknown, l);
    if (r < 0)
        return r;
    return cut_tail(l);
}

// ---- the index

static int open_index(struct local *l)
{
    int version, r;

    r = index_open(&l->index, l->index_path, l->vfs, INDEX_MAY_CREATE);
    if (r < 0)
        return r;
    r = index_version(&l->index, &version);
    if (r < 0)
        return r;
    if (version == 0) {
        struct found_segments found = {.l = l};

        r = rt_disk_list(l->disk, "segments", look_at_file, &found);
        if (r == 0 && found.any) {
            log_event(LOG_ERROR, "store/local",
                      "the index is lost but segments are there: rebuild");
            r = -EUCLEAN;
        }
    }
    if (r == 0)
        r = index_upgrade(&l->index, version);
    if (r == 0 && version == 0)
        r = rt_disk_sync_dir(l->disk, "");
    if (r == 0)
        r = index_load(&l->index, l->store.catalog, &l->segments);
    return r;
}

static int make_directories(struct local *l)
{
    int r;

    r = rt_disk_mkdir(l->disk, "segments");
    if (r < 0 && r != -EEXIST)
        return r;
    return rt_disk_sync_dir(l->disk, "");
}

static int find_index(struct local *l)
{
    const char *path = rt_disk_path(l->disk);
    size_t size;

    if (!path) {
        l->index_path = strdup("index.db");
        return sim_vfs_register(l->disk, &l->vfs);
    }
    size = strlen(path) + sizeof("/index.db");
    l->index_path = store_alloc(size);
    snprintf(l->index_path, size, "%s/index.db", path);
    return 0;
}

static struct local *new_local(const struct store_local_config *config, struct rt *rt)
{
    struct local *l = store_alloc(sizeof(*l));

    l->config = *config;
    l->disk = config->disk;
    if (!l->config.segment_bytes)
        l->config.segment_bytes = SEGMENT_BYTES;
    if (!l->config.free_bytes_min)
        l->config.free_bytes_min = FREE_BYTES_MIN;
    l->store.rt = rt;
    l->store.bodies_memory = config->bodies_memory;
    l->store.catalog = catalog_new(rt);
    pthread_mutex_init(&l->readers_lock, NULL);
    pthread_mutex_init(&l->dead_lock, NULL);
    segments_init(&l->segments, l->disk, l->config.segment_bytes);
    local_rows_init(l);
    return l;
}

int local_open(const struct store_local_config *config, struct rt *rt, struct local **out)
{
    struct local *l = new_local(config, rt);
    int r;

    r = take_lock(l);
    if (r == 0)
        r = make_directories(l);
    if (r == 0)
        r = find_index(l);
    if (r == 0)
        r = open_index(l);
    if (r == 0)
        r = recover_segments(l);
    if (r == 0 && !l->config.read_only)
        l->reserve_gone = local_reserve(l) < 0;
    if (r < 0) {
        local_close(l);
        return r;
    }
    *out = l;
    return 0;
}

int local_open_bare(struct rt_disk *disk, struct local **out)
{
    struct store_local_config config = {.disk = disk};
    struct local *l = new_local(&config, NULL);
    int r;

    r = take_lock(l);
    if (r == 0)
        r = find_index(l);
    if (r < 0) {
        local_close(l);
        return r;
    }
    *out = l;
    return 0;
}

void local_close(struct local *l)
{
    while (l->readers) {
        struct local_reader *reader = l->readers;

        l->readers = reader->next;
        index_close(&reader->index);
        free(reader);
    }
    index_close(&l->index);
    if (l->vfs)
        sim_vfs_unregister(l->vfs);
    segments_done(&l->segments);
    catalog_free(l->store.catalog);
    rt_file_close(l->lock);
    free(l->index_path);
    free(l->pending);
    free(l->dead);
    free(l->dead_ready);
    buf_done(&l->headers);
    pthread_mutex_destroy(&l->readers_lock);
    pthread_mutex_destroy(&l->dead_lock);
    free(l);
}

// ---- readers

int local_reader_take(struct local *l, struct local_reader **out)
{
    struct local_reader *reader;
    int r;

    pthread_mutex_lock(&l->readers_lock);
    reader = l->readers;
    if (reader)
        l->readers = reader->next;
    pthread_mutex_unlock(&l->readers_lock);
    if (!reader) {
        reader = store_alloc(sizeof(*reader));
        r = index_open(&reader->index, l->index_path, l->vfs, INDEX_READ);
        if (r < 0) {
            free(reader);
            return r;
        }
    }
    *out = reader;
    return 0;
}

void local_reader_give(struct local *l, struct local_reader *reader)
{
    bool failed = reader->index.error != 0;

    if (!sqlite3_get_autocommit(reader->index.db))
        sqlite3_exec(reader->index.db, "ROLLBACK", NULL, NULL, NULL);
    if (failed) {
        index_close(&reader->index);
        free(reader);
        return;
    }
    pthread_mutex_lock(&l->readers_lock);
    reader->next = l->readers;
    l->readers = reader;
    pthread_mutex_unlock(&l->readers_lock);
}
