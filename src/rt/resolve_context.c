// SPDX-License-Identifier: ISC
//
// libunbound's settings: whom to ask, what to trust, how much to keep.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/resolve_unbound.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_PORT = 53 };

/// What the library takes by default is meant for one question at a time.
static const struct {
    const char *name, *value;
} options[] = {
    {"outgoing-range:", "256"},          // questions to name servers at once
    {"outgoing-num-tcp:", "16"},         //
    {"num-queries-per-thread:", "2048"}, // ours, and those that follow from them
    {"msg-cache-size:", "8m"},           //
    {"rrset-cache-size:", "16m"},        //
    {"key-cache-size:", "4m"},           //
    {"infra-cache-numhosts:", "10000"},  //
    {"infra-host-ttl:", "300"},          // a server that was down is asked again after that
    {"cache-max-negative-ttl:", "300"},  // a domain that was mended need not wait long
    {"qname-minimisation:", "yes"},      // RFC 9156
    {"harden-below-nxdomain:", "yes"},   // RFC 8020
    {"rrset-roundrobin:", "no"},         // in the order they came; who wants another, shuffles
    {"val-log-level:", "2"},             // why_bogus in words
};

static int set(struct ub_ctx *context, const char *name, const char *value, struct buf *why)
{
    int r = ub_ctx_set_option(context, name, value);

    if (r == 0)
        return 0;
    buf_putf(why, "libunbound refuses %s %s: %s", name, value, ub_strerror(r));
    return -EINVAL;
}

// ---- what this host can reach

/// Is there a route to such addresses? Sends nothing.
static bool has_route(int family, const char *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {.any.sa_family = (sa_family_t)family};
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has;

    if (fd < 0)
        return false;
    if (family == AF_INET6) {
        to.v6.sin6_port = htons(DNS_PORT);
        inet_pton(family, address, &to.v6.sin6_addr);
    } else {
        to.v4.sin_port = htons(DNS_PORT);
        inet_pton(family, address, &to.v4.sin_addr);
    }
    has = connect(fd, &to.any, family == AF_INET6 ? sizeof(to.v6) : sizeof(to.v4)) == 0;
    close(fd);
    return has;
}

/// The addresses are those of a root server; any of the great wide world would do.
static int set_families(struct ub_ctx *context, struct buf *why)
{
    bool has_v4 = has_route(AF_INET, "199.7.83.42"),
         has_v6 = has_route(AF_INET6, "2001:500:9f::42");

    if (has_v4 && !has_v6)
        return set(context, "do-ip6:", "no", why);
    if (has_v6 && !has_v4)
        return set(context, "do-ip4:", "no", why);
    return 0;
}

// ---- whom to ask

static int add_server(struct ub_ctx *context, const char *address, struct buf *why)
{
    int r = ub_ctx_set_fwd(context, address);

    if (r == 0)
        return 0;
    buf_putf(why, "%s is no address of a name server; write 192.0.2.1 or 192.0.2.1@5353", address);
    return -EINVAL;
}

/// With a port of its own, one server has the whole tree: what it refers to would be looked for at
/// port 53. Without one it is the root of a tree.
static int set_root(struct ub_ctx *context, const char *address, struct buf *why)
{
    int r;

    if (strchr(address, '@'))
        return add_server(context, address, why);
    r = ub_ctx_set_stub(context, ".", address, 1);
    if (r == 0)
        return 0;
    buf_putf(why, "%s is no address of a root server; write 127.0.0.1 or 127.0.0.1@5300", address);
    return -EINVAL;
}

static int set_servers(struct ub_ctx *context, const struct rt_resolver_config *config,
                       struct buf *why)
{
    int r = 0;

    if (!config->root && config->forward_count == 0)
        return set_families(context, why);
    r = set(context, "do-not-query-localhost:", "no", why);
    for (size_t i = 0; r == 0 && i < config->forward_count; i++)
        r = add_server(context, config->forward[i], why);
    if (r == 0 && config->root)
        r = set_root(context, config->root, why);
    return r;
}

/// Names that RFC 6761 and 6303 keep for private use, which libunbound answers by itself: whoever
/// names a server of his own means that server.
static void give_up_private_names(struct ub_ctx *context)
{
    static const char *const names[] = {"test.", "127.in-addr.arpa.", "home.arpa."};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ub_ctx_zone_remove(context, names[i]);
}

// ---- what to trust

/// By opening it: a sandbox lets access() say yes to files it does not let us open.
static int try_to_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int add_anchors(struct ub_ctx *context, const char *path, struct buf *why)
{
    int r = try_to_read(path);

    if (r < 0) {
        buf_putf(why, "trust_anchor %s: %s; name a readable file of DNSKEY or DS records", path,
                 strerror(-r));
        return r;
    }
    return ub_ctx_add_ta_file(context, path) == 0 ? 0 : -EINVAL;
}

static int set_trust(struct ub_ctx *context, const char *path, struct buf *why)
{
    static const char *const known[] = {"/usr/share/dns/root.key", "/var/lib/unbound/root.key",
                                        "/etc/unbound/root.key", "/usr/share/dnssec-root/root.key"};

    if (path)
        return path[0] ? add_anchors(context, path, why) : 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (try_to_read(known[i]) == 0)
            return add_anchors(context, known[i], why);
    }
    log_event(LOG_WARN, "rt/resolve",
              "no file with the root's keys: no answer can be validated, so no DANE; install "
              "dns-root-data");
    return 0;
}

// ---- all of it

static int configure(struct ub_ctx *context, const struct rt_resolver_config *config,
                     struct buf *why)
{
    int r = ub_ctx_async(context, 1) == 0 ? 0 : -EINVAL;

    for (size_t i = 0; r == 0 && i < sizeof(options) / sizeof(options[0]); i++)
        r = set(context, options[i].name, options[i].value, why);
    if (r == 0)
        r = set_servers(context, config, why);
    if (r == 0 && (config->root || config->forward_count))
        r = set(context, "unblock-lan-zones:", "yes", why);
    if (r == 0)
        r = set_trust(context, config->trust_anchor, why);
    return r;
}

/// From here on the context takes no more settings; files are read now, by the library, which says
/// what is wrong with them only as it goes.
static int finish(struct ub_ctx *context, const struct rt_resolver_config *config, struct buf *why)
{
    CLEANUP(free_drop) char *said = NULL;
    size_t said_len = 0;
    FILE *sink = open_memstream(&said, &said_len);
    int r;

    CHECK(sink);
    ub_ctx_debugout(context, sink);
    r = ub_ctx_zone_remove(context, "no-such-zone.invalid.");
    if (r == 0 && (config->root || config->forward_count))
        give_up_private_names(context);
    ub_ctx_debugout(context, NULL);
    fclose(sink);
    if (r == 0)
        return 0;
    buf_putf(why, "the resolver cannot start: %s: %.*s", ub_strerror(r), (int)said_len, said);
    return -EINVAL;
}

int rt_unbound_context(const struct rt_resolver_config *config, struct ub_ctx **out,
                       struct buf *why)
{
    struct ub_ctx *context = ub_ctx_create();
    int r;

    if (!context) {
        buf_putf(why, "libunbound cannot start");
        return -ENOMEM;
    }
    r = configure(context, config, why);
    if (r == 0)
        r = finish(context, config, why);
    if (r < 0) {
        ub_ctx_delete(context);
        return r;
    }
    *out = context;
    return 0;
}
