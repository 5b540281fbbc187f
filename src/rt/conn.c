// SPDX-License-Identifier: ISC
//
// The bytes of a connection: windows lent by the loop, lines, output. Receiving and sending are
// tried first; the poller is asked only when the kernel said EAGAIN, and goes on being asked, so
// that the commands of a session cost no system calls for it.
#include "base/check.h"
#include "rt/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    SPARE_WINDOWS = 256, // per loop
    LINE_MAX_BYTES = 1 << 20,
    LINE_SKIP_BYTES = 16 << 20, // of a line too long, before the peer is given up
    PEEK_MAX_BYTES = 64 * 1024,
};

// ---- windows

struct spare {
    struct spare *next;
};

char *rt_window_lend(struct rt_loop *loop)
{
    struct spare *spare = loop->windows;
    char *window;

    if (spare) {
        loop->windows = spare->next;
        loop->window_count--;
        return (char *)spare;
    }
    window = malloc(RT_WINDOW_BYTES);
    CHECK(window);
    return window;
}

void rt_window_give_back(struct rt_loop *loop, char *window, uint32_t cap)
{
    struct spare *spare = (struct spare *)(void *)window;

    // Under ASan none is kept, so that a stale view of one is found out.
#if !defined(__SANITIZE_ADDRESS__)
    if (window && cap == RT_WINDOW_BYTES && loop->window_count < SPARE_WINDOWS) {
        spare->next = loop->windows;
        loop->windows = spare;
        loop->window_count++;
        return;
    }
#endif
    (void)loop;
    (void)cap;
    free(spare);
}

void rt_windows_done(struct rt_loop *loop)
{
    while (loop->windows)
        free(rt_window_lend(loop));
}

void rt_conn_release(struct rt_conn *conn)
{
    rt_deflate_rest(conn);
    if (conn->in && conn->in_start == conn->in_end) {
        rt_window_give_back(conn->loop, conn->in, conn->in_cap);
        conn->in = NULL;
        conn->in_cap = conn->in_start = conn->in_end = 0;
    }
    if (conn->out && conn->out_start == conn->out_end) {
        rt_window_give_back(conn->loop, conn->out, conn->out_cap);
        conn->out = NULL;
        conn->out_cap = conn->out_start = conn->out_end = 0;
    }
}

// ---- a connection

struct rt_conn *rt_conn_new(struct rt_loop *loop, struct rt_sock *sock, size_t session_size)
{
    struct rt_conn *conn = calloc(1, sizeof(*conn) + session_size);

    CHECK(conn);
    conn->loop = loop;
    conn->sock = sock;
    conn->id = 1 + atomic_fetch_add(&loop->rt->connection_ids, 1);
    conn->state = RT_CONN_RUNNING;
    sock->conn = conn;
    sock->drained = true; // until the poller says there is something
    list_put_last(&loop->conns, &conn->link);
    rt_slot_take(conn);
    return conn;
}

void rt_conn_free(struct rt_conn *conn)
{
    struct rt_loop *loop = conn->loop;

    rt_deflate_done(conn);
    rt_tls_conn_done(conn);
    loop->rt->world->close(conn->sock);
    rt_timer_set(&loop->timers, &conn->idle, RT_NEVER);
    rt_slot_give(conn);
    list_remove(&conn->link);
    list_remove(&conn->wait);
    conn->in_start = conn->in_end = conn->out_start = conn->out_end = 0;
    rt_conn_release(conn);
    free(conn->local);
    free(conn);
}

void rt_conn_want(struct rt_conn *conn, unsigned events)
{
    if ((conn->sock->polling & events) != events)
        conn->loop->rt->world->poll(conn->sock, conn->sock->polling | events);
}

