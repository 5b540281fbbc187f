// SPDX-License-Identifier: ISC
//
// GNU SASL speaks the mechanisms; this file feeds it lines and tells it what it asks for. Two
// things it does not know are done here: plain passwords are only collected in its callback and
// checked after the step, because checking awaits; and SCRAM clients may use any of an account's
// passwords, so the one whose key fits the client's proof is looked up (RFC 5802 3) and then handed
// to it.
#include "account/auth.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "account/bearer.h"
#include "account/issuer.h"
#include "account/login.h"

#include <errno.h>
#include <gsasl.h>

enum mechanism { SCRAM_PLUS, SCRAM, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN };

static const char *const names[] = {
    [SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
    [SCRAM] = "SCRAM-SHA-256",
    [OAUTHBEARER] = "OAUTHBEARER",
    [XOAUTH2] = "XOAUTH2",
    [PLAIN] = "PLAIN",
    [LOGIN] = "LOGIN",
};
enum { MECHANISM_COUNT = sizeof(names) / sizeof(names[0]), INPUT_MAX = ACCOUNT_AUTH_LINE_MAX };

struct account_auth {
    struct accounts *accounts;
    struct account_peer peer;
    enum mechanism mechanism;
    Gsasl_session *session;
    unsigned steps;
    bool is_over;
    bool has_failed; // a token was refused, the client still has to say that it knows
    bool has_proved; // SCRAM: the client's proof was right, it still has to see ours
    struct account_credentials *credentials; // SCRAM
    struct buf user, authzid, password;
    struct buf input;        // this step's, decoded
    struct buf client_first; // without its gs2-header
    struct buf server_first;
    struct account_identity identity;
};

// ---- the peer

static bool binding_of(void *arg, const char *type, char *to, size_t max, size_t *out_len)
{
    return rt_conn_channel_binding(arg, type, to, max, out_len);
}

struct account_peer account_peer_of(struct rt_conn *conn, const char *service)
{
    struct account_peer peer = {.service = service, .ip = rt_conn_peer(conn)};
    struct rt_tls_info info;

    if (rt_conn_tls(conn, &info)) {
        peer.is_private = true;
        peer.binding = binding_of;
        peer.arg = conn;
    } else if (str_eq(peer.ip, STR("unix"))) {
        peer.is_private = true;
    }
    return peer;
}

static bool get_binding(const struct account_peer *peer, const char *type, char *to, size_t max,
                        size_t *out_len)
{
    return peer->binding && peer->binding(peer->arg, type, to, max, out_len);
}

static bool has_binding(const struct account_peer *peer)
{
    char bytes[128];
    size_t len;

    return get_binding(peer, "tls-exporter", bytes, sizeof(bytes), &len) ||
           get_binding(peer, "tls-unique", bytes, sizeof(bytes), &len);
}

static bool is_bearer(enum mechanism mechanism)
{
    return mechanism == OAUTHBEARER || mechanism == XOAUTH2;
}

/// Can it be used with this peer? A token in clear is anybody's (RFC 6750 5.3), whatever the
/// settings say of passwords.
static bool is_possible(struct accounts *a, enum mechanism mechanism,
                        const struct account_peer *peer)
{
    if (mechanism == SCRAM_PLUS)
        return has_binding(peer);
    return !is_bearer(mechanism) || (peer->is_private && account_issuer_is_set(a->config));
}

bool account_auth_mechanisms(struct accounts *a, const struct account_peer *peer, char separator,
                             struct buf *out)
{
    bool is_first = true;

    if (!account_is_private_enough(a, peer))
        return false;
    for (int i = 0; i < MECHANISM_COUNT; i++) {
        if (!is_possible(a, (enum mechanism)i, peer))
            continue;
        if (!is_first)
            buf_put_char(out, separator);
        buf_put(out, str_from(names[i]));
        is_first = false;
    }
    return true;
}

// ---- what GNU SASL asks for

static void keep(struct buf *to, const char *text)
{
    buf_clear(to);
    if (text)
        buf_put(to, str_from(text));
}

static int tell_base64(Gsasl_session *session, Gsasl_property property, const void *bytes,
                       size_t len)
{
    char text[256];

    CHECK(sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL) <= sizeof(text));
    sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return gsasl_property_set(session, property, text);
}

static int tell_binding(struct account_auth *auth, Gsasl_property property)
{
    const char *type = property == GSASL_CB_TLS_EXPORTER ? "tls-exporter" : "tls-unique";
    char bytes[128];
    size_t len;

    if (!get_binding(&auth->peer, type, bytes, sizeof(bytes), &len))
        return GSASL_NO_CALLBACK;
    return tell_base64(auth->session, property, bytes, len);
}

