// SPDX-License-Identifier: ISC
//
// What store/memory keeps. Everything is guarded by `lock`.
#pragma once

#include "store/rows.h"

struct memory_body {
    uint64_t id;
    size_t refs;
    uint64_t size;
    char *bytes;
};

struct memory_expunged {
    uint32_t uid;
    uint64_t modseq;
};

struct memory_mailbox {
    struct store_entry *entries; // by uid
    size_t count, cap;
    struct memory_expunged *expunged; // by modseq
    size_t expunged_count, expunged_cap;
};

struct memory_doc {
    char *kind;
    struct str key, value; // owned
};

struct memory_undo;

struct memory {
    struct store store;
    struct rows rows;
    pthread_mutex_t lock;
    struct map mailboxes; // id to memory_mailbox
    struct map bodies;    // message id to memory_body
    struct map tokens;
    struct memory_doc **docs; // by kind and key
    size_t doc_count, doc_cap;
    uint64_t last_message_id;
    struct memory_undo *undo; // what the change in hand did, in order
    size_t undo_count, undo_cap;
    struct store_stats stats;
};

void memory_rows_init(struct memory *m);
void memory_rows_done(struct memory *m);
/// Made when it is missing.
struct memory_mailbox *memory_mailbox_of(struct memory *m, const struct head *head);
