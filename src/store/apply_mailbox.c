// SPDX-License-Identifier: ISC
//
// Operations on mailboxes, accounts and documents.
#include "store/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int apply_name_check(struct str name)
{
    size_t depth = 1;

    if (name.len > STORE_NAME_MAX)
        return STORE_LIMIT;
    for (size_t i = 0; i < name.len; i++)
        depth += name.ptr[i] == '/';
    if (depth > STORE_DEPTH_MAX)
        return STORE_LIMIT;
    if (name.len == 0 || str_find(name, '\0') >= 0)
        return -EINVAL;
    return 0;
}

int apply_mailbox_new(struct apply *a, uint64_t account_id, struct str name, struct head **out)
{
    struct account *account;
    int r;

    r = apply_name_check(name);
    if (r)
        return r;
    if (!account_id)
        return -EINVAL;
    account = catalog_account(a->catalog, account_id);
    if (account->work.mailbox_count >= STORE_MAILBOXES_MAX)
        return STORE_LIMIT;
    *out = catalog_add(a->catalog, account, name, a->change->now_s);
    return 0;
}

int apply_create(struct apply *a, struct op *op)
{
    struct head *head;
    int r;

    if (catalog_find(a->catalog, op->id, op->name))
        return STORE_EXISTS;
    r = apply_mailbox_new(a, op->id, op->name, &head);
    if (r)
        return r;
    head->work.special_use = op->create.special_use;
    if (op->create.out_id)
        *op->create.out_id = head->id;
    return 0;
}

/// Key of a document that belongs to the mailbox or account with that id.
static struct str id_key(uint64_t id, char text[static 24])
{
    return str_of(text, (size_t)snprintf(text, 24, "%" PRIu64, id));
}

static int remove_doc(struct apply *a, const char *kind, uint64_t id)
{
    char text[24];
    int r = a->rows->kind->doc_remove(a->rows, kind, id_key(id, text));

    return r == STORE_NOT_FOUND ? 0 : r;
}

static int remove_mailbox(struct apply *a, struct head *head)
{
    struct entry_list list = {0};
    int r;

    catalog_touch(a->catalog, head);
    r = a->rows->kind->entries_find(a->rows, head, 1, UINT32_MAX, &list);
    for (size_t i = 0; !r && i < list.entries.count; i++) {
        apply_count(head, &list.entries.items[i], -1);
        r = a->rows->kind->body_release(a->rows, &list.entries.items[i].body);
    }
    store_entries_done(&list.entries);
    if (!r)
        r = remove_doc(a, STORE_DOC_ACL, head->id);
    if (!r)
        r = remove_doc(a, STORE_DOC_METADATA, head->id);
    if (!r)
        r = a->rows->kind->mailbox_clear(a->rows, head);
    if (!r)
        catalog_remove(a->catalog, head);
    return r;
}

int apply_delete(struct apply *a, struct op *op)
{
    struct head *head = catalog_head(a->catalog, op->id);

    return head ? remove_mailbox(a, head) : STORE_NOT_FOUND;
}

// ---- rename

static struct str head_name(const struct head *head)
{
    return str_of(head->work.name->bytes, head->work.name->len);
}

static bool is_below(const struct head *head, struct str name)
{
    struct str own = head_name(head);

    return own.len > name.len && own.ptr[name.len] == '/' && str_starts(own, name);
}

/// `to` and what stands behind `from` in the name of the inferior.
static int renamed(const struct head *head, struct str from, struct str to, struct buf *out)
{
    buf_clear(out);
    buf_put(out, to);
    buf_put(out, str_skip(head_name(head), from.len));
    return buf_ok(out) ? apply_name_check(buf_str(out)) : STORE_LIMIT;
}

/// All or none: first look whether each name is fit and free (also for those that move away, as a
/// rename below itself, "a" to "a/b", would need).
static int rename_inferiors(struct apply *a, const struct account *account, struct str from,
                            struct str to, struct buf *name)
{
    for (size_t i = 0; i < account->count; i++) {
        struct head *head = account->heads[i];
        int r;

        if (!head->work.exists || !is_below(head, from))
            continue;
        r = renamed(head, from, to, name);
        if (r)
            return r;
        if (catalog_find(a->catalog, account->id, buf_str(name)))
            return STORE_EXISTS;
        catalog_rename(a->catalog, head, buf_str(name));
    }
    return 0;
}

