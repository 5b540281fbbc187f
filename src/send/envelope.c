// SPDX-License-Identifier: ISC
//
// MAIL and RCPT with their parameters: nothing is said that was not offered (RFC 5321 2.2.1).
#include "mail/address.h"
#include "proto/smtp/command.h"
#include "send/transaction.h"

#include <inttypes.h>

enum { BY_S_MAX = 999999999 }; // RFC 2852 4: nine digits

bool send_is_utf8(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] > 127)
            return true;
    }
    return false;
}

struct str send_local_part(struct str address)
{
    ptrdiff_t at = str_find_last(address, '@');

    return at < 0 ? address : str_head(address, (size_t)at);
}

/// With an A-label where the server would not understand the U-label (RFC 5890 2.3.2.1).
static void put_path(const struct send_transaction *t, struct str address, struct buf *out)
{
    struct str local = send_local_part(address);
    struct str domain = str_skip(address, local.len + 1);

    buf_put_char(out, '<');
    if (t->says_utf8 || !send_is_utf8(domain)) {
        buf_put(out, address);
    } else {
        buf_put(out, local);
        buf_put_char(out, '@');
        address_put_domain(out, domain); // fit.c knows that it can be put
    }
    buf_put_char(out, '>');
}

static void put_body(const struct send_transaction *t, struct buf *out)
{
    if (t->body == ENVELOPE_BODY_8BITMIME)
        buf_put(out, STR(" BODY=8BITMIME"));
    else if (t->body == ENVELOPE_BODY_BINARYMIME)
        buf_put(out, STR(" BODY=BINARYMIME"));
}

/// A parameter's value that was accepted somewhere and cannot end ours.
static bool is_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c >= 127 || c == '=')
            return false;
    }
    return text.len > 0;
}

/// RFC 3461 4.3, 4.4.
static void put_dsn(const struct send_mail *mail, struct buf *out)
{
    if (mail->ret != ENVELOPE_RET_NONE)
        buf_put(out, mail->ret == ENVELOPE_RET_FULL ? STR(" RET=FULL") : STR(" RET=HDRS"));
    if (is_value(mail->envid) && mail->envid.len <= SMTP_ENVID_MAX)
        buf_putf(out, " ENVID=%.*s", STR_ARG(mail->envid));
}

/// RFC 2852 4: what is left of the time. With mode R there is some left (fit.c), with N it may
/// have passed.
static void put_deliver_by(const struct send_mail *mail, struct buf *out)
{
    int64_t left = mail->by_s - rt_wall_s();

    if (left > BY_S_MAX)
        left = BY_S_MAX;
    if (left < -BY_S_MAX)
        left = -BY_S_MAX;
    buf_putf(out, " BY=%" PRId64 ";%c%s", left, mail->by == ENVELOPE_BY_RETURN ? 'R' : 'N',
             mail->by_trace ? "T" : "");
}

void send_put_mail(const struct send_transaction *t, struct buf *out)
{
    unsigned offered = t->session->offer.extensions;
    const struct send_mail *mail = t->mail;

    buf_put(out, STR("MAIL FROM:"));
    put_path(t, mail->sender, out);
    if (offered & SMTP_HAS_SIZE)
        buf_putf(out, " SIZE=%" PRIu64, mail->size);
    put_body(t, out);
    if (t->says_utf8)
        buf_put(out, STR(" SMTPUTF8"));
    if (offered & SMTP_HAS_DSN)
        put_dsn(mail, out);
    if (mail->by != ENVELOPE_BY_NONE && (offered & SMTP_HAS_DELIVERBY))
        put_deliver_by(mail, out);
    if (mail->priority != 0 && (offered & SMTP_HAS_MT_PRIORITY))
        buf_putf(out, " MT-PRIORITY=%d", mail->priority);
    if (mail->requires_tls)
        buf_put(out, STR(" REQUIRETLS"));
}

/// RFC 3461 4.1: NEVER stands alone.
static void put_notify(unsigned notify, struct buf *out)
{
    static const struct {
        unsigned bit;
        const char *word;
    } WORDS[] = {{ENVELOPE_NOTIFY_SUCCESS, "SUCCESS"},
                 {ENVELOPE_NOTIFY_FAILURE, "FAILURE"},
                 {ENVELOPE_NOTIFY_DELAY, "DELAY"}};
    const char *before = " NOTIFY=";

    if (notify & ENVELOPE_NOTIFY_NEVER) {
        buf_put(out, STR(" NOTIFY=NEVER"));
        return;
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (!(notify & WORDS[i].bit))
            continue;
        buf_putf(out, "%s%s", before, WORDS[i].word);
        before = ",";
    }
}

void send_put_rcpt(const struct send_transaction *t, size_t i, struct buf *out)
{
    const struct send_recipient *recipient = &t->mail->recipients[i];

    buf_put(out, STR("RCPT TO:"));
    put_path(t, recipient->address, out);
    if (!(t->session->offer.extensions & SMTP_HAS_DSN))
        return;
    put_notify(recipient->notify, out);
    if (is_value(recipient->orcpt) && recipient->orcpt.len <= SMTP_ORCPT_MAX)
        buf_putf(out, " ORCPT=%.*s", STR_ARG(recipient->orcpt));
}
