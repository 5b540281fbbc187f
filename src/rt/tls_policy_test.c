// SPDX-License-Identifier: ISC
//
// What a client asks of a server's certificate: certificates and TLSA records of every kind, each
// with the judgement the RFCs demand, in the real and in the simulated world.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/cert_for_test.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"
#include "rt/tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// In a task, from whose stack cmocka cannot leave.
#define FAIL(...)                                                                                  \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        _exit(1);                                                                                  \
    } while (0)
#define NAME "mx.example.test"
#define DAY (24 * 3600)

// ---- certificates

enum which {
    GOOD,     // by our authority, which is not sent along
    CHAIN,    // by our authority, which is
    EXPIRED,  // by our authority
    FUTURE,   //
    OTHER,    // for other names
    WILDCARD, // "*.example.test"
    NAMELESS, // the name in the subject only
    SELF,     // signed by itself
    OLD_SELF, // the same, expired, and for another name
    STRANGER, // by an authority nobody knows, which is sent along
    CA_OWN,   // the authorities
    CA_OTHER, //
    CERTIFICATES,
};

static const struct {
    const char *names; // subject alternative names, or NULL
    const char *subject;
    int from_day, to_day;
    enum which issuer; // itself: self-signed
    bool with_issuer;
} plan[CERTIFICATES] = {
    [GOOD] = {"DNS:" NAME ",DNS:x.test", "good", -1, 1, CA_OWN, false},
    [CHAIN] = {"DNS:" NAME, "chain", -1, 1, CA_OWN, true},
    [EXPIRED] = {"DNS:" NAME, "expired", -9, -2, CA_OWN, true},
    [FUTURE] = {"DNS:" NAME, "future", 2, 9, CA_OWN, true},
    [OTHER] = {"DNS:mx9.example.org,DNS:b.test,DNS:c.test,DNS:d.test", "other", -1, 1, CA_OWN,
               true},
    [WILDCARD] = {"DNS:*.example.test", "wildcard", -1, 1, CA_OWN, true},
    [NAMELESS] = {NULL, NAME, -1, 1, CA_OWN, true},
    [SELF] = {"DNS:" NAME, "self", -1, 1, SELF, false},
    [OLD_SELF] = {"DNS:old.test", "old", -9, -2, OLD_SELF, false},
    [STRANGER] = {"DNS:" NAME, "stranger", -1, 1, CA_OTHER, true},
    [CA_OWN] = {NULL, "Our Authority", -99, 99, CA_OWN, false},
    [CA_OTHER] = {NULL, "Their Authority", -99, 99, CA_OTHER, false},
};

static struct {
    char dir[40];
    X509 *x509[CERTIFICATES];
    EVP_PKEY *key[CERTIFICATES];
    char chain[CERTIFICATES][80], key_path[CERTIFICATES][80];
} made;

static X509 *make(enum which w, int64_t now)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    bool is_ca = w == CA_OWN || w == CA_OTHER;

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), w + 1);
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now + plan[w].from_day * DAY));
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now + plan[w].to_day * DAY));
    X509_set_pubkey(x, made.key[w]);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)plan[w].subject, -1,
                               -1, 0);
    X509_set_issuer_name(x, plan[w].issuer == w ? name
                                                : X509_get_subject_name(made.x509[plan[w].issuer]));
    cert_for_test_add(x, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (plan[w].names)
        cert_for_test_add(x, NID_subject_alt_name, plan[w].names);
    CHECK(X509_sign(x, made.key[plan[w].issuer], EVP_sha256()) > 0);
    return x;
}

static void write_chain(enum which w)
{
    FILE *file;

    snprintf(made.chain[w], sizeof(made.chain[w]), "%s/%d.pem", made.dir, (int)w);
    snprintf(made.key_path[w], sizeof(made.key_path[w]), "%s/%d.key", made.dir, (int)w);
    cert_for_test_write(made.key_path[w], NULL, made.key[w]);
    file = fopen(made.chain[w], "w");
    CHECK(file && PEM_write_X509(file, made.x509[w]) == 1);
    if (plan[w].with_issuer)
        CHECK(PEM_write_X509(file, made.x509[plan[w].issuer]) == 1);
    CHECK(fclose(file) == 0);
}

static void make_all(int64_t now)
{
    snprintf(made.dir, sizeof(made.dir), "/tmp/rt_tls_policy.XXXXXX");
    CHECK(mkdtemp(made.dir));
    for (int w = CERTIFICATES - 1; w >= 0; w--) { // the authorities first
        made.key[w] = EVP_EC_gen("P-256");
        made.x509[w] = make((enum which)w, now);
        write_chain((enum which)w);
    }
}

