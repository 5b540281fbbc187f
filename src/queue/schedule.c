// SPDX-License-Identifier: ISC
//
// Starting and stopping the way out: a shard for each loop with its keeper, and one scanner. At the
// end nothing new is begun, the attempts that run come to their end or are cancelled, and whoever
// still brings news finds nobody home; all that is left is in the store.
#include "base/check.h"
#include "log/log.h"

#include "queue/inside.h"

#include <errno.h>
#include <stdatomic.h>

// ---- numbers that all loops share

const struct queue_config *queue_settings_now(const struct queue_schedule *schedule)
{
    return __atomic_load_n(&schedule->queue->config, __ATOMIC_ACQUIRE);
}

struct queue_shard *queue_shard_of(struct queue_schedule *schedule, struct str lane)
{
    return &schedule->shards[str_hash(lane, schedule->seed) % schedule->shard_count];
}

void queue_told(struct queue_schedule *schedule, int64_t due_us)
{
    pthread_mutex_lock(&schedule->lock);
    if (due_us < schedule->rewind_us)
        schedule->rewind_us = due_us;
    pthread_mutex_unlock(&schedule->lock);
    if (due_us < schedule->sleeps_until_us)
        queue_bell_ring(&schedule->bell);
}

void queue_active_add(struct queue_schedule *schedule)
{
    atomic_fetch_add(&schedule->active, 1);
}

static void look_again(struct queue_schedule *schedule)
{
    queue_bell_ring(&schedule->bell);
    for (unsigned i = 0; i < schedule->shard_count; i++) {
        schedule->shards[i].wants_look = true;
        queue_bell_ring(&schedule->shards[i].bell);
    }
}

/// Below three quarters there is room again.
void queue_active_drop(struct queue_schedule *schedule)
{
    size_t before = atomic_fetch_sub(&schedule->active, 1);

    CHECK(before > 0);
    if (before == queue_settings_now(schedule)->active_max / 4 * 3)
        look_again(schedule);
}

bool queue_active_is_full(struct queue_schedule *schedule)
{
    return schedule->active >= queue_settings_now(schedule)->active_max;
}

// ---- results that cannot be kept

void queue_stuck_add(struct queue_schedule *schedule)
{
    atomic_fetch_add(&schedule->stuck, 1);
}

void queue_stuck_drop(struct queue_schedule *schedule)
{
    if (atomic_fetch_sub(&schedule->stuck, 1) == 1)
        look_again(schedule);
}

bool queue_is_stuck(struct queue_schedule *schedule)
{
    return schedule->stuck > 0;
}

// ---- connections, of which there are so many in all

bool queue_is_starving(struct queue_schedule *schedule)
{
    return schedule->starving > 0;
}

/// A session that only waits for another mail of its lane makes room for a lane that has one.
static void end_one_idle(void *arg)
{
    struct queue_shard *shard = arg;

    LIST_EACH (&shard->workers, it) {
        struct queue_worker *w = LIST_OF(it, struct queue_worker, link);

        if (!list_is_in(&w->in_idle))
            continue;
        list_remove(&w->in_idle);
        queue_bell_ring(&w->bell);
        return;
    }
}

static void to_shard(struct queue_shard *shard, void (*fn)(void *arg))
{
    if (rt_loop_here() == shard->loop)
        fn(shard);
    else
        rt_post(shard->loop, fn, shard);
}

static bool take_slot(struct queue_schedule *schedule)
{
    unsigned max = (unsigned)queue_settings_now(schedule)->connections_max;
    unsigned now = schedule->connections;

    while (now < max) {
        if (atomic_compare_exchange_weak(&schedule->connections, &now, now + 1))
            return true;
    }
    return false;
}

