// SPDX-License-Identifier: ISC
//
// One try to sign in by a bearer token: who it says one is, whether that account is here, and
// whether it is whom the client wants to be.
#include "base/check.h"
#include "base/cleanup.h"
#include "trust/jwt.h"

#include "account/issuer.h"
#include "account/login.h"

static void log_token(const struct account_try *t, const char *why)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "account/token", why);
    log_str(&line, "user", t->user);
    log_str(&line, "peer", t->peer->ip);
    log_end(&line);
}

/// Whom the client names must be whom the token names, or one that has him as a delegate (RFC 7628
/// 3.1: the authorization identity); or it names nobody.
static bool may_be(struct accounts *a, struct str wanted, const struct account_credentials *named)
{
    struct account_identity who;

    return wanted.len == 0 || account_find_principal(a, wanted, named->id, &who);
}

/// [await] ACCOUNT_AUTH_OK and the account; _REFUSED; -errno.
static int look(const struct account_try *t, const struct account_bearer *bearer,
                struct account_credentials *out)
{
    CLEANUP(buf_drop) struct buf address = {.max = ACCOUNT_ADDRESS_MAX};
    const char *why;
    int r = account_issuer_verify(t->accounts, bearer->token, &address, &why);

    if (r < 0)
        return r;
    if (r == JWT_GOOD && !buf_ok(&address))
        why = "its claim is no address";
    else if (r == JWT_GOOD &&
             (!account_credentials_find(t->accounts, buf_str(&address), out) || !out->is_usable))
        why = "its user has no account here";
    else if (r == JWT_GOOD && !may_be(t->accounts, buf_str(&bearer->user), out))
        why = "it is another user's";
    else if (r == JWT_GOOD)
        return ACCOUNT_AUTH_OK;
    log_token(t, why);
    return ACCOUNT_AUTH_REFUSED;
}

static int try_one(const struct account_try *t, const struct account_bearer *bearer,
                   struct account_identity *out)
{
    CLEANUP(free_drop) struct account_credentials *credentials = calloc(1, sizeof(*credentials));
    int r = account_try_begin(t);

    CHECK(credentials);
    if (r == ACCOUNT_AUTH_OK)
        r = look(t, bearer, credentials);
    if (r == ACCOUNT_AUTH_OK)
        r = account_try_become(t, buf_str(&bearer->user),
                               account_try_succeeded(t, credentials, out), out);
    else if (r == ACCOUNT_AUTH_REFUSED)
        r = account_try_failed(t);
    sodium_memzero(credentials, sizeof(*credentials));
    return r;
}

int account_try_bearer(const struct account_try *t, enum account_bearer_kind kind,
                       struct str message, struct account_identity *out)
{
    struct account_try mine = *t;
    struct account_bearer bearer;
    int r = ACCOUNT_AUTH_MALFORMED;

    if (account_bearer_parse(kind, message, &bearer)) {
        // Who names nobody is counted by where he comes from, and stands in nobody's way.
        mine.user = bearer.user.len ? buf_str(&bearer.user) : t->peer->ip;
        r = try_one(&mine, &bearer, out);
    }
    buf_done(&bearer.user);
    return r;
}
