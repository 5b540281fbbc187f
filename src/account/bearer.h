// SPDX-License-Identifier: ISC
//
// What a client says in OAUTHBEARER (RFC 7628 3.1) and in XOAUTH2, which Google made before it and
// many clients know alone; and what it is told when its token is refused. Grammar only.
#pragma once

#include "base/buf.h"

enum account_bearer_kind { ACCOUNT_OAUTHBEARER, ACCOUNT_XOAUTH2 };

struct account_bearer {
    struct buf user;  // whom the client wants to be, as it writes it; empty: it does not say
    struct str token; // a view into the message
};

/// False: not what the mechanism says. *out is made, `user` to be freed, in any case.
bool account_bearer_parse(enum account_bearer_kind kind, struct str message,
                          struct account_bearer *out);
/// The challenge that comes before the refusal (RFC 7628 3.2.2): JSON, not yet in base64.
void account_bearer_put_error(enum account_bearer_kind kind, struct str issuer, struct buf *out);
