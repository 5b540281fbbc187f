// SPDX-License-Identifier: ISC
//
// GETJMAPACCESS (RFC 9698): where the same mail is to be had by JMAP, with the same passwords. Only
// said when the configuration names the session resource.
#include "proto/imap/reply.h"
#include "serve/imap/session.h"

int imap_on_getjmapaccess(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!s->config.jmap_url.len)
        return imap_bad(s, c, "There is no JMAP here");
    buf_put(c->out, STR("* JMAPACCESS "));
    imap_put_string(c->out, s->config.jmap_url);
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "Done");
}
