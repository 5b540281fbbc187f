// SPDX-License-Identifier: ISC
//
// TLS on a connection. OpenSSL reads and writes by a BIO of ours over the same socket operations as
// plain text, so that it runs over the simulated network as well. The TLS object is made only when
// the client's first bytes are there, and handshakes are rationed: each costs a third of a
// millisecond.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/session.h"
#include "rt/tls_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

// ---- the BIO

static int bio_read(BIO *bio, char *to, int len)
{
    struct rt_conn *conn = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    n = rt_conn_receive(conn, to, (size_t)len);
    if (n == -EAGAIN)
        BIO_set_retry_read(bio);
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return n > 0 ? (int)n : n == 0 ? 0 : -1;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct rt_conn *conn = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    n = conn->loop->rt->world->send(conn->sock, bytes, (size_t)len);
    if (n == -EAGAIN)
        BIO_set_retry_write(bio);
    return n >= 0 ? (int)n : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *the_method;

static void make_method(void)
{
    the_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rt connection");
    CHECK(the_method);
    BIO_meth_set_read(the_method, bio_read);
    BIO_meth_set_write(the_method, bio_write);
    BIO_meth_set_ctrl(the_method, bio_ctrl);
    BIO_meth_set_create(the_method, bio_create);
}

// ---- input and output

// What an SSL call's failure means: -EAGAIN (tls_wants says for what), 0 at the end, -errno.
static ssize_t meaning(struct rt_conn *conn, int result)
{
    switch (SSL_get_error(conn->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        conn->tls_wants = RT_READ;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        conn->tls_wants = RT_WRITE;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return -ECONNRESET;
    default:
        return -EPROTO;
    }
}

ssize_t rt_tls_read(struct rt_conn *conn, void *to, size_t len)
{
    size_t n;
    int r;

    ERR_clear_error();
    r = SSL_read_ex(conn->ssl, to, len, &n);
    return r == 1 ? (ssize_t)n : meaning(conn, r);
}

ssize_t rt_tls_write(struct rt_conn *conn, const void *bytes, size_t len)
{
    ssize_t m;
    size_t n;
    int r;

    ERR_clear_error();
    r = SSL_write_ex(conn->ssl, bytes, len, &n);
    if (r == 1)
        return (ssize_t)n;
    m = meaning(conn, r);
    return m == 0 ? -EPIPE : m;
}

void rt_tls_bye(struct rt_conn *conn)
{
    if (!conn->ssl || !SSL_is_init_finished(conn->ssl))
        return;
    ERR_clear_error();
    SSL_shutdown(conn->ssl);
    ERR_clear_error();
}

void rt_tls_conn_done(struct rt_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    rt_tls_peer_free(TAKE(conn->tls_peer));
    rt_tls_set_drop(conn->tls_set);
    conn->tls_set = NULL;
}

// ---- handshakes

// [await] One of the loop's handshakes.
static int begin_shaking(struct rt_conn *conn)
{
    struct rt_loop *loop = conn->loop;
    struct rt_waiter w;
    int r;

    if (loop->handshakes < loop->rt->config.handshakes_max) {
        loop->handshakes++;
        return 0;
    }
    rt_waiter_init(&w);
    conn->shaker = &w;
    list_put_last(&loop->shakers, &conn->wait);
    r = rt_wait_for(&w, true, "handshakes");
    conn->shaker = NULL;
    list_remove(&conn->wait);
    if (r < 0)
        conn->error = r;
    return r;
}

static void end_shaking(struct rt_conn *conn)
{
    struct rt_loop *loop = conn->loop;
    struct list *next = list_take_first(&loop->shakers);

    if (next) // the turn passes on; the count stays
        rt_wake_up(LIST_OF(next, struct rt_conn, wait)->shaker, 0);
    else
        loop->handshakes--;
}

static void attach(struct rt_conn *conn, SSL_CTX *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_method);
    conn->ssl = SSL_new(context);
    bio = BIO_new(the_method);
    CHECK(conn->ssl && bio);
    BIO_set_data(bio, conn);
    SSL_set_bio(conn->ssl, bio, bio);
}

// [await] The ration is for work, not for waiting: strangers who stall in the middle of a handshake
// must not keep others from theirs.
static int shake(struct rt_conn *conn, bool is_rationed)
{
    for (;;) {
        ssize_t m;
        int r = is_rationed ? begin_shaking(conn) : 0;

        if (r < 0)
            return r;
        ERR_clear_error();
        r = SSL_do_handshake(conn->ssl);
        if (is_rationed)
            end_shaking(conn);
        if (r == 1)
            return 0;
        m = meaning(conn, r);
        if (m == 0)
            return -ECONNRESET;
        if (m != -EAGAIN)
            return (int)m;
        r = rt_conn_await(conn, conn->tls_wants);
        if (r < 0)
            return r;
    }
}

static int fail(struct rt_conn *conn, int r)
{
    ERR_clear_error();
    if (!conn->error)
        conn->error = r;
    return r;
}

// [await] What was sent is out, what came too early is forgotten.
static int begin_tls(struct rt_conn *conn)
{
    CHECK(!conn->ssl);
    conn->in_start = conn->in_end = 0;
    return rt_flush(conn);
}

int rt_start_tls(struct rt_conn *conn, struct rt_tls *tls)
{
    int r = begin_tls(conn);

    if (r < 0)
        return r;
    conn->in_start = conn->in_end = 0; // the window, should flush have waited
    r = conn->sock->drained ? rt_conn_await(conn, RT_READ) : 0;
    if (r < 0)
        return fail(conn, r);
    conn->tls_set = rt_tls_set_take(tls);
    attach(conn, conn->tls_set->contexts[0]);
    SSL_set_accept_state(conn->ssl);
    r = shake(conn, true);
    if (r < 0)
        return fail(conn, r);
    rt_tls_set_drop(TAKE(conn->tls_set));
    return 0;
}

int rt_tls_connect(struct rt_conn *conn, struct rt_tls_client *tls,
                   void (*prepare)(SSL *ssl, const void *arg), const void *arg)
{
    int r = begin_tls(conn);

    if (r < 0)
        return r;
    conn->in_start = conn->in_end = 0;
    attach(conn, rt_tls_client_context(tls));
    SSL_set_connect_state(conn->ssl);
    prepare(conn->ssl, arg);
    r = shake(conn, false);
    if (r < 0 && !conn->error)
        conn->error = r;
    return r;
}

bool rt_tls_is_sni(const char *name)
{
    unsigned char ip[16];

    return name[0] && name[0] != '[' && inet_pton(AF_INET, name, ip) != 1 &&
           inet_pton(AF_INET6, name, ip) != 1;
}

static void name_server(SSL *ssl, const void *arg)
{
    const char *name = arg;
    unsigned char ip[16];

    if (!name)
        return;
    if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    } else {
        SSL_set_tlsext_host_name(ssl, name);
        SSL_set1_host(ssl, name);
    }
}

