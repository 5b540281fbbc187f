// SPDX-License-Identifier: ISC
//
// The first entry of a recipient at another host, or of one here whose mail is held, made from the
// envelope: when it is due and when its time is over, who is told, and under which return path it
// goes.
#pragma once

#include "mail/envelope.h"
#include "queue/queue.h"

/// Fills *put but for its body; texts live in `arena`.
void queue_outward_put(const struct queue *queue, const struct envelope *e,
                       const struct envelope_recipient *recipient,
                       const struct envelope_target *target, struct arena *arena,
                       struct store_queue_put *put);
