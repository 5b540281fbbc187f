// SPDX-License-Identifier: ISC
//
// The life of a session: it is begun by a peer, runs its entries in a task while there is something
// to do, is parked as plain data when there is not, and ends. At most one task runs it at a time.
//
//     begin ──▶ RUNNING ──nothing to do──▶ PARKED ──input, notice, idle time, drain──▶ RUNNING
//                  │                         ▲                      │ no task is free
//                  ▼                         └────── STARVED ◀──────┘
//                 end
#include "rt/session.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    PARK = RT_CLOSE + 1,       // what next_entry says when there is nothing to do
    EARLY_MS = 5000,           // for what comes before TLS
    HELLO_MS = 30000,          // for the whole TLS handshake before open
    BYE_MS = 10000,            // for the last flush
    LINGER_BYTES = 256 * 1024, // read away at the end
    LINGER_MS = 2000,          // for the other end to see our last words and close, too
};

static int session_main(void *arg);

static const struct rt_protocol *protocol_of(const struct rt_conn *conn)
{
    return conn->listener->what.protocol;
}

static void destroy(struct rt_conn *conn)
{
    struct rt *rt = conn->loop->rt;
    const struct rt_listen *what = &conn->listener->what;

    if (conn->is_open && what->protocol->close)
        what->protocol->close(conn->session);
    if (what->left)
        what->left(what->gate, str_from(conn->peer));
    rt_conn_free(conn);
    atomic_fetch_sub(&rt->connections, 1);
    rt_session_left(rt);
}

// Gives the session a task, now or when one is free.
static void run(struct rt_conn *conn)
{
    int r = rt_task_new(session_main, conn, protocol_of(conn)->name, &conn->task);

    if (r == 0) {
        conn->task->conn = conn;
        conn->task->node = conn->listener->node;
        conn->state = RT_CONN_RUNNING;
        return;
    }
    conn->state = RT_CONN_STARVED;
    list_put_last(&conn->loop->starved, &conn->wait);
}

void rt_sessions_feed(struct rt_loop *loop)
{
    while (!list_is_empty(&loop->starved) && loop->task_count < loop->rt->config.tasks_max) {
        struct rt_conn *conn = LIST_OF(list_take_first(&loop->starved), struct rt_conn, wait);

        run(conn);
        if (conn->state == RT_CONN_STARVED)
            return; // no memory for a stack; later
    }
}

// ---- parking and waking

static void park(struct rt_conn *conn)
{
    conn->task = NULL;
    conn->state = RT_CONN_PARKED;
    rt_conn_release(conn);
    rt_conn_want(conn, RT_READ);
    if (conn->was_active) // a notice from within the house does not make the peer less idle
        conn->idle_from_us = rt_now_us();
    conn->was_active = false;
    conn->idle_at_us =
        conn->idle_ms ? conn->idle_from_us + (uint64_t)conn->idle_ms * 1000 : RT_NEVER;
    rt_timer_by(&conn->loop->timers, &conn->idle, conn->idle_at_us);
}

static void wake(struct rt_conn *conn, unsigned why)
{
    conn->why |= (uint8_t)why;
    if (conn->state == RT_CONN_PARKED)
        run(conn);
}

static void on_idle(struct rt_timer *timer, uint64_t now_us)
{
    struct rt_conn *conn = LIST_OF(timer, struct rt_conn, idle);

    if (conn->state != RT_CONN_PARKED)
        return; // parking arms it again
    if (conn->idle_at_us > now_us)
        rt_timer_by(&conn->loop->timers, timer, conn->idle_at_us);
    else if (!conn->is_open)
        destroy(conn); // no client hello came
    else
        wake(conn, RT_WAKE_IDLE);
}

void rt_session_notified(struct rt_conn *conn)
{
    if (conn->listener)
        wake(conn, RT_WAKE_NOTIFY);
}

void rt_conn_ready(struct rt_conn *conn, unsigned events)
{
    unsigned unwanted = 0;

    if (events & RT_READ) {
        conn->sock->drained = false;
        if (conn->reader)
            rt_wake_up(TAKE(conn->reader), 0);
        else if (conn->state == RT_CONN_PARKED)
            run(conn);
        else
            unwanted |= RT_READ;
    }
    if (events & RT_WRITE) {
        unwanted |= RT_WRITE;
        if (conn->writer)
            rt_wake_up(TAKE(conn->writer), 0);
    }
    unwanted &= conn->sock->polling;
    if (unwanted)
        conn->loop->rt->world->poll(conn->sock, conn->sock->polling & ~unwanted);
}

