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
    int finish_error;      // with that, or -ENOSPC
    const char *fail_lane; // only of that one, however many times
    uint8_t ended[IDS_MAX];
    char last_text[256];
    unsigned last_code;
    uint64_t mails;
    void (*play)(struct world *w);
    bool no_hosts, no_start;
    const char *more_hosts; // an address before that of the lane
    size_t more_count;      // so many of it; 0: one
};
static struct world *the_world;

// ---- the doors

/// far2.test is 192.0.2.3; any other domain is at 192.0.2.99, where nobody is.
static void fake_hosts(const struct route *route, struct str lane, enum route_care care,
                       struct arena *arena, struct route_hosts *out)
{
    struct route_host *hosts = ARENA_ARRAY(arena, struct route_host, ROUTE_HOSTS_MAX);
    struct buf address = {.max = 64};
    size_t count = 0;

    (void)route;
    (void)care;
    the_world->questions++;
    *out = (struct route_hosts){.ttl = 60, .story = STR("asked"), .policy = STR("no-policy-found")};
    if (the_world->no_hosts) {
        out->outcome = (struct outcome){NEVER, 550, STR("5.1.2"), STR("no such domain")};
        return;
    }
    for (size_t i = 0; the_world->more_hosts && (i == 0 || i < the_world->more_count); i++) {
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
    if (the_world->fail_lane && str_eq(results[0].entry->lane, str_from(the_world->fail_lane))) {
        r = -ENOSPC;
    } else if (the_world->finish_fails) {
        the_world->finish_fails--;
        r = the_world->finish_error ? the_world->finish_error : -ENOSPC;
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

static void run_in(struct world *w, void (*fn)(struct world *w), uint64_t seed,
                   const struct rt_sim_config *config)
{
    w->play = fn;
    assert_int_equal(rt_sim_new(seed, config, &w->rt), 0);
    assert_int_equal(rt_run(w->rt, play, w), 0);
    rt_free(w->rt);
    free(w);
}

static void run(struct world *w, void (*fn)(struct world *w))
{
    run_in(w, fn, 1, &rt_sim_calm);
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

// ---- sessions

static void play_kept(struct world *w)
{
    w->config.lane_connections_max = 1;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 10);
    rt_sleep(3000);
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(3000);
    CHECK(w->fars[0].mail_count == 11 && w->fars[0].connections == 1);
    CHECK(w->questions == 1);
    rt_sleep(6000);
    CHECK(w->fars[0].connections_now == 0);
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(3000);
    CHECK(w->done == 12 && w->fars[0].connections == 2);
}

static void sessions_are_kept_for_a_while(void **state)
{
    (void)state;
    run(new_world(), play_kept);
}

static void play_mails_per_connection(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->config.mails_per_connection = 5;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 20);
    rt_sleep(10000);
    CHECK(w->done == 20 && w->fars[0].connections == 4);
}

static void a_session_has_so_many_mails(void **state)
{
    (void)state;
    run(new_world(), play_mails_per_connection);
}

/// Hangs up at the second MAIL of a session.
static const char *second_mail_dies(struct far *far, struct str line)
{
    if (line.len == 0)
        far->number = 0;
    if (str_starts(line, STR("MAIL")) && ++far->number == 2)
        return "!";
    return NULL;
}

static void play_dies_unsent(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].fn = second_mail_dies;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 6);
    rt_sleep(20000);
    CHECK(w->done == 6 && w->later == 0 && w->fars[0].mail_count == 6);
}

static void a_kept_session_that_dies_costs_no_attempt(void **state)
{
    (void)state;
    run(new_world(), play_dies_unsent);
}

static const char *dies_after_dot(struct far *far, struct str line)
{
    return str_eq(line, STR(".")) && far->number++ == 0 ? "!" : NULL;
}

