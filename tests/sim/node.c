// SPDX-License-Identifier: ISC
#include "node.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "rt/sim/disk.h"
#include "rt/sim/sim.h"
#include "queue/secret.h"
#include "app/config.h"

#include <errno.h>
#include <stdio.h>

// ---- settings

static void defaults(struct node_settings *s, const struct settings *room, void *config)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};

    memset(config, 0, room->size);
    for (size_t i = 0; i < room->count; i++)
        CHECK(app_config_set(config, &room->items[i], str_from(room->items[i].fallback), &s->arena,
                             &why));
}

void node_settings_init(struct node_settings *s)
{
    static struct str networks[] = {STR("198.51.100.0/24")}; // the clients'

    *s = (struct node_settings){0};
    arena_init(&s->arena, 4 << 20);
    defaults(s, &account_settings, &s->account);
    defaults(s, &route_settings, &s->route);
    defaults(s, &deliver_settings, &s->deliver);
    defaults(s, &queue_settings, &s->queue);
    defaults(s, &send_settings, &s->send);
    defaults(s, &receive_settings, &s->receive);
    s->account.password_cost = STR("minimal");
    s->account.scram_iterations = 4096;
    s->route.relay_networks = (struct setting_list){networks, 1};
    s->route.sts = false;
    s->queue.retry_first = 60 * 1000;
    s->queue.retry_max = 3600 * 1000;
    s->queue.lifetime = s->queue.bounce_lifetime = 36 * 3600 * 1000;
    s->queue.delay_warning = 4 * 3600 * 1000;
}

void node_settings_done(struct node_settings *s)
{
    arena_done(&s->arena);
}

// ---- starting

void node_init(struct node *n, struct rt *rt, const struct node_settings *settings,
               struct rt_resolver *resolver, unsigned number, unsigned count)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct rt_tls_client_config tls = {.verify = false};

    *n = (struct node){.rt = rt,
                       .settings = settings,
                       .resolver = resolver,
                       .number = number,
                       .count = count,
                       .queue_config = settings->queue};
    snprintf(n->domain, sizeof n->domain, "d%u.test", number);
    snprintf(n->host, sizeof n->host, "mx.d%u.test", number);
    snprintf(n->address, sizeof n->address, "192.0.2.%u", number);
    n->queue_config.source = str_from(n->address);
    buf_init(&n->secret, 256);
    CHECK(rt_tls_client_new(&tls, &n->tls_client, &why) == 0);
}

void node_give_disk(struct node *n)
{
    CHECK(!n->store && rt_sim_disk_new(&n->disk) == 0);
}

static void add_alias(struct node *n, const char *local, struct str *targets, size_t count,
                      bool is_list)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096}, address = {.max = 128}, owner = {.max = 128};
    struct account_alias alias = {.targets = targets, .target_count = count, .is_list = is_list};

    buf_putf(&address, "%s@%s", local, n->domain);
    buf_putf(&owner, "u0@%s", n->domain);
    alias.address = buf_str(&address);
    alias.owner = is_list ? buf_str(&owner) : STR("");
    alias.name = STR("");
    CHECK(account_alias_add(n->accounts, &alias, &why) == 0);
}

static void add_people(struct node *n)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct account_domain domain = {.name = str_from(n->domain), .catch_all = STR("")};
    struct account_change change = {.what = 0, .quota_messages = NODE_SMALL_MESSAGES};
    char all[16][40], next[40];
    struct str targets[16];
    uint64_t id;

    CHECK(account_domain_add(n->accounts, &domain, &why) == 0);
    for (unsigned i = 0; i < NODE_USERS; i++) {
        snprintf(next, sizeof next, "u%u@%s", i, n->domain);
        change.what = i == 3 ? ACCOUNT_SET_QUOTA : 0;
        CHECK(account_add(n->accounts, str_from(next), &change, &id, &why) == 0);
    }
    snprintf(next, sizeof next, "u0@d%u.test", n->number % n->count + 1);
    targets[0] = str_from(next);
    add_alias(n, "fwd", targets, 1, false);
    for (unsigned i = 0; i < n->count; i++) {
        snprintf(all[i], sizeof all[i], "u1@d%u.test", i + 1);
        targets[i] = str_from(all[i]);
    }
    add_alias(n, "all", targets, n->count, true);
}

static void listen_at(struct node *n)
{
    struct receive_doors doors = {.config = &n->settings->receive,
                                  .host_name = str_from(n->host),
                                  .accounts = n->accounts,
                                  .route = &n->route,
                                  .queue = &n->queue};
    struct rt_listen what = {.address = n->address, .port = 25, .protocol = &receive_smtp};

    CHECK(receive_new(&doors, &n->receive) == 0);
    what.context = receive_context(n->receive, RECEIVE_MX);
    CHECK(rt_listen(n->rt, &what, NULL) == 0);
}

