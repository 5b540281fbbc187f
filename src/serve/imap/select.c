// SPDX-License-Identifier: ISC
//
// SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2). A failed one leaves no mailbox selected.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

#include <inttypes.h>

static void put_mailbox(const struct imap_view *view, struct buf *out)
{
    size_t unseen = store_snapshot_unseen(view->picture);

    imap_view_put_flags(view, out);
    buf_putf(out, "* %zu EXISTS\r\n* %zu RECENT\r\n", view->count, imap_view_recent_count(view));
    if (unseen < view->count)
        buf_putf(out, "* OK [UNSEEN %zu] The first unseen message\r\n", unseen + 1);
    buf_putf(out, "* OK [UIDVALIDITY %" PRIu32 "] UIDs are valid\r\n", view->uidvalidity);
    buf_putf(out, "* OK [UIDNEXT %" PRIu32 "] The next UID\r\n", view->uidnext);
}

static int select_mailbox(struct imap_session *s, struct imap_call *c, bool read_only)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    int r, result;

    CHECK(mailbox);
    imap_deselect(s);
    r = imap_find_mailbox(s, c, ACCESS_READ, mailbox, &result);
    if (r != 0)
        return result;
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    r = imap_view_open(s, mailbox, read_only, &s->view);
    if (r != 0)
        return imap_no_store(s, c, "select", r);
    s->state = IMAP_SELECTED;
    put_mailbox(s->view, c->out);
    return imap_ok(s, c, read_only ? "[READ-ONLY] Opened" : "[READ-WRITE] Opened");
}

int imap_on_select(struct imap_session *s, struct imap_call *c)
{
    return select_mailbox(s, c, false);
}

int imap_on_examine(struct imap_session *s, struct imap_call *c)
{
    return select_mailbox(s, c, true);
}
