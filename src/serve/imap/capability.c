// SPDX-License-Identifier: ISC
//
// CAPABILITY (RFC 3501 6.1.1); the list itself stands in verb.c.
#include "serve/imap/session.h"

int imap_on_capability(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    buf_put(c->out, STR("* CAPABILITY "));
    imap_put_capabilities(s, c->out);
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "That is all");
}
