// SPDX-License-Identifier: ISC
//
// The door: look-ups the catalog answers, and the way to the engine for everything else.
#include "base/check.h"
#include "rt/rt.h"
#include "store/catalog.h"

#include <errno.h>

void *store_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    CHECK(p);
    return p;
}

void *store_realloc_array(void *old, size_t count, size_t size)
{
    void *p;

    CHECK(count <= SIZE_MAX / size);
    p = realloc(old, count * size);
    CHECK(p);
    return p;
}

void store_close(struct store *store)
{
    if (store)
        store->engine->close(store);
}

// ---- mailboxes

int store_mailbox_by_name(struct store *store, uint64_t account_id, struct str name,
                          struct store_mailbox *out)
{
    return catalog_mailbox_by_name(store->catalog, account_id, name, out);
}

int store_mailbox_by_id(struct store *store, uint64_t mailbox_id, struct store_mailbox *out)
{
    return catalog_mailbox_by_id(store->catalog, mailbox_id, out);
}

int store_mailboxes(struct store *store, uint64_t account_id, struct store_mailbox **out,
                    size_t *out_count)
{
    return catalog_mailboxes(store->catalog, account_id, out, out_count);
}

int store_keywords_get(struct store *store, uint64_t mailbox_id, struct store_keywords *out)
{
    return catalog_keywords(store->catalog, mailbox_id, out);
}

int store_subscriptions(struct store *store, uint64_t account_id, char ***out, size_t *out_count)
{
    return catalog_subscriptions(store->catalog, account_id, out, out_count);
}

int store_quota_get(struct store *store, uint64_t account_id, struct store_quota *out)
{
    return catalog_quota(store->catalog, account_id, out);
}

uint64_t store_account_max(struct store *store)
{
    return catalog_account_max(store->catalog);
}

int store_recent(struct store *store, uint64_t mailbox_id, bool claim, uint32_t *out_first_uid)
{
    struct store_change *change;
    bool some = false;
    int r;

    r = catalog_recent(store->catalog, mailbox_id, out_first_uid, &some);
    if (r || !claim || !some)
        return r;
    r = store_change_new(store, &change);
    if (r < 0)
        return r;
    store_change_recent(change, mailbox_id, out_first_uid);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

// ---- messages

int store_entries_get(struct store *store, uint64_t mailbox_id, uint32_t uid_first,
                      uint32_t uid_last, struct store_entries *out)
{
    *out = (struct store_entries){0};
    if (uid_first > uid_last)
        return 0;
    return store->engine->entries_get(store, mailbox_id, uid_first, uid_last, out);
}

void store_entries_done(struct store_entries *entries)
{
    if (!entries)
        return;
    free(entries->items);
    *entries = (struct store_entries){0};
}

int store_changes_get(struct store *store, uint64_t mailbox_id, uint64_t since,
                      struct store_changes *out)
{
    *out = (struct store_changes){0};
    return store->engine->changes_get(store, mailbox_id, since, out);
}

void store_changes_done(struct store_changes *changes)
{
    if (!changes)
        return;
    store_entries_done(&changes->changed);
    free(changes->expunged);
    *changes = (struct store_changes){0};
}

ssize_t store_body_read(struct store *store, const struct store_body_ref *ref, uint64_t offset,
                        void *to, size_t len)
{
    if (offset >= ref->size || !len)
        return 0;
    if (len > ref->size - offset)
        len = (size_t)(ref->size - offset);
    return store->engine->body_read(store, ref, offset, to, len);
}

void store_bodies_read(struct store *store, struct store_body_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct store_body_piece *p = &pieces[i];
        uint64_t left = p->offset < p->ref->size ? p->ref->size - p->offset : 0;

        p->len = p->len < left ? p->len : (size_t)left;
        p->n = 0;
        if (!store->engine->bodies_read && p->len > 0)
            p->n = store->engine->body_read(store, p->ref, p->offset, p->to, p->len);
    }
    if (store->engine->bodies_read && count > 0)
        store->engine->bodies_read(store, pieces, count);
}

int store_body_load(struct store *store, const struct store_body_ref *ref, struct buf *out)
{
    size_t before = out->len;
    char *room;
    ssize_t n;

    if (ref->size > out->max - out->len)
        return -EFBIG;
    room = buf_room(out, (size_t)ref->size);
    if (!room)
        return -EFBIG;
    n = store_body_read(store, ref, 0, room, (size_t)ref->size);
    if (n < 0)
        return (int)n;
    if ((uint64_t)n != ref->size)
        return -EBADMSG;
    buf_added(out, (size_t)n);
    CHECK(out->len == before + ref->size);
    return 0;
}

// ---- documents

int store_doc_get(struct store *store, const char *kind, struct str key, struct buf *out)
{
    return store->engine->doc_get(store, kind, key, out);
}

int store_doc_each(struct store *store, const char *kind,
                   int (*each)(void *arg, struct str key, struct str value), void *arg)
{
    struct store_doc_list list;
    int r;

    store_doc_list_init(&list);
    r = store->engine->doc_list(store, kind, &list);
    for (size_t i = 0; !r && i < list.count; i++) {
        const struct store_doc *doc = &list.items[i];

        r = each(arg, str_of(list.bytes.ptr + doc->key_at, doc->key_len),
                 str_of(list.bytes.ptr + doc->value_at, doc->value_len));
    }
    store_doc_list_done(&list);
    return r;
}

void store_doc_list_init(struct store_doc_list *list)
{
    *list = (struct store_doc_list){0};
    buf_init(&list->bytes, SIZE_MAX / 2);
}

void store_doc_list_add(struct store_doc_list *list, struct str key, struct str value)
{
    size_t at = list->bytes.len;

    STORE_GROW(list->items, list->count, list->cap);
    list->items[list->count++] = (struct store_doc){at, key.len, at + key.len, value.len};
    buf_put(&list->bytes, key);
    buf_put(&list->bytes, value);
    buf_put_char(&list->bytes, '\0'); // so that there are bytes to point to
}

void store_doc_list_done(struct store_doc_list *list)
{
    free(list->items);
    buf_done(&list->bytes);
}

int store_commit_known(struct store *store, const uint8_t token[16])
{
    return store->engine->commit_known(store, token);
}

int store_stats_get(struct store *store, struct store_stats *out)
{
    *out = (struct store_stats){0};
    return store->engine->stats_get(store, out);
}
