// SPDX-License-Identifier: ISC
//
// The simulated network. A link joins two sockets by two pipes; what is sent is cut into pieces
// that fly for a while and arrive in order, unless the link is reset or dies without a word. What
// has arrived and was not read fills a window, beyond which sending says EAGAIN. Polling is
// level-triggered, as the real one.
//
//     send ──▶ flying pieces ──deliver──▶ queue ──▶ receive
//               (delays, stalls, resets)   (window)
#include "base/check.h"
#include "rt/sim/world.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum piece_kind { DATA, END, RESET };
enum { DIALLER, SERVER }; // sides of a link
enum { BYTEWISE_MAX = 256, PIECES_MAX = 4 };

struct piece {
    struct list link;
    uint64_t at_us;
    enum piece_kind kind;
    size_t len;
    char bytes[];
};

// From one side to the other.
struct pipe {
    struct sim_link *of;
    struct list flying;
    struct rt_timer timer;
    uint64_t last_us; // when the youngest piece arrives
    char *queue;      // arrived; as large as the window
    size_t start, queued, unread;
    uint64_t delivered;
    bool is_shut, has_ended; // the sender said its last; that has arrived
};

struct sim_sock {
    struct rt_sock base;
    struct sim_link *link;
    int side;
    int error;
    struct rt_timer check;
};

struct sim_link {
    struct list link;
    struct sim *sim;
    uint64_t id;
    struct sim_sock *socks[2];
    struct pipe pipes[2]; // by the side that sends
    struct rt_timer dialling;
    bool is_decided, is_dead, is_bytewise;
    bool is_secret; // it has TLS, whose bytes depend on the time of day
    int dial_result;
    unsigned nodes[2]; // of the sides; 0: none
    uint16_t port, from_port;
    char address[46], from[46];
};

struct sim_port {
    struct list link;
    const struct rt_listener *listener;
    uint16_t port;
    bool is_dead; // its node died; nobody listens
};

static void look_soon(struct sim_sock *sock);

static struct sim_sock *sim_sock_of(struct rt_sock *sock)
{
    return LIST_OF(sock, struct sim_sock, base);
}

static uint64_t travel_us(struct sim *sim)
{
    const struct rt_sim_config *c = &sim->config;
    uint64_t us = c->delay_min_us;

    if (c->delay_max_us > c->delay_min_us)
        us += rt_sim_below(sim, c->delay_max_us - c->delay_min_us);
    if (rt_sim_chance(sim, c->stall))
        us += rt_sim_below(sim, c->stall_max_us);
    return us;
}

// ---- pieces in flight

static void launch(struct pipe *pipe, enum piece_kind kind, const char *bytes, size_t len)
{
    struct sim *sim = pipe->of->sim;
    struct piece *piece = malloc(sizeof(*piece) + len);
    uint64_t at_us = sim->now_us + travel_us(sim);

    CHECK(piece);
    if (at_us < pipe->last_us)
        at_us = pipe->last_us;
    pipe->last_us = at_us;
    *piece = (struct piece){.at_us = at_us, .kind = kind, .len = len};
    if (len)
        memcpy(piece->bytes, bytes, len);
    if (list_is_empty(&pipe->flying))
        rt_timer_set(&sim->loop.timers, &pipe->timer, at_us);
    list_put_last(&pipe->flying, &piece->link);
}

static void drop_flying(struct pipe *pipe)
{
    struct list *link;

    while ((link = list_take_first(&pipe->flying)))
        free(LIST_OF(link, struct piece, link));
    rt_timer_set(&pipe->of->sim->loop.timers, &pipe->timer, RT_NEVER);
}

// Both ends learn it; what has arrived may still be read, as with TCP.
static void reset_link(struct sim_link *link)
{
    for (int side = 0; side < 2; side++) {
        drop_flying(&link->pipes[side]);
        if (link->socks[side] && !link->socks[side]->error) {
            link->socks[side]->error = -ECONNRESET;
            look_soon(link->socks[side]);
        }
    }
    rt_sim_trace(link->sim, "reset", link->id, 0);
}

static void kill_link(struct sim_link *link)
{
    drop_flying(&link->pipes[DIALLER]);
    drop_flying(&link->pipes[SERVER]);
    link->is_dead = true;
    rt_sim_trace(link->sim, "vanish", link->id, 0);
}

static void put_into_queue(struct pipe *pipe, const char *bytes, size_t len)
{
    size_t window = pipe->of->sim->config.window_bytes;

    if (!pipe->queue)
        pipe->queue = malloc(window);
    CHECK(pipe->queue && pipe->queued + len <= window);
    if (pipe->start + pipe->queued + len > window) {
        memmove(pipe->queue, pipe->queue + pipe->start, pipe->queued);
        pipe->start = 0;
    }
    memcpy(pipe->queue + pipe->start + pipe->queued, bytes, len);
    pipe->queued += len;
    pipe->delivered += len;
}

