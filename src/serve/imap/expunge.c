// SPDX-License-Identifier: ISC
//
// EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1).
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

/// What other sessions marked since the last sync counts too: RFC 3501 asks for all that have
/// \Deleted. Mail this client has not been told of is left alone.
int imap_expunge_deleted(struct imap_session *s, struct imap_call *c,
                         const struct imap_selection *selection, uint64_t *out_modseq)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct imap_view *view = s->view;
    struct store_range all = {1, imap_view_last_uid(view)};
    struct store_expunging expunging = {.mailbox_id = view->mailbox_id, .deleted_only = true};
    bool is_needed = store_watch_modseq(view->watch) != view->modseq ||
                     store_snapshot_mailbox(view->picture)->deleted_count > 0;
    int r;

    if (out_modseq)
        *out_modseq = 0;
    if (view->is_read_only || !(view->rights & ACCESS_EXPUNGE) || !is_needed || view->count == 0)
        return 0;
    expunging.uids =
        selection ? imap_selection_uids(s, c, selection) : (struct store_uids){&all, 1};
    if (expunging.uids.count == 0)
        return 0;
    r = store_change_new(imap_store(s), &change);
    if (r != 0)
        return r;
    store_change_expunge(change, &expunging);
    r = store_commit(change);
    if (r == 0 && out_modseq && expunging.count > 0)
        *out_modseq = expunging.modseq;
    return r;
}

int imap_on_expunge(struct imap_session *s, struct imap_call *c)
{
    struct imap_selection selection;
    int r;

    if ((c->is_uid && !imap_scan_selection(s, c, &selection)) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (s->view->is_read_only)
        return imap_no(s, c, "[READ-ONLY] Nothing can be changed here");
    if (!(s->view->rights & ACCESS_EXPUNGE))
        return imap_no(s, c, "[NOPERM] You were not given the right to expunge");
    // EXPUNGE alone has no limit (RFC 9738 3); nor can be too many where so few are marked
    if (c->is_uid && imap_is_over_limit(s, store_snapshot_mailbox(s->view->picture)->deleted_count))
        imap_limit(s, c, &selection);
    r = imap_expunge_deleted(s, c, c->is_uid ? &selection : NULL, NULL);
    if (r != 0)
        return imap_no_store(s, c, "expunge", r);
    return imap_ok_modseq(s, c, "Expunged");
}
