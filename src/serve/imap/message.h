// SPDX-License-Identifier: ISC
//
// One stored message while FETCH, SEARCH or CATENATE looks at it: header, structure and bytes are
// read from the store when they are asked for, and once. A small message is then in memory as a
// whole; of a large one no more than the first IMAP_HEADER_MAX bytes, unless the caller asks for
// them.
#pragma once

#include "base/buf.h"
#include "mail/mime.h"
#include "store/store.h"

enum {
    IMAP_CHUNK = 64 * 1024,    // bytes read from the store in one go
    IMAP_SMALL = 256 * 1024,   // a message up to here is kept as a whole once its parts are known
    IMAP_HEADER_MAX = 1 << 20, // what is looked at of a header
};

struct imap_message {
    struct store *store;
    const struct store_body_ref *ref; // lives longer
    struct buf bytes;                 // the first bytes, as many as were needed so far
    bool has_header;                  // header_len is known
    size_t header_len;
    bool has_mime;
    struct mime mime;
};

void imap_message_init(struct imap_message *m, struct store *store,
                       const struct store_body_ref *ref);
void imap_message_done(struct imap_message *m);
static inline void imap_message_drop(struct imap_message *m)
{
    imap_message_done(m);
}

/// Room for the first `len` bytes of a message that was just initialised, to be filled together
/// with others (store_bodies_read) and then taken over; what could not be read is met later.
struct store_body_piece imap_message_piece(struct imap_message *m, size_t len);
void imap_message_take(struct imap_message *m, const struct store_body_piece *piece);

/// [await] The header with its empty line, or its first IMAP_HEADER_MAX bytes. Views live until the
/// next call on m.
int imap_message_header(struct imap_message *m, struct str *out);
/// [await] How long it really is.
int imap_message_header_len(struct imap_message *m, size_t *out);
/// [await] At least the first `size` bytes, or the whole when it is shorter.
int imap_message_bytes(struct imap_message *m, uint64_t size, struct str *out);
/// [await] Appends exactly `len` bytes from there; -EBADMSG when the message is too short.
int imap_message_read(struct imap_message *m, uint64_t from, size_t len, struct buf *out);
/// [await] Fills m->mime; the message passes by in pieces.
int imap_message_mime(struct imap_message *m);
