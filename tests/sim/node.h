// SPDX-License-Identifier: ISC
//
// One mail server of a simulated world with several: a whole site (store, accounts, route, queue,
// receive on port 25) at an address and with a domain of its own, that can die at any step and come
// back with what its store has kept.
#pragma once

#include "rt/resolve.h"
#include "account/account.h"
#include "deliver/deliver.h"
#include "send/send.h"
#include "queue/queue.h"
#include "receive/receive.h"

/// u0, u1, u2, and u3, whose mailbox takes little; fwd leads to u0 of the next node, all is a list
/// of every u1.
enum { NODE_USERS = 4, NODE_SMALL_MESSAGES = 12 };

/// Settings of all nodes, made once.
struct node_settings {
    struct arena arena;
    struct account_config account;
    struct route_config route;
    struct deliver_config deliver;
    struct queue_config queue;
    struct send_config send;
    struct receive_config receive;
};
void node_settings_init(struct node_settings *s);
void node_settings_done(struct node_settings *s);

struct node {
    struct rt *rt;
    const struct node_settings *settings;
    struct rt_resolver *resolver; // borrowed
    struct rt_tls_client *tls_client;
    unsigned number, count; // 1 to count
    char domain[32], host[40], address[24];
    struct queue_config queue_config; // with its own source address
    struct rt_disk *disk;             // NULL: its store is in memory
    bool is_up;
    bool has_people; // it was started before
    unsigned crashes;
    // while it lives
    struct store *store; // what is in it survives
    struct accounts *accounts;
    struct route route;
    struct buf secret;
    struct queue queue;
    struct receive *receive;
};

/// No waiting.
void node_init(struct node *n, struct rt *rt, const struct node_settings *settings,
               struct rt_resolver *resolver, unsigned number, unsigned count);
/// Before its first start: it has a simulated disk, and store/local on it.
void node_give_disk(struct node *n);
/// [await] Starts it, for the first time or again.
void node_start(struct node *n);
/// [await] It dies at this very moment; with a disk, at one of the next steps of that. What is not
/// in its store is gone.
void node_crash(struct node *n);
/// [await] The end of the history: it is stopped as a server is.
void node_stop(struct node *n);
/// After rt_run.
void node_done(struct node *n);
/// Nothing fits on its disk any more; or everything again.
void node_fill_disk(struct node *n, bool is_full);
/// One of the next steps of its disk fails. It may keep nothing more until it is started again.
void node_fail_disk(struct node *n);
/// Entries in its queue.
uint64_t node_queued(struct node *n);
