// SPDX-License-Identifier: ISC
//
// Mail that had to wait for its time (RFC 4865) for users of this very server: its entries have the
// lane QUEUE_LANE_HERE and need no host. What becomes of them is decided here; queue_finish files
// the stored body and removes the entry in one change, so that nobody gets two or none.
#pragma once

#include "queue/entry.h"
#include "queue/queue.h"

/// No waiting. DONE: file it; LATER: the mailbox is full; NEVER: the account is gone.
struct outcome queue_here(const struct queue *queue, const struct queue_entry *entry);

/// [await] Adds filing it to the change; *put lives until its commit. 0 or -errno.
int queue_here_file(const struct queue *queue, const struct queue_entry *entry,
                    struct store_change *change, struct store_put *put);
