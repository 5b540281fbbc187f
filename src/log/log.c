// SPDX-License-Identifier: ISC
//
// Two buffers under one lock: callers append to the one, the writer thread writes the other. When
// the writer falls behind (a full pipe), lines are dropped and counted, and the count is logged:
// mail is never held up by its log.
#include "log/log.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PENDING_MAX = 4 << 20 }; // bytes waiting for the writer

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t writer;
    bool running, stopping;
    int fd;
    struct buf pending;
    uint64_t dropped;
    void (*sink)(void *arg, struct str line);
    void *sink_arg;
} the_log = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .fd = 2};

/// Who keeps the stories. Set before there are threads that log, and after they have gone.
static struct {
    void (*_Atomic put)(void *arg, uint64_t mail_id, int64_t wall_us, const char *where,
                        struct str text);
    void *arg;
} the_stories;

static _Atomic enum log_level least_level = LOG_INFO;
static int64_t system_wall_us(void);
static int64_t (*_Atomic clock_us)(void) = system_wall_us;

static int64_t system_wall_us(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

static void write_all(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; // nobody to tell
        bytes = str_skip(bytes, (size_t)n);
    }
}

static void *write_lines(void *arg)
{
    struct buf out;
    (void)arg;

    buf_init(&out, PENDING_MAX);
    pthread_mutex_lock(&the_log.lock);
    for (;;) {
        struct buf swap = the_log.pending;

        if (!swap.len) {
            if (the_log.stopping)
                break;
            pthread_cond_wait(&the_log.more, &the_log.lock);
            continue;
        }
        the_log.pending = out;
        out = swap;
        pthread_mutex_unlock(&the_log.lock);
        write_all(the_log.fd, buf_str(&out));
        buf_clear(&out);
        pthread_mutex_lock(&the_log.lock);
    }
    pthread_mutex_unlock(&the_log.lock);
    buf_done(&out);
    return NULL;
}

/// Signals are for others: who ends the process blocks them in its own thread and is done.
static int start_writer(void)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&the_log.writer, NULL, write_lines, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

void log_start(int fd, enum log_level least)
{
    log_set_level(least);
    pthread_mutex_lock(&the_log.lock);
    CHECK(!the_log.running);
    the_log.fd = fd;
    the_log.stopping = false;
    buf_init(&the_log.pending, PENDING_MAX);
    CHECK(start_writer() == 0);
    the_log.running = true;
    pthread_mutex_unlock(&the_log.lock);
}

void log_stop(void)
{
    pthread_mutex_lock(&the_log.lock);
    if (!the_log.running) {
        pthread_mutex_unlock(&the_log.lock);
        return;
    }
    the_log.stopping = true;
    pthread_cond_signal(&the_log.more);
    pthread_mutex_unlock(&the_log.lock);
    pthread_join(the_log.writer, NULL);
    pthread_mutex_lock(&the_log.lock);
    the_log.running = false;
    buf_done(&the_log.pending);
    pthread_mutex_unlock(&the_log.lock);
}

void log_set_level(enum log_level least)
{
    atomic_store(&least_level, least);
}

void log_set_clock(int64_t (*wall_us)(void))
{
    atomic_store(&clock_us, wall_us ? wall_us : system_wall_us);
}