static void drop_all(void)
{
    for (int w = 0; w < CERTIFICATES; w++) {
        unlink(made.chain[w]);
        unlink(made.key_path[w]);
        X509_free(made.x509[w]);
        EVP_PKEY_free(made.key[w]);
    }
    rmdir(made.dir);
}

// ---- TLSA records

struct record {
    int usage, selector, matching; // usage -1: none
    enum which of;
    int cut; // bytes left out at the end
};

static struct dns_tlsa tlsa_of(const struct record *r, unsigned char *to)
{
    unsigned char *der = NULL;
    int len = r->selector == 1 ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(made.x509[r->of]), &der)
                               : i2d_X509(made.x509[r->of], &der);
    unsigned digest_len = 0;

    CHECK(len > 0 && len < 2000);
    if (r->matching == 0)
        memcpy(to, der, (size_t)len);
    else
        CHECK(EVP_Digest(der, (size_t)len, to, &digest_len,
                         r->matching == 2 ? EVP_sha512() : EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
    return (struct dns_tlsa){(uint8_t)r->usage, (uint8_t)r->selector, (uint8_t)r->matching,
                             str_of(to, (digest_len ? digest_len : (size_t)len) - (size_t)r->cut)};
}

// ---- the table

#define WITH_NONE .verify = RT_VERIFY_NONE
#define WITH_PKIX .verify = RT_VERIFY_PKIX
#define WITH_DANE .verify = RT_VERIFY_DANE

static const struct row {
    enum which server;
    enum rt_verify verify;
    const char *names[3];
    bool no_wildcards;
    struct record records[3];
    size_t count;
    int result;
    enum rt_tls_failure failure;
    const char *why; // stands in it
} ROWS[] = {
    // none: any certificate will do, but it is told what it was
    {GOOD, WITH_NONE, .failure = RT_TLS_FINE, .why = ""},
    {EXPIRED, WITH_NONE, .failure = RT_TLS_EXPIRED, .why = "its certificate expired on 20"},
    {OTHER, WITH_NONE, .failure = RT_TLS_WRONG_NAME,
     .why = "for mx9.example.org, b.test, c.test and 1 more, not for " NAME},
    {SELF, WITH_NONE, .failure = RT_TLS_UNTRUSTED, .why = "signed by itself"},
    // public authorities
    {GOOD, WITH_PKIX, .why = ""},
    {CHAIN, WITH_PKIX, .why = ""},
    {GOOD, WITH_PKIX, .names = {"y.test", "x.test"}, .why = ""},
    {GOOD, WITH_PKIX, .names = {"y.test", "z.test"}, .result = -EACCES,
     .failure = RT_TLS_WRONG_NAME, .why = "for " NAME ", x.test, not for y.test or z.test"},
    {EXPIRED, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_EXPIRED, .why = "expired on"},
    {FUTURE, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_EXPIRED, .why = "not valid before"},
    {OTHER, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_WRONG_NAME, .why = "mx9.example.org"},
    {WILDCARD, WITH_PKIX, .why = ""},
    {WILDCARD, WITH_PKIX, .no_wildcards = true, .result = -EACCES, .failure = RT_TLS_WRONG_NAME,
     .why = "*.example.test"},
    {WILDCARD, WITH_PKIX, .names = {"a.b.example.test"}, .result = -EACCES,
     .failure = RT_TLS_WRONG_NAME, .why = "not for a.b.example.test"},
    {WILDCARD, WITH_PKIX, .names = {"example.test"}, .result = -EACCES,
     .failure = RT_TLS_WRONG_NAME, .why = "not for example.test"},
    {NAMELESS, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_WRONG_NAME, .why = "CN=" NAME},
    {SELF, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_UNTRUSTED, .why = "signed by itself"},
    {STRANGER, WITH_PKIX, .result = -EACCES, .failure = RT_TLS_UNTRUSTED,
     .why = "not trusted here: CN=Their Authority"},
    // DANE-EE: the record alone counts, neither names nor dates (RFC 7672 3.1.1)
    {SELF, WITH_DANE, .records = {{3, 1, 1, SELF, 0}}, .count = 1, .why = ""},
    {SELF, WITH_DANE, .records = {{3, 0, 1, SELF, 0}}, .count = 1, .why = ""},
    {SELF, WITH_DANE, .records = {{3, 1, 2, SELF, 0}}, .count = 1, .why = ""},
    {SELF, WITH_DANE, .records = {{3, 0, 0, SELF, 0}}, .count = 1, .why = ""},
    {SELF, WITH_DANE, .records = {{3, 1, 0, SELF, 0}}, .count = 1, .why = ""},
    {OLD_SELF, WITH_DANE, .records = {{3, 1, 1, OLD_SELF, 0}}, .count = 1, .why = ""},
    {GOOD, WITH_DANE, .records = {{3, 1, 1, SELF, 0}, {3, 1, 1, GOOD, 0}}, .count = 2, .why = ""},
    {GOOD, WITH_DANE, .records = {{3, 1, 1, SELF, 0}, {3, 1, 1, OTHER, 0}}, .count = 2,
     .result = -EACCES, .failure = RT_TLS_NO_MATCH, .why = "matches none of 2 TLSA records"},
    {SELF, WITH_DANE, .records = {{3, 0, 1, GOOD, 0}}, .count = 1, .result = -EACCES,
     .failure = RT_TLS_NO_MATCH, .why = "matches none of 1 TLSA record"},
    // DANE-TA: the authority must be sent, names and dates count (RFC 7672 3.1.2, 3.2)
    {CHAIN, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .why = ""},
    {CHAIN, WITH_DANE, .records = {{2, 1, 1, CA_OWN, 0}}, .count = 1, .why = ""},
    {STRANGER, WITH_DANE, .records = {{2, 0, 1, CA_OTHER, 0}}, .count = 1, .why = ""},
    {STRANGER, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .result = -EACCES,
     .failure = RT_TLS_NO_MATCH, .why = "matches none"},
    {GOOD, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .result = -EACCES,
     .failure = RT_TLS_NO_MATCH, .why = "matches none"},
    {GOOD, WITH_DANE, .records = {{2, 0, 0, CA_OWN, 0}}, .count = 1,
     .why = ""}, // it is in the record
    {EXPIRED, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .result = -EACCES,
     .failure = RT_TLS_EXPIRED, .why = "expired on"},
    {OTHER, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .result = -EACCES,
     .failure = RT_TLS_WRONG_NAME, .why = "mx9.example.org"},
    {WILDCARD, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .why = ""},
    {NAMELESS, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}}, .count = 1, .why = ""},
    {OTHER, WITH_DANE, .records = {{2, 0, 1, CA_OWN, 0}, {3, 1, 1, OTHER, 0}}, .count = 2,
     .why = ""}, // as EE, names do not count
    // records that cannot be used
    {SELF, WITH_DANE, .count = 0, .result = -ENOTSUP, .why = "none of the TLSA records"},
    {SELF, WITH_DANE, .records = {{1, 1, 1, SELF, 0}, {0, 0, 1, CA_OWN, 0}}, .count = 2,
     .result = -ENOTSUP, .why = "none of the TLSA records"},
    {SELF, WITH_DANE, .records = {{3, 1, 9, SELF, 0}, {3, 7, 1, SELF, 0}, {3, 1, 1, SELF, 1}},
     .count = 3, .result = -ENOTSUP, .why = "none of the TLSA records"},
    {SELF, WITH_DANE, .records = {{3, 0, 0, SELF, 7}}, .count = 1, .result = -ENOTSUP,
     .why = "none of the TLSA records"},
    {SELF, WITH_DANE, .records = {{1, 1, 1, SELF, 0}, {3, 1, 1, SELF, 0}}, .count = 2, .why = ""},
    {SELF, WITH_DANE, .records = {{1, 1, 1, SELF, 0}, {3, 1, 1, GOOD, 0}}, .count = 2,
     .result = -EACCES, .failure = RT_TLS_NO_MATCH, .why = "matches none"},
};

