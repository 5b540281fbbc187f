// SPDX-License-Identifier: ISC
//
// TLS on connections: both versions, implicit and by STARTTLS, certificates by name, reload under
// living connections, and text that was injected before the handshake.
#include "base/check.h"
#include "rt/cert_for_test.h"
#include "rt/conn.h"
#include "rt/tls.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    char dir[64];
    char chains[3][96], keys[3][96];
} files;

enum { ALPHA, BETA, GAMMA };

struct world {
    struct rt *rt;
    struct rt_tls *tls;
    struct rt_tls_client *client, *stranger; // trusts the alpha certificate; trusts nobody
    uint16_t port, tls_port;
    _Atomic int secrets;
};

struct session {
    struct rt_conn *conn;
    struct world *world;
};

// ---- a server with STARTTLS

static int on_open(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;

    s->conn = conn;
    s->world = rt_conn_context(conn);
    return rt_put(conn, STR("hello\r\n")) < 0 ? -EIO : RT_NEXT;
}

static int tell_tls(struct rt_conn *conn)
{
    struct rt_tls_info info;

    if (rt_conn_tls(conn, &info))
        rt_putf(conn, "%s %d %s\r\n", info.version, info.bits, info.server_name);
    else
        rt_put(conn, STR("plain\r\n"));
    return RT_NEXT;
}

static int tell_binding(struct rt_conn *conn)
{
    char binding[64];
    size_t len;

    if (rt_conn_channel_binding(conn, "tls-exporter", binding, sizeof(binding), &len) ||
        rt_conn_channel_binding(conn, "tls-unique", binding, sizeof(binding), &len)) {
        for (size_t i = 0; i < len; i++)
            rt_putf(conn, "%02x", (unsigned char)binding[i]);
    }
    rt_put(conn, STR("\r\n"));
    return RT_NEXT;
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;
    struct str line;
    int r = rt_line(conn, 70000, &line);

    if (r < 0)
        return r;
    if (str_eq(line, STR("starttls"))) {
        rt_put(conn, STR("go ahead\r\n"));
        return rt_start_tls(conn, s->world->tls);
    }
    if (str_eq(line, STR("tls")))
        return tell_tls(conn);
    if (str_eq(line, STR("binding")))
        return tell_binding(conn);
    if (str_eq(line, STR("secret")))
        atomic_fetch_add(&s->world->secrets, 1);
    if (str_eq(line, STR("quit")))
        return rt_put(conn, STR("bye\r\n")) < 0 ? -EIO : RT_CLOSE;
    rt_put(conn, line);
    return rt_put(conn, STR("\r\n")) < 0 ? -EIO : RT_NEXT;
}

static int on_wake(void *arg, struct rt_conn *conn, unsigned why)
{
    (void)arg;
    (void)conn;
    return why & RT_WAKE_NOTIFY ? RT_NEXT : RT_CLOSE;
}

static const struct rt_protocol talk = {.name = "tls talk",
                                        .session_size = sizeof(struct session),
                                        .open = on_open,
                                        .command = on_command,
                                        .wake = on_wake,
                                        .idle_ms = 60000,
                                        .command_ms = 60000};

static struct rt_tls_config config_of(struct rt_tls_certificate *to, const int *which, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (struct rt_tls_certificate){files.chains[which[i]], files.keys[which[i]]};
    return (struct rt_tls_config){.certificates = to, .count = count};
}

static void run_world(struct world *w, unsigned loops, int (*first)(void *arg))
{
    struct rt_config config = {.loops = loops, .handshakes_max = 2};
    struct rt_tls_certificate certificates[2];
    struct rt_tls_config tls_config = config_of(certificates, (int[]){ALPHA, BETA}, 2);
    struct rt_tls_client_config trusting = {.verify = true, .ca_path = files.chains[ALPHA]};
    struct rt_tls_client_config lax = {.verify = false};
    struct rt_listen listen = {.address = "127.0.0.1", .protocol = &talk, .context = w};

    assert_int_equal(rt_tls_new(&tls_config, &w->tls, NULL), 0);
    assert_int_equal(rt_tls_client_new(&trusting, &w->client, NULL), 0);
    assert_int_equal(rt_tls_client_new(&lax, &w->stranger, NULL), 0);
    assert_int_equal(rt_new(&config, &w->rt), 0);
    assert_int_equal(rt_listen(w->rt, &listen, &w->port), 0);
    listen.tls = w->tls;
    assert_int_equal(rt_listen(w->rt, &listen, &w->tls_port), 0);
    assert_int_equal(rt_run(w->rt, first, w), 0);
    rt_free(w->rt);
    rt_tls_free(w->tls);
    rt_tls_client_free(w->client);
    rt_tls_client_free(w->stranger);
}