static void deliver_data(struct pipe *pipe, const struct piece *piece)
{
    struct sim_link *link = pipe->of;
    int from = pipe == &link->pipes[SERVER];
    uint64_t cut = link->sim->config.cut_after_bytes;
    size_t len = piece->len;

    if (from != DIALLER || pipe->delivered + len < cut)
        cut = 0;
    if (cut)
        len = (size_t)(cut - pipe->delivered);
    put_into_queue(pipe, piece->bytes, len);
    rt_sim_trace(link->sim, from == DIALLER ? "to server" : "to dialler", link->id, len);
    if (!link->is_secret)
        rt_sim_trace_bytes(link->sim, piece->bytes, len);
    look_soon(link->socks[!from]);
    if (cut)
        reset_link(link);
}

static void deliver(struct pipe *pipe, const struct piece *piece)
{
    struct sim_link *link = pipe->of;
    struct sim *sim = link->sim;
    int from = pipe == &link->pipes[SERVER];

    if (piece->kind == RESET || rt_sim_chance(sim, sim->config.reset)) {
        reset_link(link);
    } else if (rt_sim_chance(sim, sim->config.vanish)) {
        kill_link(link);
    } else if (!link->socks[!from]) { // nobody is there any more
        if (piece->kind == DATA && link->socks[from])
            reset_link(link);
    } else if (piece->kind == END) {
        pipe->has_ended = true;
        rt_sim_trace(sim, "end", link->id, (uint64_t)from);
        look_soon(link->socks[!from]);
    } else {
        deliver_data(pipe, piece);
    }
}

static void on_arrival(struct rt_timer *timer, uint64_t now_us)
{
    struct pipe *pipe = LIST_OF(timer, struct pipe, timer);

    while (!list_is_empty(&pipe->flying)) {
        struct piece *piece = LIST_OF(pipe->flying.next, struct piece, link);

        if (piece->at_us > now_us) {
            rt_timer_set(&pipe->of->sim->loop.timers, &pipe->timer, piece->at_us);
            return;
        }
        list_remove(&piece->link);
        deliver(pipe, piece);
        free(piece);
    }
}

// ---- polling

static bool is_readable(const struct sim_sock *sock)
{
    const struct pipe *in = &sock->link->pipes[!sock->side];

    return in->queued || sock->error || in->has_ended;
}

static bool is_writable(const struct sim_sock *sock)
{
    const struct pipe *out = &sock->link->pipes[sock->side];

    if (!sock->link->is_decided)
        return false;
    return sock->error || sock->link->dial_result < 0 ||
           out->unread < sock->link->sim->config.window_bytes;
}

static unsigned ready_events(const struct sim_sock *sock)
{
    unsigned ready = 0;

    if ((sock->base.polling & RT_READ) && is_readable(sock))
        ready |= RT_READ;
    if ((sock->base.polling & RT_WRITE) && is_writable(sock))
        ready |= RT_WRITE;
    return ready;
}

static void look_soon(struct sim_sock *sock)
{
    struct sim *sim;

    if (!sock || sock->check.index || !ready_events(sock))
        return;
    sim = sock->link->sim;
    rt_sim_arm(sim, &sock->check, rt_sim_below(sim, 20));
}

static void on_check(struct rt_timer *timer, uint64_t now_us)
{
    struct sim_sock *sock = LIST_OF(timer, struct sim_sock, check);
    unsigned ready = ready_events(sock);

    (void)now_us;
    if (!ready)
        return;
    rt_conn_ready(sock->base.conn, ready);
    look_soon(sock); // the level, not the edge
}

void rt_sim_poll(struct rt_sock *base, unsigned events)
{
    base->polling = (uint8_t)events;
    look_soon(sim_sock_of(base));
}

// ---- the stream

ssize_t rt_sim_receive(struct rt_sock *base, void *to, size_t len)
{
    struct sim_sock *sock = sim_sock_of(base);
    struct pipe *in = &sock->link->pipes[!sock->side];
    struct sim *sim = sock->link->sim;
    size_t n = in->queued < len ? in->queued : len;

    if (!n && in->has_ended)
        return 0;
    if (!n)
        return sock->error ? sock->error : -EAGAIN;
    if (rt_sim_chance(sim, sim->config.split))
        n = 1 + (size_t)rt_sim_below(sim, n);
    memcpy(to, in->queue + in->start, n);
    in->start += n;
    in->queued -= n;
    in->unread -= n;
    look_soon(sock);
    look_soon(sock->link->socks[!sock->side]); // there is room again
    return (ssize_t)n;
}

