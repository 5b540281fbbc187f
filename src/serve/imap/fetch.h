// SPDX-License-Identifier: ISC
//
// A running FETCH: shared by fetch.c, which chooses messages, and the files that put its items:
// fetch_item.c the small ones, fetch_section.c bytes, fetch_binary.c decoded bytes, fetch_told.c
// what is told of a message.
#pragma once

#include "proto/imap/fetch.h"
#include "proto/imap/modifier.h"
#include "summary/summary.h"

#include "serve/imap/message.h"
#include "serve/imap/session.h"

enum {
    IMAP_FETCH_BATCH_MAX = 256, // messages looked at together
    IMAP_FETCH_BODIES_MAX = 32, // and when their bytes are needed
};

/// The summaries of a batch (summary/summary.h), in the order of its messages.
struct imap_fetch_summaries {
    struct summary items[IMAP_FETCH_BATCH_MAX];
    int results[IMAP_FETCH_BATCH_MAX];
    size_t count;
    struct summary alone; // a large one, of the message at alone_at: never two of them
    int alone_result;
    size_t alone_at; // SIZE_MAX: none
};

struct imap_fetcher {
    struct imap_session *s;
    struct imap_call *c;
    struct imap_fetch what;
    struct imap_fetch_modifiers modifiers;
    bool has_uid, has_flags, has_modseq; // asked for
    bool needs_entry, needs_message, needs_summary;
    bool needs_body; // more of the message than its header
    bool sets_seen;
    bool is_broken;                         // an error came after a literal had begun
    bool has_unknown_cte;                   // something could not be decoded (RFC 3516 4.3)
    size_t missing;                         // expunged by somebody, not yet from the view
    size_t failed;                          // told, but something of them could not be read
    size_t passed;                          // messages that are wanted, so far; with PARTIAL
    size_t from, to;                        // those at such places are told, `to` is not
    char *chunk;                            // IMAP_CHUNK bytes, with needs_message
    struct imap_message *messages;          // IMAP_FETCH_BODIES_MAX, with needs_message
    struct imap_fetch_summaries *summaries; // with needs_summary
};

/// A message of which something is told.
struct imap_fetch_of {
    uint32_t index;
    const struct store_entry *entry; // with needs_entry
    struct imap_message *message;    // with needs_message
    size_t at;                       // its place in the batch's entries
    bool is_newly_seen;
};

/// Positive answer of the functions below: nothing is told of this item, not even its name.
enum { IMAP_FETCH_UNTOLD = 1 };

/// [await] "* n FETCH (...)". 0 or -errno.
int imap_fetch_put(struct imap_fetcher *f, const struct imap_fetch_of *of);

/// [await] The value of an item; its name is out already. 0, IMAP_FETCH_UNTOLD or -errno; after an
/// error with f->is_broken the session must end, else nothing of the value is out.
int imap_fetch_put_section(struct imap_fetcher *f, const struct imap_fetch_item *item,
                           struct imap_message *m);
int imap_fetch_put_binary(struct imap_fetcher *f, const struct imap_fetch_item *item,
                          struct imap_message *m);
int imap_fetch_put_told(struct imap_fetcher *f, const struct imap_fetch_item *item,
                        const struct imap_fetch_of *of);

/// [await] The summaries of these messages; errors are met where they are told. Those of the batch
/// before go; NULL: nothing more.
void imap_fetch_summarize(struct imap_fetcher *f, const struct store_entries *entries);

/// What the item's partial leaves of [0, len).
struct byte_range imap_fetch_cut(const struct imap_fetch_item *item, uint64_t len);
/// [await] On with bytes of a literal that has begun: an error now ends the session.
int imap_fetch_stream(struct imap_fetcher *f, struct str bytes);

/// [await] Tells those items of the messages [first, last] of the view, each with its UID, though
/// no FETCH asked for them; nothing becomes \Seen. 0 or -errno.
int imap_fetch_unasked(struct imap_session *s, struct imap_call *c, const struct imap_fetch *what,
                       uint32_t first, uint32_t last);
