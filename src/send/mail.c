// SPDX-License-Identifier: ISC
//
// One transaction: MAIL, RCPT for each recipient, the message. With PIPELINING (RFC 2920) the
// commands go out in flights: MAIL with the first RCPTs, and DATA with the last. Every recipient
// gets an outcome of his own; when the connection breaks, whoever has none yet gets LATER, also
// after the final dot: a mail twice is better than none. When replies and questions do not fit
// together any more, no refusal heard is believed either.
#include "base/check.h"
#include "base/cleanup.h"
#include "send/transaction.h"

#include <errno.h>
#include <stdlib.h>

enum {
    FLIGHT = 50,                // RCPTs sent before their replies are read: no buffer fills up
    RCPT_MS = 10000,            // more for each recipient in the time of the whole envelope
    LINE_BYTES = 4096,          // of MAIL or RCPT with all parameters
    ENVELOPE_MS_MAX = 86400000, // a day
};

// ---- outcomes

void send_settle(struct send_transaction *t, unsigned state, struct outcome outcome)
{
    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        if (t->outcomes[i].code == state)
            t->outcomes[i] = outcome;
    }
}

void send_settle_all(struct send_transaction *t, struct outcome outcome)
{
    send_settle(t, SEND_OPEN, outcome);
    send_settle(t, SEND_TAKEN, outcome);
}

size_t send_count(const struct send_transaction *t, unsigned state)
{
    size_t n = 0;

    for (size_t i = 0; i < t->mail->recipient_count; i++)
        n += t->outcomes[i].code == state;
    return n;
}

struct outcome send_refusal(struct send_transaction *t)
{
    struct outcome outcome = send_outcome(t->session, t->arena);

    return outcome.verdict == DONE ? send_broken(t->session, t->arena, -EPROTO) : outcome;
}

/// Out of step: whose no was it? All that the server refused is tried again.
static void doubt(struct send_transaction *t)
{
    struct outcome outcome = send_broken(t->session, t->arena, -EPROTO);

    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        if (!t->is_ours[i] && t->outcomes[i].verdict == NEVER)
            t->outcomes[i] = outcome;
    }
}

// ---- MAIL

static void say_mail(struct send_transaction *t)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_BYTES};

    send_put_mail(t, &line);
    CHECK(buf_ok(&line));
    send_say(t->session, buf_str(&line), NULL);
}

static int hear_mail(struct send_transaction *t)
{
    struct send_session *s = t->session;
    int r = send_hear(s, s->server->config->command);

    if (r < 0)
        return r;
    switch (send_heard(s)) {
    case SEND_YES:
        t->is_begun = true;
        return 0;
    case SEND_NO:
        t->is_refused = true;
        send_settle(t, SEND_OPEN, send_refusal(t));
        return s->is_dead ? -ECONNRESET : 0;
    default:
        return send_out_of_step(s);
    }
}

// ---- RCPT

struct flight {
    size_t members[FLIGHT]; // indexes of recipients
    size_t count;
    bool has_data;
};

static void say_rcpt(struct send_transaction *t, size_t i)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_BYTES};

    send_put_rcpt(t, i, &line);
    CHECK(buf_ok(&line));
    send_say(t->session, buf_str(&line), NULL);
}

/// From *next on, at most `max` recipients without an outcome.
static void say_flight(struct send_transaction *t, size_t *next, size_t max, struct flight *out)
{
    for (; *next < t->mail->recipient_count && out->count < max; (*next)++) {
        if (t->outcomes[*next].code != SEND_OPEN)
            continue;
        say_rcpt(t, *next);
        out->members[out->count++] = *next;
    }
}

/// RFC 5321 4.5.3.1.10: once, 552 was what "too many recipients" has 452 for. A mailbox that is
/// full says so.
static struct outcome rcpt_refusal(struct send_transaction *t)
{
    struct outcome o = send_refusal(t);
    bool is_about_count = o.enhanced.len == 0 || str_eq(o.enhanced, STR("5.5.3"));

    if (o.code == 552 && is_about_count && send_count(t, SEND_TAKEN) > 0)
        return (struct outcome){LATER, 452, STR("4.5.3"), o.text};
    return o;
}

static int hear_rcpt(struct send_transaction *t, size_t i)
{
    struct send_session *s = t->session;
    int r = send_hear(s, s->server->config->command);

    if (r < 0)
        return r;
    switch (send_heard(s)) {
    case SEND_YES:
        if (!t->is_refused) // whoever takes recipients of no mail takes none
            t->outcomes[i].code = SEND_TAKEN;
        break;
    case SEND_NO:
        if (!t->is_refused)
            t->outcomes[i] = rcpt_refusal(t);
        break;
    default:
        return send_out_of_step(s);
    }
    return s->is_dead ? -ECONNRESET : 0;
}

static int hear_flight(struct send_transaction *t, const struct flight *flight)
{
    int r = 0;

    for (size_t i = 0; i < flight->count && r == 0; i++)
        r = hear_rcpt(t, flight->members[i]);
    return r;
}

// ---- DATA

/// RFC 2920 3.1: the server waits for a message although it took no recipient. A lone dot ends it;
/// what it says to that concerns nobody.
static int end_nothing(struct send_transaction *t)
{
    struct send_session *s = t->session;

    if (s->server->is_lmtp) { // as many replies as recipients: none, or one?
        s->is_dead = true;
        return 0;
    }
    send_note(s, "nobody was taken: a lone dot");
    rt_put(s->conn, STR(".\r\n"));
    t->is_begun = false;
    return send_hear(s, s->server->config->data_end);
}

