// SPDX-License-Identifier: ISC
//
// From nothing to a session that may send: connect, greeting, EHLO (or HELO), STARTTLS, EHLO again,
// AUTH.
#include "base/check.h"
#include "base/cleanup.h"
#include "send/session.h"

#include <errno.h>

enum {
    CHECK_MS = 30000, // is a kept session still good? A new one would be there by then
    GOOD_BYE_MS = 3000,
    TRIES_MAX = 2, // addresses of one host that answer, but not as they should
};

static const struct outcome FINE = {.verdict = DONE};

/// What a step came to when the connection broke, or when the code is not the one that was hoped
/// for.
static struct outcome judge(struct send_session *s, struct arena *arena, int r, unsigned wanted)
{
    struct outcome outcome;

    if (r < 0) {
        s->is_dead = true;
        return send_broken(s, arena, r);
    }
    if (s->reply.code == wanted)
        return FINE;
    outcome = send_outcome(s, arena);
    if (outcome.verdict == DONE) // a server that says yes to another question
        return send_broken(s, arena, send_out_of_step(s));
    return outcome;
}

static int start_handshake(struct send_session *s, struct buf *why)
{
    const struct send_server *server = s->server;
    struct rt_scope scope;
    struct rt_tls_info info;
    int r;

    rt_within(&scope, (uint32_t)server->config->command);
    if (server->policy)
        r = rt_start_tls_policy(s->conn, server->tls_client, server->policy, why);
    else
        r = rt_start_tls_client(s->conn, server->tls_client, server->name);
    rt_within_end(&scope);
    if (r == -EKEYREJECTED && why->len == 0 && rt_conn_tls(s->conn, &info) && info.verify_error)
        buf_put(why, str_from(info.verify_error));
    if (r < 0 && why->len == 0)
        buf_put(why, str_from(strerror(-r)));
    return r;
}

static struct outcome handshake_failed(struct send_session *s, struct arena *arena, int r,
                                       struct buf *why)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1024};
    struct rt_tls_info info;

    s->is_dead = true;
    if (r == -EACCES && rt_conn_tls(s->conn, &info)) {
        s->trouble |= info.failure == RT_TLS_EXPIRED      ? SEND_TLS_EXPIRED
                      : info.failure == RT_TLS_WRONG_NAME ? SEND_TLS_WRONG_NAME
                      : info.failure == RT_TLS_NO_MATCH   ? SEND_TLS_NO_MATCH
                                                          : 0;
    }
    s->trouble |= r == -EACCES    ? SEND_TLS_UNTRUSTED
                  : r == -ENOTSUP ? SEND_TLSA_UNUSABLE
                                  : SEND_TLS_FAILED;
    buf_putf(&text, "no trusted TLS connection to %s: %.*s", s->server->name,
             STR_ARG(str_head(buf_str(why), 500)));
    return send_own(arena, LATER, 454, "4.7.5", buf_ok(&text) ? buf_cstr(&text) : "no TLS");
}

static struct outcome shake_hands(struct send_session *s, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    CLEANUP(buf_drop) struct buf note = {.max = 512};
    struct rt_tls_info info;
    int r;

    // What came behind the 220 in clear could be anybody's (the client's half of CVE-2011-0411).
    if (send_has_spoken(s))
        return send_broken(s, arena, send_out_of_step(s));
    r = start_handshake(s, &why);
    if (r < 0)
        return handshake_failed(s, arena, r, &why);
    if (rt_conn_tls(s->conn, &info)) {
        buf_putf(&note, "%s %s, certificate %s", info.version, info.cipher,
                 info.verify_error ? info.verify_error : "verified");
        send_note(s, buf_ok(&note) ? buf_cstr(&note) : "TLS");
    }
    return FINE;
}

static int ask_helo(struct send_session *s, const char *verb)
{
    CLEANUP(buf_drop) struct buf line = {.max = 512};

    buf_putf(&line, "%s %.*s", verb, STR_ARG(s->server->helo));
    return send_ask(s, buf_str(&line));
}

