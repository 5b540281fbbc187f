// SPDX-License-Identifier: ISC
//
// Operations of a simulated disk that were done but not synced: in order, each able to survive the
// power's going or not.
#pragma once

#include "rt/sim/disk.h"
#include "rt/sim/tree.h"

enum operation_kind {
    OPERATION_WRITE,
    OPERATION_TRUNCATE,
    OPERATION_PUNCH,
    OPERATION_RESERVE,
    OPERATION_NAME,   // creation by open, mkdir
    OPERATION_REMOVE, // of a file or a directory
    OPERATION_RENAME,
};

struct blob;

struct operation {
    enum operation_kind kind;
    uint64_t number; // the step it was
    size_t inode;
    bool is_dir;
    uint64_t offset, len;  // TRUNCATE: len is the new size
    struct blob *bytes;    // WRITE
    char *name, *new_name; // of names
    bool needs_old_dir;    // RENAME: the directory of `name` was not synced yet,
    bool needs_new_dir;    // or that of `new_name`
};

struct pending {
    struct operation *items;
    size_t count, cap;
};

void pending_done(struct pending *p);
void pending_clone(const struct pending *from, struct pending *to);
/// Copies the names and `len` bytes of `bytes`.
void pending_put(struct pending *p, const struct operation *op, const void *bytes);
/// Makes durable what a sync of that file, or of that directory, makes durable.
void pending_sync_file(struct pending *p, size_t inode, struct tree *durable);
void pending_sync_dir(struct pending *p, const char *dir, struct tree *durable);
/// After a failed sync: every second operation on that file is forgotten.
void pending_forget_half(struct pending *p, size_t inode);
/// Brings to `t` what survives.
void pending_survive(const struct pending *p, struct tree *t, enum rt_sim_crash how,
                     uint64_t choice);
