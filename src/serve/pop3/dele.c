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
    return rt_putf(s->conn, "+OK %s %u %s\r\n", pop3_say(s, POP3_MESSAGE), c->number,
                   pop3_say(s, POP3_WILL_BE_REMOVED));
}

int pop3_on_rset(struct pop3_session *s, const struct pop3_command *c)
{
    (void)c;
    for (size_t i = 0; i < s->count; i++)
        s->mails[i].is_deleted = false;
    return rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_NOTHING_MARKED));
}

int pop3_on_noop(struct pop3_session *s, const struct pop3_command *c)
{
    (void)c;
    return rt_put(s->conn, STR("+OK\r\n"));
}
