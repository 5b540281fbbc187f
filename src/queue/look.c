// SPDX-License-Identifier: ISC
//
// What the operator sees: entries, and lanes. Reading takes the store page by page; what is under
// way is asked of the shards.
#include "base/check.h"

#include "queue/inside.h"
#include "queue/walk.h"

// ---- entries

struct looking {
    const struct store_queue_list *list;
    bool *in_flight;
};

static void look(struct queue_shard *shard, void *arg)
{
    struct looking *l = arg;

    for (size_t i = 0; i < l->list->count; i++) {
        const struct queue_item *item = map_get_u64(&shard->items, l->list->items[i].id);

        if (item && item->state == QUEUE_IN_FLIGHT)
            l->in_flight[i] = true;
    }
}

static bool *look_in_flight(const struct queue *queue, const struct store_queue_list *list)
{
    struct looking l = {list, calloc(list->count + 1, sizeof(bool))};
    struct queue_news *news = queue_news_open(queue); // it is not freed while these are open
    struct queue_schedule *schedule = news ? queue_news_schedule(news) : NULL;

    CHECK(l.in_flight);
    for (unsigned i = 0; schedule && i < schedule->shard_count; i++)
        queue_ask(&schedule->shards[i], look, &l);
    queue_news_close(news);
    return l.in_flight;
}

int queue_each(const struct queue *queue, const struct queue_filter *filter,
               int (*each)(void *arg, const struct queue_entry *entry, bool is_in_flight),
               void *arg)
{
    struct queue_walk walk;
    size_t told = 0;
    int r;

    queue_walk_init(&walk, queue, filter);
    while ((r = queue_walk_next(&walk)) == 0 && walk.list.count) {
        bool *in_flight = look_in_flight(queue, &walk.list);

        for (size_t i = 0; r == 0 && i < walk.list.count; i++) {
            struct queue_entry entry;

            if (filter->max && told == filter->max)
                break;
            queue_entry_parse(&walk.list.items[i], &entry);
            if (!queue_walk_wants(filter, &entry))
                continue;
            told++;
            r = each(arg, &entry, in_flight[i]);
        }
        free(in_flight);
        if (r || (filter->max && told == filter->max))
            break;
        r = queue_walk_may_go_on();
        if (r < 0)
            break;
    }
    queue_walk_done(&walk);
    return r;
}

// ---- lanes

struct listing {
    struct arena *arena;
    struct queue_lane_info *items;
    size_t count;
};

static void list_lanes(struct queue_shard *shard, void *arg)
{
    struct listing *l = arg;
    struct queue_lane_info *items;
    size_t at = 0;
    void *value;

    items = ARENA_ARRAY(l->arena, struct queue_lane_info, l->count + shard->lanes.count + 1);
    if (l->count)
        memcpy(items, l->items, l->count * sizeof(*items));
    l->items = items;
    while (map_next(&shard->lanes, &at, NULL, &value)) {
        const struct queue_lane *lane = value;

        items[l->count++] = (struct queue_lane_info){
            .name = arena_str(l->arena, lane->name),
            .waiting = lane->waiting,
            .in_flight = lane->in_flight,
            .connections = lane->connections,
            .connections_max = lane->pace.connections_max,
            .blocked_until_us = queue_lane_is_blocked(lane) ? lane->pace.blocked_until_us : 0,
            .last = arena_str(l->arena, str_from(lane->last)),
        };
    }
}

int queue_lanes(const struct queue *queue, struct arena *arena, struct queue_lane_info **out,
                size_t *out_count)
{
    struct queue_news *news = queue_news_open(queue);
    struct listing l = {.arena = arena};

    if (news) {
        struct queue_schedule *schedule = queue_news_schedule(news);

        for (unsigned i = 0; i < schedule->shard_count; i++)
            queue_ask(&schedule->shards[i], list_lanes, &l);
    }
    queue_news_close(news);
    *out = l.items;
    *out_count = l.count;
    return 0;
}
