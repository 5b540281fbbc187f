// SPDX-License-Identifier: ISC
//
// STORE (RFC 3501 6.4.6). The view is changed as the store was, so that the sync that follows only
// tells what others did.
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

struct storing {
    enum store_flag_mode mode;
    bool is_silent;
    struct imap_flags flags;
    struct imap_selection selection;
};

/// SP ["+" / "-"] "FLAGS" [".SILENT"] SP flags
static bool parse(struct imap_call *c, struct storing *out)
{
    struct scan *in = &c->in;

    if (!imap_scan_sp(in))
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

static void predict(struct imap_view_entry *entry, enum store_flag_mode mode, uint32_t flags,
                    uint64_t keywords)
{
    switch (mode) {
    case STORE_FLAGS_REPLACE:
        entry->flags = flags | (entry->flags & IMAP_RECENT);
        entry->keywords = keywords;
        break;
    case STORE_FLAGS_ADD:
        entry->flags |= flags;
        entry->keywords |= keywords;
        break;
    case STORE_FLAGS_REMOVE:
        entry->flags &= ~flags;
        entry->keywords &= ~keywords;
        break;
    }
}

static int commit(struct imap_session *s, struct imap_call *c, const struct storing *what)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct store_flagging flagging = {
        .mailbox_id = s->view->mailbox_id,
        .uids = imap_selection_uids(s, c, &what->selection),
        .mode = what->mode,
        .flags = what->flags.bits,
        .keywords = what->flags.keywords,
        .keyword_count = what->flags.keyword_count,
        .unchanged_since = UINT64_MAX,
    };
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    store_change_flag(change, &flagging);
    return store_commit(change);
}

/// The view follows, and the client is told unless it asked not to be.
static int follow(struct imap_session *s, struct imap_call *c, const struct storing *what)
{
    struct imap_view *view = s->view;
    uint64_t keywords = 0;

    // one that is to be removed may be unknown to the store as well
    if (!imap_view_keyword_bits(view, what->flags.keywords, what->flags.keyword_count, &keywords)) {
        int r = imap_view_keywords_load(s, view);

        if (r != 0)
            return r;
        imap_view_put_flags(view, c->out);
        (void)imap_view_keyword_bits(view, what->flags.keywords, what->flags.keyword_count,
                                     &keywords);
    }
    for (size_t i = 0; i < what->selection.count; i++) {
        struct imap_range range = what->selection.ranges[i];

        for (uint32_t n = range.first; n <= range.last; n++) {
            struct imap_view_entry entry = imap_view_at(view, n);
            int r;

            predict(&entry, what->mode, what->flags.bits, keywords);
            imap_view_put(view, n, &entry);
            if (what->is_silent)
                continue;
            imap_view_put_fetch_flags(s, n, c->is_uid, c->out);
            r = imap_put_out(s, c, false);
            if (r == 0)
                r = rt_breathe();
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int imap_on_store(struct imap_session *s, struct imap_call *c)
{
    struct storing what = {0};
    int r;

    if (!imap_scan_selection(s, c, &what.selection) || !parse(c, &what))
        return imap_bad_syntax(s, c);
    if (what.flags.has_unknown)
        return imap_bad(s, c, "No such system flag");
    if (s->view->is_read_only)
        return imap_no(s, c, "[READ-ONLY] The mailbox was opened by EXAMINE");
    if (what.selection.count == 0)
        return imap_ok_keeping_numbers(s, c, "No such messages");
    r = commit(s, c, &what);
    if (r == 0)
        r = follow(s, c, &what);
    if (r != 0)
        return imap_no_store(s, c, "store", r);
    return imap_ok_keeping_numbers(s, c, "Stored");
}