int rt_conn_await(struct rt_conn *conn, unsigned events)
{
    struct rt_waiter w;
    int r;

    if (conn->error)
        return conn->error;
    rt_waiter_init(&w);
    CHECK(!(events & RT_READ) || !conn->reader);
    CHECK(!(events & RT_WRITE) || !conn->writer);
    if (events & RT_READ)
        conn->reader = &w;
    if (events & RT_WRITE)
        conn->writer = &w;
    rt_conn_want(conn, events);
    r = rt_wait_for(&w, true, events & RT_READ ? "input" : "output");
    if (events & RT_READ)
        conn->reader = NULL;
    if (events & RT_WRITE)
        conn->writer = NULL;
    if (r < 0)
        conn->error = r;
    return r;
}

ssize_t rt_conn_receive(struct rt_conn *conn, void *to, size_t len)
{
    struct rt_sock *sock = conn->sock;
    ssize_t n;

    if (sock->drained)
        return -EAGAIN;
    n = conn->loop->rt->world->receive(sock, to, len);
    if (n == -EAGAIN || (n > 0 && (size_t)n < len))
        sock->drained = true;
    return n;
}

ssize_t rt_conn_read_raw(struct rt_conn *conn, void *to, size_t len)
{
    return conn->ssl ? rt_tls_read(conn, to, len) : rt_conn_receive(conn, to, len);
}

ssize_t rt_conn_write_raw(struct rt_conn *conn, const void *bytes, size_t len)
{
    return conn->ssl ? rt_tls_write(conn, bytes, len)
                     : conn->loop->rt->world->send(conn->sock, bytes, len);
}

int rt_conn_await_input(struct rt_conn *conn)
{
    return rt_conn_await(conn, conn->ssl ? conn->tls_wants : RT_READ);
}

// ---- reading

static void make_room(struct rt_conn *conn)
{
    if (!conn->in) {
        conn->in = rt_window_lend(conn->loop);
        conn->in_cap = RT_WINDOW_BYTES;
    }
    if (conn->in_start == conn->in_end) {
        conn->in_start = conn->in_end = 0;
    } else if (conn->in_end == conn->in_cap) {
        memmove(conn->in, conn->in + conn->in_start, conn->in_end - conn->in_start);
        conn->in_end -= conn->in_start;
        conn->in_start = 0;
    }
}

ssize_t rt_conn_fill(struct rt_conn *conn)
{
    ssize_t n;
    char *to;
    size_t room;

    if (conn->is_ended)
        return 0;
    make_room(conn);
    to = conn->in + conn->in_end;
    room = conn->in_cap - conn->in_end;
    CHECK(room > 0);
    n = conn->deflate ? rt_deflate_read(conn, to, room) : rt_conn_read_raw(conn, to, room);
    if (n > 0)
        conn->in_end += (uint32_t)n;
    else if (n == 0)
        conn->is_ended = true;
    else if (n != -EAGAIN)
        conn->error = (int)n;
    return n;
}

// [await] At least one byte more in the window, which has room.
static int fill(struct rt_conn *conn)
{
    int r = rt_flush(conn);

    if (r < 0)
        return r;
    for (;;) {
        ssize_t n;

        r = rt_breathe(); // a peer that never lets us wait must not own the loop
        if (r < 0)
            return conn->error = r;
        n = rt_conn_fill(conn);
        if (n > 0)
            return 0;
        if (n == 0)
            return -ECONNRESET;
        if (n != -EAGAIN)
            return (int)n;
        r = rt_conn_await_input(conn);
        if (r < 0)
            return r;
    }
}

static void grow(struct rt_conn *conn, size_t cap)
{
    uint32_t used = conn->in_end - conn->in_start;
    char *bigger = malloc(cap);

    CHECK(bigger && used <= cap);
    memcpy(bigger, conn->in + conn->in_start, used);
    rt_window_give_back(conn->loop, conn->in, conn->in_cap);
    conn->in = bigger;
    conn->in_cap = (uint32_t)cap;
    conn->in_start = 0;
    conn->in_end = used;
}

// Room for a line of `need` bytes that begins at in_start.
static void make_line_room(struct rt_conn *conn, size_t need)
{
    size_t cap = conn->in_cap;

    if (!conn->in || conn->in_end < conn->in_cap || conn->in_start > 0)
        return; // make_room will do
    while (cap < need && cap <= conn->in_end)
        cap *= 2;
    if (cap > conn->in_cap)
        grow(conn, cap);
}

