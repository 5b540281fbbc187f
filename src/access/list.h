// SPDX-License-Identifier: ISC
//
// One access control list, as a value and as the JSON kept in the store (kind STORE_DOC_ACL, key
// the mailbox's id):
//
//     {"owner":7, "entries":[{"account":9, "rights":"lrs"},
//                            {"anyone":true, "rights":"s", "negative":true}]}
#pragma once

#include "base/buf.h"

enum { ACCESS_ENTRIES_MAX = 500 }; // of one mailbox

struct access_entry {
    uint64_t account_id; // 0: anyone
    bool is_negative;    // these rights are taken away, whoever gives them
    unsigned rights;     // bits of access_right
};

struct access_list {
    uint64_t mailbox_id, owner_id;
    struct str document; // as it stands in the store; this struct's own
    size_t count;
    struct access_entry entries[];
};

/// With its document, from its values. Never NULL.
struct access_list *access_list_new(uint64_t mailbox_id, uint64_t owner_id,
                                    const struct access_entry *entries, size_t count);
/// 0 or -EBADMSG. Any bytes may be given; the document is kept as it is.
int access_list_parse(uint64_t mailbox_id, struct str document, struct access_list **out);
/// NULL is fine.
void access_list_free(struct access_list *list);
/// What it gives that account: its own entries and, if `is_anyone`, those for anyone, without what
/// the negative ones take.
unsigned access_list_rights(const struct access_list *list, uint64_t account_id, bool is_anyone);
