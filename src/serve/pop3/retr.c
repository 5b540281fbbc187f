// SPDX-License-Identifier: ISC
//
// RETR and TOP, RFC 1939 5 and 7: the message straight from the store, in pieces, so that memory
// does not grow with it. The first piece is read before +OK, so that a message which is gone or
// damaged gets a clean -ERR; when a later piece fails the connection is closed without the final
// dot, and the client knows that it has not got all.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/pop3/stuff.h"
#include "log/log.h"
#include "serve/pop3/session.h"

#include <errno.h>

enum { PIECE_MAX = 32 * 1024 };

static int refuse_unreadable(struct pop3_session *s, const struct pop3_mail *mail, int error)
{
    struct log_line l;

    if (error == -ENOENT)
        return pop3_refuse(s, POP3_GONE);
    log_begin(&l, LOG_ERROR, "serve/pop3", "message cannot be read");
    log_u64(&l, "session", rt_conn_id(s->conn));
    log_str(&l, "account", buf_str(&s->user));
    log_u64(&l, "uid", mail->uid);
    log_errno(&l, error);
    log_end(&l);
    return pop3_refuse(s, error == -EBADMSG ? POP3_DAMAGED : POP3_UNREADABLE);
}

/// [await] Sends the first `len` bytes, which are in `piece`, and reads and sends the others.
static int send_message(struct pop3_session *s, const struct pop3_mail *mail, char *piece,
                        size_t len, uint32_t lines)
{
    CLEANUP(buf_drop) struct buf out = {0};
    struct pop3_stuff stuff;
    uint64_t offset = 0;
    ssize_t got = (ssize_t)len;
    int r;

    buf_init(&out, 2 * PIECE_MAX + 8);
    pop3_stuff_init(&stuff, lines);
    while (got > 0) {
        pop3_stuff_put(&stuff, str_of(piece, (size_t)got), &out);
        offset += (uint64_t)got;
        r = rt_put(s->conn, buf_str(&out));
        if (r < 0)
            return r;
        buf_clear(&out);
        if (stuff.is_full || offset >= mail->body.size)
            break;
        // The client took a piece: it has its time for the next one
        rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
        got = store_body_read(pop3_store(s->pop3), &mail->body, offset, piece, PIECE_MAX);
        if (got == 0)
            return -EBADMSG;
    }
    if (got < 0) {
        log_failure("serve/pop3", "message broke off", (int)got);
        return (int)got;
    }
    pop3_stuff_end(&stuff, &out);
    return rt_put(s->conn, buf_str(&out));
}

static int fetch(struct pop3_session *s, struct pop3_mail *mail, uint32_t lines)
{
    uint64_t size = mail->body.size;
    size_t first_len = size < PIECE_MAX ? (size_t)size : PIECE_MAX;
    CLEANUP(free_drop) char *piece = malloc(PIECE_MAX);
    ssize_t got = 0;
    int r;

    CHECK(piece);
    if (first_len > 0) {
        got = store_body_read(pop3_store(s->pop3), &mail->body, 0, piece, first_len);
        if (got <= 0)
            return refuse_unreadable(s, mail, got < 0 ? (int)got : -EBADMSG);
    }
    if (!s->is_utf8 && pop3_needs_utf8(str_of(piece, (size_t)got)))
        return pop3_refuse(s, POP3_UTF8_NEEDED);
    if (lines == POP3_ALL_LINES)
        r = rt_putf(s->conn, "+OK %llu %s\r\n", (unsigned long long)size, pop3_say(s, POP3_OCTETS));
    else
        r = rt_put(s->conn, STR("+OK\r\n"));
    if (r < 0)
        return r;
    r = send_message(s, mail, piece, (size_t)got, lines);
    if (r < 0)
        return r;
    mail->is_read |= lines == POP3_ALL_LINES; // not what was refused above
    return RT_NEXT;
}

int pop3_on_retr(struct pop3_session *s, const struct pop3_command *c)
{
    struct pop3_mail *mail;
    int r = 0;

    mail = pop3_mail_of(s, c, &r);
    if (!mail)
        return r;
    return fetch(s, mail, POP3_ALL_LINES);
}

int pop3_on_top(struct pop3_session *s, const struct pop3_command *c)
{
    struct pop3_mail *mail;
    int r = 0;

    mail = pop3_mail_of(s, c, &r);
    if (!mail)
        return r;
    return fetch(s, mail, c->lines < POP3_ALL_LINES ? c->lines : POP3_ALL_LINES - 1);
}
