// SPDX-License-Identifier: ISC
//
// Sockets of the real world: non-blocking descriptors, polled by libuv. Each loop listens by a
// socket of its own (SO_REUSEPORT), unix sockets live on loop 0.
#include "base/check.h"

#include "log/log.h"
#include "rt/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPT_AT_ONCE = 64,
    ACCEPT_AGAIN_MS = 100, // after we ran out of descriptors or connections
};

struct rt_os_sock {
    struct rt_sock base;
    uv_poll_t poll;
    int fd;
};

// A listening socket of one loop.
struct rt_os_port {
    struct list link;
    struct rt_os_loop *loop;
    const struct rt_listener *listener;
    uv_poll_t poll;
    int fd;
    bool is_paused;
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
};

static int parse_address(const char *text, uint16_t port, union address *out, socklen_t *out_len)
{
    memset(out, 0, sizeof(*out));
    if (text[0] == '/') {
        if (strlen(text) >= sizeof(out->path.sun_path))
            return -ENAMETOOLONG;
        out->path.sun_family = AF_UNIX;
        memcpy(out->path.sun_path, text, strlen(text));
        *out_len = sizeof(out->path);
        return 0;
    }
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        *out_len = sizeof(out->v4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        *out_len = sizeof(out->v6);
        return 0;
    }
    return -EINVAL;
}

static void print_address(const union address *address, char *to, size_t max, uint16_t *port)
{
    *port = 0;
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, to, (socklen_t)max);
        *port = ntohs(address->v4.sin_port);
    } else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, to, (socklen_t)max);
        *port = ntohs(address->v6.sin6_port);
    } else {
        snprintf(to, max, "unix");
    }
}

// ---- a stream

static void on_events(uv_poll_t *poll, int status, int events)
{
    struct rt_os_sock *sock = poll->data;
    unsigned ready = 0;

    if (status < 0) { // the poller gave it up; the next receive or send tells why
        sock->base.polling = 0;
        ready = RT_READ | RT_WRITE;
    }
    if (events & UV_READABLE)
        ready |= RT_READ;
    if (events & UV_WRITABLE)
        ready |= RT_WRITE;
    rt_conn_ready(sock->base.conn, ready);
}

static int sock_new(struct rt_loop *loop, int fd, struct rt_sock **out)
{
    struct rt_os_sock *sock = calloc(1, sizeof(*sock));
    int r;

    CHECK(sock);
    sock->fd = fd;
    sock->poll.data = sock;
    r = uv_poll_init(&rt_os_loop_of(loop)->uv, &sock->poll, fd);
    if (r < 0) {
        free(sock);
        return r;
    }
    *out = &sock->base;
    return 0;
}

void rt_os_poll(struct rt_sock *base, unsigned events)
{
    struct rt_os_sock *sock = (struct rt_os_sock *)(void *)base;
    int wanted = (events & RT_READ ? UV_READABLE : 0) | (events & RT_WRITE ? UV_WRITABLE : 0);

    base->polling = (uint8_t)events;
    if (wanted)
        CHECK(uv_poll_start(&sock->poll, wanted, on_events) == 0);
    else
        uv_poll_stop(&sock->poll);
}

static void on_sock_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rt_os_close(struct rt_sock *base)
{
    struct rt_os_sock *sock = (struct rt_os_sock *)(void *)base;

    uv_close((uv_handle_t *)&sock->poll, on_sock_closed);
    close(sock->fd);
}

void rt_os_shut(struct rt_sock *base)
{
    shutdown(((struct rt_os_sock *)(void *)base)->fd, SHUT_WR);
}

