// SPDX-License-Identifier: ISC
#include "queue/queue.h"

/// Full mailboxes refuse the recipient, unless others get its mail too: a list does not stand still
/// for one member. (Those go a little over their limit then.)
static struct outcome check_room(const struct queue *queue, const struct envelope *e,
                                 const struct envelope_recipient *recipient)
{
    struct outcome o = {DONE, 250, STR("2.1.5"), STR("recipient ok")};

    for (size_t i = 0; i < recipient->target_count; i++) {
        if (recipient->targets[i].account_id == 0)
            return (struct outcome){DONE, 250, STR("2.1.5"), STR("recipient ok")};
        o = deliver_check_quota(queue->store, recipient->targets[i].account_id, e->size);
        if (o.verdict == DONE)
            return o;
    }
    return o;
}

struct outcome queue_recipient(const struct queue *queue, struct envelope *e,
                               const struct address *to)
{
    const struct envelope_recipient *recipient;
    unsigned return_path_count = e->return_path_count;
    struct outcome o, room;

    o = route_recipient(queue->route, e, to);
    if (o.verdict != DONE)
        return o;
    recipient = &e->recipients[e->recipient_count - 1];
    room = check_room(queue, e, recipient);
    if (room.verdict == DONE)
        return o;
    e->target_count -= recipient->target_count;
    e->recipient_count--;
    e->return_path_count = return_path_count;
    return room;
}
