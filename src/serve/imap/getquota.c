// SPDX-License-Identifier: ISC
//
// GETQUOTA (RFC 9208 4.1.1): of the own account. Other roots are told from none by nothing.
#include "serve/imap/acl.h"
#include "serve/imap/quota.h"

int imap_on_getquota(struct imap_session *s, struct imap_call *c)
{
    struct str root;

    if (!imap_scan_identifier(c, &root) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (account_id_of(imap_accounts(s), root) != s->account_id || !imap_has_quota(s, s->account_id))
        return imap_no(s, c, "[NONEXISTENT] You have no such quota root");
    imap_put_quota(s, s->account_id, c->out);
    return imap_ok(s, c, "Done");
}
