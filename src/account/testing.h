// SPDX-License-Identifier: ISC
//
// A small world for tests: loops, a store in memory, a directory, and a task inside of them. What
// must hold inside a task is checked by CHECK: a failed assertion of cmocka would jump from one
// stack to another.
#pragma once

#include "base/check.h"
#include "log/log.h"
#include "rt/rt.h"
#include "account/account.h"

struct world {
    struct rt *rt;
    struct store *store;
    struct account_config config;
    struct accounts *accounts;
    struct accounts *second; // a test may open another one over the same store
    void (*body)(struct world *w);
    unsigned loops; // 0: 1
};

/// What no test waits for: cheap passwords, no delays.
static inline struct account_config world_config(void)
{
    return (struct account_config){
        .subaddress = STR("+"),
        .postmaster = STR(""),
        .password_cost = STR("minimal"),
        .scram_iterations = 4096,
        .password_threads = 2,
        .password_queue = 16,
        .password_cache = 64,
        .login_failures_max = 5,
        .login_delay_max = 0,
        .expansion_max = 1000,
    };
}

static inline void world_silence(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

static inline int world_first(void *arg)
{
    struct world *w = arg;

    CHECK(store_memory_open(w->rt, &w->store) == 0);
    CHECK(account_open(w->store, &w->config, &w->accounts) == 0);
    w->body(w);
    store_close(w->store);
    rt_stop(w->rt);
    return 0;
}

static inline void world_run(struct world *w, void (*body)(struct world *w))
{
    struct rt_config config = {.loops = w->loops ? w->loops : 1};

    log_set_sink(world_silence, NULL);
    if (!w->config.password_cost.ptr)
        w->config = world_config();
    w->body = body;
    CHECK(rt_new(&config, &w->rt) == 0);
    CHECK(rt_run(w->rt, world_first, w) == 0);
    account_close(w->accounts);
    account_close(w->second);
    rt_free(w->rt);
}

/// Our own words for the commonest steps; each must succeed.
static inline void world_domain(struct world *w, const char *name, const char *catch_all)
{
    struct account_domain domain = {.name = str_from(name), .catch_all = str_from(catch_all)};
    struct buf why;

    buf_init(&why, 1024);
    CHECK(account_domain_add(w->accounts, &domain, &why) == 0);
    buf_done(&why);
}

static inline uint64_t world_account(struct world *w, const char *address, const char *password)
{
    struct account_change change = {.what = ACCOUNT_SET_NAME | ACCOUNT_SET_PASSWORD,
                                    .name = STR("Ana Lima"),
                                    .password = str_from(password)};
    struct buf why;
    uint64_t id = 0;

    if (!password)
        change.what = ACCOUNT_SET_NAME;
    buf_init(&why, 1024);
    CHECK(account_add(w->accounts, str_from(address), &change, &id, &why) == 0);
    buf_done(&why);
    return id;
}

/// `targets` apart by ','; a list when `owner` is not NULL.
static inline void world_alias(struct world *w, const char *address, const char *targets,
                               const char *owner)
{
    struct str items[64], rest = str_from(targets);
    struct account_alias alias = {.address = str_from(address),
                                  .targets = items,
                                  .is_list = owner != NULL,
                                  .owner = str_from(owner),
                                  .name = STR("Crew")};
    struct buf why;

    while (rest.len > 0 && str_split(&rest, ',', &items[alias.target_count]))
        alias.target_count++;
    buf_init(&why, 1024);
    CHECK(account_alias_add(w->accounts, &alias, &why) == 0);
    buf_done(&why);
}
