// SPDX-License-Identifier: ISC
#include "store/local/segments.h"

#include "base/check.h"
#include "log/log.h"
#include "store/engine.h"

#include <errno.h>

enum { OPEN_MAX = 256 }; // files kept open for reading

static const char the_zeros[8];

void segment_name(uint32_t id, char out[32])
{
    snprintf(out, 32, "segments/%06u", id);
}

uint32_t segment_id(const char *name)
{
    uint64_t id;

    if (strlen(name) < 6 || !str_to_u64(str_from(name), INT32_MAX, &id))
        return 0;
    return (uint32_t)id;
}

void segments_init(struct segments *s, struct rt_disk *disk, uint64_t roll_bytes)
{
    uint64_t seed[2] = {1, 2};

    *s = (struct segments){.disk = disk, .roll_bytes = roll_bytes};
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->by_id, seed);
}

void segments_done(struct segments *s)
{
    void *value;

    for (size_t at = 0; map_next(&s->by_id, &at, NULL, &value);) {
        rt_file_close(((struct segment *)value)->file);
        free(value);
    }
    map_done(&s->by_id);
    free(s->deltas);
    free(s->changed);
    free(s->iov);
    pthread_mutex_destroy(&s->lock);
}

struct segment *segments_load(struct segments *s, uint32_t id, uint64_t size, uint64_t live_count,
                              uint64_t live_bytes)
{
    struct segment *segment = store_alloc(sizeof(*segment));

    segment->id = id;
    segment->size = size;
    segment->live_count = live_count;
    segment->live_bytes = live_bytes;
    pthread_mutex_lock(&s->lock);
    map_put_u64(&s->by_id, id, segment);
    pthread_mutex_unlock(&s->lock);
    if (!s->current || id > s->current->id) {
        s->current = segment;
        s->at = size;
    }
    return segment;
}

struct segment *segments_find(struct segments *s, uint32_t id)
{
    return map_get_u64(&s->by_id, id);
}

// ---- reading

/// Under the lock: closes one that nobody uses.
static void close_one(struct segments *s)
{
    void *value;

    for (size_t at = 0; map_next(&s->by_id, &at, NULL, &value);) {
        struct segment *segment = value;

        if (segment->file && !segment->users && segment != s->current) {
            rt_file_close(segment->file);
            segment->file = NULL;
            s->open_count--;
            return;
        }
    }
}

static int open_file(struct segments *s, struct segment *segment, unsigned flags)
{
    char name[32];
    int r;

    if (segment->file)
        return 0;
    if (s->open_count >= OPEN_MAX)
        close_one(s);
    segment_name(segment->id, name);
    r = rt_file_open(s->disk, name, flags, &segment->file);
    if (r < 0)
        return r;
    s->open_count++;
    return 0;
}

int segments_enter(struct segments *s, uint32_t id, struct segment **out)
{
    struct segment *segment;
    int r = -ENOENT;

    pthread_mutex_lock(&s->lock);
    segment = map_get_u64(&s->by_id, id);
    if (segment)
        r = open_file(s, segment, 0);
    if (r == 0)
        segment->users++;
    pthread_mutex_unlock(&s->lock);
    *out = r == 0 ? segment : NULL;
    return r;
}

void segments_leave(struct segments *s, struct segment *segment)
{
    bool last;

    if (!segment)
        return;
    pthread_mutex_lock(&s->lock);
    last = --segment->users == 0 && segment->gone;
    pthread_mutex_unlock(&s->lock);
    if (last) {
        rt_file_close(segment->file);
        free(segment);
    }
}

void segments_pin(struct segments *s, uint32_t id, int by)
{
    struct segment *segment;

    pthread_mutex_lock(&s->lock);
    segment = map_get_u64(&s->by_id, id);
    if (segment)
        segment->pins += (unsigned)by;
    pthread_mutex_unlock(&s->lock);
}

bool segments_is_pinned(struct segments *s, const struct segment *segment)
{
    bool is_pinned;

    pthread_mutex_lock(&s->lock);
    is_pinned = segment->pins > 0;
    pthread_mutex_unlock(&s->lock);
    return is_pinned;
}

