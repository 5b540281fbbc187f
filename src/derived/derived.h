// SPDX-License-Identifier: ISC
//
// Files of things that were worked out of the store and can be worked out again: summaries, the
// index of words. Each is one SQLite file beside the store. One that is missing, damaged, cut off
// or of another version is made anew; nobody is refused anything because of it. They are not backed
// up. One connection writes and checkpoints, any number read (see doc/adr/0002).
#pragma once

#include "base/str.h"

#include <sqlite3.h>

struct derived_kind {
    const char *name;   // of the file in its directory, "summary.db"
    const char *where;  // for the log, "summary/keep"
    int version;        // of the schema; any other is made anew
    const char *schema; // SQL statements
    int cache_kib;      // of each connection
    /// What each connection needs before a statement is prepared; may be NULL. A result of SQLite.
    int (*set_up)(sqlite3 *db);
};

/// The connection that writes; the file is made, or made anew, when it is no good. 0, or -errno:
/// the disk is in trouble (told in the log).
int derived_open(const struct derived_kind *kind, const char *dir, sqlite3 **out);
/// One that reads. 0 or -errno, untold: there may be no file just now.
int derived_open_reader(const struct derived_kind *kind, const char *dir, sqlite3 **out);
/// After a statement failed: removes the file, whose connections were closed, or will be without
/// having written any more; the next derived_open makes it anew. Told in the log, unless `why` is
/// NULL.
void derived_remove(const struct derived_kind *kind, const char *dir, const char *why);
/// Is the file itself the trouble, so that making it anew helps?
bool derived_is_damage(int sqlite_result);
/// -errno for a result of SQLite.
int derived_errno(int sqlite_result);
/// A statement for a connection's whole life; NULL when it cannot be prepared, told in the log.
sqlite3_stmt *derived_prepare(const struct derived_kind *kind, sqlite3 *db, const char *sql);

static inline struct str derived_column(sqlite3_stmt *st, int at)
{
    const void *bytes = sqlite3_column_blob(st, at);

    return (struct str){bytes ? bytes : "", (size_t)sqlite3_column_bytes(st, at)};
}