int rt_start_tls_client(struct rt_conn *conn, struct rt_tls_client *tls, const char *server_name)
{
    int r = rt_tls_connect(conn, tls, name_server, server_name);

    if (r == -EPROTO && conn->ssl && rt_tls_client_verifies(tls) &&
        SSL_get_verify_result(conn->ssl) != X509_V_OK)
        r = -EKEYREJECTED;
    ERR_clear_error();
    return r;
}

// ---- questions

static void tell_peer(const struct rt_tls_peer *peer, struct rt_tls_info *out)
{
    out->verify_error = peer->why[0] ? peer->why : NULL;
    out->failure = peer->failure;
    out->subject = peer->subject;
    out->issuer = peer->issuer;
    out->fingerprint = peer->fingerprint;
    out->not_after = peer->not_after;
    out->tlsa = peer->tlsa;
}

bool rt_conn_tls(const struct rt_conn *conn, struct rt_tls_info *out)
{
    SSL *ssl = conn->ssl;
    const char *name;
    long verified;

    if (!ssl)
        return false;
    if (!out)
        return true;
    name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    verified = SSL_get_verify_result(ssl);
    *out = (struct rt_tls_info){
        .version = SSL_get_version(ssl),
        .cipher = SSL_get_cipher_name(ssl),
        .bits = SSL_get_cipher_bits(ssl, NULL),
        .server_name = name ? name : "",
        .verify_error = verified == X509_V_OK ? NULL : X509_verify_cert_error_string(verified),
        .subject = "",
        .issuer = "",
        .fingerprint = "",
        .tlsa = "",
    };
    if (conn->tls_peer)
        tell_peer(conn->tls_peer, out);
    return true;
}

static bool tls_exporter(SSL *ssl, char *to, size_t *out_len)
{
    static const char label[] = "EXPORTER-Channel-Binding"; // RFC 9266 2

    *out_len = 32;
    return SSL_export_keying_material(ssl, (unsigned char *)to, 32, label, sizeof(label) - 1,
                                      (const unsigned char *)"", 0, 1) == 1;
}

// RFC 5929 3.1: the first Finished of the handshake; the server's when a session was resumed.
static bool tls_unique(SSL *ssl, char *to, size_t max, size_t *out_len)
{
    bool first_is_mine = SSL_is_server(ssl) == SSL_session_reused(ssl);

    *out_len = first_is_mine ? SSL_get_finished(ssl, to, max) : SSL_get_peer_finished(ssl, to, max);
    return *out_len > 0 && *out_len <= max;
}

bool rt_conn_channel_binding(struct rt_conn *conn, const char *type, char *to, size_t max,
                             size_t *out_len)
{
    SSL *ssl = conn->ssl;
    size_t len = 0;
    bool has;

    CHECK(max >= 64);
    if (!ssl || !SSL_is_init_finished(ssl))
        return false;
    ERR_clear_error();
    if (strcmp(type, "tls-exporter") == 0 && SSL_version(ssl) >= TLS1_3_VERSION)
        has = tls_exporter(ssl, to, &len);
    else if (strcmp(type, "tls-unique") == 0 && SSL_version(ssl) < TLS1_3_VERSION)
        has = tls_unique(ssl, to, max, &len);
    else
        return false;
    if (has)
        *out_len = len;
    return has;
}
