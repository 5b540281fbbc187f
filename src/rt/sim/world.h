// SPDX-License-Identifier: ISC
//
// Between the simulator's clock and scheduler (sim.c) and its network (net.c).
#pragma once

#include "rt/session.h"
#include "rt/sim/sim.h"

struct sim {
    struct rt base;
    struct rt_loop loop;
    struct rt_loop *loops[1];
    struct rt_sim_config config;
    uint64_t now_us;
    uint64_t world_state, program_state; // random numbers of the world, and of the program in it
    uint64_t hash, events, random_draws;
    struct list ports; // struct sim_port
    struct list links; // struct sim_link
    struct list laters;
    uint64_t link_ids;
    uint16_t next_port;
};

static inline struct sim *sim_of(struct rt *rt)
{
    return (struct sim *)(void *)rt;
}

/// A number below `below` (0: 0).
uint64_t rt_sim_below(struct sim *sim, uint64_t below);
/// Does what happens with this probability happen now?
bool rt_sim_chance(struct sim *sim, uint32_t parts_of_a_million);
/// Puts an event into the trace.
void rt_sim_trace(struct sim *sim, const char *what, uint64_t id, uint64_t value);
/// Bytes that were seen, into the hash only.
void rt_sim_trace_bytes(struct sim *sim, const void *bytes, size_t len);
void rt_sim_arm(struct sim *sim, struct rt_timer *timer, uint64_t after_us);

// ---- net.c

int rt_sim_listen(struct rt *rt, struct rt_listener *listener, uint16_t *out_port);
void rt_sim_unlisten(struct rt_loop *loop);
int rt_sim_dial(struct rt_loop *loop, const char *source, const char *address, uint16_t port,
                struct rt_sock **out);
int rt_sim_dialled(struct rt_sock *sock);
ssize_t rt_sim_receive(struct rt_sock *sock, void *to, size_t len);
ssize_t rt_sim_send(struct rt_sock *sock, const void *bytes, size_t len);
void rt_sim_poll(struct rt_sock *sock, unsigned events);
void rt_sim_shut(struct rt_sock *sock);
void rt_sim_close(struct rt_sock *sock);
void rt_sim_local_name(struct rt_sock *sock, char *to, size_t max);
/// Whatever the node listens at and is connected by ends, with a word or without.
void rt_sim_net_kill(struct sim *sim, unsigned node);
void rt_sim_net_done(struct sim *sim);
