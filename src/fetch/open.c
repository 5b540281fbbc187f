// SPDX-License-Identifier: ISC
//
// From nothing to a session that is signed in: connect, greeting, STARTTLS, capabilities, and who
// we are. No password goes over a connection without TLS unless that was asked for.
#include "base/check.h"
#include "base/cleanup.h"
#include "fetch/session.h"

#include <errno.h>

enum { CONNECT_MS = 30 * 1000, GOODBYE_MS = 3000, ARENA_MAX = 16 << 20 };

static int dial(struct fetch_session *s, struct buf *why)
{
    int r = -EHOSTUNREACH;

    for (size_t i = 0; i < s->server->address_count && !s->conn; i++) {
        r = rt_dial(s->server->addresses[i], s->server->port, CONNECT_MS, &s->conn);
        if (r < 0)
            s->conn = NULL;
    }
    if (!s->conn)
        buf_putf(why, "no connection to %s, port %u: %s", s->server->name,
                 (unsigned)s->server->port, strerror(-r));
    return s->conn ? 0 : r;
}

static int shake_hands(struct fetch_session *s, struct buf *why)
{
    struct rt_tls_info info;
    struct rt_scope scope;
    int r;

    // what was said in clear is nobody's word (CVE-2011-0411)
    buf_clear(&s->capability);
    if (rt_look(s->conn).len > 0 && s->server->tls == FETCH_STARTTLS) {
        buf_put(why, STR("the server spoke before TLS began"));
        return -EPROTO;
    }
    rt_within(&scope, CONNECT_MS);
    r = rt_start_tls_client(s->conn, s->server->tls_client, s->server->name);
    rt_within_end(&scope);
    if (r == 0)
        return 0;
    buf_putf(why, "no trusted TLS connection to %s: %s", s->server->name,
             rt_conn_tls(s->conn, &info) && info.verify_error ? info.verify_error : strerror(-r));
    return r == -EKEYREJECTED || r == -EACCES ? -EACCES : r;
}

/// The greeting: OK or PREAUTH.
static int hear_greeting(struct fetch_session *s, bool *out_is_in, struct buf *why)
{
    int r = fetch_hear(s);

    if (r == 0 && (s->response.kind != IMAP_SAYS_CONDITION || s->response.condition == IMAP_NO ||
                   s->response.condition == IMAP_BAD))
        r = -EPROTO;
    if (r < 0) {
        buf_putf(why, "no IMAP server greets at %s: %s", s->server->name, strerror(-r));
        return r;
    }
    *out_is_in = s->response.condition == IMAP_PREAUTH;
    return 0;
}

static int ask_capability(struct fetch_session *s)
{
    return fetch_command(s, STR("CAPABILITY"), NULL, NULL);
}

static int start_tls(struct fetch_session *s, struct buf *why)
{
    int r = s->capability.len ? 0 : ask_capability(s);

    if (r == 0 && !fetch_can(s, "STARTTLS"))
        r = FETCH_NO;
    if (r == 0)
        r = fetch_command(s, STR("STARTTLS"), NULL, NULL);
    if (r == FETCH_NO) {
        buf_putf(why, "%s offers no TLS; imaps:// may do, or --no-tls where nobody listens",
                 s->server->name);
        return -EACCES;
    }
    return r < 0 ? r : shake_hands(s, why);
}

static int talk(struct fetch_session *s, struct buf *why)
{
    bool is_in = false;
    int r = s->server->tls == FETCH_TLS ? shake_hands(s, why) : 0;

    if (r == 0)
        r = hear_greeting(s, &is_in, why);
    if (r == 0 && s->server->tls == FETCH_STARTTLS) {
        if (is_in) { // RFC 8314 5.1: a greeting that skips STARTTLS
            buf_put(why, STR("the server lets us in without TLS"));
            return -EACCES;
        }
        r = start_tls(s, why);
    }
    if (r == 0 && s->capability.len == 0)
        r = ask_capability(s);
    if (r == 0 && !is_in) {
        buf_clear(&s->words);
        r = fetch_auth(s, why);
        // RFC 3501 6.2.2: others now, and not always told
        if (r == 0)
            r = ask_capability(s);
    }
    return r > 0 ? -EPROTO : r;
}

int fetch_open(const struct fetch_server *server, struct fetch_session **out, struct buf *why)
{
    struct fetch_session *s = calloc(1, sizeof *s);
    int r;

    CHECK(s);
    s->server = server;
    buf_init(&s->capability, 64 * 1024);
    buf_init(&s->text, 2 * FETCH_TEXT_MAX);
    buf_init(&s->body, 0);
    buf_init(&s->words, 1024);
    arena_init(&s->arena, ARENA_MAX);
    r = dial(s, why);
    if (r == 0)
        r = talk(s, why);
    if (r == 0) {
        *out = s;
        return 0;
    }
    if (why->len == 0)
        buf_putf(why, "%s: %s", server->name, s->words.len ? fetch_words(s) : strerror(-r));
    fetch_close(s);
    return r;
}

static void say_goodbye(struct fetch_session *s)
{
    struct rt_scope scope;

    rt_within(&scope, GOODBYE_MS);
    fetch_command(s, STR("LOGOUT"), NULL, NULL); // BYE ends it
    rt_within_end(&scope);
}

void fetch_close(struct fetch_session *s)
{
    if (!s)
        return;
    if (s->conn && !s->is_dead)
        say_goodbye(s);
    if (s->conn)
        rt_hang_up(s->conn);
    buf_done(&s->capability);
    buf_done(&s->text);
    buf_done(&s->body);
    buf_done(&s->words);
    arena_done(&s->arena);
    free(s);
}
