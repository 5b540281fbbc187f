// SPDX-License-Identifier: ISC
#include "crypto/hmac.h"

#include "base/check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void hmac_sha256(struct str key, struct str text, uint8_t out[HMAC_BYTES])
{
    unsigned len = 0;

    CHECK(key.len <= INT32_MAX);
    CHECK(HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len, out,
               &len));
    CHECK(len == HMAC_BYTES);
}
