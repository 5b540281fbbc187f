// SPDX-License-Identifier: ISC
//
// Between jwt.c (tokens) and jwt_keys.c (key sets).
#pragma once

#include "trust/jwt.h"

#include <jansson.h>
#include <openssl/evp.h>

enum jwt_algorithm { JWT_RS256, JWT_ES256, JWT_EDDSA, JWT_ALGORITHMS };

struct jwt_key {
    enum jwt_algorithm algorithm;
    EVP_PKEY *key;
    char *id; // NULL: it has none
};

struct jwt_keys {
    size_t count;
    struct jwt_key keys[JWT_KEYS_MAX];
};

/// An object, or NULL. Deep nesting is refused before the parser sees it, as it is recursive.
json_t *jwt_json(struct str text);
/// Text of that member, STR_NONE when there is none; a view into the object.
struct str jwt_text(const json_t *object, const char *name);
/// base64url without padding (RFC 7515 2), appended; false when it is none.
bool jwt_base64(struct str text, struct buf *out);
/// "RS256" and the like, false for any other.
bool jwt_algorithm_parse(struct str name, enum jwt_algorithm *out);