// ---- worlds

struct world {
    struct rt *rt;
    struct rt_tls *tls[CERTIFICATES];
    uint16_t ports[CERTIFICATES];
    struct rt_tls_client *client;
    int64_t now;
};

static int on_open(void *session, struct rt_conn *conn)
{
    (void)session;
    return rt_put(conn, STR("hello\r\n")) < 0 ? -EIO : RT_CLOSE;
}

static const struct rt_protocol greeting = {.name = "greeting", .session_size = 8, .open = on_open};

static void check_info(const struct row *row, size_t at, struct rt_conn *conn, int64_t now)
{
    struct rt_tls_info info;

    if (!rt_conn_tls(conn, &info))
        FAIL("row %zu: no TLS", at);
    if (info.failure != row->failure || (info.verify_error == NULL) != (row->why[0] == '\0'))
        FAIL("row %zu: failure %d, %s", at, (int)info.failure, info.verify_error);
    if (strlen(info.fingerprint) != 64 || !strstr(info.subject, plan[row->server].subject) ||
        !strstr(info.issuer, plan[plan[row->server].issuer].subject) ||
        info.not_after != now + plan[row->server].to_day * DAY)
        FAIL("row %zu: %s, %s, %lld, %s", at, info.subject, info.issuer, (long long)info.not_after,
             info.fingerprint);
    if ((info.tlsa[0] != '\0') != (row->verify == RT_VERIFY_DANE && row->result == 0))
        FAIL("row %zu: tlsa %s", at, info.tlsa);
}

