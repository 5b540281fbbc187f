// SPDX-License-Identifier: ISC
//
// The door of the store: bodies, mailboxes, flags, change numbers, subscriptions, quota, documents.
// Behind it stand the engines store/local (segment files + SQLite), store/memory (simulation and
// tests) and, later, one on a cluster whose operations are atomic on one object only.
//
// The contract of every engine
//  1. A change set is durable as a whole when store_commit has returned 0; before that it may be
//     lost as a whole.
//  2. It shows up in each mailbox exactly once, completely or not at all, whatever dies in between.
//  3. The referenced thing is written before the reference and removed after it.
//  4. Every step can be repeated. A commit whose result is unknown (-ETIMEDOUT of a cluster) is
//     neither success nor failure: store_commit_known(token) answers later.
//  5. UIDs of a mailbox only grow; modseq of a mailbox only grows; each change of a mailbox gets
//     one modseq greater than all before; a reader who sees modseq m sees every change up to m.
//  6. What cannot be stored (disk full: -ENOSPC) changes nothing; reading, flagging, expunging and
//     deleting go on working then. After a failed sync every later commit fails with -EIO until
//     the process was started again.
//  7. A body that was stored is returned byte for byte, or reading it fails with -EBADMSG.
//
// All calls marked [await] are made from tasks. Ids are never reused; 0 is no id. Strings are
// UTF-8 views; those given to a change must live until store_commit returned. Errors: -errno.
#pragma once

#include "base/buf.h"
#include "rt/conn.h"
#include "rt/disk.h"

struct store;
struct store_body;
struct store_change;
struct store_watch;

/// Positive answers of store_commit and of the look-ups.
enum store_answer {
    STORE_OK = 0,
    STORE_NOT_FOUND = 1,  // no such mailbox, message, document
    STORE_EXISTS = 2,     // a mailbox of that name exists already
    STORE_OVER_QUOTA = 3, // the account's limit of bytes or messages
    STORE_LIMIT = 4,      // a limit of this header
    STORE_CONFLICT = 5,   // a document had changed (store_doc_put_if)
};

enum {
    STORE_NAME_MAX = 512,                // bytes of a mailbox name
    STORE_DEPTH_MAX = 32,                // levels of a mailbox name
    STORE_MAILBOXES_MAX = 10000,         // of one account
    STORE_KEYWORDS_MAX = 64,             // of one mailbox, ever
    STORE_KEYWORD_LEN_MAX = 64,          // bytes
    STORE_DOC_KEY_MAX = 512,             // bytes
    STORE_DOC_MAX = 1 << 20,             // bytes
    STORE_ENVELOPE_MAX = 4096,           // bytes of the summary kept beside a body
    STORE_BODY_MEMORY_MAX = 1 << 20,     // a longer body goes to disk while it arrives
    STORE_BODY_MEMORY_MIN = 1 << 16,     // and this when many arrive at once
    STORE_BODIES_MEMORY_MAX = 256 << 20, // "many": bytes of all bodies that are not done yet
};

// ---- opening

struct store_local_config {
    struct rt_disk *disk;    // borrowed; must outlive the store
    uint64_t segment_bytes;  // 0: 64 MiB
    uint64_t free_bytes_min; // new mail is refused with -ENOSPC below this; 0: 64 MiB
    uint64_t bodies_memory;  // 0: STORE_BODIES_MEMORY_MAX
    unsigned reader_threads; // 0: 4
    bool read_only;          // fsck and backup of a store that is not served
    bool skip_data_sync; // leaves out the segment's fdatasync: only for the crash test's negative
                         // control
};
/// [await] Takes the directory's lock (-EWOULDBLOCK when a server has it), recovers.
int store_local_open(struct rt *rt, const struct store_local_config *config, struct store **out);
/// Nothing is kept beyond the process; the contract holds but for durability.
int store_memory_open(struct rt *rt, struct store **out);
/// For the simulator, and there only: from now on commits take time, before they happen and before
/// they are answered.
void store_memory_slow(struct store *store);
/// Its node dies: of the commits on their way each happens or does not, by chance; they and all
/// later ones answer -EIO. What is there can be read until the store is closed.
void store_memory_crash(struct store *store);
/// A new store with everything that was committed to the old one, which stays to be closed.
int store_memory_reopen(struct store *old, struct store **out);
/// [await] Commits that run are finished first.
void store_close(struct store *store);

