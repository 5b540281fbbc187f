// SPDX-License-Identifier: ISC
//
// Who may do what with which mailbox (RFC 4314), and where the mailboxes of others stand in the
// names that one account sees. The owner has every right to their own; others what an access
// control list gives them. The lists are documents in the store, gone with their mailbox, and,
// whole, in memory behind a lock that is held for a look, so asking never waits.
//
// Names: mailboxes of the account itself stand at the root; those of another account that shares
// something with it stand below "Other Users/ana@example.org/", where "Other Users/ana@example.org"
// itself is ana's INBOX (RFC 2342: the other users' namespace).
//
// A list names accounts by their ids, so that nobody inherits a right with an address. "anyone"
// means every account in the domain of the owner and nobody beyond: the domains of one server may
// be strangers to each other.
#pragma once

#include "account/account.h"

#include "access/list.h"
#include "access/rights.h"

struct access;

/// What the names of others' mailboxes begin with.
#define ACCESS_OTHERS "Other Users"

/// [await] Loads all lists. Both are borrowed and must outlive the handle.
int access_open(struct store *store, struct accounts *accounts, struct access **out);
/// Nobody may be inside any more. NULL is fine.
void access_close(struct access *access);

// ---- asking; no waiting, any thread

/// What `account_id` may do with that mailbox: ACCESS_ALL for its owner, 0 for who was given
/// nothing. `access` NULL: only owners may do anything.
unsigned access_rights(struct access *access, uint64_t account_id,
                       const struct store_mailbox *mailbox);
/// The same for who knows no more of a mailbox than whose it is.
unsigned access_rights_in(struct access *access, uint64_t account_id, uint64_t owner_id,
                          uint64_t mailbox_id);
/// The mailboxes of others in which some list names the account, or anyone: candidates, ascending,
/// at most ACCESS_SHARED_MAX; access_rights decides. In the arena.
enum { ACCESS_SHARED_MAX = 10000 };
void access_candidates(struct access *access, uint64_t account_id, struct arena *arena,
                       uint64_t **out_mailbox_ids, size_t *out_count);
/// The list of a mailbox, for who may see it; entries in the arena. Empty when there is none.
void access_list_get(struct access *access, uint64_t mailbox_id, struct arena *arena,
                     struct access_entry **out, size_t *out_count);

// ---- changing

enum access_mode { ACCESS_REPLACE, ACCESS_ADD, ACCESS_REMOVE };

/// [await] Changes the rights of one entry; none left: the entry goes. 0, STORE_NOT_FOUND (the
/// mailbox is gone), STORE_LIMIT (ACCESS_ENTRIES_MAX), STORE_CONFLICT or -errno.
int access_set(struct access *access, const struct store_mailbox *mailbox,
               const struct access_entry *who, enum access_mode mode, unsigned rights);
/// The mailbox was removed, and its document with it. No waiting.
void access_forget(struct access *access, uint64_t mailbox_id);
/// A mailbox that `change` makes inherits the list of the one above it (RFC 4314 4, CREATE).
/// *mailbox_id is set by the change; *list is to be freed by access_inherited, whatever became of
/// the commit: there it is shown when the answer was 0.
void access_inherit(struct access *access, uint64_t parent_id, struct store_change *change,
                    const uint64_t *mailbox_id, struct access_list **list);
void access_inherited(struct access *access, struct access_list *list, uint64_t mailbox_id,
                      int answer);

// ---- who

/// An identifier as SETACL has it: an address, "anyone", either with "-" in front for what is taken
/// away. False: it names nobody here.
bool access_entry_parse(struct access *access, struct str identifier, struct access_entry *out);
/// Appends it; false: an account that is gone.
bool access_entry_put(struct access *access, const struct access_entry *entry, struct buf *out);

// ---- names, name.c; no waiting

/// Where a name leads: to an account and the name of a mailbox there, which need not exist.
struct access_place {
    uint64_t account_id;
    struct str name;   // a view into the name that was asked for
    struct str prefix; // what stood in front of it; "" for one's own
};
/// False: that name leads nowhere. `access` NULL: all names are one's own.
bool access_place_of(struct access *access, uint64_t account_id, struct str name,
                     struct access_place *out);
/// Where the mailboxes of others stand: no mailbox of one's own can be opened by such a name.
bool access_is_of_others(struct str name);
/// Appends what `account_id` calls that mailbox.
void access_put_name(struct access *access, uint64_t account_id,
                     const struct store_mailbox *mailbox, struct buf *out);
/// Bytes of such a name at most.
enum { ACCESS_NAME_MAX = STORE_NAME_MAX + ACCOUNT_ADDRESS_MAX + sizeof(ACCESS_OTHERS) + 2 };