bool queue_slot_take(struct queue_shard *shard)
{
    struct queue_schedule *schedule = shard->schedule;

    if (take_slot(schedule))
        return true;
    if (atomic_exchange(&shard->wants_slot, true))
        return false;
    atomic_fetch_add(&schedule->starving, 1);
    // Who gave one back before that did not see that we want it.
    if (take_slot(schedule)) {
        if (atomic_exchange(&shard->wants_slot, false))
            atomic_fetch_sub(&schedule->starving, 1);
        return true;
    }
    for (unsigned i = 0; i < schedule->shard_count; i++)
        to_shard(&schedule->shards[i], end_one_idle);
    return false;
}

static void pump(void *arg)
{
    queue_shard_pump(arg);
}

void queue_slot_give(struct queue_shard *shard)
{
    struct queue_schedule *schedule = shard->schedule;

    atomic_fetch_sub(&schedule->connections, 1);
    for (unsigned i = 0; i < schedule->shard_count; i++) {
        struct queue_shard *other = &schedule->shards[i];

        if (!atomic_exchange(&other->wants_slot, false))
            continue;
        atomic_fetch_sub(&schedule->starving, 1);
        // Its own: by who ends a connection, when it has put that in order.
        rt_post(other->loop, pump, other);
    }
}

// ---- questions between loops

struct question {
    struct queue_shard *shard;
    void (*fn)(struct queue_shard *shard, void *arg);
    void *arg;
    struct rt_waiter waiter;
};

static void answer(void *arg)
{
    struct question *q = arg;

    q->fn(q->shard, q->arg);
    rt_wake_up(&q->waiter, 0);
}

void queue_ask(struct queue_shard *shard, void (*fn)(struct queue_shard *shard, void *arg),
               void *arg)
{
    struct question q = {.shard = shard, .fn = fn, .arg = arg};

    if (rt_loop_here() == shard->loop) {
        fn(shard, arg);
        return;
    }
    rt_waiter_init(&q.waiter);
    rt_post(shard->loop, answer, &q);
    rt_wait(&q.waiter, false);
}

// ---- starting

static void start_shard(struct queue_shard *shard, void *arg)
{
    int *result = arg;
    struct queue_schedule *s = shard->schedule;
    int r = rt_spawn(queue_shard_keep, shard, "queue lanes", NULL);

    if (r < 0)
        *result = r;
    pthread_mutex_lock(&s->lock);
    s->shards_left += r == 0;
    pthread_mutex_unlock(&s->lock);
}

static struct queue_schedule *new_schedule(struct queue *queue, const struct queue_doors *doors)
{
    struct queue_schedule *s = calloc(1, sizeof(*s));
    struct rt *rt = rt_here();

    CHECK(s);
    s->queue = queue;
    s->doors = *doors;
    s->cursor = (struct store_queue_cursor){INT64_MIN, 0};
    s->rewind_us = INT64_MAX;
    s->sleeps_until_us = INT64_MAX;
    s->seed[0] = rt_random();
    s->seed[1] = rt_random();
    list_init(&s->news);
    CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
    queue_bell_init(&s->bell);
    queue_bell_init(&s->stop_bell);
    s->shard_count = rt_loop_count(rt);
    s->shards = calloc(s->shard_count, sizeof(*s->shards));
    CHECK(s->shards);
    for (unsigned i = 0; i < s->shard_count; i++)
        queue_shard_init(&s->shards[i], s, rt_loop_at(rt, i));
    return s;
}

static void free_schedule(struct queue_schedule *s)
{
    for (unsigned i = 0; i < s->shard_count; i++)
        queue_shard_done(&s->shards[i]);
    queue_bell_done(&s->bell);
    queue_bell_done(&s->stop_bell);
    pthread_mutex_destroy(&s->lock);
    free(s->shards);
    free(s);
}

int queue_start_with(struct queue *queue, const struct queue_doors *doors)
{
    struct queue_schedule *s = new_schedule(queue, doors);
    int r = 0;

    __atomic_store_n(&queue->schedule, s, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < s->shard_count; i++)
        queue_ask(&s->shards[i], start_shard, &r);
    if (r == 0)
        r = rt_spawn(queue_scan, s, "queue scanner", &s->scanner);
    if (r < 0)
        queue_stop(queue, 0);
    return r;
}

