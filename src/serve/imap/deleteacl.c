// SPDX-License-Identifier: ISC
//
// DELETEACL (RFC 4314 3.2): an identifier's entry goes. Whoever has none is not missed.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/acl.h"

int imap_on_deleteacl(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct imap_identifier who;
    struct str text;
    int result;

    CHECK(mailbox);
    if (imap_find_administered(s, c, mailbox, &result) != 0)
        return result;
    if (!imap_scan_identifier(c, &text) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!imap_identify(s, mailbox, text, &who))
        return imap_no(s, c, "[CANNOT] Nobody here is called that");
    return imap_change_acl(s, c, mailbox, &who, ACCESS_REPLACE, 0);
}
