// SPDX-License-Identifier: ISC
#include "account/password.h"

#include "base/check.h"

#include <errno.h>
#include <gsasl.h>

bool account_cost_parse(struct str name, struct account_cost *out)
{
    static const struct {
        struct str name;
        struct account_cost cost;
    } costs[] = {
        {{"interactive", 11},
         {crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
          crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE}},
        {{"moderate", 8},
         {crypto_pwhash_argon2id_OPSLIMIT_MODERATE, crypto_pwhash_argon2id_MEMLIMIT_MODERATE}},
        {{"minimal", 7},
         {crypto_pwhash_argon2id_OPSLIMIT_MIN, crypto_pwhash_argon2id_MEMLIMIT_MIN}},
    };

    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
        if (str_eq(name, costs[i].name)) {
            *out = costs[i].cost;
            return true;
        }
    return false;
}

bool account_password_prepare(struct str password, bool stored, struct buf *out)
{
    char *prepared = NULL;
    const char *text;

    buf_clear(out);
    if (password.len == 0 || password.len > ACCOUNT_PASSWORD_MAX ||
        memchr(password.ptr, 0, password.len))
        return false;
    buf_put(out, password);
    text = buf_cstr(out);
    if (!text ||
        gsasl_saslprep(text, stored ? 0 : GSASL_ALLOW_UNASSIGNED, &prepared, NULL) != GSASL_OK)
        return false;
    sodium_memzero(out->ptr, out->len);
    buf_clear(out);
    buf_put(out, str_from(prepared));
    sodium_memzero(prepared, strlen(prepared));
    gsasl_free(prepared);
    return buf_cstr(out) != NULL && out->len > 0;
}

void account_scram_derive(struct str prepared, const uint8_t salt[ACCOUNT_SALT_LEN],
                          uint32_t iterations, struct account_scram_keys *out)
{
    char salted[ACCOUNT_KEY_LEN], client[ACCOUNT_KEY_LEN];
    int r = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, prepared.ptr, iterations,
                                              (const char *)salt, ACCOUNT_SALT_LEN, salted, client,
                                              (char *)out->server, (char *)out->stored);

    CHECK(r == GSASL_OK);
    sodium_memzero(salted, sizeof(salted));
    sodium_memzero(client, sizeof(client));
}

int account_password_hash(struct str prepared, struct account_cost cost,
                          char out[crypto_pwhash_STRBYTES])
{
    if (crypto_pwhash_str_alg(out, prepared.ptr, prepared.len, cost.operations, cost.bytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return -ENOMEM;
    return 0;
}

bool account_password_verify(const struct account_credentials *c, struct str prepared)
{
    struct account_scram_keys keys;
    bool fits = false, is_main;

    account_scram_derive(prepared, c->salt, c->iterations, &keys);
    for (size_t i = c->has_password ? 1 : 0; i < c->key_count; i++)
        fits |= sodium_memcmp(keys.stored, c->keys[i].stored, ACCOUNT_KEY_LEN) == 0;
    sodium_memzero(&keys, sizeof(keys));
    is_main = crypto_pwhash_str_verify(c->argon2id, prepared.ptr, prepared.len) == 0;
    return ((is_main && c->has_password) || fits) && c->is_usable;
}
