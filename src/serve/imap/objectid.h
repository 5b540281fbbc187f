// SPDX-License-Identifier: ISC
//
// Names that never change (RFC 8474): of a message's content, of a mailbox, of a conversation. The
// ids of the store are never used again, so they serve; copies share their body and so their name.
#pragma once

#include "base/buf.h"

/// "M" and the message id of the store: struct store_body_ref.message_id.
void imap_put_emailid(struct buf *out, uint64_t message_id);
/// "F" and the mailbox id of the store.
void imap_put_mailboxid(struct buf *out, uint64_t mailbox_id);
/// "T" and a hash of the Message-ID with which the conversation began: the first that a mail refers
/// to (`references`: ids apart by spaces, the oldest first), else its own. A mail without either is
/// a conversation of its own. Without < and >; empty where there is none.
void imap_put_threadid(struct buf *out, struct str references, struct str message_id,
                       uint64_t stored_id);

/// The other way, for SEARCH. False when the text is none.
bool imap_parse_emailid(struct str text, uint64_t *out_message_id);
bool imap_parse_mailboxid(struct str text, uint64_t *out_mailbox_id);
