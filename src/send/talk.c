// SPDX-License-Identifier: ISC
//
// One command, one reply; each with a deadline over the whole of it, so that a server that drips
// bytes gains nothing.
#include "base/cleanup.h"
#include "send/session.h"

#include <errno.h>

static void tell(const struct send_session *s, enum send_side side, struct str line)
{
    if (s->server->transcript)
        s->server->transcript(s->server->arg, side, line);
}

void send_note(struct send_session *s, const char *note)
{
    tell(s, SEND_NOTE, str_from(note));
}

void send_say(struct send_session *s, struct str line, const char *shown)
{
    tell(s, SEND_CLIENT, shown ? str_from(shown) : line);
    rt_put(s->conn, line);
    rt_put(s->conn, STR("\r\n"));
}

/// rt_line, with what a server may not do as an error.
static int next_line(struct send_session *s, struct str *out)
{
    int r = rt_line(s->conn, SMTP_REPLY_LINE_TAKEN_MAX, out);

    if (r < 0)
        return r;
    // A bare LF is let through: whatever it is, it is only a reply.
    return r == RT_LINE_TOO_LONG ? -EPROTO : 0;
}

static int hear_lines(struct send_session *s)
{
    enum smtp_reply_answer answer = SMTP_REPLY_MORE;

    smtp_reply_clear(&s->reply);
    while (answer == SMTP_REPLY_MORE) {
        struct str line;
        int r = next_line(s, &line);

        if (r < 0)
            return r;
        tell(s, SEND_SERVER, line);
        answer = smtp_reply_add(&s->reply, line);
    }
    return answer == SMTP_REPLY_WHOLE ? 0 : -EPROTO;
}

int send_hear(struct send_session *s, uint64_t within_ms)
{
    struct rt_scope scope;
    int r;

    if (s->is_dead)
        return -ECONNRESET;
    rt_within(&scope, (uint32_t)within_ms);
    r = hear_lines(s);
    rt_within_end(&scope);
    // RFC 5321 3.8: after 421 the server has gone
    if (r < 0 || s->reply.code == 421)
        s->is_dead = true;
    return r;
}

int send_ask(struct send_session *s, struct str line)
{
    if (s->is_dead)
        return -ECONNRESET;
    send_say(s, line, NULL);
    return send_hear(s, s->server->config->command);
}

struct outcome send_own(struct arena *arena, enum verdict verdict, unsigned code,
                        const char *enhanced, const char *text)
{
    return (struct outcome){verdict, code, arena_str(arena, str_from(enhanced)),
                            arena_str(arena, str_from(text))};
}

struct outcome send_outcome(const struct send_session *s, struct arena *arena)
{
    struct str text = arena_str(arena, buf_str(&s->reply.text));
    struct str enhanced = outcome_take_enhanced(s->reply.code, &text);

    return (struct outcome){outcome_verdict(s->reply.code), s->reply.code, enhanced, text};
}

struct outcome send_broken(const struct send_session *s, struct arena *arena, int error)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1024};
    const char *why = error == -EPROTO       ? "it does not talk SMTP as it should"
                      : error == -ETIMEDOUT  ? "it did not answer in time"
                      : error == -ECONNRESET ? "it hung up"
                                             : strerror(-error);

    buf_putf(&text, "%s: %s", s->server->name, why);
    return send_own(arena, LATER, 451, error == -EPROTO ? "4.5.0" : "4.4.2",
                    buf_ok(&text) ? buf_cstr(&text) : why);
}
