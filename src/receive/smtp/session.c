// SPDX-License-Identifier: ISC
//
// The talk: greeting, one command at a time, goodbye. The rules of the protocol are the table; the
// verbs are in files of their own.
#include "proto/smtp/limits.h"
#include "proto/smtp/reply.h"
#include "receive/smtp/session.h"

#include <errno.h>

struct verb {
    unsigned states; // in which it is allowed
    int (*run)(struct receive_session *s, const struct smtp_command *c);
    const char *else_text; // of the 503 in other states
    bool is_junk;          // brings no mail by itself
};

// clang-format off
static const struct verb VERBS[SMTP_VERBS] = {
    [SMTP_HELO]     = {IN_ANY,                           receive_on_helo,     NULL, true},
    [SMTP_EHLO]     = {IN_ANY,                           receive_on_helo,     NULL, true},
    [SMTP_LHLO]     = {IN_ANY,                           receive_on_helo,     NULL, true},
    [SMTP_MAIL]     = {IN(RECEIVE_READY),                receive_on_mail,     "EHLO first, one mail at a time", false},
    [SMTP_RCPT]     = {IN(RECEIVE_MAIL) | IN(RECEIVE_RCPT), receive_on_rcpt,  "MAIL first", false},
    [SMTP_DATA]     = {IN(RECEIVE_MAIL) | IN(RECEIVE_RCPT), receive_on_data,  "MAIL and RCPT first", false},
    [SMTP_BDAT]     = {IN_ANY,                           receive_on_bdat,     NULL, false}, // its bytes must be read anyway
    [SMTP_RSET]     = {IN_ANY,                           receive_on_rset,     NULL, true},
    [SMTP_NOOP]     = {IN_ANY,                           receive_on_noop,     NULL, true},
    [SMTP_QUIT]     = {IN_ANY,                           receive_on_quit,     NULL, false},
    [SMTP_HELP]     = {IN_ANY,                           receive_on_help,     NULL, true},
    [SMTP_VRFY]     = {IN_ANY,                           receive_on_vrfy,     NULL, true},
    [SMTP_EXPN]     = {IN_ANY,                           receive_on_expn,     NULL, true},
    [SMTP_ETRN]     = {IN(RECEIVE_READY),                receive_on_etrn,     "EHLO first, and not within a mail", true},
    [SMTP_XCLIENT]  = {IN(RECEIVE_FRESH) | IN(RECEIVE_READY), receive_on_xclient, "not within a mail", true},
    [SMTP_STARTTLS] = {IN(RECEIVE_FRESH) | IN(RECEIVE_READY), receive_on_starttls, "not within a mail", true},
    [SMTP_AUTH]     = {IN(RECEIVE_READY),                receive_on_auth,     "EHLO first, and not within a mail", false},
};
// clang-format on

// ---- answering

static void count_error(struct receive_session *s, unsigned code)
{
    if (code >= 500)
        receive_count_error(s);
}

void receive_say(struct receive_session *s, unsigned code, const char *status, const char *text)
{
    const char digits[4] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10),
                            (char)('0' + code % 10), ' '};

    // the commonest thing said, so without printf
    count_error(s, code);
    rt_put(s->conn, str_of(digits, sizeof digits));
    rt_put(s->conn, str_from(status));
    rt_put(s->conn, STR(" "));
    rt_put(s->conn, str_from(text));
    rt_put(s->conn, STR("\r\n"));
}

void receive_say_str(struct receive_session *s, unsigned code, struct str status, struct str text)
{
    char enhanced[16] = "";
    CLEANUP(buf_drop) struct buf reply = {.max = 1 << 20};

    CHECK(status.len < sizeof enhanced);
    if (status.len > 0)
        memcpy(enhanced, status.ptr, status.len);
    count_error(s, code);
    smtp_reply_put(&reply, code, enhanced, text);
    rt_put(s->conn, buf_str(&reply));
}

void receive_say_fault(struct receive_session *s, const struct smtp_fault *fault)
{
    receive_say(s, fault->code, fault->status, fault->text);
}

void receive_say_outcome(struct receive_session *s, const struct outcome *outcome)
{
    receive_say_str(s, outcome->code, outcome->enhanced, outcome->text);
}

void receive_log(struct receive_session *s, struct log_line *l, enum log_level level,
                 const char *where, const char *what)
{
    log_begin(l, level, where, what);
    log_u64(l, "session", rt_conn_id(s->conn));
    log_str(l, "peer", rt_conn_peer(s->conn));
}

static void log_said(struct receive_session *s, const char *what)
{
    struct log_line l;

    receive_log(s, &l, LOG_INFO, "receive/session", what);
    log_end(&l);
}

// ---- who it is

bool receive_has_tls(const struct receive_session *s)
{
    struct rt_tls_info info;

    return rt_conn_tls(s->conn, &info);
}

bool receive_is_known(struct receive_session *s)
{
    struct envelope nobody = {.peer = rt_conn_peer(s->conn), .identity = STR("")};

    return s->identity || route_may_relay(s->receive->doors.route, &nobody);
}

bool receive_may_ask(struct receive_session *s, enum receive_policy policy)
{
    if (policy == RECEIVE_ALL || (policy == RECEIVE_KNOWN && receive_is_known(s)))
        return true;
    receive_say(s, 550, "5.7.1", "only for users who signed in");
    return false;
}

