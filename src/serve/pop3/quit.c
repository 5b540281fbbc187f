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
        r = rt_put(s->conn, STR("-ERR [SYS/TEMP] nothing was removed: local trouble\r\n"));
    } else if (r == STORE_NOT_FOUND) {
        r = rt_put(s->conn, STR("-ERR nothing was removed: the mailbox is gone\r\n"));
    } else {
        r = rt_put(s->conn, STR("+OK goodbye\r\n"));
    }
    return r < 0 ? r : RT_CLOSE;
}
