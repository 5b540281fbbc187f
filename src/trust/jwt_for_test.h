// SPDX-License-Identifier: ISC
//
// An issuer for tests: its keys, their set, and the tokens it signs.
#pragma once

#include "base/buf.h"
#include "base/check.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

struct jwt_issuer {
    EVP_PKEY *rsa, *ec, *ed;
};

static inline void jwt_issuer_init(struct jwt_issuer *i)
{
    *i = (struct jwt_issuer){EVP_RSA_gen(2048), EVP_EC_gen("P-256"),
                             EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    CHECK(i->rsa && i->ec && i->ed);
}

static inline void jwt_issuer_done(struct jwt_issuer *i)
{
    EVP_PKEY_free(i->rsa);
    EVP_PKEY_free(i->ec);
    EVP_PKEY_free(i->ed);
}

static inline void jwt_put_base64(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (uint8_t)bytes.ptr[i];
        for (count += 8; count >= 6; count -= 6)
            buf_put_char(out, digits[bits >> (count - 6) & 63]);
    }
    if (count)
        buf_put_char(out, digits[bits << (6 - count) & 63]);
}

static inline void jwt_put_number(struct buf *out, EVP_PKEY *key, const char *name)
{
    unsigned char bytes[1024];
    BIGNUM *number = NULL;

    CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    jwt_put_base64(out, str_of(bytes, (size_t)BN_bn2bin(number, bytes)));
    BN_free(number);
}

static inline void jwt_put_rsa(struct buf *out, EVP_PKEY *key, const char *more)
{
    buf_putf(out, "{\"kty\":\"RSA\",\"n\":\"");
    jwt_put_number(out, key, OSSL_PKEY_PARAM_RSA_N);
    buf_putf(out, "\",\"e\":\"");
    jwt_put_number(out, key, OSSL_PKEY_PARAM_RSA_E);
    buf_putf(out, "\"%s}", more);
}

static inline void jwt_put_ec(struct buf *out, EVP_PKEY *key, const char *more)
{
    unsigned char point[65];
    size_t len;

    CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                          &len) == 1 &&
          len == 65);
    buf_putf(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
    jwt_put_base64(out, str_of(point + 1, 32));
    buf_putf(out, "\",\"y\":\"");
    jwt_put_base64(out, str_of(point + 33, 32));
    buf_putf(out, "\"%s}", more);
}

static inline void jwt_put_ed(struct buf *out, EVP_PKEY *key, const char *more)
{
    unsigned char point[32];
    size_t len = sizeof(point);

    CHECK(EVP_PKEY_get_raw_public_key(key, point, &len) == 1);
    buf_putf(out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
    jwt_put_base64(out, str_of(point, 32));
    buf_putf(out, "\"%s}", more);
}

/// Keys "r", "e" and "d", among others that cannot be used.
static inline void jwt_put_keys(struct buf *out, const struct jwt_issuer *i)
{
    buf_putf(out, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"h\"},{\"kty\":\"new\"},7,");
    jwt_put_rsa(out, i->rsa, ",\"kid\":\"r\",\"use\":\"sig\",\"alg\":\"RS256\"");
    buf_putf(out, ",");
    jwt_put_ec(out, i->ec, ",\"kid\":\"e\"");
    buf_putf(out, ",");
    jwt_put_ed(out, i->ed, ",\"kid\":\"d\",\"alg\":\"EdDSA\"");
    buf_putf(out, "]}");
}

/// The signature of what *out holds, behind a dot, as the key's kind has it.
static inline void jwt_sign(struct buf *out, EVP_PKEY *key)
{
    bool is_ed = EVP_PKEY_is_a(key, "ED25519"), is_ec = EVP_PKEY_is_a(key, "EC");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024], raw[64];
    const unsigned char *der = signature;
    size_t len = sizeof(signature);
    ECDSA_SIG *pair;

    CHECK(context &&
          EVP_DigestSignInit(context, NULL, is_ed ? NULL : EVP_sha256(), NULL, key) == 1);
    CHECK(EVP_DigestSign(context, signature, &len, (const unsigned char *)out->ptr, out->len) == 1);
    EVP_MD_CTX_free(context);
    buf_put_char(out, '.');
    if (!is_ec) {
        jwt_put_base64(out, str_of(signature, len));
        return;
    }
    pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    CHECK(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) == 32 &&
          BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    jwt_put_base64(out, str_of(raw, 64));
}

/// header "." claims, without a signature.
static inline void jwt_put_unsigned(struct buf *out, const char *header, const char *claims)
{
    jwt_put_base64(out, str_from(header));
    buf_put_char(out, '.');
    jwt_put_base64(out, str_from(claims));
}

static inline void jwt_put(struct buf *out, const char *header, const char *claims, EVP_PKEY *key)
{
    jwt_put_unsigned(out, header, claims);
    jwt_sign(out, key);
}
