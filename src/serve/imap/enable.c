// SPDX-License-Identifier: ISC
//
// ENABLE (RFC 5161): nothing here needs it yet, so nothing is enabled.
#include "serve/imap/session.h"

int imap_on_enable(struct imap_session *s, struct imap_call *c)
{
    struct str name;

    do {
        if (!imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, &name))
            return imap_bad_syntax(s, c);
    } while (!scan_is_end(&c->in));
    buf_put(c->out, STR("* ENABLED\r\n"));
    return imap_ok(s, c, "Done");
}