static struct account_credentials *credentials(struct account_auth *auth)
{
    if (!auth->credentials) {
        auth->credentials = calloc(1, sizeof(*auth->credentials));
        CHECK(auth->credentials);
        keep(&auth->user, gsasl_property_fast(auth->session, GSASL_AUTHID));
        keep(&auth->authzid, gsasl_property_fast(auth->session, GSASL_AUTHZID));
        account_credentials_find(auth->accounts, buf_str(&auth->user), auth->credentials);
    }
    return auth->credentials;
}

static int tell_iterations(struct account_auth *auth)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", (unsigned)credentials(auth)->iterations);
    return gsasl_property_set(auth->session, GSASL_SCRAM_ITER, text);
}

/// ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); it fits when H(ClientKey) = StoredKey.
static bool fits(const struct account_scram_keys *keys, struct str auth_message,
                 const uint8_t proof[ACCOUNT_KEY_LEN])
{
    crypto_auth_hmacsha256_state state;
    uint8_t key[ACCOUNT_KEY_LEN], hash[ACCOUNT_KEY_LEN];

    crypto_auth_hmacsha256_init(&state, keys->stored, ACCOUNT_KEY_LEN);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)auth_message.ptr, auth_message.len);
    crypto_auth_hmacsha256_final(&state, key);
    for (size_t i = 0; i < ACCOUNT_KEY_LEN; i++)
        key[i] ^= proof[i];
    crypto_hash_sha256(hash, key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    return sodium_memcmp(hash, keys->stored, ACCOUNT_KEY_LEN) == 0;
}

/// The keys that the proof in the client's last message was made with. Keys that fit nothing when
/// there are none: GNU SASL will refuse the proof then.
static struct account_scram_keys find_keys(struct account_auth *auth)
{
    const struct account_credentials *c = credentials(auth);
    struct str final = buf_str(&auth->input);
    ptrdiff_t at = str_find_str(final, STR(",p="));
    CLEANUP(buf_drop) struct buf message = {0};
    uint8_t proof[ACCOUNT_KEY_LEN];
    struct account_scram_keys keys;
    size_t len = 0;

    randombytes_buf(&keys, sizeof(keys));
    buf_init(&message, INPUT_MAX * 4);
    if (at < 0 ||
        sodium_base642bin(proof, sizeof(proof), final.ptr + at + 3, final.len - (size_t)at - 3,
                          NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != sizeof(proof) || !c->is_usable)
        return keys;
    buf_put(&message, buf_str(&auth->client_first));
    buf_put_char(&message, ',');
    buf_put(&message, buf_str(&auth->server_first));
    buf_put_char(&message, ',');
    buf_put(&message, str_head(final, (size_t)at));
    for (size_t i = 0; i < c->key_count && buf_ok(&message); i++)
        if (fits(&c->keys[i], buf_str(&message), proof))
            keys = c->keys[i];
    return keys;
}

static int tell_keys(struct account_auth *auth)
{
    struct account_scram_keys keys = find_keys(auth);
    int r;

    r = tell_base64(auth->session, GSASL_SCRAM_STOREDKEY, keys.stored, ACCOUNT_KEY_LEN);
    if (r == GSASL_OK)
        r = tell_base64(auth->session, GSASL_SCRAM_SERVERKEY, keys.server, ACCOUNT_KEY_LEN);
    sodium_memzero(&keys, sizeof(keys));
    return r;
}

static int callback(Gsasl *gsasl, Gsasl_session *session, Gsasl_property property)
{
    struct account_auth *auth = gsasl_session_hook_get(session);

    (void)gsasl;
    switch ((int)property) {
    case GSASL_VALIDATE_SIMPLE:
        keep(&auth->user, gsasl_property_fast(session, GSASL_AUTHID));
        keep(&auth->authzid, gsasl_property_fast(session, GSASL_AUTHZID));
        keep(&auth->password, gsasl_property_fast(session, GSASL_PASSWORD));
        return GSASL_OK;
    case GSASL_CB_TLS_EXPORTER:
    case GSASL_CB_TLS_UNIQUE:
        return tell_binding(auth, property);
    case GSASL_SCRAM_ITER:
        return tell_iterations(auth);
    case GSASL_SCRAM_SALT:
        return tell_base64(session, property, credentials(auth)->salt, ACCOUNT_SALT_LEN);
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        return tell_keys(auth);
    default:
        return GSASL_NO_CALLBACK;
    }
}

void account_auth_prepare(struct accounts *a)
{
    gsasl_callback_set(a->gsasl, callback);
}

// ---- one exchange

static int find_mechanism(struct accounts *a, struct str name, const struct account_peer *peer,
                          enum mechanism *out)
{
    for (int i = 0; i < MECHANISM_COUNT; i++)
        if (str_case_eq(name, str_from(names[i]))) {
            *out = (enum mechanism)i;
            return is_possible(a, *out, peer) ? 0 : ACCOUNT_AUTH_NO_MECHANISM;
        }
    return ACCOUNT_AUTH_NO_MECHANISM;
}

int account_auth_begin(struct accounts *a, const struct account_peer *peer, struct str mechanism,
                       struct account_auth **out)
{
    struct account_auth *auth;
    enum mechanism which;
    int r;