static void play_dies_after_dot(struct world *w)
{
    w->fars[0].fn = dies_after_dot;
    hand_in(w, MAIL("a@near.test", "far0.test", 2));
    rt_sleep(60000);
    CHECK(w->done == 0 && w->later == 2 && left(w) == 2);
    rt_sleep(600000);
    CHECK(w->done == 2 && left(w) == 0);
}

static void silence_after_the_dot_means_later(void **state)
{
    (void)state;
    run(new_world(), play_dies_after_dot);
}

static void play_loop(struct world *w)
{
    w->fars[0].name = "near.test";
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(10000);
    CHECK(w->never == 1 && left(w) == 0 && strstr(w->last_text, "loops back"));
}

static void our_own_name_is_a_loop(void **state)
{
    (void)state;
    run(new_world(), play_loop);
}

/// The best host is down, and the next one is us: it comes back.
static void play_loop_behind(struct world *w)
{
    w->more_hosts = "192.0.2.98"; // nobody is there
    w->fars[0].name = "near.test";
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(60000);
    CHECK(w->never == 0 && w->later == 1 && left(w) == 1);
}

static void a_host_that_may_come_back_is_waited_for(void **state)
{
    (void)state;
    run(new_world(), play_loop_behind);
}

static struct order under_tls(void)
{
    struct order o = *MAIL("a@near.test", "far0.test", 1);

    o.more.requires_tls = true;
    return o;
}

/// Under plain text no offer helps; but all hosts are asked before that is said.
static void play_requires_tls(struct world *w)
{
    struct order o = under_tls();

    w->more_hosts = "192.0.2.2"; // far1
    w->fars[0].offer = "250 REQUIRETLS";
    hand_in(w, &o);
    rt_sleep(60000);
    CHECK(w->fars[1].connections == 1 && w->fars[0].connections == 1);
    CHECK(w->never == 1 && left(w) == 0 && w->fars[0].mail_count == 0);
}

static void play_requires_tls_later(struct world *w)
{
    struct order o = under_tls();

    w->more_hosts = "192.0.2.98"; // nobody is there
    hand_in(w, &o);
    rt_sleep(60000);
    CHECK(w->fars[0].connections == 1 && w->never == 0 && w->later == 1 && left(w) == 1);
}

static void all_hosts_are_asked_to_keep_tls(void **state)
{
    (void)state;
    run(new_world(), play_requires_tls);
    run(new_world(), play_requires_tls_later);
}

/// Thirty hosts like these would cost eight hours.
static const char *is_mute(struct far *far, struct str line)
{
    (void)far;
    (void)line;
    rt_sleep(3600000);
    return "!";
}

static void play_mute_hosts(struct world *w)
{
    w->more_hosts = "192.0.2.2";
    w->more_count = 30;
    w->send.greeting = 300000;
    w->fars[1].fn = is_mute;
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(2400000);
    CHECK(w->later == 1 && left(w) == 1);
}

static void hosts_that_keep_us_waiting_are_not_all_waited_for(void **state)
{
    (void)state;
    run(new_world(), play_mute_hosts);
}

static void play_next_host(struct world *w)
{
    w->more_hosts = "192.0.2.98"; // nobody is there
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(100000);
    CHECK(w->done == 1 && w->fars[0].mail_count == 1 && w->later == 0);
}

static void the_next_host_is_tried(void **state)
{
    (void)state;
    run(new_world(), play_next_host);
}

static void play_no_domain(struct world *w)
{
    w->no_hosts = true;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 2), 30);
    rt_sleep(1000);
    CHECK(w->never == 60 && left(w) == 0 && w->last_code == 550);
}

static void no_such_domain_ends_all(void **state)
{
    (void)state;
    run(new_world(), play_no_domain);
}

static const char *five_at_once(struct far *far, struct str line)
{
    if (str_starts(line, STR("MAIL")))
        far->number = 0;
    if (str_starts(line, STR("RCPT")) && ++far->number > 5)
        return "452 4.5.3 too many recipients";
    return NULL;
}

