// SPDX-License-Identifier: ISC
#include "trace/day.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#define DAY_US (INT64_C(86400) * 1000000)

// ---- names

int64_t trace_day_of(int64_t wall_us)
{
    return wall_us / DAY_US;
}

int trace_day_path(const char *dir, int64_t day, char path[TRACE_PATH_MAX])
{
    time_t seconds = (time_t)(day * 86400);
    struct tm tm;
    int len;

    gmtime_r(&seconds, &tm);
    len = snprintf(path, TRACE_PATH_MAX, "%s/%04d-%02d-%02d.db", dir, (tm.tm_year + 1900) % 10000,
                   tm.tm_mon + 1, tm.tm_mday);
    return len < TRACE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/// The day of a file's name; false when it is none of ours.
static bool parse_name(const char *name, int64_t *out)
{
    struct tm tm = {0};
    const char *end = strptime(name, "%Y-%m-%d", &tm);

    if (!end || strcmp(end, ".db") != 0)
        return false;
    *out = timegm(&tm) / 86400;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

int trace_days(const char *dir, int64_t *out, int max)
{
    DIR *d = opendir(dir);
    struct dirent *file;
    int count = 0;

    if (!d)
        return -errno;
    while (count < max && (file = readdir(d))) {
        if (parse_name(file->d_name, &out[count]))
            count++;
    }
    closedir(d);
    qsort(out, (size_t)count, sizeof(*out), newest_first);
    return count;
}

// ---- writing

static const char the_schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=OFF;" // the kernel's death may cost a story; a file that is hurt is left
    "PRAGMA wal_autocheckpoint=4000;"
    "CREATE TABLE IF NOT EXISTS story(id INTEGER PRIMARY KEY, mail INTEGER, at INTEGER,"
    " events BLOB);"
    "CREATE TABLE IF NOT EXISTS find(key INTEGER, story INTEGER, PRIMARY KEY(key, story))"
    " WITHOUT ROWID;"
    "PRAGMA user_version=1;";

static int answer(const struct trace_day *d, int r)
{
    if (r == SQLITE_OK || r == SQLITE_DONE || r == SQLITE_ROW)
        return 0;
    switch (sqlite3_errcode(d->db)) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    default:
        return -EIO;
    }
}

static int prepare(struct trace_day *d)
{
    int r = sqlite3_exec(d->db, the_schema, NULL, NULL, NULL);

    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(d->db, "INSERT INTO story(mail, at, events) VALUES(?1, ?2, ?3)", -1,
                               &d->add_story, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(d->db, "INSERT OR IGNORE INTO find VALUES(?1, ?2)", -1, &d->add_find,
                               NULL);
    return answer(d, r);
}

int trace_day_open(struct trace_day *d, const char *dir, int64_t day)
{
    char path[TRACE_PATH_MAX];
    int r = trace_day_path(dir, day, path);

    *d = (struct trace_day){.day = day};
    if (r < 0)
        return r;
    r = answer(d, sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
    if (r == 0)
        r = prepare(d);
    if (r < 0)
        trace_day_close(d);
    return r;
}

void trace_day_close(struct trace_day *d)
{
    sqlite3_finalize(d->add_story);
    sqlite3_finalize(d->add_find);
    sqlite3_close(d->db);
    *d = (struct trace_day){0};
}

int trace_day_begin(struct trace_day *d)
{
    return answer(d, sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL));
}

int trace_day_commit(struct trace_day *d)
{
    return answer(d, sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL));
}

static int run(struct trace_day *d, sqlite3_stmt *st)
{
    int r = answer(d, sqlite3_step(st));

    sqlite3_reset(st);
    return r;
}

int trace_day_add(struct trace_day *d, uint64_t mail_id, int64_t at_us, struct str packed)
{
    sqlite3_bind_int64(d->add_story, 1, (int64_t)mail_id);
    sqlite3_bind_int64(d->add_story, 2, at_us);
    sqlite3_bind_blob(d->add_story, 3, packed.ptr, (int)packed.len, SQLITE_STATIC);
    return run(d, d->add_story);
}

int trace_day_add_key(struct trace_day *d, uint64_t hash)
{
    sqlite3_bind_int64(d->add_find, 1, (int64_t)hash);
    sqlite3_bind_int64(d->add_find, 2, sqlite3_last_insert_rowid(d->db));
    return run(d, d->add_find);
}
