// SPDX-License-Identifier: ISC
//
// Structured log: one line per event, `TIME LEVEL room/file what key=value ...`. The room names
// itself, so a mail's way can be read from the log. Values of strangers are quoted and cut. No
// secrets, no message text. Lines are handed to a writer thread; the caller never waits for disk.
#pragma once

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

// bytes; longer values end in "..."
enum { LOG_LINE_MAX = 2048, LOG_VALUE_MAX = 256, LOG_STORY_MAX = 8192 };

struct log_line {
    enum log_level level;
    bool on;          // is being written down, for the log or for a story
    uint64_t mail_id; // 0: of no story
    const char *where;
    int64_t wall_us;
    size_t story_at; // where the part for the story begins
    size_t len;
    char bytes[LOG_LINE_MAX];
};

/// Starts the writer on `fd` (not closed). Before this, and after log_stop, lines are written at
/// once.
void log_start(int fd, enum log_level least);
/// Writes what is waiting and ends the writer thread.
void log_stop(void);
/// From now on these decide which lines appear.
void log_set_level(enum log_level least);
/// "debug", "info", "warn", "error"; false on anything else.
bool log_level_parse(struct str name, enum log_level *out);
/// Where the time of day (microseconds since 1970) comes from; the simulator sets its own.
void log_set_clock(int64_t (*wall_us)(void));
/// Lines go to this function instead of the descriptor (tests, simulator); NULL: back.
void log_set_sink(void (*sink)(void *arg, struct str line), void *arg);

/// log_begin(&l, LOG_INFO, "queue/accept", "kept"); log_u64(&l, "size", n); log_end(&l);
void log_begin(struct log_line *l, enum log_level level, const char *where, const char *what);
void log_str(struct log_line *l, const char *key, struct str value);
void log_text(struct log_line *l, const char *key, const char *value);
void log_u64(struct log_line *l, const char *key, uint64_t value);
void log_hex(struct log_line *l, const char *key, uint64_t value);
/// Adds error="No space left on device" for -ENOSPC.
void log_errno(struct log_line *l, int error);
void log_end(struct log_line *l);

// ---- the story of a mail: every line that names one also goes to whoever keeps the stories

/// Adds id=HEX, and makes the line part of the mail's story, also when its level is not logged.
void log_mail(struct log_line *l, uint64_t mail_id);
/// A longer text, for the story only: the answers of DNS, the dialogue with a server. Cut at
/// LOG_STORY_MAX bytes. `where` and `what` are literals.
void log_story(uint64_t mail_id, const char *where, const char *what, struct str text);
/// Who keeps them; must not wait. `text` of a line is what follows `where`: "kept size=2210". NULL:
/// nobody.
void log_set_story_sink(void (*sink)(void *arg, uint64_t mail_id, int64_t wall_us,
                                     const char *where, struct str text),
                        void *arg);

/// The three commonest lines in one call.
void log_event(enum log_level level, const char *where, const char *what);
/// LOG_ERROR with the text of an -errno.
void log_failure(const char *where, const char *what, int error);
