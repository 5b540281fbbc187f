// SPDX-License-Identifier: ISC
//
// STLS, RFC 2595 4. What was sent in clear before is forgotten: input by rt_start_tls, the name
// here.
#include "serve/pop3/session.h"

int pop3_on_stls(struct pop3_session *s, const struct pop3_command *c)
{
    struct rt_tls_info info;
    int r;

    (void)c;
    if (rt_conn_tls(s->conn, &info))
        return pop3_refuse(s, POP3_TLS_IS_ON);
    if (!pop3_tls(s->pop3))
        return pop3_refuse(s, POP3_NO_TLS);
    buf_clear(&s->user);
    r = rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_BEGIN_TLS));
    if (r < 0)
        return r;
    r = rt_start_tls(s->conn, pop3_tls(s->pop3));
    return r < 0 ? r : RT_NEXT;
}
