// SPDX-License-Identifier: ISC
//
// The issuer whose bearer tokens are taken: its keys, from a file or by HTTPS, kept in memory and
// had again every hour, and at once, though not more than once a minute, when a token names a key
// that is not among them. While they cannot be had the old ones hold for a day.
#pragma once

#include "account/account.h"
#include "account/state.h"

struct account_issuer;

/// No waiting, no thread yet.
struct account_issuer *account_issuer_new(void);
/// Outside of tasks. NULL is fine.
void account_issuer_free(struct account_issuer *issuer);

/// Are tokens taken at all? Only when the settings name an issuer, an audience and its keys.
bool account_issuer_is_set(const struct account_config *config);

/// [await] What the token is worth, as jwt_verify has it; *why likewise. The address it names is
/// appended to *address when it is good. -errno: the keys cannot be had; logged.
int account_issuer_verify(struct accounts *accounts, struct str token, struct buf *address,
                          const char **why);
