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
    POP3_SETTING(mark_seen, SETTING_BOOL, "yes", 0, 0,
        "Messages that were fetched count as seen in IMAP, once the client said QUIT."),
    POP3_SETTING(login_delay, SETTING_DURATION, "0s", 0, 86400000,
        "So long after a log-in the same account may not sign in again; clients are told (LOGIN-DELAY). 0: at any time."),
    POP3_SETTING(expire_days, SETTING_COUNT, "0", 0, 36500,
        "What clients are told of how long mail stays here (EXPIRE): so many days. It only announces what something else at your site does; nothing is removed. 0: for ever."),
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
    enum pop3_phrase otherwise;
} verbs[POP3_VERB_COUNT] = {
    [POP3_APOP] = {0,                                              NULL,         POP3_NO_APOP},
    [POP3_AUTH] = {IN(POP3_AUTHORIZATION),                         pop3_on_auth, POP3_SIGNED_IN},
    [POP3_CAPA] = {IN(POP3_AUTHORIZATION) | IN(POP3_TRANSACTION),  pop3_on_capa, 0},
    [POP3_DELE] = {IN(POP3_TRANSACTION),                           pop3_on_dele, POP3_SIGN_IN_FIRST},
    [POP3_LANG] = {IN(POP3_AUTHORIZATION) | IN(POP3_TRANSACTION),  pop3_on_lang, 0},
    [POP3_LIST] = {IN(POP3_TRANSACTION),                           pop3_on_list, POP3_SIGN_IN_FIRST},
    [POP3_NOOP] = {IN(POP3_TRANSACTION),                           pop3_on_noop, POP3_SIGN_IN_FIRST},
    [POP3_PASS] = {IN(POP3_AUTHORIZATION),                         pop3_on_pass, POP3_SIGNED_IN},
    [POP3_QUIT] = {IN(POP3_AUTHORIZATION) | IN(POP3_TRANSACTION),  pop3_on_quit, 0},
    [POP3_RETR] = {IN(POP3_TRANSACTION),                           pop3_on_retr, POP3_SIGN_IN_FIRST},
    [POP3_RSET] = {IN(POP3_TRANSACTION),                           pop3_on_rset, POP3_SIGN_IN_FIRST},
    [POP3_STAT] = {IN(POP3_TRANSACTION),                           pop3_on_stat, POP3_SIGN_IN_FIRST},
    [POP3_STLS] = {IN(POP3_AUTHORIZATION),                         pop3_on_stls, POP3_TLS_TOO_LATE},
    [POP3_TOP]  = {IN(POP3_TRANSACTION),                           pop3_on_top,  POP3_SIGN_IN_FIRST},
    [POP3_UIDL] = {IN(POP3_TRANSACTION),                           pop3_on_uidl, POP3_SIGN_IN_FIRST},
    [POP3_UTF8] = {IN(POP3_AUTHORIZATION),                         pop3_on_utf8, POP3_UTF8_TOO_LATE},
    [POP3_USER] = {IN(POP3_AUTHORIZATION),                         pop3_on_user, POP3_SIGNED_IN},
};
// clang-format on

int pop3_refuse(struct pop3_session *s, enum pop3_phrase phrase)
{
    int r = rt_putf(s->conn, "-ERR %s\r\n", pop3_say(s, phrase));

    return r < 0 ? r : RT_NEXT;
}

struct pop3_mail *pop3_mail_of(struct pop3_session *s, const struct pop3_command *c, int *out_r)
{
    struct pop3_mail *mail = c->number <= s->count ? &s->mails[c->number - 1] : NULL;

    if (mail && !mail->is_deleted)
        return mail;
    *out_r = pop3_refuse(s, mail ? POP3_DELETED : POP3_NO_MESSAGE);
    return NULL;
}

int pop3_refuse_bad(struct pop3_session *s, enum pop3_phrase phrase)
{
    int r;

    s->bad_commands++;
    if (s->bad_commands < s->config.bad_commands)
        return pop3_refuse(s, phrase);
    r = pop3_refuse(s, POP3_TOO_MANY_BAD);
    return r < 0 ? r : RT_CLOSE;
}

static int run(struct pop3_session *s, struct str line)
{
    struct pop3_command c;

    switch (pop3_command_parse(line, &c)) {
    case POP3_NO_SUCH_VERB:
        return pop3_refuse_bad(s, POP3_NO_COMMAND);
    case POP3_BAD_ARGUMENT:
        return pop3_refuse_bad(s, POP3_WRONG_ARGUMENTS);
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
        return pop3_refuse_bad(s, POP3_LINE_TOO_LONG);
    if (s->account_id && !account_is_welcome(pop3_accounts(s->pop3), s->account_id, s->actor_id)) {
        (void)rt_putf(conn, "-ERR %s\r\n", pop3_say(s, POP3_CLOSED));
        return RT_CLOSE;
    }
    return run(s, line);
}

static int on_wake(void *session, struct rt_conn *conn, unsigned why)
{
    const struct pop3_session *s = session;

    // RFC 1939 3: an autologout says nothing and removes nothing
    if (why & RT_WAKE_IDLE)
        return RT_CLOSE;
    if (why & RT_WAKE_SHUTDOWN) {
        (void)rt_putf(conn, "-ERR %s\r\n", pop3_say(s, POP3_GOING_DOWN));
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
