// SPDX-License-Identifier: ISC
//
// The keys of a search program that look for texts: HEADER, BODY, TEXT. First the full-text index
// is asked, once for each key; where it does not know, header or message are read and looked
// through, with the same result.
#pragma once

#include "proto/imap/search.h"
#include "search/search.h"
#include "serve/imap/message.h"
#include "serve/imap/session.h"

enum imap_search_value { IMAP_NO, IMAP_YES, IMAP_UNKNOWN };

struct imap_text_key {
    uint32_t node;
    struct str needle;
    struct search_hits hits; // what the index said
};

struct imap_text_keys {
    const struct imap_search *what;
    struct imap_text_key *keys; // at most IMAP_SEARCH_TEXTS_MAX
    size_t count;
    bool is_asked; // the index was
    size_t header_keys, body_keys;
    unsigned char *values; // where results go, by node
    struct str header, bytes;
};

/// No waiting. False: a text is too long to look for. The charset is known.
bool imap_text_keys_init(struct imap_text_keys *t, const struct imap_search *what,
                         unsigned char *values, struct arena *arena);
void imap_text_keys_done(struct imap_text_keys *t);

/// [await] Asks the index, if there is one, in the name of the mailbox's owner.
int imap_text_keys_ask(struct imap_text_keys *t, struct imap_session *s, uint64_t mailbox_id);
/// What the index knows of this message, into values; the rest stays.
void imap_text_keys_known(struct imap_text_keys *t, uint32_t uid, uint64_t message_id);
/// [await] HEADER keys that are still unknown. 0 or -errno.
int imap_text_keys_header(struct imap_text_keys *t, struct imap_session *s, struct str header);
/// [await] BODY and TEXT keys that are still unknown. 0 or -errno.
int imap_text_keys_whole(struct imap_text_keys *t, struct imap_session *s, struct imap_message *m);
