// SPDX-License-Identifier: ISC
//
// Where annotations are: what GETMETADATA, SETMETADATA and LIST share.
#pragma once

#include "proto/imap/metadata.h"
#include "serve/imap/annotation.h"
#include "serve/imap/session.h"

/// Of a mailbox, or of the server.
struct imap_annotated {
    struct store_mailbox *mailbox; // NULL: the server
    unsigned rights;
};

/// [await] What is kept there: all of it, everybody's. The empty *document holds what the views
/// point to; it stays empty when there is none. 0 or -errno.
int imap_annotations_load(struct imap_session *s, struct arena *arena,
                          const struct imap_annotated *of, struct buf *document,
                          struct imap_annotations *out);
/// [await] Puts `after` where *before was read. STORE_CONFLICT, STORE_NOT_FOUND, STORE_LIMIT.
int imap_annotations_save(struct imap_session *s, const struct imap_annotated *of,
                          const struct buf *before, const struct imap_annotations *after);
/// Which mailbox, or the server when the name is "". 0, or the answer was given.
int imap_find_annotated(struct imap_session *s, struct imap_call *c, struct str wire,
                        unsigned rights, struct imap_annotated *out, int *out_r);
/// RFC 5464 3.3: "l" and one that makes the mailbox of use.
bool imap_may_annotate(unsigned rights);

/// "* METADATA name (entry value ...)" of those asked for, for who has signed in; nothing when
/// there is nothing to tell. `name` ptr NULL: the server. An entry that was asked for and is not
/// there is told as NIL. *longest: of the values that were larger than get->size_max, the largest.
void imap_put_metadata(struct imap_session *s, struct imap_call *c, struct str name,
                       const struct imap_annotations *all, const struct imap_metadata_get *get,
                       size_t *longest);
