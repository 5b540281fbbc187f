// SPDX-License-Identifier: ISC
//
// GETQUOTAROOT (RFC 9208 4.1.2). What is filed in a mailbox counts for its owner; how full that
// account is learns who may file something there.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/quota.h"

int imap_on_getquotaroot(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    bool has_root;
    int result;

    CHECK(mailbox);
    if (imap_find_mailbox(s, c, ACCESS_READ, mailbox, &result) != 0)
        return result;
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    has_root = (access_rights(imap_access(s), s->account_id, mailbox) & ACCESS_INSERT) &&
               imap_has_quota(s, mailbox->account_id);
    buf_put(c->out, STR("* QUOTAROOT "));
    imap_put_name_of(s, mailbox, c->out);
    if (has_root) {
        buf_put_char(c->out, ' ');
        imap_put_quota_root(s, mailbox->account_id, c->out);
    }
    buf_put(c->out, STR("\r\n"));
    if (has_root)
        imap_put_quota(s, mailbox->account_id, c->out);
    return imap_ok(s, c, "Done");
}
