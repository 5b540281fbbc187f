// SPDX-License-Identifier: ISC
//
// The simulated world behind the doors of rt/rt.h and rt/conn.h: one loop, one thread, a virtual
// clock that jumps to the next event, and a network of our own. One seed decides everything, so a
// history can be played again; it takes as long as its computing takes, not as its waits.
//
//     rt_sim_new(seed, &rt_sim_rough, &rt);
//     rt_listen(rt, ...);                     // the server, unchanged
//     r = rt_run(rt, clients, arg);           // `clients` spawns tasks that rt_dial it
//     rt_sim_trace_hash(rt);                  // the same for the same seed
//     rt_free(rt);
//
// What differs from the real world:
//  - rt_run returns -EDEADLK when nothing is left that could ever run, -ETIME past the limits of
//    the configuration; all tasks were cancelled then and the log names those that were waiting.
//  - rt_call and rt_lane_run run their function on the one thread, some random time later.
//  - Addresses are compared as text; a listener at "0.0.0.0" or "::" is found at every address.
//  Nobody
//    outside is reached.
//  - Tasks take no time while they run, so rt_breathe does nothing and the watchdog sleeps.
//  - Signals do not arrive.
//  - TLS works, its randomness comes from the seed; its bytes are not part of the trace, their
//    number is.
// Nothing that a history tells may depend on addresses of memory or on the order of hash tables.
#pragma once

#include "rt/rt.h"

#define RT_SIM_PPM 1000000u // probabilities are parts of a million

struct rt_sim_config {
    struct rt_config rt; // loops is always 1
    int64_t wall_us;     // time of day at the start; 0: 2026-01-01
    // Limits of a history; 0: a year, and a hundred million events.
    uint64_t time_max_us, events_max;
    // How long a call on a pool or lane waits before it runs, at most.
    uint32_t call_max_us;
    // The network: each piece of a stream travels so long, in order.
    uint32_t delay_min_us, delay_max_us;
    uint32_t window_bytes; // sent but not read, per direction; beyond it sending waits; 0: 64 KiB
    // Faults, in parts of a million.
    uint32_t split;    // of sends: taken over only in part, and cut into pieces at random bytes
    uint32_t bytewise; // of connections: every piece is one byte
    uint32_t stall;    // of pieces: held up, at most stall_max_us
    uint32_t stall_max_us;
    uint32_t reset;     // of pieces: the connection is reset instead
    uint32_t vanish;    // of pieces: the connection dies without a word (half-open)
    uint32_t refuse;    // of dials: refused
    uint32_t lose_dial; // of dials: never answered
    // Not 0: every connection is reset once so many bytes of the dialling side have arrived.
    uint64_t cut_after_bytes;
    // The address the dialling side has; NULL: one of 192.0.2.1 to 192.0.2.250.
    const char *dial_from;
    // The history as text, one line per event; may be NULL.
    void (*trace)(void *arg, struct str line);
    void *trace_arg;
};

/// Short delays, no faults.
extern const struct rt_sim_config rt_sim_calm;
/// Every kind of fault, often.
extern const struct rt_sim_config rt_sim_rough;

int rt_sim_new(uint64_t seed, const struct rt_sim_config *config, struct rt **out);
/// Everything that happened, as one number.
uint64_t rt_sim_trace_hash(struct rt *rt);
/// Adds a happening of the caller's own to the trace.
void rt_sim_note(struct rt *rt, const char *what, uint64_t value);
// ---- nodes: several servers in one world, each of which can die and come back

enum { RT_SIM_NODES_MAX = 63 };

/// From now on what the calling task starts (tasks, listeners, what is posted), and what that
/// starts in turn, belongs to that node, 1 to RT_SIM_NODES_MAX; so does the calling task, which had
/// better be one of its own. Outside of tasks: what is listened at and posted before rt_run. Gives
/// the node it was before, 0 for none, to go back to.
unsigned rt_sim_node_begin(struct rt *rt, unsigned node);
static inline void rt_sim_node_end(struct rt *rt, unsigned before)
{
    rt_sim_node_begin(rt, before);
}
/// [await] The node dies: it listens no more, all its connections are reset or fall silent at once
/// (each by the seed), so that nothing it says arrives any more; its sessions are closed, its tasks
/// cancelled, and awaited until they have come to their end, also when the caller is cancelled.
/// Dials to where it listened are refused or never answered, until something listens there again.
/// The code of the node does run to its end: cut its disk first (rt_sim_disk_cut_at with the next
/// step), so that this leaves no trace. Not from a task of the node itself. Afterwards what its
/// tasks used can be freed and the node may begin anew.
void rt_sim_node_kill(struct rt *rt, unsigned node);

/// Is this runtime a simulated one?
bool rt_is_sim(const struct rt *rt);
