// SPDX-License-Identifier: ISC
//
// What stands behind a dialog: a runtime, a store in memory, the accounts of example.test and a
// certificate made for this moment. Settings have their defaults until a dialog sets them.
#pragma once

#include "base/arena.h"
#include "rt/tls.h"
#include "store/store.h"
#include "account/account.h"
#include "queue/queue.h"

#include <limits.h>

#define WORLD_PASSWORD "tres tristes tigres"

struct world {
    struct rt *rt;
    bool is_bytewise;   // set before world_run: simulated, every byte travels alone
    struct arena arena; // of the settings' texts
    struct account_config account;
    struct route_config route_config;
    struct deliver_config deliver;
    struct store *store;
    struct accounts *accounts;
    struct route route;
    struct queue queue;
    struct rt_tls *tls;
    struct rt_tls_client *tls_client; // trusts that certificate
    char directory[64], cert[PATH_MAX], key[PATH_MAX];
};

/// Defaults, certificate. Outside of tasks.
void world_init(struct world *w);
void world_done(struct world *w);
/// A room's struct gets the defaults of its table.
void world_defaults(struct world *w, const struct settings *room, void *config);
/// "name = value" for that room. False with a sentence in *why.
bool world_set(struct world *w, const struct settings *room, void *config, struct str name,
               struct str value, struct buf *why);
/// Runs fn(arg) as the first task of a new runtime with one loop, real or simulated; world_open is
/// fn's to call. Closes what that opened.
int world_run(struct world *w, int (*fn)(void *arg), void *arg);
/// [await] Store, accounts, route and queue, with the people of example.test.
void world_open(struct world *w);

/// [await] The dialogs' `inbox` and `mail`. False: not one of these words; else *why stays empty
/// when it holds.
bool world_check(struct world *w, struct str word, struct str rest, struct buf *why);
