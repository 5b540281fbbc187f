// SPDX-License-Identifier: ISC
//
// Between the files of NOTIFY.
#pragma once

#include "serve/imap/notify.h"

/// Positive answer of the functions below.
enum { IMAP_NOTIFY_OVERFLOW = 100 };

/// What the client heard last of a mailbox.
struct imap_notify_box {
    uint64_t id, account_id, modseq;
    uint32_t uidnext, count;
    unsigned events; // that it wants of it
    char *name;
};
struct imap_notify_boxes {
    struct imap_notify_box *items; // by id
    size_t count, cap;
    char **subscribed; // sorted; NULL when nobody asks
    size_t subscribed_count;
};
void imap_notify_boxes_done(struct imap_notify_boxes *boxes);

struct imap_notify {
    struct arena arena; // of all that args points to
    struct imap_notify_args args;
    struct notify_account {
        uint64_t id;
        struct store_watch *watch;
    } accounts[IMAP_NOTIFY_ACCOUNTS_MAX];
    size_t account_count;
    struct access_place **places; // of each group, for each of its names
    struct imap_notify_boxes boxes;
};

/// [await] Finds out where the names lead, and watches whoever owns what is there. 0,
/// IMAP_NOTIFY_OVERFLOW or -errno.
int imap_notify_watch(struct imap_session *s, struct imap_call *c, struct imap_notify *n);
/// [await] How things are now; with `tell` their STATUS is told.
int imap_notify_first(struct imap_session *s, struct imap_notify *n, bool tell, struct buf *out);
/// [await] What is different since.
int imap_notify_tell(struct imap_session *s, struct imap_notify *n, struct buf *out);
