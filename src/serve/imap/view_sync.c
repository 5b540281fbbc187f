// SPDX-License-Identifier: ISC
//
// The view follows the store: from the picture that the client knows to the newest one, and what
// differs is told, in the order of RFC 3501 7: what is gone, new keywords, changed flags, what is
// new. While expunges have to wait (RFC 3501 7.4.1, RFC 9051 7.5.1) the view goes on with a picture
// of its own, in which the gone messages are still there.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/flag.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

struct following {
    struct imap_session *s;
    struct imap_view *view;
    struct store_snapshot *old, *now; // both held by the caller
    bool with_uid;
    struct buf *out;
};

/// What is long goes on its way in pieces.
static int put_piece(struct following *f)
{
    int r = 0;

    if (f->out->len >= IMAP_PIECE) {
        rt_conn_set_command_ms(f->s->conn, (uint32_t)f->s->config.stall);
        r = rt_put(f->s->conn, buf_str(f->out));
        buf_clear(f->out);
    }
    return r < 0 ? r : rt_breathe();
}

/// Each with its number as it is after those before it (RFC 3501 7.4.1), or all at once by uid
/// (RFC 7162 3.2.10).
static int tell_gone(struct following *f)
{
    bool by_uid = f->s->enabled & (IMAP_QRESYNC | IMAP_UIDONLY);
    struct store_snapshot_walk walk = {.old = f->old, .now = f->now};
    struct imap_set_putter set = {.out = f->out};
    struct store_difference d;
    size_t gone = 0;
    int r = 0;

    while (r == 0 && store_snapshot_walk_next(&walk, &d)) {
        if (d.kind != STORE_GONE) {
            r = rt_breathe();
            continue;
        }
        if (by_uid) {
            if (gone == 0)
                buf_put(f->out, STR("* VANISHED "));
            imap_set_put(&set, d.old.uid);
            r = rt_breathe(); // one answer: not in pieces
        } else {
            buf_put(f->out, STR("* "));
            buf_put_u64(f->out, d.old_index + 1 - gone);
            buf_put(f->out, STR(" EXPUNGE\r\n"));
            r = put_piece(f);
        }
        gone++;
    }
    if (by_uid && gone > 0) {
        imap_set_end(&set);
        buf_put(f->out, STR("\r\n"));
    }
    return r;
}

static bool is_told(const struct following *f, const struct store_difference *d)
{
    return d->kind == STORE_CHANGED &&
           (d->old.flags != d->now.flags || d->old.keywords != d->now.keywords ||
            (f->s->enabled & IMAP_CONDSTORE)); // then the modseq is news, too
}

static int tell_changed(struct following *f, bool *out_has_new)
{
    struct store_snapshot_walk walk = {.old = f->old, .now = f->view->picture};
    struct store_difference d;
    int r = 0;

    *out_has_new = false;
    while (r == 0 && store_snapshot_walk_next(&walk, &d)) {
        *out_has_new |= d.kind == STORE_NEW;
        if (is_told(f, &d))
            imap_view_put_fetch_flags(f->s, d.now_index, f->with_uid, f->out);
        r = put_piece(f);
    }
    return r;
}

/// What nobody has seen as \Recent is this session's. When that fails the mail counts, \Recent does
/// not. What comes just now counts, too: the claim may have covered it.
static void claim_recent(struct following *f, uint32_t uidnext_before)
{
    CLEANUP(free_drop) struct store_mailbox *after = malloc(sizeof(*after));
    struct imap_view *view = f->view;
    uint32_t first;

    CHECK(after);
    if (store_recent(imap_store(f->s), view->mailbox_id, !view->is_read_only, &first) == 0 &&
        store_mailbox_by_id(imap_store(f->s), view->mailbox_id, after) == 0)
        imap_view_add_recent(view, first > uidnext_before ? first : uidnext_before,
                             after->uidnext - 1);
}

static void tell_new(struct following *f, uint32_t uidnext_before)
{
    struct imap_view *view = f->view;

    buf_put(f->out, STR("* "));
    buf_put_u64(f->out, view->count);
    buf_put(f->out, STR(" EXISTS\r\n"));
    if (f->s->enabled & IMAP_REV2)
        return;
    claim_recent(f, uidnext_before);
    buf_put(f->out, STR("* "));
    buf_put_u64(f->out, imap_view_recent_count(view));
    buf_put(f->out, STR(" RECENT\r\n"));
}

/// From here on the view is at `now`, with those of `old` beside it that must stay.
static void move_on(struct following *f, enum imap_sync how)
{
    struct imap_view *view = f->view;

    view->waiting = 0;
    view->picture = how == IMAP_SYNC_ALL ? store_snapshot_hold(f->now)
                                         : store_snapshot_keep(f->old, f->now, &view->waiting);
    view->count = store_snapshot_count(view->picture);
    view->modseq = store_snapshot_mailbox(f->now)->modseq;
    view->uidnext = store_snapshot_mailbox(f->now)->uidnext;
    if (view->waiting == 0)
        view->told_modseq = view->modseq;
}

static int follow(struct following *f, enum imap_sync how)
{
    uint32_t uidnext_before = f->view->uidnext;
    size_t words_before = f->view->keyword_count;
    bool has_new;
    int r = 0;

    if (how == IMAP_SYNC_ALL)
        r = imap_contexts_tell_gone(f->s, f->now, f->out);
    if (r == 0 && how == IMAP_SYNC_ALL)
        r = tell_gone(f);
    if (r < 0)
        return r;
    move_on(f, how);
    imap_view_use_words(f->view, f->now);
    if (f->view->keyword_count > words_before)
        imap_view_put_flags(f->view, f->out);
    r = tell_changed(f, &has_new);
    if (r == 0 && has_new)
        tell_new(f, uidnext_before);
    store_snapshot_drop(f->old);
    return r;
}

int imap_view_sync(struct imap_session *s, enum imap_sync how, bool with_uid, struct buf *out)
{
    struct following f = {.s = s, .view = s->view, .with_uid = with_uid, .out = out};
    uint64_t now;
    int r;

    if (!f.view)
        return 0;
    now = store_watch_modseq(f.view->watch);
    if (now == 0 || !imap_view_may_read(s))
        return IMAP_VIEW_GONE;
    if (now == f.view->modseq && (f.view->waiting == 0 || how == IMAP_SYNC_KEEP_NUMBERS))
        return 0;
    r = store_snapshot_get(imap_store(s), f.view->mailbox_id, &f.now);
    if (r != 0)
        return r == STORE_NOT_FOUND ? IMAP_VIEW_GONE : r;
    f.old = f.view->picture;
    r = follow(&f, how);
    store_snapshot_drop(f.now);
    return r < 0 ? r : imap_contexts_tell_changed(s, out);
}
