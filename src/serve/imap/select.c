// SPDX-License-Identifier: ISC
//
// SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2; RFC 9051 6.3.2: without \Recent, and with the name in
// its normal form), with the parameters of RFC 7162. One that fails
// leaves no mailbox selected; one that is not understood leaves all as it was.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/objectid.h"
#include "serve/imap/resync.h"
#include "serve/imap/view.h"

#include <inttypes.h>

static void put_mailbox(const struct imap_session *s, struct buf *out)
{
    const struct imap_view *view = s->view;
    size_t unseen = store_snapshot_unseen(view->picture);

    imap_view_put_flags(view, out);
    buf_putf(out, "* %zu EXISTS\r\n", view->count);
    if (!(s->enabled & IMAP_REV2))
        buf_putf(out, "* %zu RECENT\r\n", imap_view_recent_count(view));
    if (unseen < view->count && !(s->enabled & (IMAP_REV2 | IMAP_UIDONLY)))
        buf_putf(out, "* OK [UNSEEN %zu] The first unseen message\r\n", unseen + 1);
    buf_putf(out, "* OK [UIDVALIDITY %" PRIu32 "] UIDs are valid\r\n", view->uidvalidity);
    buf_putf(out, "* OK [UIDNEXT %" PRIu32 "] The next UID\r\n", view->uidnext);
    buf_put(out, STR("* OK [MAILBOXID (")); // RFC 8474 4.2
    imap_put_mailboxid(out, view->mailbox_id);
    buf_put(out, STR(")] Its name for ever\r\n* OK [URLMECH INTERNAL] URLs of its messages\r\n"));
    buf_putf(out, "* OK [HIGHESTMODSEQ %" PRIu64 "] The highest modseq\r\n", view->modseq);
}

/// What was selected is selected no more; what is told from here on is of the next one (RFC 7162
/// 3.2.11).
static void close_selected(struct imap_session *s, struct imap_call *c)
{
    if (!s->view)
        return;
    imap_deselect(s);
    buf_put(c->out, STR("* OK [CLOSED] The mailbox before it is closed\r\n"));
}

static int open_mailbox(struct imap_session *s, struct imap_call *c, struct str name,
                        const struct imap_select_modifiers *what, bool read_only)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    int r, result;

    CHECK(mailbox);
    r = imap_lookup_mailbox(s, c, name, ACCESS_READ, mailbox, &result);
    if (r != 0)
        return result;
    r = imap_view_open(s, mailbox, read_only, &s->view);
    if (r != 0)
        return imap_no_store(s, c, "select", r);
    s->state = IMAP_SELECTED;
    if (what->condstore)
        s->enabled |= IMAP_CONDSTORE;
    put_mailbox(s, c->out);
    if (mailbox->account_id == s->account_id)
        name = str_from(mailbox->name); // INBOX, however it was written
    imap_put_list_news(s, name, name, c->out);
    if (what->qresync)
        r = imap_resync(s, c, what);
    if (r != 0) {
        imap_deselect(s);
        return imap_no_store(s, c, "resync", r);
    }
    return imap_ok(s, c, s->view->is_read_only ? "[READ-ONLY] Opened" : "[READ-WRITE] Opened");
}

static int select_mailbox(struct imap_session *s, struct imap_call *c, bool read_only)
{
    struct imap_select_modifiers what;
    enum imap_name_answer answer;
    struct str name;

    answer = imap_scan_name(c, &name);
    if (answer == IMAP_NAME_SYNTAX || !imap_scan_select_modifiers(&c->in, c->arena, &what) ||
        !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (what.qresync && !(s->enabled & IMAP_QRESYNC))
        return imap_bad(s, c, "ENABLE QRESYNC first");
    if (what.match_numbers.count > 0 && (s->enabled & IMAP_UIDONLY)) // RFC 9586 3.4
        return imap_bad(s, c, "[UIDREQUIRED] Message numbers mean nothing here");
    close_selected(s, c);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    return open_mailbox(s, c, name, &what, read_only);
}

int imap_on_select(struct imap_session *s, struct imap_call *c)
{
    return select_mailbox(s, c, false);
}

int imap_on_examine(struct imap_session *s, struct imap_call *c)
{
    return select_mailbox(s, c, true);
}