static void play_five(struct world *w)
{
    w->fars[0].fn = five_at_once;
    hand_in(w, MAIL("a@near.test", "far0.test", 23));
    rt_sleep(10000);
    CHECK(w->done == 23 && w->later == 0 && w->fars[0].mail_count == 5);
}

static void too_many_recipients_go_in_the_next_transaction(void **state)
{
    (void)state;
    run(new_world(), play_five);
}

// ---- what a lane learns

static void play_growth(struct world *w)
{
    w->fars[0].delay_ms = 200;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 200);
    rt_sleep(150);
    CHECK(w->fars[0].connections_most == 1);
    rt_sleep(200);
    CHECK(w->fars[0].connections_most == 2);
    rt_sleep(60000);
    CHECK(w->done == 200 && w->fars[0].connections_most == w->config.lane_connections_max);
}

static void connections_grow_with_success(void **state)
{
    (void)state;
    run(new_world(), play_growth);
}

/// More than two connections are not welcome.
static const char *two_at_most(struct far *far, struct str line)
{
    return line.len == 0 && far->connections_now > 2 ? "421 4.3.2 too many connections" : NULL;
}

static void play_two(struct world *w)
{
    w->fars[0].fn = two_at_most;
    w->fars[0].delay_ms = 200;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 200);
    rt_sleep(120000);
    CHECK(w->done == 200 && w->later == 0);
    CHECK(w->fars[0].connections < 60);
}

static void a_limit_of_connections_is_learnt(void **state)
{
    (void)state;
    run(new_world(), play_two);
}

static const char *always_421(struct far *far, struct str line)
{
    (void)far;
    return str_starts(line, STR("MAIL")) ? "421 4.3.2 not now" : NULL;
}

static void play_421(struct world *w)
{
    w->fars[0].fn = always_421;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 100);
    rt_sleep(60000);
    CHECK(w->later >= 1 && w->later <= 6 && left(w) == 100);
    w->fars[0].fn = NULL;
    rt_sleep(3600000);
    CHECK(w->done == 100 && left(w) == 0);
}

static void trouble_after_trouble_blocks(void **state)
{
    (void)state;
    run(new_world(), play_421);
}

static const char *slow_down(struct far *far, struct str line)
{
    static uint64_t last_us;
    uint64_t now_us = rt_now_us();

    if (!str_starts(line, STR("MAIL")))
        return NULL;
    if (far->number && now_us - last_us < 900000)
        return "450 4.7.1 you are sending too fast, slow down";
    far->number = 1;
    last_us = now_us;
    return NULL;
}

static void play_slow(struct world *w)
{
    w->fars[0].fn = slow_down;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 40);
    rt_sleep(3600000);
    CHECK(w->done == 40 && left(w) == 0 && w->later < 30);
}

static void too_fast_is_learnt(void **state)
{
    (void)state;
    run(new_world(), play_slow);
}

// ---- memory

static void play_many_lanes(struct world *w)
{
    w->config.active_max = 200;
    w->config.connections_max = 4;
    for (int i = 0; i < 1500; i++) {
        char lane[32];

        snprintf(lane, sizeof(lane), "far%d.x%d.test", i % 3, i);
        hand_in(w, MAIL("a@near.test", lane, 1));
        CHECK(w->queue.schedule->active <= 200);
    }
    for (int i = 0; i < 600 && left(w); i++) {
        CHECK(w->queue.schedule->active <= 200 + QUEUE_PAGE);
        CHECK(w->queue.schedule->connections <= 4);
        rt_sleep(1000);
    }
    CHECK(w->done == 1500 && left(w) == 0);
    CHECK(w->queue.schedule->shards[0].lanes.count <= QUEUE_LANES_IDLE + 1);
}

static void memory_and_connections_are_bounded(void **state)
{
    (void)state;
    run(new_world(), play_many_lanes);
}