int apply_rename(struct apply *a, struct op *op)
{
    struct head *head = catalog_head(a->catalog, op->id);
    CLEANUP(buf_drop) struct buf from = {0};
    CLEANUP(buf_drop) struct buf name = {0};
    int r;

    if (!head)
        return STORE_NOT_FOUND;
    r = apply_name_check(op->name);
    if (r)
        return r;
    if (catalog_find(a->catalog, head->account->id, op->name))
        return STORE_EXISTS;
    buf_init(&from, STORE_NAME_MAX);
    buf_init(&name, 2 * STORE_NAME_MAX);
    buf_put(&from, head_name(head));
    if (str_starts(op->name, buf_str(&from)) && str_skip(op->name, from.len).ptr[0] == '/')
        return -EINVAL; // below itself
    r = rename_inferiors(a, head->account, buf_str(&from), op->name, &name);
    if (r)
        return r;
    catalog_rename(a->catalog, head, op->name);
    return 0;
}

int apply_special_use(struct apply *a, struct op *op)
{
    struct head *head = catalog_head(a->catalog, op->id);

    if (!head)
        return STORE_NOT_FOUND;
    catalog_touch(a->catalog, head);
    head->work.special_use = op->create.special_use;
    return 0;
}

// ---- accounts

int apply_subscribe(struct apply *a, struct op *op)
{
    struct account *account;
    int r;

    r = apply_name_check(op->name);
    if (r)
        return r;
    account = catalog_account(a->catalog, op->id);
    if (op->on && account->work.subscriptions &&
        account->work.subscriptions->count >= SUBSCRIPTIONS_MAX)
        return STORE_LIMIT;
    catalog_subscribe(a->catalog, account, op->name, op->on);
    return 0;
}

int apply_quota(struct apply *a, struct op *op)
{
    struct account *account = catalog_account(a->catalog, op->id);

    catalog_touch_account(a->catalog, account);
    account->work.bytes_max = op->quota.bytes_max;
    account->work.messages_max = op->quota.messages_max;
    return 0;
}

int apply_account_remove(struct apply *a, struct op *op)
{
    struct account *account = catalog_account(a->catalog, op->id);

    catalog_touch_account(a->catalog, account);
    for (size_t i = 0; i < account->count; i++) {
        int r;

        if (!account->heads[i]->work.exists)
            continue;
        r = remove_mailbox(a, account->heads[i]);
        if (r)
            return r;
    }
    catalog_subscribe(a->catalog, account, STR_NONE, false);
    account->work.bytes_max = account->work.messages_max = 0;
    return remove_doc(a, STORE_DOC_ACCOUNT_METADATA, op->id);
}

// ---- documents

static int doc_check(const struct op *op)
{
    if (op->name.len > STORE_DOC_KEY_MAX || op->doc.value.len > STORE_DOC_MAX)
        return STORE_LIMIT;
    return op->name.len ? 0 : -EINVAL;
}

int apply_doc_put(struct apply *a, struct op *op)
{
    int r;

    r = doc_check(op);
    if (r)
        return r;
    return a->rows->kind->doc_put(a->rows, op->doc.kind, op->name, op->doc.value);
}

/// Is it what the change expects? Else STORE_CONFLICT.
static int doc_compare(struct apply *a, const struct op *op)
{
    CLEANUP(buf_drop) struct buf now = {0};
    int r;

    buf_init(&now, STORE_DOC_MAX);
    r = a->rows->kind->doc_find(a->rows, op->doc.kind, op->name, &now);
    if (r < 0)
        return r;
    if (r == STORE_NOT_FOUND ? op->doc.before.ptr != NULL
                             : !op->doc.before.ptr || !str_eq(buf_str(&now), op->doc.before))
        return STORE_CONFLICT;
    return 0;
}

int apply_doc_put_if(struct apply *a, struct op *op)
{
    int r = doc_compare(a, op);

    return r ? r : apply_doc_put(a, op);
}

int apply_mailbox_doc(struct apply *a, struct op *op)
{
    struct op keyed = *op;
    char text[24];
    int r;

    if (!catalog_head(a->catalog, *op->doc.mailbox_id))
        return STORE_NOT_FOUND;
    keyed.name = id_key(*op->doc.mailbox_id, text);
    r = doc_compare(a, &keyed);
    if (r)
        return r;
    if (op->doc.value.ptr)
        return apply_doc_put(a, &keyed);
    return op->doc.before.ptr ? apply_doc_remove(a, &keyed) : 0;
}

int apply_doc_remove(struct apply *a, struct op *op)
{
    return a->rows->kind->doc_remove(a->rows, op->doc.kind, op->name);
}
