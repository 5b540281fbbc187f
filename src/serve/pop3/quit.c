// SPDX-License-Identifier: ISC
//
// QUIT, RFC 1939 6: the only way into the UPDATE state. All that is marked is removed, or nothing.
#include "log/log.h"
#include "serve/pop3/session.h"

int pop3_on_quit(struct pop3_session *s, const struct pop3_command *c)
{
    int r = 0;

    (void)c;
    if (s->state == POP3_TRANSACTION)
        r = pop3_update(s);
    // The next session may come as soon as this client has its answer
    pop3_leave(s);
    if (r < 0) {
        log_failure("serve/pop3", "update", r);
        r = rt_putf(s->conn, "-ERR %s\r\n", pop3_say(s, POP3_NOTHING_REMOVED));
    } else if (r == STORE_NOT_FOUND) {
        r = rt_putf(s->conn, "-ERR %s\r\n", pop3_say(s, POP3_MAILBOX_GONE));
    } else {
        r = rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_GOODBYE));
    }
    return r < 0 ? r : RT_CLOSE;
}
