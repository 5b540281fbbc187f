// SPDX-License-Identifier: ISC
//
// A mail made here, with the null sender (reports), as part of a change of the store: into the
// mailboxes of who is here, into the queue for others. It becomes real with that change.
#pragma once

#include "queue/intake.h"

struct queue_own_mail {
    struct arena arena;
    struct envelope e;
    struct queue_bodies bodies;
    struct queue_intake intake;
};

/// What it is; all of it may go after queue_own_mail_add.
struct queue_own_mail_text {
    uint64_t id;
    struct str to; // "postmaster", or an address
    bool only_local;
    bool is_8bit, is_utf8, requires_tls;
    struct str message; // CRLF line ends
};

/// [await] 0; STORE_NOT_FOUND: nobody takes that address, and nothing was added; -errno.
/// queue_own_mail_done in any case, after the commit.
int queue_own_mail_add(struct queue_own_mail *own, const struct queue *queue,
                       struct store_change *change, const struct queue_own_mail_text *text);
void queue_own_mail_done(struct queue_own_mail *own);
