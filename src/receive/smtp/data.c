// SPDX-License-Identifier: ISC
//
// DATA (RFC 5321 4.1.1.4): the message, until CR LF . CR LF and nothing else. 250 is said after
// queue has it on disk, never earlier.
#include "receive/smtp/session.h"

/// All bytes up to the end; what follows it stays for the next command.
static int read_all(struct receive_session *s, struct receive_body *body, struct smtp_dot *dot)
{
    while (!smtp_dot_is_end(dot)) {
        struct str in, piece;
        size_t len;
        int r = receive_body_peek(body, &in);

        if (r < 0)
            return r;
        len = in.len;
        while (smtp_dot_next(dot, &in, &piece)) {
            if (piece.len > 0)
                receive_body_append(body, piece);
        }
        rt_eat(s->conn, len - in.len);
    }
    return 0;
}

int receive_on_data(struct receive_session *s, const struct smtp_command *c)
{
    struct receive_body *body;
    struct smtp_dot dot = {0};
    struct outcome outcome;
    int r;

    if (c->argument.len > 0) {
        receive_say(s, 501, "5.5.4", "DATA stands alone");
        return 0;
    }
    if (s->state != RECEIVE_RCPT) {
        // RFC 2033 4.2 for LMTP
        receive_say(s, s->role == RECEIVE_LMTP ? 503 : 554, "5.5.1", "no valid recipients");
        return 0;
    }
    if (s->envelope->body == ENVELOPE_BODY_BINARYMIME) {
        receive_say(s, 503, "5.5.1", "BODY=BINARYMIME comes with BDAT (RFC 3030 3)");
        return 0;
    }
    r = receive_body_begin(s, &body);
    if (r < 0) {
        log_failure("receive/data", "queue_begin", r);
        receive_say(s, 451, "4.3.0", "local trouble, try again");
        return 0;
    }
    rt_put(s->conn, STR("354 go ahead, end with a dot on a line of its own\r\n"));
    r = read_all(s, body, &dot);
    if (r < 0) {
        receive_body_abandon(body);
        return r;
    }
    outcome = receive_body_end(body, &dot.text);
    receive_body_tell(s, body, &outcome);
    return 0;
}
