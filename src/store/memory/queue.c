// SPDX-License-Identifier: ISC
//
// The queue of store/memory: its entries in arrays sorted by each key they are looked for.
#include "base/check.h"
#include "store/memory/memory.h"

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_id(const struct store_queue_entry *a, const struct store_queue_entry *b)
{
    return order(a->id, b->id);
}

static int by_due(const struct store_queue_entry *a, const struct store_queue_entry *b)
{
    return a->due_us == b->due_us ? by_id(a, b) : a->due_us < b->due_us ? -1 : 1;
}

static int by_lane(const struct store_queue_entry *a, const struct store_queue_entry *b)
{
    int lanes = str_cmp(a->lane, b->lane);

    return lanes ? lanes : by_due(a, b);
}

static int by_mail(const struct store_queue_entry *a, const struct store_queue_entry *b)
{
    return a->mail_id == b->mail_id ? by_id(a, b) : order(a->mail_id, b->mail_id);
}

/// The first that is not before `key`.
static size_t place_of(const struct memory_sorted *o, const struct store_queue_entry *key)
{
    size_t low = 0, high = o->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (o->compare(&o->items[middle]->entry, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct memory_sorted *o, struct memory_queued *queued)
{
    size_t at = place_of(o, &queued->entry);

    STORE_GROW(o->items, o->count, o->cap);
    memmove(o->items + at + 1, o->items + at, (o->count - at) * sizeof(*o->items));
    o->items[at] = queued;
    o->count++;
}

static void take(struct memory_sorted *o, const struct memory_queued *queued)
{
    size_t at = place_of(o, &queued->entry);

    CHECK(at < o->count && o->items[at] == queued);
    o->count--;
    memmove(o->items + at, o->items + at + 1, (o->count - at) * sizeof(*o->items));
}

void memory_queue_init(struct memory *m)
{
    m->queue[BY_ID].compare = by_id;
    m->queue[BY_DUE].compare = by_due;
    m->queue[BY_LANE].compare = by_lane;
    m->queue[BY_MAIL].compare = by_mail;
}

void memory_queue_done(struct memory *m)
{
    for (size_t i = 0; i < m->queue[BY_ID].count; i++)
        free(m->queue[BY_ID].items[i]);
    for (int i = 0; i < MEMORY_ORDERS; i++)
        free(m->queue[i].items);
}

struct memory_queued *memory_queued_new(const struct store_queue_entry *entry)
{
    struct memory_queued *queued =
        store_alloc(sizeof(*queued) + entry->lane.len + entry->value.len);

    queued->entry = *entry;
    if (entry->lane.len)
        memcpy(queued->bytes, entry->lane.ptr, entry->lane.len);
    if (entry->value.len)
        memcpy(queued->bytes + entry->lane.len, entry->value.ptr, entry->value.len);
    queued->entry.lane.ptr = queued->bytes;
    queued->entry.value.ptr = queued->bytes + entry->lane.len;
    return queued;
}

struct memory_queued *memory_queue_find(struct memory *m, uint64_t id)
{
    const struct memory_sorted *o = &m->queue[BY_ID];
    size_t at = place_of(o, &(struct store_queue_entry){.id = id});

    return at < o->count && o->items[at]->entry.id == id ? o->items[at] : NULL;
}

void memory_queue_swap(struct memory *m, struct memory_queued *before, struct memory_queued *now)
{
    for (int i = 0; i < MEMORY_ORDERS; i++) {
        if (before)
            take(&m->queue[i], before);
        if (now)
            insert(&m->queue[i], now);
    }
}

// ---- reading

static bool is_wanted(const struct queue_query *q, const struct store_queue_entry *entry)
{
    switch (q->kind) {
    case QUEUE_ONE:
        return entry->id == q->id;
    case QUEUE_OF_MAIL:
        return entry->mail_id == q->id;
    case QUEUE_DUE:
        break;
    }
    return entry->due_us <= q->due_max_us && (!q->lane.ptr || str_eq(entry->lane, q->lane));
}

static const struct memory_sorted *order_for(struct memory *m, const struct queue_query *q)
{
    switch (q->kind) {
    case QUEUE_ONE:
        return &m->queue[BY_ID];
    case QUEUE_OF_MAIL:
        return &m->queue[BY_MAIL];
    case QUEUE_DUE:
        break;
    }
    return &m->queue[q->lane.ptr ? BY_LANE : BY_DUE];
}

void memory_queue_read(struct memory *m, const struct queue_query *query,
                       struct store_queue_list *out)
{
    struct store_queue_entry key = {.lane = query->lane};
    const struct memory_sorted *o = order_for(m, query);
    size_t at, max = query->kind == QUEUE_DUE ? query->max : SIZE_MAX;

    if (query->kind == QUEUE_ONE) {
        key.id = query->id;
    } else if (query->kind == QUEUE_OF_MAIL) {
        key.mail_id = query->id;
    } else {
        key.due_us = query->after.due_us;
        key.id = query->after.id;
    }
    at = place_of(o, &key);
    if (query->kind == QUEUE_DUE && at < o->count && o->compare(&o->items[at]->entry, &key) == 0)
        at++;
    for (; at < o->count && out->count < max && is_wanted(query, &o->items[at]->entry); at++)
        store_queue_list_add(out, &o->items[at]->entry);
}
