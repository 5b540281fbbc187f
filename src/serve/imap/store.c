// SPDX-License-Identifier: ISC
//
// STORE (RFC 3501 6.4.6), conditional where UNCHANGEDSINCE is there (RFC 7162 3.1.3). The view is
// changed as the store was, so that the sync that follows only tells what others did. What it told
// is the store's, too, and not what the change would have made of what the client knew: others may
// have been there first.
#include "base/cleanup.h"
#include "proto/imap/modifier.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

struct storing {
    enum store_flag_mode mode;
    bool is_silent;
    struct imap_flags flags;
    struct imap_selection selection;
    uint64_t unchanged_since; // UINT64_MAX: no condition
};

/// [SP "(" "UNCHANGEDSINCE" SP n ")"] SP ["+" / "-"] "FLAGS" [".SILENT"] SP flags
static bool parse(struct imap_call *c, struct storing *out)
{
    struct scan *in = &c->in;

    if (!imap_scan_store_modifiers(in, &out->unchanged_since) || !imap_scan_sp(in))
        return false;
    out->mode = STORE_FLAGS_REPLACE;
    if (scan_char(in, '+'))
        out->mode = STORE_FLAGS_ADD;
    else if (scan_char(in, '-'))
        out->mode = STORE_FLAGS_REMOVE;
    if (!scan_case_word(in, STR("FLAGS")))
        return false;
    out->is_silent = scan_case_word(in, STR(".SILENT"));
    return imap_scan_sp(in) && imap_scan_store_flags(in, c->arena, &out->flags) && scan_is_end(in);
}

/// A change that was made, while the client is told of it.
struct following {
    const struct storing *what;
    const struct store_flagging *flagging;
    uint64_t keywords;          // of the change, as bits
    struct store_snapshot *now; // at or after it
};

static void predict(struct imap_view_entry *entry, const struct store_flagging *what,
                    uint64_t keywords)
{
    uint32_t kept = what->keep_flags | IMAP_RECENT;

    switch (what->mode) {
    case STORE_FLAGS_REPLACE:
        entry->flags = (what->flags & ~kept) | (entry->flags & kept);
        entry->keywords = what->keep_keywords ? entry->keywords : keywords;
        break;
    case STORE_FLAGS_ADD:
        entry->flags |= what->flags;
        entry->keywords |= keywords;
        break;
    case STORE_FLAGS_REMOVE:
        entry->flags &= ~what->flags;
        entry->keywords &= ~keywords;
        break;
    }
}

/// What who has signed in may not change stays as it is (RFC 4314 4). False: that is everything.
static bool keep_to_rights(const struct imap_view *view, struct storing *what)
{
    unsigned may = imap_view_settable(view);
    bool has_asked = what->flags.bits != 0 || what->flags.keyword_count > 0;

    what->flags.bits &= may;
    if (!(view->rights & ACCESS_WRITE))
        what->flags.keyword_count = 0;
    if (what->mode == STORE_FLAGS_REPLACE)
        return may != 0;
    return !has_asked || what->flags.bits != 0 || what->flags.keyword_count > 0;
}

static struct store_flagging flagging_of(struct imap_session *s, struct imap_call *c,
                                         const struct storing *what)
{
    return (struct store_flagging){
        .mailbox_id = s->view->mailbox_id,
        .uids = imap_selection_uids(s, c, &what->selection),
        .mode = what->mode,
        .flags = what->flags.bits,
        .keywords = what->flags.keywords,
        .keyword_count = what->flags.keyword_count,
        .unchanged_since = what->unchanged_since,
        .keep_flags = IMAP_FLAGS_SETTABLE & ~imap_view_settable(s->view),
        .keep_keywords = !(s->view->rights & ACCESS_WRITE),
    };
}

static int commit(struct imap_session *s, struct store_flagging *flagging,
                  struct store_change **change)
{
    int r = store_change_new(imap_store(s), change);

    if (r != 0)
        return r;
    store_change_flag(*change, flagging);
    return store_commit(*change);
}

/// The names of all keywords in the change are known from here on.
static int learn_keywords(struct imap_session *s, struct imap_call *c, const struct storing *what,
                          uint64_t *out)
{
    const struct imap_flags *flags = &what->flags;
    int r;

    *out = 0;
    if (imap_view_keyword_bits(s->view, flags->keywords, flags->keyword_count, out))
        return 0;
    r = imap_view_keywords_load(s, s->view);
    if (r != 0)
        return r;
    imap_view_put_flags(s->view, c->out);
    // one that is to be removed may be unknown to the store as well
    (void)imap_view_keyword_bits(s->view, flags->keywords, flags->keyword_count, out);
    return 0;
}

