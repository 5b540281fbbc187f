// SPDX-License-Identifier: ISC
//
// The arguments of NOTIFY (RFC 5465 8).
#pragma once

#include "proto/imap/fetch.h"

enum imap_event {
    IMAP_EVENT_NEW = 1,           // MessageNew
    IMAP_EVENT_EXPUNGE = 2,       // MessageExpunge
    IMAP_EVENT_FLAGS = 4,         // FlagChange
    IMAP_EVENT_NAME = 8,          // MailboxName
    IMAP_EVENT_SUBSCRIPTION = 16, // SubscriptionChange
    IMAP_EVENT_OTHER = 32,        // one that is not known here
    IMAP_EVENTS_OF_MESSAGES = 7,
};

enum imap_notify_kind {
    IMAP_NOTIFY_SELECTED,
    IMAP_NOTIFY_SELECTED_DELAYED,
    IMAP_NOTIFY_INBOXES,
    IMAP_NOTIFY_PERSONAL,
    IMAP_NOTIFY_SUBSCRIBED,
    IMAP_NOTIFY_SUBTREE,
    IMAP_NOTIFY_MAILBOXES,
};

enum { IMAP_NOTIFY_GROUPS_MAX = 32, IMAP_NOTIFY_NAMES_MAX = 256 };

struct imap_notify_group {
    enum imap_notify_kind kind;
    unsigned events;   // bits of imap_event; 0: NONE
    struct str *names; // of SUBTREE and MAILBOXES, as on the wire
    size_t name_count;
    struct imap_fetch fetch; // of MessageNew; count 0: none
};

struct imap_notify_args {
    bool is_set; // else NONE
    bool wants_status;
    struct imap_notify_group *groups;
    size_t count;
};

enum imap_notify_answer { IMAP_NOTIFY_OK, IMAP_NOTIFY_SYNTAX, IMAP_NOTIFY_TOO_MANY };
/// SP ("SET" [SP "STATUS"] 1*(SP event-group) / "NONE"). What RFC 5465 3 and 5 forbid is no syntax
/// either: a new message without an expunge, flags without both, mailbox events of what is
/// selected, items to fetch elsewhere.
enum imap_notify_answer imap_scan_notify(struct scan *in, struct arena *arena,
                                         struct imap_notify_args *out);