// ---- bodies

/// A message on its way in. Appending past STORE_BODY_MEMORY_MAX writes to disk; so does appending
/// past STORE_BODY_MEMORY_MIN while all bodies together hold more than the store's `bodies_memory`,
/// so that many slow senders cost little each.
int store_body_new(struct store *store, struct store_body **out);
/// [await] only when it writes. 0 or -errno; later calls repeat an error.
int store_body_append(struct store_body *body, struct str bytes);
uint64_t store_body_size(const struct store_body *body);
/// The first bytes as long as they are in memory, for parsing: at most STORE_BODY_MEMORY_MAX, and
/// only STORE_BODY_MEMORY_MIN once the body went to disk.
struct str store_body_head(const struct store_body *body);
/// A few words kept beside the body for whoever must rebuild a lost index.
void store_body_set_envelope(struct store_body *body, struct str text);
/// NULL is fine. A body that was not committed leaves nothing behind.
void store_body_free(struct store_body *body);

/// Where a stored body lies: from a store_entry, valid as long as the message exists. `hint` is
/// the engine's own and may be out of date; the engine then looks it up.
struct store_body_ref {
    uint64_t message_id;
    uint64_t size;
    uint64_t hint[2];
};
/// [await] Bytes read, fewer than len only at the end; STORE_NOT_FOUND cannot be told from bytes,
/// so a body that is gone gives -ENOENT, a damaged one -EBADMSG.
ssize_t store_body_read(struct store *store, const struct store_body_ref *ref, uint64_t offset,
                        void *to, size_t len);
/// [await] Several at once, which costs little more than one: n is what store_body_read gives.
struct store_body_piece {
    const struct store_body_ref *ref;
    uint64_t offset;
    void *to;
    size_t len;
    ssize_t n; // out
};
void store_bodies_read(struct store *store, struct store_body_piece *pieces, size_t count);
/// [await] Appends the whole body to *out; -EFBIG past its maximum.
int store_body_load(struct store *store, const struct store_body_ref *ref, struct buf *out);

// ---- mailboxes

/// RFC 6154
enum store_special_use {
    STORE_USE_NONE = 0,
    STORE_USE_ALL = 1,
    STORE_USE_ARCHIVE = 2,
    STORE_USE_DRAFTS = 4,
    STORE_USE_FLAGGED = 8,
    STORE_USE_JUNK = 16,
    STORE_USE_SENT = 32,
    STORE_USE_TRASH = 64,
};

/// Hierarchy is in the name, levels apart by '/'; "INBOX" is spelt so. Parents need not exist.
struct store_mailbox {
    uint64_t id;
    uint64_t account_id;
    char name[STORE_NAME_MAX + 1];
    uint32_t uidvalidity;
    uint32_t uidnext;
    uint64_t modseq;         // the highest so far
    uint64_t expunge_modseq; // expunged uids are known for changes after this modseq
    uint32_t message_count;
    uint32_t unseen_count;
    uint32_t deleted_count; // with \Deleted
    uint64_t bytes;
    uint64_t deleted_bytes;
    unsigned special_use; // bits of store_special_use
};

/// [await] 0 or STORE_NOT_FOUND.
int store_mailbox_by_name(struct store *store, uint64_t account_id, struct str name,
                          struct store_mailbox *out);
int store_mailbox_by_id(struct store *store, uint64_t mailbox_id, struct store_mailbox *out);
/// [await] All of the account, by name. free(*out).
int store_mailboxes(struct store *store, uint64_t account_id, struct store_mailbox **out,
                    size_t *out_count);

/// [await] The keywords of the mailbox; bit i of an entry's mask is names[i].
struct store_keywords {
    char names[STORE_KEYWORDS_MAX][STORE_KEYWORD_LEN_MAX + 1];
    size_t count;
};
int store_keywords_get(struct store *store, uint64_t mailbox_id, struct store_keywords *out);

/// [await] Names the account subscribed to, whether such mailboxes exist or not; NUL-terminated,
/// one malloc block: free(*out).
int store_subscriptions(struct store *store, uint64_t account_id, char ***out, size_t *out_count);

