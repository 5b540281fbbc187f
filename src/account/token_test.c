// SPDX-License-Identifier: ISC
//
// Signing in by bearer tokens, both mechanisms: the messages of RFC 7628, tokens good and bad, whom
// they are for, when they are offered, the brake, and keys that change, under a clock of our own.
#include "trust/jwt_for_test.h"
#include "os/file.h"
#include "rt/sim/sim.h"
#include "account/auth.h"
#include "account/bearer.h"
#include "account/testing.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct jwt_issuer issuer, next;
static char keys_path[64];

#define ISSUER "https://login.example.test/"
#define ED "{\"alg\":\"EdDSA\",\"kid\":\"d\"}"

static void put_keys(const struct jwt_issuer *of)
{
    struct buf text = {.max = 1 << 16};

    jwt_put_keys(&text, of);
    CHECK(os_file_replace(keys_path, buf_str(&text), 0600) == 0);
    buf_done(&text);
}

// ---- the world, with a clock that can be sent ahead

static void run(struct world *w, void (*body)(struct world *w))
{
    log_set_sink(world_silence, NULL);
    if (!w->config.password_cost.ptr)
        w->config = world_config();
    w->config.oauth_issuer = STR(ISSUER);
    w->config.oauth_audience = STR("mail");
    w->config.oauth_claim = STR("email");
    w->config.oauth_skew = 60000;
    if (!w->config.oauth_jwks.ptr)
        w->config.oauth_jwks = str_from(keys_path);
    put_keys(&issuer);
    w->body = body;
    CHECK(rt_sim_new(1, &rt_sim_calm, &w->rt) == 0);
    CHECK(rt_run(w->rt, world_first, w) == 0);
    account_close(w->accounts);
    rt_free(w->rt);
}

static void make_people(struct world *w)
{
    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", "tres tristes tigres");
    world_account(w, "bruno@example.test", "tres tristes tigres");
}

static const struct account_peer private = {
    .service = "test", .ip = STR("192.0.2.1"), .is_private = true};

/// A token for that address, good from the world's point of view but for `lifetime`.
static void put_token(struct buf *out, const char *email, int64_t lifetime_s, EVP_PKEY *key)
{
    struct buf claims = {.max = 4096};

    buf_putf(&claims, "{\"iss\":\"" ISSUER "\",\"aud\":\"mail\",\"exp\":%lld,\"email\":\"%s\"}",
             (long long)(rt_wall_s() + lifetime_s), email);
    jwt_put(out, ED, buf_cstr(&claims), key);
    buf_done(&claims);
}

