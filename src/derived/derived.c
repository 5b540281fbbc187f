// SPDX-License-Identifier: ISC
#include "derived/derived.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 2000, CHECKPOINT_PAGES = 2000 };

int derived_errno(int sqlite_result)
{
    switch (sqlite_result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: // no such table
        return -EUCLEAN;
    default:
        CHECK((sqlite_result & 0xff) != SQLITE_MISUSE && (sqlite_result & 0xff) != SQLITE_NOMEM);
        return -EIO;
    }
}

bool derived_is_damage(int sqlite_result)
{
    return derived_errno(sqlite_result) == -EUCLEAN;
}

/// On the heap: tasks have small stacks.
static char *path_of(const struct derived_kind *kind, const char *dir, const char *suffix)
{
    size_t size = strlen(dir) + strlen(kind->name) + strlen(suffix) + 2;
    char *path = malloc(size);

    CHECK(path);
    snprintf(path, size, "%s/%s%s", dir, kind->name, suffix);
    return path;
}

void derived_remove(const struct derived_kind *kind, const char *dir, const char *why)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    struct log_line l;

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        CLEANUP(free_drop) char *path = path_of(kind, dir, suffixes[i]);

        unlink(path);
    }
    if (!why)
        return;
    log_begin(&l, LOG_WARN, kind->where, "the file is made anew");
    log_text(&l, "file", kind->name);
    log_text(&l, "why", why);
    log_end(&l);
}

sqlite3_stmt *derived_prepare(const struct derived_kind *kind, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    struct log_line l;

    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) == SQLITE_OK)
        return st;
    log_begin(&l, LOG_ERROR, kind->where, "sqlite prepare");
    log_text(&l, "error", sqlite3_errmsg(db));
    log_end(&l);
    return NULL;
}

static int pragma(sqlite3 *db, const char *format, int value)
{
    char sql[100];

    snprintf(sql, sizeof sql, format, value);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int version_of(sqlite3 *db, int *out)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);

    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(st);
    *out = r == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    sqlite3_finalize(st);
    return r == SQLITE_ROW ? SQLITE_OK : r;
}

static int make_schema(const struct derived_kind *kind, sqlite3 *db)
{
    int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (r == SQLITE_OK)
        r = sqlite3_exec(db, kind->schema, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = pragma(db, "PRAGMA user_version=%d", kind->version);
    return r == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : r;
}

/// One try. A result of SQLite; SQLITE_SCHEMA: another version.
static int open_writer(const struct derived_kind *kind, const char *path, sqlite3 **out)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, version = 0;
    int r = sqlite3_open_v2(path, out, flags, NULL);

    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(*out, BUSY_MS);
    if (r == SQLITE_OK)
        r = sqlite3_exec(*out,
                         "PRAGMA page_size=8192; PRAGMA secure_delete=OFF; PRAGMA "
                         "journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                         "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=1;",
                         NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = pragma(*out, "PRAGMA wal_autocheckpoint=%d", CHECKPOINT_PAGES);
    if (r == SQLITE_OK)
        r = pragma(*out, "PRAGMA cache_size=-%d", kind->cache_kib);
    if (r == SQLITE_OK && kind->set_up)
        r = kind->set_up(*out);
    if (r == SQLITE_OK)
        r = version_of(*out, &version);
    if (r == SQLITE_OK && version == 0)
        return make_schema(kind, *out);
    return r == SQLITE_OK && version != kind->version ? SQLITE_SCHEMA : r;
}

int derived_open(const struct derived_kind *kind, const char *dir, sqlite3 **out)
{
    CLEANUP(free_drop) char *path = path_of(kind, dir, "");
    int r = SQLITE_OK;

    for (int tries = 0; tries < 2; tries++) {
        *out = NULL;
        r = open_writer(kind, path, out);
        if (r == SQLITE_OK)
            return 0;
        sqlite3_close(*out);
        *out = NULL;
        if (!derived_is_damage(r) || tries > 0)
            break;
        derived_remove(kind, dir, r == SQLITE_SCHEMA ? "another version" : sqlite3_errstr(r));
    }
    log_failure(kind->where, "the file cannot be opened", derived_errno(r));
    return derived_errno(r);
}

int derived_open_reader(const struct derived_kind *kind, const char *dir, sqlite3 **out)
{
    CLEANUP(free_drop) char *path = path_of(kind, dir, "");
    sqlite3 *db = NULL;
    int version = 0, r;

    r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(db, BUSY_MS);
    if (r == SQLITE_OK)
        r = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db,
                         "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0;"
                         "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=1;",
                         NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = pragma(db, "PRAGMA cache_size=-%d", kind->cache_kib);
    if (r == SQLITE_OK && kind->set_up)
        r = kind->set_up(db);
    if (r == SQLITE_OK)
        r = version_of(db, &version);
    if (r == SQLITE_OK && version != kind->version)
        r = SQLITE_SCHEMA;
    if (r != SQLITE_OK) {
        sqlite3_close(db);
        return derived_errno(r);
    }
    *out = db;
    return 0;
}
