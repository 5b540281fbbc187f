// SPDX-License-Identifier: ISC
//
// The client's side of TLS by a policy: what is asked of the server's certificate. OpenSSL judges
// (PKIX, RFC 5280; DANE, RFC 6698, 7671, 7672); this file tells it what to ask for. What came out
// is told by tls_peer.c.
#include "base/check.h"
#include "rt/session.h"
#include "rt/tls_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool is_ip(const char *name)
{
    unsigned char ip[16];

    return inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
}

// ---- names

static void add_name(SSL *ssl, const char *name)
{
    if (is_ip(name))
        CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1);
    else if (name[0])
        CHECK(SSL_add1_host(ssl, name) == 1);
}

static unsigned name_flags(const struct rt_tls_policy *policy)
{
    unsigned flags = policy->allow_wildcards ? X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                                             : X509_CHECK_FLAG_NO_WILDCARDS;

    // RFC 8461 4.1 wants a subject alternative name; RFC 7672 3.2.3 takes the common name of a
    // certificate that has none.
    return policy->verify == RT_VERIFY_DANE ? flags : flags | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
}

static void set_names(SSL *ssl, const struct rt_tls_policy *policy)
{
    SSL_set_hostflags(ssl, name_flags(policy));
    for (size_t i = 0; i < policy->name_count; i++)
        add_name(ssl, policy->names[i]);
    if (policy->name_count == 0 && policy->server_name)
        add_name(ssl, policy->server_name);
}

static bool has_name(const struct rt_tls_policy *policy)
{
    const char *name = policy->name_count ? policy->names[0] : policy->server_name;

    return name && name[0];
}

// ---- DANE

/// 1: added; else it cannot be used. RFC 7672 3.1.3: the usages that need public authorities mean
/// nothing here.
static int add_record(SSL *ssl, const struct dns_tlsa *record)
{
    if (record->usage != 2 && record->usage != 3)
        return 0;
    return SSL_dane_tlsa_add(ssl, record->usage, record->selector, record->matching,
                             (const unsigned char *)record->data.ptr, record->data.len);
}

static size_t set_records(SSL *ssl, const struct rt_tls_policy *policy)
{
    size_t usable = 0;

    CHECK(SSL_dane_enable(ssl, NULL) == 1);
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS); // RFC 7672 3.1.1
    for (size_t i = 0; i < policy->record_count; i++)
        usable += add_record(ssl, &policy->records[i]) == 1;
    ERR_clear_error();
    return usable;
}

/// Tried on an SSL of its own, so that nothing has begun when the answer is no.
static bool has_usable_record(struct rt_tls_client *tls, const struct rt_tls_policy *policy)
{
    SSL *ssl = SSL_new(rt_tls_client_context(tls));
    size_t usable;

    CHECK(ssl);
    usable = set_records(ssl, policy);
    SSL_free(ssl);
    return usable > 0;
}

// ---- the handshake

static void prepare(SSL *ssl, const void *arg)
{
    const struct rt_tls_policy *policy = arg;
    struct rt_conn *conn = BIO_get_data(SSL_get_rbio(ssl));
    bool must = policy->verify != RT_VERIFY_NONE;

    if (policy->server_name && rt_tls_is_sni(policy->server_name))
        SSL_set_tlsext_host_name(ssl, policy->server_name);
    if (policy->verify == RT_VERIFY_DANE)
        CHECK(set_records(ssl, policy) > 0);
    set_names(ssl, policy);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)rt_wall_s());
    rt_tls_peer_watch(conn, must ? SSL_VERIFY_PEER : SSL_VERIFY_NONE);
}

static int explain(struct buf *why, const char *text)
{
    if (why)
        buf_put(why, str_from(text));
    return 0;
}

/// OpenSSL has judged; this asks once more whether it did.
static bool is_refused(const struct rt_conn *conn, const struct rt_tls_policy *policy)
{
    if (policy->verify == RT_VERIFY_NONE)
        return false;
    if (SSL_get_verify_result(conn->ssl) != X509_V_OK || !SSL_get0_peer_certificate(conn->ssl))
        return true;
    return policy->verify == RT_VERIFY_DANE && SSL_get0_dane_authority(conn->ssl, NULL, NULL) < 0;
}

int rt_start_tls_policy(struct rt_conn *conn, struct rt_tls_client *tls,
                        const struct rt_tls_policy *policy, struct buf *why)
{
    int r;

    if (policy->verify != RT_VERIFY_NONE && !has_name(policy)) {
        explain(why, "there is no name the certificate could be checked for");
        return -EINVAL;
    }
    if (policy->verify == RT_VERIFY_DANE && !has_usable_record(tls, policy)) {
        explain(why, "none of the TLSA records can be used");
        return -ENOTSUP;
    }
    r = rt_tls_connect(conn, tls, prepare, policy);
    if (r == -ENOTSUP) // from the network, where nobody may say that: it would make DANE milder
        r = -ECONNRESET;
    if (!conn->tls_peer) { // it was not even begun
        explain(why, strerror(-r));
        return r;
    }
    rt_tls_peer_note(conn, r, policy);
    if (r == -EPROTO ? conn->tls_peer->error != X509_V_OK : r == 0 && is_refused(conn, policy))
        r = -EACCES;
    ERR_clear_error();
    if (r == 0)
        return 0;
    if (!conn->error)
        conn->error = r;
    explain(why, conn->tls_peer->why);
    return r;
}