// ---- a client

static struct rt_conn *dial(struct world *w, uint16_t port)
{
    struct rt_conn *conn;

    CHECK(rt_dial("127.0.0.1", port, 60000, &conn) == 0);
    (void)w;
    return conn;
}

static void say(struct rt_conn *conn, struct str bytes)
{
    CHECK(rt_put(conn, bytes) == 0);
    CHECK(rt_flush(conn) == 0);
}

static struct str heard(struct rt_conn *conn)
{
    struct str line;

    CHECK(rt_line(conn, 70000, &line) == 0);
    return line;
}

static void hear(struct rt_conn *conn, struct str expected)
{
    CHECK(str_eq(heard(conn), expected));
}

static void hang_up_after_quit(struct rt_conn *conn)
{
    struct str rest;

    say(conn, STR("quit\r\n"));
    hear(conn, STR("bye"));
    CHECK(rt_peek(conn, &rest) == -ECONNRESET);
    rt_hang_up(conn);
}

static int talk_implicit(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->tls_port);
    struct rt_tls_info info;

    CHECK(!rt_conn_tls(conn, &info));
    CHECK(rt_start_tls_client(conn, w->client, "alpha.test") == 0);
    CHECK(rt_conn_tls(conn, &info) && !info.verify_error && strcmp(info.version, "TLSv1.3") == 0);
    hear(conn, STR("hello"));
    say(conn, STR("tls\r\n"));
    hear(conn, STR("TLSv1.3 256 alpha.test"));
    hang_up_after_quit(conn);
    rt_stop(w->rt);
    return 0;
}

static void tls_may_be_there_from_the_start(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 2, talk_implicit);
}

static int talk_starttls(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->port);
    char *big = malloc(60000);
    struct str line;

    CHECK(big);
    memset(big, 'z', 60000);
    hear(conn, STR("hello"));
    say(conn, STR("tls\r\n"));
    hear(conn, STR("plain"));
    say(conn, STR("starttls\r\n"));
    hear(conn, STR("go ahead"));
    CHECK(rt_start_tls_client(conn, w->client, "alpha.test") == 0);
    say(conn, STR("tls\r\nx\r\n"));
    hear(conn, STR("TLSv1.3 256 alpha.test"));
    hear(conn, STR("x"));
    for (int i = 0; i < 5; i++) {
        CHECK(rt_put(conn, str_of(big, 60000)) == 0);
        say(conn, STR("\r\n"));
        line = heard(conn);
        CHECK(line.len == 60000 && memcmp(line.ptr, big, 60000) == 0);
    }
    hang_up_after_quit(conn);
    free(big);
    rt_stop(w->rt);
    return 0;
}

static void starttls_starts_tls(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_starttls);
}

static int inject(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->port);

    hear(conn, STR("hello"));
    say(conn, STR("starttls\r\nsecret\r\n")); // in one packet: an attacker's text before the hello
    hear(conn, STR("go ahead"));
    CHECK(rt_start_tls_client(conn, w->client, "alpha.test") == 0);
    say(conn, STR("real\r\n"));
    hear(conn, STR("real")); // the first thing that is answered
    hang_up_after_quit(conn);
    rt_stop(w->rt);
    return 0;
}

static void text_before_the_handshake_is_forgotten(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, inject);
    assert_int_equal(atomic_load(&w.secrets), 0);
}

static int talk_names(void *arg)
{
    static const struct {
        const char *name;
        int r;
    } cases[] = {{"alpha.test", 0},
                 {"127.0.0.1", 0},
                 {"other.test", -EKEYREJECTED},
                 {"beta.test", -EKEYREJECTED},
                 {"10.0.0.1", -EKEYREJECTED}};
    struct world *w = arg;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rt_conn *conn = dial(w, w->tls_port);

        CHECK(rt_start_tls_client(conn, w->client, cases[i].name) == cases[i].r);
        rt_hang_up(conn);
    }
    rt_stop(w->rt);
    return 0;
}

static void clients_verify_the_name(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_names);
}

// What does a client that verifies nothing learn of the certificate?
static bool is_certificate_of(struct world *w, const char *asked, int which)
{
    struct rt_tls_client_config config = {.verify = true, .ca_path = files.chains[which]};
    struct rt_conn *conn = dial(w, w->tls_port);
    struct rt_tls_client *client;
    int r;

    CHECK(rt_tls_client_new(&config, &client, NULL) == 0);
    r = rt_start_tls_client(conn, client, asked);
    rt_hang_up(conn);
    rt_tls_client_free(client);
    return r == 0;
}

