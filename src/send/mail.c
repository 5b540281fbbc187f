// SPDX-License-Identifier: ISC
//
// One transaction: MAIL, RCPT for each recipient (in groups when PIPELINING is offered, RFC 2920),
// DATA. Every recipient gets an outcome of his own; when the connection breaks, whoever has none
// yet gets LATER, also after the final dot: a mail twice is better than none.
#include "base/cleanup.h"
#include "proto/smtp/text.h"
#include "send/session.h"

#include <errno.h>
#include <inttypes.h>

enum {
    GROUP = 50,        // RCPTs sent before their replies are read: neither side's buffers fill
    PIECE = 32 * 1024, // of a message
    OPEN = 0,          // outcome.code of a recipient without an outcome
    TAKEN = 1,         // of one whose RCPT was welcome
};

struct transaction {
    struct send_session *session;
    const struct send_mail *mail;
    struct arena *arena;
    struct outcome *outcomes;
};

// ---- outcomes

/// For all recipients in that state.
static void settle(struct transaction *t, unsigned state, struct outcome outcome)
{
    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        if (t->outcomes[i].code == state)
            t->outcomes[i] = outcome;
    }
}

static void settle_all(struct transaction *t, struct outcome outcome)
{
    settle(t, OPEN, outcome);
    settle(t, TAKEN, outcome);
}

static size_t count(const struct transaction *t, unsigned state)
{
    size_t n = 0;

    for (size_t i = 0; i < t->mail->recipient_count; i++)
        n += t->outcomes[i].code == state;
    return n;
}

/// A reply that is a refusal; a yes to another question is LATER.
static struct outcome refusal(struct transaction *t)
{
    struct outcome outcome = send_outcome(t->session, t->arena);

    return outcome.verdict == DONE ? send_broken(t->session, t->arena, -EPROTO) : outcome;
}

// ---- what goes before

/// Nothing that could end the path or the line.
static bool is_path_safe(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];

        if (c < ' ' || c == 127 || c == '>' || c == '<')
            return false;
    }
    return true;
}

static bool may_begin(struct transaction *t)
{
    const struct smtp_offer *offer = &t->session->offer;

    if (!is_path_safe(t->mail->sender))
        settle_all(t, send_own(t->arena, NEVER, 553, "5.1.7", "that is no sender address"));
    else if (t->mail->is_utf8 && !(offer->extensions & SMTP_HAS_SMTPUTF8))
        settle_all(t, send_own(t->arena, NEVER, 553, "5.6.7",
                               "an address beyond ASCII, and the server does not offer SMTPUTF8"));
    else if (offer->size_max > 0 && t->mail->size > offer->size_max)
        settle_all(t, send_own(t->arena, NEVER, 552, "5.3.4", "larger than the server takes"));
    else
        return true;
    return false;
}

static void put_mail(const struct transaction *t, struct buf *out)
{
    unsigned offered = t->session->offer.extensions;

    buf_putf(out, "MAIL FROM:<%.*s>", STR_ARG(t->mail->sender));
    if (offered & SMTP_HAS_SIZE)
        buf_putf(out, " SIZE=%" PRIu64, t->mail->size);
    if (t->mail->body != ENVELOPE_BODY_7BIT && (offered & SMTP_HAS_8BITMIME))
        buf_put(out, STR(" BODY=8BITMIME"));
    if (t->mail->is_utf8)
        buf_put(out, STR(" SMTPUTF8"));
}

// ---- RCPT

static void say_rcpt(struct transaction *t, size_t i)
{
    CLEANUP(buf_drop) struct buf line = {.max = 1024};

    buf_putf(&line, "RCPT TO:<%.*s>", STR_ARG(t->mail->recipients[i].address));
    send_say(t->session, buf_str(&line), NULL);
}

static int hear_rcpt(struct transaction *t, size_t i)
{
    int r = send_hear(t->session, t->session->server->config->command);

    if (r < 0)
        return r;
    if (t->session->reply.code == 250 || t->session->reply.code == 251)
        t->outcomes[i].code = TAKEN;
    else
        t->outcomes[i] = refusal(t);
    return t->session->is_dead ? -ECONNRESET : 0;
}

/// From `first` on, at most `max` recipients without an outcome; *out_next is behind them.
static int ask_group(struct transaction *t, size_t first, size_t max, size_t *out_next)
{
    size_t said = 0, i;
    int r = 0;

    for (i = first; i < t->mail->recipient_count && said < max; i++) {
        if (t->outcomes[i].code != OPEN)
            continue;
        say_rcpt(t, i);
        said++;
    }
    *out_next = i;
    for (i = first; i < *out_next && r == 0; i++) {
        if (t->outcomes[i].code == OPEN)
            r = hear_rcpt(t, i);
    }
    return r;
}

