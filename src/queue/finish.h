// SPDX-License-Identifier: ISC
//
// Between the schedule and the end of an entry's story: what an attempt came to becomes durable in
// one change, together with the reports its sender asked for (RFC 3461 5, 6). So a crash loses no
// entry, repeats at most the attempt in flight, and makes no report twice.
#pragma once

#include "queue/entry.h"
#include "queue/queue.h"

struct queue_result {
    const struct queue_entry *entry;
    struct outcome outcome; // LATER of an entry whose time is over becomes NEVER here (5.4.7)
    int64_t due_us;         // of LATER: when next
    struct str host;        // who said it, "mx1.example.org (192.0.2.1)"; "": nobody was reached
    bool has_dsn;           // DONE: that host tells the sender itself
    bool is_lmtp;           // DONE: delivered, not relayed
    bool has_deliver_by;    // DONE: that host heeds BY (RFC 2852)
    struct str dialogue;    // lines of the talk, for the report
};

/// [await] All results of one mail. 0; -errno: nothing happened, everything is to be tried again.
/// *out_gone (may be NULL): how many entries were gone already (an operator removed them); the
/// others were finished.
int queue_finish(struct queue *queue, const struct queue_result *results, size_t count,
                 size_t *out_gone);
