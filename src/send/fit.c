// SPDX-License-Identifier: ISC
//
// What of a mail can the far side take? Compared with its offer before a word is said: what it
// cannot take is changed where that does no harm (fewer bits, A-labels), left away where it is only
// a wish (priority, notifications), and else refused here, with a clear word instead of a broken
// mail.
#include "base/cleanup.h"
#include "mail/address.h"
#include "send/transaction.h"

#include <errno.h>

enum { BDAT_FROM_BYTES = 64 * 1024 }; // smaller ones are sooner there by DATA, with one wait less

static bool offers(const struct send_transaction *t, unsigned extension)
{
    return t->session->offer.extensions & extension;
}

static void refuse(struct send_transaction *t, unsigned code, const char *enhanced,
                   const char *text)
{
    send_settle_all(t, send_own(t->arena, NEVER, code, enhanced, text));
}

// ---- addresses

/// Nothing that could end the path or the line.
static bool is_path_safe(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];

        if (c < ' ' || c == 127 || c == '>' || c == '<')
            return false;
    }
    return path.len <= 2 * ADDRESS_PATH_MAX;
}

/// Can it be said without SMTPUTF8?
static bool has_ascii_form(struct str address)
{
    CLEANUP(buf_drop) struct buf domain = {.max = 2 * ADDRESS_DOMAIN_MAX};
    struct str local = send_local_part(address);

    if (send_is_utf8(local))
        return false;
    return !send_is_utf8(address) || address_put_domain(&domain, str_skip(address, local.len + 1));
}

static bool fit_addresses(struct send_transaction *t)
{
    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        struct str address = t->mail->recipients[i].address;

        if (!is_path_safe(address) || address.len == 0)
            t->outcomes[i] =
                send_own(t->arena, NEVER, 553, "5.1.3", "that is no recipient address");
    }
    if (!is_path_safe(t->mail->sender))
        refuse(t, 553, "5.1.7", "that is no sender address");
    return send_count(t, SEND_OPEN) > 0;
}

/// RFC 9422 4.2: the rest goes with another mail.
static void fit_limits(struct send_transaction *t)
{
    uint64_t left = t->session->offer.recipients_max;

    if (left == 0)
        return;
    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        if (t->outcomes[i].code != SEND_OPEN)
            continue;
        if (left == 0)
            t->outcomes[i] =
                send_own(t->arena, LATER, 452, "4.5.3", "the server takes fewer at a time");
        else
            left--;
    }
}

// ---- extensions

static bool fit_size(struct send_transaction *t)
{
    uint64_t max = t->session->offer.size_max;

    if (max == 0 || t->mail->size <= max)
        return true;
    refuse(t, 552, "5.3.4", "larger than the server takes");
    return false;
}

/// RFC 8689 4.2.1.
static bool fit_tls(struct send_transaction *t)
{
    struct rt_tls_info info;

    if (!t->mail->requires_tls)
        return true;
    if (offers(t, SMTP_HAS_REQUIRETLS) && rt_conn_tls(t->session->conn, &info) &&
        !info.verify_error)
        return true;
    refuse(t, 550, "5.7.30", "the mail must stay under TLS, and the server does not promise that");
    return false;
}

/// RFC 2852 4: with mode R a mail is only given to who keeps to its time.
static bool fit_time(struct send_transaction *t)
{
    int64_t left = t->mail->by_s - rt_wall_s();

    if (t->mail->by != ENVELOPE_BY_RETURN)
        return true;
    if (left <= 0)
        refuse(t, 554, "5.4.7", "the time in which it was to be delivered has passed");
    else if (!offers(t, SMTP_HAS_DELIVERBY))
        refuse(t, 554, "5.3.3", "the server does not deliver by a time, as the mail demands");
    else if ((uint64_t)left < t->session->offer.by_min_s)
        refuse(t, 554, "5.4.7", "the server does not deliver as fast as the mail demands");
    else
        return true;
    return false;
}

// ---- bits

enum pass { PASS_LEARN, PASS_LOOK };

static int show(struct send_transaction *t, struct downgrade *d, enum pass pass)
{
    struct send_source source;
    int r = 0;

    send_source_init(&source, t->mail, NULL);
    while (r == 0 && !source.is_end) {
        struct str piece;

        r = send_source_next(&source, &piece);
        if (r < 0)
            break;
        if (pass == PASS_LEARN)
            downgrade_learn(d, piece);
        else
            downgrade_look(d, piece);
        r = rt_breathe();
    }
    send_source_done(&source);
    return r;
}

