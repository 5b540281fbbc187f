// SPDX-License-Identifier: ISC
//
// Opening a view, and asking it. The watch comes before the picture: a change between the two is
// found again by the first sync. \Recent is claimed before the picture, too: what comes in between
// counts as recent here (RFC 3501 2.3.2: when in doubt, it is).
#include "serve/imap/view.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/flag.h"
#include "serve/imap/session.h"

_Static_assert((int)IMAP_SEEN == STORE_SEEN && (int)IMAP_ANSWERED == STORE_ANSWERED &&
                   (int)IMAP_FLAGGED == STORE_FLAGGED && (int)IMAP_DELETED == STORE_DELETED &&
                   (int)IMAP_DRAFT == STORE_DRAFT,
               "flags are handed through as they are");

// ---- messages

size_t imap_view_index(const struct imap_view *view, uint32_t uid)
{
    return store_snapshot_index(view->picture, uid);
}

uint32_t imap_view_uid(const struct imap_view *view, size_t index)
{
    return store_snapshot_at(view->picture, index).uid;
}

uint32_t imap_view_last_uid(const struct imap_view *view)
{
    return view->count > 0 ? imap_view_uid(view, view->count - 1) : 0;
}

static bool is_recent(const struct imap_view *view, uint32_t uid)
{
    for (size_t i = view->recent_count; i-- > 0;)
        if (uid >= view->recent[i].first)
            return uid <= view->recent[i].last;
    return false;
}

struct imap_view_entry imap_view_at(const struct imap_view *view, size_t index)
{
    struct store_brief brief = store_snapshot_at(view->picture, index);

    return (struct imap_view_entry){
        .uid = brief.uid,
        .flags = brief.flags | (is_recent(view, brief.uid) ? IMAP_RECENT : 0u),
        .keywords = brief.keywords,
        .modseq = brief.modseq,
    };
}

void imap_view_put(struct imap_view *view, size_t index, const struct imap_view_entry *entry)
{
    struct store_brief old = store_snapshot_at(view->picture, index);
    struct store_brief brief = {
        .uid = entry->uid,
        .flags = entry->flags & IMAP_FLAGS_SETTABLE,
        .keywords = entry->keywords,
        .modseq = entry->modseq,
    };

    if (old.flags != brief.flags || old.keywords != brief.keywords || old.modseq != brief.modseq)
        view->picture = store_snapshot_edit(view->picture, index, &brief);
}

// ---- recent

void imap_view_add_recent(struct imap_view *view, uint32_t first, uint32_t last)
{
    struct store_range *newest = &view->recent[view->recent_count];

    if (first > last)
        return;
    if (view->recent_count > 0 && newest[-1].last + 1 >= first) {
        newest[-1].last = last;
        return;
    }
    if (view->recent_count == IMAP_RECENT_RANGES_MAX) { // the oldest are recent no more
        memmove(&view->recent[0], &view->recent[1],
                (IMAP_RECENT_RANGES_MAX - 1) * sizeof(view->recent[0]));
        newest--;
        view->recent_count--;
    }
    *newest = (struct store_range){first, last};
    view->recent_count++;
}

size_t imap_view_recent_count(const struct imap_view *view)
{
    size_t count = 0;

    for (size_t i = 0; i < view->recent_count; i++)
        count += imap_view_index(view, view->recent[i].last + 1) -
                 imap_view_index(view, view->recent[i].first);
    return count;
}

// ---- opening and closing

static void view_drop(struct imap_view **view)
{
    imap_view_close(*view);
}

void imap_view_use_words(struct imap_view *view, const struct store_snapshot *picture)
{
    store_words_drop(view->words);
    view->words = store_snapshot_words(picture);
    view->keywords = view->words->names;
    view->keyword_count = view->words->count;
}

/// RFC 4314 5.2: read-only is a mailbox in which one may change nothing, neither flags nor what is
/// in it.
static bool may_change(unsigned rights)
{
    return (rights &
            (ACCESS_SEEN | ACCESS_WRITE | ACCESS_INSERT | ACCESS_DELETED | ACCESS_EXPUNGE)) != 0;
}

int imap_view_open(struct imap_session *s, const struct store_mailbox *mailbox, bool read_only,
                   struct imap_view **out)
{
    CLEANUP(view_drop) struct imap_view *view = calloc(1, sizeof(*view));
    uint32_t first_recent = UINT32_MAX;
    int r;

    CHECK(view);
    view->mailbox_id = mailbox->id;
    view->owner_id = mailbox->account_id;
    view->rights = access_rights(imap_access(s), s->account_id, mailbox);
    view->is_read_only = read_only || !may_change(view->rights);
    r = store_watch_new(imap_store(s), mailbox->account_id, mailbox->id, rt_conn_handle(s->conn),
                        &view->watch);
    if (r == 0 && !(s->enabled & IMAP_REV2))
        r = store_recent(imap_store(s), mailbox->id, !view->is_read_only, &first_recent);
    if (r == 0)
        r = store_snapshot_get(imap_store(s), mailbox->id, &view->picture);
    if (r != 0)
        return r;
    view->modseq = view->told_modseq = store_snapshot_mailbox(view->picture)->modseq;
    view->uidvalidity = store_snapshot_mailbox(view->picture)->uidvalidity;
    view->uidnext = store_snapshot_mailbox(view->picture)->uidnext;
    view->count = store_snapshot_count(view->picture);
    imap_view_use_words(view, view->picture);
    imap_view_add_recent(view, first_recent, view->uidnext - 1);
    *out = TAKE(view);
    return 0;
}

