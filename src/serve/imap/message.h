// SPDX-License-Identifier: ISC
//
// One stored message while FETCH or SEARCH looks at it: header, structure and bytes are read from
// the store when they are asked for, and once.
#pragma once

#include "base/buf.h"
#include "mail/mime.h"
#include "store/store.h"

enum { IMAP_CHUNK = 64 * 1024 }; // bytes read from the store in one go

struct imap_message {
    struct store *store;
    const struct store_body_ref *ref; // lives longer
    struct buf bytes;                 // the first bytes, as many as were needed so far
    size_t header_len;                // 0: not known yet
    bool has_mime;
    struct mime mime;
};

void imap_message_init(struct imap_message *m, struct store *store,
                       const struct store_body_ref *ref);
void imap_message_done(struct imap_message *m);

/// [await] The header with its empty line. Views live until the next call on m.
int imap_message_header(struct imap_message *m, struct str *out);
/// [await] At least the first `size` bytes, or the whole when it is shorter.
int imap_message_bytes(struct imap_message *m, uint64_t size, struct str *out);
/// [await] Fills m->mime; the message passes by in pieces.
int imap_message_mime(struct imap_message *m);