    if (!account_is_private_enough(a, peer))
        return ACCOUNT_AUTH_NEEDS_TLS;
    r = find_mechanism(a, mechanism, peer, &which);
    if (r != 0)
        return r;
    auth = calloc(1, sizeof(*auth));
    CHECK(auth);
    auth->accounts = a;
    auth->peer = *peer;
    auth->mechanism = which;
    buf_init(&auth->user, INPUT_MAX);
    buf_init(&auth->authzid, INPUT_MAX);
    buf_init(&auth->password, INPUT_MAX);
    buf_init(&auth->input, INPUT_MAX);
    buf_init(&auth->client_first, INPUT_MAX);
    buf_init(&auth->server_first, INPUT_MAX * 2);
    *out = auth;
    if (is_bearer(which))
        return 0;
    if (gsasl_server_start(a->gsasl, names[which], &auth->session) != GSASL_OK) {
        account_auth_free(auth);
        return ACCOUNT_AUTH_NO_MECHANISM;
    }
    gsasl_session_hook_set(auth->session, auth);
    return 0;
}

static void wipe(struct buf *b)
{
    if (b->ptr)
        sodium_memzero(b->ptr, b->cap);
    buf_done(b);
}

void account_auth_free(struct account_auth *auth)
{
    if (!auth)
        return;
    if (auth->session)
        gsasl_finish(auth->session);
    if (auth->credentials)
        sodium_memzero(auth->credentials, sizeof(*auth->credentials));
    free(auth->credentials);
    wipe(&auth->user);
    wipe(&auth->authzid);
    wipe(&auth->password);
    wipe(&auth->input);
    wipe(&auth->client_first);
    wipe(&auth->server_first);
    free(auth);
}

const struct account_identity *account_auth_identity(const struct account_auth *auth)
{
    return &auth->identity;
}

/// The line into auth->input. False when it is no base64.
static bool decode(struct account_auth *auth, struct str line)
{
    size_t len;
    char *to;

    buf_clear(&auth->input);
    if (line.len == 0 || (auth->steps == 1 && str_eq(line, STR("="))))
        return true;
    if (line.len > ACCOUNT_AUTH_LINE_MAX)
        return false;
    to = buf_room(&auth->input, line.len);
    if (!to || sodium_base642bin((uint8_t *)to, line.len, line.ptr, line.len, NULL, &len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    buf_added(&auth->input, len);
    return true;
}

static void encode(struct buf *out, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *to = buf_room(out, size);

    if (!to)
        return;
    sodium_bin2base64(to, size, (const uint8_t *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_added(out, size - 1);
}

static struct account_try try_of(const struct account_auth *auth)
{
    return (struct account_try){auth->accounts, &auth->peer, buf_str(&auth->user),
                                names[auth->mechanism]};
}

/// [await] Whose password fitted may have asked to be somebody else: only whoever that lets.
static int become(struct account_auth *auth, int answer)
{
    struct account_try t = try_of(auth);

    return account_try_become(&t, buf_str(&auth->authzid), answer, &auth->identity);
}

static bool is_scram(const struct account_auth *auth)
{
    return auth->mechanism == SCRAM || auth->mechanism == SCRAM_PLUS;
}

/// client-first-message without its gs2-header: what follows the second comma.
static void keep_client_first(struct account_auth *auth)
{
    struct str rest = buf_str(&auth->input), piece;

    if (auth->client_first.len > 0 || auth->input.len == 0)
        return;
    if (str_split(&rest, ',', &piece) && str_split(&rest, ',', &piece) && rest.ptr)
        buf_put(&auth->client_first, rest);
}

static int call_gsasl(struct account_auth *auth, struct str input, struct buf *output)
{
    char *bytes = NULL;
    size_t len = 0;
    int r = gsasl_step(auth->session, input.ptr, input.len, &bytes, &len);

    buf_clear(output);
    if (bytes) {
        buf_put(output, str_of(bytes, len));
        sodium_memzero(bytes, len);
        gsasl_free(bytes);
    }
    return r;
}

/// GNU SASL wants more: after a SCRAM client's first message we know who it is.
static int go_on(struct account_auth *auth, struct buf *output, struct buf *challenge)
{
    struct account_try t = try_of(auth);
    int r;

    if (auth->credentials && auth->server_first.len == 0) {
        r = account_try_begin(&t);
        if (r != ACCOUNT_AUTH_OK)
            return r;
        buf_put(&auth->server_first, buf_str(output));
    }
    encode(challenge, buf_str(output));
    return ACCOUNT_AUTH_MORE;
}

/// [await] The mechanism is at its end, and content.
static int finish(struct account_auth *auth, struct buf *output, struct buf *challenge)
{
    struct account_try t = try_of(auth);

    if (!is_scram(auth))
        return become(auth, account_try_password(&t, buf_str(&auth->password), &auth->identity));
    // the proof was right, but a client that hears so must not be refused afterwards
    if (auth->authzid.len > 0 && !account_find_principal(auth->accounts, buf_str(&auth->authzid),
                                                         credentials(auth)->id, &auth->identity))
        return account_try_failed(&t);
    auth->has_proved = true;
    encode(challenge, buf_str(output));
    return ACCOUNT_AUTH_MORE;
}

static int fail(struct account_auth *auth, int error)
{
    struct account_try t = try_of(auth);

    switch (error) {
    case GSASL_AUTHENTICATION_ERROR:
    case GSASL_NO_CB_TLS_EXPORTER:
    case GSASL_NO_CB_TLS_UNIQUE:
    case GSASL_NO_PASSWORD:
        return account_try_failed(&t);
    case GSASL_MALLOC_ERROR:
        return -ENOMEM;
    default:
        return ACCOUNT_AUTH_MALFORMED;
    }
}

/// [await] The one message of OAUTHBEARER and XOAUTH2; and when its token was refused, an empty one
/// more, after a challenge that says why (RFC 7628 3.2.2).
static int step_bearer(struct account_auth *auth, struct buf *challenge)
{
    enum account_bearer_kind kind =
        auth->mechanism == XOAUTH2 ? ACCOUNT_XOAUTH2 : ACCOUNT_OAUTHBEARER;
    const struct account_config *config = auth->accounts->config;
    struct account_try t = try_of(auth);
    CLEANUP(wipe) struct buf error = {.max = 4096};
    int r;

    if (auth->has_failed)
        return ACCOUNT_AUTH_REFUSED;
    if (auth->input.len == 0)
        return auth->steps == 1 ? ACCOUNT_AUTH_MORE : ACCOUNT_AUTH_MALFORMED;
    r = account_try_bearer(&t, kind, buf_str(&auth->input), &auth->identity);
    if (r != ACCOUNT_AUTH_REFUSED)
        return r;
    auth->has_failed = true;
    account_bearer_put_error(kind, config->oauth_issuer, &error);
    encode(challenge, buf_str(&error));
    return ACCOUNT_AUTH_MORE;
}

static int step(struct account_auth *auth, struct str line, struct buf *challenge)
{
    CLEANUP(wipe) struct buf output = {0};
    int r;

    if (auth->is_over || ++auth->steps > ACCOUNT_AUTH_STEPS_MAX)
        return ACCOUNT_AUTH_MALFORMED;
    if (str_eq(line, STR("*")))
        return ACCOUNT_AUTH_CANCELLED;
    if (!decode(auth, line))
        return ACCOUNT_AUTH_MALFORMED;
    if (is_bearer(auth->mechanism))
        return step_bearer(auth, challenge);
    if (auth->has_proved) {
        struct account_try t = try_of(auth);

        if (auth->input.len > 0)
            return ACCOUNT_AUTH_MALFORMED;
        return become(auth, account_try_succeeded(&t, auth->credentials, &auth->identity));
    }
    buf_init(&output, INPUT_MAX * 2);
    // LOGIN has no initial response of its own, but clients send the user's name as one.
    if (auth->mechanism == LOGIN && auth->steps == 1 && auth->input.len > 0)
        call_gsasl(auth, STR(""), &output);
    if (is_scram(auth))
        keep_client_first(auth);
    r = call_gsasl(auth, buf_str(&auth->input), &output);
    if (!buf_ok(&output))
        return ACCOUNT_AUTH_MALFORMED;
    if (r == GSASL_NEEDS_MORE)
        return go_on(auth, &output, challenge);
    return r == GSASL_OK ? finish(auth, &output, challenge) : fail(auth, r);
}

int account_auth_step(struct account_auth *auth, struct str line, struct buf *challenge)
{
    int r;

    buf_clear(challenge);
    r = step(auth, line, challenge);
    if (r == ACCOUNT_AUTH_MORE && !buf_ok(challenge))
        r = ACCOUNT_AUTH_MALFORMED;
    auth->is_over = r != ACCOUNT_AUTH_MORE;
    return r;
}