static int choose(void *arg)
{
    struct world *w = arg;

    CHECK(is_certificate_of(w, "alpha.test", ALPHA));
    CHECK(is_certificate_of(w, "beta.test", BETA));
    CHECK(is_certificate_of(w, "any.beta.test", BETA)); // *.beta.test
    CHECK(!is_certificate_of(w, "beta.test", ALPHA));
    CHECK(!is_certificate_of(w, "alpha.test", BETA));
    rt_stop(w->rt);
    return 0;
}

static void the_certificate_is_chosen_by_name(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 2, choose);
}

static int reload(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->tls_port);
    struct rt_tls_certificate certificates[1];
    struct rt_tls_config next = config_of(certificates, (int[]){GAMMA}, 1);
    struct rt_tls_config bad = next;
    struct rt_tls_certificate missing = {"/nonexistent.pem", files.keys[ALPHA]};
    struct buf why;

    buf_init(&why, 1000);
    CHECK(rt_start_tls_client(conn, w->client, "alpha.test") == 0);
    hear(conn, STR("hello"));
    bad.certificates = &missing;
    CHECK(rt_tls_reload(w->tls, &bad, &why) == -ENOENT);
    CHECK(str_find_str(buf_str(&why), STR("/nonexistent.pem")) >= 0);
    CHECK(is_certificate_of(w, "alpha.test", ALPHA)); // nothing changed
    CHECK(rt_tls_reload(w->tls, &next, &why) == 0);
    CHECK(is_certificate_of(w, "gamma.test", GAMMA));
    CHECK(!is_certificate_of(w, "alpha.test", ALPHA));
    say(conn, STR("still here\r\n"));
    hear(conn, STR("still here"));
    hang_up_after_quit(conn);
    buf_done(&why);
    rt_stop(w->rt);
    return 0;
}

static void reload_drops_nobody(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, reload);
}

static void bad_files_are_named(void **state)
{
    struct rt_tls_certificate crossed = {files.chains[ALPHA], files.keys[BETA]};
    struct rt_tls_certificate no_key = {files.chains[ALPHA], files.chains[ALPHA]};
    struct rt_tls_config config = {.certificates = &crossed, .count = 1};
    struct rt_tls *tls;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    assert_int_equal(rt_tls_new(&config, &tls, &why), -EINVAL);
    assert_true(str_find_str(buf_str(&why), STR("belongs to the certificate")) >= 0);
    config.certificates = &no_key;
    buf_clear(&why);
    assert_int_equal(rt_tls_new(&config, &tls, &why), -EINVAL);
    assert_true(str_find_str(buf_str(&why), str_from(files.chains[ALPHA])) >= 0);
    config.count = 0;
    assert_int_equal(rt_tls_new(&config, &tls, &why), -EINVAL);
    buf_done(&why);
}

// ---- TLS 1.2, garbage, a crowd

static int talk_binding(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->tls_port);
    char binding[64], text[128];
    size_t len;

    CHECK(rt_start_tls_client(conn, w->client, "alpha.test") == 0);
    hear(conn, STR("hello"));
    CHECK(!rt_conn_channel_binding(conn, "tls-unique", binding, sizeof(binding), &len));
    CHECK(rt_conn_channel_binding(conn, "tls-exporter", binding, sizeof(binding), &len));
    CHECK(len == 32);
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)binding[i]);
    say(conn, STR("binding\r\n"));
    hear(conn, str_of(text, 64)); // both ends have the same
    rt_hang_up(conn);
    rt_stop(w->rt);
    return 0;
}

static void both_ends_bind_the_channel(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, talk_binding);
}

static int send_garbage(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->tls_port);
    struct str rest;
    int r;

    say(conn, STR("EHLO this is not TLS\r\n"));
    while ((r = rt_peek(conn, &rest)) == 0) // an alert, perhaps
        rt_eat(conn, rest.len);
    CHECK(r == -ECONNRESET);
    rt_hang_up(conn);

    conn = dial(w, w->port); // after STARTTLS, the same
    hear(conn, STR("hello"));
    say(conn, STR("starttls\r\n"));
    hear(conn, STR("go ahead"));
    say(conn, STR("secret\r\nsecret\r\n"));
    while ((r = rt_peek(conn, &rest)) == 0)
        rt_eat(conn, rest.len);
    CHECK(r == -ECONNRESET);
    rt_hang_up(conn);

    conn = dial(w, w->tls_port); // one that comes and says nothing
    rt_hang_up(conn);
    rt_stop(w->rt);
    return 0;
}

