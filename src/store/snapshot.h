// SPDX-License-Identifier: ISC
//
// The picture of a mailbox in memory: uid, flags, keywords and modseq of each of its messages, as
// they were at one modseq. Pictures never change; a newer one shares with the older what did not
// change. All sessions that look at a mailbox share them, so that a hundred thousand idle readers
// of one mailbox cost one picture, selecting a large mailbox that somebody looked at lately costs
// nothing, and what changed between two pictures is found without asking the engine.
#pragma once

#include "store/store.h"

struct store_snapshot;

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
size_t store_snapshot_count(const struct store_snapshot *snapshot);
/// Of the message at `index` < count, by uid. Logarithmic at worst.
struct store_brief store_snapshot_at(const struct store_snapshot *snapshot, size_t index);
/// The first index whose uid is >= uid; count when there is none.
size_t store_snapshot_index(const struct store_snapshot *snapshot, uint32_t uid);
