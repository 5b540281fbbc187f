// SPDX-License-Identifier: ISC
//
// How many connections each peer has, and how many it made within a minute. One IPv4 address is one
// peer; so is one /64 of IPv6, which is what one customer gets. Any thread.
#pragma once

#include "base/map.h"
#include "base/setting.h"

#include <pthread.h>

struct rate; // receive/rate.h

struct listen_gate {
    pthread_mutex_t lock;
    struct map counts; // peer -> number, as a pointer
    uint64_t peer_max, peer_rate;
    struct rate *made;           // connections of the last minute
    struct setting_list exempt;  // our copies
    struct setting_list proxies; // networks
    struct setting_list relays;  // networks
};

void listen_gate_init(struct listen_gate *gate, const uint64_t seed[2]);
void listen_gate_done(struct listen_gate *gate);
struct listen_gate_limits {
    uint64_t peer_max;                  // at once
    uint64_t peer_rate;                 // new ones in a minute; 0: any number
    const struct setting_list *exempt;  // addresses without limits
    const struct setting_list *proxies; // networks, see below
    const struct setting_list *relays;  // networks that may connect as often as they like
};
/// Texts are copied.
void listen_gate_set(struct listen_gate *gate, const struct listen_gate_limits *limits);
/// One more connection of the peer: has it made too many within the last minute? Then it does not
/// count. This host, proxies and relays never have.
bool listen_gate_is_too_fast(struct listen_gate *gate, struct str peer, int64_t now_us);
/// Does this peer have to say, by the PROXY protocol, for whom it comes? Such peers are not
/// limited: whom they bring is.
bool listen_gate_is_proxy(struct listen_gate *gate, struct str peer);
/// Counts one more; false, and not counted, when the peer has its maximum.
bool listen_gate_enter(struct listen_gate *gate, struct str peer);
/// For each enter that was true.
void listen_gate_leave(struct listen_gate *gate, struct str peer);
/// How many the peer has now.
uint64_t listen_gate_count(struct listen_gate *gate, struct str peer);
