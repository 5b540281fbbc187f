// SPDX-License-Identifier: ISC
//
// Searches that stay alive (RFC 5267): after SEARCH RETURN (UPDATE) the client is told which
// messages come to match and which no longer do, until CANCELUPDATE or until the mailbox is left.
// A context keeps the program as it was written, the uids that match, and the picture of the
// mailbox (store/snapshot.h) up to which that holds; so following it costs what changed.
#pragma once

#include "store/snapshot.h"

#include "serve/imap/hits.h"

struct imap_session;
struct imap_call;

enum {
    IMAP_CONTEXTS_MAX = 8,
    IMAP_CONTEXT_PROGRAM_MAX = 8192,   // bytes
    IMAP_CONTEXT_RUNS_MAX = 64 * 1024, // of uids that match, 8 bytes each
};

struct imap_context {
    char *tag, *program; // the program from behind RETURN, NUL within literals cannot be
    size_t program_len;
    bool is_uid;
    struct imap_hits uids;
    struct store_snapshot *picture;
};
struct imap_contexts {
    struct imap_context *items; // IMAP_CONTEXTS_MAX
    size_t count;
};

/// Does a context of that tag run? A tag may not be used again then.
bool imap_context_is(const struct imap_session *s, struct str tag);
/// Follows the search that was just answered, or puts NOUPDATE when that is too much. `hits` are
/// all that match, as indexes into the view.
void imap_context_add(struct imap_session *s, struct imap_call *c, struct str program,
                      const struct imap_hits *hits);
/// "* NO [NOUPDATE "tag"]": the search of that tag is not followed (any more).
void imap_context_refuse(struct buf *out, struct str tag);
/// All of them; when the mailbox is left.
void imap_contexts_clear(struct imap_session *s);

/// [await] Puts what the contexts tell of messages that are not in `now` any more; before EXPUNGE,
/// while the view still has them.
int imap_contexts_tell_gone(struct imap_session *s, struct store_snapshot *now, struct buf *out);
/// [await] Puts what they tell of new and changed messages; after EXISTS and FETCH.
int imap_contexts_tell_changed(struct imap_session *s, struct buf *out);
