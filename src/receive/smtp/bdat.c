// SPDX-License-Identifier: ISC
//
// BDAT (RFC 3030): the message in counted chunks, without an end mark to look for. A chunk that is
// refused is read away all the same, for its bytes are on their way. The rules for lines are those
// of DATA, for what is kept: raw bytes of BINARYMIME become base64 on their way (binary.c).
#include "receive/smtp/session.h"

#include <errno.h>

/// A chunk nobody wants. It may be as long as a message may be, not longer.
static int read_away(struct receive_session *s, uint64_t size)
{
    if (size > s->limits->config.message_size) {
        receive_say(s, 421, "4.7.0", "such a chunk is not read, closing");
        s->is_closing = true;
        return 0;
    }
    while (size > 0) {
        struct str in;
        int r = rt_peek(s->conn, &in);

        if (r < 0)
            return r;
        in = str_head(in, size);
        rt_eat(s->conn, in.len);
        size -= in.len;
    }
    return 0;
}

static int read_chunk(struct receive_session *s, struct receive_body *body, uint64_t size)
{
    while (size > 0) {
        struct str in;
        int r = receive_body_peek(body, &in);

        if (r < 0)
            return r;
        in = str_head(in, size);
        receive_body_append_chunk(body, in);
        rt_eat(s->conn, in.len);
        size -= in.len;
    }
    return 0;
}

/// Reads the chunk away, then says why.
static int refuse(struct receive_session *s, uint64_t size, unsigned code, const char *status,
                  const char *text)
{
    int r = read_away(s, size);

    if (r < 0 || s->is_closing)
        return r;
    receive_say(s, code, status, text);
    return 0;
}

/// The first chunk begins the body.
static int begin(struct receive_session *s, uint64_t size)
{
    int r;

    if (s->state == RECEIVE_CHUNKS)
        return 0;
    r = receive_body_begin(s, &s->body);
    if (r < 0) {
        log_failure("receive/bdat", "queue_begin", r);
        // a later chunk must not be taken for the first
        receive_transaction_end(s);
        r = refuse(s, size, 451, "4.3.0", "local trouble, try again");
        return r < 0 ? r : 1;
    }
    s->state = RECEIVE_CHUNKS;
    return 0;
}

static void end(struct receive_session *s)
{
    struct receive_body *body = TAKE(s->body);
    struct outcome outcome;

    receive_body_end_chunks(body);
    outcome = receive_body_end(body, &body->text);
    receive_body_tell(s, body, &outcome);
}

int receive_on_bdat(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_bdat bdat;
    const struct smtp_fault *fault = smtp_bdat_parse(c->argument, &bdat);
    int r;

    if (fault) {
        // where the next command begins is not known any more
        receive_say_fault(s, fault);
        s->is_closing = true;
        return 0;
    }
    if (s->state == RECEIVE_MAIL)
        return refuse(s, bdat.size, 554, "5.5.1", "no valid recipients");
    if (s->state != RECEIVE_RCPT && s->state != RECEIVE_CHUNKS)
        return refuse(s, bdat.size, 503, "5.5.1", "MAIL and RCPT first");
    r = begin(s, bdat.size);
    if (r != 0)
        return r < 0 ? r : 0;
    r = read_chunk(s, s->body, bdat.size);
    if (r < 0)
        return r;
    if (bdat.is_last) {
        end(s);
        return 0;
    }
    if (bdat.size == 0)
        s->junk_count++; // brings nothing, and could go on for ever
    receive_say(s, 250, "2.0.0", "chunk taken");
    return 0;
}
