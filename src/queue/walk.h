// SPDX-License-Identifier: ISC
//
// Through the entries of the store page by page, as an operator's filter names them. Only queue/
// includes this.
#pragma once

#include "queue/entry.h"
#include "queue/queue.h"

struct queue_walk {
    const struct queue *queue;
    const struct queue_filter *filter;
    struct store_queue_cursor cursor;
    struct store_queue_list list; // the page
    bool is_last;
};

/// Both borrowed. queue_walk_done at the end.
void queue_walk_init(struct queue_walk *walk, const struct queue *queue,
                     const struct queue_filter *filter);
void queue_walk_done(struct queue_walk *walk);
/// [await] The next page, by the narrowest way. 0 or -errno; an empty list at the end.
int queue_walk_next(struct queue_walk *walk);
/// Is it one that the filter names? (A page holds others, too.)
bool queue_walk_wants(const struct queue_filter *f, const struct queue_entry *e);
/// [await] Between pages: 0, or that it is time to end, for an operator's wish for a million
/// entries does not keep the server from stopping.
int queue_walk_may_go_on(void);