// Reads a line away of which `kept` bytes are at in_start, to its end.
static int skip_line(struct rt_conn *conn, size_t kept, struct str *out)
{
    size_t skipped = 0;

    for (;;) {
        char *rest = conn->in + conn->in_start + kept;
        size_t have = conn->in_end - conn->in_start - kept;
        char *end = memchr(rest, '\n', have);
        int r;

        if (end) {
            *out = str_of(conn->in + conn->in_start, kept);
            conn->in_start = (uint32_t)(end + 1 - conn->in);
            return RT_LINE_TOO_LONG;
        }
        skipped += have;
        conn->in_end -= (uint32_t)have;
        if (skipped > LINE_SKIP_BYTES)
            return conn->error = -EMSGSIZE;
        if (conn->in_end == conn->in_cap && conn->in_start == 0)
            grow(conn, (size_t)conn->in_cap + RT_WINDOW_BYTES);
        r = fill(conn);
        if (r < 0)
            return r;
    }
}

// A whole line of `len` bytes before its LF stands at in_start.
static int take_line(struct rt_conn *conn, size_t max, size_t len, struct str *out)
{
    const char *line = conn->in + conn->in_start;
    int r = RT_BARE_LF;

    conn->in_start += (uint32_t)len + 1;
    if (len > 0 && line[len - 1] == '\r') {
        len--;
        r = 0;
    }
    *out = str_of(line, len < max ? len : max);
    return len > max ? RT_LINE_TOO_LONG : r;
}

// Where the line at in_start ends, or NULL. Its first `seen` bytes are known to hold no LF; an
// empty window may have no memory at all.
static const char *find_lf(const struct rt_conn *conn, size_t seen)
{
    size_t have = conn->in_end - conn->in_start;

    return have > seen ? memchr(conn->in + conn->in_start + seen, '\n', have - seen) : NULL;
}

int rt_line(struct rt_conn *conn, size_t max, struct str *out)
{
    size_t seen = 0;

    CHECK(max <= LINE_MAX_BYTES);
    if (conn->error)
        return conn->error;
    for (;;) {
        size_t have = conn->in_end - conn->in_start;
        const char *end = find_lf(conn, seen);
        int r;

        if (end)
            return take_line(conn, max, (size_t)(end - conn->in) - conn->in_start, out);
        if (have > max + 1)
            return skip_line(conn, max, out);
        seen = have;
        make_line_room(conn, max + 2);
        r = fill(conn);
        if (r < 0)
            return r;
    }
}

int rt_peek(struct rt_conn *conn, struct str *out)
{
    int r = conn->error;
    size_t have;

    if (r == 0 && conn->in_start == conn->in_end)
        r = fill(conn);
    if (r < 0)
        return r;
    have = conn->in_end - conn->in_start;
    *out = str_of(conn->in + conn->in_start, have < PEEK_MAX_BYTES ? have : PEEK_MAX_BYTES);
    return 0;
}

void rt_eat(struct rt_conn *conn, size_t len)
{
    CHECK(len <= conn->in_end - conn->in_start);
    conn->in_start += (uint32_t)len;
}

int rt_read_early(struct rt_conn *conn, void *to, size_t len)
{
    size_t have = 0;

    CHECK(conn->in_start == conn->in_end && !conn->ssl);
    while (have < len) {
        ssize_t n = rt_conn_receive(conn, (char *)to + have, len - have);
        int r = 0;

        if (n > 0)
            have += (size_t)n;
        else if (n == -EAGAIN)
            r = rt_conn_await(conn, RT_READ);
        else
            r = conn->error = n == 0 ? -ECONNRESET : (int)n;
        if (r < 0)
            return r;
    }
    return 0;
}

bool rt_has_input(const struct rt_conn *conn)
{
    return conn->in_start < conn->in_end;
}

