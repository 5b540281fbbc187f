// SPDX-License-Identifier: ISC
//
// The message, or part of one, that an IMAP URL names (proto/imap/url.h), for CATENATE and
// URLFETCH.
#pragma once

#include "proto/imap/url.h"
#include "serve/imap/piece.h"
#include "serve/imap/session.h"

struct imap_url_message {
    struct store_mailbox mailbox;
    struct store_entries entries; // the one
    struct imap_message message;
    struct imap_piece piece;
    uint64_t from, size; // of the piece: what the URL's partial leaves
};

/// [await] The mailbox a URL names for that account, which may read it; as below.
int imap_url_mailbox(struct imap_session *s, uint64_t account_id, const struct imap_url *url,
                     struct store_mailbox *out);
/// [await] Read with the rights of `account_id`; a URL without a mailbox means the selected one. 0;
/// STORE_NOT_FOUND: no such mailbox, validity, message or part; -EACCES: not for that account;
/// -errno.
int imap_url_open(struct imap_session *s, uint64_t account_id, const struct imap_url *url,
                  struct imap_url_message **out);
/// [await] Hands all of it to `put`, in pieces; stops at what that returns when it is not 0.
int imap_url_read(struct imap_url_message *m, int (*put)(void *arg, struct str bytes), void *arg);
/// NULL is fine.
void imap_url_close(struct imap_url_message *m);
