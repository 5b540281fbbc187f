// SPDX-License-Identifier: ISC
//
// Lines come from every thread and are put into one buffer under a lock; a thread writes them a
// moment later, those of one mail together in one row. When it falls behind, lines are lost and
// counted: mail is never held up by its story.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "trace/day.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    GATHER_MS = 250, // lines of one mail that come within this share a row
    ROW_BYTES_MAX = 1 << 20,
    DAYS_MAX = 4000, // files in the directory
    RETRY_S = 60,    // after a file could not be written
};

/// One line as it waits; `len` bytes of text follow.
struct waiting {
    uint64_t mail_id;
    int64_t at_us;
    const char *where; // a literal
    size_t len;
};

struct trace {
    char dir[TRACE_PATH_MAX];
    _Atomic uint64_t keep_days;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t more, written;
    // under the lock
    struct buf pending;
    uint64_t dropped;
    uint64_t asked, done; // flushes
    bool is_stopping;
    // the writer's
    struct trace_day day;
    struct trace_packer *packer;
    struct buf taken, plain, packed;
    time_t not_before;
};

// ---- lines come

static void take_line(void *arg, uint64_t mail_id, int64_t wall_us, const char *where,
                      struct str text)
{
    struct trace *t = arg;
    struct waiting line = {mail_id, wall_us, where, text.len};
    bool was_empty;

    pthread_mutex_lock(&t->lock);
    was_empty = t->pending.len == 0;
    if (t->pending.len + sizeof(line) + text.len > TRACE_PENDING_MAX) {
        t->dropped++;
    } else {
        buf_put(&t->pending, str_of(&line, sizeof(line)));
        buf_put(&t->pending, text);
    }
    pthread_mutex_unlock(&t->lock);
    if (was_empty)
        pthread_cond_signal(&t->more);
}

// ---- rows

struct place {
    uint64_t mail_id;
    size_t at; // in `taken`
};

static int by_mail(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->mail_id != y->mail_id)
        return x->mail_id < y->mail_id ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static struct waiting line_at(const struct trace *t, size_t at, struct str *text)
{
    struct waiting line;

    memcpy(&line, t->taken.ptr + at, sizeof(line));
    *text = str_of(t->taken.ptr + at + sizeof(line), line.len);
    return line;
}

static struct place *sort_lines(const struct trace *t, size_t *out_count)
{
    size_t count = 0, cap = 0;
    struct place *places = NULL;
    struct str text;

    for (size_t at = 0; at < t->taken.len;) {
        struct waiting line = line_at(t, at, &text);

        if (count == cap) {
            cap = cap ? cap * 2 : 256;
            places = realloc(places, cap * sizeof(*places));
            CHECK(places);
        }
        places[count++] = (struct place){line.mail_id, at};
        at += sizeof(line) + line.len;
    }
    if (count > 0)
        qsort(places, count, sizeof(*places), by_mail);
    *out_count = count;
    return places;
}

/// Several lines of a mail name the same words.
struct adding {
    struct trace *trace;
    int result;
    uint64_t keys[8]; // the last that were added to this row
    unsigned count;
};

static void add_key(void *arg, uint64_t key)
{
    struct adding *a = arg;

    for (unsigned i = 0; i < a->count && i < 8; i++) {
        if (a->keys[i] == key)
            return;
    }
    if (a->result == 0)
        a->result = trace_day_add_key(&a->trace->day, key);
    a->keys[a->count++ % 8] = key;
}

/// Some lines of one mail, as one row. *io_at moves behind them.
static int write_row(struct trace *t, const struct place *places, size_t count, size_t *io_at)
{
    size_t first = *io_at, i;
    struct adding adding = {.trace = t};
    struct str text;
    int64_t begun = line_at(t, places[first].at, &text).at_us;
    int r;

    buf_clear(&t->plain);
    buf_clear(&t->packed);
    for (i = first;
         i < count && places[i].mail_id == places[first].mail_id && t->plain.len < ROW_BYTES_MAX;
         i++) {
        struct waiting line = line_at(t, places[i].at, &text);

        trace_pack_line(&t->plain, line.at_us > begun ? (uint64_t)(line.at_us - begun) : 0,
                        str_from(line.where), text);
    }
    trace_pack(t->packer, buf_str(&t->plain), &t->packed);
    r = trace_day_add(&t->day, places[first].mail_id, begun, buf_str(&t->packed));
    if (r == 0)
        r = trace_day_add_key(&t->day, places[first].mail_id);
    for (size_t k = first; k < i && r == 0; k++) {
        line_at(t, places[k].at, &text);
        trace_each_key(text, add_key, &adding);
        r = adding.result;
    }
    *io_at = i;
    return r;
}

// ---- files

static void remove_old(struct trace *t, int64_t today)
{
    int64_t *days = calloc(DAYS_MAX, sizeof(*days));
    int count, keep = (int)atomic_load(&t->keep_days);
    char path[TRACE_PATH_MAX], beside[TRACE_PATH_MAX + 8];

    CHECK(days);
    count = trace_days(t->dir, days, DAYS_MAX);
    for (int i = 0; i < count; i++) {
        if (days[i] > today - keep || trace_day_path(t->dir, days[i], path) < 0)
            continue;
        unlink(path);
        snprintf(beside, sizeof beside, "%s-wal", path);
        unlink(beside);
        snprintf(beside, sizeof beside, "%s-shm", path);
        unlink(beside);
    }
    free(days);
}

