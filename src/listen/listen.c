// SPDX-License-Identifier: ISC
//
// Opens the ports. What is served where is the table in listen_open; who may come in is
// listen/gate.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/rt.h"
#include "receive/receive.h"
#include "listen/gate.h"
#include "listen/listen.h"
#include "listen/proxy.h"

#include <errno.h>

struct listen {
    struct listen_gate gate;
    uint16_t ports[LISTEN_PORTS];
};

static const char *const NAMES[LISTEN_PORTS] = {
    [LISTEN_SMTP] = "smtp",
    [LISTEN_SUBMISSION] = "submission",
    [LISTEN_SUBMISSION_ALT] = "submission_alt",
    [LISTEN_SUBMISSIONS] = "submissions",
    [LISTEN_IMAP] = "imap",
    [LISTEN_IMAPS] = "imaps",
    [LISTEN_POP3] = "pop3",
    [LISTEN_POP3S] = "pop3s",
    [LISTEN_LMTP] = "lmtp",
};

const char *listen_port_name(enum listen_port port)
{
    return NAMES[port];
}

uint16_t listen_port(const struct listen *listen, enum listen_port port)
{
    return listen->ports[port];
}

// ---- who may come in

static bool admit(void *gate, struct str peer, struct str *refusal)
{
    bool is_too_fast = listen_gate_is_too_fast(gate, peer, (int64_t)rt_now_us());
    struct log_line l;

    if (!is_too_fast && listen_gate_enter(gate, peer)) {
        log_begin(&l, LOG_DEBUG, "listen/gate", "admitted");
        log_str(&l, "peer", peer);
        log_end(&l);
        return true;
    }
    log_begin(&l, LOG_WARN, "listen/gate",
              is_too_fast ? "refused, the peer connects too often"
                          : "refused, the peer has too many connections");
    log_str(&l, "peer", peer);
    log_end(&l);
    *refusal = STR_NONE;
    return false;
}

/// RFC 5321 3.1: a server that does not serve says so. Clients of IMAP and POP3 make nothing of it
/// before their greeting, so they are only closed.
static bool admit_smtp(void *gate, struct str peer, struct str *refusal)
{
    if (admit(gate, peer, refusal))
        return true;
    *refusal = STR("421 4.7.0 too many connections from your address\r\n");
    return false;
}

static void left(void *gate, struct str peer)
{
    listen_gate_leave(gate, peer);
}

/// [await] What a proxy says of its client, before all else.
static int before(void *gate, struct rt_conn *conn)
{
    struct str proxy = rt_conn_peer(conn);
    struct proxy_header header;
    struct log_line l;
    int r;

    if (!listen_gate_is_proxy(gate, proxy))
        return 0;
    r = listen_proxy_read(conn, &header);
    log_begin(&l, r < 0 ? LOG_WARN : LOG_INFO, "listen/proxy", r < 0 ? "no header" : "client");
    log_u64(&l, "session", rt_conn_id(conn));
    log_str(&l, "proxy", proxy);
    if (r < 0)
        log_errno(&l, r);
    else
        log_text(&l, "peer", header.peer[0] ? header.peer : "itself");
    log_end(&l);
    if (r < 0 || !header.peer[0])
        return r;
    rt_conn_set_local(conn, str_from(header.local));
    return rt_conn_set_peer(conn, str_from(header.peer), header.peer_port);
}

// ---- opening

/// One row: a port, what is spoken there, and whether TLS comes first.
struct door {
    enum listen_port port;
    uint64_t number; // as configured
    const struct rt_protocol *protocol;
    void *context;
    bool is_tls;
    bool (*admit)(void *gate, struct str peer, struct str *refusal);
};

static int open_at(struct rt *rt, struct listen *listen, const struct door *door,
                   struct rt_tls *tls, struct str address, struct buf *why)
{
    CLEANUP(buf_drop) struct buf text = {.max = 256};
    struct rt_listen what = {
        .port = door->number == LISTEN_ANY_PORT ? 0 : (uint16_t)door->number,
        .protocol = door->protocol,
        .context = door->context,
        .gate = &listen->gate,
        .tls = door->is_tls ? tls : NULL,
        .admit = door->admit,
        .before = before,
        .left = left,
        .mode = 0660, // of a unix socket
    };
    struct log_line l;
    uint16_t port = 0;
    int r;

    buf_put(&text, address);
    what.address = buf_cstr(&text);
    // The second address of a port that the system chose gets the same number.
    if (door->number == LISTEN_ANY_PORT && listen->ports[door->port] != 0)
        what.port = listen->ports[door->port];
    r = what.address ? rt_listen(rt, &what, &port) : -EINVAL;
    if (r < 0) {
        buf_putf(why, "%.*s port %u (%s): %s; %s", STR_ARG(address), (unsigned)what.port,
                 NAMES[door->port], strerror(-r),
                 r == -EACCES       ? "start the server as root, it becomes another user then"
                 : r == -EADDRINUSE ? "another program has the port: stop it, or set another one"
                                    : "see `addresses` and the ports in section listen");
        return r;
    }
    log_begin(&l, LOG_INFO, "listen/open", NAMES[door->port]);
    log_str(&l, "address", address);
    log_u64(&l, "port", port);
    log_end(&l);
    if (listen->ports[door->port] == 0)
        listen->ports[door->port] = port;
    return 0;
}

