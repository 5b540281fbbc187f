// SPDX-License-Identifier: ISC
//
// What happened to a mailbox since a modseq (RFC 7162 3.2): the uids that vanished, and the flags
// that changed, for SELECT (QRESYNC) and UID FETCH (CHANGEDSINCE VANISHED).
#pragma once

#include "proto/imap/modifier.h"
#include "serve/imap/session.h"

/// [await] "* VANISHED (EARLIER) uids": those among `uids` (resolved), higher than `above`, that
/// are gone. When the store no longer remembers which went since then, or it would cost too much to
/// ask: all that are not there (RFC 7162 3.2.5 allows that, the client cannot tell). Nothing of
/// messages this client still counts. 0 or -errno.
int imap_put_vanished(struct imap_session *s, uint64_t since, struct imap_sequence uids,
                      uint32_t above, struct buf *out);
/// [await] What SELECT (QRESYNC ...) tells of the mailbox that was just opened; 0 or -errno.
int imap_resync(struct imap_session *s, struct imap_call *c,
                const struct imap_select_modifiers *what);
