// SPDX-License-Identifier: ISC
//
// What the verbs of RFC 4314 share; for this room.
#pragma once

#include "serve/imap/session.h"

/// Who is named in the second argument.
struct imap_identifier {
    struct str text; // as the client wrote it
    struct access_entry entry;
    bool is_owner;
};

/// [await] SP mailbox: one whose list this client may see and change (RFC 4314 4, right "a"). 0, or
/// the answer was given.
int imap_find_administered(struct imap_session *s, struct imap_call *c, struct store_mailbox *out,
                           int *out_r);
/// SP identifier. False: the syntax.
bool imap_scan_identifier(struct imap_call *c, struct str *out);
/// Who that is, for that mailbox. False: nobody here.
bool imap_identify(struct imap_session *s, const struct store_mailbox *mailbox, struct str text,
                   struct imap_identifier *out);
/// An address or "anyone" as an astring.
void imap_put_identifier(const struct imap_session *s, struct str text, struct buf *out);
/// SETACL and DELETEACL.
int imap_change_acl(struct imap_session *s, struct imap_call *c,
                    const struct store_mailbox *mailbox, const struct imap_identifier *who,
                    enum access_mode mode, unsigned rights);
