// SPDX-License-Identifier: ISC
//
// The scanner: one task that goes through what is due by (due, id), page by page, as long as there
// is room in memory, and sleeps until the next is due. It passes over entries of lanes that are
// full or blocked; their lanes know that there is more and read it again themselves. When something
// becomes due behind it, it is told how far to go back.
#include "log/log.h"

#include "queue/inside.h"

#include <errno.h>
#include <stdatomic.h>

enum { PAUSE_US = 5 * 1000000, LONGEST_US = 300 * 1000000 };

static void go_back(struct queue_schedule *schedule)
{
    int64_t rewind_us;

    pthread_mutex_lock(&schedule->lock);
    rewind_us = schedule->rewind_us;
    schedule->rewind_us = INT64_MAX;
    pthread_mutex_unlock(&schedule->lock);
    if (rewind_us <= schedule->cursor.due_us)
        schedule->cursor = (struct store_queue_cursor){rewind_us, 0};
}

/// One page. How many there were, or -errno.
static int read_page(struct queue_schedule *schedule, struct store_queue_list *list)
{
    struct queue_news *news = queue_news_begin(schedule);
    int r = store_queue_due(schedule->queue->store, STR_NONE, rt_wall_us(), &schedule->cursor,
                            QUEUE_PAGE, list);

    for (size_t i = 0; r == 0 && i < list->count; i++)
        queue_news_put(news, &list->items[i]);
    queue_news_close_wait(news);
    return r < 0 ? r : (int)list->count;
}

/// When the next is due, but not too late to notice that somebody has set the clock. While this is
/// found out, and before it is known, whoever tells of something rings.
static int64_t next_due(struct queue_schedule *schedule)
{
    int64_t due_us, latest_us = rt_wall_us() + LONGEST_US;
    int r;

    schedule->sleeps_until_us = INT64_MAX;
    r = store_queue_next(schedule->queue->store, &schedule->cursor, &due_us);
    if (r < 0) {
        log_failure("queue/scan", "cannot ask the store what is due next", r);
        due_us = rt_wall_us() + PAUSE_US;
    }
    schedule->sleeps_until_us = due_us < latest_us ? due_us : latest_us;
    return schedule->sleeps_until_us;
}

static int rest(struct queue_schedule *schedule, int read)
{
    int64_t until_us, now_us;

    if (read < 0) {
        log_failure("queue/scan", "cannot read what is due", read);
        return queue_bell_wait(&schedule->bell, PAUSE_US);
    }
    if (queue_active_is_full(schedule))
        return queue_bell_wait(&schedule->bell, LONGEST_US);
    if (read == QUEUE_PAGE)
        return rt_breathe();
    until_us = next_due(schedule);
    now_us = rt_wall_us();
    return queue_bell_wait(&schedule->bell, until_us > now_us ? (uint64_t)(until_us - now_us) : 0);
}

int queue_scan(void *arg)
{
    struct queue_schedule *schedule = arg;
    struct store_queue_list list = {0};
    int r = 0;

    while (!schedule->is_stopping && r != -ECANCELED) {
        int read = QUEUE_PAGE;

        schedule->sleeps_until_us = INT64_MAX;
        go_back(schedule);
        if (!queue_active_is_full(schedule))
            read = read_page(schedule, &list);
        r = rest(schedule, read);
    }
    store_queue_list_done(&list);
    return 0;
}
