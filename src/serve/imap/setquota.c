// SPDX-License-Identifier: ISC
//
// SETQUOTA (RFC 9208 4.1.3): limits are the administrator's, who sets them with `carteiro account
// set`; QUOTASET is not announced.
#include "serve/imap/acl.h"

/// "(" [atom SP number *(SP atom SP number)] ")"
static bool scan_limits(struct scan *in)
{
    struct str name;
    uint64_t limit;

    if (!imap_scan_sp(in) || !scan_char(in, '('))
        return false;
    if (scan_char(in, ')'))
        return true;
    do {
        if (!imap_scan_atom(in, &name) || !imap_scan_sp(in) || !scan_u64(in, INT64_MAX, &limit))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

int imap_on_setquota(struct imap_session *s, struct imap_call *c)
{
    struct str root;

    if (!imap_scan_identifier(c, &root) || !scan_limits(&c->in) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    return imap_no(s, c, "[NOPERM] Limits are set by the administrator of this server");
}
