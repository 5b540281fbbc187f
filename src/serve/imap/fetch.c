// SPDX-License-Identifier: ISC
//
// FETCH (RFC 3501 6.4.5). Flags and UIDs come from the view; other items need the entries of the
// store, read for a batch of messages at a time, and some the message itself (fetch_item.c). What
// sets "\Seen" sets it for the whole batch in one change, before its answers.
#include "serve/imap/fetch.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/imap/resync.h"
#include "serve/imap/saved.h"
#include "serve/imap/view.h"

#include <errno.h>

enum {
    BATCH_MAX = IMAP_FETCH_BATCH_MAX,
    BATCH_OF_BODIES_MAX = IMAP_FETCH_BODIES_MAX,
    READ_AHEAD_MAX = 1 << 20,    // bytes of a batch that are read together
    HEADER_AHEAD_MAX = 8 * 1024, // of one message, where nothing but its header is asked for
};

static bool is_of_view(enum imap_fetch_kind kind)
{
    return kind == IMAP_FETCH_UID || kind == IMAP_FETCH_FLAGS || kind == IMAP_FETCH_MODSEQ;
}

static bool is_of_entry(enum imap_fetch_kind kind)
{
    return kind == IMAP_FETCH_SIZE || kind == IMAP_FETCH_INTERNALDATE ||
           kind == IMAP_FETCH_SAVEDATE || kind == IMAP_FETCH_EMAILID;
}

static bool is_of_summary(enum imap_fetch_kind kind)
{
    return kind == IMAP_FETCH_ENVELOPE || kind == IMAP_FETCH_BODY ||
           kind == IMAP_FETCH_BODYSTRUCTURE || kind == IMAP_FETCH_PREVIEW ||
           kind == IMAP_FETCH_THREADID;
}

/// Does it ask for the header of the message, or fields of it?
static bool is_of_header(const struct imap_fetch_item *item)
{
    const struct imap_section *section = &item->section;

    return (item->kind == IMAP_FETCH_SECTION || item->kind == IMAP_FETCH_RFC822_HEADER) &&
           section->part_count == 0 &&
           (section->text == IMAP_SECTION_HEADER || section->text == IMAP_SECTION_HEADER_FIELDS ||
            section->text == IMAP_SECTION_HEADER_FIELDS_NOT);
}

static bool is_of_message(enum imap_fetch_kind kind)
{
    return !is_of_view(kind) && !is_of_entry(kind) && !is_of_summary(kind);
}

static void judge_items(struct imap_fetcher *f)
{
    for (size_t i = 0; i < f->what.count; i++) {
        const struct imap_fetch_item *item = &f->what.items[i];

        f->has_uid |= item->kind == IMAP_FETCH_UID;
        f->has_flags |= item->kind == IMAP_FETCH_FLAGS;
        f->has_modseq |= item->kind == IMAP_FETCH_MODSEQ;
        f->needs_entry |= !is_of_view(item->kind);
        f->needs_summary |= is_of_summary(item->kind);
        f->needs_message |= is_of_message(item->kind);
        f->needs_body |= is_of_message(item->kind) && !is_of_header(item);
        f->sets_seen |= !item->is_peek;
    }
    f->sets_seen = f->sets_seen && !f->s->view->is_read_only && (f->s->view->rights & ACCESS_SEEN);
}

/// Marks the batch as seen; *is_new[i] tells which were not. A store that cannot is no reason not
/// to show the mail.
static void set_seen(struct imap_fetcher *f, uint32_t first, uint32_t last, bool *is_new)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct store_range ranges[BATCH_MAX];
    struct store_flagging flagging = {
        .mailbox_id = f->s->view->mailbox_id,
        .uids = {ranges, 0},
        .mode = STORE_FLAGS_ADD,
        .flags = STORE_SEEN,
        .unchanged_since = UINT64_MAX,
    };
    struct imap_view *view = f->s->view;
    int r;

    for (uint32_t n = first; n <= last; n++) {
        uint32_t uid = imap_view_uid(view, n);

        if (!(imap_view_at(view, n).flags & IMAP_SEEN))
            ranges[flagging.uids.count++] = (struct store_range){uid, uid};
    }
    if (flagging.uids.count == 0)
        return;
    r = store_change_new(imap_store(f->s), &change);
    if (r == 0) {
        store_change_flag(change, &flagging);
        r = store_commit(change);
    }
    if (r != 0) {
        log_failure("serve/imap", "seen", r);
        return;
    }
    for (uint32_t n = first; n <= last; n++) {
        struct imap_view_entry entry = imap_view_at(view, n);

        is_new[n - first] = !(entry.flags & IMAP_SEEN);
        if (is_new[n - first]) {
            entry.flags |= IMAP_SEEN;
            entry.modseq = flagging.modseq;
            imap_view_put(view, n, &entry);
        }
    }
}

