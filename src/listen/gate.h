// SPDX-License-Identifier: ISC
//
// How many connections each peer has. One IPv4 address is one peer; so is one /64 of IPv6, which is
// what one customer gets. Any thread.
#pragma once

#include "base/map.h"
#include "base/setting.h"

#include <pthread.h>

struct listen_gate {
    pthread_mutex_t lock;
    struct map counts; // peer -> number, as a pointer
    uint64_t peer_max;
    struct setting_list exempt;  // our copies
    struct setting_list proxies; // networks
};

void listen_gate_init(struct listen_gate *gate, const uint64_t seed[2]);
void listen_gate_done(struct listen_gate *gate);
/// Texts are copied.
void listen_gate_set(struct listen_gate *gate, uint64_t peer_max, const struct setting_list *exempt,
                     const struct setting_list *proxies);
/// Does this peer have to say, by the PROXY protocol, for whom it comes? Such peers are not
/// limited: whom they bring is.
bool listen_gate_is_proxy(struct listen_gate *gate, struct str peer);
/// Counts one more; false, and not counted, when the peer has its maximum.
bool listen_gate_enter(struct listen_gate *gate, struct str peer);
/// For each enter that was true.
void listen_gate_leave(struct listen_gate *gate, struct str peer);
/// How many the peer has now.
uint64_t listen_gate_count(struct listen_gate *gate, struct str peer);
