// SPDX-License-Identifier: ISC
#include "base/cleanup.h"
#include "mail/date.h"

#include "queue/queue.h"
#include "queue/suppress.h"

static const struct outcome welcome = {DONE, 250, {"2.1.5", 5}, {"recipient ok", 12}};

/// Full mailboxes refuse the recipient, unless others get its mail too: a list does not stand still
/// for one member. (Those go a little over their limit then.)
static struct outcome check_room(const struct queue *queue, const struct envelope *e,
                                 const struct envelope_recipient *recipient)
{
    struct outcome o = welcome;

    for (size_t i = 0; i < recipient->target_count; i++) {
        if (recipient->targets[i].account_id == 0)
            return welcome;
        o = deliver_check_quota(queue->store, recipient->targets[i].account_id, e->size);
        if (o.verdict == DONE)
            return o;
    }
    return o;
}

// ---- addresses that do not exist, as we have been told (queue/suppress.h)

static struct outcome refuse_suppressed(struct arena *arena, const struct queue_suppressed *s)
{
    CLEANUP(buf_drop) struct buf text = {0}, day = {0};

    buf_init(&text, 2048);
    buf_init(&day, 64);
    date_put_imap_day(&day, s->since_s / 86400);
    buf_putf(&text,
             "there is no %.*s: its host said so on %.*s (%.*s); if that was an error, your "
             "administrator can lift it with: carteiro suppress remove %.*s",
             STR_ARG(s->address), STR_ARG(buf_str(&day)), STR_ARG(s->reason), STR_ARG(s->address));
    return (struct outcome){NEVER, 550, STR("5.1.1"), arena_str(arena, buf_str(&text))};
}

/// Members that do not exist are left out.
static void leave_out(const struct queue *queue, struct envelope *e,
                      struct envelope_recipient *recipient)
{
    struct queue_suppressed found;
    size_t kept = 0;

    for (size_t i = 0; i < recipient->target_count; i++) {
        const struct envelope_target *t = &recipient->targets[i];

        if (t->account_id == 0 && t->list.len > 0 &&
            queue_suppress_get(queue->suppress, t->address, e->arena, &found))
            continue;
        recipient->targets[kept++] = *t;
    }
    e->target_count -= recipient->target_count - kept;
    recipient->target_count = kept;
}

static struct outcome check_suppressed(const struct queue *queue, struct envelope *e,
                                       struct envelope_recipient *recipient)
{
    const struct envelope_target *first = &recipient->targets[0];
    struct queue_suppressed found;

    if (!queue->suppress || e->is_report || recipient->is_return)
        return welcome;
    if (recipient->target_count == 1 && first->account_id == 0 && first->list.len == 0 &&
        str_eq(first->address, recipient->address) &&
        queue_suppress_get(queue->suppress, first->address, e->arena, &found))
        return refuse_suppressed(e->arena, &found);
    leave_out(queue, e, recipient);
    if (recipient->target_count == 0)
        return (struct outcome){NEVER, 550, STR("5.1.1"),
                                STR("none of the addresses of that list exists any more")};
    return welcome;
}

struct outcome queue_recipient(const struct queue *queue, struct envelope *e,
                               const struct address *to)
{
    struct envelope_recipient *recipient;
    unsigned return_path_count = e->return_path_count;
    struct outcome o, more;

    o = route_recipient(queue->route, e, to);
    if (o.verdict != DONE)
        return o;
    recipient = &e->recipients[e->recipient_count - 1];
    more = check_suppressed(queue, e, recipient);
    if (more.verdict == DONE)
        more = check_room(queue, e, recipient);
    if (more.verdict == DONE)
        return o;
    e->target_count -= recipient->target_count;
    e->recipient_count--;
    e->return_path_count = return_path_count;
    return more;
}
