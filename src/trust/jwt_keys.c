// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "base/cleanup.h"
#include "trust/jwt_inside.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

enum {
    NESTING_MAX = 16,
    RSA_BITS_MIN = 2048, // RFC 7518 3.3
    RSA_BITS_MAX = 8192, // what is larger costs more than a moment to verify
    POINT_BYTES = 32,    // a coordinate of P-256, a key of Ed25519
    NUMBER_MAX = RSA_BITS_MAX / 8 + 1,
};

// ---- JSON and base64

static bool nests_little(struct str text)
{
    bool is_text = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_text && c == '\\')
            i++;
        else if (c == '"')
            is_text = !is_text;
        else if (!is_text && (c == '[' || c == '{') && ++depth > NESTING_MAX)
            return false;
        else if (!is_text && (c == ']' || c == '}'))
            depth--;
    }
    return true;
}

json_t *jwt_json(struct str text)
{
    json_t *root;

    if (text.len == 0 || !nests_little(text))
        return NULL;
    root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL); // RFC 7519 4
    if (root && json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

struct str jwt_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? str_of(json_string_value(value), json_string_length(value))
                                 : STR_NONE;
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool jwt_base64(struct str text, struct buf *out)
{
    uint32_t bits = 0;
    int count = 0;

    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);

        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_put_char(out, (char)(bits >> count & 0xff));
        }
    }
    return (bits & ((1u << count) - 1)) == 0 && buf_ok(out); // one way to write each value
}

bool jwt_algorithm_parse(struct str name, enum jwt_algorithm *out)
{
    static const struct str names[] = {
        [JWT_RS256] = STR("RS256"), [JWT_ES256] = STR("ES256"), [JWT_EDDSA] = STR("EdDSA")};

    for (int i = 0; i < JWT_ALGORITHMS; i++)
        if (str_eq(name, names[i])) {
            *out = (enum jwt_algorithm)i;
            return true;
        }
    return false;
}

// ---- keys

static void params_drop(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static void builder_drop(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

static void number_drop(BIGNUM **number)
{
    BN_free(*number);
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *builder)
{
    CLEANUP(params_drop) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (params && context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    return key;
}

/// RFC 7518 6.3.1
static EVP_PKEY *rsa_key(const json_t *jwk)
{
    CLEANUP(buf_drop) struct buf n = {.max = NUMBER_MAX}, e = {.max = 8};
    CLEANUP(number_drop) BIGNUM *modulus = NULL, *exponent = NULL;
    CLEANUP(builder_drop) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    if (!jwt_base64(jwt_text(jwk, "n"), &n) || !jwt_base64(jwt_text(jwk, "e"), &e) || !n.len ||
        !e.len)
        return NULL;
    modulus = BN_bin2bn((const unsigned char *)n.ptr, (int)n.len, NULL);
    exponent = BN_bin2bn((const unsigned char *)e.ptr, (int)e.len, NULL);
    CHECK(builder && modulus && exponent);
    if (BN_num_bits(modulus) < RSA_BITS_MIN || BN_num_bits(modulus) > RSA_BITS_MAX ||
        !BN_is_odd(modulus) || !BN_is_odd(exponent) || BN_num_bits(exponent) < 2 ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        return NULL;
    return key_from("RSA", builder);
}

/// RFC 7518 6.2.1. OpenSSL refuses a point that is not on the curve.
static EVP_PKEY *p256_key(const json_t *jwk)
{
    CLEANUP(buf_drop) struct buf point = {.max = 1 + 2 * POINT_BYTES};
    CLEANUP(builder_drop) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    CHECK(builder);
    buf_put_char(&point, POINT_CONVERSION_UNCOMPRESSED);
    if (!str_eq(jwt_text(jwk, "crv"), STR("P-256")) || !jwt_base64(jwt_text(jwk, "x"), &point) ||
        point.len != 1 + POINT_BYTES || !jwt_base64(jwt_text(jwk, "y"), &point) ||
        point.len != 1 + 2 * POINT_BYTES ||
        !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) ||
        !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len))
        return NULL;
    return key_from("EC", builder);
}

/// RFC 8037 2
static EVP_PKEY *ed25519_key(const json_t *jwk)
{
    CLEANUP(buf_drop) struct buf point = {.max = POINT_BYTES};

    if (!str_eq(jwt_text(jwk, "crv"), STR("Ed25519")) || !jwt_base64(jwt_text(jwk, "x"), &point) ||
        point.len != POINT_BYTES)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)point.ptr,
                                       point.len);
}

/// False: not one that we can use, or not one for signatures.
static bool parse_key(const json_t *jwk, struct jwt_key *out)
{
    static const struct {
        struct str type;
        enum jwt_algorithm algorithm;
        EVP_PKEY *(*make)(const json_t *jwk);
    } kinds[] = {
        {STR("RSA"), JWT_RS256, rsa_key},
        {STR("EC"), JWT_ES256, p256_key},
        {STR("OKP"), JWT_EDDSA, ed25519_key},
    };
    struct str type = jwt_text(jwk, "kty"), use = jwt_text(jwk, "use"), id = jwt_text(jwk, "kid");
    struct str name = jwt_text(jwk, "alg");
    enum jwt_algorithm algorithm;

    if (use.ptr && !str_eq(use, STR("sig")))
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!str_eq(type, kinds[i].type))
            continue;
        if (name.ptr && (!jwt_algorithm_parse(name, &algorithm) || algorithm != kinds[i].algorithm))
            return false;
        *out = (struct jwt_key){.algorithm = kinds[i].algorithm, .key = kinds[i].make(jwk)};
        ERR_clear_error();
        if (!out->key)
            return false;
        out->id = id.ptr ? strndup(id.ptr, id.len) : NULL;
        return true;
    }
    return false;
}

struct jwt_keys *jwt_keys_parse(struct str text, const char **why)
{
    json_t *root = text.len <= JWT_KEYS_BYTES_MAX ? jwt_json(text) : NULL, *jwk;
    json_t *list = json_object_get(root, "keys");
    struct jwt_keys *keys;
    size_t i;

    if (!json_is_array(list)) {
        *why = root ? "it has no \"keys\"" : "it is no JSON object";
        json_decref(root);
        return NULL;
    }
    keys = calloc(1, sizeof(*keys));
    CHECK(keys);
    json_array_foreach(list, i, jwk)
    {
        if (keys->count < JWT_KEYS_MAX && parse_key(jwk, &keys->keys[keys->count]))
            keys->count++;
    }
    json_decref(root);
    return keys;
}

void jwt_keys_free(struct jwt_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->keys[i].key);
        free(keys->keys[i].id);
    }
    free(keys);
}

size_t jwt_keys_count(const struct jwt_keys *keys)
{
    return keys->count;
}
