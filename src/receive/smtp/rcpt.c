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
    return s->envelope->recipient_count >= s->limits->config.recipients_max ||
           !arena_has_room(&s->transaction, RECEIVE_TRANSACTION_MAX / 2);
}

int receive_on_rcpt(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_rcpt rcpt;
    const struct smtp_fault *fault;
    struct outcome outcome;

    if (is_full(s)) {
        receive_say(s, 452, "4.5.3", "too many recipients, send to the others with another mail");
        return 0;
    }
    fault = smtp_rcpt_parse(c->argument, s->envelope->is_utf8, &rcpt);
    if (fault) {
        receive_say_fault(s, fault);
        return 0;
    }
    if (rcpt.has_dsn) {
        receive_say(s, 555, "5.5.4", "NOTIFY and ORCPT are not offered here");
        return 0;
    }
    outcome = queue_recipient(s->receive->doors.queue, s->envelope, &rcpt.recipient);
    if (outcome.verdict == DONE)
        s->state = RECEIVE_RCPT;
    else
        log_refused(s, rcpt.path, &outcome);
    receive_say_outcome(s, &outcome);
    return 0;
}
