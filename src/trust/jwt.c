// SPDX-License-Identifier: ISC
//
// A token is judged in this order: its form and algorithm, its signature, and only then what it
// says, so that nothing of a stranger's gets further than the header.
#include "trust/jwt.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "trust/jwt_inside.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

enum { SIGNATURE_MAX = 1024, P256_SIGNATURE = 64, P256_DER_MAX = 80, KEYS_TRIED_MAX = 8 };

struct token {
    struct str signed_part; // header "." claims
    struct str claims;      // base64url
    struct buf signature;
    json_t *header;
    enum jwt_algorithm algorithm;
};

static void token_drop(struct token *t)
{
    json_decref(t->header);
    buf_done(&t->signature);
}

static json_t *decode_json(struct str base64)
{
    CLEANUP(buf_drop) struct buf text = {.max = JWT_MAX};

    return jwt_base64(base64, &text) ? jwt_json(buf_str(&text)) : NULL;
}

/// Three parts (RFC 7515 3.1), and a header that we can obey. NULL, or what is wrong.
static const char *parse(struct str text, struct token *t)
{
    struct str rest = text, header, claims;

    if (text.len > JWT_MAX || !str_split(&rest, '.', &header) || !rest.ptr ||
        !str_split(&rest, '.', &claims) || !rest.ptr || str_find(rest, '.') >= 0)
        return "not three parts";
    t->signed_part = str_head(text, header.len + 1 + claims.len);
    t->claims = claims;
    t->header = decode_json(header);
    if (!t->header)
        return "its header cannot be read";
    if (!jwt_algorithm_parse(jwt_text(t->header, "alg"), &t->algorithm))
        return "an algorithm that is not taken";
    if (json_object_get(t->header, "crit")) // RFC 7515 4.1.11: we understand none
        return "it demands an extension";
    if (!jwt_base64(rest, &t->signature) || t->signature.len == 0)
        return "its signature cannot be read";
    return NULL;
}

// ---- the signature

/// RFC 7518 3.4 has the two numbers side by side, OpenSSL wants them in DER.
static int der_of(struct str raw, unsigned char der[P256_DER_MAX])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    BIGNUM *r, *s;
    int len = 0;

    CHECK(signature);
    if (raw.len == P256_SIGNATURE) {
        r = BN_bin2bn(bytes, P256_SIGNATURE / 2, NULL);
        s = BN_bin2bn(bytes + P256_SIGNATURE / 2, P256_SIGNATURE / 2, NULL);
        CHECK(r && s && ECDSA_SIG_set0(signature, r, s) == 1);
        len = i2d_ECDSA_SIG(signature, &der);
    }
    ECDSA_SIG_free(signature);
    return len;
}

static bool fits(const struct token *t, const struct jwt_key *key)
{
    unsigned char der[P256_DER_MAX];
    const unsigned char *signature = (const unsigned char *)t->signature.ptr;
    size_t len = t->signature.len;
    EVP_MD_CTX *context;
    bool is_right;

    if (key->algorithm == JWT_ES256) {
        int der_len = der_of(buf_str(&t->signature), der);

        if (der_len <= 0)
            return false;
        signature = der;
        len = (size_t)der_len;
    }
    context = EVP_MD_CTX_new();
    CHECK(context);
    is_right =
        EVP_DigestVerifyInit(context, NULL, key->algorithm == JWT_EDDSA ? NULL : EVP_sha256(), NULL,
                             key->key) == 1 &&
        EVP_DigestVerify(context, signature, len, (const unsigned char *)t->signed_part.ptr,
                         t->signed_part.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_right;
}

/// Keys of its id, or without one any of its algorithm.
static enum jwt_verdict verify_signature(const struct token *t, const struct jwt_keys *keys)
{
    struct str id = jwt_text(t->header, "kid");
    int tried = 0;

    for (size_t i = 0; i < keys->count && tried < KEYS_TRIED_MAX; i++) {
        const struct jwt_key *key = &keys->keys[i];

        if (key->algorithm != t->algorithm || (id.ptr && !str_eq(str_from(key->id), id)))
            continue;
        if (fits(t, key))
            return JWT_GOOD;
        tried++;
    }
    return tried ? JWT_FORGED : JWT_UNKNOWN_KEY;
}

// ---- what it says

/// RFC 7519 4.1.3: a text, or a list of texts.
static bool names(const json_t *claims, struct str audience)
{
    const json_t *list = json_object_get(claims, "aud"), *one;
    size_t i;

    if (!json_is_array(list))
        return str_eq(jwt_text(claims, "aud"), audience);
    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && str_eq(str_from(json_string_value(one)), audience))
            return true;
    }
    return false;
}

