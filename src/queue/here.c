// SPDX-License-Identifier: ISC
#include "queue/here.h"

#include "rt/rt.h"

struct outcome queue_here(const struct queue *queue, const struct queue_entry *entry)
{
    struct outcome o;

    if (!account_exists(queue->route->accounts, entry->account_id))
        return (struct outcome){NEVER, 550, STR("5.1.1"),
                                STR("the account was removed while the mail was held")};
    o = deliver_check_quota(queue->store, entry->account_id, entry->body.size);
    return o.verdict == DONE ? (struct outcome){DONE, 250, STR("2.1.5"), STR("filed")} : o;
}

int queue_here_file(const struct queue *queue, const struct queue_entry *entry,
                    struct store_change *change, struct store_put *put)
{
    const struct envelope_target target = {
        .account_id = entry->account_id,
        .address = entry->recipient,
        .detail = entry->detail,
    };
    int r;

    *put = (struct store_put){0};
    // a reload may replace the settings
    r = deliver_choose(__atomic_load_n(&queue->deliver, __ATOMIC_ACQUIRE), queue->store, &target,
                       put);
    if (r < 0)
        return r;
    put->ref = &entry->body;
    put->internal_date = rt_wall_s();
    store_change_put(change, put);
    return 0;
}
