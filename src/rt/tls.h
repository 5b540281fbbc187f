// SPDX-License-Identifier: ISC
//
// TLS settings of a server (several certificates, chosen by SNI, replaced while it runs) and of a
// client. TLS 1.2 and 1.3 by OpenSSL; sessions resumed by tickets; buffers released while idle.
#pragma once

#include "base/buf.h"

struct rt_tls;
struct rt_tls_client;

struct rt_tls_certificate {
    const char *chain_path; // PEM: the server's certificate first
    const char *key_path;   // PEM
};

struct rt_tls_config {
    const struct rt_tls_certificate *certificates; // the first is the default
    size_t count;
    bool tls13_only;
};

/// 0, or -errno with a sentence naming the file and the cure in *why. Blocking (reads files).
int rt_tls_new(const struct rt_tls_config *config, struct rt_tls **out, struct buf *why);
/// Reads again, for the connections to come; running ones keep what they have. On error nothing
/// changes. Any thread.
int rt_tls_reload(struct rt_tls *tls, const struct rt_tls_config *config, struct buf *why);
void rt_tls_free(struct rt_tls *tls);

struct rt_tls_client_config {
    bool verify;         // against ca_path, or the system's authorities when that is NULL
    const char *ca_path; // PEM
};
int rt_tls_client_new(const struct rt_tls_client_config *config, struct rt_tls_client **out,
                      struct buf *why);
void rt_tls_client_free(struct rt_tls_client *tls);
