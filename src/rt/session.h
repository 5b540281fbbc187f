// SPDX-License-Identifier: ISC
//
// A connection as the files of rt/ see it, and the life of the session on it (session.c), its
// buffers and bytes (conn.c), its TLS (tls_conn.c).
#pragma once

#include "rt/inside.h"

struct rt_tls_set;
struct rt_tls_peer;
struct rt_deflate;

struct rt_listener {
    struct list link;
    struct rt_listen what; // address is our copy
    char *address;
    unsigned node; // of the simulator
};

enum rt_conn_state { RT_CONN_PARKED, RT_CONN_RUNNING, RT_CONN_STARVED };

struct rt_conn {
    struct list link; // of the loop
    struct list wait; // starved, or waiting for a handshake
    struct rt_loop *loop;
    struct rt_sock *sock;
    const struct rt_listener *listener; // NULL: dialled
    struct rt_task *task;               // that runs the session
    uint64_t id;
    char *in, *out; // lent buffers or NULL
    uint32_t in_cap, in_start, in_end;
    uint32_t out_cap, out_start, out_end;
    struct rt_waiter *reader, *writer;
    struct rt_waiter *shaker;
    struct ssl_st *ssl;
    struct rt_tls_set *tls_set;   // while shaking hands
    struct rt_tls_peer *tls_peer; // of clients: the other's certificate
    struct rt_deflate *deflate;   // NULL: not compressed
    uint64_t generation;
    uint32_t slot;
    int error; // what every later await returns
    uint8_t state, why, tls_wants;
    bool is_open, is_ended; // open ran; the peer sent its last byte
    bool was_active; // since it was parked last: a command ran, or it was told of its idleness
    uint16_t peer_port;
    uint32_t idle_ms;
    struct rt_timer idle;
    uint64_t idle_from_us, idle_at_us;
    char *local;
    char peer[46];
    _Alignas(16) char session[];
};

// ---- session.c

/// A peer connected. Takes over the socket.
void rt_session_begin(struct rt_loop *loop, const struct rt_listener *listener,
                      struct rt_sock *sock, const char *peer, uint16_t port);
/// Events of a socket, from its world.
void rt_conn_ready(struct rt_conn *conn, unsigned events);
/// Starts the sessions that wait for a task.
void rt_sessions_feed(struct rt_loop *loop);
/// Wakes all for their good-bye, and listens no more.
void rt_sessions_drain(struct rt_loop *loop);
/// Cancels the tasks of sessions.
void rt_sessions_cancel(struct rt_loop *loop);
/// Closes those that are parked.
void rt_sessions_stop(struct rt_loop *loop);
/// Closes those of that node that no task runs; gives how many there still are.
unsigned rt_sessions_stop_node(struct rt_loop *loop, unsigned node);
void rt_sessions_done(struct rt_loop *loop);

// ---- slot.c

void rt_slot_take(struct rt_conn *conn);
void rt_slot_give(struct rt_conn *conn);
void rt_slots_done(struct rt_loop *loop);
/// Somebody notified this connection. In session.c.
void rt_session_notified(struct rt_conn *conn);

// ---- conn.c

struct rt_conn *rt_conn_new(struct rt_loop *loop, struct rt_sock *sock, size_t session_size);
/// Closes the socket, gives all back.
void rt_conn_free(struct rt_conn *conn);
/// Asks for these events from now on, too.
void rt_conn_want(struct rt_conn *conn, unsigned events);
/// [await] until one of the events. An error of the wait becomes the connection's own.
int rt_conn_await(struct rt_conn *conn, unsigned events);
/// Reads once, without waiting: bytes read, 0 at the end of input, -EAGAIN, -errno.
ssize_t rt_conn_fill(struct rt_conn *conn);
/// Sends what can be sent without waiting, also on a connection that failed by time.
void rt_conn_flush_now(struct rt_conn *conn);
/// Gives empty buffers back to the loop.
void rt_conn_release(struct rt_conn *conn);
void rt_windows_done(struct rt_loop *loop);
/// RT_WINDOW_BYTES for a while, and back; one that has grown may be given, too. NULL is fine.
char *rt_window_lend(struct rt_loop *loop);
void rt_window_give_back(struct rt_loop *loop, char *window, uint32_t cap);
/// Below compression: TLS, or the socket. Bytes, 0 at the end of input, -EAGAIN, -errno.
ssize_t rt_conn_read_raw(struct rt_conn *conn, void *to, size_t len);
ssize_t rt_conn_write_raw(struct rt_conn *conn, const void *bytes, size_t len);
/// [await] What reading wants after -EAGAIN.
int rt_conn_await_input(struct rt_conn *conn);
/// The raw socket, past TLS; remembers when it is drained.
ssize_t rt_conn_receive(struct rt_conn *conn, void *to, size_t len);

// ---- tls_conn.c

ssize_t rt_tls_read(struct rt_conn *conn, void *to, size_t len);
ssize_t rt_tls_write(struct rt_conn *conn, const void *bytes, size_t len);
/// Says good-bye without waiting.
void rt_tls_bye(struct rt_conn *conn);
void rt_tls_conn_done(struct rt_conn *conn);

// ---- deflate.c

/// Inflates what has come; as rt_conn_read_raw.
ssize_t rt_deflate_read(struct rt_conn *conn, void *to, size_t len);
/// Compresses; how many bytes were taken, perhaps none; or -EAGAIN, when output is in the way.
ssize_t rt_deflate_write(struct rt_conn *conn, const void *bytes, size_t len);
/// Flushes. 0 when all is with the kernel, -EAGAIN, -errno.
int rt_deflate_sync(struct rt_conn *conn);
/// The session is being parked: keeps only what it must.
void rt_deflate_rest(struct rt_conn *conn);
void rt_deflate_done(struct rt_conn *conn);
void rt_codecs_done(struct rt_loop *loop);