static void launch_pieces(struct pipe *out, const char *bytes, size_t len)
{
    struct sim *sim = out->of->sim;

    for (int pieces = 1; len; pieces++) {
        size_t n = len;

        if (out->of->is_bytewise)
            n = 1;
        else if (pieces < PIECES_MAX && rt_sim_chance(sim, sim->config.split))
            n = 1 + (size_t)rt_sim_below(sim, len);
        launch(out, DATA, bytes, n);
        bytes += n;
        len -= n;
    }
}

ssize_t rt_sim_send(struct rt_sock *base, const void *bytes, size_t len)
{
    struct sim_sock *sock = sim_sock_of(base);
    struct sim_link *link = sock->link;
    struct pipe *out = &link->pipes[sock->side];
    struct sim *sim = link->sim;
    size_t room = sim->config.window_bytes - out->unread;

    if (sock->error || out->is_shut)
        return -EPIPE;
    if (!room)
        return -EAGAIN;
    if (len > room)
        len = room;
    if (base->conn && base->conn->ssl)
        link->is_secret = true;
    if (link->is_bytewise && len > BYTEWISE_MAX)
        len = BYTEWISE_MAX;
    if (len && rt_sim_chance(sim, sim->config.split))
        len = 1 + (size_t)rt_sim_below(sim, len);
    out->unread += len;
    if (!link->is_dead)
        launch_pieces(out, bytes, len);
    return (ssize_t)len;
}

void rt_sim_shut(struct rt_sock *base)
{
    struct sim_sock *sock = sim_sock_of(base);
    struct pipe *out = &sock->link->pipes[sock->side];

    if (!out->is_shut && !sock->link->is_dead && !sock->error)
        launch(out, END, NULL, 0);
    out->is_shut = true;
}

static void link_free(struct sim_link *link)
{
    struct rt_timers *timers = &link->sim->loop.timers;

    for (int side = 0; side < 2; side++) {
        if (link->socks[side])
            rt_timer_set(timers, &link->socks[side]->check, RT_NEVER);
        free(link->socks[side]);
        drop_flying(&link->pipes[side]);
        free(link->pipes[side].queue);
    }
    rt_timer_set(timers, &link->dialling, RT_NEVER);
    list_remove(&link->link);
    free(link);
}

void rt_sim_close(struct rt_sock *base)
{
    struct sim_sock *sock = sim_sock_of(base);
    struct sim_link *link = sock->link;

    if (link->pipes[!sock->side].queued && !link->is_dead && !sock->error)
        launch(&link->pipes[sock->side], RESET, NULL, 0); // it did not read all
    rt_sim_shut(base);
    rt_sim_trace(link->sim, "close", link->id, (uint64_t)sock->side);
    rt_timer_set(&link->sim->loop.timers, &sock->check, RT_NEVER);
    link->socks[sock->side] = NULL;
    free(sock);
    if (!link->socks[DIALLER] && !link->socks[SERVER])
        link_free(link);
}

void rt_sim_local_name(struct rt_sock *base, char *to, size_t max)
{
    const struct sim_sock *sock = sim_sock_of(base);

    snprintf(to, max, "%s", sock->side == SERVER ? sock->link->address : sock->link->from);
}

// ---- dialling and listening

static struct sim_sock *sock_new(struct sim_link *link, int side)
{
    struct sim_sock *sock = calloc(1, sizeof(*sock));

    CHECK(sock);
    sock->link = link;
    sock->side = side;
    sock->check.fire = on_check;
    link->socks[side] = sock;
    return sock;
}

static bool is_at(const struct sim_port *port, const char *address, uint16_t number)
{
    const char *own = port->listener->address;

    if (address[0] == '/')
        return strcmp(own, address) == 0;
    return port->port == number &&
           (strcmp(own, address) == 0 || strcmp(own, "0.0.0.0") == 0 || strcmp(own, "::") == 0);
}

static struct sim_port *find_port(struct sim *sim, const char *address, uint16_t port, bool is_dead)
{
    LIST_EACH (&sim->ports, it) {
        struct sim_port *at = LIST_OF(it, struct sim_port, link);

        if (at->is_dead == is_dead && is_at(at, address, port))
            return at;
    }
    return NULL;
}

static const struct rt_listener *find_listener(struct sim *sim, const char *address, uint16_t port)
{
    const struct sim_port *at = find_port(sim, address, port, false);

    return at ? at->listener : NULL;
}

/// Nobody listens there, as a node has died; half of such dials are never answered.
static bool is_lost(struct sim *sim, const struct sim_link *link)
{
    return !find_listener(sim, link->address, link->port) &&
           find_port(sim, link->address, link->port, true) && rt_sim_chance(sim, RT_SIM_PPM / 2);
}

