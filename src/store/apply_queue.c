// SPDX-License-Identifier: ISC
//
// Operations on the queue: put, set, remove. An entry holds its body as an entry of a mailbox does.
#include "store/apply.h"

static int check_texts(struct str lane, struct str value)
{
    return lane.len > STORE_QUEUE_LANE_MAX || value.len > STORE_QUEUE_VALUE_MAX ? STORE_LIMIT : 0;
}

static int hold_body(struct apply *a, const struct store_queue_put *put, struct store_body_ref *out)
{
    int r;

    if (put->body) {
        r = apply_body(a, put->body);
        *out = put->body->ref;
        return r;
    }
    *out = *put->ref;
    return apply_body_again(a, put->ref);
}

int apply_queue_put(struct apply *a, struct op *op)
{
    struct store_queue_put *put = op->queue_put;
    struct queue_numbers *numbers = &a->catalog->queue;
    struct store_queue_entry entry = {.id = numbers->next_id,
                                      .mail_id = put->mail_id,
                                      .due_us = put->due_us,
                                      .lane = put->lane,
                                      .value = put->value};
    int r;

    r = check_texts(put->lane, put->value);
    if (!r)
        r = hold_body(a, put, &entry.body);
    if (!r)
        r = a->rows->kind->queue_add(a->rows, &entry);
    if (r)
        return r;
    numbers->next_id++;
    numbers->count++;
    numbers->held += entry.due_us == STORE_QUEUE_HELD;
    put->id = entry.id;
    put->out_body = entry.body;
    return 0;
}

int apply_queue_set(struct apply *a, struct op *op)
{
    struct store_queue_entry entry;
    int r;

    r = check_texts(op->name, op->queue_set.value);
    if (!r)
        r = a->rows->kind->queue_find(a->rows, op->id, &entry);
    if (r)
        return r;
    a->catalog->queue.held -= entry.due_us == STORE_QUEUE_HELD;
    entry.due_us = op->queue_set.due_us;
    entry.lane = op->name;
    entry.value = op->queue_set.value;
    a->catalog->queue.held += entry.due_us == STORE_QUEUE_HELD;
    return a->rows->kind->queue_set(a->rows, &entry);
}

int apply_queue_remove(struct apply *a, struct op *op)
{
    struct store_queue_entry entry;
    int r;

    r = a->rows->kind->queue_find(a->rows, op->id, &entry);
    if (!r)
        r = a->rows->kind->queue_remove(a->rows, op->id);
    if (r)
        return r;
    a->catalog->queue.count--;
    a->catalog->queue.held -= entry.due_us == STORE_QUEUE_HELD;
    return a->rows->kind->body_release(a->rows, &entry.body);
}
