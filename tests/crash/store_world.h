// SPDX-License-Identifier: ISC
//
// A seeded workload of store/local over the simulated disk, and the state of the store as text.
#pragma once

#include "rt/sim/disk.h"
#include "store/local/local.h"

enum {
    STEPS_MAX = 24, // of one workload
    MAILS_MAX = 4,  // changes of one group
    DUMP_MAX = 1 << 20,
    BIG_BODY = (1 << 20) + 70000,
};

/// One run of a workload on one disk.
struct world {
    struct rt_disk *disk;
    struct local *l;
    uint64_t seed, random;
    unsigned step; // steps that were acknowledged
    bool skip_data_sync;
    struct buf dumps[STEPS_MAX + 1]; // of the reference run: the state after each step
};

/// What one job of a group needs; everything lives until the group is over.
struct piece {
    struct store_change *change;
    struct store_body *body;
    struct store_put puts[3];
    struct store_queue_put queued[3];
    struct store_body_ref ref;
    char words[3][16];
    struct store_flagging flagging;
    struct store_expunging expunging;
    struct store_copying copying;
    struct store_range range;
    struct local_job job;
    char text[8];
};

uint64_t world_next(uint64_t *random);
uint64_t world_below(struct world *w, uint64_t n);
int world_do(struct local *l, struct local_job *job);
int world_open(struct world *w);
int world_make_body(struct world *w, size_t len, struct store_body **out);
struct str world_a_name(struct world *w);
void world_close(struct world *w);
void world_dump(struct local *l, struct buf *out);
void world_run(struct world *w, bool reference);
bool world_takes_new_mail(struct world *w);

// ---- store_world_queue.c

/// Recipients elsewhere for the piece's body.
void world_queue_mail(struct world *w, struct piece *p);
/// Changes, passes on or finishes what waits. `alone`: the only change of its group.
void world_change_queue(struct world *w, struct piece *p, bool alone);
void world_dump_queue(struct local *l, struct buf *out);
