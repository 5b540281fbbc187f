// SPDX-License-Identifier: ISC
#include "listen/gate.h"

#include "base/check.h"
#include "route/network.h"
#include "receive/rate.h"

#include <arpa/inet.h>

enum {
    KEY_MAX = 64,
    RATE_PEERS_MAX = 16384,
    // The unit of a rate is a tenth of a second here, so that its window has whole slots.
    MINUTE = 600,
    TENTH_US = 100000,
};

/// The peer as it is counted: an address, or the first eight bytes of one of IPv6.
static struct str key_of(struct str peer, char to[KEY_MAX])
{
    char text[KEY_MAX];
    struct in6_addr ip6;

    if (peer.len >= sizeof text)
        return str_head(peer, KEY_MAX);
    memcpy(text, peer.ptr ? peer.ptr : "", peer.len);
    text[peer.len] = 0;
    if (str_find(peer, ':') < 0 || inet_pton(AF_INET6, text, &ip6) != 1)
        return peer;
    to[0] = '6';
    memcpy(to + 1, ip6.s6_addr, 8);
    return str_of(to, 9);
}

void listen_gate_init(struct listen_gate *gate, const uint64_t seed[2])
{
    *gate = (struct listen_gate){.peer_max = UINT64_MAX};
    CHECK(pthread_mutex_init(&gate->lock, NULL) == 0);
    map_init(&gate->counts, seed);
    gate->made = rate_new(RATE_PEERS_MAX, MINUTE, seed);
}

static void free_list(struct setting_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((char *)(uintptr_t)list->items[i].ptr);
    free(list->items);
    *list = (struct setting_list){0};
}

/// "unix" is a peer of its own, which no network has.
static bool is_proxy(const struct listen_gate *gate, struct str peer)
{
    return network_list_has(&gate->proxies, peer);
}

bool listen_gate_is_proxy(struct listen_gate *gate, struct str peer)
{
    bool is;

    pthread_mutex_lock(&gate->lock);
    is = gate->proxies.count > 0 && is_proxy(gate, peer);
    pthread_mutex_unlock(&gate->lock);
    return is;
}

void listen_gate_done(struct listen_gate *gate)
{
    map_done(&gate->counts);
    rate_free(gate->made);
    free_list(&gate->relays);
    free_list(&gate->exempt);
    free_list(&gate->proxies);
    pthread_mutex_destroy(&gate->lock);
}

static struct setting_list copy_of(const struct setting_list *list)
{
    struct setting_list copy = {calloc(list->count + 1, sizeof *copy.items), list->count};

    CHECK(copy.items);
    for (size_t i = 0; i < list->count; i++) {
        char *text = malloc(list->items[i].len + 1);

        CHECK(text);
        if (list->items[i].len > 0)
            memcpy(text, list->items[i].ptr, list->items[i].len);
        copy.items[i] = str_of(text, list->items[i].len);
    }
    return copy;
}

void listen_gate_set(struct listen_gate *gate, const struct listen_gate_limits *limits)
{
    struct setting_list copy = copy_of(limits->exempt), proxies_copy = copy_of(limits->proxies);
    struct setting_list relays_copy = copy_of(limits->relays);

    pthread_mutex_lock(&gate->lock);
    free_list(&gate->exempt);
    free_list(&gate->proxies);
    free_list(&gate->relays);
    gate->exempt = copy;
    gate->proxies = proxies_copy;
    gate->relays = relays_copy;
    gate->peer_max = limits->peer_max;
    gate->peer_rate = limits->peer_rate;
    pthread_mutex_unlock(&gate->lock);
}

static bool is_exempt(const struct listen_gate *gate, struct str peer)
{
    for (size_t i = 0; i < gate->exempt.count; i++) {
        if (str_case_eq(gate->exempt.items[i], peer))
            return true;
    }
    return is_proxy(gate, peer);
}

/// A unix socket's peer, "unix", is of this host as well.
static bool is_here(struct str peer)
{
    return str_find(peer, '.') < 0 && str_find(peer, ':') < 0
               ? true
               : str_starts(peer, STR("127.")) || str_eq(peer, STR("::1")) ||
                     str_case_starts(peer, STR("::ffff:127."));
}

bool listen_gate_is_too_fast(struct listen_gate *gate, struct str peer, int64_t now_us)
{
    char room[KEY_MAX];
    struct str key = key_of(peer, room);
    int64_t now = now_us / TENTH_US;
    bool is_limited, is;

    pthread_mutex_lock(&gate->lock);
    is_limited = gate->peer_rate > 0 && !is_here(peer) && !is_exempt(gate, peer) &&
                 !network_list_has(&gate->relays, peer);
    is = is_limited && rate_sum(gate->made, key, now) >= gate->peer_rate;
    if (is_limited && !is)
        rate_add(gate->made, key, 1, now);
    pthread_mutex_unlock(&gate->lock);
    return is;
}

bool listen_gate_enter(struct listen_gate *gate, struct str peer)
{
    char room[KEY_MAX];
    struct str key = key_of(peer, room);
    uintptr_t count;
    bool may;

    pthread_mutex_lock(&gate->lock);
    count = (uintptr_t)map_get(&gate->counts, key);
    may = count < gate->peer_max || is_exempt(gate, peer);
    if (may)
        map_put(&gate->counts, key, (void *)(count + 1));
    pthread_mutex_unlock(&gate->lock);
    return may;
}

void listen_gate_leave(struct listen_gate *gate, struct str peer)
{
    char room[KEY_MAX];
    struct str key = key_of(peer, room);
    uintptr_t count;

    pthread_mutex_lock(&gate->lock);
    count = (uintptr_t)map_get(&gate->counts, key);
    CHECK(count > 0);
    if (count == 1)
        map_take(&gate->counts, key);
    else
        map_put(&gate->counts, key, (void *)(count - 1));
    pthread_mutex_unlock(&gate->lock);
}

uint64_t listen_gate_count(struct listen_gate *gate, struct str peer)
{
    char room[KEY_MAX];
    uint64_t count;

    pthread_mutex_lock(&gate->lock);
    count = (uintptr_t)map_get(&gate->counts, key_of(peer, room));
    pthread_mutex_unlock(&gate->lock);
    return count;
}
