// SPDX-License-Identifier: ISC
//
// TLS settings: certificates read from PEM files, one SSL_CTX each, chosen by the names that stand
// in the certificates. A reload builds a whole new set and swaps it.
#include "rt/tls.h"

#include "base/check.h"
#include "rt/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct rt_tls {
    pthread_mutex_t lock;
    struct rt_tls_set *set;
};

struct rt_tls_client {
    SSL_CTX *context;
    bool verify;
};

// ---- errors

static int explain(struct buf *why, const char *what, const char *path, const char *cure)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    int r = ERR_GET_LIB(code) == ERR_LIB_SYS ? -ERR_GET_REASON(code) : -EINVAL;

    for (unsigned long e; (e = ERR_get_error());) {
        if (ERR_GET_LIB(e) == ERR_LIB_SYS) // "No such file" says more than "system lib"
            r = -ERR_GET_REASON(e);
    }
    if (r != -EINVAL)
        reason = strerror(-r);
    if (why)
        buf_putf(why, "%s %s: %s; %s", what, path, reason ? reason : "not usable", cure);
    return r;
}

// ---- certificates

static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
    struct rt_tls_set *set = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < set->count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(set->contexts[i]);

        if (X509_check_host(certificate, name, strlen(name), 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, set->contexts[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_OK; // the default certificate
}

static void set_common(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // tickets only
    SSL_CTX_set_read_ahead(context, 1); // else two receives for every record
}

static int context_new(const struct rt_tls_certificate *from, bool tls13_only, SSL_CTX **out,
                       struct buf *why)
{
    static const unsigned char id[] = "carteiro";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int r = 0;

    CHECK(context);
    ERR_clear_error();
    set_common(context);
    if (tls13_only)
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
    SSL_CTX_set_num_tickets(context, 1);
    if (SSL_CTX_use_certificate_chain_file(context, from->chain_path) != 1)
        r = explain(why, "certificate", from->chain_path,
                    "it must be a readable PEM file that begins with the server's certificate");
    else if (SSL_CTX_use_PrivateKey_file(context, from->key_path, SSL_FILETYPE_PEM) != 1)
        r = explain(why, "key", from->key_path,
                    "it must be a readable PEM file with the key that belongs to the certificate");
    ERR_clear_error();
    if (r < 0) {
        SSL_CTX_free(context);
        return r;
    }
    *out = context;
    return 0;
}

static int set_new(const struct rt_tls_config *config, struct rt_tls_set **out, struct buf *why)
{
    struct rt_tls_set *set;

    if (config->count == 0) {
        if (why)
            buf_put(why, STR("no certificate given; name at least one"));
        return -EINVAL;
    }
    set = calloc(1, sizeof(*set) + config->count * sizeof(set->contexts[0]));
    CHECK(set);
    set->refs = 1;
    for (; set->count < config->count; set->count++) {
        SSL_CTX **context = &set->contexts[set->count];
        int r = context_new(&config->certificates[set->count], config->tls13_only, context, why);

        if (r < 0) {
            rt_tls_set_drop(set);
            return r;
        }
    }
    SSL_CTX_set_tlsext_servername_callback(set->contexts[0], choose_by_name);
    SSL_CTX_set_tlsext_servername_arg(set->contexts[0], set);
    *out = set;
    return 0;
}

struct rt_tls_set *rt_tls_set_take(struct rt_tls *tls)
{
    struct rt_tls_set *set;

    pthread_mutex_lock(&tls->lock);
    set = tls->set;
    atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&tls->lock);
    return set;
}

void rt_tls_set_drop(struct rt_tls_set *set)
{
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        SSL_CTX_free(set->contexts[i]);
    free(set);
}

int rt_tls_new(const struct rt_tls_config *config, struct rt_tls **out, struct buf *why)
{
    struct rt_tls_set *set;
    struct rt_tls *tls;
    int r = set_new(config, &set, why);

    if (r < 0)
        return r;
    tls = calloc(1, sizeof(*tls));
    CHECK(tls);
    pthread_mutex_init(&tls->lock, NULL);
    tls->set = set;
    *out = tls;
    return 0;
}

int rt_tls_reload(struct rt_tls *tls, const struct rt_tls_config *config, struct buf *why)
{
    struct rt_tls_set *set, *old;
    int r = set_new(config, &set, why);

    if (r < 0)
        return r;
    pthread_mutex_lock(&tls->lock);
    old = tls->set;
    tls->set = set;
    pthread_mutex_unlock(&tls->lock);
    rt_tls_set_drop(old);
    return 0;
}

void rt_tls_free(struct rt_tls *tls)
{
    if (!tls)
        return;
    rt_tls_set_drop(tls->set);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

// ---- clients

int rt_tls_client_new(const struct rt_tls_client_config *config, struct rt_tls_client **out,
                      struct buf *why)
{
    struct rt_tls_client *tls = calloc(1, sizeof(*tls));

    CHECK(tls);
    tls->verify = config->verify;
    tls->context = SSL_CTX_new(TLS_client_method());
    CHECK(tls->context);
    ERR_clear_error();
    set_common(tls->context);
    CHECK(SSL_CTX_dane_enable(tls->context) == 1);
    SSL_CTX_set_verify(tls->context, config->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!config->ca_path) {
        SSL_CTX_set_default_verify_paths(tls->context);
    } else if (SSL_CTX_load_verify_locations(tls->context, config->ca_path, NULL) != 1) {
        int r = explain(why, "authorities", config->ca_path,
                        "it must be a readable PEM file of certificates");

        rt_tls_client_free(tls);
        return r;
    }
    ERR_clear_error();
    *out = tls;
    return 0;
}

void rt_tls_client_free(struct rt_tls_client *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

SSL_CTX *rt_tls_client_context(struct rt_tls_client *tls)
{
    return tls->context;
}

bool rt_tls_client_verifies(const struct rt_tls_client *tls)
{
    return tls->verify;
}
