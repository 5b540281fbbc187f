// SPDX-License-Identifier: ISC
//
// News: entries on their way from where they were made or read to the shard of their lane. An entry
// that ended while news were open stays known to its shard until those news have closed; what they
// bring of it is passed over. So nothing is begun twice, however late the word comes.
#include "base/check.h"
#include "log/log.h"

#include "queue/inside.h"

#include <stdatomic.h>

struct row {
    struct row *next;
    struct store_queue_entry entry;
    char bytes[];
};

struct batch {
    struct queue_news *news;
    struct queue_shard *shard;
    struct row *first, **last;
};

struct queue_news {
    struct list link; // schedule->news
    uint64_t began;
    struct queue_schedule *schedule;
    _Atomic unsigned refs;
    struct rt_waiter *waiter; // of queue_news_close_wait
    struct batch batches[];   // one for each shard
};

uint64_t queue_news_clock(struct queue_schedule *schedule)
{
    uint64_t clock;

    pthread_mutex_lock(&schedule->lock);
    clock = schedule->clock;
    pthread_mutex_unlock(&schedule->lock);
    return clock;
}

uint64_t queue_news_oldest(struct queue_schedule *schedule)
{
    uint64_t oldest = UINT64_MAX;

    pthread_mutex_lock(&schedule->lock);
    if (!list_is_empty(&schedule->news))
        oldest = LIST_OF(schedule->news.next, struct queue_news, link)->began;
    pthread_mutex_unlock(&schedule->lock);
    return oldest;
}

struct queue_news *queue_news_begin(struct queue_schedule *schedule)
{
    unsigned count = schedule->shard_count;
    struct queue_news *news = calloc(1, sizeof(*news) + count * sizeof(news->batches[0]));

    CHECK(news);
    news->schedule = schedule;
    news->refs = 1;
    for (unsigned i = 0; i < count; i++) {
        news->batches[i].news = news;
        news->batches[i].shard = &schedule->shards[i];
        news->batches[i].last = &news->batches[i].first;
    }
    pthread_mutex_lock(&schedule->lock);
    news->began = ++schedule->clock;
    list_put_last(&schedule->news, &news->link);
    pthread_mutex_unlock(&schedule->lock);
    return news;
}

struct queue_schedule *queue_news_schedule(const struct queue_news *news)
{
    return news->schedule;
}

uint64_t queue_news_began(const struct queue_news *news)
{
    return news->began;
}

struct queue_news *queue_news_open(const struct queue *queue)
{
    struct queue_schedule *schedule = __atomic_load_n(&queue->schedule, __ATOMIC_ACQUIRE);

    return schedule ? queue_news_begin(schedule) : NULL;
}

void queue_news_put(struct queue_news *news, const struct store_queue_entry *entry)
{
    struct batch *batch;
    struct row *row;

    if (!news)
        return;
    if (entry->due_us > rt_wall_us()) {
        queue_told(news->schedule, entry->due_us);
        return;
    }
    row = malloc(sizeof(*row) + entry->lane.len + entry->value.len);
    CHECK(row);
    row->next = NULL;
    row->entry = *entry;
    memcpy(row->bytes, entry->lane.ptr, entry->lane.len);
    memcpy(row->bytes + entry->lane.len, entry->value.ptr, entry->value.len);
    row->entry.lane.ptr = row->bytes;
    row->entry.value.ptr = row->bytes + entry->lane.len;
    batch = &news->batches[queue_shard_of(news->schedule, entry->lane) - news->schedule->shards];
    *batch->last = row;
    batch->last = &row->next;
}

static void drop(struct queue_news *news)
{
    struct queue_schedule *schedule = news->schedule;
    struct rt_waiter *waiter = news->waiter;
    bool is_last;

    if (atomic_fetch_sub(&news->refs, 1) != 1)
        return;
    pthread_mutex_lock(&schedule->lock);
    list_remove(&news->link);
    is_last = list_is_empty(&schedule->news);
    // Under the lock: whoever stops the schedule may free it once the list is empty.
    if (is_last && schedule->is_stopping)
        queue_bell_ring(&schedule->stop_bell);
    pthread_mutex_unlock(&schedule->lock);
    free(news);
    if (waiter)
        rt_wake_up(waiter, 0);
}

static void take_batch(void *arg)
{
    struct batch *batch = arg;
    struct row *row;

    while ((row = batch->first)) {
        batch->first = row->next;
        queue_shard_take(batch->shard, &row->entry, batch->news->began);
        free(row);
    }
    queue_shard_pump(batch->shard);
    queue_shard_forget(batch->shard);
    drop(batch->news);
}

static void close_news(struct queue_news *news)
{
    struct queue_schedule *schedule = news->schedule;

    for (unsigned i = 0; i < schedule->shard_count; i++) {
        struct batch *batch = &news->batches[i];

        if (!batch->first)
            continue;
        atomic_fetch_add(&news->refs, 1);
        if (rt_loop_here() == batch->shard->loop)
            take_batch(batch);
        else
            rt_post(batch->shard->loop, take_batch, batch);
    }
    drop(news);
}

void queue_news_close(struct queue_news *news)
{
    if (news)
        close_news(news);
}

void queue_news_close_wait(struct queue_news *news)
{
    struct rt_waiter w;

    rt_waiter_init(&w);
    news->waiter = &w;
    close_news(news);
    rt_wait(&w, false);
}