struct str rt_look(struct rt_conn *conn)
{
    int error = conn->error;

    if (conn->in_start == conn->in_end) {
        rt_conn_want(conn, RT_READ);
        conn->sock->drained = conn->sock->drained && !error;
        rt_conn_fill(conn);
    }
    if (error)
        conn->error = error;
    return conn->in ? str_of(conn->in + conn->in_start, conn->in_end - conn->in_start) : STR("");
}

// ---- writing

static ssize_t send_some(struct rt_conn *conn, const char *bytes, size_t len)
{
    ssize_t n =
        conn->deflate ? rt_deflate_write(conn, bytes, len) : rt_conn_write_raw(conn, bytes, len);

    if (n < 0 && n != -EAGAIN)
        conn->error = (int)n;
    return n;
}

static int await_output(struct rt_conn *conn)
{
    return rt_conn_await(conn, conn->ssl ? conn->tls_wants : RT_WRITE);
}

static int breathe(struct rt_conn *conn)
{
    int r = rt_breathe();

    return r < 0 ? (conn->error = r) : 0;
}

// [await] until all of it is with the kernel, or the compressor; *done counts what went.
static int send_all(struct rt_conn *conn, const char *bytes, size_t len, size_t *done)
{
    while (*done < len) {
        ssize_t n;
        int r;

        if (conn->error)
            return conn->error;
        n = send_some(conn, bytes + *done, len - *done);
        if (n >= 0) {
            *done += (size_t)n;
            r = conn->deflate ? breathe(conn) : 0; // compressing is work
        } else {
            r = n == -EAGAIN ? await_output(conn) : (int)n;
        }
        if (r < 0)
            return r;
    }
    return conn->error;
}

// [await] until what was compressed so far is with the kernel.
static int sync_deflate(struct rt_conn *conn)
{
    int r;

    while (!conn->error && (r = rt_deflate_sync(conn)) < 0)
        if (r != -EAGAIN)
            conn->error = r;
        else
            (void)await_output(conn);
    return conn->error;
}

int rt_flush(struct rt_conn *conn)
{
    size_t done = 0;
    int r;

    if (conn->out_start == conn->out_end)
        return conn->deflate ? sync_deflate(conn) : conn->error;
    r = send_all(conn, conn->out + conn->out_start, conn->out_end - conn->out_start, &done);
    conn->out_start += (uint32_t)done;
    if (conn->out_start == conn->out_end)
        conn->out_start = conn->out_end = 0;
    return r < 0 || !conn->deflate ? r : sync_deflate(conn);
}

void rt_conn_flush_now(struct rt_conn *conn)
{
    while (conn->out_start < conn->out_end) {
        ssize_t n = send_some(conn, conn->out + conn->out_start, conn->out_end - conn->out_start);

        if (n <= 0)
            break;
        conn->out_start += (uint32_t)n;
    }
    if (conn->deflate)
        rt_deflate_sync(conn);
    conn->out_start = conn->out_end = 0;
}

// Takes what fits without sending.
static size_t collect(struct rt_conn *conn, struct str bytes)
{
    size_t room, len;

    if (!conn->out) {
        conn->out = rt_window_lend(conn->loop);
        conn->out_cap = RT_WINDOW_BYTES;
    }
    if (bytes.len > conn->out_cap - conn->out_end && conn->out_cap < RT_OUT_BYTES) {
        char *bigger = malloc(RT_OUT_BYTES);

        CHECK(bigger);
        memcpy(bigger, conn->out, conn->out_end);
        rt_window_give_back(conn->loop, conn->out, conn->out_cap);
        conn->out = bigger;
        conn->out_cap = RT_OUT_BYTES;
    }
    room = conn->out_cap - conn->out_end;
    len = bytes.len < room ? bytes.len : room;
    if (len)
        memcpy(conn->out + conn->out_end, bytes.ptr, len);
    conn->out_end += (uint32_t)len;
    return len;
}

