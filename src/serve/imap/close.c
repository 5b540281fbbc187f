// SPDX-License-Identifier: ISC
//
// CLOSE (RFC 3501 6.4.2), which expunges without a word, and UNSELECT (RFC 3691), which does not.
#include "serve/imap/session.h"
#include "serve/imap/view.h"

int imap_on_close(struct imap_session *s, struct imap_call *c)
{
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    r = imap_expunge_deleted(s, c, NULL);
    imap_deselect(s);
    if (r != 0)
        return imap_no_store(s, c, "close", r);
    return imap_ok(s, c, "Closed");
}

int imap_on_unselect(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    imap_deselect(s);
    return imap_ok(s, c, "Closed, nothing was expunged");
}
