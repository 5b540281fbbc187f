// SPDX-License-Identifier: ISC
//
// COMPRESS (RFC 4978), for whoever has signed in: strangers get no memory for it. From the end of
// the OK on, both sides speak deflate; how, is the runtime's matter (rt_start_deflate).
#include "serve/imap/session.h"

int imap_on_compress(struct imap_session *s, struct imap_call *c)
{
    struct str algorithm;
    int r;

    if (!imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, &algorithm) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!str_case_eq(algorithm, STR("DEFLATE")))
        return imap_bad(s, c, "No such compression here");
    if (rt_is_deflated(s->conn))
        return imap_no(s, c, "[COMPRESSIONACTIVE] DEFLATE is active by this command already");
    r = imap_ok(s, c, "DEFLATE active");
    return r == RT_NEXT ? rt_start_deflate(s->conn) : r;
}
