// SPDX-License-Identifier: ISC
//
// The queue, for the command line: looking at it, and what an operator may do to it. Without a
// server the entries are changed in the store, and the next server finds them so.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "queue/entry.h"
#include "queue/queue.h"

#include "app/operation.h"
#include "app/server.h"

enum { LIST_DEFAULT = 1000, LIST_MAX = 100000, LANES_MAX = 100000 };

/// The server's, or one that has the store only.
static struct queue *queue_of(struct operation *op, struct queue *own)
{
    if (op->site->server)
        return server_queue(op->site->server);
    *own = (struct queue){.store = op->site->store};
    return own;
}

static struct queue_filter filter_of(const struct operation *op)
{
    struct queue_filter filter = {.held = -1};
    bool held;

    operation_number(op, "entry", &filter.id);
    filter.mail_id = operation_hex(op, "mail");
    filter.sender = operation_text(op, "sender");
    filter.recipient = operation_text(op, "recipient");
    filter.lane = operation_text(op, "lane");
    if (operation_bool(op, "held", &held))
        filter.held = held;
    return filter;
}

static int answer(struct operation *op, int r)
{
    if (r >= 0)
        return EX_OK;
    buf_put(op->why, str_from(strerror(-r)));
    return EX_IOERR;
}

// ---- list

static json_t *entry_json(const struct queue_entry *e, bool is_in_flight)
{
    CLEANUP(buf_drop) struct buf id = {.max = 32};
    json_t *json;

    buf_putf(&id, "%016llx", (unsigned long long)e->mail_id);
    json = json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:i}", "entry",
                     (json_int_t)e->id, "mail", buf_cstr(&id), "sender", operation_json(e->sender),
                     "recipient", operation_json(e->recipient), "lane", operation_json(e->lane),
                     "size", (json_int_t)e->body.size, "arrived", (json_int_t)e->arrived_s,
                     "expires", (json_int_t)e->expires_s, "attempts", (json_int_t)e->attempts,
                     "held", e->due_us == STORE_QUEUE_HELD, "in_flight", is_in_flight, "priority",
                     e->priority);
    if (e->due_us != STORE_QUEUE_HELD)
        json_object_set_new(json, "due", json_integer((json_int_t)(e->due_us / 1000000)));
    if (e->last_code) {
        json_object_set_new(json, "last_code", json_integer((json_int_t)e->last_code));
        json_object_set_new(json, "last_text", operation_json(e->last_text));
        json_object_set_new(json, "last_host", operation_json(e->last_host));
        json_object_set_new(json, "last_tried", json_integer((json_int_t)e->last_s));
    }
    return json;
}

static int list_entry(void *arg, const struct queue_entry *e, bool is_in_flight)
{
    json_array_append_new(arg, entry_json(e, is_in_flight));
    return 0;
}

int operate_queue_list(struct operation *op)
{
    struct queue own, *queue = queue_of(op, &own);
    struct queue_filter filter = filter_of(op);
    json_t *entries = json_array();
    uint64_t max = LIST_DEFAULT, all, held;
    int r;

    operation_number(op, "max", &max);
    filter.max = (size_t)(max && max < LIST_MAX ? max : LIST_MAX);
    r = queue_each(queue, &filter, list_entry, entries);
    operation_put(op, "entries", entries);
    store_queue_count(queue->store, &all, &held);
    operation_put(op, "all", json_integer((json_int_t)all));
    operation_put(op, "held", json_integer((json_int_t)held));
    return answer(op, r);
}

// ---- summary

struct lane_sum {
    struct str name;
    uint64_t count, held, in_flight, bytes;
    int64_t oldest_s, next_us;
};

struct summing {
    struct arena *arena;
    struct map lanes;
    struct lane_sum **items;
    size_t count;
};

static struct lane_sum *lane_of(struct summing *s, struct str name)
{
    struct lane_sum *lane = map_get(&s->lanes, name);

    if (lane || s->count == LANES_MAX)
        return lane;
    lane = ARENA_NEW(s->arena, struct lane_sum);
    *lane = (struct lane_sum){.name = arena_str(s->arena, name), .next_us = STORE_QUEUE_HELD};
    map_put(&s->lanes, lane->name, lane);
    s->items[s->count++] = lane;
    return lane;
}