static void open_store(struct node *n)
{
    struct store_local_config config = {
        .disk = n->disk, .free_bytes_min = 1 << 20, .segment_bytes = 1 << 20};

    if (n->disk) {
        CHECK(store_local_open(n->rt, &config, &n->store) == 0);
    } else if (!n->store) {
        CHECK(store_memory_open(n->rt, &n->store) == 0);
        store_memory_slow(n->store);
    }
}

static int boot(void *arg)
{
    struct node *n = arg;
    bool is_new = !n->has_people;
    unsigned before = rt_sim_node_begin(n->rt, n->number);

    open_store(n);
    CHECK(account_open(n->store, &n->settings->account, &n->accounts) == 0);
    if (is_new)
        add_people(n);
    n->has_people = true;
    buf_clear(&n->secret);
    CHECK(queue_secret_load(n->store, &n->secret) == 0);
    n->route = (struct route){.accounts = n->accounts,
                              .config = &n->settings->route,
                              .resolver = n->resolver,
                              .store = n->store,
                              .host_name = str_from(n->host),
                              .secret = buf_str(&n->secret)};
    n->queue = (struct queue){.store = n->store,
                              .route = &n->route,
                              .deliver = &n->settings->deliver,
                              .config = &n->queue_config,
                              .send = &n->settings->send,
                              .tls_client = n->tls_client,
                              .host_name = str_from(n->host)};
    CHECK(queue_start(&n->queue) == 0);
    listen_at(n);
    n->is_up = true;
    rt_sim_node_end(n->rt, before);
    return 0;
}

void node_start(struct node *n)
{
    struct rt_task *task;

    CHECK(!n->is_up && rt_spawn(boot, n, "boot", &task) == 0);
    CHECK(rt_join(task) == 0);
}

// ---- ending

static int free_rooms(void *arg)
{
    struct node *n = arg;

    receive_free(TAKE(n->receive));
    account_close(TAKE(n->accounts));
    return 0;
}

/// Somewhere in what it does to its disk next.
static void cut_power(struct node *n)
{
    rt_sim_disk_cut_at(n->disk, rt_sim_disk_steps(n->disk) + 1 + rt_random() % 20);
    for (int i = 0; i < 1000 && !rt_sim_disk_is_cut(n->disk); i++)
        rt_sleep(1);
    if (!rt_sim_disk_is_cut(n->disk))
        rt_sim_disk_cut_at(n->disk, rt_sim_disk_steps(n->disk) + 1);
}

/// What was not synced is there, or not, or torn.
static void find_disk(struct node *n)
{
    struct rt_disk *image;

    store_close(TAKE(n->store));
    CHECK(rt_sim_disk_crash(n->disk, RT_SIM_CRASH_RANDOM, rt_random(), &image) == 0);
    rt_disk_close(n->disk);
    n->disk = image;
}

static void find_memory(struct node *n)
{
    struct store *kept;

    CHECK(store_memory_reopen(n->store, &kept) == 0);
    store_close(n->store);
    store_memory_slow(kept);
    n->store = kept;
}

void node_crash(struct node *n)
{
    CHECK(n->is_up);
    n->is_up = false;
    n->crashes++;
    rt_sim_note(n->rt, "crash", n->number);
    if (n->disk)
        cut_power(n);
    else
        store_memory_crash(n->store);
    rt_sim_node_kill(n->rt, n->number);
    queue_stop(&n->queue, 0);
    rt_call_aside(free_rooms, n);
    if (n->disk)
        find_disk(n);
    else
        find_memory(n);
}

void node_stop(struct node *n)
{
    CHECK(n->is_up);
    n->is_up = false;
    queue_stop(&n->queue, 1000);
    rt_sim_node_kill(n->rt, n->number); // its sessions
    rt_call_aside(free_rooms, n);
    store_close(TAKE(n->store));
}

void node_done(struct node *n)
{
    rt_tls_client_free(n->tls_client);
    buf_done(&n->secret);
    if (n->disk)
        rt_disk_close(n->disk);
}

// ---- trouble with the disk

void node_fill_disk(struct node *n, bool is_full)
{
    rt_sim_disk_set_capacity(n->disk, is_full ? 1 : UINT64_MAX);
}

void node_fail_disk(struct node *n)
{
    rt_sim_disk_fail_at(n->disk, rt_sim_disk_steps(n->disk) + 1 + rt_random() % 50, -EIO);
}

uint64_t node_queued(struct node *n)
{
    uint64_t all, held;

    store_queue_count(n->store, &all, &held);
    return all;
}
