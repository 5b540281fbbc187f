// SPDX-License-Identifier: ISC
//
// A task for each connection: it takes a turn of its lane, opens a session when it has none, sends,
// and takes the next, as long as there is something. Then it keeps the session for a while, for the
// next mail of this lane, unless another lane needs the connection.
#include "base/check.h"

#include "queue/inside.h"

#include <stdatomic.h>

enum { TURN_ARENA_MAX = 64 << 20, OPENING_ARENA_MAX = 1 << 20 };

static size_t turn_max(const struct queue_worker *w)
{
    uint64_t max = queue_settings_now(w->shard->schedule)->recipients_per_transaction;

    if (w->lane->pace.recipients_max && w->lane->pace.recipients_max < max)
        max = w->lane->pace.recipients_max;
    if (w->session && w->peer.recipients_max && w->peer.recipients_max < max)
        max = w->peer.recipients_max;
    return max < QUEUE_TURN_MAX ? max : QUEUE_TURN_MAX;
}

static bool take_turn(struct queue_worker *w)
{
    struct queue_lane *lane = w->lane;

    if (w->is_called)
        lane->starting--;
    w->is_called = false;
    w->turn_count = 0;
    if (w->shard->is_stopping || queue_lane_is_blocked(lane) || queue_is_stuck(w->shard->schedule))
        return false;
    // There may be fewer connections than when this one began.
    if (lane->connections > lane->pace.connections_max)
        return false;
    w->turn_count = queue_lane_take(lane, turn_max(w), &w->turn);
    LIST_EACH (&w->turn, it)
        LIST_OF(it, struct queue_item, link)->worker = w;
    return w->turn_count > 0;
}

/// [await] True: called to take a turn.
static bool wait_for_more(struct queue_worker *w)
{
    const struct queue_config *config = queue_settings_now(w->shard->schedule);

    if (!w->session || w->shard->is_stopping || config->connection_idle == 0 ||
        queue_is_starving(w->shard->schedule) || queue_lane_is_blocked(w->lane) ||
        w->lane->connections > w->lane->pace.connections_max)
        return false;
    list_put_last(&w->lane->idle_workers, &w->in_idle);
    queue_bell_wait(&w->bell, config->connection_idle * 1000);
    list_remove(&w->in_idle);
    w->was_idle = true;
    return w->is_called;
}

/// A session that has done its part, or broke.
static void look_at_session(struct queue_worker *w)
{
    uint64_t most = queue_settings_now(w->shard->schedule)->mails_per_connection;

    if (!w->session)
        return;
    if (w->peer.mails_max && (most == 0 || w->peer.mails_max < most))
        most = w->peer.mails_max;
    if (send_is_dead(w->session) || (most && w->mails >= most))
        queue_hang_up(w);
}

/// The lane may have another connection at once; saying QUIT takes its time.
static void leave_lane(struct queue_worker *w)
{
    struct queue_lane *lane = w->lane;

    if (w->is_called)
        lane->starting--;
    w->is_called = false;
    lane->connections--;
    queue_slot_give(w->shard);
    queue_lane_touch(lane);
    queue_shard_pump(w->shard);
}

static int work(void *arg)
{
    struct queue_worker *w = arg;

    do {
        while (take_turn(w)) {
            queue_attempt(w);
            arena_reset(&w->arena);
            look_at_session(w);
            queue_shard_pump(w->shard); // there may be more connections than before
        }
    } while (wait_for_more(w));
    w->lane->pins++;
    leave_lane(w);
    queue_hang_up(w);
    w->lane->pins--;
    list_remove(&w->link);
    list_put_last(&w->shard->gone, &w->link);
    queue_bell_ring(&w->shard->bell);
    return 0;
}

int queue_worker_start(struct queue_lane *lane)
{
    struct queue_shard *shard = lane->shard;
    struct queue_worker *w = calloc(1, sizeof(*w));
    int r;

    CHECK(w);
    w->shard = shard;
    w->lane = lane;
    w->is_called = true;
    list_init(&w->turn);
    queue_bell_init(&w->bell);
    queue_talk_init(&w->talk);
    arena_init(&w->arena, TURN_ARENA_MAX);
    arena_init(&w->opening, OPENING_ARENA_MAX);
    r = rt_spawn(work, w, "queue connection", &w->task);
    if (r < 0) {
        queue_worker_free(w);
        return r;
    }
    lane->connections++;
    lane->starting++;
    list_put_last(&shard->workers, &w->link);
    return 0;
}

void queue_worker_free(struct queue_worker *w)
{
    queue_talk_done(&w->talk);
    queue_bell_done(&w->bell);
    arena_done(&w->arena);
    arena_done(&w->opening);
    free(w);
}