static void encode(struct buf *out, struct str bytes)
{
    size_t len = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *to = buf_room(out, len);

    CHECK(to);
    sodium_bin2base64(to, len, (const uint8_t *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_added(out, len - 1);
}

struct talk {
    struct world *w;
    const char *mechanism;
    const char *user; // NULL: not said
    const char *email;
    int64_t lifetime_s;
    EVP_PKEY *key;
    struct account_peer peer;
    struct account_identity who; // out
    struct buf challenge;        // out, of the last step
};

static void put_message(const struct talk *t, struct buf *out)
{
    struct buf token = {.max = 8192};

    put_token(&token, t->email ? t->email : "ana@example.test", t->lifetime_s ? t->lifetime_s : 300,
              t->key ? t->key : issuer.ed);
    if (t->mechanism && t->mechanism[0] == 'X')
        buf_putf(out, "user=%s\1auth=Bearer %s\1\1", t->user, buf_cstr(&token));
    else if (t->user)
        buf_putf(out, "n,a=%s,\1host=mail\1port=143\1auth=Bearer %s\1\1", t->user,
                 buf_cstr(&token));
    else
        buf_putf(out, "n,,\1auth=Bearer %s\1\1", buf_cstr(&token));
    buf_done(&token);
}

/// What a step says, of a message that may be refused; then the client's empty one.
static int step(struct talk *t, struct account_auth *auth, struct str message, struct str last)
{
    struct buf line = {.max = 1 << 16};
    int r;

    encode(&line, message);
    r = account_auth_step(auth, buf_str(&line), &t->challenge);
    if (r == ACCOUNT_AUTH_MORE) {
        struct buf rest = {.max = 1 << 16};

        CHECK(t->challenge.len > 0);
        r = account_auth_step(auth, last, &rest);
        buf_done(&rest);
    }
    buf_done(&line);
    return r;
}

static int converse(struct talk *t)
{
    struct buf message = {.max = 1 << 16};
    struct account_auth *auth;
    int r = account_auth_begin(t->w->accounts, t->peer.ip.ptr ? &t->peer : &private,
                               str_from(t->mechanism ? t->mechanism : "OAUTHBEARER"), &auth);

    buf_init(&t->challenge, 1 << 16);
    if (r != 0)
        return r;
    put_message(t, &message);
    r = step(t, auth, buf_str(&message), STR("AQ=="));
    if (r == 0)
        t->who = *account_auth_identity(auth);
    buf_done(&message);
    account_auth_free(auth);
    buf_done(&t->challenge);
    return r;
}

/// What is not given is ana's good token.
#define TALK(...) ((struct talk){.w = w, __VA_ARGS__})

static void sign_in(struct world *w)
{
    static const struct {
        const char *mechanism, *user, *email;
        int64_t lifetime_s;
        int answer;
    } cases[] = {
        {"OAUTHBEARER", NULL, "ana@example.test", 300, ACCOUNT_AUTH_OK},
        {"OAUTHBEARER", "ana@example.test", "Ana@EXAMPLE.test", 300, ACCOUNT_AUTH_OK},
        {"oauthbearer", "ana", "ana@example.test", 300, ACCOUNT_AUTH_OK},
        {"XOAUTH2", "ana@example.test", "ana@example.test", 300, ACCOUNT_AUTH_OK},
        {"OAUTHBEARER", NULL, "ana@example.test", -30, ACCOUNT_AUTH_OK}, // the skew
        {"OAUTHBEARER", NULL, "ana@example.test", -61, ACCOUNT_AUTH_REFUSED},
        {"OAUTHBEARER", "bruno@example.test", "ana@example.test", 300, ACCOUNT_AUTH_REFUSED},
        {"XOAUTH2", "bruno@example.test", "ana@example.test", 300, ACCOUNT_AUTH_REFUSED},
        {"OAUTHBEARER", NULL, "nobody@example.test", 300, ACCOUNT_AUTH_REFUSED},
        {"OAUTHBEARER", "a=b", "ana@example.test", 300, ACCOUNT_AUTH_MALFORMED},
    };

    make_people(w);
    w->config.login_failures_max = 1000;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct talk t = TALK(.mechanism = cases[i].mechanism, .user = cases[i].user,
                             .email = cases[i].email, .lifetime_s = cases[i].lifetime_s);
        int r = converse(&t);

        if (r != cases[i].answer)
            fprintf(stderr, "case %zu: %d\n", i, r);
        CHECK(r == cases[i].answer);
        CHECK(r != 0 || str_eq(str_from(t.who.address), STR("ana@example.test")));
    }
    CHECK(converse(&TALK(.key = next.ed)) == ACCOUNT_AUTH_REFUSED);
    rt_stop(w->rt);
}

static void tokens_let_in_whom_they_name(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, sign_in);
}

/// A delegate's own token is good for whom he may act for, and for nobody else, while he may.
static void delegate(struct world *w)
{
    static const char *const mechanisms[] = {"OAUTHBEARER", "XOAUTH2"};
    const struct str owner = STR("bruno@example.test"), other = STR("ana@example.test");
    struct account_change off = {.what = ACCOUNT_SET_ENABLED, .is_enabled = false};
    struct buf why = {.max = 512};

    make_people(w);
    CHECK(account_delegate_set(w->accounts, owner, other, true, &why) == 0);
    for (size_t i = 0; i < 2; i++) {
        struct talk t = TALK(.mechanism = mechanisms[i], .user = "Bruno@example.test");

        CHECK(converse(&t) == ACCOUNT_AUTH_OK);
        CHECK(t.who.account_id == account_id_of(w->accounts, owner));
        CHECK(t.who.actor_id == account_id_of(w->accounts, other));
        CHECK(str_eq(str_from(t.who.address), owner));
        // not the other way round
        t = TALK(.mechanism = mechanisms[i], .user = "ana@example.test",
                 .email = "bruno@example.test");
        CHECK(converse(&t) == ACCOUNT_AUTH_REFUSED);
    }
    CHECK(account_set(w->accounts, owner, &off, &why) == 0);
    CHECK(converse(&TALK(.user = "bruno@example.test")) == ACCOUNT_AUTH_REFUSED);
    off.is_enabled = true;
    CHECK(account_set(w->accounts, owner, &off, &why) == 0);
    CHECK(converse(&TALK(.user = "bruno@example.test")) == ACCOUNT_AUTH_OK);
    CHECK(account_delegate_set(w->accounts, owner, other, false, &why) == 0);
    CHECK(converse(&TALK(.user = "bruno@example.test")) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(&TALK(.user = NULL)) == ACCOUNT_AUTH_OK); // himself he still is
}

