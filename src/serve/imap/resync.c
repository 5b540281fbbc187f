// SPDX-License-Identifier: ISC
#include "serve/imap/resync.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/view.h"

/// More than this many changed messages are not read from the store only to hear what went.
enum { CHANGED_MAX = 20000 };

struct vanishing {
    const struct imap_view *view;
    struct imap_sequence uids;
    uint32_t above;
    struct imap_set_putter set;
};

static void begin(struct vanishing *v)
{
    if (!v->set.has_some && v->set.first == 0)
        buf_put(v->set.out, STR("* VANISHED (EARLIER) "));
}

static bool is_remembered(const struct imap_view *view, uint64_t since)
{
    size_t at = 0, changed = 0;

    if (store_snapshot_mailbox(view->picture)->expunge_modseq > since)
        return false;
    while ((at = store_snapshot_changed(view->picture, at, since)) < view->count) {
        if (++changed > CHANGED_MAX)
            return false;
        at++;
    }
    return true;
}

static bool has_uid(const struct imap_view *view, uint32_t uid)
{
    size_t index = imap_view_index(view, uid);

    return index < view->count && imap_view_uid(view, index) == uid;
}

static int put_remembered(struct imap_session *s, struct vanishing *v, uint64_t since)
{
    CLEANUP(free_drop) struct store_changes *changes = calloc(1, sizeof(*changes));
    int r;

    CHECK(changes);
    r = store_changes_get(imap_store(s), v->view->mailbox_id, since, changes);
    for (size_t i = 0; r == 0 && i < changes->expunged_count; i++) {
        uint32_t uid = changes->expunged[i];

        if (uid <= v->above || !imap_sequence_has(v->uids, uid) || has_uid(v->view, uid))
            continue;
        begin(v);
        imap_set_put(&v->set, uid);
    }
    store_changes_done(changes);
    return r;
}

/// The uids of a range that are not there.
static int put_missing(struct vanishing *v, struct imap_range range)
{
    uint64_t next = range.first > v->above ? range.first : (uint64_t)v->above + 1;
    uint64_t last = range.last < v->view->uidnext ? range.last : v->view->uidnext - 1;
    size_t index = imap_view_index(v->view, (uint32_t)next);

    while (next <= last) {
        uint64_t uid = index < v->view->count ? imap_view_uid(v->view, index++) : UINT64_MAX;
        uint64_t gap_end = uid <= last ? uid : last + 1;
        int r = rt_breathe();

        if (r < 0)
            return r;
        if (gap_end > next) {
            begin(v);
            imap_set_put_range(&v->set, (uint32_t)next, (uint32_t)gap_end - 1);
        }
        next = gap_end + 1;
    }
    return 0;
}

int imap_put_vanished(struct imap_session *s, uint64_t since, struct imap_sequence uids,
                      uint32_t above, struct buf *out)
{
    struct vanishing v = {.view = s->view, .uids = uids, .above = above, .set = {.out = out}};
    int r = 0;

    if (is_remembered(s->view, since)) {
        v.above = 0;
        r = put_remembered(s, &v, since);
    } else {
        for (size_t i = 0; i < uids.count && r == 0; i++)
            r = put_missing(&v, uids.ranges[i]);
    }
    if (v.set.first == 0)
        return r;
    imap_set_end(&v.set);
    buf_put(out, STR("\r\n"));
    return r;
}

/// The highest uid that still has the message number it had for the client: up to it nothing can
/// have gone (RFC 7162 3.2.5.2).
static uint32_t matching_uid(const struct imap_view *view, const struct imap_select_modifiers *what)
{
    const struct imap_range *number = what->match_numbers.ranges, *uid = what->match_uids.ranges;
    uint64_t n = 0, u = 0, matching = 0; // steps into the ranges

    for (size_t i = 0, k = 0; i < what->match_numbers.count && k < what->match_uids.count;) {
        uint64_t index = number[i].first + n - 1;

        if (index >= view->count)
            break;
        if (imap_view_uid(view, index) == uid[k].first + u)
            matching = uid[k].first + u;
        if (number[i].first + n++ == number[i].last) {
            n = 0;
            i++;
        }
        if (uid[k].first + u++ == uid[k].last) {
            u = 0;
            k++;
        }
    }
    return (uint32_t)matching;
}

static int put_changed(struct imap_session *s, struct imap_call *c,
                       const struct imap_select_modifiers *what, struct imap_sequence uids)
{
    const struct imap_view *view = s->view;
    size_t at = 0;
    int r = 0;

    while (r == 0 && (at = store_snapshot_changed(view->picture, at, what->modseq)) < view->count) {
        if (imap_sequence_has(uids, imap_view_uid(view, at)))
            imap_view_put_fetch_flags(s, at, true, c->out);
        at++;
        r = imap_put_out(s, c, false);
        if (r == 0)
            r = rt_breathe();
    }
    return r;
}

int imap_resync(struct imap_session *s, struct imap_call *c,
                const struct imap_select_modifiers *what)
{
    struct imap_range all = {1, UINT32_MAX};
    struct imap_sequence uids =
        what->known.count > 0 ? what->known : (struct imap_sequence){&all, 1};
    int r;

    if (what->uidvalidity != s->view->uidvalidity)
        return 0; // another mailbox than the client knows
    r = imap_put_vanished(s, what->modseq, uids, matching_uid(s->view, what), c->out);
    return r == 0 ? put_changed(s, c, what, uids) : r;
}