static int ask_recipients(struct transaction *t)
{
    size_t group = t->session->offer.extensions & SMTP_HAS_PIPELINING ? GROUP : 1;
    size_t next = 0;
    int r = 0;

    while (next < t->mail->recipient_count && r == 0)
        r = ask_group(t, next, group, &next);
    return r;
}

// ---- DATA

static int send_piece(struct send_session *s, struct buf *wire)
{
    struct rt_scope scope;
    int r;

    rt_within(&scope, (uint32_t)s->server->config->data_block);
    rt_put(s->conn, buf_str(wire));
    r = rt_flush(s->conn);
    rt_within_end(&scope);
    buf_clear(wire);
    if (r < 0)
        s->is_dead = true;
    return r;
}

/// The next piece of the message, in `to` or where it lies; empty at the end. 0 or -errno.
static int next_piece(const struct transaction *t, uint64_t at, char *to, struct str *out)
{
    const struct send_mail *mail = t->mail;
    uint64_t left = mail->size - at;
    size_t want = left < PIECE ? (size_t)left : PIECE;
    ssize_t got;

    if (!mail->read) {
        *out = str_head(str_skip(mail->message, (size_t)at), want);
        return 0;
    }
    got = want > 0 ? mail->read(mail->arg, at, to, want) : 0;
    if (got < 0 || (size_t)got != want)
        return got < 0 ? (int)got : -EIO;
    *out = str_of(to, want);
    return 0;
}

static int send_message(struct transaction *t)
{
    CLEANUP(buf_drop) struct buf wire = {.max = 3 * PIECE};
    CLEANUP(buf_drop) struct buf read = {.max = PIECE};
    struct smtp_stuff stuff = {0};
    char *room = buf_room(&read, PIECE);

    for (uint64_t at = 0; at < t->mail->size;) {
        struct str piece;
        int r = next_piece(t, at, room, &piece);

        if (r == 0) {
            smtp_stuff_put(&stuff, piece, &wire);
            r = send_piece(t->session, &wire);
        }
        if (r < 0) {
            t->session->is_dead = true; // without the dot, nothing half is taken
            return r;
        }
        at += piece.len;
    }
    smtp_stuff_end(&stuff, &wire);
    return send_piece(t->session, &wire);
}

static int data(struct transaction *t)
{
    struct send_session *s = t->session;
    char note[64];
    int r;

    send_say(s, STR("DATA"), NULL);
    r = send_hear(s, s->server->config->data_init);
    if (r < 0)
        return r;
    if (s->reply.code != 354) {
        settle(t, TAKEN, refusal(t));
        return 0;
    }
    snprintf(note, sizeof note, "the message, %" PRIu64 " bytes, and a dot", t->mail->size);
    send_note(s, note);
    r = send_message(t);
    if (r < 0)
        return r;
    r = send_hear(s, s->server->config->data_end);
    if (r < 0)
        return r;
    settle(t, TAKEN, s->reply.code / 100 == 2 ? send_outcome(s, t->arena) : refusal(t));
    return 0;
}

// ---- all of it

static int run(struct transaction *t)
{
    CLEANUP(buf_drop) struct buf line = {.max = 1024};
    struct send_session *s = t->session;
    int r;

    put_mail(t, &line);
    r = send_ask(s, buf_str(&line));
    if (r < 0)
        return r;
    if (s->reply.code != 250) {
        settle_all(t, refusal(t));
        return 0;
    }
    r = ask_recipients(t);
    if (r < 0)
        return r;
    if (count(t, TAKEN) > 0)
        return data(t);
    return 0;
}

void send_mail(struct send_session *session, const struct send_mail *mail, struct arena *arena,
               struct outcome *outcomes)
{
    struct transaction t = {session, mail, arena, outcomes};
    int r;

    for (size_t i = 0; i < mail->recipient_count; i++) {
        outcomes[i] = (struct outcome){.verdict = LATER, .code = OPEN};
        if (!is_path_safe(mail->recipients[i].address) || mail->recipients[i].address.len == 0)
            outcomes[i] = send_own(arena, NEVER, 553, "5.1.3", "that is no recipient address");
    }
    if (count(&t, OPEN) == 0 || !may_begin(&t))
        return;
    r = run(&t);
    if (r < 0)
        settle_all(&t, send_broken(session, arena, r));
    // whatever was begun and not ended is forgotten, for the next mail
    if (!session->is_dead && session->reply.code / 100 != 2)
        send_ask(session, STR("RSET"));
}
