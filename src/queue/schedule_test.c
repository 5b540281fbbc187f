// SPDX-License-Identifier: ISC
//
// The way out over the simulator: whose turn it is, what lanes learn, that nothing is lost, doubled
// or finished twice, and that what waits costs neither memory nor writes.
#include "log/log.h"

#include "queue/far_testing.h"
#include "queue/inside.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FARS = 4, IDS_MAX = 20000 };

struct world {
    struct rt *rt;
    struct store *store;
    struct queue queue;
    struct queue_config config;
    struct send_config send;
    struct far fars[FARS]; // far0.test ... at 192.0.2.1 ...
    const char *story;
    // What the doors saw.
    unsigned finishes, done, later, never, questions;
    unsigned finish_fails; // so many times
    uint8_t ended[IDS_MAX];
    char last_text[256];
    unsigned last_code;
    uint64_t mails;
    void (*play)(struct world *w);
    bool no_hosts, no_start;
    const char *more_hosts; // an address before that of the lane
};
static struct world *the_world;

// ---- the doors

/// far2.test is 192.0.2.3; any other domain is at 192.0.2.99, where nobody is.
static void fake_hosts(const struct route *route, struct str lane, bool requires_tls,
                       struct arena *arena, struct route_hosts *out)
{
    struct route_host *hosts = ARENA_ARRAY(arena, struct route_host, 2);
    struct buf address = {.max = 64};
    size_t count = 0;

    (void)route;
    (void)requires_tls;
    the_world->questions++;
    *out = (struct route_hosts){.ttl = 60, .story = STR("asked"), .policy = STR("no-policy-found")};
    if (the_world->no_hosts) {
        out->outcome = (struct outcome){NEVER, 550, STR("5.1.2"), STR("no such domain")};
        return;
    }
    if (the_world->more_hosts) {
        hosts[count].name = STR("first.test");
        hosts[count].port = 25;
        hosts[count].addresses[hosts[count].address_count++] = str_from(the_world->more_hosts);
        count++;
    }
    buf_putf(&address, "192.0.2.%c", str_starts(lane, STR("far")) ? lane.ptr[3] + 1 : '9');
    hosts[count].name = arena_str(arena, lane);
    hosts[count].port = 25;
    hosts[count].addresses[hosts[count].address_count++] = arena_str(arena, buf_str(&address));
    count++;
    out->outcome = (struct outcome){.verdict = DONE};
    out->items = hosts;
    out->count = count;
    buf_done(&address);
}

static void note_result(struct world *w, const struct queue_result *r)
{
    w->last_code = r->outcome.code;
    snprintf(w->last_text, sizeof(w->last_text), "%.*s", STR_ARG(r->outcome.text));
    w->done += r->outcome.verdict == DONE;
    w->later += r->outcome.verdict == LATER;
    w->never += r->outcome.verdict == NEVER;
    if (r->outcome.verdict == LATER)
        return;
    CHECK(r->entry->id < IDS_MAX && !w->ended[r->entry->id]);
    w->ended[r->entry->id] = 1;
}

