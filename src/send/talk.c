// SPDX-License-Identifier: ISC
//
// One command, one reply; each with a deadline over the whole of it, so that a server that drips
// bytes gains nothing. What a server says is never trusted to be one line, short, clean or asked
// for.
#include "base/cleanup.h"
#include "mail/address.h"
#include "send/session.h"

#include <errno.h>

enum {
    WORDS_MAX = 1000,  // of a reply that are kept in an outcome
    WORDS_ROOM = 4096, // left in the caller's arena; with less, outcomes go without words
};

// ---- what steers a terminal

/// A control character of ASCII, or (after 0xc2 in UTF-8) of the second set, or no UTF-8 at all.
static bool is_wild(const char *p, bool is_utf8)
{
    unsigned char c = (unsigned char)p[0];

    if (c == 0xc2 && is_utf8)
        return (unsigned char)p[1] < 0xa0;
    return (c < ' ' && c != '\n') || c == 127 || (c > 127 && !is_utf8);
}

static bool is_tame(struct str text)
{
    bool is_utf8 = address_is_utf8(text);

    for (size_t i = 0; i < text.len; i++)
        if (is_wild(text.ptr + i, is_utf8))
            return false;
    return true;
}

static void tame(char *p, size_t len)
{
    bool is_utf8 = address_is_utf8(str_of(p, len));

    for (size_t i = 0; i < len; i++) {
        if (!is_wild(p + i, is_utf8))
            continue;
        if ((unsigned char)p[i] == 0xc2 && is_utf8)
            p[i++] = '?';
        p[i] = '?';
    }
}

// ---- transcript

static void tell(const struct send_session *s, enum send_side side, struct str line)
{
    CLEANUP(buf_drop) struct buf copy = {.max = SMTP_REPLY_LINE_TAKEN_MAX};

    if (!s->server->transcript)
        return;
    if (!is_tame(line)) {
        buf_put(&copy, str_head(line, copy.max));
        tame(copy.ptr, copy.len);
        line = buf_str(&copy);
    }
    s->server->transcript(s->server->arg, side, line);
}

/// Challenges carry salts and proofs (RFC 5802).
static void tell_reply(const struct send_session *s, struct str line)
{
    bool is_secret = s->is_secret && line.len > 4 && str_starts(line, STR("334"));

    tell(s, SEND_SERVER, is_secret ? STR("334 ****") : line);
}

void send_note(struct send_session *s, const char *note)
{
    tell(s, SEND_NOTE, str_from(note));
}

// ---- saying

void send_say(struct send_session *s, struct str line, const char *shown)
{
    tell(s, SEND_CLIENT, shown ? str_from(shown) : line);
    rt_put(s->conn, line);
    rt_put(s->conn, STR("\r\n"));
}

// ---- hearing

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
        tell_reply(s, line);
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

bool send_has_spoken(struct send_session *s)
{
    return !s->is_dead && rt_look(s->conn).len > 0;
}

int send_out_of_step(struct send_session *s)
{
    s->is_dead = true;
    return -EPROTO;
}

int send_ask(struct send_session *s, struct str line)
{
    if (s->is_dead)
        return -ECONNRESET;
    if (send_has_spoken(s)) {
        int r = send_hear(s, s->server->config->command);

        return r == 0 && s->reply.code == 421 ? 0 : send_out_of_step(s);
    }
    send_say(s, line, NULL);
    return send_hear(s, s->server->config->command);
}

bool send_find_last_words(struct send_session *s)
{
    struct str rest = rt_look(s->conn), line;
    ptrdiff_t end;

    smtp_reply_clear(&s->reply);
    while ((end = str_find(rest, '\n')) >= 0) {
        enum smtp_reply_answer answer;

        line = str_head(rest, (size_t)end);
        rest = str_skip(rest, (size_t)end + 1);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        tell_reply(s, line);
        answer = smtp_reply_add(&s->reply, line);
        if (answer == SMTP_REPLY_BAD)
            return false;
        if (answer == SMTP_REPLY_WHOLE && s->reply.code >= 400)
            return true;
        if (answer == SMTP_REPLY_WHOLE)
            smtp_reply_clear(&s->reply);
    }
    return false;
}

enum send_heard send_heard(const struct send_session *s)
{
    switch (s->reply.code / 10) {
    case 20: // some say 200; by its second digit it is about the command (RFC 5321 4.2.1)
    case 25:
        return SEND_YES;
    case 35:
        return SEND_GO_ON;
    default:
        return s->reply.code >= 400 ? SEND_NO : SEND_ODD;
    }
}

// ---- outcomes

/// Not cut within a character of UTF-8.
static struct str cut(struct str words)
{
    size_t len = WORDS_MAX;

    if (words.len <= len)
        return words;
    while (len > WORDS_MAX - 4 && ((unsigned char)words.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_head(words, len);
}

/// What may stand in a report, a log and on a terminal.
static struct str clean(struct arena *arena, struct str words)
{
    struct str copy;

    if (!arena_has_room(arena, WORDS_ROOM))
        return STR("");
    copy = arena_str(arena, cut(words));
    tame((char *)(uintptr_t)copy.ptr, copy.len); // our own copy, a moment ago
    return copy;
}

struct outcome send_own(struct arena *arena, enum verdict verdict, unsigned code,
                        const char *enhanced, const char *text)
{
    return (struct outcome){verdict, code, str_from(enhanced), clean(arena, str_from(text))};
}

struct outcome send_outcome(const struct send_session *s, struct arena *arena)
{
    struct str text = clean(arena, buf_str(&s->reply.text));
    struct str enhanced = outcome_take_enhanced(s->reply.code, &text);

    return (struct outcome){outcome_verdict(s->reply.code), s->reply.code, enhanced, text};
}

struct outcome send_broken(const struct send_session *s, struct arena *arena, int error)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1024};
    const char *why = error == -EPROTO || error == -EMSGSIZE ? "it does not talk SMTP as it should"
                      : error == -ETIMEDOUT                  ? "it did not answer in time"
                      : error == -ECONNRESET || error == -EPIPE ? "it hung up"
                                                                : strerror(-error);

    buf_putf(&text, "%s: %s", s->server->name, why);
    return send_own(arena, LATER, 451, error == -EPROTO ? "4.5.0" : "4.4.2",
                    buf_ok(&text) ? buf_cstr(&text) : why);
}
