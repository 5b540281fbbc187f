// SPDX-License-Identifier: ISC
#include "app/way.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/host.h"
#include "listen/listen.h"

#include "app/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { WAY_ARENA_MAX = 1 << 20, ADDRESSES_MAX = 256 };

// clang-format off
static const struct setting items[] = {
    SETTING(struct resolver_config, forward, SETTING_LIST, "", 0, 0,
        "Resolvers to ask, such as 192.0.2.1 or 192.0.2.1@5353. Empty: answers are found from the root of DNS on, which "
        "needs nobody's help. Answers are validated here (DNSSEC) in any case."),
    SETTING(struct resolver_config, root, SETTING_TEXT, "", 0, 0,
        "Another root than the Internet's, such as 127.0.0.1@5300. For laboratories."),
    SETTING(struct resolver_config, trust_anchor, SETTING_TEXT, "", 0, 0,
        "The file with the keys of the root (DNSKEY or DS lines). Empty: the one the system keeps; none: nothing is ever secure."),
    SETTING(struct resolver_config, timeout, SETTING_DURATION, "20s", 100, 120000,
        "How long one question may take."),
};
// clang-format on

const struct settings resolver_settings = {
    .title = "resolver",
    .help = "How names are looked up. A change takes effect after a restart.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct resolver_config),
};

/// "192.0.2.1" or "192.0.2.1@5353"
static bool is_name_server(struct str text)
{
    struct str address;
    unsigned char binary[16];
    char terminated[INET6_ADDRSTRLEN];
    uint64_t port = 1;

    if (!str_split(&text, '@', &address) || address.len >= sizeof(terminated) ||
        (text.ptr && !str_to_u64(text, UINT16_MAX, &port)) || port == 0)
        return false;
    memcpy(terminated, address.ptr, address.len);
    terminated[address.len] = '\0';
    return inet_pton(AF_INET, terminated, binary) == 1 ||
           inet_pton(AF_INET6, terminated, binary) == 1;
}

bool resolver_config_is_valid(const struct resolver_config *config, struct buf *why)
{
    for (size_t i = 0; i < config->forward.count; i++) {
        if (is_name_server(config->forward.items[i]))
            continue;
        buf_putf(why,
                 "forward: %.*s is no address of a name server; write 192.0.2.1 or "
                 "192.0.2.1@5353",
                 STR_ARG(config->forward.items[i]));
        return false;
    }
    if (config->root.len == 0 || is_name_server(config->root))
        return true;
    buf_putf(why, "root: %.*s is no address of a name server; write 127.0.0.1 or 127.0.0.1@5300",
             STR_ARG(config->root));
    return false;
}

/// "none" stays a word of ours; everything else is a file. NULL: the system's.
static int anchor_of(const struct app_config *config, const struct resolver_config *settings,
                     struct arena *arena, const char **out)
{
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};
    int r;

    *out = NULL;
    if (settings->trust_anchor.len == 0)
        return 0;
    if (str_eq(settings->trust_anchor, STR("none"))) {
        *out = "";
        return 0;
    }
    r = site_path(config, settings->trust_anchor, &path);
    if (r == 0)
        *out = arena_str(arena, buf_str(&path)).ptr;
    return r;
}

static int open_resolver(const struct site *site, struct way *way, struct buf *why)
{
    const struct resolver_config *settings =
        APP_CONFIG(site->config, resolver_config, resolver_settings);
    const char **forward = ARENA_ARRAY(&way->arena, const char *, settings->forward.count + 1);
    struct rt_resolver_config config = {
        .forward = forward,
        .forward_count = settings->forward.count,
        .timeout_ms = (uint32_t)settings->timeout,
    };
    int r = resolver_config_is_valid(settings, why) ? 0 : -EINVAL;

    if (r == 0)
        r = anchor_of(site->config, settings, &way->arena, &config.trust_anchor);
    if (r < 0)
        return r;
    for (size_t i = 0; i < settings->forward.count; i++)
        forward[i] = arena_str(&way->arena, settings->forward.items[i]).ptr;
    if (settings->root.len)
        config.root = arena_str(&way->arena, settings->root).ptr;
    return rt_resolver_new(site->rt, &config, &way->resolver, why);
}

struct collecting {
    struct way *way;
    struct str *items;
    size_t count;
};

static void add_address(void *arg, const char *ip)
{
    struct collecting *c = arg;

    if (c->count < ADDRESSES_MAX)
        c->items[c->count++] = arena_str(&c->way->arena, str_from(ip));
}

/// Where other servers reach us on the port they use. Elsewhere a host at one of our addresses is
/// another server.
static void find_own_addresses(const struct site *site, struct way *way)
{
    const struct listen_config *listen = APP_CONFIG(site->config, listen_config, listen_settings);
    struct collecting c = {way, ARENA_ARRAY(&way->arena, struct str, ADDRESSES_MAX), 0};

    if (listen->smtp != way->route.config->smtp_port)
        return;
    for (size_t i = 0; i < listen->addresses.count; i++) {
        struct str address = listen->addresses.items[i];

        if (str_eq(address, STR("0.0.0.0")) || str_eq(address, STR("::")))
            os_addresses_each(add_address, &c);
        else
            add_address(&c, arena_str(&way->arena, address).ptr);
    }
    way->route.own_addresses = c.items;
    way->route.own_address_count = c.count;
}

int way_open(const struct site *site, struct way *out, struct buf *why)
{
    CLEANUP(buf_drop) struct buf host = {.max = 256};
    int r;

    *out = (struct way){0};
    arena_init(&out->arena, WAY_ARENA_MAX);
    site_hostname(site->settings, &host);
    out->route = (struct route){
        .accounts = site->accounts,
        .config = APP_CONFIG(site->config, route_config, route_settings),
        .store = site->store,
        .host_name = arena_str(&out->arena, buf_str(&host)),
    };
    buf_putf(why, "%s: section route: ", app_config_path(site->config));
    if (!route_config_is_valid(out->route.config, why))
        return -EINVAL;
    buf_clear(why);
    find_own_addresses(site, out);
    r = open_resolver(site, out, why);
    out->route.resolver = out->resolver;
    if (r == 0)
        r = route_state_new(site->rt, &out->state);
    out->route.state = out->state;
    return r;
}

const struct route *way_of(struct site *site, struct buf *why)
{
    if (site->server)
        return server_route(site->server);
    if (!site->way) {
        site->way = calloc(1, sizeof *site->way);
        CHECK(site->way);
        if (way_open(site, site->way, why) < 0)
            return NULL;
    }
    return site->way->resolver ? &site->way->route : NULL;
}

void way_close(struct way *way)
{
    if (!way)
        return;
    route_state_free(way->state);
    way->state = NULL;
    rt_resolver_free(way->resolver);
    way->resolver = NULL;
    arena_done(&way->arena);
}
