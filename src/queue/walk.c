// SPDX-License-Identifier: ISC
#include "queue/walk.h"

#include "rt/rt.h"

#include "queue/inside.h"

#include <errno.h>

static bool has_part(struct str text, struct str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (str_case_eq(str_head(str_skip(text, i), part.len), part))
            return true;
    }
    return false;
}

bool queue_walk_wants(const struct queue_filter *f, const struct queue_entry *e)
{
    bool is_held = e->due_us == STORE_QUEUE_HELD;

    return (f->id == 0 || f->id == e->id) && (f->mail_id == 0 || f->mail_id == e->mail_id) &&
           (f->held < 0 || (f->held == 1) == is_held) && has_part(e->sender, f->sender) &&
           has_part(e->recipient, f->recipient) && has_part(e->lane, f->lane);
}

int queue_walk_next(struct queue_walk *walk)
{
    const struct queue_filter *f = walk->filter;
    struct store *store = walk->queue->store;
    int r;

    if (walk->is_last) {
        walk->list.count = 0;
        return 0;
    }
    walk->is_last = f->id || f->mail_id;
    if (f->id)
        r = store_queue_get(store, f->id, &walk->list);
    else if (f->mail_id)
        r = store_queue_of_mail(store, f->mail_id, &walk->list);
    else
        r = store_queue_due(store, STR_NONE, INT64_MAX, &walk->cursor, QUEUE_PAGE, &walk->list);
    if (r > 0)
        walk->list.count = 0;
    return r < 0 ? r : 0;
}

void queue_walk_init(struct queue_walk *walk, const struct queue *queue,
                     const struct queue_filter *f)
{
    *walk = (struct queue_walk){.queue = queue, .filter = f, .cursor = {INT64_MIN, 0}};
}

void queue_walk_done(struct queue_walk *walk)
{
    store_queue_list_done(&walk->list);
}

int queue_walk_may_go_on(void)
{
    return rt_is_draining(rt_here()) ? -ECANCELED : rt_breathe();
}