static const struct store_entry *find_entry(const struct store_entries *entries, size_t *at,
                                            uint32_t uid)
{
    while (*at < entries->count && entries->items[*at].uid < uid)
        ++*at;
    return *at < entries->count && entries->items[*at].uid == uid ? &entries->items[*at] : NULL;
}

/// [await] The messages of a batch, and what is surely needed of them in one reading. Large ones
/// are read when their turn comes.
static void open_messages(struct imap_fetcher *f, const struct store_entries *stored)
{
    struct store_body_piece pieces[BATCH_OF_BODIES_MAX];
    size_t total = 0;

    for (size_t i = 0; i < stored->count; i++) {
        const struct store_body_ref *ref = &stored->items[i].body;
        size_t len = ref->size < HEADER_AHEAD_MAX ? ref->size : HEADER_AHEAD_MAX;

        if (f->needs_body)
            len = ref->size <= IMAP_CHUNK ? ref->size : 0;
        if (total + len > READ_AHEAD_MAX)
            len = 0;
        total += len;
        imap_message_init(&f->messages[i], imap_store(f->s), ref);
        pieces[i] = imap_message_piece(&f->messages[i], len);
    }
    store_bodies_read(imap_store(f->s), pieces, stored->count);
    for (size_t i = 0; i < stored->count; i++)
        imap_message_take(&f->messages[i], &pieces[i]);
}

static void close_messages(struct imap_fetcher *f, const struct store_entries *stored)
{
    for (size_t i = 0; i < stored->count; i++)
        imap_message_done(&f->messages[i]);
}

static int put_one(struct imap_fetcher *f, struct imap_fetch_of *of)
{
    int r;

    if (!f->needs_message)
        return imap_fetch_put(f, of);
    of->message = &f->messages[of->at];
    r = imap_fetch_put(f, of);
    imap_message_done(of->message);
    return r;
}

static int put_batch(struct imap_fetcher *f, uint32_t first, uint32_t last,
                     const struct store_entries *stored, const bool *is_newly_seen)
{
    struct imap_fetch_of of = {0};
    int r = 0;

    for (uint32_t n = first; n <= last && r == 0; n++) {
        of.index = n;
        of.entry = find_entry(stored, &of.at, imap_view_uid(f->s->view, n));
        of.is_newly_seen = is_newly_seen[n - first];
        if (f->needs_entry && !of.entry)
            f->missing++;
        else
            r = put_one(f, &of);
        if (r == 0)
            r = imap_put_out(f->s, f->c, false);
        if (r == 0)
            r = rt_breathe();
    }
    return r;
}

static int fetch_batch(struct imap_fetcher *f, uint32_t first, uint32_t last)
{
    const struct imap_view *view = f->s->view;
    struct store_entries stored = {0};
    bool is_newly_seen[BATCH_MAX] = {false};
    int r = 0;

    if (f->sets_seen)
        set_seen(f, first, last, is_newly_seen);
    if (f->needs_entry)
        r = store_entries_get(imap_store(f->s), view->mailbox_id, imap_view_uid(view, first),
                              imap_view_uid(view, last), &stored);
    if (r == 0 && stored.count > last - first + 1)
        r = -EIO; // uids among those of the picture that it does not have: cannot be
    if (r == 0) {
        imap_fetch_summarize(f, &stored);
        if (f->needs_message)
            open_messages(f, &stored);
        r = put_batch(f, first, last, &stored, is_newly_seen);
        if (f->needs_message)
            close_messages(f, &stored);
        imap_fetch_summarize(f, NULL);
    }
    store_entries_done(&stored);
    return r;
}

