// SPDX-License-Identifier: ISC
//
// Between the files of fsck: what it has seen so far, and how it tells.
#pragma once

#include "store/local/local.h"

/// What the entries say of a message that has a row of its own.
struct message_seen {
    uint64_t id, refs;
};

struct segment_seen {
    uint64_t count, bytes;
};

struct fsck {
    struct local *l;
    struct index *x;
    const struct fsck_options *options;
    struct fsck_report *report;
    struct map messages; // id to message_seen
    struct map segments; // id to segment_seen
    uint64_t bytes_all;
};

void fsck_tell(struct fsck *f, struct fsck_finding finding);
/// What was seen of that id so far, zeroed the first time.
void *fsck_seen(struct map *map, uint64_t id, size_t size);
/// With repair: sets the column of the row.
int fsck_set_number(struct fsck *f, const char *table, const char *column, uint64_t id,
                    uint64_t value);
/// One who holds that body (`finding` says who): reads it, the first time, and counts.
int fsck_body(struct fsck *f, struct fsck_finding finding, const struct store_body_ref *body);

int fsck_mailbox(struct fsck *f, const struct head *head);
/// The entries of the queue, and the numbers kept of them.
int fsck_queue(struct fsck *f);
/// Entries of no mailbox.
int fsck_orphans(struct fsck *f);
/// After all that hold bodies: how many hold each.
int fsck_refs(struct fsck *f);