static void a_delegates_token_lets_him_act_for_another(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, delegate);
}

static void turn_away(struct world *w)
{
    struct account_change off = {.what = ACCOUNT_SET_ENABLED, .is_enabled = false};
    struct buf why = {.max = 512};

    make_people(w);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_OK);
    CHECK(account_set(w->accounts, STR("ana@example.test"), &off, &why) == 0);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(&TALK(.email = "bruno@example.test")) == ACCOUNT_AUTH_OK);
}

static void a_disabled_account_stays_shut(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, turn_away);
}

static bool offers(struct world *w, const struct account_peer *peer)
{
    struct buf names = {.max = 1024};
    bool is, also;

    account_auth_mechanisms(w->accounts, peer, ' ', &names);
    is = str_find_str(buf_str(&names), STR("OAUTHBEARER")) >= 0;
    also = str_find_str(buf_str(&names), STR("XOAUTH2")) >= 0;
    CHECK(is == also);
    buf_done(&names);
    return is;
}

static void offer(struct world *w)
{
    struct account_peer open = private;
    struct account_config other = w->config;

    make_people(w);
    open.is_private = false;
    other.plaintext_login = true; // passwords perhaps; tokens never
    account_reconfigure(w->accounts, &other);
    CHECK(offers(w, &private));
    CHECK(!offers(w, &open));
    CHECK(converse(&TALK(.peer = open)) == ACCOUNT_AUTH_NO_MECHANISM);
    other.oauth_issuer = STR("");
    CHECK(!offers(w, &private));
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_NO_MECHANISM);
    account_reconfigure(w->accounts, &w->config);
}

static void only_with_tls_and_an_issuer(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, offer);
}

/// RFC 7628 3.2.2: the client is told in JSON, answers with a lone ^A, and is refused.
static void refuse(struct world *w)
{
    struct talk t = TALK(.lifetime_s = -1000);
    struct account_auth *auth;
    struct buf message = {.max = 1 << 16}, line = {.max = 1 << 16}, challenge = {.max = 1 << 16};
    char json[512];
    size_t len;
    json_t *error;

    make_people(w);
    CHECK(account_auth_begin(w->accounts, &private, STR("OAUTHBEARER"), &auth) == 0);
    CHECK(account_auth_step(auth, STR_NONE, &challenge) == ACCOUNT_AUTH_MORE);
    CHECK(challenge.len == 0); // no initial response: it is asked for
    put_message(&t, &message);
    encode(&line, buf_str(&message));
    CHECK(account_auth_step(auth, buf_str(&line), &challenge) == ACCOUNT_AUTH_MORE);
    CHECK(sodium_base642bin((uint8_t *)json, sizeof(json), challenge.ptr, challenge.len, NULL, &len,
                            NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
    error = json_loadb(json, len, 0, NULL);
    CHECK(strcmp(json_string_value(json_object_get(error, "status")), "invalid_token") == 0);
    CHECK(strcmp(json_string_value(json_object_get(error, "openid-configuration")),
                 ISSUER ".well-known/openid-configuration") == 0);
    json_decref(error);
    CHECK(account_auth_step(auth, STR("AQ=="), &challenge) == ACCOUNT_AUTH_REFUSED);
    CHECK(account_auth_step(auth, buf_str(&line), &challenge) == ACCOUNT_AUTH_MALFORMED);
    account_auth_free(auth);
    buf_done(&message);
    buf_done(&line);
    buf_done(&challenge);
}

static void the_client_hears_why(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, refuse);
}

/// Also who gives the exchange up after the challenge, so as not to be refused, is counted.
static void brake(struct world *w)
{
    make_people(w);
    for (int i = 0; i < 5; i++)
        CHECK(converse(&TALK(.user = "ana@example.test", .key = next.ed)) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(&TALK(.user = "ana@example.test")) == ACCOUNT_AUTH_LATER);
    CHECK(converse(&TALK(.user = "bruno@example.test", .email = "bruno@example.test")) ==
          ACCOUNT_AUTH_OK);
    CHECK(converse(&TALK(.peer = {.service = "test", .ip = STR("192.0.2.2"), .is_private = true},
                         .user = "ana@example.test")) == ACCOUNT_AUTH_OK);
    // who names nobody is counted by himself
    for (int i = 0; i < 5; i++)
        CHECK(converse(&TALK(.key = next.ed)) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_LATER);
    CHECK(
        converse(&TALK(.peer = {.service = "test", .ip = STR("192.0.2.2"), .is_private = true})) ==
        ACCOUNT_AUTH_OK);
}

static void failures_are_counted(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, brake);
}