/// With CHANGEDSINCE, the first from `n` on that changed.
static size_t next_wanted(const struct imap_fetcher *f, size_t n)
{
    const struct imap_fetch_modifiers *m = &f->modifiers;

    return m->has_since ? store_snapshot_changed(f->s->view->picture, n, m->changed_since) : n;
}

/// The last of the wanted ones that follow each other from `n` on, at most `step`.
static size_t run_end(const struct imap_fetcher *f, size_t n, size_t range_last, size_t step)
{
    size_t last = n;

    while (last < range_last && last + 1 < n + step && next_wanted(f, last + 1) == last + 1)
        last++;
    return last;
}

/// Of a run of wanted messages, those in the window of PARTIAL.
static int fetch_run(struct imap_fetcher *f, size_t first, size_t last)
{
    size_t at = f->passed, end = at + (last - first + 1);
    size_t from = at > f->from ? at : f->from, to = end < f->to ? end : f->to;

    f->passed = end;
    if (from >= to)
        return rt_breathe();
    return fetch_batch(f, (uint32_t)(first + (from - at)), (uint32_t)(first + (to - at) - 1));
}

static int fetch_all(struct imap_fetcher *f, const struct imap_selection *selection)
{
    uint32_t step = f->needs_message ? BATCH_OF_BODIES_MAX : BATCH_MAX;

    for (size_t i = 0; i < selection->count && f->passed < f->to; i++) {
        struct imap_range range = selection->ranges[i];

        for (size_t n = next_wanted(f, range.first); n <= range.last && f->passed < f->to;
             n = next_wanted(f, n)) {
            size_t last = run_end(f, n, range.last, step);
            int r = fetch_run(f, n, last);

            if (r == 0)
                r = imap_tell_progress(f->s, f->c, f->passed, selection->messages, "Fetching");
            if (r != 0)
                return r;
            n = last + 1;
        }
    }
    return 0;
}

static size_t count_wanted(const struct imap_fetcher *f, const struct imap_selection *selection)
{
    size_t count = 0;

    if (!f->modifiers.has_since)
        return selection->messages;
    for (size_t i = 0; i < selection->count; i++) {
        struct imap_range range = selection->ranges[i];

        for (size_t n = next_wanted(f, range.first); n <= range.last; n = next_wanted(f, n + 1))
            count++;
    }
    return count;
}

/// RFC 9394 3.3: of what the other conditions leave, counted from either end.
static void open_window(struct imap_fetcher *f, const struct imap_selection *selection)
{
    const struct imap_fetch_modifiers *m = &f->modifiers;
    size_t count;

    f->from = 0;
    f->to = SIZE_MAX;
    if (!m->has_partial)
        return;
    count = m->from_end ? count_wanted(f, selection) : 0;
    f->from = !m->from_end              ? m->partial_first - 1
              : count > m->partial_last ? count - m->partial_last
                                        : 0;
    f->to = !m->from_end                ? m->partial_last
            : count >= m->partial_first ? count - m->partial_first + 1
                                        : 0;
}

/// RFC 7162 3.2.6: VANISHED goes with UID FETCH and CHANGEDSINCE, for who enabled QRESYNC; RFC 9394
/// 3.3: PARTIAL with UID FETCH.
static bool are_modifiers_fine(const struct imap_fetcher *f)
{
    const struct imap_fetch_modifiers *m = &f->modifiers;

    if (m->has_vanished && (!m->has_since || !(f->s->enabled & IMAP_QRESYNC)))
        return false;
    return f->c->is_uid || !(m->has_vanished || m->has_partial);
}

/// CHANGEDSINCE asks for the modseq, too; and who asks for modseqs wants to hear of them from then
/// on (RFC 7162 3.1, 3.1.4.1).
static void want_modseq(struct imap_fetcher *f)
{
    static const struct imap_fetch_item modseq = {.kind = IMAP_FETCH_MODSEQ, .is_peek = true};

    if (f->modifiers.has_since && !f->has_modseq && f->what.count < IMAP_FETCH_ITEMS_MAX) {
        f->what.items[f->what.count++] = modseq;
        f->has_modseq = true;
    }
    if (f->has_modseq)
        imap_enable(f->s, IMAP_CONDSTORE, f->c->out);
}

