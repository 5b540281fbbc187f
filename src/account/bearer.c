// SPDX-License-Identifier: ISC
#include "account/bearer.h"

#include "base/check.h"
#include "base/scan.h"

#include "account/account.h"

#include <jansson.h>
#include <stdlib.h>

enum { SEPARATOR = 1 };

/// saslname of RFC 5801 4: "=2C" is a comma and "=3D" an equals sign.
static bool put_name(struct str name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        struct str code = str_head(str_skip(name, i), 3);

        if (name.ptr[i] != '=') {
            buf_put_char(out, name.ptr[i]);
            continue;
        }
        if (str_eq(code, STR("=2C")))
            buf_put_char(out, ',');
        else if (str_eq(code, STR("=3D")))
            buf_put_char(out, '=');
        else
            return false;
        i += 2;
    }
    return name.len > 0 && buf_ok(out);
}

/// gs2-header without channel binding, which bearer tokens have none of: "n," or "y,", then
/// "a=NAME" or nothing, then ",".
static bool scan_header(struct str *rest, struct buf *user)
{
    struct str flag, name;

    if (!str_split(rest, ',', &flag) || !rest->ptr ||
        !(str_eq(flag, STR("n")) || str_eq(flag, STR("y"))))
        return false;
    if (!str_split(rest, ',', &name) || !rest->ptr)
        return false;
    return name.len == 0 || (str_starts(name, STR("a=")) && put_name(str_skip(name, 2), user));
}

/// b64token of RFC 6750 2.1; a JWT has no other characters.
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!char_is_alpha(c) && !char_is_digit(c) && !memchr("-._~+/=", c, 7))
            return false;
    }
    return text.len > 0;
}

static bool take_pair(struct str pair, enum account_bearer_kind kind, struct account_bearer *out)
{
    struct str key;

    if (!str_split(&pair, '=', &key) || !pair.ptr || key.len == 0)
        return false;
    if (str_eq(key, STR("auth"))) {
        if (out->token.ptr || !str_case_starts(pair, STR("Bearer ")))
            return false;
        out->token = str_trim(str_skip(pair, strlen("Bearer ")));
        return is_token(out->token);
    }
    if (kind == ACCOUNT_XOAUTH2 && str_eq(key, STR("user"))) {
        if (out->user.len > 0)
            return false;
        buf_put(&out->user, pair);
        return buf_ok(&out->user);
    }
    for (size_t i = 0; i < key.len; i++) // host, port and what others may add
        if (!char_is_alpha(key.ptr[i]))
            return false;
    return kind == ACCOUNT_OAUTHBEARER;
}

bool account_bearer_parse(enum account_bearer_kind kind, struct str message,
                          struct account_bearer *out)
{
    struct str rest = message, pair;

    *out = (struct account_bearer){.user = {.max = ACCOUNT_ADDRESS_MAX}};
    if (kind == ACCOUNT_OAUTHBEARER) {
        struct str head;

        if (!scan_header(&rest, &out->user) || !str_split(&rest, SEPARATOR, &head) || head.len > 0)
            return false;
    }
    while (str_split(&rest, SEPARATOR, &pair) && pair.len > 0)
        if (!take_pair(pair, kind, out))
            return false;
    // each pair ends with a separator, and one more is the end
    return rest.ptr && rest.len == 0 && out->token.ptr &&
           (kind == ACCOUNT_OAUTHBEARER || out->user.len > 0);
}

void account_bearer_put_error(enum account_bearer_kind kind, struct str issuer, struct buf *out)
{
    json_t *error;
    char *text;

    if (kind == ACCOUNT_XOAUTH2) {
        buf_put(out, STR("{\"status\":\"401\",\"schemes\":\"bearer\"}"));
        return;
    }
    while (str_ends(issuer, STR("/")))
        issuer.len--;
    error = json_pack("{s:s, s:s#+}", "status", "invalid_token", "openid-configuration",
                      issuer.ptr, (int)issuer.len, "/.well-known/openid-configuration");
    text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    buf_put(out, text ? str_from(text) : STR("{\"status\":\"invalid_token\"}"));
    free(text);
    json_decref(error);
}