static void play_resume(struct world *w)
{
    hand_in_many(w, MAIL("a@near.test", "far0.test", 3, .silent = true), 500);
    hand_in_many(w, MAIL("b@near.test", "far1.test", 1, .silent = true), 500);
    CHECK(queue_start_with(&w->queue, &doors) == 0);
    rt_sleep(60000);
    CHECK(w->done == 2000 && left(w) == 0);
    CHECK(w->fars[0].rcpt_count == 1500 && w->fars[1].rcpt_count == 500);
}

static void what_was_kept_is_sent_after_a_start(void **state)
{
    struct world *w = new_world();
    (void)state;

    w->no_start = true;
    run(w, play_resume);
}

static void play_stop(struct world *w)
{
    w->fars[0].delay_ms = 300;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 100);
    rt_sleep(2000);
    queue_stop(&w->queue, 5000);
    CHECK(w->done > 0 && w->done < 100 && left(w) == 100 - w->done && w->later == 0);
    CHECK(w->fars[0].mail_count == w->done);
    // a mail that hangs is cut off when the grace is over
    w->fars[0].delay_ms = 30000;
    CHECK(queue_start_with(&w->queue, &doors) == 0);
    rt_sleep(1000);
    queue_stop(&w->queue, 100);
    CHECK(w->later == 1 && left(w) == 100 - w->done);
    w->fars[0].delay_ms = 0;
    CHECK(queue_start_with(&w->queue, &doors) == 0);
    rt_sleep(700000);
    CHECK(w->done == 100 && left(w) == 0);
}

static void a_stop_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    run(new_world(), play_stop);
}

static void play_unkept(struct world *w)
{
    w->finish_fails = 6;
    hand_in(w, MAIL("a@near.test", "far0.test", 4));
    rt_sleep(300000);
    CHECK(w->done == 4 && w->fars[0].mail_count == 1 && w->finishes == 7 && left(w) == 0);
}

static void results_that_cannot_be_kept_are_kept_later(void **state)
{
    (void)state;
    run(new_world(), play_unkept);
}

static void play_broken_store(struct world *w)
{
    w->finish_error = -EIO;
    w->finish_fails = 100;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 50);
    rt_sleep(5000);
    hand_in_many(w, MAIL("a@near.test", "far1.test", 1), 50);
    rt_sleep(60000);
    // what was under way when it broke, and no more: all of it would be sent again
    CHECK(w->done == 0 && w->fars[0].mail_count == 1 && w->fars[1].mail_count == 0);
    w->finish_fails = 0;
    rt_sleep(60000);
    CHECK(w->done == 100 && left(w) == 0);
    CHECK(w->fars[0].mail_count == 50 && w->fars[1].mail_count == 50);
}

static void a_store_that_fails_stops_the_sending(void **state)
{
    (void)state;
    run(new_world(), play_broken_store);
}

static void play_unkept_at_stop(struct world *w)
{
    w->finish_fails = 3;
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(500);
    CHECK(w->fars[0].mail_count == 1 && left(w) == 1);
    queue_stop(&w->queue, 30000);
    CHECK(w->done == 1 && left(w) == 0);
}

static void results_are_kept_while_the_server_stops(void **state)
{
    (void)state;
    run(new_world(), play_unkept_at_stop);
}

static void play_unkept_sweep(struct world *w)
{
    struct queue_entry soon = {.by = ENVELOPE_BY_RETURN, .by_s = rt_wall_s() + 9};

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1, .more = soon), 9);
    rt_sleep(60000);
    CHECK(w->later == 1 && left(w) == 9);
    // this one is tried first, and finds nobody; the others are only told that they are too late
    hand_in(w, MAIL("a@near.test", "dead.test", 1, .priority = 5));
    w->fail_lane = "dead.test"; // no room for its reports
    rt_sleep(900000);
    hand_in_many(w, MAIL("b@near.test", "far1.test", 1), 3 * QUEUE_PAGE);
    rt_sleep(60000);
    CHECK(w->done == 3 * QUEUE_PAGE && left(w) == 10);
    w->fail_lane = NULL;
    rt_sleep(3600 * 1000);
    CHECK(w->never == 9 && left(w) == 1);
}