static void on_dialled(struct rt_timer *timer, uint64_t now_us)
{
    struct sim_link *link = LIST_OF(timer, struct sim_link, dialling);
    struct sim *sim = link->sim;
    const struct rt_listener *listener = find_listener(sim, link->address, link->port);

    (void)now_us;
    if (is_lost(sim, link)) {
        rt_sim_trace(sim, "dial lost", link->id, 0);
        return;
    }
    link->is_decided = true;
    link->nodes[SERVER] = listener ? listener->node : 0;
    if (!listener || rt_sim_chance(sim, sim->config.refuse) ||
        atomic_load(&sim->base.connections) >= sim->base.config.connections_max)
        link->dial_result = -ECONNREFUSED;
    rt_sim_trace(sim, "dial", link->id, (uint64_t)-link->dial_result);
    look_soon(link->socks[DIALLER]);
    if (link->dial_result == 0)
        rt_session_begin(&sim->loop, listener, &sock_new(link, SERVER)->base,
                         link->address[0] == '/' ? "unix" : link->from, link->from_port);
}

static struct sim_link *link_new(struct sim *sim, const char *source, const char *address,
                                 uint16_t port)
{
    struct sim_link *link = calloc(1, sizeof(*link));

    CHECK(link);
    link->sim = sim;
    link->id = ++sim->link_ids;
    link->port = port;
    link->nodes[DIALLER] = rt_node_here(&sim->loop);
    link->from_port = (uint16_t)(32768 + link->id % 28000);
    link->is_bytewise = rt_sim_chance(sim, sim->config.bytewise);
    link->dialling.fire = on_dialled;
    snprintf(link->address, sizeof(link->address), "%s", address);
    if (source)
        snprintf(link->from, sizeof(link->from), "%s", source);
    else if (sim->config.dial_from)
        snprintf(link->from, sizeof(link->from), "%s", sim->config.dial_from);
    else
        snprintf(link->from, sizeof(link->from), "192.0.2.%u", (unsigned)(1 + link->id % 250));
    for (int side = 0; side < 2; side++) {
        link->pipes[side].of = link;
        link->pipes[side].timer.fire = on_arrival;
        list_init(&link->pipes[side].flying);
    }
    list_put_last(&sim->links, &link->link);
    return link;
}

int rt_sim_dial(struct rt_loop *loop, const char *source, const char *address, uint16_t port,
                struct rt_sock **out)
{
    struct sim *sim = sim_of(loop->rt);
    struct sim_link *link;

    if (strlen(address) >= sizeof(link->address) ||
        (source && strlen(source) >= sizeof(link->from)))
        return -EINVAL;
    link = link_new(sim, source, address, port);
    if (!rt_sim_chance(sim, sim->config.lose_dial))
        rt_sim_arm(sim, &link->dialling, travel_us(sim));
    *out = &sock_new(link, DIALLER)->base;
    return 0;
}

int rt_sim_dialled(struct rt_sock *base)
{
    return sim_sock_of(base)->link->dial_result;
}

static void drop_port(struct sim_port *port)
{
    list_remove(&port->link);
    free(port);
}

int rt_sim_listen(struct rt *rt, struct rt_listener *listener, uint16_t *out_port)
{
    struct sim *sim = sim_of(rt);
    struct sim_port *port = calloc(1, sizeof(*port));
    struct sim_port *dead;

    CHECK(port);
    port->listener = listener;
    port->port = listener->what.port ? listener->what.port : sim->next_port++;
    if (strlen(listener->address) >= sizeof(((struct sim_link *)0)->address) ||
        find_listener(sim, listener->address, port->port)) {
        free(port);
        return -EADDRINUSE;
    }
    while ((dead = find_port(sim, listener->address, port->port, true)))
        drop_port(dead);
    list_put_last(&sim->ports, &port->link);
    if (out_port)
        *out_port = port->port;
    return 0;
}

void rt_sim_unlisten(struct rt_loop *loop)
{
    LIST_EACH (&sim_of(loop->rt)->ports, it)
        drop_port(LIST_OF(it, struct sim_port, link));
}

void rt_sim_net_kill(struct sim *sim, unsigned node)
{
    LIST_EACH (&sim->ports, it) {
        struct sim_port *port = LIST_OF(it, struct sim_port, link);

        port->is_dead |= port->listener->node == node;
    }
    LIST_EACH (&sim->links, it) {
        struct sim_link *link = LIST_OF(it, struct sim_link, link);

        if (link->nodes[DIALLER] != node && link->nodes[SERVER] != node)
            continue;
        if (!link->is_decided) // its dial never arrives
            rt_timer_set(&sim->loop.timers, &link->dialling, RT_NEVER);
        if (rt_sim_chance(sim, RT_SIM_PPM / 2))
            reset_link(link);
        else
            kill_link(link);
    }
}

void rt_sim_net_done(struct sim *sim)
{
    rt_sim_unlisten(&sim->loop);
    LIST_EACH (&sim->links, it)
        link_free(LIST_OF(it, struct sim_link, link));
}
