// SPDX-License-Identifier: ISC
//
// For the unit tests of connections: a runtime in the real world with a server of a small line
// protocol, and the client's words for it. The server says what it reads; some lines have it do
// something: "quit", "handle", "slow", "notify", "peer", "idle".
#pragma once

#include "rt/conn.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LINE_MAX_BYTES = 1000 };

// What the server saw; what a test wants to know of it.
struct world {
    struct rt *rt;
    uint16_t port;
    char path[64]; // of a unix socket, or ""
    _Atomic int opened, closed, admitted, left;
    _Atomic int idle_wakes;
    pthread_t *thread;       // to be joined after rt_run
    struct rt_handle handle; // of the last session that said "handle"
};

struct session {
    struct rt_conn *conn;
    struct world *world;
};

extern const struct rt_protocol talk;

/// Some of its entry points, for protocols that differ in others.
int on_open(void *arg, struct rt_conn *conn);
void on_close(void *arg);
void on_left(void *context, struct str peer);

/// Runs the server and `first` in a task until rt_stop or the end of a drain; every session that
/// was opened must have been closed by then.
void run_limited(struct world *w, struct rt_config config, int (*first)(void *arg));
void run_world(struct world *w, unsigned loops, int (*first)(void *arg));

/// [await] The client's side; what is not as expected ends the process.
struct rt_conn *dial(struct world *w);
void say(struct rt_conn *conn, struct str bytes);
void hear(struct rt_conn *conn, struct str expected);
void hear_end(struct rt_conn *conn);
