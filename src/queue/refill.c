// SPDX-License-Identifier: ISC
//
// What the scanner passed over: a lane reads its own entries from the store, from the beginning,
// when it has room again; those in memory already, or finished meanwhile, are passed over. And the
// sweep: a lane that is blocked makes no attempts, but an entry whose time is over goes back to its
// sender all the same, and one that waits for long is told of.
#include "base/check.h"
#include "log/log.h"

#include "queue/inside.h"

#include <errno.h>

// ---- more of a lane

/// After a flush: those that were put off before it.
static bool is_flushed(const struct queue_lane *lane, const struct store_queue_entry *row)
{
    struct queue_entry entry;

    if (!queue_entry_parse(row, &entry) || entry.attempts == 0)
        return false;
    return entry.last_s * 1000000 < lane->flush_us;
}

static void take(struct queue_lane *lane, const struct store_queue_list *list, int64_t now_us,
                 uint64_t began)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct store_queue_entry *row = &list->items[i];

        if (row->due_us <= now_us || is_flushed(lane, row))
            queue_shard_take(lane->shard, row, began);
    }
}

/// The lane's `more` is set by queue_shard_take when one of them found no room.
void queue_refill(struct queue_lane *lane)
{
    struct queue_schedule *schedule = lane->shard->schedule;
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    struct store_queue_list list = {0};
    int64_t flush_us = lane->flush_us;
    int r = 0;

    lane->more = false;
    do {
        struct queue_news *news = queue_news_begin(schedule);
        int64_t now_us = rt_wall_us();

        r = store_queue_due(schedule->queue->store, lane->name,
                            flush_us ? STORE_QUEUE_HELD - 1 : now_us, &cursor, QUEUE_PAGE, &list);
        if (r == 0)
            take(lane, &list, now_us, queue_news_began(news));
        queue_news_close(news);
    } while (r == 0 && list.count == QUEUE_PAGE && !lane->more && !lane->shard->is_stopping);
    if (r < 0) {
        log_failure("queue/refill", "cannot read a lane's entries", r);
        lane->more = true;
        if (rt_sleep(1000) == -ECANCELED)
            lane->shard->is_stopping = true; // the runtime ends: nothing is read any more
    } else if (!lane->more && lane->flush_us == flush_us) {
        lane->flush_us = 0;
    }
    store_queue_list_done(&list);
}

// ---- those whose time is over

static bool is_over(const struct queue_schedule *schedule, const struct queue_entry *e)
{
    int64_t now_s = rt_wall_s();
    int64_t warning_s = (int64_t)(queue_settings_now(schedule)->delay_warning / 1000);

    if (e->expires_s && e->expires_s <= now_s)
        return true;
    if (e->by != ENVELOPE_BY_NONE && e->by_s <= now_s && e->last_s < e->by_s)
        return true;
    return warning_s && !e->is_warned && !e->is_report && e->arrived_s + warning_s <= now_s;
}

/// Claims it with a copy of what its report needs.
static struct queue_item *claim(struct queue_lane *lane, const struct store_queue_entry *row)
{
    struct queue_item *item;

    if (map_get_u64(&lane->shard->items, row->id))
        return NULL;
    item = queue_item_new(row);
    if (!item)
        return NULL;
    if (queue_entry_care(&item->entry) != lane->care ||
        !is_over(lane->shard->schedule, &item->entry)) {
        free(item);
        return NULL;
    }
    item->state = QUEUE_CLAIMED;
    map_put_u64(&lane->shard->items, item->id, item);
    return item;
}

static void sweep_page(struct queue_lane *lane, const struct store_queue_list *list)
{
    static const struct outcome too_late = {
        NEVER, 554, {"5.4.7", 5}, {"delivery time expired", 21}};
    const struct outcome blocked = {LATER, 451, STR("4.4.1"), str_from(lane->last)};
    struct queue_verdict *verdicts = calloc(list->count, sizeof(*verdicts));
    size_t count = 0;

    CHECK(verdicts);
    for (size_t i = 0; i < list->count; i++) {
        struct queue_item *item = claim(lane, &list->items[i]);

        if (item)
            verdicts[count++] = (struct queue_verdict){
                .item = item, .outcome = queue_is_too_late(&item->entry) ? too_late : blocked};
    }
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count; to++) {
            if (verdicts[to].item->entry.mail_id != verdicts[from].item->entry.mail_id)
                break;
        }
        queue_keep(lane->shard, verdicts + from, to - from, str_from(lane->last_host), STR(""));
    }
    free(verdicts);
}

void queue_sweep(struct queue_lane *lane)
{
    struct queue_schedule *schedule = lane->shard->schedule;
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    struct store_queue_list list = {0};
    int r;

    lane->needs_sweep = false;
    do {
        struct queue_news *news = queue_news_begin(schedule);

        r = store_queue_due(schedule->queue->store, lane->name, rt_wall_us(), &cursor, QUEUE_PAGE,
                            &list);
        if (r == 0 && list.count)
            sweep_page(lane, &list);
        queue_news_close(news);
    } while (r == 0 && list.count == QUEUE_PAGE && queue_lane_is_blocked(lane) &&
             !lane->shard->is_stopping);
    store_queue_list_done(&list);
}
