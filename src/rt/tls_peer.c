// SPDX-License-Identifier: ISC
//
// What a client saw of the server's certificate, and what was wrong with it, in words an
// administrator can act on. OpenSSL forgets the certificate of a handshake it refuses, so it is
// noted while it is being judged. The certificate is a stranger's: its names are told without
// control bytes, and cut.
#include "base/check.h"
#include "rt/session.h"
#include "rt/tls_inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAMES_TOLD = 3 };

// ---- while it is judged

static int on_judged(int is_fine, X509_STORE_CTX *judgement)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(judgement, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct rt_conn *conn = BIO_get_data(SSL_get_rbio(ssl));
    struct rt_tls_peer *peer = conn->tls_peer;
    X509 *own = X509_STORE_CTX_get0_cert(judgement);
    X509 *wrong = X509_STORE_CTX_get_current_cert(judgement);

    if (!peer->certificate && own && X509_up_ref(own))
        peer->certificate = own;
    if (!is_fine && peer->error == X509_V_OK) {
        peer->error = X509_STORE_CTX_get_error(judgement);
        if (wrong && X509_up_ref(wrong))
            peer->wrong = wrong;
    }
    return is_fine;
}

void rt_tls_peer_watch(struct rt_conn *conn, int verify_mode)
{
    CHECK(!conn->tls_peer);
    conn->tls_peer = calloc(1, sizeof(*conn->tls_peer));
    CHECK(conn->tls_peer);
    SSL_set_verify(conn->ssl, verify_mode, on_judged);
}

void rt_tls_peer_free(struct rt_tls_peer *peer)
{
    if (!peer)
        return;
    X509_free(peer->certificate);
    X509_free(peer->wrong);
    free(peer);
}

// ---- words

static void put_name(struct buf *to, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;

    CHECK(bio);
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253); // escapes all that is not plain ASCII
    len = BIO_get_mem_data(bio, &text);
    buf_put(to, str_head(str_of(text, len > 0 ? (size_t)len : 0), 200));
    BIO_free(bio);
}

static void copy_name(char *to, size_t max, const X509_NAME *name)
{
    struct buf text;

    buf_init(&text, 512);
    put_name(&text, name);
    snprintf(to, max, "%.*s", STR_ARG(buf_str(&text)));
    buf_done(&text);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;

    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static void put_day(struct buf *to, const ASN1_TIME *time)
{
    struct tm parts;

    if (ASN1_TIME_to_tm(time, &parts) == 1)
        buf_putf(to, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    else
        buf_put(to, STR("an unreadable date"));
}

static void put_plain(struct buf *to, struct str text)
{
    for (size_t i = 0; i < text.len && i < 80; i++)
        buf_put_char(to, text.ptr[i] > ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?');
}

/// The names the certificate is for: "a.test, b.test and 5 more".
static void put_own_names(struct buf *to, X509 *certificate)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int told = 0, more = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

        if (name->type != GEN_DNS)
            continue;
        if (told == NAMES_TOLD) {
            more++;
            continue;
        }
        buf_put(to, told++ ? STR(", ") : STR(""));
        put_plain(to, str_of(ASN1_STRING_get0_data(name->d.dNSName),
                             (size_t)ASN1_STRING_length(name->d.dNSName)));
    }
    GENERAL_NAMES_free(all);
    if (told == 0)
        put_name(to, X509_get_subject_name(certificate));
    if (more)
        buf_putf(to, " and %d more", more);
}

static void put_wanted_names(struct buf *to, const struct rt_tls_policy *policy)
{
    for (size_t i = 0; i < policy->name_count && i < NAMES_TOLD; i++)
        buf_putf(to, "%s%s", i ? " or " : "", policy->names[i]);
    if (policy->name_count == 0)
        buf_putf(to, "%s", policy->server_name ? policy->server_name : "");
}

// ---- what was wrong

static void put_whose(struct buf *to, const struct rt_tls_peer *peer)
{
    if (peer->wrong == peer->certificate || !peer->wrong) {
        buf_put(to, STR("its certificate "));
        return;
    }
    buf_put(to, STR("its authority's certificate ("));
    put_name(to, X509_get_subject_name(peer->wrong));
    buf_put(to, STR(") "));
}

static void put_issuer(struct buf *to, const struct rt_tls_peer *peer)
{
    if (!peer->wrong)
        return;
    put_name(to, X509_get_issuer_name(peer->wrong));
}

static enum rt_tls_failure tell_certificate(const struct rt_tls_peer *peer, struct buf *to,
                                            const struct rt_tls_policy *policy)
{
    switch (peer->wrong || peer->error == X509_V_ERR_DANE_NO_MATCH ? peer->error : -1) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        put_whose(to, peer);
        buf_put(to, STR("expired on "));
        put_day(to, X509_get0_notAfter(peer->wrong));
        return RT_TLS_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        put_whose(to, peer);
        buf_put(to, STR("is not valid before "));
        put_day(to, X509_get0_notBefore(peer->wrong));
        return RT_TLS_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        buf_put(to, STR("its certificate is for "));
        put_own_names(to, peer->wrong);
        buf_put(to, STR(", not for "));
        put_wanted_names(to, policy);
        return RT_TLS_WRONG_NAME;
    case X509_V_ERR_DANE_NO_MATCH:
        buf_putf(to, "its certificate matches none of %zu TLSA record%s", policy->record_count,
                 policy->record_count == 1 ? "" : "s");
        return RT_TLS_NO_MATCH;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        buf_put(to, STR("its certificate is signed by itself, not by an authority"));
        return RT_TLS_UNTRUSTED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        buf_put(to, STR("its certificate comes from an authority that is not trusted here: "));
        put_issuer(to, peer);
        return RT_TLS_UNTRUSTED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        buf_put(to, STR("its certificate is signed by "));
        put_issuer(to, peer);
        buf_put(to, STR(", which is not trusted here and was not sent along with one that is"));
        return RT_TLS_UNTRUSTED;
    default:
        put_whose(to, peer);
        buf_putf(to, "is not valid: %s", X509_verify_cert_error_string(peer->error));
        return RT_TLS_UNTRUSTED;
    }
}

