// SPDX-License-Identifier: ISC
//
// The lanes of one loop and the entries in memory. A lane that has work and may have one more
// connection stands in the ring `wanting`; connections are given out one at a time round that ring,
// so no lane takes them all. A lane that is blocked holds no entries: they wait in the store, and
// nothing is written for that.
#include "base/check.h"
#include "log/log.h"

#include "queue/inside.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

static void on_unblock(struct rt_timer *timer, uint64_t now_us);

// ---- lanes

enum { LANE_KEY_MAX = STORE_QUEUE_LANE_MAX + 1 };

static struct str make_key(char key[LANE_KEY_MAX], struct str name, enum route_care care)
{
    size_t len = name.len < STORE_QUEUE_LANE_MAX ? name.len : STORE_QUEUE_LANE_MAX;

    key[0] = " !~"[care];
    memcpy(key + 1, name.ptr, len);
    return str_of(key, len + 1);
}

struct queue_lane *queue_lane_find(struct queue_shard *shard, struct str name, enum route_care care)
{
    char key[LANE_KEY_MAX];

    return map_get(&shard->lanes, make_key(key, name, care));
}

static struct queue_lane *new_lane(struct queue_shard *shard, struct str name, enum route_care care)
{
    struct queue_lane *lane = calloc(1, sizeof(*lane) + name.len + 1);

    CHECK(lane);
    lane->shard = shard;
    lane->care = care;
    memcpy(lane->bytes, name.ptr, name.len);
    lane->name = str_of(lane->bytes, name.len);
    list_init(&lane->levels);
    list_init(&lane->idle_workers);
    queue_pace_init(&lane->pace);
    lane->timer.fire = on_unblock;
    return lane;
}

static void free_lane(struct queue_lane *lane)
{
    char key[LANE_KEY_MAX];

    CHECK(lane->waiting == 0 && lane->in_flight == 0 && lane->connections == 0 && lane->pins == 0);
    map_take(&lane->shard->lanes, make_key(key, lane->name, lane->care));
    list_remove(&lane->in_idle);
    list_remove(&lane->in_wanting);
    list_remove(&lane->in_refill);
    rt_timer_set(&lane->shard->timers, &lane->timer, RT_NEVER);
    queue_ways_drop(lane->ways);
    free(lane);
}

/// What the oldest idle lanes had learnt is forgotten when there are many. Blocked ones stay
/// longer; of those that go, the scanner finds the entries again.
static bool forget_lane(struct queue_shard *shard)
{
    size_t idle = 0;

    if (shard->lanes.count <= QUEUE_LANES_IDLE)
        return false;
    LIST_EACH (&shard->idle, it) {
        struct queue_lane *lane = LIST_OF(it, struct queue_lane, in_idle);
        bool is_too_much = shard->lanes.count > QUEUE_LANES_MAX;

        if (idle++ >= 16)
            break;
        if (lane->pins || (lane->more && !is_too_much))
            continue;
        if (queue_lane_is_blocked(lane) && !is_too_much)
            continue;
        if (lane->more)
            queue_told(shard->schedule, INT64_MIN);
        free_lane(lane);
        return true;
    }
    return false;
}

struct queue_lane *queue_lane_need(struct queue_shard *shard, struct str name, enum route_care care)
{
    struct queue_lane *lane = queue_lane_find(shard, name, care);
    char key[LANE_KEY_MAX];

    if (lane)
        return lane;
    forget_lane(shard);
    lane = new_lane(shard, name, care);
    map_put(&shard->lanes, make_key(key, name, care), lane);
    list_put_last(&shard->idle, &lane->in_idle);
    return lane;
}

bool queue_lane_is_blocked(const struct queue_lane *lane)
{
    return lane->pace.blocked_until > rt_now_us();
}

/// How many entries of one lane there may be in memory now: the fuller memory is, the less, so that
/// there is room for new ones.
static size_t room_of(const struct queue_lane *lane)
{
    struct queue_schedule *schedule = lane->shard->schedule;
    size_t active = schedule->active, max = queue_settings_now(schedule)->active_max;
    size_t most = active < max / 2 ? QUEUE_PAGE : active < max / 4 * 3 ? QUEUE_PAGE / 4 : 20;

    if (active >= max)
        return 0;
    if (most > max - active)
        most = max - active;
    return most > lane->waiting ? most - lane->waiting : 0;
}

static bool is_idle(const struct queue_lane *lane)
{
    return lane->waiting == 0 && lane->in_flight == 0 && lane->connections == 0;
}

