// SPDX-License-Identifier: ISC
//
// The way out over several loops and real sockets: mails are handed in on all of them, lanes lie on
// all of them, an operator looks and holds meanwhile, and every recipient is served once.
#include "log/log.h"

#include "queue/far_testing.h"
#include "queue/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { LOOPS = 3, MAILS = 120, RCPTS = 3, LANES = 17, IDS_MAX = LOOPS * MAILS * RCPTS + 1000 };

struct world {
    struct rt *rt;
    struct store *store;
    struct queue queue;
    struct queue_config config;
    struct send_config send;
    struct far far;
    uint16_t port;
    _Atomic unsigned served[IDS_MAX];
    _Atomic unsigned done, loops_left;
};
static struct world *the_world;

static void fake_hosts(const struct route *route, struct str lane, enum route_care care,
                       struct arena *arena, struct route_hosts *out)
{
    struct route_host *host = ARENA_NEW(arena, struct route_host);

    (void)route;
    (void)care;
    host->name = arena_str(arena, lane);
    host->port = the_world->port;
    host->addresses[host->address_count++] = STR("127.0.0.1");
    *out = (struct route_hosts){.outcome = {.verdict = DONE}, .items = host, .count = 1, .ttl = 60};
}

static int fake_finish(struct queue *queue, const struct queue_result *results, size_t count,
                       size_t *out_gone)
{
    struct store_change *change;

    CHECK(store_change_new(queue->store, &change) == 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(results[i].outcome.verdict == DONE && results[i].entry->id < IDS_MAX);
        store_change_queue_remove(change, results[i].entry->id);
    }
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    for (size_t i = 0; i < count; i++)
        CHECK(atomic_fetch_add(&the_world->served[results[i].entry->id], 1) == 0);
    atomic_fetch_add(&the_world->done, count);
    *out_gone = 0;
    return 0;
}

static void hand_in(struct world *w, unsigned number)
{
    struct store_queue_put puts[RCPTS];
    struct buf values[RCPTS];
    char lane[32], recipient[RCPTS][48];
    struct queue_news *news = queue_news_open(&w->queue);
    struct store_change *change;
    struct store_body *body;

    CHECK(store_body_new(w->store, &body) == 0 && store_change_new(w->store, &change) == 0);
    CHECK(store_body_append(body, STR("Subject: x\r\n\r\ntext\r\n")) == 0);
    snprintf(lane, sizeof(lane), "d%u.test", number % LANES);
    for (unsigned i = 0; i < RCPTS; i++) {
        struct queue_entry e = {.sender = STR("a@near.test"), .arrived_s = rt_wall_s()};

        snprintf(recipient[i], sizeof(recipient[i]), "r%u@%s", i, lane);
        e.recipient = str_from(recipient[i]);
        buf_init(&values[i], QUEUE_ENTRY_BYTES_MAX);
        queue_entry_put(&values[i], &e);
        puts[i] = (struct store_queue_put){.body = body,
                                           .mail_id = number + 1,
                                           .due_us = rt_wall_us(),
                                           .lane = str_from(lane),
                                           .value = buf_str(&values[i])};
        store_change_queue_put(change, &puts[i]);
    }
    CHECK(store_commit(change) == 0);
    for (unsigned i = 0; i < RCPTS; i++) {
        struct store_queue_entry row = {puts[i].id,   puts[i].mail_id, puts[i].due_us,
                                        puts[i].lane, puts[i].value,   puts[i].out_body};

        queue_news_put(news, &row);
        buf_done(&values[i]);
    }
    queue_news_close(news);
    store_change_free(change);
    store_body_free(body);
}

static int hand_in_many(void *arg)
{
    struct world *w = the_world;
    unsigned first = (unsigned)(uintptr_t)arg * MAILS;

    for (unsigned i = 0; i < MAILS; i++) {
        hand_in(w, first + i);
        rt_sleep(0);
    }
    atomic_fetch_sub(&w->loops_left, 1);
    return 0;
}

static void start_handing_in(void *arg)
{
    CHECK(rt_spawn(hand_in_many, arg, "hand in", NULL) == 0);
}

static int count_entries(void *arg, const struct queue_entry *e, bool is_in_flight)
{
    (void)e;
    (void)is_in_flight;
    ++*(unsigned *)arg;
    return 0;
}

/// Holds and releases all it finds, while it is being sent.
static void meddle(struct world *w)
{
    struct queue_filter others = {.held = 0}, held = {.held = 1};
    unsigned seen = 0;
    uint64_t count;

    CHECK(queue_each(&w->queue, &others, count_entries, &seen) == 0);
    CHECK(queue_do(&w->queue, &others, QUEUE_HOLD, false, &count) == 0);
    CHECK(queue_do(&w->queue, &held, QUEUE_RELEASE, false, &count) == 0);
}

static int play(void *arg)
{
    static const struct queue_doors doors = {fake_hosts, fake_finish, NULL};
    struct world *w = arg;
    struct rt_listen what = {.address = "127.0.0.1", .protocol = &far_protocol, .context = &w->far};
    uint64_t left = 1, held;

    CHECK(store_memory_open(w->rt, &w->store) == 0);
    CHECK(rt_listen(w->rt, &what, &w->port) == 0);
    w->queue.store = w->store;
    CHECK(queue_start_with(&w->queue, &doors) == 0);
    w->loops_left = LOOPS;
    for (uintptr_t i = 0; i < LOOPS; i++)
        rt_post(rt_loop_at(w->rt, (unsigned)i), start_handing_in, (void *)i);
    while (w->loops_left || left) {
        meddle(w);
        rt_sleep(5);
        store_queue_count(w->store, &left, &held);
    }
    queue_stop(&w->queue, 10000);
    CHECK(w->done == LOOPS * MAILS * RCPTS && w->far.rcpt_count == LOOPS * MAILS * RCPTS);
    store_close(w->store);
    rt_stop(w->rt);
    return 0;
}

static void every_recipient_once_over_several_loops(void **state)
{
    struct rt_config config = {.loops = LOOPS};
    struct world *w = calloc(1, sizeof(*w));
    (void)state;

    CHECK(w);
    the_world = w;
    w->config = (struct queue_config){
        .retry_first = 1000,
        .retry_max = 10000,
        .lane_connections_max = 3,
        .connections_max = 20, // fewer than the lanes want
        .connection_idle = 1000,
        .mails_per_connection = 10,
        .recipients_per_transaction = 2,
        .active_max = 400, // less than there is
    };
    w->send = (struct send_config){30000, 60000, 60000, 60000, 60000, 60000};
    w->queue =
        (struct queue){.config = &w->config, .send = &w->send, .host_name = STR("near.test")};
    assert_int_equal(rt_new(&config, &w->rt), 0);
    assert_int_equal(rt_run(w->rt, play, w), 0);
    rt_free(w->rt);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipient_once_over_several_loops),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
