// SPDX-License-Identifier: ISC
//
// AUTHENTICATE (RFC 3501 6.2.2) with an initial response (RFC 4959).
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/imap/session.h"

static void log_login(struct imap_session *s, const char *what, const char *address)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "serve/imap", what);
    log_u64(&line, "session", rt_conn_id(s->conn));
    log_str(&line, "peer", rt_conn_peer(s->conn));
    if (address)
        log_text(&line, "account", address);
    log_end(&line);
}

static int enter(struct imap_session *s, struct imap_call *c, const struct account_identity *who)
{
    CLEANUP(buf_drop) struct buf text;

    s->state = IMAP_AUTHENTICATED;
    s->account_id = who->account_id;
    s->actor_id = who->actor_id;
    s->login_failures = 0;
    rt_conn_set_idle_ms(s->conn, (uint32_t)s->config.idle);
    log_login(s, "login", who->address);
    buf_init(&text, 1024);
    buf_put(&text, STR("[CAPABILITY "));
    imap_put_capabilities(s, &text);
    buf_put(&text, STR("] Welcome"));
    return imap_ok(s, c, buf_cstr(&text));
}

int imap_signed_in(struct imap_session *s, struct imap_call *c, int answer,
                   const struct account_identity *who)
{
    int r;

    switch (answer) {
    case ACCOUNT_AUTH_OK:
        return enter(s, c, who);
    case ACCOUNT_AUTH_CANCELLED:
        return imap_bad(s, c, "Cancelled");
    case ACCOUNT_AUTH_MALFORMED:
        return imap_bad(s, c, "That is not what the mechanism wants");
    case ACCOUNT_AUTH_NO_MECHANISM:
        return imap_no(s, c, "[CANNOT] No such mechanism here");
    case ACCOUNT_AUTH_NEEDS_TLS:
        return imap_no(s, c, "[PRIVACYREQUIRED] Start TLS first");
    case ACCOUNT_AUTH_LATER:
        r = imap_no(s, c, "[UNAVAILABLE] Too many failures, try again later");
        break;
    case ACCOUNT_AUTH_REFUSED:
        r = imap_no(s, c, "[AUTHENTICATIONFAILED] User or password is wrong");
        break;
    default:
        if (imap_is_gone(answer)) {
            log_login(s, "login broken off", NULL);
            return answer;
        }
        log_failure("serve/imap", "login", answer);
        return imap_no(s, c, "[UNAVAILABLE] Signing in does not work at the moment");
    }
    log_login(s, "login refused", NULL);
    if (r == RT_NEXT && ++s->login_failures >= s->config.login_failures)
        return imap_bye(s, "Too many failed log-ins");
    return r;
}

static bool parse(struct imap_call *c, struct str *mechanism, struct str *response)
{
    struct str rest;

    *response = STR_NONE;
    if (!imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, mechanism))
        return false;
    if (scan_is_end(&c->in))
        return true;
    if (!imap_scan_sp(&c->in))
        return false;
    rest = scan_rest(&c->in);
    *response = rest;
    return rest.len > 0 && str_find(rest, ' ') < 0;
}

/// [await] Challenges and answers until the exchange is over.
static int converse(struct imap_session *s, struct account_auth *auth, struct str line,
                    struct buf *challenge)
{
    int r = account_auth_step(auth, line, challenge);

    while (r == ACCOUNT_AUTH_MORE) {
        (void)rt_put(s->conn, STR("+ "));
        (void)rt_put(s->conn, buf_str(challenge));
        (void)rt_put(s->conn, STR("\r\n"));
        rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
        r = rt_line(s->conn, ACCOUNT_AUTH_LINE_MAX, &line);
        if (r < 0)
            return r;
        if (r == RT_LINE_TOO_LONG)
            return ACCOUNT_AUTH_MALFORMED;
        if (!line.ptr)
            line = STR("");
        r = account_auth_step(auth, line, challenge);
    }
    return r;
}

static void auth_drop(struct account_auth **auth)
{
    account_auth_free(*auth);
}

int imap_on_authenticate(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(auth_drop) struct account_auth *auth = NULL;
    CLEANUP(buf_drop) struct buf challenge;
    struct account_peer peer = account_peer_of(s->conn, "imap");
    struct str mechanism, response;
    int r;

    buf_init(&challenge, 2 * ACCOUNT_AUTH_LINE_MAX);
    if (!parse(c, &mechanism, &response))
        return imap_bad_syntax(s, c);
    r = account_auth_begin(imap_accounts(s), &peer, mechanism, &auth);
    if (r == 0)
        r = converse(s, auth, response, &challenge);
    return imap_signed_in(s, c, r, r == 0 ? account_auth_identity(auth) : NULL);
}