static void change_keys(struct world *w)
{
    make_people(w);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_OK);
    put_keys(&next);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_OK); // the hour is not over
    CHECK(rt_sleep(3601 * 1000) == 0);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(&TALK(.key = next.ed)) == ACCOUNT_AUTH_OK);
    // when they cannot be had the old ones hold for a day
    CHECK(unlink(keys_path) == 0);
    CHECK(rt_sleep(12 * 3600 * 1000) == 0);
    CHECK(converse(&TALK(.key = next.ed)) == ACCOUNT_AUTH_OK);
    CHECK(rt_sleep(13 * 3600 * 1000) == 0);
    CHECK(converse(&TALK(.key = next.ed)) == -EIO);
    CHECK(converse(&TALK(.key = next.ed)) == -EIO);
    // and come back a minute after they are there again
    put_keys(&next);
    CHECK(rt_sleep(61 * 1000) == 0);
    CHECK(converse(&TALK(.key = next.ed)) == ACCOUNT_AUTH_OK);
}

static void keys_come_and_go(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, change_keys);
}

/// A key with a name of its own, that the set did not have a moment ago.
static void add_key(struct world *w)
{
    struct buf text = {.max = 1 << 16}, claims = {.max = 4096}, token = {.max = 8192};
    struct buf message = {.max = 1 << 16};
    struct talk t = TALK(.key = issuer.ed);
    struct account_auth *auth;

    make_people(w);
    CHECK(converse(&TALK(.key = issuer.ed)) == ACCOUNT_AUTH_OK);
    buf_putf(&text, "{\"keys\":[");
    jwt_put_ed(&text, next.ed, ",\"kid\":\"new\"");
    buf_putf(&text, "]}");
    CHECK(os_file_replace(keys_path, buf_str(&text), 0600) == 0);
    buf_putf(&claims, "{\"iss\":\"" ISSUER "\",\"aud\":\"mail\",\"exp\":1e12,\"email\":\"ana@"
                      "example.test\"}");
    jwt_put(&token, "{\"alg\":\"EdDSA\",\"kid\":\"new\"}", buf_cstr(&claims), next.ed);
    buf_putf(&message, "n,,\1auth=Bearer %s\1\1", buf_cstr(&token));
    for (int i = 0; i < 2; i++) { // not at once again, but a minute later
        CHECK(account_auth_begin(w->accounts, &private, STR("OAUTHBEARER"), &auth) == 0);
        buf_init(&t.challenge, 1 << 16);
        CHECK(step(&t, auth, buf_str(&message), STR("AQ==")) ==
              (i ? ACCOUNT_AUTH_OK : ACCOUNT_AUTH_REFUSED));
        account_auth_free(auth);
        buf_done(&t.challenge);
        CHECK(rt_sleep(61 * 1000) == 0);
    }
    buf_done(&text);
    buf_done(&claims);
    buf_done(&token);
    buf_done(&message);
}

static void an_unknown_key_is_looked_for(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, add_key);
}

// ---- the grammar

