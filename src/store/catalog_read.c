// SPDX-License-Identifier: ISC
//
// The readers' side of the catalog: what is shown, under its lock, from any thread; and watches.
#include "base/check.h"
#include "store/catalog.h"

#include <errno.h>

void catalog_describe(const struct head *head, const struct head_state *state,
                      struct store_mailbox *out)
{
    out->id = head->id;
    out->account_id = head->account->id;
    memcpy(out->name, state->name->bytes, state->name->len);
    out->name[state->name->len] = '\0';
    out->uidvalidity = state->uidvalidity;
    out->uidnext = state->uidnext;
    out->modseq = state->modseq;
    out->expunge_modseq = state->expunge_modseq;
    out->message_count = state->message_count;
    out->unseen_count = state->unseen_count;
    out->deleted_count = state->deleted_count;
    out->bytes = state->bytes;
    out->deleted_bytes = state->deleted_bytes;
    out->special_use = state->special_use;
}

static struct head *shown_head(struct catalog *c, uint64_t id)
{
    struct head *head = map_get_u64(&c->heads, id);

    return head && head->shown.exists ? head : NULL;
}

int catalog_mailbox_by_name(struct catalog *c, uint64_t account_id, struct str name,
                            struct store_mailbox *out)
{
    char key[8 + STORE_NAME_MAX];
    struct head *head;

