// SPDX-License-Identifier: ISC
//
// REPLACE and UID REPLACE (RFC 8508): a message comes and another goes, in one change of the store;
// when that fails, or the connection does, the old one is there as before.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/append.h"
#include "serve/imap/view.h"

enum { NEEDED = ACCESS_DELETED | ACCESS_EXPUNGE }; // RFC 8508 4.1: what STORE and EXPUNGE need

/// nz-number / "*" (RFC 8508 4.4): the uid of that message, 0 when there is none.
static uint32_t scan_seq_number(struct imap_appending *a)
{
    const struct imap_view *view = a->in.s->view;
    uint32_t number;

    if (scan_char(&a->in.in, '*'))
        return view->count > 0 ? imap_view_uid(view, view->count - 1) : 0;
    if (!imap_scan_nz_number(&a->in.in, &number))
        return 0;
    if (a->in.c->is_uid)
        return number;
    return number <= view->count ? imap_view_uid(view, number - 1) : 0;
}

/// SP seq-number: the uid of the message that goes. 0, ANSWERED.
static int scan_old(struct imap_appending *a, uint32_t *out_uid)
{
    const struct imap_view *view = a->in.s->view;
    uint32_t uid = imap_scan_sp(&a->in.in) ? scan_seq_number(a) : 0;

    if (uid == 0)
        return imap_append_refuse_syntax(a);
    if (view->is_read_only || (view->rights & NEEDED) != NEEDED)
        return imap_append_refuse(a, view->is_read_only
                                         ? "[READ-ONLY] Nothing can be removed from this mailbox"
                                         : "[NOPERM] You may not remove messages from here");
    *out_uid = uid;
    return 0;
}

/// [await] Is it still there? Somebody may have expunged it.
static int look_for_old(struct imap_appending *a, uint32_t uid)
{
    struct store_entries entries = {0};
    int r = store_entries_get(imap_store(a->in.s), a->in.s->view->mailbox_id, uid, uid, &entries);
    size_t count = entries.count;

    store_entries_done(&entries);
    if (r != 0)
        return imap_append_refuse_store(a, r);
    return count > 0 ? 0 : imap_append_refuse(a, "[NONEXISTENT] That message is gone already");
}

/// [await] The old one goes first, so that the quota counts what remains.
static int commit(struct imap_appending *a, uint32_t uid)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct imap_session *s = a->in.s;
    struct store_range range = {uid, uid};
    struct store_expunging expunging = {.mailbox_id = s->view->mailbox_id, .uids = {&range, 1}};
    int r = store_change_new(imap_store(s), &change);

    if (r == 0) {
        store_change_expunge(change, &expunging);
        imap_append_change(a, change);
        r = store_commit(change);
    }
    if (r == STORE_NOT_FOUND)
        return imap_no(s, a->in.c, "[TRYCREATE] No such mailbox");
    if (r != 0)
        return imap_no_store(s, a->in.c, "replace", r);
    buf_put(a->in.c->out, STR("* OK ["));
    imap_append_put_uids(a, a->in.c->out); // RFC 8508 4.3: before the EXPUNGE is told
    buf_put(a->in.c->out, STR("] Kept\r\n"));
    return imap_ok(s, a->in.c, "Replaced");
}

int imap_on_replace(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(imap_appending_drop) struct imap_appending *a = imap_appending_new(s, c);
    uint32_t uid = 0;
    int r = scan_old(a, &uid);

    a->frees_room = true;
    if (r == 0)
        r = look_for_old(a, uid);
    if (r == 0)
        r = imap_append_target(a);
    if (r == 0)
        r = imap_append_messages(a, 1);
    if (r == 0)
        r = look_for_old(a, uid); // the message may have taken long to come
    if (r == IMAP_APPEND_ANSWERED)
        return imap_intake_end(&a->in, a->result);
    return r == 0 ? commit(a, uid) : r;
}
