// SPDX-License-Identifier: ISC
//
// One mail's copies as operations of one change of the store: an entry in the mailbox of each local
// target, an entry of the queue for each other host's, and for all of a mail that is to be held.
// Nobody gets two, however he was reached. For mail that came (accept.c) and mail made here
// (own_mail.c).
#pragma once

#include "base/map.h"
#include "queue/bodies.h"
#include "queue/queue.h"
#include "queue/schedule.h"

struct queue_intake {
    const struct queue *queue;
    const struct envelope *e;
    struct arena arena;              // values of the entries
    struct map mailboxes, addresses; // that get a copy already
    struct store_put *puts;
    size_t put_count;
    struct store_queue_put *entries;
    size_t entry_count;
};

void queue_intake_init(struct queue_intake *in, const struct queue *queue,
                       const struct envelope *e);
/// After the commit.
void queue_intake_done(struct queue_intake *in);

/// [await] 0 or -errno. What it adds to the change lives until queue_intake_done.
int queue_intake_add(struct queue_intake *in, struct store_change *change,
                     const struct queue_bodies *bodies);
/// How many copies there will be.
size_t queue_intake_count(const struct queue_intake *in);
/// After a commit that went well: tells the log and the schedule.
void queue_intake_tell(const struct queue_intake *in, struct queue_news *news);

/// The settings as they are now, or the defaults where there are none.
const struct queue_config *queue_config_now(const struct queue *queue);