/// Looks the message through, once for both questions: bits, and header fields beyond ASCII.
static bool examine(struct send_transaction *t, enum downgrade_to to)
{
    int r;

    if (t->downgrade)
        return true;
    t->downgrade = downgrade_new(to);
    r = show(t, t->downgrade, PASS_LEARN);
    if (r == 0)
        r = show(t, t->downgrade, PASS_LOOK);
    if (r < 0)
        send_settle_all(t, send_own(t->arena, LATER, 451, "4.3.0", "the message cannot be read"));
    return r == 0;
}

static enum downgrade_to target(const struct send_transaction *t)
{
    return offers(t, SMTP_HAS_8BITMIME) ? DOWNGRADE_TO_8BIT : DOWNGRADE_TO_7BIT;
}

static bool offers_binary(const struct send_transaction *t)
{
    return offers(t, SMTP_HAS_BINARYMIME) && offers(t, SMTP_HAS_CHUNKING);
}

/// What MAIL says of the body when the message goes as it is; ..._7BIT where that cannot be.
static bool fits_as_it_is(const struct send_transaction *t)
{
    switch (t->mail->body) {
    case ENVELOPE_BODY_BINARYMIME:
        return offers_binary(t);
    case ENVELOPE_BODY_8BITMIME:
        return offers(t, SMTP_HAS_8BITMIME);
    default:
        return true;
    }
}

static bool fit_bits(struct send_transaction *t)
{
    t->is_binary = t->mail->body == ENVELOPE_BODY_BINARYMIME && offers_binary(t);
    t->uses_bdat =
        t->is_binary || (offers(t, SMTP_HAS_CHUNKING) && t->mail->size >= BDAT_FROM_BYTES);
    t->body = t->mail->body;
    if (fits_as_it_is(t))
        return true;
    t->body = offers(t, SMTP_HAS_8BITMIME) ? ENVELOPE_BODY_8BITMIME : ENVELOPE_BODY_7BIT;
    if (!examine(t, target(t)))
        return false;
    switch (downgrade_decide(t->downgrade)) {
    case DOWNGRADE_CANNOT:
        refuse(t, 554, "5.6.3", "the server takes fewer bits than the mail needs");
        return false;
    case DOWNGRADE_FINE:
        send_note(t->session, "the message is brought into fewer bits");
        return true;
    default:
        downgrade_free(t->downgrade);
        t->downgrade = NULL;
        return true;
    }
}

// ---- SMTPUTF8

static void fit_addresses_to_ascii(struct send_transaction *t)
{
    static const char WHY[] = "an address beyond ASCII, and the server does not offer SMTPUTF8";

    if (!has_ascii_form(t->mail->sender))
        refuse(t, 553, "5.6.7", WHY);
    for (size_t i = 0; i < t->mail->recipient_count; i++) {
        if (t->outcomes[i].code == SEND_OPEN && !has_ascii_form(t->mail->recipients[i].address))
            t->outcomes[i] = send_own(t->arena, NEVER, 553, "5.6.7", WHY);
    }
}

static bool has_utf8_address(const struct send_transaction *t)
{
    bool has = send_is_utf8(t->mail->sender);

    for (size_t i = 0; i < t->mail->recipient_count; i++)
        has |= send_is_utf8(t->mail->recipients[i].address);
    return has;
}

/// RFC 6531 3.2: without the offer, only what is ASCII after all may go.
static bool fit_utf8(struct send_transaction *t)
{
    if (offers(t, SMTP_HAS_SMTPUTF8)) {
        t->says_utf8 = t->mail->is_utf8 || has_utf8_address(t);
        return true;
    }
    fit_addresses_to_ascii(t);
    if (send_count(t, SEND_OPEN) == 0 || !t->mail->is_utf8)
        return send_count(t, SEND_OPEN) > 0;
    if (!examine(t, target(t)))
        return false;
    if (!downgrade_has_utf8_header(t->downgrade))
        return true;
    refuse(t, 554, "5.6.7", "a header field beyond ASCII, and the server does not offer SMTPUTF8");
    return false;
}

bool send_fit(struct send_transaction *t)
{
    if (!fit_addresses(t) || !fit_size(t) || !fit_tls(t) || !fit_time(t) || !fit_utf8(t) ||
        !fit_bits(t))
        return false;
    if (fits_as_it_is(t)) {
        downgrade_free(t->downgrade); // it was only looked at
        t->downgrade = NULL;
    }
    fit_limits(t);
    return true;
}
