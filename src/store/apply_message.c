// SPDX-License-Identifier: ISC
//
// Operations on messages: put, flag, expunge, copy and move, claiming \Recent.
#include "base/check.h"
#include "store/apply.h"

#include <errno.h>

// ---- put

static bool is_over_quota(const struct account_state *state, uint64_t bytes, uint64_t messages)
{
    return (state->bytes_max && state->bytes + bytes > state->bytes_max) ||
           (state->messages_max && state->messages + messages > state->messages_max);
}

static int put_target(struct apply *a, const struct store_put *put, struct head **out)
{
    *out = put->mailbox_id ? catalog_head(a->catalog, put->mailbox_id)
                           : catalog_find(a->catalog, put->account_id, put->name);
    if (*out)
        return 0;
    if (put->mailbox_id)
        return STORE_NOT_FOUND;
    return apply_mailbox_new(a, put->account_id, put->name, out);
}

static size_t puts_of_body(const struct store_change *change, const struct store_body *body)
{
    size_t count = 0;

    for (size_t i = 0; i < change->count; i++)
        count += op_body(&change->ops[i]) == body;
    return count;
}

int apply_body(struct apply *a, struct store_body *body)
{
    if (body->change_mark == a->change->marked)
        return 0;
    if (body->error)
        return body->error;
    body->change_mark = a->change->marked;
    return a->rows->kind->body_add(a->rows, a->change, body, puts_of_body(a->change, body),
                                   &body->ref);
}

int apply_body_again(struct apply *a, const struct store_body_ref *ref)
{
    int r = a->rows->kind->body_find(a->rows, ref);

    return r ? r : a->rows->kind->body_hold(a->rows, ref);
}

static int put_body(struct apply *a, const struct store_put *put, struct store_body_ref *out)
{
    int r;

    if (!put->body) {
        *out = *put->ref;
        return apply_body_again(a, put->ref);
    }
    r = apply_body(a, put->body);
    *out = put->body->ref;
    return r;
}

int apply_put(struct apply *a, struct op *op)
{
    struct store_put *put = op->put;
    struct store_entry entry = {.flags = put->flags,
                                .internal_date = put->internal_date,
                                .zone_minutes = put->zone_minutes};
    struct head *head;
    int r;

    r = put_target(a, put, &head);
    if (r)
        return r;
    if (put->check_quota &&
        is_over_quota(&head->account->work, put->body ? put->body->size : put->ref->size, 1))
        return STORE_OVER_QUOTA;
    r = apply_keywords(a, head, put->keywords, put->keyword_count, true, &entry.keywords);
    if (r)
        return r;
    r = put_body(a, put, &entry.body);
    if (r)
        return r;
    r = apply_entry_add(a, head, &entry);
    if (r)
        return r;
    put->uid = entry.uid;
    put->uidvalidity = head->work.uidvalidity;
    put->message_id = entry.body.message_id;
    put->in_mailbox_id = head->id;
    return 0;
}

// ---- flag

struct flagging {
    struct head *head;
    struct store_flagging *what;
    uint64_t keywords;
};

static void new_flags(const struct flagging *f, struct store_entry *entry)
{
    switch (f->what->mode) {
    case STORE_FLAGS_REPLACE:
        entry->flags =
            (f->what->flags & ~f->what->keep_flags) | (entry->flags & f->what->keep_flags);
        entry->keywords = f->what->keep_keywords ? entry->keywords : f->keywords;
        break;
    case STORE_FLAGS_ADD:
        entry->flags |= f->what->flags;
        entry->keywords |= f->keywords;
        break;
    case STORE_FLAGS_REMOVE:
        entry->flags &= ~f->what->flags;
        entry->keywords &= ~f->keywords;
        break;
    }
}

static int flag_entry(struct apply *a, const struct flagging *f, const struct store_entry *old,
                      uint64_t modseq)
{
    struct store_entry entry = *old;

    new_flags(f, &entry);
    if (entry.flags == old->flags && entry.keywords == old->keywords)
        return 0;
    catalog_touch(a->catalog, f->head);
    apply_count(f->head, old, -1);
    apply_count(f->head, &entry, 1);
    entry.modseq = modseq;
    f->head->work.modseq = modseq;
    return a->rows->kind->entry_set(a->rows, f->head, &entry);
}

static int flag_entries(struct apply *a, const struct flagging *f,
                        const struct store_entries *entries)
{
    struct store_flagging *what = f->what;
    uint64_t modseq = f->head->work.modseq + 1;

    what->conflicts = NULL;
    what->conflict_count = 0;
    for (size_t i = 0; i < entries->count; i++) {
        int r;

        if (entries->items[i].modseq > what->unchanged_since) {
            if (!what->conflicts)
                what->conflicts =
                    store_change_alloc(a->change, sizeof(*what->conflicts), entries->count);
            what->conflicts[what->conflict_count++] = entries->items[i].uid;
            continue;
        }
        r = flag_entry(a, f, &entries->items[i], modseq);
        if (r)
            return r;
    }
    what->modseq = f->head->work.modseq;
    return 0;
}

