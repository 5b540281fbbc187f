// SPDX-License-Identifier: ISC
//
// Where mail for one address goes: an account here, the many behind an alias or a list, another
// host, or nowhere. Reads the directory in memory; never waits. Nothing but "@" and the subaddress
// separator has a meaning: `a%b` and `b!a` are local parts like any other, so no stranger can route
// through us.
#pragma once

#include "mail/address.h"

#include "account/account.h"

enum account_kind {
    ACCOUNT_KIND_LOCAL,     // one account of ours
    ACCOUNT_KIND_ALIAS,     // through at least one alias, the catch-all or postmaster
    ACCOUNT_KIND_LIST,      // a mailing list
    ACCOUNT_KIND_UNKNOWN,   // our domain, but no such user
    ACCOUNT_KIND_NOT_LOCAL, // somebody else's domain
    ACCOUNT_KIND_LOOP,      // aliases that lead nowhere but to themselves
    ACCOUNT_KIND_TOO_BIG,   // more places than expansion_max, or nested too deeply
};

/// One place where a copy goes.
struct account_target {
    uint64_t account_id;    // 0: another host's
    struct str address;     // the account's, or the foreign one
    struct str detail;      // of `user+detail`, in its plain form; "" when none
    struct str return_path; // owner of the list it came through; ptr NULL: the sender stays
    struct str list;        // that list's address; "" when none
};

struct account_resolved {
    enum account_kind kind;
    struct account_target *targets; // each place once; none for UNKNOWN, LOOP and TOO_BIG
    size_t target_count;
    struct str name;  // LOCAL: the person's name; LIST: the list's
    struct str owner; // LIST
};

/// No waiting. `to` may have an empty domain: then it must be postmaster (RFC 5321 4.5.1), else it
/// is UNKNOWN. What *out points to lies in `arena`. NOT_LOCAL gives `to` itself as its one target.
void account_resolve(struct accounts *accounts, const struct address *to, struct arena *arena,
                     struct account_resolved *out);

/// May this account send as `from`: does mail for that address come to it, or to one it is a
/// delegate of, directly or through an alias (not a list)? No waiting.
bool account_may_send_as(struct accounts *accounts, uint64_t account_id,
                         const struct address *from);
