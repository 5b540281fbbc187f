// SPDX-License-Identifier: ISC
//
// The message on the wire. Either DATA (RFC 5321 4.1.1.4): lines, dots stuffed, and a dot at the
// end; or BDAT (RFC 3030): chunks whose length is said before, some of them under way at once.
// Either the whole message is sent or the connection is cut before its end, so that nothing half
// is ever taken for a mail. A server that speaks while it should listen is heard at once.
#include "base/cleanup.h"
#include "proto/smtp/text.h"
#include "send/transaction.h"

#include <errno.h>
#include <inttypes.h>

enum {
    CHUNK = 256 * 1024, // of BDAT; one is held
    UNDER_WAY_MAX = 4,  // chunks sent whose replies were not read
    EACH_MS = 10000,    // more for each recipient that LMTP answers for
    RATE_MIN = 1000,    // bytes a second on average: a message may not take for ever
};

/// All of the body together; each piece has its own time, too (RFC 5321 4.5.3.2.5).
static uint32_t body_ms(const struct send_transaction *t)
{
    uint64_t ms = 2 * t->session->server->config->data_block + t->mail->size * 1000 / RATE_MIN;

    return ms < UINT32_MAX / 2 ? (uint32_t)ms : UINT32_MAX / 2;
}

static int send_bytes(struct send_session *s, struct str bytes)
{
    struct rt_scope scope;
    int r;

    rt_within(&scope, (uint32_t)s->server->config->data_block);
    r = rt_put(s->conn, bytes);
    if (r == 0)
        r = rt_flush(s->conn);
    rt_within_end(&scope);
    return r;
}

/// The message did not come to its end: no more of it, and no more of this connection. What the
/// server said before it went counts as its answer.
static int cut(struct send_transaction *t, const struct send_source *source, int r)
{
    struct send_session *s = t->session;

    if (source->error)
        send_settle_all(t, send_own(t->arena, LATER, 451, "4.3.0", "the message cannot be read"));
    else if (r < 0 && !s->is_dead && send_find_last_words(s))
        send_settle(t, SEND_TAKEN, send_refusal(t));
    s->is_dead = true;
    return r;
}

static void note(struct send_transaction *t, const char *how)
{
    char text[80];

    snprintf(text, sizeof text, "the message, %" PRIu64 " bytes%s", t->mail->size, how);
    send_note(t->session, text);
}

// ---- replies to the end

/// RFC 2033 4.2: a reply for each recipient who was taken, in their order. SMTP: one for all.
static int hear_each(struct send_transaction *t)
{
    struct send_session *s = t->session;
    uint64_t within_ms = s->server->config->data_end;
    int r = 0;

    t->is_begun = false;
    for (size_t i = 0; i < t->mail->recipient_count && r == 0; i++) {
        if (t->outcomes[i].code != SEND_TAKEN)
            continue;
        r = send_hear(s, within_ms);
        if (r < 0)
            return r;
        if (send_heard(s) != SEND_YES && send_heard(s) != SEND_NO)
            return send_out_of_step(s);
        if (!s->server->is_lmtp) {
            send_settle(t, SEND_TAKEN, send_outcome(s, t->arena));
            return 0;
        }
        t->outcomes[i] = send_outcome(s, t->arena);
    }
    return r;
}

static int hear_end(struct send_transaction *t)
{
    const struct send_config *config = t->session->server->config;
    uint64_t ms = config->data_end + send_count(t, SEND_TAKEN) * EACH_MS;
    struct rt_scope scope;
    int r;

    rt_within(&scope, ms < UINT32_MAX / 2 ? (uint32_t)ms : UINT32_MAX / 2);
    r = hear_each(t);
    rt_within_end(&scope);
    return r;
}

// ---- DATA

enum { SPOKEN_TO = 1 };

/// 0 when the dot is out; SPOKEN_TO: the server interrupts; -errno.
static int put_dotted(struct send_transaction *t, struct send_source *source)
{
    CLEANUP(buf_drop) struct buf wire = {.max = 16 * SEND_PIECE};
    struct smtp_stuff stuff = {0};

    while (!source->is_end) {
        struct str piece;
        int r = send_source_next(source, &piece);

        if (r < 0)
            return r;
        if (send_has_spoken(t->session))
            return SPOKEN_TO;
        buf_clear(&wire);
        smtp_stuff_put(&stuff, piece, &wire);
        if (source->is_end)
            smtp_stuff_end(&stuff, &wire);
        r = buf_ok(&wire) ? send_bytes(t->session, buf_str(&wire)) : -EOVERFLOW;
        if (r < 0)
            return r;
    }
    return 0;
}

/// A server that has had enough in the middle of the message.
static int hear_interruption(struct send_transaction *t)
{
    struct send_session *s = t->session;
    int r = send_hear(s, s->server->config->command);

    if (r < 0)
        return r;
    if (send_heard(s) != SEND_NO)
        return send_out_of_step(s);
    send_settle(t, SEND_TAKEN, send_refusal(t));
    s->is_dead = true; // it may wait for a dot that must not come
    return 0;
}