/// [await] Of the uids that the command names, those that vanished.
static int put_vanished(struct imap_fetcher *f, struct scan set)
{
    uint32_t star = f->s->view->uidnext - 1;
    struct imap_sequence uids;

    if (!f->modifiers.has_vanished || !imap_scan_sp(&set))
        return 0;
    if (imap_scan_sequence(&set, f->c->arena, &uids))
        uids = imap_sequence_resolve(uids, star, f->c->arena);
    else
        uids = imap_saved_uids(f->s); // "$"
    return imap_put_vanished(f->s, f->modifiers.changed_since, uids, 0, f->c->out);
}

static int answer(struct imap_fetcher *f, int r)
{
    if (f->is_broken)
        return r < 0 ? r : -EIO; // in the middle of a literal: nothing can be said any more
    if (r != 0)
        return imap_no_store(f->s, f->c, "fetch", r);
    if (f->failed > 0)
        return imap_no(f->s, f->c, "[SERVERBUG] Some messages could not be read");
    if (f->has_unknown_cte)
        return imap_no(f->s, f->c, "[UNKNOWN-CTE] The encoding of a part is unknown here");
    return imap_ok_keeping_numbers(
        f->s, f->c, f->missing > 0 ? "[EXPUNGEISSUED] Some messages are gone" : "Fetched");
}

static void messages_drop(struct imap_message **messages)
{
    free(*messages);
}

static void summaries_drop(struct imap_fetch_summaries **summaries)
{
    free(*summaries);
}

/// With what the items need while it runs.
static int run(struct imap_fetcher *f, const struct imap_selection *selection)
{
    CLEANUP(free_drop) char *chunk = NULL;
    CLEANUP(messages_drop) struct imap_message *messages = NULL;
    CLEANUP(summaries_drop) struct imap_fetch_summaries *summaries = NULL;

    if (f->needs_message) {
        chunk = f->chunk = malloc(IMAP_CHUNK);
        messages = f->messages = calloc(BATCH_OF_BODIES_MAX, sizeof(*messages));
        CHECK(chunk && messages);
    }
    if (f->needs_summary) {
        summaries = f->summaries = calloc(1, sizeof(*summaries));
        CHECK(summaries);
    }
    return fetch_all(f, selection);
}

int imap_fetch_unasked(struct imap_session *s, struct imap_call *c, const struct imap_fetch *what,
                       uint32_t first, uint32_t last)
{
    struct imap_fetcher f = {.s = s, .c = c, .what = *what, .to = SIZE_MAX};
    struct imap_range range = {first, last};
    struct imap_selection all = {&range, 1, last - first + 1};
    int r;

    judge_items(&f);
    f.sets_seen = false;
    r = run(&f, &all);
    return f.is_broken && r >= 0 ? -EIO : r;
}

int imap_on_fetch(struct imap_session *s, struct imap_call *c)
{
    struct imap_fetcher f = {.s = s, .c = c};
    struct imap_selection selection;
    struct scan set = c->in;
    int r;

    // what is new comes first, so that the flags told below are those of the store
    if (imap_view_sync(s, IMAP_SYNC_KEEP_NUMBERS, c->is_uid, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (!imap_scan_selection(s, c, &selection) || !imap_scan_sp(&c->in) ||
        !imap_scan_fetch(&c->in, c->arena, &f.what) ||
        !imap_scan_fetch_modifiers(&c->in, &f.modifiers) || !scan_is_end(&c->in) ||
        !are_modifiers_fine(&f))
        return imap_bad_syntax(s, c);
    judge_items(&f);
    want_modseq(&f);
    // RFC 9738 3: a window that is too large is refused; one that fits need not be cut
    if (f.modifiers.has_partial &&
        imap_is_over_limit(s, f.modifiers.partial_last - f.modifiers.partial_first + 1))
        return imap_no_over_limit(s, c);
    if (!f.modifiers.has_partial)
        imap_limit(s, c, &selection);
    open_window(&f, &selection);
    r = put_vanished(&f, set);
    if (r == 0)
        r = run(&f, &selection);
    return answer(&f, r);
}
