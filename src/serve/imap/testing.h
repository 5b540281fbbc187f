// SPDX-License-Identifier: ISC
//
// For tests of this room: an IMAP server on the loopback with its store in memory and one account,
// ana@example.test, whose password is "tres tigres". The runtime is the test's choice.
#pragma once

#include "base/check.h"
#include "base/cleanup.h"
#include "access/access.h"
#include "serve/imap/imap.h"

struct imap_world {
    struct rt *rt; // rt_new or rt_sim_new, by the test
    struct store *store;
    struct account_config account_config;
    struct accounts *accounts;
    struct access *access;
    struct imap_config config;
    struct imap *imap;
    uint16_t port;
    uint64_t account_id;
};

static inline void imap_world_init(struct imap_world *w)
{
    *w = (struct imap_world){0};
    w->account_config = (struct account_config){
        .subaddress = STR("+"),
        .postmaster = STR(""),
        .password_cost = STR("minimal"),
        .scram_iterations = 4096,
        .password_threads = 1,
        .password_queue = 16,
        .password_cache = 100,
        .login_failures_max = 100,
        .plaintext_login = true,
        .expansion_max = 100,
    };
    w->config = (struct imap_config){
        .idle = 1860000,
        .login_idle = 90000,
        .stall = 60000,
        .message_size = 1 << 20,
        .literal_size = 65536,
        .login_failures = 3,
        .bad_commands = 5,
        .progress = 10000,
    };
}

/// [await] The server, from now on at w->port.
static inline void imap_world_open(struct imap_world *w)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct account_domain domain = {.name = STR("example.test"), .catch_all = STR("")};
    struct account_change change = {.what = ACCOUNT_SET_PASSWORD, .password = STR("tres tigres")};
    struct imap_doors doors = {.rt = w->rt, .config = &w->config};
    struct rt_listen listen = {.address = "127.0.0.1", .protocol = &imap_protocol};

    CHECK(store_memory_open(w->rt, &w->store) == 0);
    CHECK(account_open(w->store, &w->account_config, &w->accounts) == 0);
    CHECK(account_domain_add(w->accounts, &domain, &why) == 0);
    CHECK(account_add(w->accounts, STR("ana@example.test"), &change, &w->account_id, &why) == 0);
    doors.store = w->store;
    doors.accounts = w->accounts;
    CHECK(access_open(w->store, w->accounts, &w->access) == 0);
    doors.access = w->access;
    CHECK(imap_new(&doors, &w->imap) == 0);
    listen.context = w->imap;
    CHECK(rt_listen(w->rt, &listen, &w->port) == 0);
}

/// After rt_run; the runtime goes as well.
static inline void imap_world_done(struct imap_world *w)
{
    imap_free(w->imap);
    access_close(w->access);
    account_close(w->accounts);
    store_close(w->store);
    rt_free(w->rt);
}
