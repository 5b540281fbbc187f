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

/// An entry of the queue with its texts behind it; never changed, only replaced.
struct memory_queued {
    struct store_queue_entry entry;
    char bytes[];
};

struct memory_sorted {
    int (*compare)(const struct store_queue_entry *a, const struct store_queue_entry *b);
    struct memory_queued **items; // sorted by it
    size_t count, cap;
};

enum memory_queue_order { BY_ID, BY_DUE, BY_LANE, BY_MAIL, MEMORY_ORDERS };

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
    struct memory_sorted queue[MEMORY_ORDERS];
    uint64_t last_message_id;
    struct rt_pool *slow; // NULL: commits take no time
    struct list flights;  // commits that did not happen yet
    bool crashed;
    struct memory_undo *undo; // what the change in hand did, in order
    size_t undo_count, undo_cap;
    struct store_stats stats;
};

void memory_queue_init(struct memory *m);
void memory_queue_done(struct memory *m);
/// Copies the texts.
struct memory_queued *memory_queued_new(const struct store_queue_entry *entry);
/// NULL when there is none.
struct memory_queued *memory_queue_find(struct memory *m, uint64_t id);
/// Puts `now` (NULL: nothing) in the place of `before` (NULL: nothing).
void memory_queue_swap(struct memory *m, struct memory_queued *before, struct memory_queued *now);
void memory_queue_read(struct memory *m, const struct queue_query *query,
                       struct store_queue_list *out);

/// All of the other's, of which no commit is in hand.
void memory_rows_copy(struct memory *m, struct memory *from);

void memory_rows_init(struct memory *m);
void memory_rows_done(struct memory *m);
/// Made when it is missing.
struct memory_mailbox *memory_mailbox_of(struct memory *m, const struct head *head);