static void reports_that_cannot_be_kept_hold_up_nobody(void **state)
{
    (void)state;
    run(new_world(), play_unkept_sweep);
}

// ---- time

static void play_times(struct world *w)
{
    int64_t now_s = rt_wall_s();

    hand_in(w, MAIL("a@near.test", "far0.test", 1, .due_in_s = 3600)); // FUTURERELEASE
    hand_in(w, MAIL("b@near.test", "dead.test", 1,
                    .more = {.by = ENVELOPE_BY_RETURN, .by_s = now_s + 400}));
    rt_sleep(3000000);
    CHECK(w->done == 0 && w->never == 1 && w->last_code == 554);
    rt_sleep(700000);
    CHECK(w->done == 1 && left(w) == 0);
}

static void mail_of_the_future_and_deadlines(void **state)
{
    (void)state;
    run(new_world(), play_times);
}

static void back_off_doubles_and_is_bounded(void **state)
{
    struct queue_back_off b = {300000, 14400000};
    struct queue_entry e = {.attempts = 20, .expires_s = 5000};
    (void)state;

    for (unsigned n = 1; n < 80; n++) {
        uint64_t ms = n < 7 ? 300000ull << (n - 1) : 14400000;

        if (ms > 14400000)
            ms = 14400000;
        for (uint64_t random = 0; random < 5; random++) {
            uint64_t us = queue_back_off(&b, n, random * 1000003 * 77777);

            assert_in_range(us, ms * 750, ms * 1250);
        }
        assert_int_equal(queue_back_off(&b, n, 0), ms * 750);
    }
    assert_int_equal(queue_due_again(&e, &b, 4000000000, 7), 5000000000); // the end
    e.by = ENVELOPE_BY_NOTIFY;
    e.by_s = 4500;
    assert_int_equal(queue_due_again(&e, &b, 4000000000, 7), 4500000000);
    assert_true(queue_due_again(&e, &b, 6000000000, 7) > 6000000000);
}

// ---- the operator

static int count_entries(void *arg, const struct queue_entry *e, bool is_in_flight)
{
    (void)e;
    *(unsigned *)arg += is_in_flight ? 1000 : 1;
    return 0;
}

static unsigned seen(struct world *w, struct queue_filter f)
{
    unsigned count = 0;

    CHECK(queue_each(&w->queue, &f, count_entries, &count) == 0);
    return count;
}

static uint64_t deed(struct world *w, struct queue_filter f, enum queue_deed what, bool dry)
{
    uint64_t count;

    CHECK(queue_do(&w->queue, &f, what, dry, &count) == 0);
    return count;
}

static void play_deeds(struct world *w)
{
    struct queue_filter all = {.held = -1}, of_b = {.held = -1, .sender = STR("B@")},
                        held = {.held = 1};

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1), 5);
    hand_in_many(w, MAIL("b@near.test", "dead.test", 2), 5);
    rt_sleep(60000);
    CHECK(seen(w, all) == 15 && seen(w, of_b) == 10 && seen(w, held) == 0);
    CHECK(deed(w, of_b, QUEUE_HOLD, true) == 10 && seen(w, held) == 0);
    CHECK(deed(w, of_b, QUEUE_HOLD, false) == 10 && seen(w, held) == 10);
    CHECK(deed(w, held, QUEUE_REMOVE, false) == 10 && left(w) == 5);
    CHECK(deed(w, all, QUEUE_HOLD, false) == 5);
    CHECK(deed(w, all, QUEUE_RETRY, false) == 0); // held ones stay
    rt_sleep(10000000);
    CHECK(left(w) == 5 && w->later <= 2);
    far_start(&w->fars[3], w->rt, "192.0.2.9");
    hand_in(w, MAIL("a@near.test", "dead.test", 1));
    CHECK(deed(w, (struct queue_filter){.held = 1, .max = 3}, QUEUE_RELEASE, false) == 3);
    rt_sleep(5000);
    CHECK(left(w) == 2 && w->done == 4);
    CHECK(deed(w, held, QUEUE_BOUNCE, false) == 2);
    CHECK(left(w) == 0 && w->never == 2);
    // what goes back of one mail goes back in one report
    w->finishes = 0;
    hand_in(w, MAIL("a@near.test", "far3.test", 30, .due_in_s = 1000));
    hand_in(w, MAIL("b@near.test", "far3.test", 20, .due_in_s = 1000));
    CHECK(deed(w, all, QUEUE_BOUNCE, false) == 50 && w->finishes == 2);
    CHECK(left(w) == 0 && w->never == 52);
}

