// SPDX-License-Identifier: ISC
//
// What stands behind struct access, for the files of this room only.
#pragma once

#include "access/access.h"

#include <pthread.h>

/// A list that names somebody, found by whom.
struct access_grant {
    uint64_t account_id; // 0: anyone
    uint64_t mailbox_id;
};

struct access {
    struct store *store;
    struct accounts *accounts;
    pthread_rwlock_t lock;      // over the rest; held for a look, never across [await]
    struct access_list **lists; // by mailbox
    size_t count, cap;
    struct access_grant *grants; // by account, then mailbox; each pair once
    size_t grant_count, grant_cap;
};
