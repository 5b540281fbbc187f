// SPDX-License-Identifier: ISC
//
// NOOP and CHECK (RFC 3501 6.1.2, 6.4.1): the OK tells what is new; the store keeps itself safe.
#include "serve/imap/session.h"

int imap_on_noop(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    return imap_ok(s, c, "Done");
}

int imap_on_check(struct imap_session *s, struct imap_call *c)
{
    return imap_on_noop(s, c);
}