/// RFC 7519 2, NumericDate; false when it is there and is none.
static bool get_time(const json_t *claims, const char *name, double fallback, double *out)
{
    const json_t *value = json_object_get(claims, name);

    *out = value ? json_number_value(value) : fallback;
    return !value || json_is_number(value);
}

static enum jwt_verdict judge_times(const json_t *claims, const struct jwt_wish *wish,
                                    const char **why)
{
    double now = (double)wish->now_s, skew = (double)wish->skew_s, end, begin, issued;

    *why = "without a proper time of expiry";
    if (!json_object_get(claims, "exp") || !get_time(claims, "exp", 0, &end) ||
        !get_time(claims, "nbf", now, &begin) || !get_time(claims, "iat", now, &issued))
        return JWT_BROKEN;
    *why = "expired";
    if (!(now < end + skew))
        return JWT_EXPIRED;
    *why = "not valid yet";
    return begin <= now + skew && issued <= now + skew ? JWT_GOOD : JWT_EXPIRED;
}

static enum jwt_verdict judge(const json_t *claims, const struct jwt_wish *wish,
                              struct buf *address, const char **why)
{
    struct str who;
    enum jwt_verdict verdict;
    char name[128];

    *why = "of another issuer";
    if (!str_eq(jwt_text(claims, "iss"), wish->issuer))
        return JWT_WRONG;
    *why = "for another audience";
    if (!names(claims, wish->audience))
        return JWT_WRONG;
    verdict = judge_times(claims, wish, why);
    if (verdict != JWT_GOOD)
        return verdict;
    snprintf(name, sizeof(name), "%.*s", STR_ARG(wish->claim));
    who = jwt_text(claims, name);
    *why = "it names nobody";
    if (who.len == 0)
        return JWT_WRONG;
    // OpenID Connect Core 5.1: else anybody may have typed it.
    *why = "its e-mail address was not verified";
    if (str_eq(wish->claim, STR("email")) && json_object_get(claims, "email_verified") &&
        !json_is_true(json_object_get(claims, "email_verified")))
        return JWT_WRONG;
    *why = "good";
    buf_put(address, who);
    return JWT_GOOD;
}

enum jwt_verdict jwt_verify(struct str text, const struct jwt_keys *keys,
                            const struct jwt_wish *wish, struct buf *address, const char **why)
{
    CLEANUP(token_drop) struct token t = {.signature = {.max = SIGNATURE_MAX}};
    enum jwt_verdict verdict;
    json_t *claims;

    CHECK(wish->issuer.len && wish->audience.len && wish->claim.len);
    *why = parse(text, &t);
    if (*why)
        return JWT_BROKEN;
    verdict = verify_signature(&t, keys);
    *why = verdict == JWT_FORGED ? "its signature is wrong" : "signed with an unknown key";
    if (verdict != JWT_GOOD)
        return verdict;
    claims = decode_json(t.claims);
    *why = "its claims cannot be read";
    verdict = claims ? judge(claims, wish, address, why) : JWT_BROKEN;
    json_decref(claims);
    return verdict;
}
