// SPDX-License-Identifier: ISC
#include "store/apply.h"

#include "base/check.h"

#include <errno.h>

static int (*const the_ops[])(struct apply *a, struct op *op) = {
    [OP_PUT] = apply_put,
    [OP_FLAG] = apply_flag,
    [OP_EXPUNGE] = apply_expunge,
    [OP_COPY] = apply_copy,
    [OP_CREATE] = apply_create,
    [OP_DELETE] = apply_delete,
    [OP_RENAME] = apply_rename,
    [OP_SPECIAL_USE] = apply_special_use,
    [OP_SUBSCRIBE] = apply_subscribe,
    [OP_QUOTA] = apply_quota,
    [OP_ACCOUNT_REMOVE] = apply_account_remove,
    [OP_DOC_PUT] = apply_doc_put,
    [OP_DOC_PUT_IF] = apply_doc_put_if,
    [OP_DOC_REMOVE] = apply_doc_remove,
    [OP_MAILBOX_DOC] = apply_mailbox_doc,
    [OP_RECENT] = apply_recent,
    [OP_QUEUE_PUT] = apply_queue_put,
    [OP_QUEUE_SET] = apply_queue_set,
    [OP_QUEUE_REMOVE] = apply_queue_remove,
};

static int apply_all(struct apply *a)
{
    for (size_t i = 0; i < a->change->count; i++) {
        int r = the_ops[a->change->ops[i].kind](a, &a->change->ops[i]);

        if (r)
            return r;
    }
    if (a->change->has_token)
        return a->rows->kind->token_put(a->rows, a->change->token, a->change->now_s);
    return 0;
}

int apply_change(struct catalog *catalog, struct rows *rows, struct store_change *change)
{
    struct apply a = {catalog, rows, change};
    int r;

    catalog_change_begin(catalog);
    change->marked = catalog->change_mark;
    r = rows->kind->begin(rows, change);
    if (r)
        return r;
    r = apply_all(&a);
    if (!r)
        r = rows->kind->keep(rows, change);
    if (r) {
        rows->kind->undo(rows, change);
        catalog_change_abort(catalog);
    }
    return r;
}

bool apply_needs_space(const struct store_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        switch (change->ops[i].kind) {
        case OP_PUT:
        case OP_CREATE:
        case OP_DOC_PUT:
        case OP_DOC_PUT_IF:
        case OP_QUEUE_PUT:
            return true;
        case OP_MAILBOX_DOC:
            if (change->ops[i].doc.value.ptr)
                return true;
            break;
        case OP_COPY:
            if (!change->ops[i].copy->move)
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

// ---- numbers

void apply_count(struct head *head, const struct store_entry *entry, int sign)
{
    struct head_state *work = &head->work;
    uint64_t bytes = sign > 0 ? entry->body.size : 0 - entry->body.size;

    work->message_count += (uint32_t)sign;
    work->bytes += bytes;
    if (!(entry->flags & STORE_SEEN))
        work->unseen_count += (uint32_t)sign;
    if (entry->flags & STORE_DELETED) {
        work->deleted_count += (uint32_t)sign;
        work->deleted_bytes += bytes;
    }
    head->account->work.bytes += bytes;
    head->account->work.messages += (uint64_t)(int64_t)sign;
}

int apply_entry_add(struct apply *a, struct head *head, struct store_entry *entry)
{
    if (head->work.uidnext == UINT32_MAX)
        return STORE_LIMIT;
    catalog_touch(a->catalog, head);
    entry->uid = head->work.uidnext++;
    entry->modseq = ++head->work.modseq;
    entry->save_date = a->change->now_s;
    apply_count(head, entry, 1);
    return a->rows->kind->entry_add(a->rows, head, entry);
}

int apply_entry_remove(struct apply *a, struct head *head, const struct store_entry *entry,
                       uint64_t modseq)
{
    const struct rows_kind *rows = a->rows->kind;
    int r;

    r = rows->entry_remove(a->rows, head, entry->uid);
    if (r)
        return r;
    r = rows->expunged_add(a->rows, head, entry->uid, modseq);
    if (r)
        return r;
    head->work.expunged_count++;
    apply_count(head, entry, -1);
    return rows->body_release(a->rows, &entry->body);
}

int apply_expunged_trim(struct apply *a, struct head *head)
{
    uint64_t modseq = 0;
    uint32_t left = 0;
    int r;

    if (head->work.expunged_count <= EXPUNGED_KEEP + EXPUNGED_SLACK)
        return 0;
    r = a->rows->kind->expunged_trim(a->rows, head, EXPUNGED_KEEP, &modseq, &left);
    if (r)
        return r;
    head->work.expunged_count = left;
    if (modseq > head->work.expunge_modseq)
        head->work.expunge_modseq = modseq;
    return 0;
}

// ---- finding

void entry_list_add(struct entry_list *list, const struct store_entry *entry)
{
    STORE_GROW(list->entries.items, list->entries.count, list->cap);
    list->entries.items[list->entries.count++] = *entry;
}

int apply_find(struct apply *a, struct head *head, const struct store_uids *uids,
               struct entry_list *out)
{
    for (size_t i = 0; i < uids->count; i++) {
        int r = a->rows->kind->entries_find(a->rows, head, uids->ranges[i].first,
                                            uids->ranges[i].last, out);

        if (r)
            return r;
    }
    return 0;
}

int apply_keywords(struct apply *a, struct head *head, const struct str *words, size_t count,
                   bool add, uint64_t *out)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < count; i++) {
        int bit = catalog_keyword(a->catalog, head, words[i], add);

        if (bit >= 0)
            mask |= (uint64_t)1 << bit;
        else if (add)
            return STORE_LIMIT;
    }
    *out = mask;
    return 0;
}