/// RFC 5321 3.2: EHLO, and HELO for those who do not know it.
static struct outcome greet(struct send_session *s, struct arena *arena)
{
    int r = ask_helo(s, s->server->is_lmtp ? "LHLO" : "EHLO");

    s->offer = (struct smtp_offer){.mechanisms = STR("")};
    if (r == 0 && s->reply.code == 250) {
        smtp_reply_clear(&s->ehlo);
        buf_put(&s->ehlo.text, buf_str(&s->reply.text));
        smtp_offer_parse(&s->ehlo, &s->offer);
        return FINE;
    }
    if (r == 0 && s->reply.code >= 500 && !s->is_dead && !s->server->is_lmtp)
        r = ask_helo(s, "HELO");
    return judge(s, arena, r, 250);
}

/// Its greeting, and the answer to ours. A no here is said to everybody (RFC 5321 3.1).
static struct outcome welcome(struct send_session *s, struct arena *arena)
{
    int r = send_hear(s, s->server->config->greeting);
    struct outcome outcome = judge(s, arena, r, 220);

    if (outcome.verdict == DONE)
        outcome = greet(s, arena);
    if (outcome.verdict != DONE)
        s->trouble |= SEND_NO_SERVICE;
    return outcome;
}

static struct outcome start_tls(struct send_session *s, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf why = {.max = 512};
    bool is_must = s->server->tls == SEND_TLS_MUST;
    struct outcome outcome;

    if (!(s->offer.extensions & SMTP_HAS_STARTTLS)) {
        if (!is_must)
            return FINE;
        s->trouble |= SEND_NO_STARTTLS;
        buf_putf(&why, "%s does not offer STARTTLS, and nothing is sent without", s->server->name);
        return send_own(arena, LATER, 454, "4.7.10", buf_ok(&why) ? buf_cstr(&why) : "no STARTTLS");
    }
    outcome = judge(s, arena, send_ask(s, STR("STARTTLS")), 220);
    if (outcome.verdict != DONE) {
        s->trouble |= SEND_NO_STARTTLS;
        // a no for ever to STARTTLS says nothing about the mail
        if (outcome.verdict == NEVER)
            outcome = send_own(arena, LATER, 454, "4.7.10", "STARTTLS was offered and is refused");
        return is_must || s->is_dead ? outcome : FINE;
    }
    outcome = shake_hands(s, arena);
    return outcome.verdict == DONE ? greet(s, arena) : outcome;
}

static struct outcome sign_in(struct send_session *s, struct arena *arena)
{
    struct outcome outcome = send_auth(s, arena);

    if (outcome.verdict != DONE)
        s->trouble |= SEND_NO_LOGIN;
    return outcome;
}

static struct outcome talk(struct send_session *s, struct arena *arena)
{
    const struct send_server *server = s->server;
    struct outcome outcome = FINE;

    if (server->tls == SEND_TLS_IMPLICIT)
        outcome = shake_hands(s, arena);
    if (outcome.verdict == DONE)
        outcome = welcome(s, arena);
    if (outcome.verdict == DONE && (server->tls == SEND_TLS_MAY || server->tls == SEND_TLS_MUST))
        outcome = start_tls(s, arena);
    if (outcome.verdict == DONE && server->user.len > 0)
        outcome = sign_in(s, arena);
    return outcome;
}

/// For all of it together: one slow step is borne, a server that is slow at each of its ten is not.
static uint32_t opening_ms(const struct send_config *config)
{
    return (uint32_t)(config->greeting + 2 * config->command);
}

static struct outcome no_connection(struct send_session *s, struct arena *arena, int r)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};

    s->is_dead = true;
    s->trouble = SEND_NO_CONNECTION;
    buf_putf(&why, "no connection to %s (%s, port %u): %s", s->server->name,
             s->address ? s->address : "no address", (unsigned)s->server->port, strerror(-r));
    return send_own(arena, LATER, 451, "4.4.1", buf_ok(&why) ? buf_cstr(&why) : "");
}

