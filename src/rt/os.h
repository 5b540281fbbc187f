// SPDX-License-Identifier: ISC
//
// The real world: one libuv loop to a thread (os.c), sockets (net_os.c), the watchdog
// (watchdog.c).
#pragma once

#include "rt/session.h"

#include <uv.h>

struct rt_os_loop {
    struct rt_loop base;
    uv_loop_t uv;
    uv_poll_t poke; // of the eventfd by which other threads wake it
    int poke_fd;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uint64_t armed_us; // what the timer stands at
    pthread_t thread;
    struct list ports;     // struct rt_os_port: listening sockets
    struct list new_ports; // to be started by the loop; under rt->lock
    struct rt_timer accept_again;
};

struct rt_os_signal {
    struct list link;
    uv_signal_t handle;
    int (*fn)(void *arg);
    void *arg;
};

struct rt_os_rt {
    struct rt base;
    struct list signals;
    pthread_t watchdog;
    pthread_mutex_t watchdog_lock;
    pthread_cond_t watchdog_end;
    bool watchdog_ending;
};

extern const struct rt_world rt_world_os;

static inline struct rt_os_loop *rt_os_loop_of(struct rt_loop *loop)
{
    return LIST_OF(loop, struct rt_os_loop, base);
}

// ---- watchdog.c

void rt_os_watchdog_start(struct rt_os_rt *rt);
void rt_os_watchdog_end(struct rt_os_rt *rt);
/// The loop is back from a turn that took so long.
void rt_os_watchdog_note(struct rt_loop *loop, uint64_t took_us);

// ---- net_os.c

int rt_os_listen(struct rt *rt, struct rt_listener *listener, uint16_t *out_port);
void rt_os_unlisten(struct rt_loop *loop);
/// Those that were never started.
void rt_os_drop_new_ports(struct rt_os_loop *loop);
int rt_os_dial(struct rt_loop *loop, const char *source, const char *address, uint16_t port,
               struct rt_sock **out);
int rt_os_dialled(struct rt_sock *sock);
ssize_t rt_os_receive(struct rt_sock *sock, void *to, size_t len);
ssize_t rt_os_send(struct rt_sock *sock, const void *bytes, size_t len);
void rt_os_poll(struct rt_sock *sock, unsigned events);
void rt_os_shut(struct rt_sock *sock);
void rt_os_close(struct rt_sock *sock);
void rt_os_local_name(struct rt_sock *sock, char *to, size_t max);