static int sum_entry(void *arg, const struct queue_entry *e, bool is_in_flight)
{
    struct lane_sum *lane = lane_of(arg, e->lane);

    if (!lane)
        return 0;
    lane->count++;
    lane->held += e->due_us == STORE_QUEUE_HELD;
    lane->in_flight += is_in_flight;
    lane->bytes += e->body.size;
    if (!lane->oldest_s || e->arrived_s < lane->oldest_s)
        lane->oldest_s = e->arrived_s;
    if (e->due_us < lane->next_us)
        lane->next_us = e->due_us;
    return 0;
}

static json_t *lane_json(const struct lane_sum *lane, const struct queue_lane_info *now)
{
    json_t *json = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "lane", operation_json(lane->name),
                             "entries", (json_int_t)lane->count, "held", (json_int_t)lane->held,
                             "in_flight", (json_int_t)lane->in_flight, "bytes",
                             (json_int_t)lane->bytes, "oldest", (json_int_t)lane->oldest_s);

    if (lane->next_us != STORE_QUEUE_HELD)
        json_object_set_new(json, "next", json_integer((json_int_t)(lane->next_us / 1000000)));
    if (!now)
        return json;
    json_object_set_new(json, "connections", json_integer((json_int_t)now->connections));
    json_object_set_new(json, "connections_max", json_integer((json_int_t)now->connections_max));
    json_object_set_new(json, "last", operation_json(now->last));
    if (now->blocked_until_us)
        json_object_set_new(json, "blocked_until",
                            json_integer((json_int_t)(now->blocked_until_us / 1000000)));
    return json;
}

static int most_first(const void *a, const void *b)
{
    const struct lane_sum *x = *(struct lane_sum *const *)a, *y = *(struct lane_sum *const *)b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static const struct queue_lane_info *info_of(const struct queue_lane_info *infos, size_t count,
                                             struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(infos[i].name, name))
            return &infos[i];
    }
    return NULL;
}

static void put_lanes(struct operation *op, const struct queue *queue, struct summing *s)
{
    struct queue_lane_info *infos = NULL;
    json_t *lanes = json_array();
    size_t info_count = 0;

    if (s->count > 0)
        qsort(s->items, s->count, sizeof(struct lane_sum *), most_first);
    if (queue->schedule)
        queue_lanes(queue, &op->arena, &infos, &info_count);
    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(
            lanes, lane_json(s->items[i], info_of(infos, info_count, s->items[i]->name)));
    operation_put(op, "lanes", lanes);
}

int operate_queue_summary(struct operation *op)
{
    static const uint64_t seed[2];
    struct queue own, *queue = queue_of(op, &own);
    struct queue_filter filter = filter_of(op);
    struct summing s = {.arena = &op->arena};
    uint64_t all, held;
    int r;

    map_init(&s.lanes, seed);
    s.items = ARENA_ARRAY(&op->arena, struct lane_sum *, LANES_MAX);
    r = queue_each(queue, &filter, sum_entry, &s);
    put_lanes(op, queue, &s);
    map_done(&s.lanes);
    store_queue_count(queue->store, &all, &held);
    operation_put(op, "all", json_integer((json_int_t)all));
    operation_put(op, "held", json_integer((json_int_t)held));
    return answer(op, r);
}

// ---- deeds

int operate_queue_do(struct operation *op)
{
    static const struct {
        const char *name;
        enum queue_deed deed;
    } deeds[] = {
        {"retry", QUEUE_RETRY},   {"hold", QUEUE_HOLD},     {"release", QUEUE_RELEASE},
        {"remove", QUEUE_REMOVE}, {"bounce", QUEUE_BOUNCE},
    };
    struct queue own, *queue = queue_of(op, &own);
    struct queue_filter filter = filter_of(op);
    struct str name = operation_text(op, "deed");
    bool dry_run = false;
    uint64_t count = 0;

    operation_bool(op, "dry_run", &dry_run);
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        int r;

        if (!str_eq(name, str_from(deeds[i].name)))
            continue;
        if (deeds[i].deed == QUEUE_BOUNCE && !op->site->server) {
            buf_put(op->why, STR("only a running server can send reports; start it first"));
            return EX_UNAVAILABLE;
        }
        r = queue_do(queue, &filter, deeds[i].deed, dry_run, &count);
        operation_put(op, "count", json_integer((json_int_t)count));
        return answer(op, r);
    }
    return EX_USAGE;
}
