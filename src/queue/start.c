// SPDX-License-Identifier: ISC
#include "queue/inside.h"

int queue_start(struct queue *queue)
{
    static const struct queue_doors doors = {route_hosts, queue_finish, route_tls_note};

    return queue_start_with(queue, &doors);
}