static void check_row(struct world *w, size_t at)
{
    const struct row *row = &ROWS[at];
    CLEANUP(buf_drop) struct buf why = {0};
    unsigned char bytes[3][2048];
    struct dns_tlsa records[3];
    struct rt_tls_policy policy = {.verify = row->verify,
                                   .server_name = NAME,
                                   .names = row->names,
                                   .allow_wildcards = !row->no_wildcards,
                                   .records = records,
                                   .record_count = row->count};
    struct rt_conn *conn;
    struct str line;
    int r;

    buf_init(&why, 4096);
    while (policy.name_count < 3 && row->names[policy.name_count])
        policy.name_count++;
    for (size_t i = 0; i < row->count; i++)
        records[i] = tlsa_of(&row->records[i], bytes[i]);
    CHECK(rt_dial("127.0.0.1", w->ports[row->server], 60000, &conn) == 0);
    r = rt_start_tls_policy(conn, w->client, &policy, &why);
    if (r != row->result || !strstr(why.len ? buf_cstr(&why) : "", r < 0 ? row->why : ""))
        FAIL("row %zu: %d: %s", at, r, why.len ? buf_cstr(&why) : "");
    if (r == -ENOTSUP) { // nothing has happened: another policy may follow
        policy.verify = RT_VERIFY_NONE;
        CHECK(rt_start_tls_policy(conn, w->client, &policy, &why) == 0);
    } else {
        check_info(row, at, conn, w->now);
    }
    if (r == 0 || r == -ENOTSUP)
        CHECK(rt_line(conn, 100, &line) == 0 && str_eq(line, STR("hello")));
    else
        CHECK(rt_line(conn, 100, &line) < 0);
    rt_hang_up(conn);
}

/// RFC 6066 3: SNI is a name. Servers of address literals are told none.
static void check_sni(struct world *w, const char *name, const char *sni)
{
    struct rt_tls_policy policy = {.verify = RT_VERIFY_NONE, .server_name = name};
    struct rt_tls_info info;
    struct rt_conn *conn;

    CHECK(rt_dial("127.0.0.1", w->ports[GOOD], 60000, &conn) == 0);
    CHECK(rt_start_tls_policy(conn, w->client, &policy, NULL) == 0);
    CHECK(rt_conn_tls(conn, &info));
    if (strcmp(info.server_name, sni) != 0)
        FAIL("%s: SNI \"%s\"", name, info.server_name);
    rt_hang_up(conn);
}

static int check_all(void *arg)
{
    struct world *w = arg;
    struct rt_tls_policy nameless = {.verify = RT_VERIFY_PKIX};
    struct rt_conn *conn;

    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
        check_row(w, i);
    check_sni(w, NAME, NAME);
    check_sni(w, "192.0.2.1", "");
    check_sni(w, "[192.0.2.1]", "");
    check_sni(w, "[ipv6:2001:db8::1]", "");
    CHECK(rt_dial("127.0.0.1", w->ports[GOOD], 60000, &conn) == 0);
    CHECK(rt_start_tls_policy(conn, w->client, &nameless, NULL) == -EINVAL);
    rt_hang_up(conn);
    rt_stop(w->rt);
    return 0;
}

static void play(struct world *w)
{
    struct rt_tls_client_config trust = {.ca_path = NULL};

    make_all(w->now);
    trust.ca_path = made.chain[CA_OWN];
    assert_int_equal(rt_tls_client_new(&trust, &w->client, NULL), 0);
    for (int i = 0; i < CA_OWN; i++) {
        struct rt_tls_certificate certificate = {made.chain[i], made.key_path[i]};
        struct rt_tls_config config = {.certificates = &certificate, .count = 1};
        struct rt_listen listen = {.address = "127.0.0.1", .protocol = &greeting};

        assert_int_equal(rt_tls_new(&config, &w->tls[i], NULL), 0);
        listen.tls = w->tls[i];
        assert_int_equal(rt_listen(w->rt, &listen, &w->ports[i]), 0);
    }
    assert_int_equal(rt_run(w->rt, check_all, w), 0);
    rt_free(w->rt);
    for (int i = 0; i < CA_OWN; i++)
        rt_tls_free(w->tls[i]);
    rt_tls_client_free(w->client);
    drop_all();
}

static void in_the_real_world(void **state)
{
    struct rt_config config = {.loops = 1};
    struct world w = {.now = (int64_t)time(NULL)};
    (void)state;

    assert_int_equal(rt_new(&config, &w.rt), 0);
    play(&w);
}

/// Where the time of day is another, and so are the certificates' dates.
static void in_the_simulated_world(void **state)
{
    struct rt_sim_config config = rt_sim_calm;
    struct world w = {.now = 1600000000};
    (void)state;

    config.wall_us = w.now * 1000000;
    assert_int_equal(rt_sim_new(1, &config, &w.rt), 0);
    play(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_real_world),
        cmocka_unit_test(in_the_simulated_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