    if (name.len > STORE_NAME_MAX)
        return STORE_NOT_FOUND;
    memcpy(key, &account_id, 8);
    memcpy(key + 8, name.ptr, name.len);
    pthread_mutex_lock(&c->lock);
    head = map_get(&c->shown_names, str_of(key, 8 + name.len));
    if (head)
        catalog_describe(head, &head->shown, out);
    pthread_mutex_unlock(&c->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

int catalog_mailbox_by_id(struct catalog *c, uint64_t id, struct store_mailbox *out)
{
    struct head *head;

    pthread_mutex_lock(&c->lock);
    head = shown_head(c, id);
    if (head)
        catalog_describe(head, &head->shown, out);
    pthread_mutex_unlock(&c->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

int catalog_modseq(struct catalog *c, uint64_t mailbox_id, uint64_t *out)
{
    struct head *head;

    pthread_mutex_lock(&c->lock);
    head = shown_head(c, mailbox_id);
    if (head)
        *out = head->shown.modseq;
    pthread_mutex_unlock(&c->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

static int by_name(const void *a, const void *b)
{
    const struct store_mailbox *x = a, *y = b;

    return str_cmp(str_from(x->name), str_from(y->name));
}

int catalog_mailboxes(struct catalog *c, uint64_t account_id, struct store_mailbox **out,
                      size_t *out_count)
{
    struct store_mailbox *all;
    struct account *account;
    size_t count = 0;

    pthread_mutex_lock(&c->lock);
    account = map_get_u64(&c->accounts, account_id);
    all = store_alloc(((account ? account->count : 0) + 1) * sizeof(*all));
    for (size_t i = 0; account && i < account->count; i++) {
        if (account->heads[i]->shown.exists)
            catalog_describe(account->heads[i], &account->heads[i]->shown, &all[count++]);
    }
    pthread_mutex_unlock(&c->lock);
    qsort(all, count, sizeof(*all), by_name);
    *out = all;
    *out_count = count;
    return 0;
}

int catalog_keywords(struct catalog *c, uint64_t mailbox_id, struct store_keywords *out)
{
    struct head *head;

    pthread_mutex_lock(&c->lock);
    head = shown_head(c, mailbox_id);
    out->count = head ? head->shown.keyword_count : 0;
    for (size_t i = 0; i < out->count; i++)
        memcpy(out->names[i], head->keywords[i], strlen(head->keywords[i]) + 1);
    pthread_mutex_unlock(&c->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

int catalog_subscriptions(struct catalog *c, uint64_t account_id, char ***out, size_t *out_count)
{
    const struct name_set *set;
    struct account *account;
    size_t size = sizeof(char *);
    char **names, *at;

    pthread_mutex_lock(&c->lock);
    account = map_get_u64(&c->accounts, account_id);
    set = account ? account->shown.subscriptions : NULL;
    for (size_t i = 0; set && i < set->count; i++)
        size += sizeof(char *) + strlen(set->names[i]) + 1;
    names = store_alloc(size);
    at = (char *)(names + (set ? set->count : 0));
    for (size_t i = 0; set && i < set->count; i++) {
        size_t len = strlen(set->names[i]) + 1;

        names[i] = memcpy(at, set->names[i], len);
        at += len;
    }
    *out_count = set ? set->count : 0;
    pthread_mutex_unlock(&c->lock);
    *out = names;
    return 0;
}

int catalog_quota(struct catalog *c, uint64_t account_id, struct store_quota *out)
{
    struct account *account;

    *out = (struct store_quota){0};
    pthread_mutex_lock(&c->lock);
    account = map_get_u64(&c->accounts, account_id);
    if (account)
        *out = (struct store_quota){account->shown.bytes, account->shown.bytes_max,
                                    account->shown.messages, account->shown.messages_max};
    pthread_mutex_unlock(&c->lock);
    return 0;
}

uint64_t catalog_account_max(struct catalog *c)
{
    uint64_t max = 0;
    void *value;

    pthread_mutex_lock(&c->lock);
    for (size_t at = 0; map_next(&c->accounts, &at, NULL, &value);) {
        if (((struct account *)value)->id > max)
            max = ((struct account *)value)->id;
    }
    pthread_mutex_unlock(&c->lock);
    return max;
}

void catalog_queue(struct catalog *c, uint64_t *out_all, uint64_t *out_held)
{
    pthread_mutex_lock(&c->lock);
    *out_all = c->queue_shown.count;
    *out_held = c->queue_shown.held;
    pthread_mutex_unlock(&c->lock);
}

int catalog_recent(struct catalog *c, uint64_t mailbox_id, uint32_t *out_uid, bool *out_some)
{
    struct head *head;

    pthread_mutex_lock(&c->lock);
    head = shown_head(c, mailbox_id);
    if (head) {
        *out_uid = head->shown.recent_uid;
        *out_some = head->shown.recent_uid < head->shown.uidnext;
    }
    pthread_mutex_unlock(&c->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

void catalog_await_modseq(struct catalog *c, uint64_t mailbox_id, uint64_t modseq)
{
    struct head *head;

    pthread_mutex_lock(&c->lock);
    while ((head = shown_head(c, mailbox_id)) && head->shown.modseq < modseq)
        pthread_cond_wait(&c->published, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

uint64_t catalog_mailbox_count(struct catalog *c)
{
    uint64_t count;

    pthread_mutex_lock(&c->lock);
    count = c->heads.count;
    pthread_mutex_unlock(&c->lock);
    return count;
}

uint64_t catalog_message_count(struct catalog *c)
{
    uint64_t count = 0;
    void *value;

    pthread_mutex_lock(&c->lock);
    for (size_t at = 0; map_next(&c->accounts, &at, NULL, &value);)
        count += ((struct account *)value)->shown.messages;
    pthread_mutex_unlock(&c->lock);
    return count;
}

// ---- watches

struct watch_list {
    struct list watches;
};

static struct map *map_of(struct catalog *c, const struct store_watch *watch, uint64_t *out_key)
{
    *out_key = watch->mailbox_id ? watch->mailbox_id : watch->account_id;
    return watch->mailbox_id ? &c->watches : &c->account_watches;
}

int store_watch_new(struct store *store, uint64_t account_id, uint64_t mailbox_id,
                    struct rt_handle handle, struct store_watch **out)
{
    struct catalog *c = store->catalog;
    struct store_watch *watch = store_alloc(sizeof(*watch));
    struct watch_list *all;
    struct head *head;
    struct map *map;
    uint64_t key;

    watch->catalog = c;
    watch->account_id = account_id;
    watch->mailbox_id = mailbox_id;
    watch->handle = handle;
    map = map_of(c, watch, &key);
    pthread_mutex_lock(&c->lock);
    all = map_get_u64(map, key);
    if (!all) {
        all = store_alloc(sizeof(*all));
        list_init(&all->watches);
        map_put_u64(map, key, all);
    }
    list_put_last(&all->watches, &watch->link);
    head = mailbox_id ? shown_head(c, mailbox_id) : NULL;
    watch->modseq = head ? head->shown.modseq : 0;
    pthread_mutex_unlock(&c->lock);
    *out = watch;
    return 0;
}

uint64_t store_watch_modseq(const struct store_watch *watch)
{
    return atomic_load_explicit(&watch->modseq, memory_order_acquire);
}

void store_watch_free(struct store_watch *watch)
{
    struct watch_list *all;
    struct map *map;
    uint64_t key;

    if (!watch)
        return;
    map = map_of(watch->catalog, watch, &key);
    pthread_mutex_lock(&watch->catalog->lock);
    all = map_get_u64(map, key);
    list_remove(&watch->link);
    if (all && list_is_empty(&all->watches))
        free(map_take_u64(map, key));
    pthread_mutex_unlock(&watch->catalog->lock);
    free(watch);
}

static void wake_all(struct catalog *c, struct map *map, uint64_t key, uint64_t modseq)
{
    struct watch_list *all = map_get_u64(map, key);

    if (!all)
        return;
    LIST_EACH (&all->watches, it) {
        struct store_watch *watch = LIST_OF(it, struct store_watch, link);

        atomic_store_explicit(&watch->modseq, modseq, memory_order_release);
        if (c->rt)
            rt_notify(c->rt, watch->handle);
    }
}

void catalog_wake(struct catalog *c, const struct head *head)
{
    uint64_t modseq = head->work.exists ? head->work.modseq : 0;

    wake_all(c, &c->watches, head->id, modseq);
}

void catalog_wake_account(struct catalog *c, const struct account *account)
{
    wake_all(c, &c->account_watches, account->id, 0);
}
