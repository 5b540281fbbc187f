// SPDX-License-Identifier: ISC
//
// AUTH, RFC 5034: a SASL exchange, with or without an initial response; "*" gives it up.
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/pop3/session.h"

#include <errno.h>

/// Without channel binding, so that SCRAM-SHA-256-PLUS is not offered: mutt with GNU SASL picks it,
/// finds that it cannot bind, says "*" and takes the answer to that for the one to its next
/// command. With IMAP and SMTP it recovers; here it could never sign in.
struct account_peer pop3_peer_of(struct pop3_session *s)
{
    struct account_peer peer = account_peer_of(s->conn, "pop");

    peer.binding = NULL;
    return peer;
}

static enum pop3_phrase refusal_of(int answer)
{
    switch (answer) {
    case ACCOUNT_AUTH_REFUSED:
        return POP3_WRONG;
    case ACCOUNT_AUTH_CANCELLED:
        return POP3_GIVEN_UP;
    case ACCOUNT_AUTH_MALFORMED:
        return POP3_NOT_SAID_SO;
    case ACCOUNT_AUTH_NO_MECHANISM:
        return POP3_NO_MECHANISM;
    case ACCOUNT_AUTH_NEEDS_TLS:
        return POP3_TLS_FIRST;
    default:
        return POP3_UNAVAILABLE;
    }
}

static void log_refused(struct pop3_session *s, int answer)
{
    struct log_line l;

    log_begin(&l, LOG_INFO, "serve/pop3", "login refused");
    log_u64(&l, "session", rt_conn_id(s->conn));
    log_str(&l, "peer", rt_conn_peer(s->conn));
    log_str(&l, "user", buf_str(&s->user));
    if (answer < 0)
        log_errno(&l, answer);
    else
        log_text(&l, "why", pop3_phrase_english(refusal_of(answer)));
    log_end(&l);
}

int pop3_signed_in(struct pop3_session *s, int answer, const struct account_identity *who)
{
    int r;

    if (answer == ACCOUNT_AUTH_OK)
        return pop3_enter(s, who);
    log_refused(s, answer);
    buf_clear(&s->user);
    if (answer == ACCOUNT_AUTH_NO_MECHANISM || answer == ACCOUNT_AUTH_NEEDS_TLS)
        return pop3_refuse_bad(s, refusal_of(answer));
    s->login_failures++;
    r = pop3_refuse(s, refusal_of(answer));
    if (r < 0)
        return r;
    return s->login_failures < s->config.login_failures ? RT_NEXT : RT_CLOSE;
}

/// AUTH without a mechanism is older than CAPA; some clients still ask so.
static int list_mechanisms(struct pop3_session *s)
{
    struct account_peer peer = pop3_peer_of(s);
    CLEANUP(buf_drop) struct buf names = {0};
    struct str rest, name;

    buf_init(&names, 512);
    rest = account_auth_mechanisms(pop3_accounts(s->pop3), &peer, ' ', &names) ? buf_str(&names)
                                                                               : STR_NONE;
    (void)rt_put(s->conn, STR("+OK\r\n"));
    while (str_split(&rest, ' ', &name))
        (void)rt_putf(s->conn, "%.*s\r\n", STR_ARG(name));
    return rt_put(s->conn, STR(".\r\n"));
}

/// [await] Steps until the mechanism has an answer, which is returned; -errno.
static int exchange(struct pop3_session *s, struct account_auth *auth, struct str line)
{
    CLEANUP(buf_drop) struct buf challenge = {0};
    int answer, r;

    buf_init(&challenge, ACCOUNT_AUTH_LINE_MAX);
    for (int step = 0; step < ACCOUNT_AUTH_STEPS_MAX; step++) {
        answer = account_auth_step(auth, line, &challenge);
        if (answer != ACCOUNT_AUTH_MORE)
            return answer;
        r = rt_putf(s->conn, "+ %.*s\r\n", STR_ARG(buf_str(&challenge)));
        if (r < 0)
            return r;
        r = rt_line(s->conn, ACCOUNT_AUTH_LINE_MAX, &line);
        if (r < 0)
            return r;
        if (r == RT_LINE_TOO_LONG)
            return ACCOUNT_AUTH_MALFORMED;
    }
    return ACCOUNT_AUTH_MALFORMED;
}

/// The connection is gone; there is nobody to answer to.
static bool is_gone(int r)
{
    return r == -ECONNRESET || r == -ETIMEDOUT || r == -ECANCELED || r == -EPIPE || r == -EMSGSIZE;
}

int pop3_on_auth(struct pop3_session *s, const struct pop3_command *c)
{
    CLEANUP(buf_drop) struct buf first = {0};
    struct account_peer peer;
    struct account_auth *auth = NULL;
    int answer, r;

    if (c->name.len == 0)
        return list_mechanisms(s);
    buf_init(&first, POP3_COMMAND_MAX + 1);
    buf_put(&first, c->has_response ? c->response : STR(""));
    peer = pop3_peer_of(s);
    answer = account_auth_begin(pop3_accounts(s->pop3), &peer, c->name, &auth);
    if (answer == ACCOUNT_AUTH_OK)
        answer = exchange(s, auth, c->has_response ? buf_str(&first) : STR_NONE);
    if (is_gone(answer))
        r = answer;
    else
        r = pop3_signed_in(s, answer,
                           answer == ACCOUNT_AUTH_OK ? account_auth_identity(auth) : NULL);
    account_auth_free(auth);
    return r;
}