void log_set_sink(void (*sink)(void *arg, struct str line), void *arg)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.sink = sink;
    the_log.sink_arg = arg;
    pthread_mutex_unlock(&the_log.lock);
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool log_level_parse(struct str name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
        if (str_case_eq(name, str_from(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void put(struct log_line *l, struct str s)
{
    size_t room = LOG_LINE_MAX - 1 - l->len; // one byte stays for the line end

    if (s.len > room)
        s.len = room;
    if (s.len)
        memcpy(l->bytes + l->len, s.ptr, s.len);
    l->len += s.len;
}

static void put_time(struct log_line *l)
{
    int64_t now = l->wall_us;
    time_t seconds = (time_t)(now / 1000000);
    struct tm tm;
    char text[40];
    int len;

    gmtime_r(&seconds, &tm);
    len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ",
                   (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec, (int)(now / 1000 % 1000));
    put(l, str_of(text, (size_t)len));
}

static bool is_logged(enum log_level level)
{
    return level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_begin(struct log_line *l, enum log_level level, const char *where, const char *what)
{
    l->level = level;
    l->on = is_logged(level) || atomic_load_explicit(&the_stories.put, memory_order_relaxed);
    l->len = 0;
    l->mail_id = 0;
    l->where = where;
    if (!l->on)
        return;
    l->wall_us = atomic_load(&clock_us)();
    put_time(l);
    put(l, str_from(level_names[level]));
    put(l, STR(" "));
    put(l, str_from(where));
    put(l, STR(" "));
    l->story_at = l->len;
    put(l, str_from(what));
}

static void put_key(struct log_line *l, const char *key)
{
    put(l, STR(" "));
    put(l, str_from(key));
    put(l, STR("="));
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] == '=' ||
            s.ptr[i] == 0x7f || (unsigned char)s.ptr[i] >= 0x80)
            return false;
    }
    return s.len > 0;
}

// Quoted; bytes that could fool a terminal or a line reader become \xNN.
static void put_quoted(struct log_line *l, struct str s)
{
    put(l, STR("\""));
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char escape[5] = {'\\', (char)c};

        if (c == '"' || c == '\\') {
            put(l, str_of(escape, 2));
        } else if (c < ' ' || c >= 0x7f) {
            snprintf(escape, sizeof(escape), "\\x%02x", c);
            put(l, str_of(escape, 4));
        } else {
            put(l, str_of(&s.ptr[i], 1));
        }
    }
    put(l, STR("\""));
}

void log_str(struct log_line *l, const char *key, struct str value)
{
    bool cut = value.len > LOG_VALUE_MAX;

    if (!l->on)
        return;
    put_key(l, key);
    value = str_head(value, LOG_VALUE_MAX);
    if (is_plain(value))
        put(l, value);
    else
        put_quoted(l, value);
    if (cut)
        put(l, STR("..."));
}

void log_text(struct log_line *l, const char *key, const char *value)
{
    log_str(l, key, str_from(value));
}

void log_u64(struct log_line *l, const char *key, uint64_t value)
{
    char text[24];
    int len;

    if (!l->on)
        return;
    len = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    put_key(l, key);
    put(l, str_of(text, (size_t)len));
}

void log_hex(struct log_line *l, const char *key, uint64_t value)
{
    char text[24];
    int len;

    if (!l->on)
        return;
    len = snprintf(text, sizeof(text), "%llx", (unsigned long long)value);
    put_key(l, key);
    put(l, str_of(text, (size_t)len));
}

void log_errno(struct log_line *l, int error)
{
    char text[128];

    if (!l->on)
        return;
    log_text(l, "error", strerror_r(error < 0 ? -error : error, text, sizeof(text)));
}

// ---- the story of a mail

void log_set_story_sink(void (*sink)(void *arg, uint64_t mail_id, int64_t wall_us,
                                     const char *where, struct str text),
                        void *arg)
{
    the_stories.arg = arg;
    atomic_store(&the_stories.put, sink);
}

void log_mail(struct log_line *l, uint64_t mail_id)
{
    log_hex(l, "id", mail_id);
    l->mail_id = mail_id;
}

void log_story(uint64_t mail_id, const char *where, const char *what, struct str text)
{
    CLEANUP(buf_drop) struct buf story = {0};

    if (!atomic_load(&the_stories.put))
        return;
    buf_init(&story, LOG_STORY_MAX + 128);
    buf_put(&story, str_from(what));
    buf_put(&story, STR("\n"));
    buf_put(&story, str_head(text, LOG_STORY_MAX));
    the_stories.put(the_stories.arg, mail_id, atomic_load(&clock_us)(), where, buf_str(&story));
}

static void tell_story(const struct log_line *l)
{
    if (l->mail_id && atomic_load(&the_stories.put))
        the_stories.put(the_stories.arg, l->mail_id, l->wall_us, l->where,
                        str_of(l->bytes + l->story_at, l->len - l->story_at));
}

// ---- ending a line

static void note_dropped(void)
{
    if (!the_log.dropped)
        return;
    buf_putf(&the_log.pending, "log/log dropped lines=%llu\n", (unsigned long long)the_log.dropped);
    if (buf_ok(&the_log.pending))
        the_log.dropped = 0;
    the_log.pending.failed = false;
}

// Under the lock. True when the line still has to be written by the caller.
static bool hand_over(struct str line)
{
    bool was_empty = the_log.pending.len == 0;

    if (the_log.sink) {
        the_log.sink(the_log.sink_arg, line);
        return false;
    }
    if (!the_log.running)
        return true;
    note_dropped();
    buf_put(&the_log.pending, line);
    if (!buf_ok(&the_log.pending)) {
        the_log.pending.failed = false;
        the_log.dropped++;
    }
    if (was_empty) // the writer may sleep
        pthread_cond_signal(&the_log.more);
    return false;
}

void log_end(struct log_line *l)
{
    struct str line;
    bool write_now;

    if (!l->on)
        return;
    tell_story(l);
    if (!is_logged(l->level))
        return;
    l->bytes[l->len++] = '\n';
    line = str_of(l->bytes, l->len);
    pthread_mutex_lock(&the_log.lock);
    write_now = hand_over(line);
    pthread_mutex_unlock(&the_log.lock);
    if (write_now)
        write_all(the_log.fd, line);
}

void log_event(enum log_level level, const char *where, const char *what)
{
    struct log_line l;

    log_begin(&l, level, where, what);
    log_end(&l);
}

void log_failure(const char *where, const char *what, int error)
{
    struct log_line l;

    log_begin(&l, LOG_ERROR, where, what);
    log_errno(&l, error);
    log_end(&l);
}
