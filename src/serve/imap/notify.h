// SPDX-License-Identifier: ISC
//
// NOTIFY (RFC 5465): what this client wants to hear unasked, of which mailboxes, and what it heard
// of them last. A commit anywhere in the accounts concerned wakes the session (store_watch); what
// happened is found by comparing.
#pragma once

#include "proto/imap/notify.h"
#include "serve/imap/session.h"

enum {
    IMAP_NOTIFY_MAILBOXES_MAX = 1000, // watched by one session
    IMAP_NOTIFY_ACCOUNTS_MAX = 16,    // whose mailboxes they are
};

/// NULL is fine.
void imap_notify_free(struct imap_notify *notify);
/// [await] A parked session was woken: tells what happened. RT_NEXT, RT_CLOSE or -errno.
int imap_notify_wake(struct imap_session *s);
