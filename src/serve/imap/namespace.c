// SPDX-License-Identifier: ISC
//
// NAMESPACE (RFC 2342): the account's own at the root, that of others below their addresses; levels
// are apart by "/".
#include "serve/imap/session.h"

int imap_on_namespace(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    buf_put(c->out, imap_access(s)
                        ? STR("* NAMESPACE ((\"\" \"/\")) ((\"" ACCESS_OTHERS "/\" \"/\")) NIL\r\n")
                        : STR("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
    return imap_ok(s, c, "Done");
}
