// SPDX-License-Identifier: ISC
//
// STARTTLS (RFC 3501 6.2.1). What was sent ahead in clear is thrown away by the runtime.
#include "serve/imap/session.h"

int imap_on_starttls(struct imap_session *s, struct imap_call *c)
{
    struct rt_tls_info info;
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (rt_conn_tls(s->conn, &info))
        return imap_bad(s, c, "TLS runs already");
    if (!imap_tls(s))
        return imap_no(s, c, "[UNAVAILABLE] There is no certificate here");
    r = imap_ok(s, c, "Go ahead");
    if (r != RT_NEXT)
        return r;
    r = rt_start_tls(s->conn, imap_tls(s));
    return r < 0 ? r : RT_NEXT;
}