static void the_operator_holds_releases_and_removes(void **state)
{
    (void)state;
    run(new_world(), play_deeds);
}

static void play_in_flight(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].delay_ms = 5000;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 3);
    rt_sleep(1000);
    CHECK(seen(w, (struct queue_filter){.held = -1}) == 1002);
    CHECK(deed(w, (struct queue_filter){.held = -1}, QUEUE_REMOVE, false) == 3);
    rt_sleep(60000);
    CHECK(w->done == 1 && w->fars[0].mail_count == 1 && left(w) == 0);
}

static void what_is_in_flight_is_left_alone(void **state)
{
    (void)state;
    run(new_world(), play_in_flight);
}

static const char *silent_then_full(struct far *far, struct str line)
{
    (void)far;
    if (str_starts(line, STR("MAIL")))
        rt_sleep(10000);
    return str_starts(line, STR("RCPT")) ? "452 4.2.2 full" : NULL;
}

static void play_wishes(struct world *w)
{
    struct queue_filter all = {.held = -1};

    // being sent: held when that came to nothing
    w->fars[0].fn = silent_then_full;
    hand_in(w, MAIL("a@near.test", "far0.test", 2));
    rt_sleep(1000);
    CHECK(deed(w, all, QUEUE_HOLD, false) == 2 && seen(w, (struct queue_filter){.held = 1}) == 0);
    rt_sleep(30000);
    CHECK(w->later == 2 && seen(w, (struct queue_filter){.held = 1}) == 2);
    CHECK(deed(w, all, QUEUE_REMOVE, false) == 2 && left(w) == 0);
    // only looking for a host: removed at once, and nothing is sent
    w->more_hosts = "192.0.2.98";
    hand_in(w, MAIL("a@near.test", "far1.test", 2));
    rt_sleep(0);
    CHECK(deed(w, all, QUEUE_REMOVE, false) == 2 && left(w) == 0);
    rt_sleep(100000);
    CHECK(w->fars[1].mail_count == 0 && w->done == 0 && w->later == 2);
}

static void wishes_for_what_is_in_flight_are_kept(void **state)
{
    (void)state;
    run(new_world(), play_wishes);
}

static const char *slow_and_takes_one(struct far *far, struct str line)
{
    if (str_starts(line, STR("MAIL"))) {
        rt_sleep(10000);
        far->number = 0;
    }
    return str_starts(line, STR("RCPT")) && far->number++ > 0 ? "452 4.5.3 too many" : NULL;
}

static void play_wish_of_rest(struct world *w)
{
    w->fars[0].fn = slow_and_takes_one;
    hand_in(w, MAIL("a@near.test", "far0.test", 3));
    rt_sleep(1000);
    CHECK(deed(w, (struct queue_filter){.held = -1}, QUEUE_REMOVE, false) == 3);
    rt_sleep(100000);
    // one was taken; the others were left for the next transaction, which must not come
    CHECK(w->done == 1 && w->fars[0].rcpt_count == 1 && left(w) == 0);
}

static void wishes_are_kept_for_what_is_given_back(void **state)
{
    (void)state;
    run(new_world(), play_wish_of_rest);
}