int rt_put(struct rt_conn *conn, struct str bytes)
{
    while (bytes.len) {
        int r;

        if (conn->out_end == conn->out_start && bytes.len >= RT_OUT_BYTES && !conn->error) {
            size_t done = 0;

            return send_all(conn, bytes.ptr, bytes.len, &done); // large: not by way of a copy
        }
        bytes = str_skip(bytes, collect(conn, bytes));
        if (conn->error)
            return conn->error;
        if (conn->out_end < conn->out_cap || conn->out_cap < RT_OUT_BYTES)
            continue;
        r = rt_flush(conn);
        if (r < 0)
            return r;
    }
    return conn->error;
}

int rt_putf(struct rt_conn *conn, const char *format, ...)
{
    char text[1024], *longer;
    va_list args;
    int len, r;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len < sizeof(text))
        return rt_put(conn, str_of(text, (size_t)len));
    longer = malloc((size_t)len + 1);
    CHECK(longer);
    va_start(args, format);
    vsnprintf(longer, (size_t)len + 1, format, args);
    va_end(args);
    r = rt_put(conn, str_of(longer, (size_t)len));
    free(longer);
    return r;
}

// ---- dialling

static int await_dialled(struct rt_conn *conn, uint32_t timeout_ms)
{
    struct rt_scope scope;
    int r;

    rt_within(&scope, timeout_ms);
    r = rt_conn_await(conn, RT_WRITE);
    rt_within_end(&scope);
    return r < 0 ? r : conn->loop->rt->world->dialled(conn->sock);
}

int rt_dial(const char *address, uint16_t port, uint32_t timeout_ms, struct rt_conn **out)
{
    return rt_dial_from(NULL, address, port, timeout_ms, out);
}

int rt_dial_from(const char *source, const char *address, uint16_t port, uint32_t timeout_ms,
                 struct rt_conn **out)
{
    struct rt_loop *loop = rt_self.loop;
    struct rt_sock *sock;
    struct rt_conn *conn;
    int r = rt_task_verdict();

    if (r < 0)
        return r;
    r = loop->rt->world->dial(loop, source, address, port, &sock);
    if (r < 0)
        return r;
    conn = rt_conn_new(loop, sock, 0);
    conn->peer_port = port;
    snprintf(conn->peer, sizeof(conn->peer), "%s", address[0] == '/' ? "unix" : address);
    r = await_dialled(conn, timeout_ms);
    if (r < 0) {
        rt_conn_free(conn);
        return r;
    }
    *out = conn;
    return 0;
}

void rt_hang_up(struct rt_conn *conn)
{
    if (!conn)
        return;
    CHECK(!conn->listener);
    if (!conn->error)
        rt_tls_bye(conn);
    rt_conn_free(conn);
}

// ---- about a connection

void *rt_conn_context(const struct rt_conn *conn)
{
    return conn->listener ? conn->listener->what.context : NULL;
}

struct str rt_conn_peer(const struct rt_conn *conn)
{
    return str_from(conn->peer);
}

uint16_t rt_conn_peer_port(const struct rt_conn *conn)
{
    return conn->peer_port;
}

struct str rt_conn_local(const struct rt_conn *conn)
{
    struct rt_conn *mine = (struct rt_conn *)(uintptr_t)conn; // made when first asked for

    if (!mine->local) {
        mine->local = calloc(1, sizeof(mine->peer));
        CHECK(mine->local);
        mine->loop->rt->world->local_name(mine->sock, mine->local, sizeof(mine->peer));
    }
    return str_from(mine->local);
}

uint64_t rt_conn_id(const struct rt_conn *conn)
{
    return conn->id;
}

void rt_conn_set_idle_ms(struct rt_conn *conn, uint32_t ms)
{
    conn->idle_ms = ms;
}

void rt_conn_set_command_ms(struct rt_conn *conn, uint32_t ms)
{
    if (conn->task)
        conn->task->base.deadline_us = ms ? rt_now_us() + (uint64_t)ms * 1000 : RT_NEVER;
}