// ---- messages in a mailbox

enum store_flag {
    STORE_SEEN = 1,
    STORE_ANSWERED = 2,
    STORE_FLAGGED = 4,
    STORE_DELETED = 8,
    STORE_DRAFT = 16,
};

struct store_entry {
    uint32_t uid;
    uint32_t flags; // bits of store_flag
    uint64_t keywords;
    uint64_t modseq;
    int64_t internal_date; // seconds since 1970 UTC
    int64_t save_date;     // when it came into this mailbox (RFC 8514)
    int32_t zone_minutes;  // of the internal date
    struct store_body_ref body;
};

struct store_entries {
    struct store_entry *items; // by uid
    size_t count;
};
/// [await] Those with first <= uid <= last. store_entries_done when no longer needed.
int store_entries_get(struct store *store, uint64_t mailbox_id, uint32_t uid_first,
                      uint32_t uid_last, struct store_entries *out);
void store_entries_done(struct store_entries *entries);

/// What happened to a mailbox after `since`, consistent at `mailbox.modseq`.
struct store_changes {
    struct store_mailbox mailbox;
    struct store_entries changed; // new ones and those with new flags
    uint32_t *expunged;           // uids, ascending
    size_t expunged_count;
};
/// [await] 0 or STORE_NOT_FOUND when the mailbox is gone.
int store_changes_get(struct store *store, uint64_t mailbox_id, uint64_t since,
                      struct store_changes *out);
void store_changes_done(struct store_changes *changes);

/// [await] The first uid that no session has seen as \Recent; all from there on are the caller's,
/// and recent to nobody after (RFC 3501 2.3.2). With `claim` false it only looks (EXAMINE, STATUS).
int store_recent(struct store *store, uint64_t mailbox_id, bool claim, uint32_t *out_first_uid);

/// Wakes `handle` (rt_notify) after each commit that changed this mailbox (0: any mailbox of
/// account_id, its list of mailboxes and its subscriptions too). No waiting.
int store_watch_new(struct store *store, uint64_t account_id, uint64_t mailbox_id,
                    struct rt_handle handle, struct store_watch **out);
/// The mailbox's highest modseq now (0: gone); lets a session see for free that nothing changed.
uint64_t store_watch_modseq(const struct store_watch *watch);
void store_watch_free(struct store_watch *watch);

// ---- quota

struct store_quota {
    uint64_t bytes, bytes_max; // max 0: no limit
    uint64_t messages, messages_max;
};
/// No waiting: kept in memory, from the mailboxes' own sums.
int store_quota_get(struct store *store, uint64_t account_id, struct store_quota *out);

/// No waiting. The highest id of an account that has, or had, anything here: whoever gives ids to
/// new accounts begins above it.
uint64_t store_account_max(struct store *store);

// ---- documents: small named values of other rooms (accounts, aliases, settings)

/// [await] 0 or STORE_NOT_FOUND; appends the value. `kind` is a short word, "account".
int store_doc_get(struct store *store, const char *kind, struct str key, struct buf *out);
/// [await] each(arg, key, value) in key order; stops at its first non-zero and returns it. `each`
/// runs in the calling task.
int store_doc_each(struct store *store, const char *kind,
                   int (*each)(void *arg, struct str key, struct str value), void *arg);

// ---- queue: mail that has to go on to other hosts, one entry for each recipient. What an entry
// says is queue's business (doc/format/queue.md); the store finds it by time and lane, and keeps
// its body for as long as the entry is there.

enum {
    STORE_QUEUE_LANE_MAX = 512,   // bytes
    STORE_QUEUE_VALUE_MAX = 8192, // bytes
};
#define STORE_QUEUE_HELD INT64_MAX // due: never, until somebody releases it

struct store_queue_entry {
    uint64_t id; // grows with every entry, also over restarts
    uint64_t mail_id;
    int64_t due_us;  // microseconds since 1970
    struct str lane; // which way it goes
    struct str value;
    struct store_body_ref body;
};

/// What a reading gave; views live in it. Zeroed before the first use; store_queue_list_done.
struct store_queue_list {
    struct store_queue_entry *items;
    size_t count, cap;
    struct buf bytes;
};
void store_queue_list_done(struct store_queue_list *list);