int apply_flag(struct apply *a, struct op *op)
{
    struct flagging f = {.what = op->flag};
    struct entry_list list = {0};
    int r;

    f.head = catalog_head(a->catalog, op->flag->mailbox_id);
    if (!f.head)
        return STORE_NOT_FOUND;
    r = apply_keywords(a, f.head, op->flag->keywords, op->flag->keyword_count,
                       op->flag->mode != STORE_FLAGS_REMOVE, &f.keywords);
    if (!r)
        r = apply_find(a, f.head, &op->flag->uids, &list);
    if (!r)
        r = flag_entries(a, &f, &list.entries);
    store_entries_done(&list.entries);
    return r;
}

// ---- expunge

static int expunge_entries(struct apply *a, struct head *head, struct store_expunging *what,
                           const struct store_entries *entries)
{
    uint64_t modseq = head->work.modseq + 1;

    what->count = 0;
    for (size_t i = 0; i < entries->count; i++) {
        int r;

        if (what->deleted_only && !(entries->items[i].flags & STORE_DELETED))
            continue;
        catalog_touch(a->catalog, head);
        head->work.modseq = modseq;
        r = apply_entry_remove(a, head, &entries->items[i], modseq);
        if (r)
            return r;
        what->count++;
    }
    what->modseq = head->work.modseq;
    return apply_expunged_trim(a, head);
}

int apply_expunge(struct apply *a, struct op *op)
{
    struct head *head = catalog_head(a->catalog, op->expunge->mailbox_id);
    struct entry_list list = {0};
    int r;

    if (!head)
        return STORE_NOT_FOUND;
    r = apply_find(a, head, &op->expunge->uids, &list);
    if (!r)
        r = expunge_entries(a, head, op->expunge, &list.entries);
    store_entries_done(&list.entries);
    return r;
}

// ---- copy, move

struct copying {
    struct head *from, *to;
    struct store_copying *what;
    uint64_t mask[STORE_KEYWORDS_MAX]; // target's bit of each source keyword; 0: not yet known
};

/// Words the target has no room for are left behind: a copy is worth more than a word.
static uint64_t keywords_there(struct apply *a, struct copying *c, uint64_t keywords)
{
    uint64_t there = 0;

    for (unsigned i = 0; i < c->from->work.keyword_count; i++) {
        int bit;

        if (!(keywords >> i & 1))
            continue;
        if (!c->mask[i]) {
            bit = catalog_keyword(a->catalog, c->to, str_from(c->from->keywords[i]), true);
            c->mask[i] = bit < 0 ? 0 : (uint64_t)1 << bit;
        }
        there |= c->mask[i];
    }
    return there;
}

static int copy_entry(struct apply *a, struct copying *c, const struct store_entry *old,
                      uint64_t expunge_modseq)
{
    struct store_entry entry = *old;
    int r;

    entry.flags &= ~c->what->drop_flags;
    if (c->what->drop_keywords)
        entry.keywords = 0;
    else if (c->from != c->to)
        entry.keywords = keywords_there(a, c, old->keywords);
    r = a->rows->kind->body_hold(a->rows, &old->body);
    if (r)
        return r;
    r = apply_entry_add(a, c->to, &entry);
    if (r)
        return r;
    c->what->from_uids[c->what->count] = old->uid;
    c->what->to_uids[c->what->count++] = entry.uid;
    if (!c->what->move)
        return 0;
    catalog_touch(a->catalog, c->from);
    if (c->from->work.modseq < expunge_modseq)
        c->from->work.modseq = expunge_modseq;
    return apply_entry_remove(a, c->from, old, expunge_modseq);
}

static bool copy_fits(const struct copying *c, const struct store_entries *entries)
{
    uint64_t bytes = 0;

    if (!c->what->check_quota || (c->what->move && c->from->account == c->to->account))
        return true;
    for (size_t i = 0; i < entries->count; i++)
        bytes += entries->items[i].body.size;
    return !entries->count || !is_over_quota(&c->to->account->work, bytes, entries->count);
}

static int copy_entries(struct apply *a, struct copying *c, const struct store_entries *entries)
{
    uint64_t modseq = c->from->work.modseq + 1 + (c->from == c->to ? entries->count : 0);

    if (!copy_fits(c, entries))
        return STORE_OVER_QUOTA;
    c->what->uidvalidity = c->to->work.uidvalidity;
    c->what->count = 0;
    c->what->from_uids = store_change_alloc(a->change, sizeof(uint32_t), entries->count);
    c->what->to_uids = store_change_alloc(a->change, sizeof(uint32_t), entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        int r = copy_entry(a, c, &entries->items[i], modseq);

        if (r)
            return r;
    }
    return apply_expunged_trim(a, c->from);
}

int apply_copy(struct apply *a, struct op *op)
{
    struct copying c = {.what = op->copy};
    struct entry_list list = {0};
    int r;

    c.from = catalog_head(a->catalog, op->copy->from_mailbox_id);
    c.to = catalog_head(a->catalog, op->copy->to_mailbox_id);
    if (!c.from || !c.to)
        return STORE_NOT_FOUND;
    r = apply_find(a, c.from, &op->copy->uids, &list);
    if (!r)
        r = copy_entries(a, &c, &list.entries);
    store_entries_done(&list.entries);
    return r;
}

// ---- recent

int apply_recent(struct apply *a, struct op *op)
{
    struct head *head = catalog_head(a->catalog, op->id);

    if (!head)
        return STORE_NOT_FOUND;
    catalog_touch(a->catalog, head);
    *op->out_uid = head->work.recent_uid;
    head->work.recent_uid = head->work.uidnext;
    return 0;
}
