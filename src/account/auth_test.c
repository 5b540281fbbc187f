// SPDX-License-Identifier: ISC
//
// Signing in: the vectors of RFC 7677, libgsasl's client against our server in every mechanism,
// broken lines, app passwords, disabled and unknown users, too many failures.
#include "base/cleanup.h"
#include "account/auth.h"
#include "account/password.h"
#include "account/testing.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- keys

static void base64_to(const char *text, uint8_t *to, size_t len)
{
    size_t got = 0;

    assert_int_equal(sodium_base642bin(to, len, text, strlen(text), NULL, &got, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(got, len);
}

/// RFC 7677 3: user "user", password "pencil".
static void keys_are_those_of_rfc_7677(void **state)
{
    static const char message[] =
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    uint8_t salt[ACCOUNT_SALT_LEN], proof[32], signature[32], mac[32], hash[32];
    struct account_scram_keys keys;

    (void)state;
    base64_to("W22ZaJ0SNY7soEsUEjb6gQ==", salt, sizeof(salt));
    base64_to("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", proof, sizeof(proof));
    base64_to("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", signature, sizeof(signature));
    account_scram_derive(STR("pencil"), salt, 4096, &keys);
    crypto_auth_hmacsha256(mac, (const uint8_t *)message, strlen(message), keys.server);
    assert_memory_equal(mac, signature, sizeof(mac));
    crypto_auth_hmacsha256(mac, (const uint8_t *)message, strlen(message), keys.stored);
    for (size_t i = 0; i < sizeof(mac); i++)
        mac[i] ^= proof[i];
    crypto_hash_sha256(hash, mac, sizeof(mac));
    assert_memory_equal(hash, keys.stored, sizeof(hash));
}

/// RFC 4013 3.
static void passwords_are_prepared(void **state)
{
    static const struct {
        const char *in, *out; // NULL: refused
    } cases[] = {
        {"I\xc2\xadX", "IX"},
        {"user", "user"},
        {"\xc2\xaa", "a"},
        {"\xe2\x85\xa8", "IX"},
        {"\x07", NULL},
        {"", NULL},
        {"a\xff", NULL},
        {"\xd8\xa7"
         "1",
         NULL},
        {"with space", "with space"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool ok = account_password_prepare(str_from(cases[i].in), true, &out);

        assert_int_equal(ok, cases[i].out != NULL);
        if (ok)
            assert_true(str_eq(buf_str(&out), str_from(cases[i].out)));
    }
    buf_done(&out);
}

// ---- both sides of an exchange

struct client {
    const char *user, *password, *authzid;
    const char *binding; // what it thinks the binding is; NULL: it knows of none
    const char *type;    // "tls-exporter", "tls-unique"
    bool has_initial;
};

static const char *server_binding; // NULL: no TLS that has one
static const char *server_type;

static bool bind_server(void *arg, const char *type, char *to, size_t max, size_t *out_len)
{
    (void)arg;
    if (!server_binding || !str_eq(str_from(type), str_from(server_type)))
        return false;
    *out_len = strlen(server_binding);
    CHECK(*out_len <= max);
    memcpy(to, server_binding, *out_len);
    return true;
}

static struct account_peer peer_at(const char *ip)
{
    return (struct account_peer){
        .service = "test", .ip = str_from(ip), .is_private = true, .binding = bind_server};
}

static int answer_client(Gsasl *gsasl, Gsasl_session *session, Gsasl_property property)
{
    const struct client *c = gsasl_session_hook_get(session);
    char *text = NULL;
    const char *value = NULL;
    int r = GSASL_NO_CALLBACK;

    (void)gsasl;
    switch ((int)property) {
    case GSASL_AUTHID:
        value = c->user;
        break;
    case GSASL_AUTHZID:
        value = c->authzid;
        break;
    case GSASL_PASSWORD:
        value = c->password;
        break;
    case GSASL_CB_TLS_EXPORTER:
    case GSASL_CB_TLS_UNIQUE:
        if (!c->binding ||
            (property == GSASL_CB_TLS_EXPORTER) != str_eq(str_from(c->type), STR("tls-exporter")))
            break;
        gsasl_base64_to(c->binding, strlen(c->binding), &text, NULL);
        value = text;
        break;
    default:
        break;
    }
    if (value)
        r = gsasl_property_set(session, property, value);
    gsasl_free(text);
    return r;
}

/// What the client says next; false when it gives up.
static bool client_step(Gsasl_session *session, struct str challenge, struct buf *line)
{
    struct buf in;
    char *out = NULL;
    int r;

    buf_init(&in, 1 << 16);
    buf_put(&in, challenge);
    r = gsasl_step64(session, buf_cstr(&in), &out);
    buf_clear(line);
    if (out)
        buf_put(line, str_from(out));
    gsasl_free(out);
    buf_done(&in);
    return r == GSASL_OK || r == GSASL_NEEDS_MORE;
}

/// [await] The last answer of the server.
static int converse(struct world *w, const struct account_peer *peer, const char *mechanism,
                    const struct client *c, struct account_identity *who)
{
    struct account_auth *auth;
    Gsasl_session *session;
    struct buf line, challenge;
    Gsasl *gsasl;
    int r;

    r = account_auth_begin(w->accounts, peer, str_from(mechanism), &auth);
    if (r != 0)
        return r;
    CHECK(gsasl_init(&gsasl) == GSASL_OK);
    gsasl_callback_set(gsasl, answer_client);
    CHECK(gsasl_client_start(gsasl, mechanism, &session) == GSASL_OK);
    gsasl_session_hook_set(session, (void *)c);
    buf_init(&line, 1 << 16);
    buf_init(&challenge, 1 << 16);
    if (c->has_initial) {
        CHECK(client_step(session, STR(""), &line));
        r = account_auth_step(auth, buf_str(&line), &challenge);
    } else {
        r = account_auth_step(auth, STR_NONE, &challenge);
    }
    while (r == ACCOUNT_AUTH_MORE) {
        if (!client_step(session, buf_str(&challenge), &line)) {
            buf_clear(&line);
            buf_put_char(&line, '*');
        }
        r = account_auth_step(auth, buf_str(&line), &challenge);
    }
    if (r == ACCOUNT_AUTH_OK)
        *who = *account_auth_identity(auth);
    buf_done(&line);
    buf_done(&challenge);
    gsasl_finish(session);
    gsasl_done(gsasl);
    account_auth_free(auth);
    return r;
}

// clang-format off
static const struct {
    const char *mechanism;
    struct client client;
    int answer;
} exchanges[] = {
    {"PLAIN", {"ana@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"ana@example.test", "correct horse", NULL, NULL, NULL, false}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"ANA@Example.TEST", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"ana", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"ana", "correct horse", "ana@example.test", NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"ana", "correct horse", "bruno@example.test", NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"PLAIN", {"ana", "wrong horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"PLAIN", {"nobody", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"PLAIN", {"team@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"PLAIN", {"off@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"PLAIN", {"bare@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"LOGIN", {"ana@example.test", "correct horse", NULL, NULL, NULL, false}, ACCOUNT_AUTH_OK},
    {"LOGIN", {"ana@example.test", "correct", NULL, NULL, NULL, false}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"ana@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"SCRAM-SHA-256", {"ana@example.test", "correct horse", NULL, NULL, NULL, false}, ACCOUNT_AUTH_OK},
    {"SCRAM-SHA-256", {"Ana", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_OK},
    {"SCRAM-SHA-256", {"ana", "correct horse", "bruno", NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"ana", "wrong horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"nobody", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"off@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"bare@example.test", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256-PLUS", {"ana", "correct horse", NULL, "secret channel", "tls-exporter", true}, ACCOUNT_AUTH_OK},
    {"SCRAM-SHA-256-PLUS", {"ana", "correct horse", NULL, "somebody between", "tls-exporter", true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256-PLUS", {"ana", "correct horse", NULL, "secret channel", "tls-unique", true}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256-PLUS", {"ana", "wrong horse", NULL, "secret channel", "tls-exporter", true}, ACCOUNT_AUTH_REFUSED},
    {"CRAM-MD5", {"ana", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_NO_MECHANISM},
    {"", {"ana", "correct horse", NULL, NULL, NULL, true}, ACCOUNT_AUTH_NO_MECHANISM},
};
// clang-format on

static void people(struct world *w)
{
    struct account_change off = {.what = ACCOUNT_SET_ENABLED};
    struct buf why;

    buf_init(&why, 1024);
    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", "correct horse");
    world_account(w, "bruno@example.test", "battery staple");
    world_account(w, "off@example.test", "correct horse");
    world_account(w, "bare@example.test", NULL);
    world_alias(w, "team@example.test", "ana@example.test", NULL);
    CHECK(account_set(w->accounts, STR("off@example.test"), &off, &why) == 0);
    buf_done(&why);
}

static void exchange_body(struct world *w)
{
    people(w);
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        struct account_identity who = {0};
        char ip[32];
        struct account_peer peer;
        int r;

        server_binding = "secret channel";
        server_type = "tls-exporter";
        snprintf(ip, sizeof(ip), "192.0.2.%zu", i);
        peer = peer_at(ip);
        r = converse(w, &peer, exchanges[i].mechanism, &exchanges[i].client, &who);
        if (r != exchanges[i].answer)
            fprintf(stderr, "case %zu: %d\n", i, r);
        CHECK(r == exchanges[i].answer);
        CHECK((r == 0) == str_eq(str_from(who.address), STR("ana@example.test")));
        CHECK((r == 0) == (who.account_id != 0));
    }
}

static void every_mechanism_lets_in_who_belongs_in(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, exchange_body);
}

/// By the mechanism that proves and by the one that shows the password.
static void delegate_body(struct world *w)
{
    static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256"};
    struct client ana = {"ana", "correct horse", "bruno@example.test", NULL, NULL, true};
    struct client wrong = {"ana", "wrong horse", "bruno@example.test", NULL, NULL, true};
    struct client bruno = {"bruno", "battery staple", "ana@example.test", NULL, NULL, true};
    struct account_peer peer = peer_at("192.0.2.1");
    struct account_change off = {.what = ACCOUNT_SET_ENABLED};
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    const struct str owner = STR("bruno@example.test"), delegate = STR("ana@example.test");

    people(w);
    for (size_t i = 0; i < 2; i++) {
        struct account_identity who = {0};

        CHECK(account_delegate_set(w->accounts, owner, delegate, true, &why) == 0);
        CHECK(account_delegate_set(w->accounts, owner, delegate, true, &why) == ACCOUNT_EXISTS);
        CHECK(converse(w, &peer, mechanisms[i], &ana, &who) == ACCOUNT_AUTH_OK);
        CHECK(str_eq(str_from(who.address), owner));
        CHECK(who.account_id == account_id_of(w->accounts, owner));
        CHECK(who.actor_id == account_id_of(w->accounts, delegate));
        CHECK(account_is_welcome(w->accounts, who.account_id, who.actor_id));
        CHECK(converse(w, &peer, mechanisms[i], &wrong, &who) == ACCOUNT_AUTH_REFUSED);
        CHECK(converse(w, &peer, mechanisms[i], &bruno, &who) == ACCOUNT_AUTH_REFUSED);
        CHECK(account_delegate_set(w->accounts, owner, delegate, false, &why) == 0);
        CHECK(!account_is_welcome(w->accounts, who.account_id, who.actor_id));
        CHECK(converse(w, &peer, mechanisms[i], &ana, &who) == ACCOUNT_AUTH_REFUSED);
    }
    CHECK(account_delegate_set(w->accounts, owner, owner, true, &why) == ACCOUNT_INVALID);
    CHECK(account_delegate_set(w->accounts, owner, delegate, true, &why) == 0);
    CHECK(account_set(w->accounts, owner, &off, &why) == 0);
    CHECK(converse(w, &peer, "PLAIN", &ana, NULL) != ACCOUNT_AUTH_OK);
}

static void a_delegate_signs_in_for_another(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, delegate_body);
}

static void unique_body(struct world *w)
{
    struct client c = {"ana", "correct horse", NULL, "finished bytes", "tls-unique", true};
    struct account_peer peer = peer_at("192.0.2.1");
    struct account_identity who;
    struct buf list;

    people(w);
    buf_init(&list, 256);
    server_binding = "finished bytes";
    server_type = "tls-unique";
    CHECK(converse(w, &peer, "SCRAM-SHA-256-PLUS", &c, &who) == ACCOUNT_AUTH_OK);
    CHECK(account_auth_mechanisms(w->accounts, &peer, ' ', &list));
    CHECK(str_eq(buf_str(&list), STR("SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN")));
    server_binding = NULL;
    CHECK(converse(w, &peer, "SCRAM-SHA-256-PLUS", &c, &who) == ACCOUNT_AUTH_NO_MECHANISM);
    buf_clear(&list);
    CHECK(account_auth_mechanisms(w->accounts, &peer, ' ', &list));
    CHECK(str_eq(buf_str(&list), STR("SCRAM-SHA-256 PLAIN LOGIN")));
    buf_done(&list);
}

static void tls_unique_binds_too(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, unique_body);
}

// ---- lines

static int say(struct world *w, const char *mechanism, const char *const *lines)
{
    struct account_peer peer = peer_at("192.0.2.77");
    struct account_auth *auth;
    struct buf challenge;
    int r = ACCOUNT_AUTH_MORE;

    CHECK(account_auth_begin(w->accounts, &peer, str_from(mechanism), &auth) == 0);
    buf_init(&challenge, 4096);
    for (size_t i = 0; lines[i] && r == ACCOUNT_AUTH_MORE; i++)
        r = account_auth_step(auth, str_from(lines[i]), &challenge);
    if (r != ACCOUNT_AUTH_MORE) // it is over for good
        CHECK(account_auth_step(auth, STR("AGFuYQBjb3JyZWN0IGhvcnNl"), &challenge) ==
              ACCOUNT_AUTH_MALFORMED);
    account_auth_free(auth);
    buf_done(&challenge);
    return r;
}

static const struct {
    const char *mechanism;
    const char *lines[4];
    int answer;
} talks[] = {
    {"plain", {"AGFuYQBjb3JyZWN0IGhvcnNl"}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"=", "AGFuYQBjb3JyZWN0IGhvcnNl"}, ACCOUNT_AUTH_OK},
    {"PLAIN", {"=", "*"}, ACCOUNT_AUTH_CANCELLED},
    {"PLAIN", {"not base64!"}, ACCOUNT_AUTH_MALFORMED},
    {"PLAIN", {"AGFuYQBjb3JyZWN0IGhvcnNl "}, ACCOUNT_AUTH_MALFORMED},
    {"PLAIN", {"AGFuYQBjb3JyZWN0IGhvcnN"}, ACCOUNT_AUTH_MALFORMED},
    {"PLAIN", {"YW5h"}, ACCOUNT_AUTH_MALFORMED},                  // "ana"
    {"LOGIN", {"YW5h", "Y29ycmVjdCBob3JzZQ=="}, ACCOUNT_AUTH_OK}, // as smtplib does
    {"LOGIN", {"=", "YW5h", "Y29ycmVjdCBob3JzZQ=="}, ACCOUNT_AUTH_OK},
    {"LOGIN", {"YW5h", "*"}, ACCOUNT_AUTH_CANCELLED},
    {"LOGIN", {"YW5h", ""}, ACCOUNT_AUTH_MALFORMED},
    {"SCRAM-SHA-256", {"biwsbj1hbmEscj1hYmM=", "*"}, ACCOUNT_AUTH_CANCELLED},
    {"SCRAM-SHA-256", {"biwsbj1hbmEscj1hYmM=", "Yz1iaXdzLHI9YWJjLHA9YWJj"}, ACCOUNT_AUTH_REFUSED},
    {"SCRAM-SHA-256", {"AAAA"}, ACCOUNT_AUTH_MALFORMED},
};

static void talk_body(struct world *w)
{
    people(w);
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        int r = say(w, talks[i].mechanism, talks[i].lines);

        if (r != talks[i].answer)
            fprintf(stderr, "talk %zu: %d\n", i, r);
        CHECK(r == talks[i].answer);
    }
}

static void lines_are_read_as_the_protocols_carry_them(void **state)
{
    struct world w = {0};

    (void)state;
    server_binding = NULL;
    world_run(&w, talk_body);
}

// ---- passwords

static int log_in(struct world *w, const char *ip, const char *user, const char *password)
{
    struct account_peer peer = peer_at(ip);
    struct account_identity who;

    return account_login(w->accounts, &peer, str_from(user), str_from(password), &who);
}

static void app_body(struct world *w)
{
    struct client c = {"ana@example.test", NULL, NULL, NULL, NULL, true};
    struct account_peer peer = peer_at("192.0.2.1");
    struct str ana = STR("ana@example.test");
    struct account_identity who;
    struct buf phone, tablet, why;

    people(w);
    buf_init(&phone, 64);
    buf_init(&tablet, 64);
    buf_init(&why, 1024);
    CHECK(account_app_password_add(w->accounts, ana, STR("phone"), &phone, &why) == 0);
    CHECK(account_app_password_add(w->accounts, ana, STR("tablet"), &tablet, &why) == 0);
    CHECK(account_app_password_add(w->accounts, ana, STR("phone"), &phone, &why) == ACCOUNT_EXISTS);
    CHECK(account_app_password_add(w->accounts, ana, STR(""), &why, &why) == ACCOUNT_INVALID);
    CHECK(phone.len >= 20 && tablet.len >= 20 && !str_eq(buf_str(&phone), buf_str(&tablet)));
    for (int round = 0; round < 2; round++) {
        c.password = buf_cstr(&phone);
        CHECK(log_in(w, "192.0.2.1", "ana", c.password) == ACCOUNT_AUTH_OK);
        CHECK(converse(w, &peer, "PLAIN", &c, &who) == ACCOUNT_AUTH_OK);
        CHECK(converse(w, &peer, "SCRAM-SHA-256", &c, &who) == ACCOUNT_AUTH_OK);
        CHECK(log_in(w, "192.0.2.1", "bruno", c.password) == ACCOUNT_AUTH_REFUSED);
        c.password = "correct horse";
        CHECK(converse(w, &peer, "SCRAM-SHA-256", &c, &who) == ACCOUNT_AUTH_OK);
    }
    CHECK(account_app_password_remove(w->accounts, ana, STR("phone"), &why) == 0);
    CHECK(account_app_password_remove(w->accounts, ana, STR("phone"), &why) == ACCOUNT_NOT_FOUND);
    c.password = buf_cstr(&phone);
    CHECK(log_in(w, "192.0.2.1", "ana", c.password) == ACCOUNT_AUTH_REFUSED);
    CHECK(converse(w, &peer, "SCRAM-SHA-256", &c, &who) == ACCOUNT_AUTH_REFUSED);
    c.password = buf_cstr(&tablet);
    CHECK(converse(w, &peer, "SCRAM-SHA-256", &c, &who) == ACCOUNT_AUTH_OK);
    CHECK(log_in(w, "192.0.2.1", "ana", "correct horse") == ACCOUNT_AUTH_OK);
    buf_done(&phone);
    buf_done(&tablet);
    buf_done(&why);
}

static void app_passwords_come_and_go_one_by_one(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, app_body);
}

static void change_body(struct world *w)
{
    struct account_change change = {.what = ACCOUNT_SET_PASSWORD, .password = STR("new password")};
    struct buf why;

    people(w);
    buf_init(&why, 1024);
    for (int i = 0; i < 3; i++) // the second and third from memory
        CHECK(log_in(w, "192.0.2.1", "ana", "correct horse") == ACCOUNT_AUTH_OK);
    CHECK(account_set(w->accounts, STR("ana@example.test"), &change, &why) == 0);
    CHECK(log_in(w, "192.0.2.1", "ana", "correct horse") == ACCOUNT_AUTH_REFUSED);
    CHECK(log_in(w, "192.0.2.1", "ana", "new password") == ACCOUNT_AUTH_OK);
    change = (struct account_change){.what = ACCOUNT_SET_ENABLED, .is_enabled = false};
    CHECK(account_set(w->accounts, STR("ana@example.test"), &change, &why) == 0);
    CHECK(log_in(w, "192.0.2.1", "ana", "new password") == ACCOUNT_AUTH_REFUSED);
    change.is_enabled = true;
    CHECK(account_set(w->accounts, STR("ana@example.test"), &change, &why) == 0);
    CHECK(log_in(w, "192.0.2.1", "ana", "new password") == ACCOUNT_AUTH_OK);
    CHECK(account_remove(w->accounts, STR("ana@example.test"), &why) == 0);
    CHECK(log_in(w, "192.0.2.1", "ana", "new password") == ACCOUNT_AUTH_REFUSED);
    world_account(w, "ana@example.test", "third password");
    CHECK(log_in(w, "192.0.2.1", "ana", "new password") == ACCOUNT_AUTH_REFUSED);
    buf_done(&why);
}

static void a_remembered_password_dies_with_its_change(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, change_body);
}

static void failure_body(struct world *w)
{
    struct client c = {"ANA", "correct horse", NULL, NULL, NULL, true};
    struct account_peer peer = peer_at("192.0.2.1");
    struct account_identity who;

    people(w);
    for (int i = 0; i < 5; i++)
        CHECK(log_in(w, "192.0.2.1", i % 2 ? "ana" : "Ana@example.test", "guess") ==
              ACCOUNT_AUTH_REFUSED);
    CHECK(log_in(w, "192.0.2.1", "ana", "correct horse") == ACCOUNT_AUTH_LATER);
    CHECK(converse(w, &peer, "PLAIN", &c, &who) == ACCOUNT_AUTH_LATER);
    CHECK(converse(w, &peer, "SCRAM-SHA-256", &c, &who) == ACCOUNT_AUTH_LATER);
    CHECK(log_in(w, "192.0.2.2", "ana", "correct horse") == ACCOUNT_AUTH_OK);
    CHECK(log_in(w, "192.0.2.1", "bruno", "battery staple") == ACCOUNT_AUTH_OK);
    for (int i = 0; i < 5; i++)
        CHECK(log_in(w, "192.0.2.3", "nobody", "guess") == ACCOUNT_AUTH_REFUSED);
    CHECK(log_in(w, "192.0.2.3", "nobody", "guess") == ACCOUNT_AUTH_LATER); // as for known ones
    // Other spellings count together for those who exist; so they must for those who do not, or it
    // can be told who does.
    for (int i = 0; i < 5; i++)
        CHECK(log_in(w, "192.0.2.4", i % 2 ? "noone" : "NoOne@Example.test", "guess") ==
              ACCOUNT_AUTH_REFUSED);
    CHECK(log_in(w, "192.0.2.4", "\"noone\"@example.test", "guess") == ACCOUNT_AUTH_LATER);
}

static void too_many_failures_must_wait(void **state)
{
    struct world w = {0};

    (void)state;
    server_binding = NULL;
    world_run(&w, failure_body);
}

static void clear_body(struct world *w)
{
    struct account_config open = w->config;
    struct account_peer peer = {.service = "test", .ip = STR("192.0.2.1")};
    struct account_identity who;
    struct account_auth *auth;
    struct buf list;

    people(w);
    buf_init(&list, 256);
    CHECK(!account_auth_mechanisms(w->accounts, &peer, ' ', &list) && list.len == 0);
    CHECK(account_auth_begin(w->accounts, &peer, STR("PLAIN"), &auth) == ACCOUNT_AUTH_NEEDS_TLS);
    CHECK(account_login(w->accounts, &peer, STR("ana"), STR("correct horse"), &who) ==
          ACCOUNT_AUTH_NEEDS_TLS);
    open.plaintext_login = true;
    account_reconfigure(w->accounts, &open);
    CHECK(account_auth_mechanisms(w->accounts, &peer, ' ', &list));
    CHECK(account_login(w->accounts, &peer, STR("ana"), STR("correct horse"), &who) == 0);
    account_reconfigure(w->accounts, &w->config);
    buf_done(&list);
}

static void nothing_in_clear_text(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, clear_body);
}

// ---- unknown users look like known ones

static void first_answer(struct world *w, const char *user, struct buf *out)
{
    struct account_peer peer = peer_at("192.0.2.1");
    struct account_auth *auth;
    struct buf line;
    ptrdiff_t at;
    size_t len;
    char *text;

    buf_init(&line, 256);
    buf_putf(&line, "n,,n=%s,r=abcdef", user);
    CHECK(gsasl_base64_to(line.ptr, line.len, &text, NULL) == GSASL_OK);
    CHECK(account_auth_begin(w->accounts, &peer, STR("SCRAM-SHA-256"), &auth) == 0);
    CHECK(account_auth_step(auth, str_from(text), out) == ACCOUNT_AUTH_MORE);
    gsasl_free(text);
    CHECK(gsasl_base64_from(out->ptr, out->len, &text, &len) == GSASL_OK);
    at = str_find_str(str_of(text, len), STR(",s="));
    CHECK(at > 0);
    buf_clear(out);
    buf_put(out, str_skip(str_of(text, len), (size_t)at)); // salt and iterations
    gsasl_free(text);
    account_auth_free(auth);
    buf_done(&line);
}

static void salt_body(struct world *w)
{
    struct world again;
    struct buf a, b;

    people(w);
    buf_init(&a, 1024);
    buf_init(&b, 1024);
    first_answer(w, "ana@example.test", &a);
    first_answer(w, "Ana", &b);
    CHECK(str_eq(buf_str(&a), buf_str(&b)));
    first_answer(w, "nobody@example.test", &a);
    CHECK(a.len == b.len && !str_eq(buf_str(&a), buf_str(&b)));
    first_answer(w, "NoBody", &b);
    CHECK(str_eq(buf_str(&a), buf_str(&b)));
    CHECK(account_open(w->store, &w->config, &w->second) == 0);
    again = *w;
    again.accounts = w->second;
    first_answer(&again, "nobody", &b);
    CHECK(str_eq(buf_str(&a), buf_str(&b))); // also after a start
    buf_done(&a);
    buf_done(&b);
}

static void unknown_users_have_a_salt_that_stays(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, salt_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_rfc_7677),
        cmocka_unit_test(passwords_are_prepared),
        cmocka_unit_test(every_mechanism_lets_in_who_belongs_in),
        cmocka_unit_test(tls_unique_binds_too),
        cmocka_unit_test(a_delegate_signs_in_for_another),
        cmocka_unit_test(lines_are_read_as_the_protocols_carry_them),
        cmocka_unit_test(app_passwords_come_and_go_one_by_one),
        cmocka_unit_test(a_remembered_password_dies_with_its_change),
        cmocka_unit_test(too_many_failures_must_wait),
        cmocka_unit_test(nothing_in_clear_text),
        cmocka_unit_test(unknown_users_have_a_salt_that_stays),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