/// Behind which entry a reading goes on; {INT64_MIN, 0} is the beginning.
struct store_queue_cursor {
    int64_t due_us;
    uint64_t id;
};
/// [await] The next entries behind *cursor, at most `max`, with due_us <= due_max_us, by (due_us,
/// id); moves the cursor to the last. `lane`: only of that lane; ptr NULL: of all. Replaces what
/// *out held. Costs only what it gives, however many entries there are.
int store_queue_due(struct store *store, struct str lane, int64_t due_max_us,
                    struct store_queue_cursor *cursor, size_t max, struct store_queue_list *out);
/// [await] When the first entry behind the cursor is due; INT64_MAX: none but held ones.
int store_queue_next(struct store *store, const struct store_queue_cursor *cursor,
                     int64_t *out_due_us);
/// [await] One entry, or STORE_NOT_FOUND.
int store_queue_get(struct store *store, uint64_t id, struct store_queue_list *out);
/// [await] The entries of one mail, by id.
int store_queue_of_mail(struct store *store, uint64_t mail_id, struct store_queue_list *out);
/// No waiting. How many there are in all, and how many are held.
void store_queue_count(struct store *store, uint64_t *out_all, uint64_t *out_held);

// ---- changing: collect operations, commit them as one

int store_change_new(struct store *store, struct store_change **out);
/// Before commit: abandons. NULL is fine.
void store_change_free(struct store_change *change);
/// [await] 0: all of it is durable and visible, the operations' out fields are filled. A positive
/// store_answer or -errno: nothing of it happened. Once per change.
int store_commit(struct store_change *change);

/// 16 random bytes that name this change, for asking after an unknown result.
void store_change_token(const struct store_change *change, uint8_t out[16]);
/// [await] STORE_OK: it was committed; STORE_NOT_FOUND: it was not and never will be.
int store_commit_known(struct store *store, const uint8_t token[16]);

/// The structs below are read, and their out fields written, by store_commit: they must live so
/// long.
struct store_put {
    uint64_t mailbox_id; // 0: the mailbox `name` of account_id, made when it is missing
    uint64_t account_id;
    struct str name;
    struct store_body *body; // several puts, of one change, may share one; or NULL, and then
    const struct store_body_ref *ref; // of an entry (of the queue, too) that exists at commit
    uint32_t flags;
    const struct str *keywords;
    size_t keyword_count;
    int64_t internal_date;
    int32_t zone_minutes;
    bool check_quota; // else a mail that was accepted may pass the limit
    // out
    uint32_t uid, uidvalidity;
    uint64_t message_id, in_mailbox_id;
};
/// With `ref`, STORE_NOT_FOUND: nobody has that body any more. Put it before removing who has it.
void store_change_put(struct store_change *change, struct store_put *put);

/// Ascending, not overlapping; last >= first.
struct store_range {
    uint32_t first, last;
};
struct store_uids {
    const struct store_range *ranges;
    size_t count;
};

enum store_flag_mode { STORE_FLAGS_REPLACE, STORE_FLAGS_ADD, STORE_FLAGS_REMOVE };
struct store_flagging {
    uint64_t mailbox_id;
    struct store_uids uids; // those not there are passed over
    enum store_flag_mode mode;
    uint32_t flags;
    const struct str *keywords;
    size_t keyword_count;
    uint64_t
        unchanged_since; // RFC 7162: messages with a higher modseq stay; UINT64_MAX: no condition
    uint32_t keep_flags; // of REPLACE: these, and the keywords, are not the caller's to change
    bool keep_keywords;
    // out
    uint64_t modseq;
    uint32_t *conflicts; // uids that stayed; the change's own memory, until store_change_free
    size_t conflict_count;
};
void store_change_flag(struct store_change *change, struct store_flagging *flagging);

/// Expunges those uids; with deleted_only, only the ones that have \Deleted at that moment.
struct store_expunging {
    uint64_t mailbox_id;
    struct store_uids uids;
    bool deleted_only;
    // out
    size_t count;
    uint64_t modseq;
};
void store_change_expunge(struct store_change *change, struct store_expunging *expunging);

