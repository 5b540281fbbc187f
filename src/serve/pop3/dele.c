// SPDX-License-Identifier: ISC
//
// DELE marks, RSET unmarks (RFC 1939 5); nothing is removed before QUIT. And NOOP.
#include "serve/pop3/session.h"

int pop3_on_dele(struct pop3_session *s, const struct pop3_command *c)
{
    struct pop3_mail *mail;
    int r = 0;

    mail = pop3_mail_of(s, c, &r);
    if (!mail)
        return r;
    mail->is_deleted = true;
    return rt_putf(s->conn, "+OK message %u will be removed at QUIT\r\n", c->number);
}

int pop3_on_rset(struct pop3_session *s, const struct pop3_command *c)
{
    (void)c;
    for (size_t i = 0; i < s->count; i++)
        s->mails[i].is_deleted = false;
    return rt_put(s->conn, STR("+OK nothing is marked\r\n"));
}

int pop3_on_noop(struct pop3_session *s, const struct pop3_command *c)
{
    (void)c;
    return rt_put(s->conn, STR("+OK\r\n"));
}
