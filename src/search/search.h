// SPDX-License-Identifier: ISC
//
// The full-text index: which messages may hold a text, without reading them. It lies beside the
// store, a file for each account (SQLite FTS5, DIR/search/ACCOUNT.db, doc/format/search.md), is
// filled in the background, may be thrown away and made again at any time, and never decides what
// is right: it says NO only where mail/text.h (text_header_has, text_body_has, text_message_has)
// would say no, YES only where that would say yes, and otherwise that the message must be read.
#pragma once

#include "base/buf.h"
#include "base/setting.h"
#include "rt/rt.h"
#include "store/store.h"

struct search;

/// The room's part of the configuration, title "search".
struct search_config {
    struct str index; // "on use", "all", "off"
    uint64_t share;   // percent of a core that filling may take
    uint64_t threads; // that answer queries
};
extern const struct settings search_settings;
/// False with a sentence in *why.
bool search_config_is_valid(const struct search_config *config, struct buf *why);

// ---- asking

enum {
    SEARCH_MESSAGE_MAX = 16 << 20, // a longer message is never in the index
    SEARCH_HITS_MAX = 4 << 20,     // of one question; beyond it the index does not know
};

enum search_where {
    SEARCH_HEADER, // text_header_has: a field of that name
    SEARCH_BODY,   // text_body_has
    SEARCH_TEXT,   // text_message_has
};

struct search_query {
    enum search_where where;
    struct str field;  // of SEARCH_HEADER
    struct str needle; // from text_put_needle
};

/// What the index says of one query in one mailbox. A zeroed struct knows nothing.
struct search_hits {
    uint64_t *message_ids; // that may hold the text, ascending; malloc
    size_t count;
    bool is_exact;       // they do hold it
    uint32_t uid_known;  // of messages with higher uids nothing is known
    uint64_t *unindexed; // ascending; nothing is known of these either
    size_t unindexed_count;
};
void search_hits_done(struct search_hits *hits);

/// [await] 0; or SEARCH_UNKNOWN: the index cannot answer this one (too many hits, the mailbox is
/// not in it yet, switched off, broken); then *out knows nothing and every message is to be read.
/// Asking makes a mailbox be filled in, and followed from then on. Bounded in time and memory.
/// `search` NULL: SEARCH_UNKNOWN.
enum { SEARCH_UNKNOWN = 1 };
int search_find(struct search *search, const struct store_mailbox *mailbox,
                const struct search_query *query, struct search_hits *out);

enum search_says {
    SEARCH_NO,   // it does not hold the text
    SEARCH_YES,  // it does
    SEARCH_READ, // only the message itself can tell
};
/// No waiting. For a message of that mailbox.
enum search_says search_says(const struct search_hits *hits, uint32_t uid, uint64_t message_id);

// ---- keeping it

/// [await] The directory DIR/search is made when it is missing. `config` is copied. 0 or -errno.
int search_open(struct rt *rt, const char *dir, struct store *store,
                const struct search_config *config, struct search **out);
/// [await] Fills and follows, on the calling loop, until search_stop.
int search_start(struct search *search);
/// [await] Before the store is closed. NULL is fine.
void search_stop(struct search *search);
/// Outside of tasks. NULL is fine.
void search_free(struct search *search);
/// Throws all indexes below DIR away, which nobody has open: the store is not what it was.
/// Blocking.
void search_remove(const char *dir);
/// Any thread.
void search_reconfigure(struct search *search, const struct search_config *config);

/// [await] Fills in what came so far into the mailboxes that are followed, without pauses: tests,
/// and `carteiro mailbox reindex --wait`. 0 or -errno.
int search_catch_up(struct search *search);
/// [await] Throws the account's index away and follows all its mailboxes from the beginning.
int search_rebuild(struct search *search, uint64_t account_id);

struct search_status {
    uint64_t mailboxes, messages, unindexed; // followed; in the index; that always must be read
    uint64_t waiting;                        // messages that are not in the index yet
    uint64_t bytes;                          // of the file
};
/// [await] 0 or -errno.
int search_status(struct search *search, uint64_t account_id, struct search_status *out);