void queue_reconfigure(struct queue *queue)
{
    struct queue_news *news = queue_news_open(queue);

    if (!news)
        return;
    look_again(queue_news_schedule(news));
    queue_news_close(news);
}

// ---- stopping

static void stop_shard(struct queue_shard *shard, void *arg)
{
    (void)arg;
    shard->is_stopping = true;
    // Only those that have begun to send are waited for.
    LIST_EACH (&shard->workers, it) {
        struct queue_worker *w = LIST_OF(it, struct queue_worker, link);

        if (w->is_opening)
            rt_cancel(w->task);
    }
    queue_bell_ring(&shard->bell);
}

static void cancel_shard(struct queue_shard *shard, void *arg)
{
    (void)arg;
    LIST_EACH (&shard->workers, it)
        rt_cancel(LIST_OF(it, struct queue_worker, link)->task);
}

void queue_shard_left(struct queue_shard *shard)
{
    struct queue_schedule *s = shard->schedule;

    pthread_mutex_lock(&s->lock);
    s->shards_left--;
    queue_bell_ring(&s->stop_bell);
    pthread_mutex_unlock(&s->lock);
}

static bool is_over(struct queue_schedule *s)
{
    bool is_over;

    pthread_mutex_lock(&s->lock);
    is_over = s->shards_left == 0 && list_is_empty(&s->news);
    pthread_mutex_unlock(&s->lock);
    return is_over;
}

/// True: it is over. False: the time has passed, or the caller was cancelled.
static bool wait_for_end(struct queue_schedule *s, uint32_t grace_ms)
{
    uint64_t until_us = rt_now_us() + (uint64_t)grace_ms * 1000;

    while (!is_over(s)) {
        uint64_t now_us = rt_now_us();

        if (now_us >= until_us || queue_bell_wait(&s->stop_bell, until_us - now_us) == -ECANCELED)
            return is_over(s);
    }
    return true;
}

/// When the runtime itself ends, all tasks are cancelled already, and a loop that has none left
/// answers no more.
static void ask_all(struct queue_schedule *s, void (*fn)(struct queue_shard *shard, void *arg))
{
    for (unsigned i = 0; rt_breathe() != -ECANCELED && i < s->shard_count; i++)
        queue_ask(&s->shards[i], fn, NULL);
}

static void nothing(struct queue_shard *shard, void *arg)
{
    (void)shard;
    (void)arg;
}

/// Nobody posts any more; what was posted to a loop (pump, end_one_idle) is done when it has
/// answered, this one's own too.
static void let_posts_arrive(struct queue_schedule *s)
{
    for (unsigned i = 0; rt_breathe() != -ECANCELED && i < s->shard_count; i++) {
        struct question q = {.shard = &s->shards[i], .fn = nothing};

        rt_waiter_init(&q.waiter);
        rt_post(s->shards[i].loop, answer, &q);
        rt_wait(&q.waiter, false);
    }
}

void queue_stop(struct queue *queue, uint32_t grace_ms)
{
    struct queue_schedule *s = queue->schedule;

    if (!s)
        return;
    __atomic_store_n(&queue->schedule, NULL, __ATOMIC_RELEASE);
    s->is_stopping = true;
    // Each loop comes round: nobody is between reading queue->schedule and opening news any more.
    ask_all(s, stop_shard);
    queue_bell_ring(&s->bell);
    if (s->scanner)
        rt_join(s->scanner);
    if (!wait_for_end(s, grace_ms))
        ask_all(s, cancel_shard);
    while (!is_over(s))
        queue_bell_wait_always(&s->stop_bell);
    let_posts_arrive(s);
    free_schedule(s);
}
