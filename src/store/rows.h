// SPDX-License-Identifier: ISC
//
// The rows an engine keeps beside the catalog: entries of mailboxes and of the queue, expunged
// uids, references to bodies, documents, tokens. apply.c calls these, one thread at a time, between
// begin and keep or undo of each change; all return 0 or -errno. Reads see what was written before
// in the same group.
#pragma once

#include "store/catalog.h"

struct entry_list;

struct rows {
    const struct rows_kind *kind;
};

struct rows_kind {
    /// What follows can be taken back by undo, or becomes part of the group by keep.
    int (*begin)(struct rows *rows, struct store_change *change);
    int (*keep)(struct rows *rows, struct store_change *change);
    void (*undo)(struct rows *rows, struct store_change *change);

    /// A new body, put `put_count` times in this change. Fills *out.
    int (*body_add)(struct rows *rows, struct store_change *change, struct store_body *body,
                    size_t put_count, struct store_body_ref *out);
    /// One entry more, or one less, has that body; after the last one it is gone.
    int (*body_hold)(struct rows *rows, const struct store_body_ref *ref);
    int (*body_release)(struct rows *rows, const struct store_body_ref *ref);
    /// Is there an entry that has it? 0, STORE_NOT_FOUND.
    int (*body_find)(struct rows *rows, const struct store_body_ref *ref);

    int (*entry_add)(struct rows *rows, struct head *head, const struct store_entry *entry);
    /// Flags, keywords and modseq of one that is there.
    int (*entry_set)(struct rows *rows, struct head *head, const struct store_entry *entry);
    int (*entry_remove)(struct rows *rows, struct head *head, uint32_t uid);
    /// Appends those with first <= uid <= last, by uid.
    int (*entries_find)(struct rows *rows, struct head *head, uint32_t first, uint32_t last,
                        struct entry_list *out);
    int (*expunged_add)(struct rows *rows, struct head *head, uint32_t uid, uint64_t modseq);
    /// Keeps the newest `keep` at most; *out_modseq: all up to that modseq were forgotten.
    int (*expunged_trim)(struct rows *rows, struct head *head, uint32_t keep, uint64_t *out_modseq,
                         uint32_t *out_left);
    /// The mailbox is going: all its entries and expunged uids, not the bodies.
    int (*mailbox_clear)(struct rows *rows, struct head *head);

    /// 0 or STORE_NOT_FOUND.
    int (*doc_find)(struct rows *rows, const char *kind, struct str key, struct buf *out);
    int (*doc_put)(struct rows *rows, const char *kind, struct str key, struct str value);
    int (*doc_remove)(struct rows *rows, const char *kind, struct str key);
    int (*queue_add)(struct rows *rows, const struct store_queue_entry *entry);
    /// 0 or STORE_NOT_FOUND; fills all but lane and value.
    int (*queue_find)(struct rows *rows, uint64_t id, struct store_queue_entry *out);
    /// Due, lane and value of one that is there.
    int (*queue_set)(struct rows *rows, const struct store_queue_entry *entry);
    int (*queue_remove)(struct rows *rows, uint64_t id);

    int (*token_put)(struct rows *rows, const uint8_t token[16], int64_t now_s);
};

/// Entries gathered; done with store_entries_done(&list.entries).
struct entry_list {
    struct store_entries entries;
    size_t cap;
};
void entry_list_add(struct entry_list *list, const struct store_entry *entry);