static struct outcome try_to_open(struct send_session *s, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf note = {.max = 512};
    struct outcome outcome;
    struct rt_scope scope;
    int r;

    s->is_dead = false;
    s->trouble = 0;
    r = send_dial(s);
    if (r < 0)
        return no_connection(s, arena, r);
    buf_putf(&note, "connected to %s, port %u", s->address, (unsigned)s->server->port);
    send_note(s, buf_ok(&note) ? buf_cstr(&note) : "connected");
    rt_within(&scope, opening_ms(s->server->config));
    outcome = talk(s, arena);
    rt_within_end(&scope);
    return outcome;
}

/// RFC 5321 5.1: a host has several addresses so that one of them may be out of order. False: there
/// is no other.
static bool leave_address(struct send_session *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->address_count; i++)
        if (s->addresses[i] != s->address)
            s->addresses[kept++] = s->addresses[i];
    s->address_count = kept;
    return kept > 0;
}

/// RFC 5321 4.1.1.10 wants a QUIT and its answer, but nobody's mail depends on it.
static void say_good_bye(struct send_session *s)
{
    struct rt_scope scope;

    rt_within(&scope, GOOD_BYE_MS);
    send_ask(s, STR("QUIT"));
    rt_within_end(&scope);
}

static void hang_up(struct send_session *s)
{
    if (!s->is_dead)
        say_good_bye(s);
    if (s->conn)
        rt_hang_up(TAKE(s->conn));
}

struct outcome send_open(const struct send_server *server, struct arena *arena,
                         struct send_session **out, unsigned *trouble)
{
    struct send_session *s = calloc(1, sizeof *s);
    struct outcome outcome;

    CHECK(s);
    *out = NULL;
    s->server = server;
    smtp_reply_init(&s->reply);
    smtp_reply_init(&s->ehlo);
    for (; s->address_count < server->address_count && s->address_count < SEND_ADDRESSES_MAX;
         s->address_count++)
        s->addresses[s->address_count] = server->addresses[s->address_count];
    outcome = try_to_open(s, arena);
    for (int tries = 1; tries < TRIES_MAX && (s->trouble & SEND_NO_SERVICE) && leave_address(s);
         tries++) {
        hang_up(s);
        outcome = try_to_open(s, arena);
    }
    if (trouble)
        *trouble = s->trouble;
    if (outcome.verdict == DONE)
        *out = s;
    else
        send_close(s);
    return outcome;
}

void send_peer(const struct send_session *session, struct send_peer *out)
{
    const struct smtp_offer *offer = &session->offer;

    *out = (struct send_peer){.address = session->address,
                              .extensions = offer->extensions,
                              .has_dsn = offer->extensions & SMTP_HAS_DSN,
                              .recipients_max = (unsigned)offer->recipients_max,
                              .mails_max = (unsigned)offer->mails_max,
                              .domains_max = (unsigned)offer->domains_max};
    out->has_tls = rt_conn_tls(session->conn, &out->tls);
}

int send_check(struct send_session *session)
{
    struct rt_scope scope;
    int r;

    rt_within(&scope, CHECK_MS);
    r = send_ask(session, STR("RSET"));
    rt_within_end(&scope);
    if (r == 0 && (session->is_dead || send_heard(session) != SEND_YES)) {
        session->is_dead = true;
        r = -ECONNRESET;
    }
    return r;
}

bool send_is_dead(const struct send_session *session)
{
    return session->is_dead || session->is_worn;
}

void send_close(struct send_session *s)
{
    if (!s)
        return;
    hang_up(s);
    smtp_reply_done(&s->reply);
    smtp_reply_done(&s->ehlo);
    free(s);
}
