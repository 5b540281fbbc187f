// SPDX-License-Identifier: ISC
//
// HELO and EHLO (RFC 5321 4.1.1.1), and LHLO of LMTP (RFC 2033 4.1): who the client says it is, and
// what we offer. Also as RSET.
#include "receive/smtp/session.h"

/// The lines of RFC 5321 4.2.1 after the greeting, for this port, client and moment.
static void put_offer(struct receive_session *s, struct buf *out)
{
    CLEANUP(buf_drop) struct buf mechanisms = {.max = 256};

    buf_put(out, STR("\nPIPELINING"));
    buf_putf(out, "\nSIZE %llu", (unsigned long long)s->limits->config.message_size);
    buf_put(out, STR("\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nBINARYMIME"));
    receive_put_options(s, out);
    if (s->receive->doors.tls && !receive_has_tls(s))
        buf_put(out, STR("\nSTARTTLS"));
    if (receive_put_mechanisms(s, &mechanisms)) {
        buf_put(out, STR("\nAUTH "));
        buf_put(out, buf_str(&mechanisms));
    }
    if (s->may_xclient)
        buf_put(out, STR("\nXCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"));
    buf_put(out, STR("\nHELP"));
}

int receive_on_helo(struct receive_session *s, const struct smtp_command *c)
{
    CLEANUP(buf_drop) struct buf text = {.max = 4096};
    struct str name;
    const struct smtp_fault *fault = smtp_helo_parse(c->argument, &name);

    // RFC 2033 4.1: one or the other is spoken on a port
    if ((c->verb == SMTP_LHLO) != (s->role == RECEIVE_LMTP)) {
        receive_say(s, 500, "5.5.1",
                    s->role == RECEIVE_LMTP ? "LMTP is spoken here: LHLO" : "no LMTP here: EHLO");
        return 0;
    }
    if (fault) {
        receive_say_fault(s, fault);
        return 0;
    }
    receive_transaction_end(s);
    buf_clear(&s->helo);
    buf_put(&s->helo, name);
    s->is_esmtp = c->verb != SMTP_HELO;
    s->state = RECEIVE_READY;
    buf_put(&text, receive_host(s));
    if (s->is_esmtp)
        put_offer(s, &text);
    receive_say_str(s, 250, STR(""), buf_str(&text));
    return 0;
}
