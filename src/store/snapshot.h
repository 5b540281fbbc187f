// SPDX-License-Identifier: ISC
//
// The picture of a mailbox in memory: uid, flags, keywords and modseq of each of its messages, as
// they were at one modseq. Pictures never change; a newer one shares with the older what did not
// change. All sessions that look at a mailbox share them, so that a hundred thousand idle readers
// of one mailbox cost one picture, selecting a large mailbox that somebody looked at lately costs
// nothing, and what changed between two pictures is found without asking the engine.
//
// A picture nobody holds stays for whoever comes next, as long as there is room for it
// (STORE_SNAPSHOTS_IDLE_BYTES for all mailboxes together; the one nobody wanted for the longest
// time goes first).
#pragma once

#include "store/store.h"

#include <stdatomic.h>

enum { STORE_SNAPSHOTS_IDLE_BYTES = 64 << 20 };

struct store_snapshot;

/// The names of keywords, shared by all pictures that have the same ones.
struct store_words {
    _Atomic uint32_t holders;
    size_t count;
    struct str names[]; // texts behind
};

/// Of a message, all that lists of messages need.
struct store_brief {
    uint32_t uid;
    uint32_t flags; // bits of store_flag
    uint64_t keywords;
    uint64_t modseq;
};

/// [await] The newest picture, which is at least as new as every commit that was answered before
/// the call. 0, STORE_NOT_FOUND or -errno. Give it back with store_snapshot_drop.
int store_snapshot_get(struct store *store, uint64_t mailbox_id, struct store_snapshot **out);
/// One holder more, or less (NULL is fine); any thread.
struct store_snapshot *store_snapshot_hold(struct store_snapshot *snapshot);
void store_snapshot_drop(struct store_snapshot *snapshot);

/// The mailbox as it was then.
const struct store_mailbox *store_snapshot_mailbox(const struct store_snapshot *snapshot);
/// Its keywords: bit i of a mask is names[i]; a mailbox only ever gets more of them. Held once
/// more: give them back with store_words_drop.
struct store_words *store_snapshot_words(const struct store_snapshot *snapshot);
void store_words_drop(struct store_words *words);
size_t store_snapshot_count(const struct store_snapshot *snapshot);
/// Of the message at `index` < count, by uid. Logarithmic at worst.
struct store_brief store_snapshot_at(const struct store_snapshot *snapshot, size_t index);
/// The first index whose uid is >= uid; count when there is none.
size_t store_snapshot_index(const struct store_snapshot *snapshot, uint32_t uid);
/// The first index of a message without \Seen; count when there is none.
size_t store_snapshot_unseen(const struct store_snapshot *snapshot);
/// The first index >= `index` of a message whose modseq is > since; count when there is none. Costs
/// what it passes over by the 256.
size_t store_snapshot_changed(const struct store_snapshot *snapshot, size_t index, uint64_t since);

// ---- how two pictures of one mailbox differ

enum store_difference_kind {
    STORE_GONE,    // in `old` only
    STORE_CHANGED, // in both, with other flags, keywords or modseq
    STORE_NEW,     // in `now` only
};
struct store_difference {
    enum store_difference_kind kind;
    size_t old_index, now_index; // where it is, or would be
    struct store_brief old, now; // of a message that is only in one of them, the one that counts
};
/// The differences by uid, one at a time. What both share is passed over without a look at it.
/// Neither picture may be dropped meanwhile.
struct store_snapshot_walk {
    const struct store_snapshot *old, *now;
    size_t old_part, now_part; // the chunks, and
    size_t old_at, now_at;     // the places in them
};
bool store_snapshot_walk_next(struct store_snapshot_walk *walk, struct store_difference *out);

// ---- pictures of one's own, that share with others but are in nobody's way

/// `now` and, beside its messages, those of `old` that are no longer there: for who may not say yet
/// that they are gone. *out_kept is how many they are; none: the result is `now`, held once more.
struct store_snapshot *store_snapshot_keep(struct store_snapshot *old, struct store_snapshot *now,
                                           size_t *out_kept);
/// A picture in which the message at `index` is told so; the uid must be the same. Gives up the
/// caller's hold on `snapshot` for one on the result. Cheap from the second edit on.
struct store_snapshot *store_snapshot_edit(struct store_snapshot *snapshot, size_t index,
                                           const struct store_brief *brief);