int segments_remove(struct segments *s, struct segment *segment)
{
    char name[32];
    bool last;
    int r;

    segment_name(segment->id, name);
    r = rt_disk_remove(s->disk, name);
    if (r < 0 && r != -ENOENT)
        return r;
    pthread_mutex_lock(&s->lock);
    map_take_u64(&s->by_id, segment->id);
    segment->gone = true;
    if (segment->file)
        s->open_count--;
    last = !segment->users;
    pthread_mutex_unlock(&s->lock);
    if (last) {
        rt_file_close(segment->file);
        free(segment);
    }
    return 0;
}

// ---- appending

bool segments_are_full(const struct segments *s)
{
    return !s->current || s->current->size >= s->roll_bytes;
}

static int create(struct segments *s, uint32_t id, struct segment **out)
{
    struct segment *segment = store_alloc(sizeof(*segment));
    int r;

    segment->id = id;
    pthread_mutex_lock(&s->lock);
    r = open_file(s, segment, RT_FILE_CREATE);
    pthread_mutex_unlock(&s->lock);
    if (r == 0)
        r = rt_file_truncate(segment->file, 0); // of a crash, past all the index knows
    if (r == 0)
        r = rt_disk_sync_dir(s->disk, "segments");
    if (r < 0) {
        rt_file_close(segment->file);
        free(segment);
        return r;
    }
    *out = segment;
    return 0;
}

int segments_roll(struct segments *s, uint32_t id)
{
    struct segment *segment;
    int r;

    r = segments_sync(s);
    if (r < 0)
        return -EIO;
    r = create(s, id, &segment);
    if (r < 0)
        return r;
    pthread_mutex_lock(&s->lock);
    map_put_u64(&s->by_id, id, segment);
    s->current = segment;
    pthread_mutex_unlock(&s->lock);
    segments_mark(s, segment);
    s->at = 0;
    return 0;
}

void segments_mark(struct segments *s, struct segment *segment)
{
    if (segment->changed)
        return;
    segment->changed = true;
    STORE_GROW(s->changed, s->changed_count, s->changed_cap);
    s->changed[s->changed_count++] = segment;
}

uint64_t segments_take(struct segments *s, uint64_t len)
{
    uint64_t at = s->at;

    CHECK(len % 8 == 0);
    s->at += len;
    segments_mark(s, s->current);
    return at;
}

void segments_add(struct segments *s, struct str bytes, size_t pad)
{
    if (bytes.len) {
        STORE_GROW(s->iov, s->iov_count, s->iov_cap);
        s->iov[s->iov_count++] = (struct iovec){(void *)bytes.ptr, bytes.len};
    }
    if (pad) {
        STORE_GROW(s->iov, s->iov_count, s->iov_cap);
        s->iov[s->iov_count++] = (struct iovec){(void *)the_zeros, pad};
    }
}

void segments_count(struct segments *s, struct segment *segment, int64_t count, int64_t bytes)
{
    STORE_GROW(s->deltas, s->delta_count, s->delta_cap);
    s->deltas[s->delta_count++] = (struct segment_delta){segment, count, bytes};
    segments_mark(s, segment);
}

int segments_write(struct segments *s)
{
    int r;

    if (!s->iov_count)
        return 0;
    r = rt_file_write(s->current->file, s->iov, (int)s->iov_count, s->current->size);
    s->iov_count = 0;
    if (r < 0) {
        log_failure("store/local", "write segment", r);
        rt_file_truncate(s->current->file, s->current->size);
        return r;
    }
    s->current->unsynced = true;
    return 0;
}

int segments_sync(struct segments *s)
{
    int r;

    if (!s->current || !s->current->unsynced)
        return 0;
    r = rt_file_sync(s->current->file);
    if (r == 0)
        s->current->unsynced = false;
    return r;
}

static void end_group(struct segments *s)
{
    s->delta_count = 0;
    s->iov_count = 0;
    s->at = s->current ? s->current->size : 0;
}

void segments_publish(struct segments *s, bool recorded)
{
    for (size_t i = 0; recorded && i < s->changed_count; i++)
        s->changed[i]->changed = false;
    if (recorded)
        s->changed_count = 0;
    pthread_mutex_lock(&s->lock);
    if (s->current)
        s->current->size = s->at;
    for (size_t i = 0; i < s->delta_count; i++) {
        struct segment_delta *d = &s->deltas[i];

        d->segment->live_count += (uint64_t)d->count;
        d->segment->live_bytes += (uint64_t)d->bytes;
    }
    pthread_mutex_unlock(&s->lock);
    end_group(s);
}

void segments_abort(struct segments *s)
{
    end_group(s);
}