static void messages(void **state)
{
    static const struct {
        enum account_bearer_kind kind;
        const char *text;
        const char *user, *token; // NULL: refused
    } cases[] = {
        // RFC 7628 4.1
        {ACCOUNT_OAUTHBEARER,
         "n,a=user@example.com,\1host=server.example.com\1port=143\1"
         "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1",
         "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=bearer x\1\1", "", "x"},
        {ACCOUNT_OAUTHBEARER, "y,,\1auth=Bearer x.y-z_\1\1", "", "x.y-z_"},
        {ACCOUNT_OAUTHBEARER, "n,a=a=2Cb=3Dc,\1auth=Bearer x\1\1", "a,b=c", "x"},
        {ACCOUNT_OAUTHBEARER, "p=tls-unique,,\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,a=,\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,b=c,\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,a=a=2c,\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,x\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer x\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer x", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer x\1\1x", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer x\1auth=Bearer y\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Basic x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer \1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1auth=Bearer x y\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1host=x\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "n,,\1\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "\1", NULL, NULL},
        {ACCOUNT_OAUTHBEARER, "", NULL, NULL},
        {ACCOUNT_XOAUTH2,
         "user=someuser@example.com\1auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdm"
         "lzdGEuY29tCg\1\1",
         "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"},
        {ACCOUNT_XOAUTH2, "auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_XOAUTH2, "user=a\1\1", NULL, NULL},
        {ACCOUNT_XOAUTH2, "user=a\1user=b\1auth=Bearer x\1\1", NULL, NULL},
        {ACCOUNT_XOAUTH2, "user=a\1auth=Bearer x\1", NULL, NULL},
        {ACCOUNT_XOAUTH2, "n,,\1auth=Bearer x\1\1", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct account_bearer b;
        bool is = account_bearer_parse(cases[i].kind, str_from(cases[i].text), &b);

        if (is != (cases[i].token != NULL))
            print_error("case %zu\n", i);
        assert_int_equal(is, cases[i].token != NULL);
        if (is) {
            assert_true(str_eq(b.token, str_from(cases[i].token)));
            assert_true(str_eq(buf_str(&b.user), str_from(cases[i].user)));
        }
        buf_done(&b.user);
    }
}

static void settings_are_looked_at(void **state)
{
    static const struct {
        struct account_config config;
        const char *why; // NULL: fine
    } cases[] = {
        {{.oauth_issuer = STR("")}, NULL},
        {{.oauth_issuer = STR("i")}, "oauth_audience"},
        {{.oauth_issuer = STR("i"), .oauth_audience = STR("a")}, "oauth_jwks"},
        {{.oauth_issuer = STR("i"), .oauth_audience = STR("a"), .oauth_jwks = STR("http://x")},
         "oauth_jwks"},
        {{.oauth_issuer = STR("i"), .oauth_audience = STR("a"), .oauth_jwks = STR("/k")},
         "oauth_claim"},
        {{.oauth_issuer = STR("i"),
          .oauth_audience = STR("a"),
          .oauth_jwks = STR("https://x/k"),
          .oauth_claim = STR("email")},
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf why = {.max = 512};

        assert_int_equal(account_config_is_valid(&cases[i].config, &why), !cases[i].why);
        if (cases[i].why)
            assert_true(str_starts(buf_str(&why), str_from(cases[i].why)));
        buf_done(&why);
    }
}

static int begin(void **state)
{
    int fd;

    (void)state;
    snprintf(keys_path, sizeof(keys_path), "/tmp/account_token_test.XXXXXX");
    fd = mkstemp(keys_path);
    if (fd < 0)
        return -1;
    close(fd);
    jwt_issuer_init(&issuer);
    jwt_issuer_init(&next);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(keys_path);
    jwt_issuer_done(&issuer);
    jwt_issuer_done(&next);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(settings_are_looked_at),
        cmocka_unit_test(tokens_let_in_whom_they_name),
        cmocka_unit_test(a_delegates_token_lets_him_act_for_another),
        cmocka_unit_test(a_disabled_account_stays_shut),
        cmocka_unit_test(only_with_tls_and_an_issuer),
        cmocka_unit_test(the_client_hears_why),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(an_unknown_key_is_looked_for),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
