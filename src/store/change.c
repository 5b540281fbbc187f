// SPDX-License-Identifier: ISC
//
// Collecting the operations of a change; committing it through the engine.
#include "base/check.h"
#include "rt/rt.h"
#include "store/engine.h"

#include <errno.h>

int store_change_new(struct store *store, struct store_change **out)
{
    struct store_change *change = store_alloc(sizeof(*change));

    change->store = store;
    *out = change;
    return 0;
}

void store_change_free(struct store_change *change)
{
    if (!change)
        return;
    for (size_t i = 0; i < change->owned_count; i++)
        free(change->owned[i]);
    free(change->owned);
    free(change->ops);
    free(change);
}

void *store_change_alloc(struct store_change *change, size_t size, size_t count)
{
    void *p = store_alloc(size * (count ? count : 1));

    STORE_GROW(change->owned, change->owned_count, change->owned_cap);
    change->owned[change->owned_count++] = p;
    return p;
}

void store_change_token(const struct store_change *change, uint8_t out[16])
{
    struct store_change *c = (struct store_change *)change;

    if (!c->has_token)
        rt_random_bytes(c->token, sizeof(c->token));
    c->has_token = true;
    memcpy(out, c->token, sizeof(c->token));
}

int store_commit(struct store_change *change)
{
    CHECK(!change->committed);
    change->committed = true;
    if (!change->count)
        return 0;
    change->now_s = rt_wall_s();
    return change->store->engine->commit(change->store, change);
}

static struct op *add(struct store_change *change, enum op_kind kind, uint64_t id, struct str name)
{
    CHECK(!change->committed);
    STORE_GROW(change->ops, change->count, change->cap);
    change->ops[change->count] = (struct op){.kind = kind, .id = id, .name = name};
    return &change->ops[change->count++];
}

void store_change_put(struct store_change *change, struct store_put *put)
{
    CHECK(put->body ? put->body->store == change->store : put->ref != NULL);
    add(change, OP_PUT, put->mailbox_id, put->name)->put = put;
}

void store_change_flag(struct store_change *change, struct store_flagging *flagging)
{
    add(change, OP_FLAG, flagging->mailbox_id, STR_NONE)->flag = flagging;
}

void store_change_expunge(struct store_change *change, struct store_expunging *expunging)
{
    add(change, OP_EXPUNGE, expunging->mailbox_id, STR_NONE)->expunge = expunging;
}

void store_change_copy(struct store_change *change, struct store_copying *copying)
{
    add(change, OP_COPY, copying->from_mailbox_id, STR_NONE)->copy = copying;
}

void store_change_mailbox_create(struct store_change *change, uint64_t account_id, struct str name,
                                 unsigned special_use, uint64_t *out_id)
{
    struct op *op = add(change, OP_CREATE, account_id, name);

    op->create.special_use = special_use;
    op->create.out_id = out_id;
}

void store_change_mailbox_delete(struct store_change *change, uint64_t mailbox_id)
{
    add(change, OP_DELETE, mailbox_id, STR_NONE);
}

void store_change_mailbox_rename(struct store_change *change, uint64_t mailbox_id, struct str name)
{
    add(change, OP_RENAME, mailbox_id, name);
}

void store_change_special_use(struct store_change *change, uint64_t mailbox_id,
                              unsigned special_use)
{
    add(change, OP_SPECIAL_USE, mailbox_id, STR_NONE)->create.special_use = special_use;
}

void store_change_subscribe(struct store_change *change, uint64_t account_id, struct str name,
                            bool on)
{
    add(change, OP_SUBSCRIBE, account_id, name)->on = on;
}

void store_change_quota(struct store_change *change, uint64_t account_id, uint64_t bytes_max,
                        uint64_t messages_max)
{
    struct op *op = add(change, OP_QUOTA, account_id, STR_NONE);

    op->quota.bytes_max = bytes_max;
    op->quota.messages_max = messages_max;
}

void store_change_account_remove(struct store_change *change, uint64_t account_id)
{
    add(change, OP_ACCOUNT_REMOVE, account_id, STR_NONE);
}

void store_change_doc_put(struct store_change *change, const char *kind, struct str key,
                          struct str value)
{
    struct op *op = add(change, OP_DOC_PUT, 0, key);

    op->doc.kind = kind;
    op->doc.value = value;
}

void store_change_doc_put_if(struct store_change *change, const char *kind, struct str key,
                             struct str before, struct str value)
{
    struct op *op = add(change, OP_DOC_PUT_IF, 0, key);

    op->doc.kind = kind;
    op->doc.before = before;
    op->doc.value = value;
}

void store_change_doc_remove(struct store_change *change, const char *kind, struct str key)
{
    add(change, OP_DOC_REMOVE, 0, key)->doc.kind = kind;
}

void store_change_mailbox_doc(struct store_change *change, const char *kind,
                              const uint64_t *mailbox_id, struct str before, struct str value)
{
    struct op *op = add(change, OP_MAILBOX_DOC, 0, STR_NONE);

    op->doc.kind = kind;
    op->doc.mailbox_id = mailbox_id;
    op->doc.before = before;
    op->doc.value = value;
}

void store_change_queue_put(struct store_change *change, struct store_queue_put *put)
{
    CHECK(put->body ? put->body->store == change->store : put->ref != NULL);
    add(change, OP_QUEUE_PUT, 0, put->lane)->queue_put = put;
}

void store_change_queue_set(struct store_change *change, uint64_t id, int64_t due_us,
                            struct str lane, struct str value)
{
    struct op *op = add(change, OP_QUEUE_SET, id, lane);

    op->queue_set.due_us = due_us;
    op->queue_set.value = value;
}

void store_change_queue_remove(struct store_change *change, uint64_t id)
{
    add(change, OP_QUEUE_REMOVE, id, STR_NONE);
}

void store_change_recent(struct store_change *change, uint64_t mailbox_id, uint32_t *out_uid)
{
    add(change, OP_RECENT, mailbox_id, STR_NONE)->out_uid = out_uid;
}
