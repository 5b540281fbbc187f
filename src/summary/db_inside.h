// SPDX-License-Identifier: ISC
//
// Inside of summary/db.h: what its two halves share.
#pragma once

#include "derived/derived.h"
#include "summary/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

extern const struct derived_kind summary_db_kind;

struct summary_reader {
    struct summary_reader *next;
    unsigned generation;
    sqlite3 *db;
    sqlite3_stmt *get, *range, *list;
};

struct summary_db {
    char *dir;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, idle;
    // under the lock
    struct buf pending;
    uint64_t asked, done; // flushes
    bool is_stopping;
    struct summary_reader *readers; // that nobody uses
    // the writer's
    struct buf taken;
    sqlite3 *writer;
    sqlite3_stmt *put, *remove;
    time_t not_before;

    _Atomic unsigned generation; // of the file; readers of an older one are closed
    _Atomic bool is_damaged;     // a reader found so
    _Atomic uint64_t written, dropped;
};

void summary_db_close_readers(struct summary_db *db);
