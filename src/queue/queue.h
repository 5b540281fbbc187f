// SPDX-License-Identifier: ISC
//
// The door of queue: from a recipient that is welcome to the moment of responsibility. A mail comes
// in by queue_begin, queue_append (as often as bytes arrive), queue_accept: one acceptance, one
// commit. When queue_accept's outcome is DONE, all of it is on disk in all mailboxes; otherwise
// nothing happened and the client keeps the mail. Entries for remote recipients will go into the
// same commit.
//
//     queue_recipient ... (each RCPT)
//     queue_begin -> queue_append* -> queue_accept | queue_abandon
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/store.h"

#include "deliver/deliver.h"
#include "route/route.h"

struct queue {
    struct store *store; // borrowed, as all of these
    const struct route *route;
    const struct deliver_config *deliver;
};

/// One RCPT: routes it and asks for room (by the declared size). DONE: it was added to the
/// envelope. LATER or NEVER: it was not. No waiting. `to` with an empty domain: <postmaster>.
struct outcome queue_recipient(const struct queue *queue, struct envelope *e,
                               const struct address *to);

struct queue_mail;

/// No waiting. All recipients must be known: the Return-Path line is written here. `e` is borrowed
/// until queue_accept or queue_abandon. 0 or -errno.
int queue_begin(const struct queue *queue, const struct envelope *e, struct queue_mail **out);
/// [await] when it is large and goes to disk. First the Received line, then the message, with CRLF
/// line ends and without dot-stuffing. 0 or -errno, which queue_accept answers too: the caller may
/// go on reading and append no more.
int queue_append(struct queue_mail *mail, struct str bytes);
/// Bytes appended so far.
uint64_t queue_size(const struct queue_mail *mail);
/// [await] Takes the mail over, or does not. Frees `mail`. DONE 250 2.0.0 "kept as ID"; LATER 452
/// 4.3.1 (disk full), 452 4.2.2 (mailboxes full), 451 4.3.0 (anything else). The views of the
/// outcome live in the envelope's arena.
struct outcome queue_accept(struct queue_mail *mail);
/// NULL is fine.
void queue_abandon(struct queue_mail *mail);