/// What the client now takes the message for, made what the store has: others may have changed it
/// just before, or just after. True: it is not what the client would think.
static bool correct(struct imap_view_entry *entry, const struct store_snapshot *now)
{
    size_t index = store_snapshot_index(now, entry->uid);
    struct imap_view_entry predicted = *entry;
    struct store_brief brief;

    if (index == store_snapshot_count(now))
        return false;
    brief = store_snapshot_at(now, index);
    if (brief.uid != entry->uid) // gone, which cannot be told yet
        return false;
    entry->flags = brief.flags | (entry->flags & IMAP_RECENT);
    entry->keywords = brief.keywords;
    entry->modseq = brief.modseq;
    return entry->flags != predicted.flags || entry->keywords != predicted.keywords;
}

static int follow_one(struct imap_session *s, struct imap_call *c, const struct following *f,
                      uint32_t n)
{
    struct imap_view_entry before = imap_view_at(s->view, n), entry = before;
    bool is_other;
    int r;

    predict(&entry, f->flagging, f->keywords);
    is_other = correct(&entry, f->now);
    imap_view_put(s->view, n, &entry);
    if (is_other || !f->what->is_silent)
        imap_view_put_fetch_flags(s, n, c->is_uid, c->out);
    else if (entry.modseq != before.modseq && (s->enabled & IMAP_CONDSTORE))
        imap_view_put_fetch_modseq(s, n, c->is_uid, c->out);
    r = imap_put_out(s, c, false);
    return r < 0 ? r : rt_breathe();
}

/// The view follows, and the client is told unless it asked not to be. Those that had changed since
/// are passed over and put into *modified.
static int follow(struct imap_session *s, struct imap_call *c, const struct following *f,
                  struct imap_set_putter *modified)
{
    const struct store_flagging *flagging = f->flagging;
    const struct storing *what = f->what;
    size_t conflict = 0, done = 0;
    int r = 0;

    for (size_t i = 0; i < what->selection.count && r == 0; i++) {
        struct imap_range range = what->selection.ranges[i];

        for (uint32_t n = range.first; n <= range.last && r == 0; n++) {
            uint32_t uid = imap_view_uid(s->view, n);

            while (conflict < flagging->conflict_count && flagging->conflicts[conflict] < uid)
                conflict++;
            if (conflict < flagging->conflict_count && flagging->conflicts[conflict] == uid)
                imap_set_put(modified, c->is_uid ? uid : n + 1);
            else
                r = follow_one(s, c, f, n);
            if (r == 0)
                r = imap_tell_progress(s, c, ++done, what->selection.messages, "Storing");
        }
    }
    imap_set_end(modified);
    return r;
}

/// [await] With the newest picture, in which the change is.
static int tell(struct imap_session *s, struct imap_call *c, struct following *f,
                struct imap_set_putter *modified)
{
    int r = learn_keywords(s, c, f->what, &f->keywords);

    if (r == 0)
        r = store_snapshot_get(imap_store(s), s->view->mailbox_id, &f->now);
    if (r != 0)
        return r;
    r = follow(s, c, f, modified);
    store_snapshot_drop(f->now);
    return r;
}

static int store(struct imap_session *s, struct imap_call *c, const struct storing *what)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    CLEANUP(buf_drop) struct buf text = {.max = IMAP_OUT_MAX};
    struct store_flagging flagging = flagging_of(s, c, what);
    struct imap_set_putter modified = {.out = &text};
    struct following following = {.what = what, .flagging = &flagging};
    int r = commit(s, &flagging, &change);

    buf_put(&text, STR("[MODIFIED "));
    if (r == 0)
        r = tell(s, c, &following, &modified);
    if (r != 0)
        return imap_no_store(s, c, "store", r);
    if (!modified.has_some)
        return imap_ok_keeping_numbers(s, c, "Stored");
    buf_put(&text, STR("] Those had changed"));
    return imap_ok_keeping_numbers(s, c, buf_cstr(&text));
}

int imap_on_store(struct imap_session *s, struct imap_call *c)
{
    struct storing what = {0};

    if (!imap_scan_selection(s, c, &what.selection) || !parse(c, &what))
        return imap_bad_syntax(s, c);
    if (what.flags.has_unknown)
        return imap_bad(s, c, "No such system flag");
    if (s->view->is_read_only)
        return imap_no(s, c, "[READ-ONLY] Nothing can be changed here");
    if (!keep_to_rights(s->view, &what))
        return imap_no(s, c, "[NOPERM] You were not given the right to change those flags");
    if (what.unchanged_since != UINT64_MAX)
        imap_enable(s, IMAP_CONDSTORE, c->out);
    if (what.selection.count == 0)
        return imap_ok_keeping_numbers(s, c, "No such messages");
    imap_limit(s, c, &what.selection);
    return store(s, c, &what);
}