static void put_change(struct store_change *change, const struct queue_result *r, struct buf *value)
{
    struct queue_entry next = *r->entry;

    if (r->outcome.verdict != LATER) {
        store_change_queue_remove(change, next.id);
        return;
    }
    next.attempts++;
    next.last_s = rt_wall_s();
    buf_init(value, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(value, &next);
    store_change_queue_set(change, next.id, r->due_us, next.lane, buf_str(value));
}

static int fake_finish(struct queue *queue, const struct queue_result *results, size_t count,
                       size_t *out_gone)
{
    struct buf *values = calloc(count, sizeof(*values));
    struct store_change *change;
    int r;

    CHECK(values && store_change_new(queue->store, &change) == 0);
    the_world->finishes++;
    for (size_t i = 0; i < count; i++)
        put_change(change, &results[i], &values[i]);
    if (the_world->finish_fails) {
        the_world->finish_fails--;
        r = -ENOSPC;
    } else {
        r = store_commit(change);
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        note_result(the_world, &results[i]);
    *out_gone = r == STORE_NOT_FOUND ? count : 0;
    CHECK(r != STORE_NOT_FOUND);
    store_change_free(change);
    for (size_t i = 0; i < count; i++)
        buf_done(&values[i]);
    free(values);
    return r;
}

static void fake_note(const struct route *route, const struct route_tls_result *result)
{
    (void)route;
    (void)result;
}

static const struct queue_doors doors = {fake_hosts, fake_finish, fake_note};

// ---- mails

struct order {
    const char *sender, *lane;
    size_t rcpts;
    int priority;
    int64_t due_in_s;
    struct queue_entry more; // options
    bool silent;             // nobody is told: as after a restart
};

#define MAIL(from, to, count, ...)                                                                 \
    &(struct order)                                                                                \
    {                                                                                              \
        .sender = from, .lane = to, .rcpts = count, ##__VA_ARGS__                                  \
    }

static void put_entry(struct world *w, struct store_change *change, struct store_body *body,
                      const struct order *o, struct store_queue_put *put, struct buf *value,
                      size_t i)
{
    struct queue_entry e = o->more;
    char recipient[64];

    snprintf(recipient, sizeof(recipient), "r%zu@%s", i, o->lane);
    e.sender = str_from(o->sender);
    e.recipient = str_from(recipient);
    e.priority = o->priority;
    e.arrived_s = rt_wall_s();
    if (!e.expires_s)
        e.expires_s = e.arrived_s + 5 * 86400;
    buf_init(value, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(value, &e);
    *put = (struct store_queue_put){
        .body = body,
        .mail_id = 1000 + w->mails,
        .due_us = rt_wall_us() + o->due_in_s * 1000000,
        .lane = str_from(o->lane),
        .value = buf_str(value),
    };
    store_change_queue_put(change, put);
}

/// As queue_accept does it. The id of the first entry.
static uint64_t hand_in(struct world *w, const struct order *o)
{
    struct store_queue_put *puts = calloc(o->rcpts, sizeof(*puts));
    struct buf *values = calloc(o->rcpts, sizeof(*values));
    struct queue_news *news = o->silent ? NULL : queue_news_open(&w->queue);
    struct store_change *change;
    struct store_body *body;
    uint64_t first;

    CHECK(puts && values && store_body_new(w->store, &body) == 0);
    CHECK(store_body_append(body, STR("Subject: hello\r\n\r\ntext\r\n")) == 0);
    CHECK(store_change_new(w->store, &change) == 0);
    for (size_t i = 0; i < o->rcpts; i++)
        put_entry(w, change, body, o, &puts[i], &values[i], i);
    w->mails++;
    CHECK(store_commit(change) == 0);
    for (size_t i = 0; i < o->rcpts; i++) {
        struct store_queue_entry row = {puts[i].id,   puts[i].mail_id, puts[i].due_us,
                                        puts[i].lane, puts[i].value,   puts[i].out_body};

        queue_news_put(news, &row);
        buf_done(&values[i]);
    }
    queue_news_close(news);
    first = puts[0].id;
    store_change_free(change);
    store_body_free(body);
    free(puts);
    free(values);
    return first;
}

static void hand_in_many(struct world *w, const struct order *o, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hand_in(w, o);
}

static uint64_t left(struct world *w)
{
    uint64_t all, held;

    store_queue_count(w->store, &all, &held);
    return all;
}

// ---- a play

static int play(void *arg)
{
    struct world *w = arg;

    CHECK(store_memory_open(w->rt, &w->store) == 0);
    w->queue.store = w->store;
    for (int i = 0; i < FARS - 1; i++) {
        char address[32];

        snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
        far_start(&w->fars[i], w->rt, address);
    }
    if (!w->no_start)
        CHECK(queue_start_with(&w->queue, &doors) == 0);
    w->play(w);
    queue_stop(&w->queue, 60000);
    CHECK(w->queue.schedule == NULL);
    for (int i = 0; i < FARS; i++)
        free(w->fars[i].mails);
    store_close(w->store);
    rt_stop(w->rt);
    return 0;
}

static void defaults(struct world *w)
{
    w->config = (struct queue_config){
        .retry_first = 300000,
        .retry_max = 4 * 3600000,
        .lifetime = 5 * 86400000ull,
        .bounce_lifetime = 86400000,
        .lane_connections_max = 8,
        .connections_max = 100,
        .connection_idle = 5000,
        .mails_per_connection = 100,
        .recipients_per_transaction = 50,
        .active_max = 20000,
    };
    w->send = (struct send_config){30000, 60000, 60000, 60000, 60000, 60000};
    w->queue =
        (struct queue){.config = &w->config, .send = &w->send, .host_name = STR("near.test")};
}

static struct world *new_world(void)
{
    the_world = calloc(1, sizeof(*the_world));
    CHECK(the_world);
    defaults(the_world);
    return the_world;
}

static void run(struct world *w, void (*fn)(struct world *w))
{
    w->play = fn;
    assert_int_equal(rt_sim_new(1, &rt_sim_calm, &w->rt), 0);
    assert_int_equal(rt_run(w->rt, play, w), 0);
    rt_free(w->rt);
    free(w);
}

// ---- the plain way

static void play_plain(struct world *w)
{
    hand_in(w, MAIL("ana@near.test", "far0.test", 3, .more = {.skip = 9}));
    rt_sleep(1000);
    CHECK(w->done == 3 && w->finishes == 1 && left(w) == 0);
    CHECK(w->fars[0].mail_count == 1 && w->fars[0].mails[0].rcpts == 3);
    CHECK(w->fars[0].mails[0].size == 15); // "hello" CR LF, empty, "text" CR LF
    CHECK(strcmp(w->fars[0].mails[0].sender, "ana@near.test") == 0);
}

static void one_mail_many_recipients_one_transaction(void **state)
{
    (void)state;
    run(new_world(), play_plain);
}

// ---- lanes

static void play_dead_lane(struct world *w)
{
    hand_in_many(w, MAIL("ana@near.test", "dead.test", 1), 50);
    hand_in_many(w, MAIL("ana@near.test", "far0.test", 1), 50);
    rt_sleep(10000);
    CHECK(w->fars[0].mail_count == 50 && w->done == 50);
    // one attempt told that nobody is there; the others wait without a word
    rt_sleep(60000);
    CHECK(w->later == 1 && w->finishes == 51 && left(w) == 50);
}

static void a_dead_lane_delays_nobody_and_writes_nothing(void **state)
{
    (void)state;
    run(new_world(), play_dead_lane);
}

static const char *full_box(struct far *far, struct str line)
{
    (void)far;
    return str_starts(line, STR("RCPT TO:<r1@")) ? "452 4.2.2 mailbox full" : NULL;
}

static void play_full_box(struct world *w)
{
    w->fars[0].fn = full_box;
    hand_in(w, MAIL("ana@near.test", "far0.test", 3));
    hand_in_many(w, MAIL("ana@near.test", "far0.test", 1), 5);
    rt_sleep(5000);
    CHECK(w->later == 1 && w->done == 7 && left(w) == 1);
    w->fars[0].fn = NULL;
    rt_sleep(400000);
    CHECK(w->done == 8 && left(w) == 0);
}

static void a_full_mailbox_blocks_no_lane(void **state)
{
    (void)state;
    run(new_world(), play_full_box);
}

static void play_comes_back(struct world *w)
{
    // nobody is at far3 yet
    hand_in_many(w, MAIL("ana@near.test", "far3.test", 1), 700);
    rt_sleep(10000);
    CHECK(w->later == 1 && left(w) == 700);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    rt_sleep(1800000);
    CHECK(w->done == 700 && left(w) == 0 && w->later == 1);
    CHECK(w->fars[3].mail_count == 700);
    CHECK(w->fars[3].connections_most == w->config.lane_connections_max);
}

static void a_lane_that_comes_back_is_refilled(void **state)
{
    (void)state;
    run(new_world(), play_comes_back);
}

// ---- turns

static void play_turns(struct world *w)
{
    size_t small_at = 0;

    w->config.lane_connections_max = 1;
    w->config.recipients_per_transaction = 10;
    w->fars[0].delay_ms = 100;
    hand_in(w, MAIL("big@near.test", "far0.test", 300));
    hand_in_many(w, MAIL("many@near.test", "far0.test", 1), 50);
    hand_in(w, MAIL("small@near.test", "far0.test", 1));
    rt_sleep(60000);
    CHECK(left(w) == 0 && w->fars[0].mail_count == 30 + 51);
    while (strcmp(w->fars[0].mails[small_at].sender, "small@near.test") != 0)
        small_at++;
    CHECK(small_at < 4);
    for (size_t i = 0; i < w->fars[0].mail_count; i++)
        CHECK(w->fars[0].mails[i].rcpts <= 10);
}

static void senders_take_turns(void **state)
{
    (void)state;
    run(new_world(), play_turns);
}

static void play_priority(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].delay_ms = 100;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 20);
    hand_in(w, MAIL("low@near.test", "far0.test", 1, .priority = -4));
    hand_in(w, MAIL("high@near.test", "far0.test", 1, .priority = 6));
    rt_sleep(60000);
    CHECK(w->fars[0].mail_count == 22);
    CHECK(strcmp(w->fars[0].mails[0].sender, "high@near.test") == 0 ||
          strcmp(w->fars[0].mails[1].sender, "high@near.test") == 0);
    CHECK(strcmp(w->fars[0].mails[21].sender, "low@near.test") == 0);
}

static void the_higher_priority_goes_first(void **state)
{
    (void)state;
    run(new_world(), play_priority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_mail_many_recipients_one_transaction),
        cmocka_unit_test(a_dead_lane_delays_nobody_and_writes_nothing),
        cmocka_unit_test(a_full_mailbox_blocks_no_lane),
        cmocka_unit_test(a_lane_that_comes_back_is_refilled),
        cmocka_unit_test(senders_take_turns),
        cmocka_unit_test(the_higher_priority_goes_first),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
