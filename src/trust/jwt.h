// SPDX-License-Identifier: ISC
//
// Bearer tokens: JSON Web Tokens (RFC 7519) signed by an issuer (RFC 7515) whose keys are a set of
// JSON Web Keys (RFC 7517). Only signatures with public keys: RS256, ES256 (RFC 7518) and EdDSA
// with Ed25519 (RFC 8037). Which algorithm is used is the key's say, never the token's (RFC 8725
// 3.1). Asks nobody: keys and time are given.
#pragma once

#include "base/buf.h"

enum {
    JWT_MAX = 9 * 1024,           // bytes of a token
    JWT_KEYS_BYTES_MAX = 1 << 18, // of the text of a key set
    JWT_KEYS_MAX = 64,            // keys of one; further ones are passed over
};

struct jwt_keys;

/// The keys of that text that can be used, perhaps none; kinds we do not know are passed over, as
/// RFC 7517 5 says. NULL with a word in *why when it is no key set.
struct jwt_keys *jwt_keys_parse(struct str text, const char **why);
/// NULL is fine.
void jwt_keys_free(struct jwt_keys *keys);
size_t jwt_keys_count(const struct jwt_keys *keys);

/// What a token must say. Texts may not be empty.
struct jwt_wish {
    struct str issuer, audience;
    struct str claim; // the one that holds the address
    int64_t now_s, skew_s;
};

enum jwt_verdict {
    JWT_GOOD = 0,
    JWT_BROKEN = 1,      // no token, or of a kind that is not taken
    JWT_UNKNOWN_KEY = 2, // signed with a key that is not in the set: perhaps in a newer one
    JWT_FORGED = 3,
    JWT_EXPIRED = 4, // or not valid yet
    JWT_WRONG = 5,   // for others, by others, or of nobody
};

/// *why, always set, is a few words for the log. On JWT_GOOD the claim is appended to *address.
enum jwt_verdict jwt_verify(struct str token, const struct jwt_keys *keys,
                            const struct jwt_wish *wish, struct buf *address, const char **why);