static void play_retry_waived(struct world *w)
{
    struct queue_filter all = {.held = -1};

    hand_in_many(w, MAIL("a@near.test", "far3.test", 1, .more = {.waives_tls = true}), 5);
    rt_sleep(60000);
    CHECK(w->later == 1);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    CHECK(deed(w, all, QUEUE_RETRY, false) == 5);
    rt_sleep(2000);
    CHECK(w->done == 5);
}

static void retry_forgets_the_back_off_without_tls_too(void **state)
{
    (void)state;
    run(new_world(), play_retry_waived);
}

static void play_retry(struct world *w)
{
    struct queue_lane_info *lanes;
    struct arena arena;
    size_t count;

    hand_in_many(w, MAIL("a@near.test", "far3.test", 1), 5);
    rt_sleep(60000);
    arena_init(&arena, 1 << 20);
    CHECK(queue_lanes(&w->queue, &arena, &lanes, &count) == 0 && count == 1);
    CHECK(lanes[0].blocked_until_us > rt_wall_us() && lanes[0].waiting == 0);
    CHECK(str_starts(lanes[0].last, STR("4")));
    arena_done(&arena);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    CHECK(deed(w, (struct queue_filter){.held = -1, .lane = STR("far3")}, QUEUE_RETRY, false) == 5);
    rt_sleep(2000);
    CHECK(w->done == 5);
}

static void retry_forgets_the_back_off(void **state)
{
    (void)state;
    run(new_world(), play_retry);
}

static void play_overdue(struct world *w)
{
    struct rt_scope scope;
    uint64_t count;

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1), QUEUE_PAGE + 100);
    rt_sleep(60000);
    store_memory_slow(w->store);
    rt_within(&scope, 3600000);
    count = deed(w, (struct queue_filter){.held = -1}, QUEUE_RETRY, false);
    rt_within_end(&scope);
    CHECK(count > QUEUE_PAGE && count <= QUEUE_PAGE + 100 && left(w) == QUEUE_PAGE + 100);
}

static void retrying_what_is_overdue_comes_to_an_end(void **state)
{
    (void)state;
    run(new_world(), play_overdue);
}

static void play_flush(struct world *w)
{
    hand_in(w, MAIL("a@near.test", "far3.test", 5));
    hand_in(w, MAIL("a@near.test", "far3.test", 5));
    hand_in(w, MAIL("a@near.test", "far3.test", 1, .due_in_s = 86400)); // not before
    rt_sleep(60000);
    CHECK(w->later == 5);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    queue_flush(&w->queue, STR("far3.test"));
    rt_sleep(2000);
    CHECK(w->done == 10 && left(w) == 1);
    // those that fail again are not begun again by the same flush
    w->fars[3].fn = full_box;
    hand_in(w, MAIL("a@near.test", "far3.test", 2));
    queue_flush(&w->queue, STR("far3.test"));
    rt_sleep(10000);
    CHECK(w->done == 11 && w->later == 6 && left(w) == 2);
}

static void a_flush_begins_at_once(void **state)
{
    (void)state;
    run(new_world(), play_flush);
}

// ---- all of it at once

static const char *moody(struct far *far, struct str line)
{
    static const char *const answers[] = {"421 4.3.2 not now", "!", "450 4.2.0 later",
                                          "451 4.3.0 trouble", "452 4.2.2 full"};

    (void)far;
    (void)line;
    return rt_random() % 12 == 0 ? answers[rt_random() % 5] : NULL;
}

/// What may happen at any time.
static void something(struct world *w)
{
    struct queue_filter others = {.held = 0, .max = 10}, held = {.held = 1};
    char lane[16];

    snprintf(lane, sizeof(lane), "far%u.test", (unsigned)(rt_random() % 3));
    switch (rt_random() % 8) {
    case 0:
        queue_stop(&w->queue, (uint32_t)(rt_random() % 3000));
        CHECK(queue_start_with(&w->queue, &doors) == 0);
        break;
    case 1:
        deed(w, others, QUEUE_HOLD, false);
        break;
    case 2:
        deed(w, held, QUEUE_RELEASE, false);
        break;
    case 3:
        deed(w, others, QUEUE_RETRY, false);
        break;
    case 4:
        queue_flush(&w->queue, str_from(lane));
        break;
    case 5:
        w->finish_fails = (unsigned)(rt_random() % 3);
        break;
    default:
        hand_in(w, MAIL("a@near.test", lane, 1 + rt_random() % 4));
        break;
    }
}

