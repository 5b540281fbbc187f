// SPDX-License-Identifier: ISC
//
// What makes an IMAP URL authorized (RFC 4467): a mailbox access key for each account and mailbox,
// kept as a document of the store (doc/format/urlauth.md), and the token that the INTERNAL
// mechanism makes of it.
#pragma once

#include "crypto/hmac.h"
#include "proto/imap/url.h"
#include "serve/imap/session.h"

struct imap_urlkey {
    uint8_t bytes[HMAC_BYTES];
};

/// [await] The key of an account for a mailbox; with `make`, one is made where there is none. 0,
/// STORE_NOT_FOUND or -errno.
int imap_urlkey_get(struct imap_session *s, uint64_t account_id, uint64_t mailbox_id, bool make,
                    struct imap_urlkey *out);
/// [await] A new key: URLs that were authorized by the old one are so no more.
int imap_urlkey_renew(struct imap_session *s, uint64_t account_id, uint64_t mailbox_id);
/// [await] No keys any more.
int imap_urlkey_remove_all(struct imap_session *s, uint64_t account_id);

/// Appends the token of a URL that ends in ";URLAUTH=access".
void imap_urltoken_put(const struct imap_urlkey *key, struct str rump, struct buf *out);
/// Is it the one? In the same time for every wrong one.
bool imap_urltoken_is(const struct imap_urlkey *key, struct str rump, struct str token);

/// No waiting. The account of that address, or 0.
uint64_t imap_account_named(struct imap_session *s, struct str address);