// ---- the task of a session

static void begin_entry(struct rt_conn *conn)
{
    CHECK(conn->task->scope == &conn->task->base); // the last entry ended what it began
    rt_conn_set_command_ms(conn, protocol_of(conn)->command_ms);
}

static int open_session(struct rt_conn *conn)
{
    const struct rt_listen *what = &conn->listener->what;

    int r;

    if (what->before) {
        rt_conn_set_command_ms(conn, EARLY_MS);
        r = what->before(what->gate, conn);
        if (r < 0)
            return r;
    }
    if (what->tls) {
        rt_conn_set_command_ms(conn, HELLO_MS);
        r = rt_start_tls(conn, what->tls);
        if (r < 0)
            return r;
    }
    begin_entry(conn);
    conn->is_open = true;
    conn->was_active = true;
    return what->protocol->open(conn->session, conn);
}

static int run_wake(struct rt_conn *conn)
{
    const struct rt_protocol *protocol = protocol_of(conn);
    unsigned why = conn->why;
    int r;

    conn->why = 0;
    conn->was_active |= (why & RT_WAKE_IDLE) != 0;
    begin_entry(conn);
    if (!protocol->wake)
        return why & (RT_WAKE_IDLE | RT_WAKE_SHUTDOWN) ? RT_CLOSE : RT_NEXT;
    r = protocol->wake(conn->session, conn, why);
    return r == RT_NEXT && (why & RT_WAKE_SHUTDOWN) ? RT_CLOSE : r;
}

static int run_command(struct rt_conn *conn)
{
    conn->why &= (uint8_t)~RT_WAKE_IDLE; // not idle after all
    conn->was_active = true;
    begin_entry(conn);
    return protocol_of(conn)->command(conn->session, conn);
}

// One entry of the protocol, or PARK.
static int next_entry(struct rt_conn *conn)
{
    ssize_t n;
    int r = rt_breathe();

    if (conn->why & RT_WAKE_SHUTDOWN)
        return run_wake(conn);
    if (r < 0)
        return r;
    if (rt_has_input(conn))
        return run_command(conn);
    r = rt_flush(conn);
    if (r < 0)
        return r;
    n = rt_conn_fill(conn);
    if (n > 0)
        return RT_NEXT;
    if (n != -EAGAIN)
        return n < 0 ? (int)n : -ECONNRESET;
    return conn->why ? run_wake(conn) : PARK;
}

// [await] So that the kernel does not answer late input with a reset that overtakes our last words:
// a client that is still sending when it is refused shall hear why.
static void linger(struct rt_conn *conn, bool may_wait)
{
    char away[2048];

    conn->loop->rt->world->shut(conn->sock);
    conn->sock->drained = false;
    rt_conn_set_command_ms(conn, LINGER_MS);
    for (size_t n = 0; n < LINGER_BYTES; n += sizeof(away)) {
        ssize_t got = rt_conn_receive(conn, away, sizeof(away));

        if (got > 0)
            continue;
        if (got != -EAGAIN || !may_wait || rt_conn_await(conn, RT_READ) < 0)
            return;
    }
}

static void end(struct rt_conn *conn, int r)
{
    if (r == RT_CLOSE) {
        rt_conn_set_command_ms(conn, BYE_MS);
        rt_flush(conn);
    }
    rt_conn_flush_now(conn);
    if (conn->error == 0)
        rt_tls_bye(conn);
    if (conn->error == 0 && !conn->is_ended)
        linger(conn, r == RT_CLOSE && !rt_is_draining(conn->loop->rt));
    conn->task->conn = NULL;
    destroy(conn);
}

static int session_main(void *arg)
{
    struct rt_conn *conn = arg;
    int r = RT_NEXT;

    if (!conn->is_open)
        r = open_session(conn);
    while (r == RT_NEXT)
        r = conn->error ? conn->error : next_entry(conn);
    CHECK(r <= PARK);
    if (r == PARK) {
        conn->task->conn = NULL;
        park(conn);
    } else {
        end(conn, r);
    }
    return 0;
}

// ---- who the peer is

