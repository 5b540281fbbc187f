// SPDX-License-Identifier: ISC
//
// What the sender is told at once, where he asked for it (RFC 3461 5.2.3, 5.2.7): his mail was put
// into a mailbox here, or an alias of ours has passed it on to several places. Part of the change
// that takes the mail in, so it is true when he reads it.
#pragma once

#include "queue/bodies.h"
#include "queue/report.h"

/// [await] Adds it to the change. 0, also when nothing is to be said (then *out is NULL); -errno.
int queue_receipt_new(const struct queue *queue, struct store_change *change,
                      const struct envelope *e, const struct queue_bodies *bodies,
                      struct queue_report **out);
