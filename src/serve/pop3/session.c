// SPDX-License-Identifier: ISC
//
// The talk: which verb is allowed when, and the four entry points.
#include "serve/pop3/session.h"
#include "log/log.h"

// clang-format off
#define POP3_SETTING(member, type, fallback, min, max, help)                                       \
    SETTING(struct pop3_config, member, type, fallback, min, max, help)
static const struct setting items[] = {
    POP3_SETTING(idle, SETTING_DURATION, "10m", 600000, 86400000,
        "How long a client that has signed in may stay silent. RFC 1939 asks for ten minutes."),
    POP3_SETTING(login_idle, SETTING_DURATION, "2m", 1000, 3600000,
        "How long a client that has not signed in may stay silent."),
    POP3_SETTING(stall, SETTING_DURATION, "2m", 1000, 3600000,
        "How long a client may take for the rest of a line, or to take a piece of an answer."),
    POP3_SETTING(login_failures, SETTING_COUNT, "3", 1, 100,
        "After so many failed log-ins the session is closed."),
    POP3_SETTING(bad_commands, SETTING_COUNT, "20", 1, 1000,
        "After so many commands that are none the session is closed."),
    POP3_SETTING(mark_seen, SETTING_BOOL, "true", 0, 0,
        "Messages that were fetched count as seen in IMAP, once the client said QUIT."),
};
// clang-format on

const struct settings pop3_settings = {
    "pop3", "Reading by POP3.", items, sizeof(items) / sizeof(*items), sizeof(struct pop3_config),
};

#define IN(state) (1U << (state))

// clang-format off
static const struct {
    unsigned allowed;
    int (*on)(struct pop3_session *s, const struct pop3_command *c);
    const char *otherwise;
} verbs[POP3_VERB_COUNT] = {
    [POP3_APOP] = {0,                                              NULL,         "APOP is not offered: use AUTH SCRAM-SHA-256, or USER and PASS after STLS"},
    [POP3_AUTH] = {IN(POP3_AUTHORIZATION),                         pop3_on_auth, "you have signed in already"},
    [POP3_CAPA] = {IN(POP3_AUTHORIZATION) | IN(POP3_TRANSACTION),  pop3_on_capa, NULL},
    [POP3_DELE] = {IN(POP3_TRANSACTION),                           pop3_on_dele, "sign in first"},
    [POP3_LIST] = {IN(POP3_TRANSACTION),                           pop3_on_list, "sign in first"},
    [POP3_NOOP] = {IN(POP3_TRANSACTION),                           pop3_on_noop, "sign in first"},
    [POP3_PASS] = {IN(POP3_AUTHORIZATION),                         pop3_on_pass, "you have signed in already"},
    [POP3_QUIT] = {IN(POP3_AUTHORIZATION) | IN(POP3_TRANSACTION),  pop3_on_quit, NULL},
    [POP3_RETR] = {IN(POP3_TRANSACTION),                           pop3_on_retr, "sign in first"},
    [POP3_RSET] = {IN(POP3_TRANSACTION),                           pop3_on_rset, "sign in first"},
    [POP3_STAT] = {IN(POP3_TRANSACTION),                           pop3_on_stat, "sign in first"},
    [POP3_STLS] = {IN(POP3_AUTHORIZATION),                         pop3_on_stls, "TLS must start before you sign in"},
    [POP3_TOP]  = {IN(POP3_TRANSACTION),                           pop3_on_top,  "sign in first"},
    [POP3_UIDL] = {IN(POP3_TRANSACTION),                           pop3_on_uidl, "sign in first"},
    [POP3_USER] = {IN(POP3_AUTHORIZATION),                         pop3_on_user, "you have signed in already"},
};
// clang-format on

int pop3_refuse(struct pop3_session *s, const char *text)
{
    int r = rt_putf(s->conn, "-ERR %s\r\n", text);

    return r < 0 ? r : RT_NEXT;
}

struct pop3_mail *pop3_mail_of(struct pop3_session *s, const struct pop3_command *c, int *out_r)
{
    struct pop3_mail *mail = c->number <= s->count ? &s->mails[c->number - 1] : NULL;

    if (mail && !mail->is_deleted)
        return mail;
    *out_r = pop3_refuse(s, mail ? "that message is deleted" : "no such message");
    return NULL;
}

int pop3_refuse_bad(struct pop3_session *s, const char *text)
{
    int r;

    s->bad_commands++;
    if (s->bad_commands < s->config.bad_commands)
        return pop3_refuse(s, text);
    r = pop3_refuse(s, "too many bad commands");
    return r < 0 ? r : RT_CLOSE;
}

static int run(struct pop3_session *s, struct str line)
{
    struct pop3_command c;

    switch (pop3_command_parse(line, &c)) {
    case POP3_NO_SUCH_VERB:
        return pop3_refuse_bad(s, "no such command");
    case POP3_BAD_ARGUMENT:
        return pop3_refuse_bad(s, "wrong arguments");
    case POP3_PARSED:
        break;
    }
    if (!(verbs[c.verb].allowed & IN(s->state)))
        return pop3_refuse_bad(s, verbs[c.verb].otherwise);
    return verbs[c.verb].on(s, &c);
}

static int on_open(void *session, struct rt_conn *conn)
{
    struct pop3_session *s = session;

    s->conn = conn;
    s->pop3 = rt_conn_context(conn);
    s->state = POP3_AUTHORIZATION;
    buf_init(&s->user, ACCOUNT_ADDRESS_MAX);
    pop3_config_get(s->pop3, &s->config);
    rt_conn_set_idle_ms(conn, (uint32_t)s->config.login_idle);
    // No time stamp in angle brackets: that would offer APOP
    return rt_put(conn, STR("+OK Carteiro POP3 at your service\r\n"));
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct pop3_session *s = session;
    struct str line;
    int r;

    rt_conn_set_command_ms(conn, (uint32_t)s->config.stall);
    r = rt_line(conn, POP3_COMMAND_MAX, &line);
    if (r < 0)
        return r;
    if (r == RT_LINE_TOO_LONG)
        return pop3_refuse_bad(s, "line too long");
    if (s->account_id && !account_is_enabled(pop3_accounts(s->pop3), s->account_id)) {
        (void)rt_put(conn, STR("-ERR [SYS/PERM] this account is closed\r\n"));
        return RT_CLOSE;
    }
    return run(s, line);
}

static int on_wake(void *session, struct rt_conn *conn, unsigned why)
{
    // RFC 1939 3: an autologout says nothing and removes nothing
    if (why & RT_WAKE_IDLE)
        return RT_CLOSE;
    if (why & RT_WAKE_SHUTDOWN) {
        (void)session;
        (void)rt_put(conn, STR("-ERR [SYS/TEMP] the server is going down, try again soon\r\n"));
        return RT_CLOSE;
    }
    return RT_NEXT;
}

static void on_close(void *session)
{
    struct pop3_session *s = session;

    pop3_leave(s);
    buf_done(&s->user);
}

const struct rt_protocol pop3_protocol = {
    .name = "pop3",
    .session_size = sizeof(struct pop3_session),
    .open = on_open,
    .command = on_command,
    .wake = on_wake,
    .close = on_close,
    .idle_ms = 120 * 1000,
    .command_ms = 120 * 1000,
};
