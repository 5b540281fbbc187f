// SPDX-License-Identifier: ISC
//
// STAT and LIST, RFC 1939 5. The size of a message is that of the store, where lines end in CRLF as
// they do on the wire. Only a message with bare LFs (an IMAP client may have filed one) is sent
// longer than it says; counting those would mean reading every message at every login.
#include "serve/pop3/session.h"

static void sum_up(const struct pop3_session *s, size_t *out_count, uint64_t *out_bytes)
{
    *out_count = 0;
    *out_bytes = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->mails[i].is_deleted)
            continue;
        (*out_count)++;
        *out_bytes += s->mails[i].body.size;
    }
}

int pop3_on_stat(struct pop3_session *s, const struct pop3_command *c)
{
    uint64_t bytes;
    size_t count;

    (void)c;
    sum_up(s, &count, &bytes);
    return rt_putf(s->conn, "+OK %zu %llu\r\n", count, (unsigned long long)bytes);
}

static int put_one(struct pop3_session *s, const char *before, const struct pop3_mail *mail)
{
    return rt_putf(s->conn, "%s%u %llu\r\n", before, pop3_number_of(s, mail),
                   (unsigned long long)mail->body.size);
}

int pop3_on_list(struct pop3_session *s, const struct pop3_command *c)
{
    const struct pop3_mail *mail;
    uint64_t bytes;
    size_t count;
    int r = 0;

    if (c->has_number) {
        mail = pop3_mail_of(s, c, &r);
        return mail ? put_one(s, "+OK ", mail) : r;
    }
    sum_up(s, &count, &bytes);
    (void)rt_putf(s->conn, "+OK %zu %s (%llu %s)\r\n", count, pop3_say(s, POP3_MESSAGES),
                  (unsigned long long)bytes, pop3_say(s, POP3_OCTETS));
    for (size_t i = 0; i < s->count && r >= 0; i++) {
        if (s->mails[i].is_deleted)
            continue;
        (void)put_one(s, "", &s->mails[i]);
        r = rt_breathe();
    }
    return r < 0 ? r : rt_put(s->conn, STR(".\r\n"));
}