/// On all addresses. A machine without IPv6 is no error when there is another address.
static int open_door(struct rt *rt, const struct listen_config *config, struct listen *listen,
                     const struct door *door, struct rt_tls *tls, struct buf *why)
{
    if (door->number == 0 || !door->protocol || (door->is_tls && !tls))
        return 0;
    for (size_t i = 0; i < config->addresses.count; i++) {
        CLEANUP(buf_drop) struct buf reason = {.max = 1024};
        int r = open_at(rt, listen, door, tls, config->addresses.items[i], &reason);

        if (r == 0 || ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && i > 0 &&
                       str_eq(config->addresses.items[i], STR("::"))))
            continue;
        buf_put(why, buf_str(&reason));
        return r;
    }
    return 0;
}

/// "127.0.0.1:24", "[::1]:24" or a path.
static int open_lmtp(struct rt *rt, const struct listen_config *config,
                     const struct listen_services *services, struct listen *listen, struct buf *why)
{
    struct door door = {
        .port = LISTEN_LMTP,
        .protocol = &receive_smtp,
        .admit = admit_smtp,
    };
    struct str address = config->lmtp;
    ptrdiff_t colon = str_find_last(address, ':');

    if (!services->receive || address.len == 0)
        return 0;
    door.context = receive_context(services->receive, RECEIVE_LMTP);
    if (str_starts(address, STR("/")))
        return open_at(rt, listen, &door, NULL, address, why);
    if (colon <= 0 ||
        !str_to_u64(str_skip(address, (size_t)colon + 1), LISTEN_ANY_PORT, &door.number)) {
        buf_putf(why, "listen.lmtp: %.*s is neither 127.0.0.1:24 nor a path", STR_ARG(address));
        return -EINVAL;
    }
    address = str_head(address, (size_t)colon);
    if (str_starts(address, STR("[")) && str_ends(address, STR("]")))
        address = str_of(address.ptr + 1, address.len - 2);
    return open_at(rt, listen, &door, NULL, address, why);
}

static int open_all(struct rt *rt, const struct listen_config *config,
                    const struct listen_services *services, struct listen *listen, struct buf *why)
{
    const struct rt_protocol *smtp = services->receive ? &receive_smtp : NULL;
    void *mx = smtp ? receive_context(services->receive, RECEIVE_MX) : NULL;
    void *user = smtp ? receive_context(services->receive, RECEIVE_SUBMISSION) : NULL;
    // clang-format off
    const struct door doors[] = {
        {LISTEN_SMTP,           config->smtp,           smtp,           mx,   false, admit_smtp},
        {LISTEN_SUBMISSION,     config->submission,     smtp,           user, false, admit_smtp},
        {LISTEN_SUBMISSION_ALT, config->submission_alt, smtp,           user, false, admit_smtp},
        {LISTEN_SUBMISSIONS,    config->submissions,    smtp,           user, true,  admit},
        {LISTEN_IMAP,           config->imap,           services->imap, services->imap_context, false, admit},
        {LISTEN_IMAPS,          config->imaps,          services->imap, services->imap_context, true,  admit},
        {LISTEN_POP3,           config->pop3,           services->pop3, services->pop3_context, false, admit},
        {LISTEN_POP3S,          config->pop3s,          services->pop3, services->pop3_context, true,  admit},
    };
    // clang-format on
    int r = 0;

    for (size_t i = 0; i < sizeof doors / sizeof *doors && r == 0; i++)
        r = open_door(rt, config, listen, &doors[i], services->tls, why);
    return r < 0 ? r : open_lmtp(rt, config, services, listen, why);
}

/// Who may use it is who may open it; one user's connections are not told from another's.
static int open_sendmail(struct rt *rt, const struct listen_services *services, struct buf *why)
{
    struct rt_listen what = {
        .address = services->sendmail, .protocol = &receive_smtp, .mode = 0666};
    uint16_t port;
    int r;

    if (!services->sendmail || !services->receive)
        return 0;
    what.context = receive_context(services->receive, RECEIVE_LOCAL);
    r = rt_listen(rt, &what, &port);
    if (r < 0)
        buf_putf(why, "%s: %s; see `sendmail` in section listen", services->sendmail, strerror(-r));
    else
        log_event(LOG_INFO, "listen/open", "sendmail");
    return r;
}

int listen_open(struct rt *rt, const struct listen_config *config,
                const struct listen_services *services, struct listen **out, struct buf *why)
{
    struct listen *listen = calloc(1, sizeof *listen);
    uint64_t seed[2];
    int r;

    CHECK(listen);
    rt_random_bytes(seed, sizeof seed);
    listen_gate_init(&listen->gate, seed);
    listen_reconfigure(listen, config, services->relay_networks);
    // also on failure: ports that are open already hold on to it
    *out = listen;
    r = open_all(rt, config, services, listen, why);
    return r < 0 ? r : open_sendmail(rt, services, why);
}

void listen_reconfigure(struct listen *listen, const struct listen_config *config,
                        const struct setting_list *relay_networks)
{
    static const struct setting_list none = {0};

    listen_gate_set(&listen->gate, &(struct listen_gate_limits){
                                       .peer_max = config->peer_max,
                                       .peer_rate = config->peer_rate,
                                       .exempt = &config->peer_exempt,
                                       .proxies = &config->proxy_networks,
                                       .relays = relay_networks ? relay_networks : &none,
                                   });
}

void listen_free(struct listen *listen)
{
    if (!listen)
        return;
    listen_gate_done(&listen->gate);
    free(listen);
}
