// SPDX-License-Identifier: ISC
//
// Reading one command, its literals with it, and handing it to its verb. A literal is only asked
// for ("+ ") once it is known that the verb may be used now and the bytes fit; APPEND's
// messages are left on the connection for append.c.
#include "base/cleanup.h"
#include "proto/imap/append.h"
#include "log/log.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

enum reading {
    READ_WHOLE,
    READ_UP_TO_MESSAGE, // APPEND, REPLACE: c->literal comes next
    READ_REFUSED,       // answered; *out_r is what the command returns
};

int imap_read_away(struct imap_session *s, uint64_t size)
{
    while (size > 0) {
        struct str bytes;
        int r;

        rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
        r = rt_peek(s->conn, &bytes);
        if (r < 0)
            return r;
        if (bytes.len > size)
            bytes.len = size;
        rt_eat(s->conn, bytes.len);
        size -= bytes.len;
    }
    return 0;
}

/// Whoever has signed in gets new time with each piece of a command; a stranger gets it once, so
/// that nobody can hold a stack with a byte now and then.
static void more_time(struct imap_session *s, bool is_first)
{
    if (is_first || s->state != IMAP_NOT_AUTHENTICATED)
        rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
}

static int read_literal(struct imap_session *s, uint64_t size, struct buf *text)
{
    while (size > 0) {
        struct str bytes;
        int r;

        more_time(s, false);
        r = rt_peek(s->conn, &bytes);
        if (r < 0)
            return r;
        if (bytes.len > size)
            bytes.len = size;
        buf_put(text, bytes);
        rt_eat(s->conn, bytes.len);
        size -= bytes.len;
    }
    return 0;
}

/// Why the command cannot be used now, NULL when it can. What is refused here leaves no message on
/// the connection, so all such reasons are asked for here, before the verb.
static const char *why_not(const struct imap_session *s, const struct imap_command *command)
{
    const struct imap_verb *verb = imap_verb_find(command->verb);

    if (!verb || (command->is_uid && !verb->is_uid))
        return "No such command";
    if (!(verb->states & s->state)) {
        if (s->state == IMAP_NOT_AUTHENTICATED)
            return "Sign in first";
        return verb->states == IMAP_SELECTED ? "Select a mailbox first"
                                             : "You have signed in already";
    }
    // RFC 9586 3.1; EXPUNGE alone names no messages
    if ((s->enabled & IMAP_UIDONLY) && verb->is_uid && !command->is_uid &&
        verb->on != imap_on_expunge)
        return "[UIDREQUIRED] You asked for UIDs only: use the UID command";
    return NULL;
}

/// The text so far ends in a literal: what is to be done with it?
static enum reading judge_literal(struct imap_session *s, struct imap_call *c, struct buf *text,
                                  const struct imap_literal *literal, size_t literals, int *out_r)
{
    size_t most = s->state == IMAP_NOT_AUTHENTICATED ? IMAP_LOGIN_LITERAL_MAX
                                                     : (size_t)s->config.literal_size;
    struct imap_command command;
    const char *refusal = "No such command now";

    if (imap_command_parse(buf_str(text), &command))
        refusal = why_not(s, &command);
    c->tag = command.tag;
    arena_reset(c->arena); // nothing in it but what the literal before this one needed
    if (!refusal) {
        bool is_replace = str_case_eq(command.verb, STR("REPLACE"));

        if ((is_replace || str_case_eq(command.verb, STR("APPEND"))) &&
            imap_append_is_at_data(scan_rest(&command.arguments), is_replace)) {
            c->literal = *literal;
            return READ_UP_TO_MESSAGE;
        }
    } else if (literal->is_sync) {
        *out_r = imap_bad(s, c, refusal);
        return READ_REFUSED;
    }
    if (literals <= most && literal->size <= most - literals)
        return READ_WHOLE;
    *out_r = literal->is_sync ? imap_bad(s, c, "[TOOBIG] Literal too large")
                              : imap_bye(s, "[TOOBIG] Literal too large");
    return READ_REFUSED;
}

static int read_command(struct imap_session *s, struct imap_call *c, struct buf *text, int *out_r)
{
    struct imap_literal literal;
    size_t literals = 0;

    for (unsigned count = 0;; count++) {
        struct str line;
        enum reading reading;
        int r;

        more_time(s, count == 0);
        r = rt_line(s->conn, IMAP_LINE_MAX, &line);
        if (r < 0)
            return r;
        if (r == RT_LINE_TOO_LONG || text->len + line.len > IMAP_LINE_MAX + literals) {
            *out_r = imap_bye(s, "Command line too long");
            return READ_REFUSED;
        }
        buf_put(text, line);
        if (!imap_line_literal(line, &literal))
            return READ_WHOLE;
        if (count == IMAP_LITERALS_MAX) {
            *out_r = imap_bye(s, "Too many literals");
            return READ_REFUSED;
        }
        reading = judge_literal(s, c, text, &literal, literals, out_r);
        if (reading != READ_WHOLE)
            return (int)reading;
        buf_put(text, STR("\r\n"));
        if (literal.is_sync)
            (void)rt_put(s->conn, STR("+ OK\r\n"));
        r = read_literal(s, literal.size, text);
        if (r < 0)
            return r;
        literals += literal.size + 2;
    }
}

static int dispatch(struct imap_session *s, struct imap_call *c, struct str text)
{
    struct imap_command command;
    const struct imap_verb *verb;
    const char *refusal;
    bool ok = imap_command_parse(text, &command);

    c->tag = command.tag;
    if (!ok)
        return imap_bad(s, c, command.tag.len > 0 ? "No command there" : "No tag there");
    refusal = why_not(s, &command);
    if (refusal)
        return imap_bad(s, c, refusal);
    verb = imap_verb_find(command.verb);
    c->in = command.arguments;
    c->is_uid = command.is_uid;
    c->is_utf8 = imap_speaks_utf8(s);
    c->usage = verb->usage;
    return verb->on(s, c);
}

bool imap_is_welcome(const struct imap_session *s)
{
    return s->state == IMAP_NOT_AUTHENTICATED ||
           account_is_welcome(imap_accounts(s), s->account_id, s->actor_id);
}

int imap_command_run(struct imap_session *s)
{
    CLEANUP(buf_drop) struct buf text, out;
    CLEANUP(arena_done) struct arena arena;
    struct imap_call c = {.arena = &arena, .out = &out};
    int r, answer = RT_CLOSE;

    arena_init(&arena, IMAP_ARENA_MAX);
    buf_init(&text, 2 * IMAP_LINE_MAX + 2 * s->config.literal_size);
    buf_init(&out, IMAP_OUT_MAX);
    r = read_command(s, &c, &text, &answer);
    if (r < 0)
        return r;
    if (r == READ_REFUSED)
        return answer;
    if (s->state == IMAP_NOT_AUTHENTICATED && s->early_commands++ >= IMAP_EARLY_COMMANDS_MAX)
        return imap_bye(s, "You came to sign in, did you not?");
    if (!imap_is_welcome(s))
        return imap_bye(s, "This account is closed");
    if (!imap_view_may_read(s))
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    c.told_us = rt_now_us();
    return dispatch(s, &c, buf_str(&text));
}
