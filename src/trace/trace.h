// SPDX-License-Identifier: ISC
//
// The stories of mails: what every station said about each mail (log/log.h: log_mail, log_story),
// kept for some days and found by the mail's id, an address or a Message-ID. Stations hand lines
// over without waiting; a thread of its own writes them, so no delivery is ever held up. A power
// cut loses the last moments of a story, never a mail. One SQLite file for each day (UTC) in
// DATA/trace/; what is too old goes as a whole file (doc/format/trace.md).
#pragma once

#include "base/arena.h"
#include "base/setting.h"
#include "base/str.h"

struct trace;

/// The room's part of the configuration, title "trace".
struct trace_config {
    uint64_t keep_days; // 0: no stories are kept
};
extern const struct settings trace_settings;

enum {
    TRACE_PENDING_MAX = 8 << 20, // bytes that wait for the writer; beyond it lines are lost
    TRACE_MAILS_MAX = 1000,      // found at once
    TRACE_EVENTS_MAX = 20000,    // of one story
};

/// Listens to the log from now on; `dir` is made when missing. 0 or -errno. *out is NULL when the
/// settings keep nothing. One at a time. Blocking.
int trace_open(const char *dir, const struct trace_config *config, struct trace **out);
/// Writes what waits. NULL is fine. Blocking.
void trace_close(struct trace *trace);
/// Until all that was said so far can be found. NULL is fine. Blocking.
void trace_flush(struct trace *trace);
/// From the next day on. Any thread. NULL is fine.
void trace_reconfigure(struct trace *trace, const struct trace_config *config);

// ---- reading, in any process; blocking

struct trace_mail {
    uint64_t id;
    int64_t at_us; // its first line, as far as it was found
};
/// Mails that have to do with `what`: an id (hex), an address, a Message-ID with or without its
/// brackets; the newest first, at most `max`. 0 or -errno.
int trace_find(const char *dir, struct str what, size_t max, struct arena *arena,
               struct trace_mail **out, size_t *out_count);

struct trace_event {
    int64_t at_us;
    uint32_t order;   // as they came, where times are equal
    struct str where; // "queue/accept"
    struct str text;  // "kept size=2210 rcpts=1"; of a longer text: what it is, LF, its lines
};
/// All lines of one mail, by time. 0 or -errno.
int trace_story(const char *dir, uint64_t mail_id, struct arena *arena, struct trace_event **out,
                size_t *out_count);

/// The value of key in a line's text ("kept size=2210": "size"), unquoted; STR_NONE when it is not
/// there. In the arena.
struct str trace_value(struct str text, const char *key, struct arena *arena);