int send_data(struct send_transaction *t)
{
    struct send_source source;
    struct rt_scope scope;
    int r;

    note(t, ", and a dot");
    send_source_init(&source, t->mail, t->downgrade);
    rt_within(&scope, body_ms(t));
    r = put_dotted(t, &source);
    if (r == SPOKEN_TO)
        r = hear_interruption(t);
    else if (r < 0)
        r = cut(t, &source, r);
    rt_within_end(&scope);
    send_source_done(&source);
    return r < 0 || t->session->is_dead ? r : hear_end(t);
}

// ---- BDAT

struct chunks {
    struct send_source source;
    struct smtp_stuff stuff;
    struct str piece; // of the source, not yet in a chunk
    struct buf chunk;
    unsigned under_way;
    bool is_refused; // one of them was
};

/// Lines end with CR LF, unless the message is binary (RFC 3030 3).
static int fill_chunk(const struct send_transaction *t, struct chunks *c)
{
    buf_clear(&c->chunk);
    while (c->chunk.len < CHUNK && !c->source.is_end) {
        struct str piece;
        int r = send_source_next(&c->source, &piece);

        if (r < 0)
            return r;
        if (t->is_binary)
            buf_put(&c->chunk, piece);
        else
            smtp_stuff_put(&c->stuff, piece, &c->chunk);
        if (c->source.is_end && !t->is_binary)
            smtp_stuff_end(&c->stuff, &c->chunk);
    }
    return buf_ok(&c->chunk) ? 0 : -EOVERFLOW;
}

static int say_chunk(struct send_transaction *t, struct chunks *c)
{
    char line[40];
    int len =
        snprintf(line, sizeof line, "BDAT %zu%s", c->chunk.len, c->source.is_end ? " LAST" : "");

    send_say(t->session, str_of(line, (size_t)len), NULL);
    c->under_way++;
    return send_bytes(t->session, buf_str(&c->chunk));
}

/// The reply to a chunk that was not the last.
static int hear_chunk(struct send_transaction *t, struct chunks *c)
{
    struct send_session *s = t->session;
    int r = send_hear(s, s->server->config->data_end);

    if (r < 0)
        return r;
    c->under_way--;
    if (send_heard(s) == SEND_YES)
        return c->is_refused ? send_out_of_step(s) : 0; // no yes comes after a no
    if (send_heard(s) != SEND_NO)
        return send_out_of_step(s);
    if (!c->is_refused)
        send_settle(t, SEND_TAKEN, send_refusal(t));
    c->is_refused = true;
    return s->is_dead ? -ECONNRESET : 0;
}

/// Replies until another chunk may be sent; and those that are there already.
static int hear_chunks(struct send_transaction *t, struct chunks *c, unsigned leave)
{
    int r = 0;

    while (r == 0 && (c->under_way > leave || (c->under_way > 0 && send_has_spoken(t->session))))
        r = hear_chunk(t, c);
    return r;
}

/// Until the last chunk is out, or one was refused. 0 or -errno.
static int put_chunks(struct send_transaction *t, struct chunks *c)
{
    bool is_pipelining = t->session->offer.extensions & SMTP_HAS_PIPELINING;
    int r;

    do {
        r = hear_chunks(t, c, is_pipelining ? UNDER_WAY_MAX - 1 : 0);
        if (r == 0 && !c->is_refused)
            r = fill_chunk(t, c);
        if (r < 0 || c->is_refused)
            return r;
        if (c->under_way == 0 && send_has_spoken(t->session))
            return hear_interruption(t);
        r = say_chunk(t, c);
    } while (r == 0 && !c->source.is_end);
    return r;
}

/// Replies until only so many are owed.
static int hear_until(struct send_transaction *t, struct chunks *c, unsigned owed)
{
    int r = 0;

    while (r == 0 && c->under_way > owed)
        r = hear_chunk(t, c);
    return r;
}

/// All chunks are out, or as many as the server would have.
static int hear_rest(struct send_transaction *t, struct chunks *c)
{
    bool is_last_out = c->source.is_end && c->under_way > 0;
    int r = hear_until(t, c, is_last_out ? 1 : 0);

    if (r < 0 || !is_last_out)
        return r;
    if (!c->is_refused)
        return hear_end(t);
    if (!t->session->server->is_lmtp)
        return hear_until(t, c, 0);
    t->session->is_dead = true; // how many replies LAST has now, no RFC says
    return 0;
}

int send_bdat(struct send_transaction *t)
{
    struct chunks c = {.stuff = {.keeps_dots = true}, .chunk = {.max = CHUNK + 16 * SEND_PIECE}};
    struct rt_scope scope;
    int r;

    note(t, " in chunks");
    send_source_init(&c.source, t->mail, t->downgrade);
    rt_within(&scope, body_ms(t));
    r = put_chunks(t, &c);
    if (r < 0)
        r = cut(t, &c.source, r);
    rt_within_end(&scope);
    if (r == 0 && !t->session->is_dead)
        r = hear_rest(t, &c);
    send_source_done(&c.source);
    buf_done(&c.chunk);
    return r;
}
