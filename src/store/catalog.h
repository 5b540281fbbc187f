// SPDX-License-Identifier: ISC
//
// The catalog: what an engine knows of accounts, mailboxes and the queue without reading anything:
// names, numbers, keywords, subscriptions, quota, and who watches what. Both engines keep one.
//
// Each mailbox and account has two states. `work` belongs to the one thread that commits: it runs
// ahead while a group of changes is put together. `shown` is what readers on all threads see, under
// the catalog's lock: catalog_publish moves work to shown after the group became durable, at once
// for all of it; catalog_abort throws work away. Inside a group, catalog_change_abort takes back
// what one refused change did and leaves the others'.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "store/engine.h"

#include <pthread.h>
#include <stdatomic.h>

struct head_name {
    struct head_name *next;
    size_t len;
    char bytes[];
};

struct head_state {
    bool exists;
    uint32_t uidvalidity, uidnext;
    uint32_t recent_uid; // the first that nobody saw as \Recent
    uint32_t message_count, unseen_count, deleted_count;
    uint32_t expunged_count; // uids kept for QRESYNC
    uint64_t modseq, expunge_modseq;
    uint64_t bytes, deleted_bytes;
    unsigned special_use;
    unsigned keyword_count;
    struct head_name *name;
};

/// A mailbox.
struct head {
    uint64_t id;
    struct account *account;
    struct head_state shown, work;
    struct head_name *names; // all that one of the states may point to
    char **keywords;         // STORE_KEYWORDS_MAX pointers; NULL before the first
    uint64_t change_mark, group_mark;
    size_t at;    // in account->heads
    void *engine; // the engine's own
};

/// Immutable once made.
struct name_set {
    struct name_set *next;
    char **names; // sorted
    size_t count;
};

struct account_state {
    uint64_t bytes, messages; // the sums of its mailboxes
    uint64_t bytes_max, messages_max;
    uint32_t mailbox_count;
    struct name_set *subscriptions; // NULL: none
};

struct account {
    uint64_t id;
    struct account_state shown, work;
    struct head **heads; // those of either state
    size_t count, cap;
    struct name_set *sets; // all that one of the states may point to
    uint64_t change_mark, group_mark;
};

struct head_undo {
    struct head *head;
    struct head_state before;
};
struct account_undo {
    struct account *account;
    struct account_state before;
};

/// How many entries the queue has, so that nobody needs to count them.
struct queue_numbers {
    uint64_t next_id;
    uint64_t count, held;
};

struct catalog {
    struct rt *rt;
    struct snapshots *snapshots; // of its mailboxes; store/snapshot.h
    pthread_mutex_t lock;     // guards shown, the maps but `names`, the watches
    pthread_cond_t published; // after each publish
    struct map heads;         // id to head
    struct map accounts;      // id to account
    struct map shown_names;   // account id + name to head
    struct map names;         // the same for work; the committer's
    struct map watches;       // mailbox id to struct watch_list
    struct map account_watches;

    // the committer's
    uint64_t group_mark, change_mark;
    struct head **touched;
    size_t touched_count, touched_cap;
    struct account **touched_accounts;
    size_t touched_account_count, touched_account_cap;
    struct head_undo *undo;
    size_t undo_count, undo_cap;
    struct account_undo *account_undo;
    size_t account_undo_count, account_undo_cap;
    uint64_t next_mailbox_id;
    uint32_t last_uidvalidity;
    struct queue_numbers queue, queue_before; // work; before the change in hand

    struct queue_numbers queue_shown; // under the lock
};

struct catalog *catalog_new(struct rt *rt);
void catalog_free(struct catalog *c);

// ---- filling it, before anyone else sees it: these set shown and work alike

struct account *catalog_load_account(struct catalog *c, uint64_t id);
struct head *catalog_load_head(struct catalog *c, uint64_t id, uint64_t account_id, struct str name,
                               const struct head_state *state);
void catalog_load_queue(struct catalog *c, const struct queue_numbers *numbers);
void catalog_load_keyword(struct head *head, struct str word);
void catalog_load_subscription(struct catalog *c, uint64_t account_id, struct str name);

/// Everything that is shown in the other; `c` is new.
void catalog_copy(struct catalog *c, const struct catalog *from);

// ---- the committer's side

void catalog_group_begin(struct catalog *c);
void catalog_change_begin(struct catalog *c);
void catalog_change_abort(struct catalog *c);
/// The group is durable: readers see it, watchers are woken.
void catalog_publish(struct catalog *c);
void catalog_abort(struct catalog *c);

/// NULL when there is none (in work).
struct head *catalog_head(struct catalog *c, uint64_t id);
struct head *catalog_find(struct catalog *c, uint64_t account_id, struct str name);
/// Made when it is missing.
struct account *catalog_account(struct catalog *c, uint64_t id);
/// Before the first write to head->work (account->work) in a change.
void catalog_touch(struct catalog *c, struct head *head);
void catalog_touch_account(struct catalog *c, struct account *account);
struct head *catalog_add(struct catalog *c, struct account *account, struct str name,
                         int64_t now_s);
void catalog_rename(struct catalog *c, struct head *head, struct str name);
/// Its numbers must have been taken from the account's sums.
void catalog_remove(struct catalog *c, struct head *head);
/// name.ptr NULL and `on` false: forgets all of them.
void catalog_subscribe(struct catalog *c, struct account *account, struct str name, bool on);
/// The bit of that word, which is added when it is missing; -1 when there are too many.
int catalog_keyword(struct catalog *c, struct head *head, struct str word, bool add);

// ---- the readers' side; any thread

int catalog_mailbox_by_name(struct catalog *c, uint64_t account_id, struct str name,
                            struct store_mailbox *out);
int catalog_mailbox_by_id(struct catalog *c, uint64_t id, struct store_mailbox *out);
int catalog_mailboxes(struct catalog *c, uint64_t account_id, struct store_mailbox **out,
                      size_t *out_count);
int catalog_modseq(struct catalog *c, uint64_t mailbox_id, uint64_t *out);
int catalog_keywords(struct catalog *c, uint64_t mailbox_id, struct store_keywords *out);
int catalog_subscriptions(struct catalog *c, uint64_t account_id, char ***out, size_t *out_count);
int catalog_quota(struct catalog *c, uint64_t account_id, struct store_quota *out);
/// The uid, and whether claiming it would change anything.
int catalog_recent(struct catalog *c, uint64_t mailbox_id, uint32_t *out_uid, bool *out_some);
uint64_t catalog_account_max(struct catalog *c);
void catalog_queue(struct catalog *c, uint64_t *out_all, uint64_t *out_held);
/// Blocks a pool thread until readers of the catalog see that modseq too (or the mailbox is gone):
/// an engine's rows may become visible a moment earlier.
void catalog_await_modseq(struct catalog *c, uint64_t mailbox_id, uint64_t modseq);
uint64_t catalog_mailbox_count(struct catalog *c);
uint64_t catalog_message_count(struct catalog *c);
void catalog_describe(const struct head *head, const struct head_state *state,
                      struct store_mailbox *out);

// ---- watches

struct store_watch {
    struct list link; // in its watch_list
    struct catalog *catalog;
    uint64_t account_id, mailbox_id;
    struct rt_handle handle;
    _Atomic uint64_t modseq;
};
/// Under the lock: this head is about to be published.
void catalog_wake(struct catalog *c, const struct head *head);
/// Something of the account, whatever it was: a mailbox, its subscriptions.
void catalog_wake_account(struct catalog *c, const struct account *account);
