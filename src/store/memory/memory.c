// SPDX-License-Identifier: ISC
//
// The engine that keeps everything in memory: for the simulator, for tests, and as the plainest
// form of the contract, against which the others are compared. One lock, held for a whole commit
// and a whole read; nothing waits. Documents live as rows too (memory/rows.c).
#include "store/memory/memory.h"

#include "base/check.h"
#include "rt/sim/sim.h"
#include "store/apply.h"

#include <errno.h>

static struct memory *memory_of(struct store *store)
{
    return (struct memory *)store;
}

static int commit_now(struct store *store, struct store_change *change)
{
    struct memory *m = memory_of(store);
    int r;

    pthread_mutex_lock(&m->lock);
    catalog_group_begin(store->catalog);
    r = apply_change(store->catalog, &m->rows, change);
    if (r)
        catalog_abort(store->catalog);
    else
        catalog_publish(store->catalog);
    m->stats.commits += !r;
    m->stats.groups++;
    pthread_mutex_unlock(&m->lock);
    return r;
}

// ---- commits that take time, and the end of their node

struct flight {
    struct list link; // in none: it happened, or never will
    struct store *store;
    struct store_change *change;
    int result;
};

static int happen(void *arg)
{
    struct flight *flight = arg;

    if (list_is_in(&flight->link)) {
        list_remove(&flight->link);
        flight->result = commit_now(flight->store, flight->change);
    }
    return 0;
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int memory_commit(struct store *store, struct store_change *change)
{
    struct memory *m = memory_of(store);
    struct flight flight = {.store = store, .change = change};

    if (m->crashed)
        return -EIO;
    if (!m->slow)
        return commit_now(store, change);
    list_put_last(&m->flights, &flight.link);
    rt_call(m->slow, happen, &flight);
    rt_call(m->slow, do_nothing, NULL);
    return m->crashed ? -EIO : flight.result;
}

void store_memory_slow(struct store *store)
{
    struct memory *m = memory_of(store);

    CHECK(rt_is_sim(store->rt));
    if (!m->slow)
        CHECK(rt_pool_new(store->rt, "store-memory", 1, 1, &m->slow) == 0);
}

void store_memory_crash(struct store *store)
{
    struct memory *m = memory_of(store);

    m->crashed = true;
    LIST_EACH (&m->flights, link) {
        struct flight *flight = LIST_OF(link, struct flight, link);

        list_remove(link);
        if (rt_random() % 2)
            commit_now(store, flight->change);
    }
}

int store_memory_reopen(struct store *old, struct store **out)
{
    struct memory *from = memory_of(old), *m;

    CHECK(list_is_empty(&from->flights));
    store_memory_open(old->rt, out);
    m = memory_of(*out);
    m->store.bodies_memory = old->bodies_memory;
    catalog_copy(m->store.catalog, old->catalog);
    memory_rows_copy(m, from);
    if (from->slow)
        store_memory_slow(*out);
    return 0;
}

// ---- reading

static ssize_t memory_body_read(struct store *store, const struct store_body_ref *ref,
                                uint64_t offset, void *to, size_t len)
{
    struct memory *m = memory_of(store);
    struct memory_body *body;

    pthread_mutex_lock(&m->lock);
    body = map_get_u64(&m->bodies, ref->message_id);
    if (body && offset + len <= body->size)
        memcpy(to, body->bytes + offset, len);
    pthread_mutex_unlock(&m->lock);
    return body ? (ssize_t)len : -ENOENT;
}

static int memory_entries_get(struct store *store, uint64_t mailbox_id, uint32_t uid_first,
                              uint32_t uid_last, struct store_entries *out)
{
    struct memory *m = memory_of(store);
    struct entry_list list = {0};
    struct head *head;

    pthread_mutex_lock(&m->lock);
    head = catalog_head(store->catalog, mailbox_id);
    if (head)
        m->rows.kind->entries_find(&m->rows, head, uid_first, uid_last, &list);
    pthread_mutex_unlock(&m->lock);
    *out = list.entries;
    return head ? STORE_OK : STORE_NOT_FOUND;
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void changes_of(const struct memory_mailbox *box, uint64_t since, struct store_changes *out)
{
    struct entry_list list = {0};

    out->expunged = store_alloc((box->expunged_count + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < box->count; i++) {
        if (box->entries[i].modseq > since)
            entry_list_add(&list, &box->entries[i]);
    }
    for (size_t i = 0; i < box->expunged_count; i++) {
        if (box->expunged[i].modseq > since)
            out->expunged[out->expunged_count++] = box->expunged[i].uid;
    }
    qsort(out->expunged, out->expunged_count, sizeof(uint32_t), by_uid);
    out->changed = list.entries;
}

static int memory_changes_get(struct store *store, uint64_t mailbox_id, uint64_t since,
                              struct store_changes *out)
{
    struct memory *m = memory_of(store);
    struct head *head;

    pthread_mutex_lock(&m->lock);
    head = catalog_head(store->catalog, mailbox_id);
    if (head) {
        catalog_describe(head, &head->work, &out->mailbox);
        changes_of(memory_mailbox_of(m, head), since, out);
    }
    pthread_mutex_unlock(&m->lock);
    return head ? STORE_OK : STORE_NOT_FOUND;
}

static int memory_doc_get(struct store *store, const char *kind, struct str key, struct buf *out)
{
    struct memory *m = memory_of(store);
    int r;

    pthread_mutex_lock(&m->lock);
    r = m->rows.kind->doc_find(&m->rows, kind, key, out);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static int memory_doc_list(struct store *store, const char *kind, struct store_doc_list *out)
{
    struct memory *m = memory_of(store);

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->doc_count; i++) {
        if (str_eq(str_from(m->docs[i]->kind), str_from(kind)))
            store_doc_list_add(out, m->docs[i]->key, m->docs[i]->value);
    }
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int memory_read_queue(struct store *store, const struct queue_query *query,
                             struct store_queue_list *out)
{
    struct memory *m = memory_of(store);

    pthread_mutex_lock(&m->lock);
    memory_queue_read(m, query, out);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int memory_commit_known(struct store *store, const uint8_t token[16])
{
    struct memory *m = memory_of(store);
    void *known;

    pthread_mutex_lock(&m->lock);
    known = map_get(&m->tokens, str_of(token, 16));
    pthread_mutex_unlock(&m->lock);
    return known ? STORE_OK : STORE_NOT_FOUND;
}

static int memory_stats_get(struct store *store, struct store_stats *out)
{
    struct memory *m = memory_of(store);

    pthread_mutex_lock(&m->lock);
    *out = m->stats;
    out->bodies = m->bodies.count;
    out->mailboxes = catalog_mailbox_count(store->catalog);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int free_slow(void *arg)
{
    rt_pool_free(((struct memory *)arg)->slow);
    return 0;
}

static void memory_close(struct store *store)
{
    struct memory *m = memory_of(store);

    if (m->slow)
        rt_call_aside(free_slow, m);
    memory_rows_done(m);
    catalog_free(store->catalog);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct engine the_engine = {
    .name = "memory",
    .close = memory_close,
    .body_read = memory_body_read,
    .entries_get = memory_entries_get,
    .changes_get = memory_changes_get,
    .doc_get = memory_doc_get,
    .doc_list = memory_doc_list,
    .queue_read = memory_read_queue,
    .commit = memory_commit,
    .commit_known = memory_commit_known,
    .stats_get = memory_stats_get,
};

int store_memory_open(struct rt *rt, struct store **out)
{
    struct memory *m = store_alloc(sizeof(*m));

    m->store = (struct store){.engine = &the_engine, .rt = rt, .catalog = catalog_new(rt)};
    pthread_mutex_init(&m->lock, NULL);
    list_init(&m->flights);
    memory_rows_init(m);
    *out = &m->store;
    return 0;
}
