// SPDX-License-Identifier: ISC
//
// RCPT (RFC 5321 4.1.1.3): one recipient more. Whether it is welcome, queue decides.
#include "receive/smtp/session.h"

static void log_refused(struct receive_session *s, struct str to, const struct outcome *outcome)
{
    struct log_line l;

    receive_log(s, &l, LOG_INFO, "receive/rcpt", "refused");
    log_str(&l, "from", s->envelope->sender);
    log_str(&l, "to", to);
    log_u64(&l, "code", outcome->code);
    log_str(&l, "why", outcome->text);
    log_end(&l);
}

/// RFC 5321 4.5.3.1.10: too many is 452, and the client sends to the rest with its next mail.
static bool is_full(const struct receive_session *s)
{
    return s->is_full || s->envelope->recipient_count >= s->limits->config.recipients_max ||
           !arena_has_room(&s->transaction, RECEIVE_TRANSACTION_MAX / 2);
}

/// A long list in one piece is no mistake, so of these only one in recipients_max counts; but it
/// brings nothing, and could go on for ever.
static void say_full(struct receive_session *s)
{
    if (++s->full_count % s->limits->config.recipients_max == 0)
        s->junk_count++;
    receive_say(s, 452, "4.5.3", "too many recipients, send to the others with another mail");
}

/// What did not fit was looked up in vain, perhaps to thousands of places. So the rest of this
/// transaction is not looked up any more, and a client cannot do that in each of many.
static void note_outcome(struct receive_session *s, const struct outcome *outcome)
{
    if (outcome->verdict == DONE)
        s->state = RECEIVE_RCPT;
    if (outcome->verdict != LATER || !str_eq(outcome->enhanced, STR("4.5.3")))
        return;
    s->is_full = true;
    s->junk_count++;
}

/// LMTP is for what is delivered here (RFC 2033 1, 5); nobody signed in to send elsewhere.
static bool is_here(struct receive_session *s, const struct address *to)
{
    if (s->role != RECEIVE_LMTP || to->domain.len == 0 ||
        account_domain_is_local(s->receive->doors.accounts, to->domain))
        return true;
    receive_say(s, 550, "5.7.1", "LMTP delivers here, and relays nothing");
    return false;
}

static void add(struct receive_session *s, struct smtp_rcpt *rcpt)
{
    struct arena command;
    struct outcome outcome;

    arena_init(&command, 16 << 20);
    if (!receive_literal(s, &rcpt->recipient, &command)) {
        receive_say(s, 550, "5.1.1", "no such user here");
    } else if (is_here(s, &rcpt->recipient)) {
        outcome = queue_recipient(s->receive->doors.queue, s->envelope, &rcpt->recipient);
        note_outcome(s, &outcome);
        if (outcome.verdict == DONE) {
            receive_note_dsn(s, rcpt);
            receive_count_recipient(s);
        } else {
            log_refused(s, rcpt->path, &outcome);
        }
        receive_say_outcome(s, &outcome);
    }
    arena_done(&command);
}

int receive_on_rcpt(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_rcpt rcpt;
    const struct smtp_fault *fault;

    if (is_full(s)) {
        say_full(s);
        return 0;
    }
    fault = smtp_rcpt_parse(c->argument, s->envelope->is_utf8, &rcpt);
    if (fault) {
        receive_say_fault(s, fault);
        return 0;
    }
    if (receive_may_add(s))
        add(s, &rcpt);
    return 0;
}
