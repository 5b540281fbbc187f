// SPDX-License-Identifier: ISC
//
// For the tests of the way out: a schedule over a store in memory in the simulated world, with
// doors (hosts, results) that the test sees through, and some far sides.
#pragma once

#include "queue/far_testing.h"
#include "queue/inside.h"

enum { FARS = 4, IDS_MAX = 20000 };

struct world {
    struct rt *rt;
    struct store *store;
    struct queue queue;
    struct queue_config config;
    struct send_config send;
    struct far fars[FARS]; // far0.test ... at 192.0.2.1 ...
    // What the doors saw.
    unsigned finishes, done, later, never, questions;
    unsigned finish_fails; // so many times
    int finish_error;      // with that, or -ENOSPC
    const char *fail_lane; // only of that one, however many times
    uint8_t ended[IDS_MAX];
    char last_text[256];
    unsigned last_code;
    uint64_t mails;
    void (*play)(struct world *w);
    bool no_hosts, no_start;
    const char *more_hosts; // an address before that of the lane
    size_t more_count;      // so many of it; 0: one
};

/// What stands for route and finish; nothing of a result is reported, all of it is in the world.
extern const struct queue_doors world_doors;

/// With defaults; run and run_in free it.
struct world *new_world(void);
/// Plays fn in that world, in the simulator with that seed and network; then the schedule is
/// stopped, and everything must have come to its end.
void run_in(struct world *w, void (*fn)(struct world *w), uint64_t seed,
            const struct rt_sim_config *config);
/// In calm weather.
void run(struct world *w, void (*fn)(struct world *w));
/// Nothing is logged; before the tests.
void silence(void);

/// A far side's whim (far.fn): every mailbox is full.
const char *full_box(struct far *far, struct str line);

// ---- mails

struct order {
    const char *sender, *lane;
    size_t rcpts;
    int priority;
    int64_t due_in_s;
    struct queue_entry more; // options
    bool silent;             // nobody is told: as after a restart
};

#define MAIL(from, to, count, ...)                                                                 \
    &(struct order)                                                                                \
    {                                                                                              \
        .sender = from, .lane = to, .rcpts = count, ##__VA_ARGS__                                  \
    }

/// As queue_accept does it. The id of the first entry.
uint64_t hand_in(struct world *w, const struct order *o);
void hand_in_many(struct world *w, const struct order *o, size_t count);
/// Entries in the queue.
uint64_t left(struct world *w);

// ---- the operator

/// Entries that he sees; each in flight counts a thousand.
unsigned seen(struct world *w, struct queue_filter f);
/// Does it; gives to how many.
uint64_t deed(struct world *w, struct queue_filter f, enum queue_deed what, bool dry);
