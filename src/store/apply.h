// SPDX-License-Identifier: ISC
//
// What a change set means: its operations, in order, over the catalog and an engine's rows. Called
// by the one thread that commits, inside a group of the catalog.
#pragma once

#include "store/rows.h"

enum {
    EXPUNGED_KEEP = 10000,     // uids of one mailbox kept for QRESYNC
    EXPUNGED_SLACK = 2500,     // how many more before they are trimmed
    SUBSCRIPTIONS_MAX = 20000, // of one account
};

struct apply {
    struct catalog *catalog;
    struct rows *rows;
    struct store_change *change;
};

/// 0: all of it is in work and in the rows. A store_answer or -errno: nothing of it is.
int apply_change(struct catalog *catalog, struct rows *rows, struct store_change *change);
/// Does it bring something new that needs space? Such changes are refused first when space ends.
bool apply_needs_space(const struct store_change *change);

// ---- between the files of apply

int apply_put(struct apply *a, struct op *op);
int apply_flag(struct apply *a, struct op *op);
int apply_expunge(struct apply *a, struct op *op);
int apply_copy(struct apply *a, struct op *op);
int apply_create(struct apply *a, struct op *op);
int apply_delete(struct apply *a, struct op *op);
int apply_rename(struct apply *a, struct op *op);
int apply_special_use(struct apply *a, struct op *op);
int apply_subscribe(struct apply *a, struct op *op);
int apply_quota(struct apply *a, struct op *op);
int apply_account_remove(struct apply *a, struct op *op);
int apply_doc_put(struct apply *a, struct op *op);
int apply_doc_put_if(struct apply *a, struct op *op);
int apply_doc_remove(struct apply *a, struct op *op);
int apply_mailbox_doc(struct apply *a, struct op *op);
int apply_recent(struct apply *a, struct op *op);
int apply_queue_put(struct apply *a, struct op *op);
int apply_queue_set(struct apply *a, struct op *op);
int apply_queue_remove(struct apply *a, struct op *op);

/// 0, -EINVAL, STORE_LIMIT.
int apply_name_check(struct str name);
/// Makes `name` of the account; it must not exist.
int apply_mailbox_new(struct apply *a, uint64_t account_id, struct str name, struct head **out);
/// A body that comes with the change: its first put adds it, for all of them; sets body->ref.
int apply_body(struct apply *a, struct store_body *body);
/// One that is there already, held once more. 0, STORE_NOT_FOUND, -errno.
int apply_body_again(struct apply *a, const struct store_body_ref *ref);
/// The masks of the words; adds missing ones when `add`.
int apply_keywords(struct apply *a, struct head *head, const struct str *words, size_t count,
                   bool add, uint64_t *out);
/// Numbers of mailbox and account when an entry comes (sign 1) or goes (-1).
void apply_count(struct head *head, const struct store_entry *entry, int sign);
/// Adds the entry with the next uid and modseq.
int apply_entry_add(struct apply *a, struct head *head, struct store_entry *entry);
int apply_entry_remove(struct apply *a, struct head *head, const struct store_entry *entry,
                       uint64_t modseq);
int apply_expunged_trim(struct apply *a, struct head *head);
int apply_find(struct apply *a, struct head *head, const struct store_uids *uids,
               struct entry_list *out);
