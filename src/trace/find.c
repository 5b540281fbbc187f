// SPDX-License-Identifier: ISC
//
// Reading stories: day by day, each file by its own connection that only reads, so that a file that
// is hurt or of another version costs its own day and no more.
#include "base/check.h"
#include "base/cleanup.h"
#include "trace/day.h"

#include <errno.h>

enum { DAYS_MAX = 4000, PLAIN_MAX = 4 << 20 };

static void sqlite_drop(sqlite3 **db)
{
    sqlite3_close(*db);
}

static void stmt_drop(sqlite3_stmt **st)
{
    sqlite3_finalize(*st);
}

/// Tells each row of `sql` that has the key. 0: go on with the next day.
static int each_row(const char *dir, int64_t day, const char *sql, uint64_t key,
                    bool (*each)(void *arg, sqlite3_stmt *st), void *arg)
{
    CLEANUP(sqlite_drop) sqlite3 *db = NULL;
    CLEANUP(stmt_drop) sqlite3_stmt *st = NULL;
    char path[TRACE_PATH_MAX];

    if (trace_day_path(dir, day, path) < 0 ||
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        return 0;
    sqlite3_bind_int64(st, 1, (int64_t)key);
    while (sqlite3_step(st) == SQLITE_ROW) {
        if (!each(arg, st))
            return 1;
    }
    return 0;
}

static int each_day(const char *dir, const char *sql, uint64_t key,
                    bool (*each)(void *arg, sqlite3_stmt *st), void *arg)
{
    CLEANUP(free_drop) int64_t *days = calloc(DAYS_MAX, sizeof(*days));
    int count;

    CHECK(days);
    count = trace_days(dir, days, DAYS_MAX);
    if (count < 0)
        return count == -ENOENT ? 0 : count;
    for (int i = 0; i < count; i++) {
        if (each_row(dir, days[i], sql, key, each, arg))
            break;
    }
    return 0;
}

// ---- which mails

struct finding {
    struct trace_mail *mails;
    size_t count, max;
};

static bool keep_mail(void *arg, sqlite3_stmt *st)
{
    struct finding *f = arg;
    uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
    int64_t at = sqlite3_column_int64(st, 1);

    for (size_t i = 0; i < f->count; i++) {
        if (f->mails[i].id != id)
            continue;
        if (at < f->mails[i].at_us)
            f->mails[i].at_us = at;
        return true;
    }
    if (f->count == f->max)
        return false;
    f->mails[f->count++] = (struct trace_mail){id, at};
    return true;
}

static bool parse_id(struct str what, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < what.len; i++) {
        if (char_hex(what.ptr[i]) < 0)
            return false;
        *out = *out << 4 | (uint64_t)char_hex(what.ptr[i]);
    }
    return what.len > 0 && what.len <= 16;
}

int trace_find(const char *dir, struct str what, size_t max, struct arena *arena,
               struct trace_mail **out, size_t *out_count)
{
    struct finding f = {.max = max < TRACE_MAILS_MAX ? max : TRACE_MAILS_MAX};
    uint64_t key;
    int r;

    f.mails = ARENA_ARRAY(arena, struct trace_mail, f.max + 1);
    if (!parse_id(what, &key))
        key = trace_key(what);
    r = each_day(dir,
                 "SELECT story.mail, story.at FROM find JOIN story ON story.id = find.story "
                 "WHERE find.key = ?1 ORDER BY find.story DESC",
                 key, keep_mail, &f);
    *out = f.mails;
    *out_count = f.count;
    return r;
}

// ---- one mail's lines

struct reading {
    struct arena *arena;
    struct trace_event *events;
    size_t count;
    struct buf plain;
};

static bool keep_events(void *arg, sqlite3_stmt *st)
{
    struct reading *r = arg;
    int64_t begun = sqlite3_column_int64(st, 0);
    struct str rest, where, text;
    uint64_t after;

    buf_clear(&r->plain);
    if (!trace_unpack(str_of(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1)),
                      &r->plain))
        return true;
    rest = buf_str(&r->plain);
    while (rest.len > 0 && trace_unpack_line(&rest, &after, &where, &text)) {
        if (r->count == TRACE_EVENTS_MAX || !arena_has_room(r->arena, where.len + text.len + 64))
            return false;
        r->events[r->count] =
            (struct trace_event){begun + (int64_t)after, (uint32_t)r->count,
                                 arena_str(r->arena, where), arena_str(r->arena, text)};
        r->count++;
    }
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct trace_event *x = a, *y = b;

    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

int trace_story(const char *dir, uint64_t mail_id, struct arena *arena, struct trace_event **out,
                size_t *out_count)
{
    struct reading reading = {.arena = arena};
    int r;

    reading.events = ARENA_ARRAY(arena, struct trace_event, TRACE_EVENTS_MAX);
    buf_init(&reading.plain, PLAIN_MAX);
    r = each_day(dir,
                 "SELECT story.at, story.events FROM find JOIN story ON story.id = find.story "
                 "WHERE find.key = ?1 AND story.mail = ?1 ORDER BY find.story",
                 mail_id, keep_events, &reading);
    buf_done(&reading.plain);
    if (reading.count > 0)
        qsort(reading.events, reading.count, sizeof(*reading.events), by_time);
    *out = reading.events;
    *out_count = reading.count;
    return r;
}