bool receive_put_mechanisms(struct receive_session *s, struct buf *out)
{
    struct account_peer peer = account_peer_of(s->conn, "smtp");

    if (s->role == RECEIVE_LMTP || (s->role == RECEIVE_MX && !s->limits->config.mx_login))
        return false;
    return account_auth_mechanisms(s->receive->doors.accounts, &peer, ' ', out);
}

// ---- the transaction

void receive_transaction_end(struct receive_session *s)
{
    if (s->body)
        receive_body_abandon(s->body);
    receive_give_back(s);
    s->body = NULL;
    s->envelope = NULL;
    s->is_full = false;
    arena_reset(&s->transaction);
    if (s->state != RECEIVE_FRESH)
        s->state = RECEIVE_READY;
}

void receive_forget(struct receive_session *s)
{
    receive_transaction_end(s);
    buf_clear(&s->helo);
    free(s->identity);
    s->identity = NULL;
    s->is_esmtp = false;
    s->state = RECEIVE_FRESH;
}

// ---- one command

static void run_verb(struct receive_session *s, const struct smtp_command *c, int *r)
{
    const struct verb *verb = &VERBS[c->verb];

    if (!verb->run) {
        receive_say(s, 500, "5.5.1", "no such command; HELP lists them");
        return;
    }
    if (verb->is_junk)
        s->junk_count++;
    if (verb->states & IN(s->state))
        *r = verb->run(s, c);
    else
        receive_say(s, 503, "5.5.1", verb->else_text);
}

/// A client that only makes mistakes, or only makes us answer, has to go.
static bool is_enough(struct receive_session *s)
{
    const struct receive_config *config = &s->limits->config;

    if (s->error_count <= config->errors_max && s->junk_count <= config->junk_max &&
        s->login_failures < config->login_failures)
        return false;
    receive_say(s, 421, "4.7.0", "too many errors, closing");
    log_said(s, "closed for errors");
    return true;
}

static int on_line(struct receive_session *s, int line_answer, struct str line)
{
    const struct smtp_fault *fault;
    struct smtp_command c;
    int r = 0;

    if (line_answer == RT_LINE_TOO_LONG) {
        receive_say(s, 500, "5.5.2", "line too long");
        return 0;
    }
    if (line_answer == RT_BARE_LF) {
        receive_say(s, 500, "5.5.2", "lines must end with CR LF");
        return 0;
    }
    fault = smtp_command_parse(line, &c);
    if (fault)
        receive_say_fault(s, fault);
    else
        run_verb(s, &c, &r);
    return r;
}

static int smtp_command(void *session, struct rt_conn *conn)
{
    struct receive_session *s = session;
    struct str line;
    int r;

    s->limits = atomic_load(&s->receive->limits);
    rt_conn_set_command_ms(conn, (uint32_t)s->limits->config.command);
    r = rt_line(conn, SMTP_COMMAND_MAX, &line);
    if (r < 0)
        return r;
    r = on_line(s, r, line);
    if (r < 0)
        return r;
    if (s->is_closing || is_enough(s))
        return RT_CLOSE;
    rt_conn_set_idle_ms(conn, (uint32_t)(s->mail_count > 0 ? s->limits->config.idle
                                                           : s->limits->config.first_idle));
    return RT_NEXT;
}

void receive_greet(struct receive_session *s)
{
    rt_putf(s->conn, "220 %.*s %s Carteiro\r\n", STR_ARG(receive_host(s)),
            s->role == RECEIVE_LMTP ? "LMTP" : "ESMTP");
}

static int smtp_open(void *session, struct rt_conn *conn)
{
    struct receive_session *s = session;
    const struct receive_port *port = rt_conn_context(conn);

    s->conn = conn;
    s->receive = port->receive;
    s->role = port->role;
    s->limits = atomic_load(&s->receive->limits);
    buf_init(&s->helo, ADDRESS_DOMAIN_MAX);
    arena_init(&s->transaction, RECEIVE_TRANSACTION_MAX);
    rt_conn_set_idle_ms(conn, (uint32_t)s->limits->config.first_idle);
    s->may_xclient = receive_networks_have(&s->limits->xclient, rt_conn_peer(conn));
    if (receive_is_too_bad(s)) {
        receive_say(s, 421, "4.7.0", "too many mistakes from your address, try again in an hour");
        log_said(s, "turned away, too many errors from its address");
        return RT_CLOSE;
    }
    receive_greet(s);
    return RT_NEXT;
}

static int smtp_wake(void *session, struct rt_conn *conn, unsigned why)
{
    struct receive_session *s = session;

    (void)conn;
    s->limits = atomic_load(&s->receive->limits);
    if (why & RT_WAKE_SHUTDOWN) {
        receive_say(s, 421, "4.3.2", "this server is being stopped, try again");
        return RT_CLOSE;
    }
    if (why & RT_WAKE_IDLE) {
        receive_say(s, 421, "4.4.2", "nothing was said for too long, closing");
        log_said(s, "closed for silence");
        return RT_CLOSE;
    }
    return RT_NEXT;
}

static void smtp_close(void *session)
{
    struct receive_session *s = session;

    if (!s->conn)
        return;
    receive_forget(s);
    arena_done(&s->transaction);
    buf_done(&s->helo);
}

const struct rt_protocol receive_smtp = {
    .name = "smtp",
    .session_size = sizeof(struct receive_session),
    .open = smtp_open,
    .command = smtp_command,
    .wake = smtp_wake,
    .close = smtp_close,
    .idle_ms = 300000,
    .command_ms = 300000,
};
