// SPDX-License-Identifier: ISC
//
// struct imap_view: the selected mailbox as this client knows it. Message numbers are places in its
// array; they only change when the client is told so (RFC 3501 7.4.1). The store goes ahead; the
// view follows at imap_view_sync, which tells what changed.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

struct imap_session;

struct imap_view_entry {
    uint32_t uid;
    uint32_t flags; // bits of imap_flag; IMAP_RECENT too
    uint64_t keywords;
    uint64_t modseq; // as it was when the flags were read
};

struct imap_view {
    uint64_t mailbox_id;
    uint64_t modseq; // all changes up to here are in the view
    uint32_t uidvalidity, uidnext;
    bool is_read_only; // EXAMINE, or no right to change anything
    unsigned rights;   // of who has signed in (access/access.h), as they were at SELECT
    struct store_watch *watch;
    struct imap_view_entry *entries; // by uid; number i + 1 is entries[i]
    size_t count, cap;
    struct str *keywords; // bit i of an entry's mask; texts in the same block
    size_t keyword_count;
};

/// [await] 0, STORE_NOT_FOUND or -errno.
int imap_view_open(struct imap_session *s, const struct store_mailbox *mailbox, bool read_only,
                   struct imap_view **out);
/// NULL is fine. No waiting.
void imap_view_close(struct imap_view *view);

enum imap_sync {
    IMAP_SYNC_KEEP_NUMBERS, // expunges wait
    IMAP_SYNC_ALL,
};
enum { IMAP_VIEW_GONE = 1 };
/// [await] Brings the view up to date and appends the untagged answers that tell the client:
/// EXPUNGE, FLAGS, FETCH (with UID for UID commands), EXISTS, RECENT. Costs nothing when nothing
/// happened. 0, IMAP_VIEW_GONE (somebody deleted the mailbox) or -errno.
int imap_view_sync(struct imap_session *s, enum imap_sync how, bool with_uid, struct buf *out);
/// [await] Reads the keywords' names again and appends FLAGS and PERMANENTFLAGS.
int imap_view_keywords_load(struct imap_session *s, struct imap_view *view);
void imap_view_put_flags(const struct imap_view *view, struct buf *out);
/// "* n FETCH (FLAGS (...) [UID u])"
void imap_view_put_fetch_flags(const struct imap_view *view, size_t index, bool with_uid,
                               struct buf *out);

/// Message number index + 1, as this client knows it. Others than view.c see entries only so.
static inline struct imap_view_entry imap_view_at(const struct imap_view *view, size_t index)
{
    return view->entries[index];
}
static inline uint32_t imap_view_uid(const struct imap_view *view, size_t index)
{
    return view->entries[index].uid;
}
/// What a change of this session's own made of an entry, before the store's news of it arrive.
static inline void imap_view_put(struct imap_view *view, size_t index,
                                 const struct imap_view_entry *entry)
{
    view->entries[index] = *entry;
}
/// The first index whose uid is >= uid; count when there is none.
size_t imap_view_index(const struct imap_view *view, uint32_t uid);
static inline uint32_t imap_view_last_uid(const struct imap_view *view)
{
    return view->count > 0 ? view->entries[view->count - 1].uid : 0;
}
/// Bits of the keywords that have these names; false when one is not known here.
bool imap_view_keyword_bits(const struct imap_view *view, const struct str *names, size_t count,
                            uint64_t *out);
/// How many messages are \Recent here.
size_t imap_view_recent_count(const struct imap_view *view);