int rt_conn_set_peer(struct rt_conn *conn, struct str peer, uint16_t port)
{
    const struct rt_listen *what = &conn->listener->what;
    struct str refusal = STR_NONE;

    if (peer.len == 0 || peer.len >= sizeof(conn->peer))
        return -EINVAL;
    if (what->admit && !what->admit(what->gate, peer, &refusal)) {
        rt_put(conn, refusal);
        return -EACCES;
    }
    if (what->left)
        what->left(what->gate, str_from(conn->peer));
    memcpy(conn->peer, peer.ptr, peer.len);
    conn->peer[peer.len] = 0;
    conn->peer_port = port;
    return 0;
}

void rt_conn_set_local(struct rt_conn *conn, struct str local)
{
    rt_conn_local(conn); // makes room for it
    if (local.len >= sizeof(conn->peer))
        return;
    memcpy(conn->local, local.ptr, local.len);
    conn->local[local.len] = 0;
}

// ---- beginnings and ends

static bool is_welcome(struct rt_loop *loop, const struct rt_listen *what, struct rt_sock *sock,
                       const char *peer)
{
    struct str refusal = STR_NONE;

    if (atomic_load(&loop->rt->draining) || loop->stopping)
        return false;
    if (!what->admit || what->admit(what->gate, str_from(peer), &refusal))
        return true;
    if (refusal.len)
        loop->rt->world->send(sock, refusal.ptr, refusal.len);
    return false;
}

void rt_session_begin(struct rt_loop *loop, const struct rt_listener *listener,
                      struct rt_sock *sock, const char *peer, uint16_t port)
{
    const struct rt_listen *what = &listener->what;
    struct rt_conn *conn;

    // Counted before it is asked whether the end has begun: else a drain on another loop could see
    // no session in the moment between, and end under this one.
    atomic_fetch_add(&loop->rt->sessions, 1);
    if (!is_welcome(loop, what, sock, peer)) {
        loop->rt->world->close(sock);
        rt_session_left(loop->rt);
        return;
    }
    atomic_fetch_add(&loop->rt->connections, 1);
    conn = rt_conn_new(loop, sock, what->protocol->session_size);
    conn->listener = listener;
    conn->was_active = true;
    conn->idle.fire = on_idle;
    conn->peer_port = port;
    snprintf(conn->peer, sizeof(conn->peer), "%s", peer);
    if (what->tls) { // no task, no TLS object before the client hello
        conn->idle_ms = HELLO_MS;
        park(conn);
    } else {
        run(conn);
    }
    conn->idle_ms = what->protocol->idle_ms;
}

void rt_sessions_drain(struct rt_loop *loop)
{
    loop->rt->world->unlisten(loop);
    LIST_EACH (&loop->conns, it) {
        struct rt_conn *conn = LIST_OF(it, struct rt_conn, link);

        if (conn->listener && !conn->is_open && conn->state == RT_CONN_PARKED)
            destroy(conn);
        else if (conn->listener)
            wake(conn, RT_WAKE_SHUTDOWN);
    }
}

void rt_sessions_cancel(struct rt_loop *loop)
{
    LIST_EACH (&loop->conns, it) {
        struct rt_conn *conn = LIST_OF(it, struct rt_conn, link);

        if (conn->task)
            rt_cancel(conn->task);
    }
}

void rt_sessions_stop(struct rt_loop *loop)
{
    loop->rt->world->unlisten(loop);
    LIST_EACH (&loop->conns, it) {
        struct rt_conn *conn = LIST_OF(it, struct rt_conn, link);

        if (conn->listener && conn->state != RT_CONN_RUNNING)
            destroy(conn);
    }
}

unsigned rt_sessions_stop_node(struct rt_loop *loop, unsigned node)
{
    unsigned left = 0;

    LIST_EACH (&loop->conns, it) {
        struct rt_conn *conn = LIST_OF(it, struct rt_conn, link);

        if (!conn->listener || conn->listener->node != node)
            continue;
        if (conn->state != RT_CONN_RUNNING)
            destroy(conn);
        else
            left++;
    }
    return left;
}

void rt_sessions_done(struct rt_loop *loop)
{
    CHECK(list_is_empty(&loop->conns));
    rt_slots_done(loop);
    rt_codecs_done(loop);
    rt_windows_done(loop);
}
