// SPDX-License-Identifier: ISC
//
// Between tls.c (settings) and tls_conn.c (a connection's TLS).
#pragma once

#include "rt/session.h"
#include "rt/tls.h"

#include <openssl/ssl.h>

/// The certificates of a server as they were read at one time. A connection holds on to them while
/// it shakes hands; afterwards OpenSSL keeps what it needs.
struct rt_tls_set {
    _Atomic unsigned refs;
    size_t count;
    SSL_CTX *contexts[]; // the first is the default
};

/// What a client saw of the server's certificate.
struct rt_tls_peer {
    X509 *certificate; // the server's own, or NULL
    int error;         // X509_V_..., the first thing that was wrong
    X509 *wrong;       // the certificate that was, perhaps an issuer's
    enum rt_tls_failure failure;
    char why[512]; // in words; "": nothing is wrong
    char subject[256], issuer[256], fingerprint[65], tlsa[160];
    int64_t not_after;
};

/// From now on the handshake's certificate is noted there.
void rt_tls_peer_watch(struct rt_conn *conn, int verify_mode);
/// After the handshake, which ended so: fills in what there is to tell.
void rt_tls_peer_note(struct rt_conn *conn, int result, const struct rt_tls_policy *policy);
void rt_tls_peer_free(struct rt_tls_peer *peer);

// ---- tls_conn.c, for tls_policy.c

/// Is it a name that may be sent as SNI? No addresses (RFC 6066 3), no literals of SMTP: there are
/// servers that refuse the handshake then.
bool rt_tls_is_sni(const char *name);

/// [await] The client's handshake on a connection whose SSL `prepare` has set up; 0 or -errno,
/// OpenSSL's words still waiting.
int rt_tls_connect(struct rt_conn *conn, struct rt_tls_client *tls,
                   void (*prepare)(SSL *ssl, const void *arg), const void *arg);

/// The present set, held for the caller.
struct rt_tls_set *rt_tls_set_take(struct rt_tls *tls);
void rt_tls_set_drop(struct rt_tls_set *set);
SSL_CTX *rt_tls_client_context(struct rt_tls_client *tls);
bool rt_tls_client_verifies(const struct rt_tls_client *tls);
