// SPDX-License-Identifier: ISC
//
// Passwords: made into Argon2id (RFC 9106, libsodium) and SCRAM-SHA-256 keys (RFC 5802, 7677), and
// compared. Everything here burns CPU and memory: called on the pool, never on a loop.
#pragma once

#include "account/record.h"

#include <sodium.h>

struct account_cost {
    unsigned long long operations;
    size_t bytes;
};

/// "interactive", "moderate", "minimal"; false on anything else.
bool account_cost_parse(struct str name, struct account_cost *out);

/// The password as it is hashed (SASLprep, RFC 4013, as SCRAM clients do it), NUL-terminated, into
/// *out (cleared first). False when it has control characters, is no UTF-8, or too long. `stored`:
/// a new password, for which characters unassigned in Unicode 3.2 are refused too.
bool account_password_prepare(struct str password, bool stored, struct buf *out);

/// The keys of a prepared password.
void account_scram_derive(struct str prepared, const uint8_t salt[ACCOUNT_SALT_LEN],
                          uint32_t iterations, struct account_scram_keys *out);
/// 0 or -ENOMEM.
int account_password_hash(struct str prepared, struct account_cost cost,
                          char out[crypto_pwhash_STRBYTES]);

/// What one account's passwords are checked against; for a user who does not exist, something that
/// takes as long and never fits.
struct account_credentials {
    bool is_usable; // the account exists and is enabled
    uint64_t id, version;
    char address[ACCOUNT_ADDRESS_MAX + 1];
    uint8_t salt[ACCOUNT_SALT_LEN];
    uint32_t iterations;
    bool has_password;
    char argon2id[crypto_pwhash_STRBYTES];
    struct account_scram_keys keys[1 + ACCOUNT_APP_PASSWORDS_MAX]; // with has_password, [0] is its
    size_t key_count;
};

/// Is it the account's password, or one of its app passwords? Takes the same time either way.
bool account_password_verify(const struct account_credentials *c, struct str prepared);
