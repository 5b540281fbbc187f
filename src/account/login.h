// SPDX-License-Identifier: ISC
//
// The steps that a plain password and SASL have in common; for this room.
#pragma once

#include "account/auth.h"
#include "account/bearer.h"
#include "account/state.h"

/// One try to sign in.
struct account_try {
    struct accounts *accounts;
    const struct account_peer *peer;
    struct str user;       // as given
    const char *mechanism; // for the log
};

/// Sets up GNU SASL for struct accounts.
void account_auth_prepare(struct accounts *a);
/// The one form of what a user called himself, whether such a user exists or not, into *out
/// (cleared first, at least ACCOUNT_ADDRESS_MAX).
void account_user_put(const struct account_directory *d, struct str user, struct buf *out);
/// May passwords be used with this peer at all?
bool account_is_private_enough(struct accounts *a, const struct account_peer *peer);
/// ACCOUNT_AUTH_OK or ACCOUNT_AUTH_LATER.
int account_try_begin(const struct account_try *t);
/// Logs; forgets failures. ACCOUNT_AUTH_OK.
int account_try_succeeded(const struct account_try *t, const struct account_credentials *c,
                          struct account_identity *out);
/// [await] Logs, counts, lets the peer wait. ACCOUNT_AUTH_REFUSED or -errno.
int account_try_failed(const struct account_try *t);
/// [await] The password of `t->user`. ACCOUNT_AUTH_OK, _REFUSED, _LATER, -errno.
int account_try_password(const struct account_try *t, struct str password,
                         struct account_identity *out);
/// [await] `answer` is what came of the password or token of *identity. When that was good and
/// `authzid` names somebody else: *identity is them from here on, if that is allowed; logs. As
/// account_try_password.
int account_try_become(const struct account_try *t, struct str authzid, int answer,
                       struct account_identity *identity);
/// No waiting. `authzid` as *out, when that account is enabled and `actor_id` or one that has it as
/// a delegate; delegate.c.
bool account_find_principal(struct accounts *accounts, struct str authzid, uint64_t actor_id,
                            struct account_identity *out);
/// [await] The message of a bearer mechanism, with its token; token.c. ACCOUNT_AUTH_OK, _REFUSED,
/// _MALFORMED, _LATER, -errno.
int account_try_bearer(const struct account_try *t, enum account_bearer_kind kind,
                       struct str message, struct account_identity *out);