static int open_today(struct trace *t)
{
    struct timeval now;
    int64_t today;
    int r;

    gettimeofday(&now, NULL);
    today = trace_day_of((int64_t)now.tv_sec * 1000000);
    if (t->day.db && t->day.day == today)
        return 0;
    if (now.tv_sec < t->not_before)
        return -EAGAIN;
    trace_day_close(&t->day);
    remove_old(t, today);
    r = trace_day_open(&t->day, t->dir, today);
    if (r < 0) {
        log_failure("trace/keep", "no stories for now: open the day's file", r);
        t->not_before = now.tv_sec + RETRY_S;
    }
    return r;
}

static void write_taken(struct trace *t)
{
    CLEANUP(free_drop) struct place *places = NULL;
    size_t count, at = 0;
    int r = open_today(t);

    if (r < 0)
        return;
    places = sort_lines(t, &count);
    r = trace_day_begin(&t->day);
    while (at < count && r == 0)
        r = write_row(t, places, count, &at);
    if (r == 0)
        r = trace_day_commit(&t->day);
    if (r == 0)
        return;
    log_failure("trace/keep", "stories are lost: write the day's file", r);
    trace_day_close(&t->day);
    t->not_before = time(NULL) + RETRY_S;
}

// ---- the writer

static void gather(struct trace *t)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATHER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!t->is_stopping && t->asked == t->done && t->pending.len < TRACE_PENDING_MAX / 4 &&
           pthread_cond_timedwait(&t->more, &t->lock, &until) == 0)
        ;
}

/// Apart, so that its line is not on the stack while a batch is written.
__attribute__((noinline)) static void log_dropped(uint64_t lines)
{
    struct log_line l;

    log_begin(&l, LOG_WARN, "trace/keep", "too much at once, parts of stories are lost");
    log_u64(&l, "lines", lines);
    log_end(&l);
}

/// Under the lock, which it gives up while it writes.
static void write_pending(struct trace *t)
{
    struct buf swap = t->pending;
    uint64_t asked = t->asked, dropped = t->dropped;

    t->pending = t->taken;
    t->taken = swap;
    t->dropped = 0;
    pthread_mutex_unlock(&t->lock);
    if (dropped > 0)
        log_dropped(dropped);
    if (t->taken.len > 0)
        write_taken(t);
    buf_clear(&t->taken);
    pthread_mutex_lock(&t->lock);
    t->done = asked;
    pthread_cond_broadcast(&t->written);
}

static void *write_stories(void *arg)
{
    struct trace *t = arg;

    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (!t->is_stopping && t->pending.len == 0 && t->asked == t->done)
            pthread_cond_wait(&t->more, &t->lock);
        gather(t);
        if (t->is_stopping && t->pending.len == 0 && t->asked == t->done)
            break;
        write_pending(t);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/// Signals are for others.
static int start_writer(struct trace *t)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&t->writer, NULL, write_stories, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

// ---- the door

static void drop(struct trace *t)
{
    trace_day_close(&t->day);
    trace_packer_free(t->packer);
    buf_done(&t->pending);
    buf_done(&t->taken);
    buf_done(&t->plain);
    buf_done(&t->packed);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->more);
    pthread_cond_destroy(&t->written);
    free(t);
}

int trace_open(const char *dir, const struct trace_config *config, struct trace **out)
{
    struct trace *t;
    int r;

    *out = NULL;
    if (config->keep_days == 0)
        return 0;
    if (strlen(dir) >= TRACE_PATH_MAX)
        return -ENAMETOOLONG;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -errno;
    t = calloc(1, sizeof(*t));
    CHECK(t);
    memcpy(t->dir, dir, strlen(dir) + 1);
    atomic_store(&t->keep_days, config->keep_days);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    pthread_cond_init(&t->written, NULL);
    buf_init(&t->pending, TRACE_PENDING_MAX);
    buf_init(&t->taken, TRACE_PENDING_MAX);
    buf_init(&t->plain, 2 * ROW_BYTES_MAX);
    buf_init(&t->packed, 3 * ROW_BYTES_MAX);
    t->packer = trace_packer_new();
    r = start_writer(t);
    if (r < 0) {
        drop(t);
        return r;
    }
    log_set_story_sink(take_line, t);
    *out = t;
    return 0;
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    log_set_story_sink(NULL, NULL);
    pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->writer, NULL);
    drop(t);
}

void trace_flush(struct trace *t)
{
    uint64_t mine;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    mine = ++t->asked;
    pthread_cond_signal(&t->more);
    while (t->done < mine)
        pthread_cond_wait(&t->written, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void trace_reconfigure(struct trace *t, const struct trace_config *config)
{
    if (t && config->keep_days > 0)
        atomic_store(&t->keep_days, config->keep_days);
}
