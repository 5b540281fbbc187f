// SPDX-License-Identifier: ISC
//
// A message on its way in: its bytes go to queue as they come, behind a Received line. On the
// submission ports a missing Date and Message-ID are added (RFC 6409 8.2, 8.3), at the end of the
// header so that it need not be held; nothing else of a mail is changed. Bcc stays: whom a copy
// shows to whom is the client's decision (RFC 5322 3.6.3), and it may be signed.
//
// Nobody behind us sees raw bytes: what comes as BODY=BINARYMIME is made lines here (mail/binary),
// so that mailboxes and the queue hold 7bit and 8bit only.
//
// Whatever is wrong with a message, all of it is read before that is said, for a client does not
// listen earlier; but nothing is kept of it any more.
#include "mail/binary.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/received.h"
#include "receive/smtp/session.h"

#include <errno.h>

enum {
    PIECE_MAX = 16 * 1024,
    HEAD_MAX = 64 * 1024, // in which fields are looked for that ask for something
};

/// How many times the largest message is read away before the connection is cut.
enum { READ_AWAY = 4 };

static void put_received(struct receive_session *s, struct buf *out)
{
    const struct envelope *e = s->envelope;
    struct rt_tls_info tls;
    char id[24];
    struct received line = {
        .helo = e->helo,
        .client_ip = e->peer,
        .by = receive_host(s),
        .with = e->protocol,
        .for_whom = e->recipient_count == 1 ? e->recipients[0].address : STR(""),
        .has_priority = s->has_priority,
        .priority = e->priority,
        .date = {.seconds = rt_wall_s()},
    };
    int len = snprintf(id, sizeof id, "%016llx", (unsigned long long)e->id);

    line.id = str_of(id, (size_t)len);
    if (rt_conn_tls(s->conn, &tls))
        line.tls = str_from(tls.cipher);
    received_put(out, &line);
}

int receive_body_begin(struct receive_session *s, struct receive_body **out)
{
    struct receive_body *body = ARENA_NEW(&s->transaction, struct receive_body);
    CLEANUP(buf_drop) struct buf line = {.max = 4096};
    int r;

    body->session = s;
    buf_init(&body->head, HEAD_MAX);
    body->begun_us = rt_now_us();
    r = queue_begin(s->receive->doors.queue, s->envelope, &body->mail);
    if (r < 0)
        return r;
    put_received(s, &line);
    r = queue_append(body->mail, buf_str(&line));
    if (r < 0) {
        queue_abandon(body->mail);
        return r;
    }
    if (s->envelope->body == ENVELOPE_BODY_BINARYMIME)
        body->binary = binary_new();
    *out = body;
    return 0;
}

/// What is on the heap, but the mail.
static void forget(struct receive_body *body)
{
    binary_free(TAKE(body->binary));
    buf_done(&body->head);
}

static void stop_keeping(struct receive_body *body)
{
    queue_abandon(TAKE(body->mail));
}

static void keep(struct receive_body *body, struct str bytes)
{
    // an error is repeated by queue_accept
    if (body->mail && bytes.len > 0)
        queue_append(body->mail, bytes);
}

/// RFC 6409 8.2 and 8.3. The id is the transaction's: it finds the mail in the log.
static void add_fields(struct receive_body *body)
{
    struct receive_session *s = body->session;
    CLEANUP(buf_drop) struct buf fields = {.max = 1024};

    if (s->role == RECEIVE_MX)
        return;
    if (!body->header.has_date) {
        buf_put(&fields, STR("Date: "));
        date_put(&fields, (struct date){.seconds = rt_wall_s()});
        buf_put(&fields, STR("\r\n"));
    }
    if (!body->header.has_message_id)
        buf_putf(&fields, "Message-ID: <%016llx.%016llx@%.*s>\r\n",
                 (unsigned long long)s->envelope->id, (unsigned long long)rt_wall_us(),
                 STR_ARG(receive_host(s)));
    keep(body, buf_str(&fields));
}

