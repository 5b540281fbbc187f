// SPDX-License-Identifier: ISC
//
// LISTRIGHTS (RFC 4314 3.4): which rights an identifier has anyway and which it may be given. The
// owner has all; nobody else has any until they are given, each by itself.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/acl.h"

int imap_on_listrights(struct imap_session *s, struct imap_call *c)
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
    buf_put(c->out, STR("* LISTRIGHTS "));
    imap_put_name_of(s, mailbox, c->out);
    buf_put_char(c->out, ' ');
    imap_put_identifier(s, who.text, c->out);
    buf_put_char(c->out, ' ');
    if (who.is_owner)
        access_rights_put(ACCESS_ALL, c->out);
    else
        buf_put(c->out, STR("\"\" l r s w i p k x t e a c d"));
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "Done");
}