ssize_t rt_os_receive(struct rt_sock *base, void *to, size_t len)
{
    struct rt_os_sock *sock = (struct rt_os_sock *)(void *)base;
    ssize_t n;

    do
        n = recv(sock->fd, to, len, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t rt_os_send(struct rt_sock *base, const void *bytes, size_t len)
{
    struct rt_os_sock *sock = (struct rt_os_sock *)(void *)base;
    ssize_t n;

    do
        n = send(sock->fd, bytes, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

void rt_os_local_name(struct rt_sock *base, char *to, size_t max)
{
    union address address = {0};
    socklen_t len = sizeof(address);
    uint16_t port;

    if (getsockname(((struct rt_os_sock *)(void *)base)->fd, &address.any, &len) == 0)
        print_address(&address, to, max, &port);
}

static void set_stream_options(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // fails on unix sockets: no matter
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

// The kernel chooses the port when it knows both ends, so that many connections can share one.
static int bind_source(int fd, const char *source, sa_family_t family)
{
    union address address;
    socklen_t len;
    int on = 1, r = parse_address(source, 0, &address, &len);

    if (r < 0)
        return r;
    if (address.any.sa_family != family)
        return -EAFNOSUPPORT;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, &address.any, len) < 0 ? -errno : 0;
}

static int begin_connect(int fd, const char *source, const union address *address, socklen_t len)
{
    int r = source && address->any.sa_family != AF_UNIX
                ? bind_source(fd, source, address->any.sa_family)
                : 0;

    if (r < 0)
        return r;
    // A full unix socket says EAGAIN, for which there is no event; the caller may try again.
    if (connect(fd, &address->any, len) < 0 && errno != EINPROGRESS && errno != EINTR)
        return -errno;
    return 0;
}

int rt_os_dial(struct rt_loop *loop, const char *source, const char *text, uint16_t port,
               struct rt_sock **out)
{
    union address address;
    socklen_t len;
    int fd, r;

    r = parse_address(text, port, &address, &len);
    if (r < 0)
        return r;
    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_stream_options(fd);
    r = begin_connect(fd, source, &address, len);
    if (r == 0)
        r = sock_new(loop, fd, out);
    if (r < 0)
        close(fd);
    return r;
}

int rt_os_dialled(struct rt_sock *base)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(((struct rt_os_sock *)(void *)base)->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

// ---- listening

static void on_accept(uv_poll_t *poll, int status, int events);

static void on_accept_again(struct rt_timer *timer, uint64_t now_us)
{
    struct rt_os_loop *loop = LIST_OF(timer, struct rt_os_loop, accept_again);

    (void)now_us;
    LIST_EACH (&loop->ports, it) {
        struct rt_os_port *port = LIST_OF(it, struct rt_os_port, link);

        if (port->is_paused)
            CHECK(uv_poll_start(&port->poll, UV_READABLE, on_accept) == 0);
        port->is_paused = false;
    }
}

static void pause_accept(struct rt_os_port *port)
{
    uv_poll_stop(&port->poll);
    port->is_paused = true;
    port->loop->accept_again.fire = on_accept_again;
    rt_timer_by(&port->loop->base.timers, &port->loop->accept_again,
                rt_now_us() + ACCEPT_AGAIN_MS * 1000);
}

static void greet(struct rt_os_port *port, int fd, const union address *address)
{
    struct rt_sock *sock;
    char peer[46];
    uint16_t peer_port;

    set_stream_options(fd);
    if (sock_new(&port->loop->base, fd, &sock) < 0) {
        close(fd);
        return;
    }
    print_address(address, peer, sizeof(peer), &peer_port);
    rt_session_begin(&port->loop->base, port->listener, sock, peer, peer_port);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct rt_os_port *port = poll->data;
    struct rt *rt = port->loop->base.rt;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        union address address = {0};
        socklen_t len = sizeof(address);
        int fd;

        if (atomic_load(&rt->connections) >= rt->config.connections_max) {
            pause_accept(port);
            return;
        }
        fd = accept4(port->fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            greet(port, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_failure("rt", "cannot accept, trying again shortly", -errno);
            pause_accept(port);
            return;
        } else if (errno == EAGAIN) {
            return;
        } // else that one peer went away already
    }
}

static void on_port_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rt_os_unlisten(struct rt_loop *base)
{
    struct rt_os_loop *loop = rt_os_loop_of(base);

    LIST_EACH (&loop->ports, it) {
        struct rt_os_port *port = LIST_OF(it, struct rt_os_port, link);

        list_remove(it);
        if (port->listener->address[0] == '/')
            unlink(port->listener->address);
        uv_close((uv_handle_t *)&port->poll, on_port_closed);
        close(port->fd);
    }
}

static void drop_port(struct rt_os_port *port)
{
    close(port->fd);
    free(port);
}

static void start_port(struct rt_os_loop *loop, struct rt_os_port *port)
{
    if (atomic_load(&loop->base.rt->draining) || loop->base.stopping ||
        uv_poll_init(&loop->uv, &port->poll, port->fd) < 0) {
        drop_port(port);
        return;
    }
    port->poll.data = port;
    list_put_last(&loop->ports, &port->link);
    CHECK(uv_poll_start(&port->poll, UV_READABLE, on_accept) == 0);
}

static struct rt_os_port *take_new_port(struct rt_os_loop *loop)
{
    struct list *link;

    pthread_mutex_lock(&loop->base.rt->lock);
    link = list_take_first(&loop->new_ports);
    pthread_mutex_unlock(&loop->base.rt->lock);
    return link ? LIST_OF(link, struct rt_os_port, link) : NULL;
}

static void start_ports(void *arg)
{
    struct rt_os_loop *loop = arg;
    struct rt_os_port *port;

    while ((port = take_new_port(loop)))
        start_port(loop, port);
}

void rt_os_drop_new_ports(struct rt_os_loop *loop)
{
    struct rt_os_port *port;

    while ((port = take_new_port(loop)))
        drop_port(port);
}

static void add_port(struct rt_loop *loop, const struct rt_listener *listener, int fd)
{
    struct rt_os_port *port = calloc(1, sizeof(*port));

    CHECK(port);
    port->loop = rt_os_loop_of(loop);
    port->listener = listener;
    port->fd = fd;
    pthread_mutex_lock(&loop->rt->lock);
    list_put_last(&port->loop->new_ports, &port->link);
    pthread_mutex_unlock(&loop->rt->lock);
    rt_post(loop, start_ports, port->loop);
}

static int bind_socket(const union address *address, socklen_t len, bool shared, int *out_fd)
{
    int on = 1, fd, r;

    fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address->any.sa_family == AF_INET6) // so that 0.0.0.0 and :: can stand side by side
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &address->any, len) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *out_fd = fd;
    return 0;
}

static int listen_socket(const union address *address, socklen_t len, bool shared, int *out_fd)
{
    int r = bind_socket(address, len, shared, out_fd);

    if (r < 0)
        return r;
    if (listen(*out_fd, BACKLOG) < 0) {
        r = -errno;
        close(*out_fd);
    }
    return r;
}

// A socket file nobody listens at is left over from a process that died.
static bool is_stale(const union address *address, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is = fd >= 0 && connect(fd, &address->any, len) < 0 && errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return is;
}

static int listen_at_path(struct rt *rt, struct rt_listener *listener, const union address *address,
                          socklen_t len)
{
    const char *path = listener->address;
    int fd, r;

    r = listen_socket(address, len, false, &fd);
    if (r == -EADDRINUSE && is_stale(address, len)) {
        unlink(path);
        r = listen_socket(address, len, false, &fd);
    }
    if (r < 0)
        return r;
    if (listener->what.mode && chmod(path, listener->what.mode) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    add_port(rt->loops[0], listener, fd);
    return 0;
}

// SO_REUSEPORT would let a second server of the same user share the port without a word: ask first
// without it.
static int check_port_is_free(const union address *address, socklen_t len)
{
    int fd, r = bind_socket(address, len, false, &fd);

    if (r == 0)
        close(fd);
    return r;
}

static int chosen_port(int fd, union address *address, socklen_t *len)
{
    if (getsockname(fd, &address->any, len) < 0)
        return -errno;
    return 0;
}

int rt_os_listen(struct rt *rt, struct rt_listener *listener, uint16_t *out_port)
{
    union address address;
    socklen_t len;
    int fds[256];
    unsigned count = 0;
    int r = parse_address(listener->address, listener->what.port, &address, &len);

    if (r == 0 && address.any.sa_family == AF_UNIX)
        return listen_at_path(rt, listener, &address, len);
    if (r == 0 && listener->what.port)
        r = check_port_is_free(&address, len);
    while (r == 0 && count < rt->loop_count && count < 256) {
        r = listen_socket(&address, len, rt->loop_count > 1, &fds[count]);
        if (r == 0)
            r = chosen_port(fds[count++], &address, &len); // the others take the first one's
    }
    for (unsigned i = 0; i < count; i++) {
        if (r == 0)
            add_port(rt->loops[i], listener, fds[i]);
        else
            close(fds[i]);
    }
    if (r == 0 && out_port)
        *out_port = address.any.sa_family == AF_INET ? ntohs(address.v4.sin_port)
                                                     : ntohs(address.v6.sin6_port);
    return r;
}