static bool wants_refill(const struct queue_lane *lane)
{
    size_t room = room_of(lane);
    size_t most = queue_settings_now(lane->shard->schedule)->active_max;

    if (lane->needs_sweep)
        return true;
    // A reading should be worth its while.
    return lane->more && !queue_lane_is_blocked(lane) && room >= lane->waiting * 7 &&
           room >= (most < 80 ? most / 8 : 10) && room > 0;
}

static void set_idle(struct queue_lane *lane)
{
    if (!is_idle(lane)) {
        list_remove(&lane->in_idle);
        return;
    }
    // Its hosts are asked for again then: the resolver remembers the answers.
    queue_ways_drop(lane->ways);
    lane->ways = NULL;
    if (!list_is_in(&lane->in_idle))
        list_put_last(&lane->shard->idle, &lane->in_idle);
}

static bool wants_connection(const struct queue_lane *lane)
{
    unsigned max = lane->pace.connections_max;
    unsigned most = (unsigned)queue_settings_now(lane->shard->schedule)->lane_connections_max;

    return lane->jobs > lane->starting && lane->connections < (max < most ? max : most) &&
           !queue_lane_is_blocked(lane) && !queue_is_stuck(lane->shard->schedule);
}

static void call_worker(struct queue_lane *lane)
{
    struct list *first = list_take_first(&lane->idle_workers);
    struct queue_worker *w = LIST_OF(first, struct queue_worker, in_idle);

    w->is_called = true;
    lane->starting++;
    queue_bell_ring(&w->bell);
}

void queue_lane_touch(struct queue_lane *lane)
{
    struct queue_shard *shard = lane->shard;

    set_idle(lane);
    if (shard->is_stopping)
        return;
    if (wants_refill(lane) && !list_is_in(&lane->in_refill)) {
        list_put_last(&shard->refill, &lane->in_refill);
        queue_bell_ring(&shard->bell);
    }
    while (lane->jobs > lane->starting && !list_is_empty(&lane->idle_workers))
        call_worker(lane);
    if (wants_connection(lane) && !list_is_in(&lane->in_wanting))
        list_put_last(&shard->wanting, &lane->in_wanting);
}

// ---- blocking

void queue_lane_note(struct queue_lane *lane, const struct outcome *o, struct str host)
{
    snprintf(lane->last, sizeof(lane->last), "%u %.*s%s%.*s", o->code, STR_ARG(o->enhanced),
             o->enhanced.len ? " " : "", STR_ARG(o->text));
    snprintf(lane->last_host, sizeof(lane->last_host), "%.*s", STR_ARG(host));
}

static void drop_waiting(struct queue_lane *lane)
{
    struct queue_item *item;

    while ((item = queue_lane_any(lane))) {
        queue_lane_remove(item);
        map_take_u64(&lane->shard->items, item->id);
        queue_active_drop(lane->shard->schedule);
        free(item);
        lane->more = true;
    }
}

void queue_lane_block(struct queue_lane *lane, const struct outcome *o)
{
    struct queue_shard *shard = lane->shard;
    const struct queue_config *config = queue_settings_now(shard->schedule);
    struct queue_back_off b = {config->retry_first, config->retry_max};
    uint64_t wait_us = queue_pace_block(&lane->pace, &b, rt_random());
    struct log_line line;

    lane->pace.blocked_until = rt_now_us() + wait_us;
    lane->pace.blocked_until_us = rt_wall_us() + (int64_t)wait_us;
    rt_timer_set(&shard->timers, &lane->timer, lane->pace.blocked_until);
    drop_waiting(lane);
    lane->needs_sweep = lane->more;
    log_begin(&line, LOG_INFO, "queue/lane", "blocked");
    log_str(&line, "lane", lane->name);
    log_u64(&line, "seconds", wait_us / 1000000);
    log_u64(&line, "times", lane->pace.blocks);
    log_str(&line, "text", o->text);
    log_end(&line);
    queue_bell_ring(&shard->bell);
    queue_lane_touch(lane);
}

void queue_lane_unblock(struct queue_lane *lane)
{
    lane->pace.blocked_until = 0;
    lane->pace.blocked_until_us = 0;
    rt_timer_set(&lane->shard->timers, &lane->timer, RT_NEVER);
    queue_lane_touch(lane);
    queue_shard_pump(lane->shard);
}

static void on_unblock(struct rt_timer *timer, uint64_t now_us)
{
    (void)now_us;
    queue_lane_unblock(LIST_OF(timer, struct queue_lane, timer));
}

// ---- entries

struct queue_item *queue_item_new(const struct store_queue_entry *row)
{
    struct queue_item *item = calloc(1, sizeof(*item) + row->lane.len + row->value.len);
    struct store_queue_entry own = *row;