/// Flags, keywords and internal date go along; the body is shared. `move` expunges the originals.
struct store_copying {
    uint64_t from_mailbox_id, to_mailbox_id;
    struct store_uids uids;
    bool move;
    bool check_quota;
    uint32_t drop_flags; // not the caller's to set in the target, like, with drop_keywords, those
    bool drop_keywords;
    // out: pairs, by from_uid; the change's own memory, until store_change_free
    uint32_t uidvalidity; // of the target
    uint32_t *from_uids, *to_uids;
    size_t count;
};
void store_change_copy(struct store_change *change, struct store_copying *copying);

/// *out_id (may be NULL) is set by commit, before it comes to the operations after this one: it may
/// be the to_mailbox_id of a copying in the same change. STORE_EXISTS, STORE_LIMIT.
void store_change_mailbox_create(struct store_change *change, uint64_t account_id, struct str name,
                                 unsigned special_use, uint64_t *out_id);
void store_change_mailbox_delete(struct store_change *change, uint64_t mailbox_id);
/// Inferiors ("old/x") are renamed along; uids and uidvalidity stay. STORE_EXISTS.
void store_change_mailbox_rename(struct store_change *change, uint64_t mailbox_id, struct str name);
void store_change_special_use(struct store_change *change, uint64_t mailbox_id,
                              unsigned special_use);
void store_change_subscribe(struct store_change *change, uint64_t account_id, struct str name,
                            bool on);
void store_change_quota(struct store_change *change, uint64_t account_id, uint64_t bytes_max,
                        uint64_t messages_max);
/// Everything the account has: mailboxes, messages, subscriptions, quota.
void store_change_account_remove(struct store_change *change, uint64_t account_id);
void store_change_doc_put(struct store_change *change, const char *kind, struct str key,
                          struct str value);
/// Only if the value there is `before` (ptr NULL: there is none); else STORE_CONFLICT.
void store_change_doc_put_if(struct store_change *change, const char *kind, struct str key,
                             struct str before, struct str value);
void store_change_doc_remove(struct store_change *change, const char *kind, struct str key);
/// A document that belongs to a mailbox and goes with it, at the latest with its account: kind is
/// STORE_DOC_ACL or STORE_DOC_METADATA, the key its id in decimal. The id is read at commit, when a
/// create before it in the same change has set it. `value` replaces `before`; ptr NULL: there is
/// none. STORE_CONFLICT when `before` is not what is there, STORE_NOT_FOUND without that mailbox.
#define STORE_DOC_ACL "acl"
#define STORE_DOC_METADATA "metadata"
/// The same of an account: put by store_change_doc_put, its key the account's id in decimal; goes
/// with the account.
#define STORE_DOC_ACCOUNT_METADATA "account-metadata"
void store_change_mailbox_doc(struct store_change *change, const char *kind,
                              const uint64_t *mailbox_id, struct str before, struct str value);

/// A new entry of the queue. Its body is one that comes with this change (shared with mailboxes and
/// other entries), or the body of an entry that is there.
struct store_queue_put {
    struct store_body *body;          // or NULL, and then
    const struct store_body_ref *ref; // of an entry or a message that exists at commit
    uint64_t mail_id;
    int64_t due_us;
    struct str lane, value;
    // out
    uint64_t id;
    struct store_body_ref out_body;
};
/// STORE_NOT_FOUND: nobody has that body any more. Put by `ref` before removing who has it.
void store_change_queue_put(struct store_change *change, struct store_queue_put *put);
/// STORE_NOT_FOUND, and nothing of the change happens, when the entry is gone. The same for remove:
/// who finishes an entry finds out that somebody else did. Neither needs space on a full disk.
void store_change_queue_set(struct store_change *change, uint64_t id, int64_t due_us,
                            struct str lane, struct str value);
void store_change_queue_remove(struct store_change *change, uint64_t id);

// ---- keeping it (store/keep.h has fsck, backup, restore, compaction)

struct store_stats {
    uint64_t mailboxes, messages, bodies, bytes_live, bytes_dead, segments;
    uint64_t commits, groups, syncs; // since opening
};
int store_stats_get(struct store *store, struct store_stats *out);
