// SPDX-License-Identifier: ISC
//
// Who may do what with which mailbox (RFC 4314), and where the mailboxes of others stand in the
// names that one account sees. The owner has every right to their own; others what an access
// control list gives them. The lists are documents in the store and, whole, in memory as an
// immutable picture that is replaced at each change, so asking never waits.
//
// Names: mailboxes of the account itself stand at the root; those of another account that shares
// something with it stand below "Other Users/ana@example.org/", where "Other Users/x" itself is x's
// INBOX (RFC 2342: the other users' namespace).
#pragma once

#include "account/account.h"

/// RFC 4314 2.1; the virtual rights "c" and "d" (2.1.1) are put together from these.
enum access_right {
    ACCESS_LOOKUP = 1 << 0,  // l
    ACCESS_READ = 1 << 1,    // r: SELECT, STATUS
    ACCESS_SEEN = 1 << 2,    // s: \Seen
    ACCESS_WRITE = 1 << 3,   // w: flags other than \Seen and \Deleted
    ACCESS_INSERT = 1 << 4,  // i: APPEND, COPY into it
    ACCESS_POST = 1 << 5,    // p: mail sent to its address
    ACCESS_CREATE = 1 << 6,  // k: mailboxes below it, also by RENAME
    ACCESS_DELETE = 1 << 7,  // x: the mailbox itself
    ACCESS_DELETED = 1 << 8, // t: \Deleted
    ACCESS_EXPUNGE = 1 << 9, // e
    ACCESS_ADMIN = 1 << 10,  // a: the list itself
    ACCESS_ALL = (1 << 11) - 1,
};

struct access;

/// [await] Loads all lists. Both are borrowed and must outlive the handle.
int access_open(struct store *store, struct accounts *accounts, struct access **out);
/// Nobody may be inside any more. NULL is fine.
void access_close(struct access *access);

/// No waiting; any thread. What `account_id` may do with that mailbox: ACCESS_ALL for its owner, 0
/// for who was given nothing. `access` NULL: only owners may do anything.
unsigned access_rights(struct access *access, uint64_t account_id,
                       const struct store_mailbox *mailbox);
