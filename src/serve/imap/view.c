// SPDX-License-Identifier: ISC
//
// The order in which opening reads the store makes the view complete: the watch first, then the
// modseq, then the entries. A change between two of these is found again by the first sync, which
// passes over what the view has already.
#include "serve/imap/view.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/flag.h"
#include "serve/imap/session.h"

#include <errno.h>

_Static_assert((int)IMAP_SEEN == STORE_SEEN && (int)IMAP_ANSWERED == STORE_ANSWERED &&
                   (int)IMAP_FLAGGED == STORE_FLAGGED && (int)IMAP_DELETED == STORE_DELETED &&
                   (int)IMAP_DRAFT == STORE_DRAFT,
               "flags are handed through as they are");

enum { UIDS_AT_ONCE = 20000 }; // read from the store in one go

size_t imap_view_index(const struct imap_view *view, uint32_t uid)
{
    size_t low = 0, high = view->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->entries[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_entry(struct imap_view *view, const struct store_entry *entry,
                      uint32_t first_recent)
{
    if (view->count == view->cap) {
        view->cap += view->cap / 2 + 16;
        view->entries = realloc(view->entries, view->cap * sizeof(*view->entries));
        CHECK(view->entries);
    }
    view->entries[view->count++] = (struct imap_view_entry){
        .uid = entry->uid,
        .flags = entry->flags | (entry->uid >= first_recent ? IMAP_RECENT : 0u),
        .keywords = entry->keywords,
        .modseq = entry->modseq,
    };
}

static int load_entries(struct imap_session *s, struct imap_view *view, uint32_t first_recent)
{
    uint64_t uid = 1;

    while (uid < view->uidnext) {
        struct store_entries entries;
        uint64_t last = uid + UIDS_AT_ONCE - 1;
        int r;

        if (last >= view->uidnext)
            last = view->uidnext - 1; // what came since is for the sync, after UIDNEXT was told
        r = store_entries_get(imap_store(s), view->mailbox_id, (uint32_t)uid, (uint32_t)last,
                              &entries);
        if (r != 0)
            return r;
        for (size_t i = 0; i < entries.count; i++)
            add_entry(view, &entries.items[i], first_recent);
        store_entries_done(&entries);
        uid = last + 1;
        r = rt_breathe();
        if (r < 0)
            return r;
    }
    return 0;
}

int imap_view_keywords_load(struct imap_session *s, struct imap_view *view)
{
    CLEANUP(free_drop) struct store_keywords *names = calloc(1, sizeof(*names));
    size_t bytes = 0;
    struct str *block;
    char *text;
    int r;

    CHECK(names);
    r = store_keywords_get(imap_store(s), view->mailbox_id, names);
    if (r != 0)
        return r;
    for (size_t i = 0; i < names->count; i++)
        bytes += sizeof(*block) + strlen(names->names[i]);
    block = bytes > 0 ? malloc(bytes) : NULL;
    CHECK(block || bytes == 0);
    text = (char *)(block + names->count);
    for (size_t i = 0; i < names->count; i++) {
        size_t len = strlen(names->names[i]);

        memcpy(text, names->names[i], len);
        block[i] = str_of(text, len);
        text += len;
    }
    free(view->keywords);
    view->keywords = block;
    view->keyword_count = names->count;
    return 0;
}

static void view_drop(struct imap_view **view)
{
    imap_view_close(*view);
}

int imap_view_open(struct imap_session *s, const struct store_mailbox *mailbox, bool read_only,
                   struct imap_view **out)
{
    CLEANUP(view_drop) struct imap_view *view = calloc(1, sizeof(*view));
    CLEANUP(free_drop) struct store_mailbox *now = malloc(sizeof(*now));
    uint32_t first_recent;
    int r;

    CHECK(view && now);
    view->mailbox_id = mailbox->id;
    view->is_read_only = read_only;
    view->rights = access_rights(imap_access(s), s->account_id, mailbox);
    r = store_watch_new(imap_store(s), s->account_id, mailbox->id, rt_conn_handle(s->conn),
                        &view->watch);
    if (r == 0)
        r = store_recent(imap_store(s), mailbox->id, !read_only, &first_recent);
    if (r == 0)
        r = store_mailbox_by_id(imap_store(s), mailbox->id, now);
    if (r != 0)
        return r;
    view->modseq = now->modseq;
    view->uidvalidity = now->uidvalidity;
    view->uidnext = now->uidnext;
    view->cap = now->message_count;
    view->entries = view->cap > 0 ? malloc(view->cap * sizeof(*view->entries)) : NULL;
    CHECK(view->entries || view->cap == 0);
    r = load_entries(s, view, first_recent);
    if (r == 0)
        r = imap_view_keywords_load(s, view);
    if (r == 0)
        *out = TAKE(view);
    return r;
}

void imap_view_close(struct imap_view *view)
{
    if (!view)
        return;
    store_watch_free(view->watch);
    free(view->entries);
    free(view->keywords);
    free(view);
}

size_t imap_view_recent_count(const struct imap_view *view)
{
    size_t count = 0;

    for (size_t i = 0; i < view->count; i++)
        count += (view->entries[i].flags & IMAP_RECENT) != 0;
    return count;
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

void imap_view_put_flags(const struct imap_view *view, struct buf *out)
{
    uint64_t all = UINT64_MAX;

    buf_put(out, STR("* FLAGS ("));
    imap_flags_put(out, IMAP_FLAGS_SETTABLE, all, view->keywords, view->keyword_count);
    if (view->is_read_only) {
        buf_put(out, STR(")\r\n* OK [PERMANENTFLAGS ()] Nothing can be changed\r\n"));
        return;
    }
    buf_put(out, STR(")\r\n* OK [PERMANENTFLAGS ("));
    imap_flags_put(out, IMAP_FLAGS_SETTABLE, all, view->keywords, view->keyword_count);
    // "\*": new keywords can be made (RFC 3501 7.1); a mailbox has room for so many
    buf_put(out, view->keyword_count < STORE_KEYWORDS_MAX ? STR(" \\*)] These are kept\r\n")
                                                          : STR(")] These are kept\r\n"));
}

void imap_view_put_fetch_flags(const struct imap_view *view, size_t index, bool with_uid,
                               struct buf *out)
{
    const struct imap_view_entry *entry = &view->entries[index];

    buf_put(out, STR("* "));
    buf_put_u64(out, index + 1);
    buf_put(out, STR(" FETCH ("));
    if (with_uid) {
        buf_put(out, STR("UID "));
        buf_put_u64(out, entry->uid);
        buf_put_char(out, ' ');
    }
    buf_put(out, STR("FLAGS ("));
    imap_flags_put(out, entry->flags, entry->keywords, view->keywords, view->keyword_count);
    buf_put(out, STR("))\r\n"));
}

/// Takes the expunged out of the view and tells their numbers, each as it is after those before it
/// (RFC 3501 7.4.1).
static void drop_expunged(struct imap_view *view, const struct store_changes *changes,
                          struct buf *out)
{
    size_t kept = 0, next = 0;

    for (size_t i = 0; i < view->count; i++) {
        while (next < changes->expunged_count && changes->expunged[next] < view->entries[i].uid)
            next++;
        if (next < changes->expunged_count && changes->expunged[next] == view->entries[i].uid) {
            buf_put(out, STR("* "));
            buf_put_u64(out, kept + 1);
            buf_put(out, STR(" EXPUNGE\r\n"));
        } else {
            view->entries[kept++] = view->entries[i];
        }
    }
    view->count = kept;
}

static bool has_new_keyword(const struct imap_view *view, const struct store_changes *changes)
{
    for (size_t i = 0; i < changes->changed.count; i++) {
        uint64_t bits = changes->changed.items[i].keywords;

        if (view->keyword_count < STORE_KEYWORDS_MAX && bits >> view->keyword_count)
            return true;
    }
    return false;
}

static void update_entry(struct imap_view *view, size_t index, const struct store_entry *now,
                         bool with_uid, struct buf *out)
{
    struct imap_view_entry *entry = &view->entries[index];
    uint32_t flags = now->flags | (entry->flags & IMAP_RECENT);

    entry->modseq = now->modseq;
    if (entry->flags == flags && entry->keywords == now->keywords)
        return;
    entry->flags = flags;
    entry->keywords = now->keywords;
    imap_view_put_fetch_flags(view, index, with_uid, out);
}

static int add_new(struct imap_session *s, struct imap_view *view,
                   const struct store_changes *changes, size_t first, struct buf *out)
{
    uint32_t first_recent;
    int r = store_recent(imap_store(s), view->mailbox_id, !view->is_read_only, &first_recent);

    if (r != 0)
        first_recent = UINT32_MAX; // the mail counts, \Recent does not
    for (size_t i = first; i < changes->changed.count; i++)
        add_entry(view, &changes->changed.items[i], first_recent);
    buf_put(out, STR("* "));
    buf_put_u64(out, view->count);
    buf_put(out, STR(" EXISTS\r\n* "));
    buf_put_u64(out, imap_view_recent_count(view));
    buf_put(out, STR(" RECENT\r\n"));
    return 0;
}

/// Which of the view's uids from index `at` on, below `uid_end`, are not among these entries.
static size_t add_missing(const struct imap_view *view, size_t at, uint64_t uid_end,
                          const struct store_entries *entries, struct store_changes *changes)
{
    for (size_t e = 0; at < view->count && view->entries[at].uid < uid_end; at++) {
        uint32_t uid = view->entries[at].uid;

        while (e < entries->count && entries->items[e].uid < uid)
            e++;
        if (e == entries->count || entries->items[e].uid != uid)
            changes->expunged[changes->expunged_count++] = uid;
    }
    return at;
}

/// The store forgets old expunges (store_mailbox.expunge_modseq): when it may have forgotten some
/// that this view has not seen, they are those of its messages that are no longer there.
static int find_expunged(struct imap_session *s, struct imap_view *view,
                         struct store_changes *changes)
{
    size_t at = 0;

    free(changes->expunged);
    changes->expunged = calloc(view->count + 1, sizeof(*changes->expunged));
    CHECK(changes->expunged);
    changes->expunged_count = 0;
    while (at < view->count) {
        uint32_t uid = view->entries[at].uid;
        uint64_t uid_end = (uint64_t)uid + UIDS_AT_ONCE;
        struct store_entries entries;
        int r =
            store_entries_get(imap_store(s), view->mailbox_id, uid,
                              uid_end > UINT32_MAX ? UINT32_MAX : (uint32_t)uid_end - 1, &entries);

        if (r != 0)
            return r;
        at = add_missing(view, at, uid_end > UINT32_MAX ? UINT64_MAX : uid_end, &entries, changes);
        store_entries_done(&entries);
    }
    return 0;
}

static int apply(struct imap_session *s, struct imap_view *view,
                 const struct store_changes *changes, enum imap_sync how, bool with_uid,
                 struct buf *out)
{
    size_t i;
    int r;

    if (how == IMAP_SYNC_ALL)
        drop_expunged(view, changes, out);
    if (has_new_keyword(view, changes)) {
        r = imap_view_keywords_load(s, view);
        if (r != 0)
            return r;
        imap_view_put_flags(view, out);
    }
    for (i = 0; i < changes->changed.count; i++) {
        const struct store_entry *now = &changes->changed.items[i];
        size_t index;

        if (now->uid > imap_view_last_uid(view))
            break;
        r = rt_breathe();
        if (r < 0)
            return r;
        index = imap_view_index(view, now->uid);
        if (view->entries[index].uid == now->uid)
            update_entry(view, index, now, with_uid, out);
    }
    if (i < changes->changed.count) {
        r = add_new(s, view, changes, i, out);
        if (r != 0)
            return r;
    }
    view->uidnext = changes->mailbox.uidnext;
    // expunges that wait are asked for again; the rest of the changes is known then
    if (how == IMAP_SYNC_ALL || changes->expunged_count == 0)
        view->modseq = changes->mailbox.modseq;
    return 0;
}

int imap_view_sync(struct imap_session *s, enum imap_sync how, bool with_uid, struct buf *out)
{
    struct imap_view *view = s->view;
    struct store_changes *changes;
    uint64_t now;
    int r;

    if (!view)
        return 0;
    now = store_watch_modseq(view->watch);
    if (now == 0)
        return IMAP_VIEW_GONE;
    if (now == view->modseq)
        return 0;
    changes = calloc(1, sizeof(*changes));
    CHECK(changes);
    r = store_changes_get(imap_store(s), view->mailbox_id, view->modseq, changes);
    if (r == 0 && changes->mailbox.expunge_modseq > view->modseq)
        r = find_expunged(s, view, changes);
    if (r == 0)
        r = apply(s, view, changes, how, with_uid, out);
    store_changes_done(changes);
    free(changes);
    return r == STORE_NOT_FOUND ? IMAP_VIEW_GONE : r;
}
