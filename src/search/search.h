// SPDX-License-Identifier: ISC
//
// The full-text index: which messages hold a text, without reading them. It is a file of its own
// beside the store (SQLite FTS5), is filled in the background, may be thrown away and made again at
// any time, and never decides what is right: what it says is exactly what mail/text.h would say of
// each message (text_header_has, text_body_has, text_message_has), and where it does not know
// (not filled yet, text too short, file broken) it says so and the caller reads the message.
#pragma once

#include "base/buf.h"
#include "rt/rt.h"
#include "store/store.h"

struct search;

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

/// What the index knows of one query: message ids ascending.
struct search_hits {
    uint64_t *message_ids; // that hold the text; malloc
    size_t count;
    uint64_t known; // the index's own word for what it covers; for search_knows
};
void search_hits_done(struct search_hits *hits);

/// [await] 0 and the messages of that account that hold the text; or SEARCH_UNKNOWN: the index
/// cannot answer this one (too short, too many hits, switched off, broken); -errno. Bounded in time
/// and memory.
enum { SEARCH_UNKNOWN = 1 };
int search_find(struct search *search, uint64_t account_id, const struct search_query *query,
                struct search_hits *out);
/// No waiting. Does the answer count for this message? False: it was not in the index yet when the
/// answer was made; read it.
bool search_knows(struct search *search, const struct search_hits *hits, uint64_t message_id);