/// Eats what belongs to the header, and what was held back of it.
static void append_header(struct receive_body *body, struct str *bytes)
{
    while (bytes->len > 0 && !body->header.is_over) {
        struct str piece;
        enum receive_header_step step = receive_header_next(&body->header, bytes, &piece);

        keep(body, piece);
        if (step == RECEIVE_HEADER_MORE)
            continue;
        add_fields(body);
        if (step == RECEIVE_HEADER_NO_LINE)
            keep(body, STR("\r\n"));
        keep(body, str_of(body->header.held, body->header.held_len));
    }
    if (body->header.size > body->session->limits->config.header_size)
        body->is_header_too_large = true;
}

/// Only mail that goes on to other hosts has use for it.
static void note_head(struct receive_body *body, struct str bytes)
{
    struct receive_session *s = body->session;

    if (s->role == RECEIVE_LOCAL || receive_is_known(s))
        buf_put(&body->head, str_head(bytes, HEAD_MAX - body->head.len));
}

/// Bytes as they are kept.
static void append(struct receive_body *body, struct str bytes)
{
    if (!body->header.is_over) {
        note_head(body, bytes);
        append_header(body, &bytes);
    }
    if (body->is_too_large || body->is_header_too_large)
        stop_keeping(body);
    keep(body, bytes);
}

static void count(struct receive_body *body, struct str bytes)
{
    body->size += bytes.len;
    if (body->size > body->session->limits->config.message_size)
        body->is_too_large = true;
}

void receive_body_append(struct receive_body *body, struct str bytes)
{
    count(body, bytes);
    append(body, bytes);
}

/// What became of raw bytes.
static void append_lines(struct receive_body *body, struct buf *lines)
{
    CHECK(buf_ok(lines));
    smtp_text_look(&body->text, buf_str(lines));
    append(body, buf_str(lines));
    buf_clear(lines);
}

void receive_body_append_chunk(struct receive_body *body, struct str bytes)
{
    CLEANUP(buf_drop) struct buf lines = {.max = 2 * PIECE_MAX + BINARY_ROOM};

    count(body, bytes);
    if (!body->binary) {
        smtp_text_look(&body->text, bytes);
        append(body, bytes);
        return;
    }
    while (bytes.len > 0) {
        struct str piece = str_head(bytes, PIECE_MAX);

        bytes = str_skip(bytes, piece.len);
        binary_put(body->binary, piece, &lines);
        append_lines(body, &lines);
    }
}

void receive_body_end_chunks(struct receive_body *body)
{
    CLEANUP(buf_drop) struct buf lines = {.max = BINARY_ROOM};

    if (body->binary) {
        binary_end(body->binary, &lines);
        append_lines(body, &lines);
        binary_free(TAKE(body->binary));
        body->session->envelope->body = ENVELOPE_BODY_8BITMIME; // from here on
        body->was_binary = true;
    }
    smtp_text_end(&body->text);
}

/// The message ended within its header.
static void end_header(struct receive_body *body)
{
    struct receive_header *h = &body->header;

    if (h->is_over)
        return;
    keep(body, str_of(h->held, h->held_len));
    if (h->is_within_line || h->held_len > 0)
        keep(body, STR("\r\n"));
    add_fields(body);
}

static struct outcome refusal(unsigned code, struct str enhanced, struct str text)
{
    return (struct outcome){outcome_verdict(code), code, enhanced, text};
}

