// SPDX-License-Identifier: ISC
//
// Between the files of LIST: the names this account sees, and the lines that tell of them.
#pragma once

#include "proto/imap/list.h"
#include "serve/imap/session.h"

struct imap_list_item {
    struct str name;
    const struct store_mailbox *mailbox; // NULL: there is none of that name
    unsigned rights;
    bool is_subscribed;
};

struct imap_lister {
    struct imap_session *s;
    struct imap_call *c;
    const struct imap_list *list;
    bool is_lsub;
    struct str *patterns; // decoded, with the reference
    size_t pattern_count;
    struct store_mailbox *mailboxes; // the account's own
    size_t mailbox_count;
    char **subscriptions;
    size_t subscription_count;
    struct imap_list_item *items; // what is below a name follows it at once
    size_t count;
};

/// What is known of the names below one.
struct imap_below {
    bool has_mailbox, has_subscribed;
};

// ---- list_gather.c

/// Reference and patterns as the client gave them, to l->patterns.
void imap_list_patterns(struct imap_lister *l);
/// [await] All names; imap_list_done frees them, whatever this returned.
int imap_list_gather(struct imap_lister *l);
void imap_list_done(struct imap_lister *l);

// ---- list_put.c

/// [await] The line of LIST, and what was asked to be returned with it.
int imap_list_put(struct imap_lister *l, const struct imap_list_item *item,
                  struct imap_below below);
