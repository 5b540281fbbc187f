// SPDX-License-Identifier: ISC
//
// DELETE (RFC 3501 6.3.4). Mailboxes below it stay.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

int imap_on_delete(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    int r, result;

    CHECK(mailbox);
    r = imap_find_mailbox(s, c, ACCESS_DELETE, mailbox, &result);
    if (r != 0)
        return result;
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (str_eq(str_from(mailbox->name), STR("INBOX")))
        return imap_no(s, c, "[CANNOT] INBOX stays");
    r = store_change_new(imap_store(s), &change);
    if (r == 0) {
        store_change_mailbox_delete(change, mailbox->id);
        r = store_commit(change);
    }
    if (r != 0)
        return imap_no_store(s, c, "delete", r);
    if (s->view && s->view->mailbox_id == mailbox->id)
        imap_deselect(s);
    return imap_ok(s, c, "Deleted");
}