/// What is wrong with the message itself; DONE: nothing.
static struct outcome judge(const struct receive_body *body, const struct smtp_text *text)
{
    if (body->is_too_large)
        return refusal(552, STR("5.3.4"), STR("message larger than SIZE allows"));
    if (body->is_header_too_large)
        return refusal(552, STR("5.3.4"), STR("header too large"));
    // RFC 3030 3: raw bytes that no encoding was declared for, or under a signature
    if (body->was_binary && (text->has_bare || text->has_nul))
        return refusal(554, STR("5.6.3"),
                       STR("raw bytes outside of parts labelled binary, or in signed ones: they "
                           "cannot be converted"));
    // RFC 5321 2.3.8. Servers differ in what they take for a line's end, and with that for a
    // mail's: passed on, such bytes can smuggle a second mail.
    if (text->has_bare)
        return refusal(554, STR("5.6.11"), STR("a line ends with a bare CR or LF, not with CR LF"));
    // Neither 7bit nor 8bit (RFC 2045 2.7, 2.8), and no literal of IMAP can carry it.
    if (text->has_nul)
        return refusal(554, STR("5.6.0"), STR("a NUL byte in the message"));
    if (body->header.hops > body->session->limits->config.hops_max)
        return refusal(554, STR("5.4.6"), STR("too many hops, this mail goes in circles"));
    return (struct outcome){.verdict = DONE};
}

struct outcome receive_body_end(struct receive_body *body, const struct smtp_text *text)
{
    struct outcome outcome = judge(body, text);

    receive_note_header(body->session, buf_str(&body->head));
    forget(body);
    if (outcome.verdict != DONE) {
        stop_keeping(body);
        return outcome;
    }
    if (body->session->role == RECEIVE_LMTP) {
        outcome = receive_lmtp_sort(body);
        if (outcome.verdict != DONE) {
            stop_keeping(body);
            return outcome;
        }
    }
    end_header(body);
    rt_conn_set_command_ms(body->session->conn, (uint32_t)body->session->limits->config.data_end);
    return queue_accept(TAKE(body->mail));
}

void receive_body_abandon(struct receive_body *body)
{
    if (!body)
        return;
    stop_keeping(body);
    forget(body);
}

/// Until the next bytes, and for all of them.
static void set_deadline(const struct receive_body *body)
{
    const struct receive_config *config = &body->session->limits->config;
    uint64_t spent = (rt_now_us() - body->begun_us) / 1000;
    uint64_t left = spent < config->data_total ? config->data_total - spent : 1;

    rt_conn_set_command_ms(body->session->conn,
                           (uint32_t)(left < config->data_block ? left : config->data_block));
}

int receive_body_peek(struct receive_body *body, struct str *out)
{
    struct receive_session *s = body->session;
    struct log_line l;
    int r;

    if (body->size / READ_AWAY > s->limits->config.message_size) {
        receive_say(s, 421, "4.7.0", "far too large, closing");
        rt_flush(s->conn);
        return -EMSGSIZE;
    }
    set_deadline(body);
    r = rt_peek(s->conn, out);
    if (r >= 0)
        return 0;
    if (r == -ETIMEDOUT)
        receive_say(s, 421, "4.4.2", "the message did not come, closing");
    receive_log(s, &l, LOG_INFO, "receive/data", "lost");
    log_mail(&l, s->envelope->id);
    log_u64(&l, "size", body->size);
    log_errno(&l, r);
    log_end(&l);
    return r;
}

void receive_body_tell(struct receive_session *s, const struct receive_body *body,
                       const struct outcome *outcome)
{
    struct log_line l;

    receive_log(s, &l, LOG_INFO, "receive/data", outcome->verdict == DONE ? "taken" : "refused");
    log_mail(&l, s->envelope->id);
    log_str(&l, "from", s->envelope->sender);
    log_u64(&l, "size", body->size);
    log_u64(&l, "rcpts", s->envelope->recipient_count);
    log_str(&l, "with", s->envelope->protocol);
    if (s->identity)
        log_text(&l, "user", s->identity->address);
    if (outcome->verdict != DONE) {
        log_u64(&l, "code", outcome->code);
        log_str(&l, "why", outcome->text);
    }
    log_end(&l);
    if (s->role == RECEIVE_LMTP)
        receive_lmtp_say(s, body, outcome);
    else
        receive_say_outcome(s, outcome);
    if (outcome->verdict == DONE) {
        receive_count_mail(s);
        s->mail_count++;
        s->error_count = s->junk_count = 0;
    }
    receive_transaction_end(s);
}
