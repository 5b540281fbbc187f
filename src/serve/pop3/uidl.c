// SPDX-License-Identifier: ISC
//
// UIDL, RFC 1939 7: "UIDVALIDITY.UID" of the message in IMAP. It stays the same as long as the
// message is there, and no other message of this mailbox ever gets it.
#include "serve/pop3/session.h"

static int put_one(struct pop3_session *s, const char *before, const struct pop3_mail *mail)
{
    return rt_putf(s->conn, "%s%u %u.%u\r\n", before, pop3_number_of(s, mail), s->uidvalidity,
                   mail->uid);
}

int pop3_on_uidl(struct pop3_session *s, const struct pop3_command *c)
{
    const struct pop3_mail *mail;
    int r = 0;

    if (c->has_number) {
        mail = pop3_mail_of(s, c, &r);
        return mail ? put_one(s, "+OK ", mail) : r;
    }
    (void)rt_put(s->conn, STR("+OK\r\n"));
    for (size_t i = 0; i < s->count && r >= 0; i++) {
        if (s->mails[i].is_deleted)
            continue;
        (void)put_one(s, "", &s->mails[i]);
        r = rt_breathe();
    }
    return r < 0 ? r : rt_put(s->conn, STR(".\r\n"));
}
