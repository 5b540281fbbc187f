// SPDX-License-Identifier: ISC
//
// Keeping a store/local healthy: check and repair, backup and restore, giving space back. All of
// these block: they are called from a pool thread or from a command-line tool, never on a loop.
#pragma once

#include "store/store.h"

// ---- fsck

enum fsck_level { FSCK_NOTE, FSCK_REPAIRABLE, FSCK_DAMAGE };

struct fsck_finding {
    enum fsck_level level;
    const char *code; // "body-damaged"
    const char *cure; // one sentence
    uint64_t mailbox_id;
    uint32_t uid;
    uint64_t queue_id; // an entry of the queue
    uint64_t message_id;
    uint32_t segment;
    uint64_t offset;
    uint64_t found, expected; // of a number
    const char *what;         // which number
};

struct fsck_options {
    bool repair;                                                 // derived numbers are set right
    void (*each)(void *arg, const struct fsck_finding *finding); // may be NULL
    void (*progress)(void *arg, uint64_t bytes_done, uint64_t bytes_all); // may be NULL
    void *arg;
};

struct fsck_report {
    uint64_t mailboxes, entries, queued, bodies, records, bytes;
    uint64_t notes, repairable, damaged, repaired;
};

/// Of a store that nobody has open (-EWOULDBLOCK): reads every record and every row. 0 when it
/// could be done, whatever was found; -ENOENT: no store; -EUCLEAN: the index cannot be read, see
/// store_rebuild.
int store_fsck(struct rt_disk *disk, const struct fsck_options *options,
               struct fsck_report *report);

/// Makes an index from the records of the segments, each mail in the mailboxes it was first filed
/// in; flags set later, moves, documents and settings are lost, and mail that was expunged but not
/// yet collected comes back. Entries of the queue that came with their mail come back held, with
/// the value they began with, those that were finished but not yet collected too: the operator
/// decides. Entries put by reference are lost. An index that is there is kept as index.db.old. 0 or
/// -errno.
int store_rebuild(struct rt_disk *disk, uint64_t *out_mails);

// ---- backup

struct backup_report {
    uint64_t segments, bytes;
};
/// Copies the store in `from` (open or not) into the new or empty directory `to`: the index first,
/// then the segments it names; nothing is collected meanwhile. Real disks only.
int store_backup(struct rt_disk *from, const char *to, struct backup_report *report);
/// Copies a backup into the new or empty directory `to` and checks it all with fsck.
int store_restore(const char *from, const char *to, struct fsck_report *report);

// ---- space

/// [await] Gives the space of removed mail back now (the store does so by itself every minute).
int store_collect(struct store *store);
