// SPDX-License-Identifier: ISC
//
// The file of one account: DIR/search/ACCOUNT.db (doc/format/search.md). One connection writes, any
// number read. Blocking.
#pragma once

#include "derived/derived.h"
#include "search/grams.h"

struct search_index {
    uint64_t account_id;
    unsigned generation; // of readers: see search/inside.h
    char name[32];
    struct derived_kind kind;
    const char *dir; // borrowed
    bool writes;
    sqlite3 *db;
    sqlite3_stmt *st[8]; // enum in index.c
};

/// The writing one, which makes the file when it is missing or no good; or a reader, -ENOENT when
/// there is none. 0 or -errno.
int search_index_open(struct search_index *x, const char *dir, uint64_t account_id, bool writes);
/// A zeroed one is fine.
void search_index_close(struct search_index *x);
/// Removes the file of an account, whether it is there or not; nobody writes it.
void search_index_remove(const char *dir, uint64_t account_id);

// The calls below return a result of SQLite: SQLITE_OK, or why not.

int search_index_begin(struct search_index *x);
int search_index_commit(struct search_index *x);
void search_index_abandon(struct search_index *x);

/// 1: the message is in the index, or must always be read; 0: neither; negative: -(a result).
int search_index_has(struct search_index *x, uint64_t message_id);
/// `grams` from grams_put; ptr NULL: this one must always be read.
int search_index_add(struct search_index *x, uint64_t message_id, struct str grams);
/// It leaves the answers at once, and the file when that is made anew.
int search_index_drop(struct search_index *x, uint64_t message_id);
/// How far a mailbox was followed: up to that uid all are in. A mailbox that is gone: uid
/// UINT32_MAX.
int search_index_set_mailbox(struct search_index *x, uint64_t mailbox_id, uint32_t uidvalidity,
                             uint32_t uid);
/// *out_uid 0 when nothing was done, or for another uidvalidity; SQLITE_NOTFOUND when it is not
/// followed.
int search_index_mailbox(struct search_index *x, uint64_t mailbox_id, uint32_t uidvalidity,
                         uint32_t *out_uid);
/// The message ids behind `after`, ascending, at most `max`.
int search_index_list(struct search_index *x, uint64_t after, uint64_t *out, size_t max,
                      size_t *out_count);

struct search_index_counts {
    uint64_t mailboxes, messages, unindexed;
    uint64_t ever; // messages that were ever added: what takes space
};
int search_index_counts(struct search_index *x, struct search_index_counts *out);

/// The whole of search_find, in one picture of the file. SQLITE_NOTFOUND: the mailbox is not
/// followed; SQLITE_TOOBIG: too many hits; SQLITE_INTERRUPT: too slow.
int search_index_ask(struct search_index *x, const struct store_mailbox *mailbox,
                     struct str question, struct search_hits *out);