bool imap_view_may_read(struct imap_session *s)
{
    struct imap_view *view = s->view;

    if (!view)
        return true;
    view->rights =
        access_rights_in(imap_access(s), s->account_id, view->owner_id, view->mailbox_id);
    view->is_read_only |= !may_change(view->rights); // the client knows it as read-only or not
    return view->rights & ACCESS_READ;
}

void imap_view_close(struct imap_view *view)
{
    if (!view)
        return;
    store_watch_free(view->watch);
    store_snapshot_drop(view->picture);
    store_words_drop(view->words);
    free(view);
}

// ---- flags

int imap_view_keywords_load(struct imap_session *s, struct imap_view *view)
{
    struct store_snapshot *newest;
    int r = store_snapshot_get(imap_store(s), view->mailbox_id, &newest);

    if (r != 0)
        return r;
    imap_view_use_words(view, newest);
    store_snapshot_drop(newest);
    return 0;
}

bool imap_view_keyword_bits(const struct imap_view *view, const struct str *names, size_t count,
                            uint64_t *out)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < view->keyword_count && !str_case_eq(view->keywords[k], names[i]))
            k++;
        if (k == view->keyword_count)
            return false;
        bits |= UINT64_C(1) << k;
    }
    *out = bits;
    return true;
}

unsigned imap_flags_of_rights(unsigned rights)
{
    unsigned flags = 0;

    if (rights & ACCESS_SEEN)
        flags |= IMAP_SEEN;
    if (rights & ACCESS_DELETED)
        flags |= IMAP_DELETED;
    if (rights & ACCESS_WRITE)
        flags |= IMAP_FLAGS_SETTABLE & ~(unsigned)(IMAP_SEEN | IMAP_DELETED);
    return flags;
}

unsigned imap_view_settable(const struct imap_view *view)
{
    return view->is_read_only ? 0 : imap_flags_of_rights(view->rights);
}

void imap_view_put_flags(const struct imap_view *view, struct buf *out)
{
    bool may_words = !view->is_read_only && (view->rights & ACCESS_WRITE);
    uint64_t all = UINT64_MAX;

    buf_put(out, STR("* FLAGS ("));
    imap_flags_put(out, IMAP_FLAGS_SETTABLE, all, view->keywords, view->keyword_count);
    buf_put(out, STR(")\r\n* OK [PERMANENTFLAGS ("));
    imap_flags_put(out, imap_view_settable(view), may_words ? all : 0, view->keywords,
                   view->keyword_count);
    // "\*": new keywords can be made (RFC 3501 7.1); a mailbox has room for so many
    if (may_words && view->keyword_count < STORE_KEYWORDS_MAX)
        buf_put(out, STR(" \\*"));
    buf_put(out, imap_view_settable(view) ? STR(")] These are kept\r\n")
                                          : STR(")] Nothing can be changed\r\n"));
}

void imap_view_put_fetch_head(const struct imap_session *s, size_t index, struct buf *out)
{
    bool uid_only = s->enabled & IMAP_UIDONLY;

    buf_put(out, STR("* "));
    buf_put_u64(out, uid_only ? imap_view_uid(s->view, index) : index + 1);
    buf_put(out, uid_only ? STR(" UIDFETCH (") : STR(" FETCH ("));
}

bool imap_view_tells_uid(const struct imap_session *s)
{
    return !(s->enabled & IMAP_UIDONLY) && (s->enabled & (IMAP_CONDSTORE | IMAP_REV2));
}

/// "* n FETCH ([UID u] [MODSEQ (m)]", each with a space behind it.
static void put_fetch_begin(const struct imap_session *s, size_t index, bool with_uid,
                            const struct imap_view_entry *entry, struct buf *out)
{
    imap_view_put_fetch_head(s, index, out);
    if ((with_uid && !(s->enabled & IMAP_UIDONLY)) || imap_view_tells_uid(s)) {
        buf_put(out, STR("UID "));
        buf_put_u64(out, entry->uid);
        buf_put_char(out, ' ');
    }
    if (s->enabled & IMAP_CONDSTORE) {
        buf_put(out, STR("MODSEQ ("));
        buf_put_u64(out, entry->modseq);
        buf_put(out, STR(") "));
    }
}

void imap_view_put_fetch_modseq(const struct imap_session *s, size_t index, bool with_uid,
                                struct buf *out)
{
    struct imap_view_entry entry = imap_view_at(s->view, index);

    put_fetch_begin(s, index, with_uid, &entry, out);
    out->len--; // the last space
    buf_put(out, STR(")\r\n"));
}

void imap_view_put_fetch_flags(const struct imap_session *s, size_t index, bool with_uid,
                               struct buf *out)
{
    const struct imap_view *view = s->view;
    struct imap_view_entry entry = imap_view_at(view, index);

    put_fetch_begin(s, index, with_uid, &entry, out);
    buf_put(out, STR("FLAGS ("));
    imap_flags_put(out, entry.flags, entry.keywords, view->keywords, view->keyword_count);
    buf_put(out, STR("))\r\n"));
}
