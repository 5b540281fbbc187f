// SPDX-License-Identifier: ISC
//
// The door's part for the queue: readings, and the list they give.
#include "base/check.h"
#include "store/catalog.h"

void store_queue_list_add(struct store_queue_list *list, const struct store_queue_entry *entry)
{
    STORE_GROW(list->items, list->count, list->cap);
    list->items[list->count++] = *entry;
    buf_put(&list->bytes, entry->lane);
    buf_put(&list->bytes, entry->value);
}

void store_queue_list_done(struct store_queue_list *list)
{
    if (!list)
        return;
    free(list->items);
    buf_done(&list->bytes);
    *list = (struct store_queue_list){0};
}

/// The bytes moved while they were gathered: now they stay.
void store_queue_list_settle(struct store_queue_list *list)
{
    struct str rest = buf_str(&list->bytes);

    CHECK(buf_ok(&list->bytes));
    for (size_t i = 0; i < list->count; i++) {
        struct store_queue_entry *entry = &list->items[i];

        entry->lane = str_head(rest, entry->lane.len);
        rest = str_skip(rest, entry->lane.len);
        entry->value = str_head(rest, entry->value.len);
        rest = str_skip(rest, entry->value.len);
    }
}

static int read_queue(struct store *store, const struct queue_query *query,
                      struct store_queue_list *out)
{
    int r;

    if (!out->bytes.max)
        buf_init(&out->bytes, SIZE_MAX / 2);
    buf_clear(&out->bytes);
    out->count = 0;
    r = store->engine->queue_read(store, query, out);
    if (r)
        out->count = 0;
    store_queue_list_settle(out);
    return r;
}

int store_queue_due(struct store *store, struct str lane, int64_t due_max_us,
                    struct store_queue_cursor *cursor, size_t max, struct store_queue_list *out)
{
    struct queue_query query = {
        .kind = QUEUE_DUE, .lane = lane, .after = *cursor, .due_max_us = due_max_us, .max = max};
    int r = read_queue(store, &query, out);

    if (r == 0 && out->count) {
        const struct store_queue_entry *last = &out->items[out->count - 1];

        *cursor = (struct store_queue_cursor){last->due_us, last->id};
    }
    return r;
}

int store_queue_next(struct store *store, const struct store_queue_cursor *cursor,
                     int64_t *out_due_us)
{
    struct store_queue_cursor at = *cursor;
    struct store_queue_list list = {0};
    int r = store_queue_due(store, STR_NONE, INT64_MAX, &at, 1, &list);

    if (r == 0)
        *out_due_us = list.count ? list.items[0].due_us : INT64_MAX;
    store_queue_list_done(&list);
    return r;
}

int store_queue_get(struct store *store, uint64_t id, struct store_queue_list *out)
{
    struct queue_query query = {.kind = QUEUE_ONE, .id = id};
    int r = read_queue(store, &query, out);

    return r == 0 && !out->count ? STORE_NOT_FOUND : r;
}

int store_queue_of_mail(struct store *store, uint64_t mail_id, struct store_queue_list *out)
{
    struct queue_query query = {.kind = QUEUE_OF_MAIL, .id = mail_id};

    return read_queue(store, &query, out);
}

void store_queue_count(struct store *store, uint64_t *out_all, uint64_t *out_held)
{
    catalog_queue(store->catalog, out_all, out_held);
}
