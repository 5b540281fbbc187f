// SPDX-License-Identifier: ISC
//
// One day's file of stories: how lines stand in it, writing and reading. Only trace/ includes this.
#pragma once

#include "base/buf.h"

#include "trace/trace.h"

#include <sqlite3.h>

enum { TRACE_PATH_MAX = 768 };

/// Days since 1970.
int64_t trace_day_of(int64_t wall_us);
/// "DIR/2026-11-21.db"; -ENAMETOOLONG.
int trace_day_path(const char *dir, int64_t day, char path[TRACE_PATH_MAX]);
/// The days that have a file, the newest first, at most `max`. Their number or -errno.
int trace_days(const char *dir, int64_t *out, int max);

// ---- writing

struct trace_day {
    sqlite3 *db;
    sqlite3_stmt *add_story, *add_find;
    int64_t day;
};
int trace_day_open(struct trace_day *d, const char *dir, int64_t day);
void trace_day_close(struct trace_day *d);
int trace_day_begin(struct trace_day *d);
int trace_day_commit(struct trace_day *d);
/// Some lines of one mail, as trace_pack_* made them; then the keys by which it is found.
int trace_day_add(struct trace_day *d, uint64_t mail_id, int64_t at_us, struct str packed);
int trace_day_add_key(struct trace_day *d, uint64_t hash);

// ---- lines in a row: pack.c

/// Appends one line; `at_us` since the row's own time.
void trace_pack_line(struct buf *plain, uint64_t at_us, struct str where, struct str text);
/// The row's bytes from its lines: as they are, or smaller.
struct trace_packer;
struct trace_packer *trace_packer_new(void);
void trace_packer_free(struct trace_packer *packer);
void trace_pack(struct trace_packer *packer, struct str plain, struct buf *out);
/// Back to lines; false when the bytes are damaged.
bool trace_unpack(struct str packed, struct buf *plain);
/// The next line of them.
bool trace_unpack_line(struct str *plain, uint64_t *at_us, struct str *where, struct str *text);

// ---- keys: key.c

/// The number under which an address or Message-ID is found: case and brackets do not count.
uint64_t trace_key(struct str word);
/// Tells each key that a line's text names: sender, recipients, Message-ID.
void trace_each_key(struct str text, void (*each)(void *arg, uint64_t key), void *arg);