    CHECK(item);
    memcpy(item->bytes, row->lane.ptr, row->lane.len);
    memcpy(item->bytes + row->lane.len, row->value.ptr, row->value.len);
    own.lane.ptr = item->bytes;
    own.value.ptr = item->bytes + row->lane.len;
    item->id = row->id;
    item->body = row->body;
    if (queue_entry_parse(&own, &item->entry))
        return item;
    free(item);
    return NULL;
}

static void log_unreadable(const struct store_queue_entry *row)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "queue/shard", "entry cannot be read, and stays where it is");
    log_mail(&line, row->mail_id);
    log_u64(&line, "entry", row->id);
    log_end(&line);
}

/// Is it in memory, or has it ended after this row was read? What ended before is forgotten.
static bool is_known(struct queue_shard *shard, uint64_t id, uint64_t began)
{
    struct queue_item *item = map_get_u64(&shard->items, id);

    if (!item)
        return false;
    if (item->state != QUEUE_ENDED || item->ended_at >= began)
        return true;
    list_remove(&item->link);
    map_take_u64(&shard->items, id);
    free(item);
    return false;
}

void queue_shard_take(struct queue_shard *shard, const struct store_queue_entry *row,
                      uint64_t began)
{
    struct queue_item *item;
    struct queue_lane *lane;

    if (shard->is_stopping || is_known(shard, row->id, began))
        return;
    item = queue_item_new(row);
    if (!item) {
        log_unreadable(row);
        return;
    }
    lane = queue_lane_need(shard, row->lane, queue_entry_care(&item->entry));
    if (queue_lane_is_blocked(lane) || room_of(lane) == 0) {
        lane->more = true;
        free(item);
    } else {
        item->lane = lane;
        map_put_u64(&shard->items, item->id, item);
        queue_active_add(shard->schedule);
        queue_lane_put(lane, item);
    }
    queue_lane_touch(lane);
}

/// Out of the turn of a worker that still looks for a host.
static void take_from_worker(struct queue_item *item)
{
    struct queue_lane *lane = item->lane;

    list_remove(&item->link);
    item->worker->turn_count--;
    lane->in_flight--;
    queue_active_drop(lane->shard->schedule);
    queue_lane_touch(lane);
}

static bool is_being_sent(const struct queue_item *item)
{
    return item->state == QUEUE_IN_FLIGHT && !item->worker->is_opening;
}

struct queue_item *queue_shard_claim(struct queue_shard *shard, uint64_t id)
{
    struct queue_item *item = map_get_u64(&shard->items, id);

    if (item && (is_being_sent(item) || item->state == QUEUE_CLAIMED))
        return NULL;
    if (!item) {
        item = calloc(1, sizeof(*item));
        CHECK(item);
        item->id = id;
        map_put_u64(&shard->items, id, item);
    } else if (item->state == QUEUE_WAITING) {
        struct queue_lane *lane = item->lane;

        queue_lane_remove(item);
        queue_active_drop(shard->schedule);
        queue_lane_touch(lane);
    } else if (item->state == QUEUE_IN_FLIGHT) {
        take_from_worker(item);
    } else {
        list_remove(&item->link);
    }
    item->state = QUEUE_CLAIMED;
    item->lane = NULL;
    return item;
}

void queue_shard_end(struct queue_shard *shard, struct queue_item *item)
{
    struct queue_lane *lane = item->lane;

    list_remove(&item->link);
    if (item->state == QUEUE_IN_FLIGHT) {
        lane->in_flight--;
        queue_active_drop(shard->schedule);
        queue_lane_touch(lane);
    }
    item->state = QUEUE_ENDED;
    item->lane = NULL;
    item->ended_at = queue_news_clock(shard->schedule);
    list_put_last(&shard->ended, &item->link);
}

void queue_shard_forget(struct queue_shard *shard)
{
    uint64_t oldest;

    if (list_is_empty(&shard->ended))
        return;
    oldest = queue_news_oldest(shard->schedule);
    LIST_EACH (&shard->ended, it) {
        struct queue_item *item = LIST_OF(it, struct queue_item, link);

        if (item->ended_at >= oldest)
            break;
        list_remove(it);
        map_take_u64(&shard->items, item->id);
        free(item);
    }
}

void queue_shard_give_back(struct queue_item *item)
{
    struct queue_lane *lane = item->lane;

    list_remove(&item->link);
    lane->in_flight--;
    if (queue_lane_is_blocked(lane) || lane->shard->is_stopping) {
        map_take_u64(&lane->shard->items, item->id);
        queue_active_drop(lane->shard->schedule);
        lane->more = true;
        free(item);
    } else {
        queue_lane_put(lane, item);
    }
    queue_lane_touch(lane);
}