static void play_history(struct world *w)
{
    uint64_t handed = 0;

    w->config.active_max = 100;
    w->config.connections_max = 5;
    for (int i = 0; i < 3; i++)
        w->fars[i].fn = moody;
    for (int i = 0; i < 150; i++) {
        something(w);
        rt_sleep((uint32_t)(rt_random() % 20000));
    }
    w->finish_fails = 0;
    for (int i = 0; i < 3; i++)
        w->fars[i].fn = NULL;
    for (int day = 0; day < 60 && left(w); day++) {
        deed(w, (struct queue_filter){.held = 1}, QUEUE_RELEASE, false);
        rt_sleep(86400000);
    }
    for (size_t i = 0; i < IDS_MAX; i++)
        handed += w->ended[i];
    CHECK(left(w) == 0 && handed == w->done + w->never && w->never == 0);
    CHECK(w->fars[0].rcpt_count + w->fars[1].rcpt_count + w->fars[2].rcpt_count >= w->done);
}

static void hostile_histories_end_well(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_in(new_world(), play_history, seed, &rt_sim_rough);
}

static void no_log(void *arg, struct str line)
{
    (void)arg;
    (void)line;
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
        cmocka_unit_test(sessions_are_kept_for_a_while),
        cmocka_unit_test(a_session_has_so_many_mails),
        cmocka_unit_test(a_kept_session_that_dies_costs_no_attempt),
        cmocka_unit_test(silence_after_the_dot_means_later),
        cmocka_unit_test(our_own_name_is_a_loop),
        cmocka_unit_test(a_host_that_may_come_back_is_waited_for),
        cmocka_unit_test(all_hosts_are_asked_to_keep_tls),
        cmocka_unit_test(hosts_that_keep_us_waiting_are_not_all_waited_for),
        cmocka_unit_test(the_next_host_is_tried),
        cmocka_unit_test(no_such_domain_ends_all),
        cmocka_unit_test(too_many_recipients_go_in_the_next_transaction),
        cmocka_unit_test(connections_grow_with_success),
        cmocka_unit_test(a_limit_of_connections_is_learnt),
        cmocka_unit_test(trouble_after_trouble_blocks),
        cmocka_unit_test(too_fast_is_learnt),
        cmocka_unit_test(memory_and_connections_are_bounded),
        cmocka_unit_test(what_was_kept_is_sent_after_a_start),
        cmocka_unit_test(a_stop_in_the_middle_loses_nothing),
        cmocka_unit_test(results_that_cannot_be_kept_are_kept_later),
        cmocka_unit_test(a_store_that_fails_stops_the_sending),
        cmocka_unit_test(results_are_kept_while_the_server_stops),
        cmocka_unit_test(reports_that_cannot_be_kept_hold_up_nobody),
        cmocka_unit_test(mail_of_the_future_and_deadlines),
        cmocka_unit_test(back_off_doubles_and_is_bounded),
        cmocka_unit_test(the_operator_holds_releases_and_removes),
        cmocka_unit_test(what_is_in_flight_is_left_alone),
        cmocka_unit_test(wishes_for_what_is_in_flight_are_kept),
        cmocka_unit_test(wishes_are_kept_for_what_is_given_back),
        cmocka_unit_test(retry_forgets_the_back_off),
        cmocka_unit_test(retry_forgets_the_back_off_without_tls_too),
        cmocka_unit_test(retrying_what_is_overdue_comes_to_an_end),
        cmocka_unit_test(a_flush_begins_at_once),
        cmocka_unit_test(hostile_histories_end_well),
    };

    log_set_level(LOG_ERROR);
    log_set_sink(no_log, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