static void garbage_ends_the_connection(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, send_garbage);
    assert_int_equal(atomic_load(&w.secrets), 0);
}

static int one_of_crowd(void *arg)
{
    struct world *w = arg;
    struct rt_conn *conn = dial(w, w->tls_port);
    struct rt_tls_info info;

    CHECK(rt_start_tls_client(conn, w->stranger, "beta.test") == 0);
    CHECK(rt_conn_tls(conn, &info) && info.verify_error);
    hear(conn, STR("hello"));
    hang_up_after_quit(conn);
    return 0;
}

static int crowd(void *arg)
{
    struct rt_task *tasks[40];
    struct world *w = arg;

    for (int i = 0; i < 40; i++) // many more than handshakes_max
        CHECK(rt_spawn(one_of_crowd, w, "one of many", &tasks[i]) == 0);
    for (int i = 0; i < 40; i++)
        CHECK(rt_join(tasks[i]) == 0);
    rt_stop(w->rt);
    return 0;
}

static void handshakes_take_turns(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, crowd);
}

// A client of OpenSSL's own, with blocking reads: TLS 1.2 and whatever ours does not do.
static void talk_tls12(struct world *w)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char to[32], got[64], line[160];
    BIO *bio;
    SSL *ssl;
    size_t len;

    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    bio = BIO_new_ssl_connect(context);
    snprintf(to, sizeof(to), "127.0.0.1:%u", w->tls_port);
    BIO_set_conn_hostname(bio, to);
    BIO_get_ssl(bio, &ssl);
    CHECK(BIO_do_handshake(bio) == 1);
    CHECK(strcmp(SSL_get_version(ssl), "TLSv1.2") == 0);
    CHECK(BIO_read(bio, line, sizeof(line)) == 7); // hello
    CHECK(BIO_write(bio, "binding\r\n", 9) == 9);
    CHECK(BIO_read(bio, line, sizeof(line)) == 24 + 2);
    len = SSL_get_finished(ssl, got, sizeof(got)); // RFC 5929: the client's, not resumed
    CHECK(len == 12);
    for (size_t i = 0; i < len; i++) {
        char hex[3];

        snprintf(hex, sizeof(hex), "%02x", (unsigned char)got[i]);
        CHECK(memcmp(hex, line + 2 * i, 2) == 0);
    }
    BIO_free_all(bio);
    SSL_CTX_free(context);
}

static void *tls12_thread(void *arg)
{
    struct world *w = arg;

    talk_tls12(w);
    rt_stop(w->rt);
    return NULL;
}

static pthread_t tls12;

static int start_tls12(void *arg)
{
    return -pthread_create(&tls12, NULL, tls12_thread, arg);
}

static int wait_for_stop(void *arg)
{
    CHECK(start_tls12(arg) == 0);
    rt_sleep(3600 * 1000);
    CHECK(pthread_join(tls12, NULL) == 0);
    return 0;
}

static void old_clients_speak_tls12(void **state)
{
    struct world w = {0};

    (void)state;
    run_world(&w, 1, wait_for_stop);
}

static int make_files(void **state)
{
    static const char *const names[] = {"DNS:alpha.test,IP:127.0.0.1",
                                        "DNS:beta.test,DNS:*.beta.test", "DNS:gamma.test"};

    (void)state;
    snprintf(files.dir, sizeof(files.dir), "/tmp/rt_tls_test.XXXXXX");
    if (!mkdtemp(files.dir))
        return -1;
    for (int i = 0; i < 3; i++) {
        snprintf(files.chains[i], sizeof(files.chains[i]), "%s/chain%d.pem", files.dir, i);
        snprintf(files.keys[i], sizeof(files.keys[i]), "%s/key%d.pem", files.dir, i);
        cert_for_test(names[i], files.chains[i], files.keys[i]);
    }
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        unlink(files.chains[i]);
        unlink(files.keys[i]);
    }
    return rmdir(files.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_may_be_there_from_the_start),
        cmocka_unit_test(starttls_starts_tls),
        cmocka_unit_test(text_before_the_handshake_is_forgotten),
        cmocka_unit_test(clients_verify_the_name),
        cmocka_unit_test(the_certificate_is_chosen_by_name),
        cmocka_unit_test(reload_drops_nobody),
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(both_ends_bind_the_channel),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(handshakes_take_turns),
        cmocka_unit_test(old_clients_speak_tls12),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
