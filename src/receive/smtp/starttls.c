// SPDX-License-Identifier: ISC
//
// STARTTLS (RFC 3207). Nothing that was said before counts afterwards (4.2), and what was sent
// ahead of the handshake is thrown away by rt_start_tls.
#include "receive/smtp/session.h"

int receive_on_starttls(struct receive_session *s, const struct smtp_command *c)
{
    struct log_line l;
    int r;

    if (c->argument.len > 0) {
        receive_say(s, 501, "5.5.4", "STARTTLS stands alone");
        return 0;
    }
    if (receive_has_tls(s)) {
        receive_say(s, 503, "5.5.1", "TLS is up already");
        return 0;
    }
    if (!s->receive->doors.tls) {
        receive_say(s, 502, "5.5.1", "no TLS here");
        return 0;
    }
    receive_say(s, 220, "2.0.0", "go ahead");
    r = rt_start_tls(s->conn, s->receive->doors.tls);
    if (r < 0) {
        receive_log(s, &l, LOG_INFO, "receive/starttls", "failed");
        log_errno(&l, r);
        log_end(&l);
        return r;
    }
    receive_forget(s);
    return 0;
}
