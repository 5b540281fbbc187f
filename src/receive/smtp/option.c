// SPDX-License-Identifier: ISC
//
// What a client may ask for with a mail beside sender and recipients: DSN (RFC 3461), DELIVERBY
// (2852), FUTURERELEASE (4865), MT-PRIORITY (6710), REQUIRETLS (8689), LIMITS (9422). Which of them
// is offered here and now, which is granted, and where it stands in the envelope. And what the
// header asks for in their stead: MT-Priority (6710 5, 6758) and TLS-Required (8689 5).
#include "mail/date.h"
#include "mail/header.h"
#include "proto/smtp/parameter.h"
#include "receive/smtp/session.h"

/// RFC 4865 2: a service of submission.
static bool may_hold(const struct receive_session *s)
{
    return s->role == RECEIVE_SUBMISSION && s->limits->config.hold_max > 0;
}

/// RFC 3339 5.6.
static void put_date_time(struct buf *out, int64_t seconds)
{
    struct date date = {.seconds = seconds};
    unsigned month, day, of_day = (unsigned)(seconds - date_day(date) * 86400);
    int64_t year;

    date_civil_from_days(date_day(date), &year, &month, &day);
    buf_putf(out, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)year, month, day, of_day / 3600,
             of_day / 60 % 60, of_day % 60);
}

static void put_hold(struct receive_session *s, struct buf *out)
{
    uint64_t max_s = s->limits->config.hold_max / 1000;

    buf_putf(out, "\nFUTURERELEASE %llu ", (unsigned long long)max_s);
    put_date_time(out, rt_wall_s() + (int64_t)max_s);
}

void receive_put_options(struct receive_session *s, struct buf *out)
{
    const struct receive_config *config = &s->limits->config;

    buf_putf(out, "\nDSN\nDELIVERBY %llu", (unsigned long long)config->deliver_by_min / 1000);
    if (may_hold(s))
        put_hold(s, out);
    buf_put(out, STR("\nMT-PRIORITY"));
    if (receive_has_tls(s))
        buf_put(out, STR("\nREQUIRETLS"));
    buf_putf(out, "\nLIMITS MAILMAX=%llu RCPTMAX=%llu\nETRN", (unsigned long long)config->mails_max,
             (unsigned long long)config->recipients_max);
}

/// Seconds since 1970 until which it is to be held; 0: not at all. A moment that has passed holds
/// nothing.
static int64_t hold_until(const struct smtp_mail *mail)
{
    int64_t until = 0;

    if (mail->hold == SMTP_HOLD_FOR)
        until = rt_wall_s() + (int64_t)mail->hold_seconds;
    else if (mail->hold == SMTP_HOLD_UNTIL)
        until = mail->hold_until_s;
    return until > rt_wall_s() ? until : 0;
}

static bool is_hold_welcome(struct receive_session *s, const struct smtp_mail *mail)
{
    int64_t until = hold_until(mail);

    if (mail->hold == SMTP_HOLD_NONE)
        return true;
    if (!may_hold(s))
        receive_say(s, 555, "5.5.4", "HOLDFOR and HOLDUNTIL are not offered here");
    else if (until > rt_wall_s() + (int64_t)(s->limits->config.hold_max / 1000))
        receive_say(s, 501, "5.5.4",
                    "nothing is held so long; FUTURERELEASE of EHLO says how long");
    else if (mail->by != SMTP_BY_NONE && until > rt_wall_s() + mail->by_seconds)
        receive_say(s, 501, "5.5.4", "held for longer than BY gives it");
    else
        return true;
    return false;
}

/// RFC 2852 4: a mail that must go back when it is late cannot be late already.
static bool is_by_welcome(struct receive_session *s, const struct smtp_mail *mail)
{
    CLEANUP(buf_drop) struct buf text = {.max = 128};
    uint64_t min_s = s->limits->config.deliver_by_min / 1000;

    if (mail->by != SMTP_BY_RETURN || mail->by_seconds >= (int64_t)min_s)
        return true;
    if (mail->by_seconds <= 0) {
        receive_say(s, 501, "5.5.4", "BY with R needs a time to come");
        return false;
    }
    buf_putf(&text, "BY with R needs at least %llu seconds here", (unsigned long long)min_s);
    receive_say_str(s, 555, STR("5.5.4"), buf_str(&text));
    return false;
}