static void tell_handshake(struct buf *to, int result)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    buf_putf(to, "the TLS handshake failed: %s", reason ? reason : strerror(-result));
}

static void find_fault(struct rt_tls_peer *peer, int result, const struct rt_tls_policy *policy)
{
    struct buf text;

    buf_init(&text, sizeof(peer->why) * 4);
    peer->failure = RT_TLS_FINE;
    if (peer->error != X509_V_OK) {
        peer->failure = tell_certificate(peer, &text, policy);
    } else if (policy->verify != RT_VERIFY_NONE && result == 0 && !peer->certificate) {
        peer->failure = RT_TLS_UNTRUSTED;
        buf_put(&text, STR("it has no certificate"));
    } else if (result < 0) {
        peer->failure = RT_TLS_BROKEN;
        tell_handshake(&text, result);
    }
    snprintf(peer->why, sizeof(peer->why), "%.*s", STR_ARG(buf_str(&text)));
    buf_done(&text);
}

// ---- after the handshake

static void describe(struct rt_tls_peer *peer)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    copy_name(peer->subject, sizeof(peer->subject), X509_get_subject_name(peer->certificate));
    copy_name(peer->issuer, sizeof(peer->issuer), X509_get_issuer_name(peer->certificate));
    peer->not_after = seconds_of(X509_get0_notAfter(peer->certificate));
    if (X509_digest(peer->certificate, EVP_sha256(), digest, &len) != 1)
        return;
    for (unsigned i = 0; i < len && 2 * i + 2 < sizeof(peer->fingerprint); i++)
        snprintf(peer->fingerprint + 2 * i, 3, "%02x", digest[i]);
}

static void note_record(struct rt_tls_peer *peer, SSL *ssl)
{
    uint8_t usage, selector, matching;
    const unsigned char *data;
    size_t len, at;

    if (SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &data, &len) < 0)
        return;
    at = (size_t)snprintf(peer->tlsa, sizeof(peer->tlsa), "%u %u %u ", usage, selector, matching);
    for (size_t i = 0; i < len && at + 3 < sizeof(peer->tlsa); i++, at += 2)
        snprintf(peer->tlsa + at, 3, "%02X", data[i]);
}

void rt_tls_peer_note(struct rt_conn *conn, int result, const struct rt_tls_policy *policy)
{
    struct rt_tls_peer *peer = conn->tls_peer;

    find_fault(peer, result, policy);
    if (peer->certificate)
        describe(peer);
    if (result == 0 && policy->verify == RT_VERIFY_DANE)
        note_record(peer, conn->ssl);
}
