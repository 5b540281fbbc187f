// SPDX-License-Identifier: ISC
#include "queue/harness.h"

#include "log/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

const struct queue_doors world_doors = {fake_hosts, fake_finish, fake_note};

// ---- mails

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

uint64_t hand_in(struct world *w, const struct order *o)
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

void hand_in_many(struct world *w, const struct order *o, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hand_in(w, o);
}

uint64_t left(struct world *w)
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
        CHECK(queue_start_with(&w->queue, &world_doors) == 0);
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

struct world *new_world(void)
{
    the_world = calloc(1, sizeof(*the_world));
    CHECK(the_world);
    defaults(the_world);
    return the_world;
}

void run_in(struct world *w, void (*fn)(struct world *w), uint64_t seed,
            const struct rt_sim_config *config)
{
    w->play = fn;
    assert_int_equal(rt_sim_new(seed, config, &w->rt), 0);
    assert_int_equal(rt_run(w->rt, play, w), 0);
    rt_free(w->rt);
    free(w);
}

void run(struct world *w, void (*fn)(struct world *w))
{
    run_in(w, fn, 1, &rt_sim_calm);
}

// ---- the operator

static int count_entries(void *arg, const struct queue_entry *e, bool is_in_flight)
{
    (void)e;
    *(unsigned *)arg += is_in_flight ? 1000 : 1;
    return 0;
}

unsigned seen(struct world *w, struct queue_filter f)
{
    unsigned count = 0;

    CHECK(queue_each(&w->queue, &f, count_entries, &count) == 0);
    return count;
}

uint64_t deed(struct world *w, struct queue_filter f, enum queue_deed what, bool dry)
{
    uint64_t count;

    CHECK(queue_do(&w->queue, &f, what, dry, &count) == 0);
    return count;
}

// ---- whims

const char *full_box(struct far *far, struct str line)
{
    (void)far;
    return str_starts(line, STR("RCPT TO:<r1@")) ? "452 4.2.2 mailbox full" : NULL;
}

// ---- the frame

static void no_log(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

void silence(void)
{
    log_set_level(LOG_ERROR);
    log_set_sink(no_log, NULL);
}
