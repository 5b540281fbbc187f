// SPDX-License-Identifier: ISC
//
// DELETE (RFC 3501 6.3.4, RFC 9051 6.3.5). Mailboxes below it stay; a level that is only there
// because of them cannot be deleted.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

static int commit(struct imap_session *s, uint64_t mailbox_id)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    store_change_mailbox_delete(change, mailbox_id);
    return store_commit(change);
}

/// [await] Is that name, which is no mailbox, a level above some that this client can see?
static bool is_level(struct imap_session *s, struct str name)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct access_place place;
    unsigned rights = 0;
    bool has_children;

    CHECK(mailbox);
    return access_place_of(imap_access(s), s->account_id, name, &place) &&
           imap_mailbox_at(s, &place, mailbox, &rights) == STORE_NOT_FOUND &&
           imap_visible_below(s, &place, &has_children) == 0 && has_children;
}

int imap_on_delete(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    enum imap_name_answer answer;
    struct str name;
    int r, result;

    CHECK(mailbox);
    answer = imap_scan_name(c, &name);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (is_level(s, name))
        return imap_no(s, c, "[HASCHILDREN] There are mailboxes below that name");
    r = imap_lookup_mailbox(s, c, name, ACCESS_DELETE, mailbox, &result);
    if (r != 0)
        return result;
    if (str_eq(str_from(mailbox->name), STR("INBOX")))
        return imap_no(s, c, "[CANNOT] INBOX stays");
    r = commit(s, mailbox->id);
    if (r != 0)
        return imap_no_store(s, c, "delete", r);
    access_forget(imap_access(s), mailbox->id);
    if (s->view && s->view->mailbox_id == mailbox->id)
        imap_deselect(s);
    return imap_ok(s, c, "Deleted");
}