// ---- connections

void queue_shard_pump(struct queue_shard *shard)
{
    while (!shard->is_stopping && !list_is_empty(&shard->wanting)) {
        struct queue_lane *lane = LIST_OF(shard->wanting.next, struct queue_lane, in_wanting);

        if (!wants_connection(lane)) {
            list_remove(&lane->in_wanting);
            continue;
        }
        if (!queue_slot_take(shard))
            return;
        list_remove(&lane->in_wanting);
        if (queue_worker_start(lane) < 0) { // no task is free: when one has ended
            list_put_last(&shard->wanting, &lane->in_wanting);
            queue_slot_give(shard);
            return;
        }
        queue_lane_touch(lane);
    }
}

// ---- the keeper

/// [await] The first of that list. When it ends it moves to `gone`.
static void join_first(struct list *workers)
{
    struct queue_worker *w = LIST_OF(workers->next, struct queue_worker, link);

    rt_join(w->task);
    list_remove(&w->link);
    queue_worker_free(w);
}

static void join_workers(struct queue_shard *shard)
{
    while (!list_is_empty(&shard->gone))
        join_first(&shard->gone);
}

static void refill_lanes(struct queue_shard *shard)
{
    struct list *link;

    while (!shard->is_stopping && (link = list_take_first(&shard->refill))) {
        struct queue_lane *lane = LIST_OF(link, struct queue_lane, in_refill);

        lane->pins++;
        if (lane->needs_sweep)
            queue_sweep(lane);
        if (wants_refill(lane))
            queue_refill(lane);
        lane->pins--;
        queue_lane_touch(lane);
        queue_shard_pump(shard);
        join_workers(shard);
    }
}

/// Those that found no room while memory was full, or had to wait for the store.
static void look_for_room(struct queue_shard *shard)
{
    size_t at = 0;
    void *value;

    while (map_next(&shard->lanes, &at, NULL, &value))
        queue_lane_touch(value);
}

static uint64_t time_to_sleep(const struct queue_shard *shard)
{
    uint64_t next = rt_timers_next(&shard->timers), now = rt_now_us();
    uint64_t most = 3600 * 1000000ull;

    // No task was free: that is told to nobody.
    if (!list_is_empty(&shard->wanting) && !shard->wants_slot)
        most = 1000000;
    if (next == RT_NEVER || next > now + most)
        return most;
    return next > now ? next - now : 0;
}

/// However long they take: who stops the schedule cancels those that take too long.
static void end_workers(struct queue_shard *shard)
{
    LIST_EACH (&shard->workers, it)
        queue_bell_ring(&LIST_OF(it, struct queue_worker, link)->bell);
    while (!list_is_empty(&shard->workers))
        join_first(&shard->workers);
    join_workers(shard);
}

int queue_shard_keep(void *arg)
{
    struct queue_shard *shard = arg;

    while (!shard->is_stopping) {
        join_workers(shard);
        rt_timers_fire(&shard->timers, rt_now_us());
        if (atomic_exchange(&shard->wants_look, false))
            look_for_room(shard);
        refill_lanes(shard);
        queue_shard_pump(shard);
        queue_shard_forget(shard);
        while (forget_lane(shard))
            continue;
        if (queue_bell_wait(&shard->bell, time_to_sleep(shard)) == -ECANCELED)
            shard->is_stopping = true;
    }
    end_workers(shard);
    queue_shard_left(shard);
    return 0;
}

// ---- a shard

void queue_shard_init(struct queue_shard *shard, struct queue_schedule *schedule,
                      struct rt_loop *loop)
{
    *shard = (struct queue_shard){.schedule = schedule, .loop = loop};
    map_init(&shard->lanes, schedule->seed);
    map_init(&shard->items, schedule->seed);
    map_init(&shard->jobs, schedule->seed);
    list_init(&shard->ended);
    list_init(&shard->wanting);
    list_init(&shard->refill);
    list_init(&shard->idle);
    list_init(&shard->workers);
    list_init(&shard->gone);
    queue_bell_init(&shard->bell);
}

void queue_shard_done(struct queue_shard *shard)
{
    size_t at = 0;
    void *value;

    while (map_next(&shard->lanes, &at, NULL, &value)) {
        drop_waiting(value);
        free_lane(value);
    }
    at = 0;
    while (map_next(&shard->items, &at, NULL, &value))
        free(value);
    map_done(&shard->items);
    map_done(&shard->lanes);
    map_done(&shard->jobs);
    rt_timers_done(&shard->timers);
    queue_bell_done(&shard->bell);
}
