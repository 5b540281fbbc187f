// SPDX-License-Identifier: ISC
//
// MAIL (RFC 5321 4.1.1.2): a transaction begins. On the submission ports only for who signed in
// (RFC 6409 4.3), with a sender that is his (6.1).
#include "account/resolve.h"
#include "receive/smtp/session.h"

/// Says why not, if not.
static bool is_sender_welcome(struct receive_session *s, const struct smtp_mail *mail)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1024};

    // "<>" is what receipts and notices of mail programs have; it is nobody else's
    if (s->role != RECEIVE_SUBMISSION || !s->limits->config.sender_check || mail->is_null ||
        account_may_send_as(s->receive->doors.accounts, s->identity->account_id, &mail->sender))
        return true;
    buf_putf(&text, "%.*s is not yours: send as %s or ask for an alias", STR_ARG(mail->path),
             s->identity->address);
    receive_say_str(s, 553, STR("5.7.1"), buf_str(&text));
    return false;
}

/// RFC 6409 4.3, RFC 3207 4, RFC 4954 6. Says which of them is missing.
static bool is_signed_in(struct receive_session *s)
{
    CLEANUP(buf_drop) struct buf mechanisms = {.max = 256};

    if (s->role != RECEIVE_SUBMISSION || s->identity)
        return true;
    if (receive_put_mechanisms(s, &mechanisms))
        receive_say(s, 530, "5.7.0", "sign in first (AUTH)");
    else
        receive_say(s, 530, "5.7.0", "Must issue a STARTTLS command first");
    return false;
}

/// RFC 3848 and RFC 6531 4.3.
static struct str protocol(struct receive_session *s, bool is_utf8)
{
    static const struct str NAMES[2][4] = {
        {STR("ESMTP"), STR("ESMTPA"), STR("ESMTPS"), STR("ESMTPSA")},
        {STR("UTF8SMTP"), STR("UTF8SMTPA"), STR("UTF8SMTPS"), STR("UTF8SMTPSA")},
    };
    static const struct str LMTP_NAMES[2][2] = {
        {STR("LMTP"), STR("LMTPS")},
        {STR("UTF8LMTP"), STR("UTF8LMTPS")},
    };

    if (s->role == RECEIVE_LMTP)
        return LMTP_NAMES[is_utf8][receive_has_tls(s)];
    if (!s->is_esmtp)
        return STR("SMTP");
    return NAMES[is_utf8][(s->identity ? 1 : 0) + (receive_has_tls(s) ? 2 : 0)];
}

static void begin(struct receive_session *s, const struct smtp_mail *mail)
{
    struct envelope *e = ARENA_NEW(&s->transaction, struct envelope);

    envelope_init(e, &s->transaction, mail->path);
    e->id = rt_random();
    e->identity = s->identity ? str_from(s->identity->address) : STR("");
    e->identity_id = s->identity ? s->identity->account_id : 0;
    e->is_local = s->role == RECEIVE_LOCAL;
    e->peer = rt_conn_peer(s->conn);
    e->helo = buf_str(&s->helo);
    e->protocol = protocol(s, mail->is_utf8);
    e->arrived = rt_wall_s();
    s->envelope = e;
    receive_note_options(s, mail);
    s->state = RECEIVE_MAIL;
}

/// RFC 6710 4: a priority that was lowered is told, with what it is now.
static void say_taken(struct receive_session *s, const struct smtp_mail *mail)
{
    CLEANUP(buf_drop) struct buf text = {.max = 128};

    if (mail->priority == s->envelope->priority) {
        receive_say(s, 250, "2.1.0", "sender taken");
        return;
    }
    buf_putf(&text, "%d is the new priority assigned to the message", s->envelope->priority);
    receive_say_str(s, 250, STR("2.3.6"), buf_str(&text));
}

int receive_on_mail(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_mail mail;
    const struct smtp_fault *fault;

    if (s->mail_count >= s->limits->config.mails_max) {
        receive_say(s, 452, "4.7.0", "enough mails for one session, connect again");
        s->junk_count++;
        return 0;
    }
    if (!is_signed_in(s))
        return 0;
    fault = smtp_mail_parse(c->argument, &mail);
    if (fault) {
        receive_say_fault(s, fault);
        return 0;
    }
    if (!receive_are_options_welcome(s, &mail) || !is_sender_welcome(s, &mail) ||
        !receive_may_begin(s))
        return 0;
    begin(s, &mail);
    say_taken(s, &mail);
    return 0;
}
