// SPDX-License-Identifier: ISC
#include "queue/inside.h"

// Until route keeps them: nobody is told.
extern __typeof__(route_tls_note) route_tls_note __attribute__((weak));

int queue_start(struct queue *queue)
{
    const struct queue_doors doors = {route_hosts, queue_finish, route_tls_note};

    return queue_start_with(queue, &doors);
}
