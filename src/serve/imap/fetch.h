// SPDX-License-Identifier: ISC
//
// A running FETCH: shared by fetch.c, which chooses messages, and fetch_item.c, which puts them.
#pragma once

#include "proto/imap/fetch.h"
#include "serve/imap/message.h"
#include "serve/imap/session.h"

struct imap_fetcher {
    struct imap_session *s;
    struct imap_call *c;
    struct imap_fetch what;
    bool has_uid, has_flags;         // asked for
    bool needs_entry, needs_message; // of the store
    bool sets_seen;
    bool is_broken; // an error came after a literal had begun
    size_t missing; // expunged by somebody, not yet from the view
    size_t failed;  // told, but something of them could not be read
    char *chunk;    // IMAP_CHUNK bytes, with needs_message
};

/// [await] "* n FETCH (...)". `entry` and `message` are there when f needs them. 0 or -errno.
int imap_fetch_put(struct imap_fetcher *f, uint32_t index, const struct store_entry *entry,
                   struct imap_message *message, bool is_newly_seen);
