// SPDX-License-Identifier: ISC
//
// HMAC-SHA-256 (RFC 2104, FIPS 180-4), over OpenSSL.
#pragma once

#include "base/str.h"

enum { HMAC_BYTES = 32 };

void hmac_sha256(struct str key, struct str text, uint8_t out[HMAC_BYTES]);
