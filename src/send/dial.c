// SPDX-License-Identifier: ISC
//
// Several addresses of one host, raced (RFC 8305 5): one after the other is tried, a quarter of a
// second apart or as soon as those before it have failed; the first that answers is taken, the
// others are called off. Which comes first (IPv6, usually) is the caller's choice.
#include "base/check.h"
#include "send/session.h"

#include <errno.h>

enum {
    HEAD_START_MS = 250, // RFC 8305 5: Connection Attempt Delay
};

struct race;

struct runner {
    struct race *race;
    const char *address;
    struct rt_task *task;
    struct rt_conn *conn;
    int result;
};

struct race {
    const struct send_session *session;
    struct runner runners[SEND_ADDRESSES_MAX];
    size_t started, running;
    struct runner *winner;
    struct rt_waiter *waiter; // somebody waits for news
    int error;                // of the first that failed
};

static int dial_one(const struct send_server *server, const char *address, struct rt_conn **out)
{
    uint32_t within_ms = (uint32_t)server->config->connect;

    return rt_dial_from(address[0] == '/' ? NULL : server->source, address, server->port, within_ms,
                        out);
}

static int run(void *arg)
{
    struct runner *runner = arg;
    struct race *race = runner->race;

    runner->result = dial_one(race->session->server, runner->address, &runner->conn);
    race->running--;
    if (runner->result == 0 && !race->winner)
        race->winner = runner;
    else if (runner->result < 0 && race->error == 0)
        race->error = runner->result;
    if (race->waiter && (race->winner || race->running == 0)) {
        struct rt_waiter *waiter = race->waiter;

        race->waiter = NULL;
        rt_wake_up(waiter, 0);
    }
    return 0;
}

/// Until somebody has won, all that run have failed, or so much time has passed (0: no limit).
static int await_news(struct race *race, uint32_t ms)
{
    struct rt_waiter waiter;
    struct rt_scope scope;
    int r;

    if (race->winner || race->running == 0)
        return 0;
    rt_waiter_init(&waiter);
    race->waiter = &waiter;
    if (ms)
        rt_within(&scope, ms);
    r = rt_wait(&waiter, true);
    if (ms)
        rt_within_end(&scope);
    race->waiter = NULL;
    return r == -ETIMEDOUT && ms ? 0 : r;
}

static int start_next(struct race *race)
{
    struct runner *runner = &race->runners[race->started];
    int r;

    runner->race = race;
    runner->address = race->session->addresses[race->started];
    r = rt_spawn(run, runner, "send/dial", &runner->task);
    if (r < 0)
        return r;
    race->started++;
    race->running++;
    return 0;
}

/// Calls off the losers and waits for their end, which comes at once.
static void clear_the_field(struct race *race)
{
    for (size_t i = 0; i < race->started; i++)
        rt_cancel(race->runners[i].task);
    for (size_t i = 0; i < race->started; i++) {
        rt_join(race->runners[i].task);
        if (&race->runners[i] != race->winner && race->runners[i].result == 0)
            rt_hang_up(race->runners[i].conn);
    }
}

static int hold_race(struct race *race, size_t count)
{
    int r = 0;

    while (r == 0 && !race->winner && race->started < count) {
        r = start_next(race);
        if (r == 0)
            r = await_news(race, race->started < count ? HEAD_START_MS : 0);
    }
    while (r == 0 && !race->winner && race->running > 0)
        r = await_news(race, 0);
    clear_the_field(race);
    return r;
}

int send_dial(struct send_session *s)
{
    struct race race = {.session = s};
    size_t count = s->address_count;
    int r;

    if (count == 0)
        return -EDESTADDRREQ;
    s->address = s->addresses[0];
    if (count == 1)
        return dial_one(s->server, s->address, &s->conn);
    r = hold_race(&race, count);
    if (r < 0 || !race.winner) {
        if (race.winner)
            rt_hang_up(race.winner->conn);
        return r < 0 ? r : race.error;
    }
    s->address = race.winner->address;
    s->conn = race.winner->conn;
    return 0;
}