bool receive_are_options_welcome(struct receive_session *s, const struct smtp_mail *mail)
{
    if (mail->size > s->limits->config.message_size)
        receive_say(s, 552, "5.3.4", "message larger than SIZE allows");
    else if (mail->requires_tls && !receive_has_tls(s))
        receive_say(s, 530, "5.7.10", "REQUIRETLS needs TLS here, too: STARTTLS first");
    else
        return is_by_welcome(s, mail) && is_hold_welcome(s, mail);
    return false;
}

/// Strangers cannot push in front of others (RFC 6710 5).
static int priority_of(const struct receive_session *s, int wanted)
{
    return wanted > 0 && !s->identity ? 0 : wanted;
}

void receive_note_options(struct receive_session *s, const struct smtp_mail *mail)
{
    static const enum envelope_body BODIES[] = {
        [SMTP_BODY_7BIT] = ENVELOPE_BODY_7BIT,
        [SMTP_BODY_8BITMIME] = ENVELOPE_BODY_8BITMIME,
        [SMTP_BODY_BINARYMIME] = ENVELOPE_BODY_BINARYMIME,
    };
    struct envelope *e = s->envelope;

    e->body = BODIES[mail->body];
    e->is_utf8 = mail->is_utf8;
    e->size = mail->size;
    e->envid = arena_str(e->arena, mail->envid);
    e->ret = mail->ret == SMTP_RET_FULL   ? ENVELOPE_RET_FULL
             : mail->ret == SMTP_RET_HDRS ? ENVELOPE_RET_HDRS
                                          : ENVELOPE_RET_NONE;
    if (mail->by != SMTP_BY_NONE) {
        e->by = mail->by == SMTP_BY_RETURN ? ENVELOPE_BY_RETURN : ENVELOPE_BY_NOTIFY;
        e->by_trace = mail->by_trace;
        e->by_s = rt_wall_s() + mail->by_seconds;
    }
    e->hold_until_s = hold_until(mail);
    e->priority = priority_of(s, mail->priority);
    s->has_priority = mail->has_priority;
    e->requires_tls = mail->requires_tls;
}

/// -9 to 9, perhaps with a comment behind it.
static bool priority_parse(struct str value, int *out)
{
    struct smtp_mail mail = {0};
    ptrdiff_t comment;

    value = str_trim(value);
    comment = str_find(value, '(');
    if (comment >= 0)
        value = str_trim(str_head(value, (size_t)comment));
    if (!smtp_set_priority(&mail, value))
        return false;
    *out = mail.priority;
    return true;
}

void receive_note_header(struct receive_session *s, struct str header)
{
    const struct header_field none = {0};
    struct header_field field = none;
    struct envelope *e = s->envelope;
    int priority;

    // a parameter counts more, and what is said twice says nothing
    if (!s->has_priority && header_count(header, STR("MT-Priority")) == 1 &&
        header_find(header, STR("MT-Priority"), &field) && priority_parse(field.value, &priority))
        e->priority = priority_of(s, priority);
    field = none;
    e->waives_tls = !e->requires_tls && header_count(header, STR("TLS-Required")) == 1 &&
                    header_find(header, STR("TLS-Required"), &field) &&
                    str_case_eq(str_trim(field.value), STR("No"));
}

void receive_note_dsn(struct receive_session *s, const struct smtp_rcpt *rcpt)
{
    struct envelope *e = s->envelope;
    struct envelope_recipient *r = &e->recipients[e->recipient_count - 1];

    r->notify = rcpt->notify; // the bits are the same
    r->orcpt = arena_str(e->arena, rcpt->orcpt);
}

_Static_assert((int)SMTP_NOTIFY_NEVER == (int)ENVELOPE_NOTIFY_NEVER &&
                   (int)SMTP_NOTIFY_SUCCESS == (int)ENVELOPE_NOTIFY_SUCCESS &&
                   (int)SMTP_NOTIFY_FAILURE == (int)ENVELOPE_NOTIFY_FAILURE &&
                   (int)SMTP_NOTIFY_DELAY == (int)ENVELOPE_NOTIFY_DELAY,
               "the bits on the wire and in the envelope");
