// SPDX-License-Identifier: ISC
//
// Between tls.c (settings) and tls_conn.c (a connection's TLS).
#pragma once

#include "rt/tls.h"

#include <openssl/ssl.h>

/// The certificates of a server as they were read at one time. A connection holds on to them while
/// it shakes hands; afterwards OpenSSL keeps what it needs.
struct rt_tls_set {
    _Atomic unsigned refs;
    size_t count;
    SSL_CTX *contexts[]; // the first is the default
};

/// The present set, held for the caller.
struct rt_tls_set *rt_tls_set_take(struct rt_tls *tls);
void rt_tls_set_drop(struct rt_tls_set *set);
SSL_CTX *rt_tls_client_context(struct rt_tls_client *tls);
bool rt_tls_client_verifies(const struct rt_tls_client *tls);