/// The reply to DATA, and what follows from it.
static int go_on(struct send_transaction *t)
{
    struct send_session *s = t->session;
    int r = send_hear(s, s->server->config->data_init);

    if (r < 0)
        return r;
    if (send_heard(s) == SEND_GO_ON)
        return send_count(t, SEND_TAKEN) > 0 ? send_data(t) : end_nothing(t);
    if (send_heard(s) != SEND_NO)
        return send_out_of_step(s);
    send_settle(t, SEND_TAKEN, send_refusal(t));
    return 0;
}

// ---- all of it

/// Nothing may have been said yet that MAIL did not ask for.
static int begin(struct send_transaction *t)
{
    struct send_session *s = t->session;
    int r;

    if (!send_has_spoken(s))
        return 0;
    r = send_hear(s, s->server->config->command);
    if (r == 0 && s->reply.code == 421)
        send_settle_all(t, send_refusal(t));
    return r < 0 ? r : send_out_of_step(s);
}

/// MAIL and all RCPTs; *has_data: DATA was said, too.
static int envelope(struct send_transaction *t, bool *has_data)
{
    bool is_pipelining = t->session->offer.extensions & SMTP_HAS_PIPELINING;
    size_t next = 0;
    int r = 0;

    say_mail(t);
    if (!is_pipelining)
        r = hear_mail(t);
    for (bool is_first = true; r == 0 && !t->is_refused && send_count(t, SEND_OPEN) > 0;
         is_first = false) {
        struct flight flight = {0};

        say_flight(t, &next, is_pipelining ? FLIGHT : 1, &flight);
        *has_data = is_pipelining && !t->uses_bdat && flight.count == send_count(t, SEND_OPEN);
        if (*has_data)
            send_say(t->session, STR("DATA"), NULL);
        if (is_first && is_pipelining)
            r = hear_mail(t);
        if (r == 0)
            r = hear_flight(t, &flight);
    }
    return r;
}

static uint32_t envelope_ms(const struct send_transaction *t)
{
    uint64_t ms = 2 * t->session->server->config->command + t->mail->recipient_count * RCPT_MS;

    return ms < ENVELOPE_MS_MAX ? (uint32_t)ms : ENVELOPE_MS_MAX;
}

static int run(struct send_transaction *t)
{
    struct rt_scope scope;
    bool has_data = false;
    int r = begin(t);

    if (r < 0)
        return r;
    rt_within(&scope, envelope_ms(t));
    r = envelope(t, &has_data);
    rt_within_end(&scope);
    if (r < 0)
        return r;
    if (has_data)
        return go_on(t);
    if (send_count(t, SEND_TAKEN) == 0)
        return 0;
    if (t->uses_bdat)
        return send_bdat(t);
    if (send_has_spoken(t->session))
        return send_out_of_step(t->session);
    send_say(t->session, STR("DATA"), NULL);
    return go_on(t);
}

/// What was begun and did not end is forgotten, for the next mail. -EPROTO: the server answers
/// another question, so it may have answered others before.
static int clear(struct send_transaction *t)
{
    struct send_session *s = t->session;
    int r;

    if (s->is_dead || !t->is_begun)
        return 0;
    r = send_ask(s, STR("RSET"));
    if (r < 0)
        return r;
    if (send_heard(s) == SEND_NO)
        s->is_dead = true;
    else if (send_heard(s) != SEND_YES)
        return send_out_of_step(s);
    return 0;
}

static void mark_ours(struct send_transaction *t)
{
    for (size_t i = 0; i < t->mail->recipient_count; i++)
        t->is_ours[i] = t->outcomes[i].code != SEND_OPEN;
}

/// RFC 9422 4.1.
static void count_mail(struct send_session *s)
{
    s->mail_count++;
    s->is_worn = s->offer.mails_max > 0 && s->mail_count >= s->offer.mails_max;
}

static void transact(struct send_transaction *t)
{
    int r;

    if (!send_fit(t))
        return;
    mark_ours(t);
    count_mail(t->session);
    r = run(t);
    if (r < 0)
        send_settle_all(t, send_broken(t->session, t->arena, r));
    CHECK(send_count(t, SEND_OPEN) + send_count(t, SEND_TAKEN) == 0);
    if (r == 0)
        r = clear(t);
    if (r < 0)
        t->session->is_dead = true;
    if (r == -EPROTO)
        doubt(t);
}

void send_mail(struct send_session *session, const struct send_mail *mail, struct arena *arena,
               struct outcome *outcomes)
{
    struct send_transaction t = {
        .session = session, .mail = mail, .arena = arena, .outcomes = outcomes};

    if (mail->recipient_count == 0)
        return;
    for (size_t i = 0; i < mail->recipient_count; i++)
        outcomes[i] = (struct outcome){.verdict = LATER, .code = SEND_OPEN};
    if (send_is_dead(session)) {
        send_settle_all(&t, send_broken(session, arena, -ECONNRESET));
        return;
    }
    t.is_ours = calloc(mail->recipient_count, sizeof *t.is_ours);
    CHECK(t.is_ours);
    transact(&t);
    downgrade_free(t.downgrade);
    free(t.is_ours);
}
