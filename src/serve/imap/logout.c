// SPDX-License-Identifier: ISC
//
// LOGOUT (RFC 3501 6.1.3).
#include "serve/imap/session.h"

int imap_on_logout(struct imap_session *s, struct imap_call *c)
{
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    imap_deselect(s);
    buf_put(c->out, STR("* BYE See you\r\n"));
    r = imap_ok(s, c, "Done");
    return r < 0 ? r : RT_CLOSE;
}
