// SPDX-License-Identifier: ISC
//
// struct imap_view: the selected mailbox as this client knows it. Message numbers are places in its
// picture; they only change when the client is told so (RFC 3501 7.4.1). The store goes ahead; the
// view follows at imap_view_sync, which tells what changed.
//
// The picture (store/snapshot.h) is shared with all who look at the mailbox, as long as this client
// knows what they know; so a view of any mailbox is a few hundred bytes.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "store/snapshot.h"

struct imap_session;

struct imap_view_entry {
    uint32_t uid;
    uint32_t flags; // bits of imap_flag; IMAP_RECENT too
    uint64_t keywords;
    uint64_t modseq; // as it was when the flags were read
};

enum { IMAP_RECENT_RANGES_MAX = 16 };

struct imap_view {
    uint64_t mailbox_id;
    uint64_t owner_id;    // whose mailbox it is
    uint64_t modseq;      // all changes up to here are in the view, but for expunges that wait
    uint64_t told_modseq; // the expunges up to here were told, too
    uint32_t uidvalidity, uidnext;
    bool is_read_only; // EXAMINE, or no right to change anything
    unsigned rights;   // of who has signed in (access/access.h); imap_view_may_read asks anew
    struct store_watch *watch;
    struct store_snapshot *picture;
    size_t count;   // its messages
    size_t waiting; // of them, those that are gone, which could not be told yet
    struct store_words *words;
    const struct str *keywords; // bit i of an entry's mask; `words`
    size_t keyword_count;
    struct store_range recent[IMAP_RECENT_RANGES_MAX]; // uids that are \Recent here, ascending
    size_t recent_count;
};

/// [await] 0, STORE_NOT_FOUND or -errno.
int imap_view_open(struct imap_session *s, const struct store_mailbox *mailbox, bool read_only,
                   struct imap_view **out);
/// NULL is fine. No waiting.
void imap_view_close(struct imap_view *view);
/// Looks again what who has signed in may do in the selected mailbox, if there is one: its owner
/// may have changed that since. False: not even read it any more. No waiting.
bool imap_view_may_read(struct imap_session *s);

enum imap_sync {
    IMAP_SYNC_KEEP_NUMBERS, // expunges wait
    IMAP_SYNC_ALL,
};
enum { IMAP_VIEW_GONE = 1 };
#define IMAP_VIEW_GONE_TEXT "The mailbox was deleted, or is not yours to read any more"
/// [await] Brings the view up to date and appends the untagged answers that tell the client:
/// EXPUNGE or VANISHED, FLAGS, FETCH (with UID for UID commands), EXISTS, RECENT. A long answer is
/// put on the connection in pieces, what stood in *out before first. Costs what changed. 0,
/// IMAP_VIEW_GONE (somebody deleted the mailbox, or it may not be read any more) or -errno.
/// view_sync.c
int imap_view_sync(struct imap_session *s, enum imap_sync how, bool with_uid, struct buf *out);
/// The names of the picture are told from now on. FLAGS is not said.
void imap_view_use_words(struct imap_view *view, const struct store_snapshot *picture);
/// [await] Reads the keywords' names again.
int imap_view_keywords_load(struct imap_session *s, struct imap_view *view);
/// FLAGS and PERMANENTFLAGS
void imap_view_put_flags(const struct imap_view *view, struct buf *out);
/// "* n FETCH (" or, with UIDONLY, "* uid UIDFETCH (" (RFC 9586 3.3).
void imap_view_put_fetch_head(const struct imap_session *s, size_t index, struct buf *out);
/// "* n FETCH (FLAGS (...))" with what this client has to hear beside the flags: UID, MODSEQ.
void imap_view_put_fetch_flags(const struct imap_session *s, size_t index, bool with_uid,
                               struct buf *out);
/// "* n FETCH (MODSEQ (...))", likewise, and no flags.
void imap_view_put_fetch_modseq(const struct imap_session *s, size_t index, bool with_uid,
                                struct buf *out);
/// Does this client hear of uids unasked (RFC 7162 3.1, RFC 9051 7.5.2)?
bool imap_view_tells_uid(const struct imap_session *s);

/// Message number index + 1, as this client knows it. Others than view.c see entries only so.
struct imap_view_entry imap_view_at(const struct imap_view *view, size_t index);
uint32_t imap_view_uid(const struct imap_view *view, size_t index);
/// What a change of this session's own made of an entry, before the store's news of it arrive.
void imap_view_put(struct imap_view *view, size_t index, const struct imap_view_entry *entry);
/// The first index whose uid is >= uid; count when there is none.
size_t imap_view_index(const struct imap_view *view, uint32_t uid);
/// 0 when it is empty.
uint32_t imap_view_last_uid(const struct imap_view *view);
/// Bits of the keywords that have these names; false when one is not known here.
bool imap_view_keyword_bits(const struct imap_view *view, const struct str *names, size_t count,
                            uint64_t *out);
/// How many messages are \Recent here.
size_t imap_view_recent_count(const struct imap_view *view);
/// Those with first <= uid <= last are \Recent here, from now on or when they come.
void imap_view_add_recent(struct imap_view *view, uint32_t first, uint32_t last);
/// Of imap_flag, those that one with these rights may change (RFC 4314 4); keywords with
/// ACCESS_WRITE.
unsigned imap_flags_of_rights(unsigned rights);
/// Those that may be changed in this view.
unsigned imap_view_settable(const struct imap_view *view);
