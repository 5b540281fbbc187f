// SPDX-License-Identifier: ISC
//
// The room's door: from the file, or made and put there; and the sweep of what is gone.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "summary/db.h"
#include "summary/load.h"

#include <errno.h>
#include <stdatomic.h>

enum {
    THREADS = 2,
    SWEEP_EVERY_MS = 60 * 1000,
    SWEEP_MIN = 200, // looked at each time, and one in SWEEP_SHARE of all that was written
    SWEEP_MAX = 5000,
};

struct summaries {
    struct rt *rt;
    struct rt_pool *pool;
    struct summary_db *db;
    struct store *store; // of the sweeper
    struct rt_task *sweeper;
    uint64_t swept_to; // message id
    _Atomic uint64_t found, made, readings, swept;
};

static void summary_ahead_drop(struct summary_ahead **ahead)
{
    summary_ahead_done(*ahead);
    free(*ahead);
}

// ---- getting

struct getting {
    struct summary_db *db;
    struct summary_wanted *wanted;
    size_t count, done;
};

static int get(void *arg)
{
    struct getting *g = arg;

    g->done = summary_db_get(g->db, g->wanted, g->count);
    return 0;
}

static void keep(struct summaries *s, const struct store_body_ref *ref, const struct summary *made)
{
    if (!s)
        return;
    atomic_fetch_add(&s->made, 1);
    summary_db_put(s->db, ref, made);
}

static int make(struct summaries *s, struct store *store, const struct store_body_ref *ref,
                struct summary *out)
{
    int r = summary_load(store, s ? s->pool : NULL, ref, out);

    if (r == 0)
        keep(s, ref, out);
    return r;
}

int summary_get(struct summaries *summaries, struct store *store, const struct store_body_ref *ref,
                struct summary *out)
{
    struct summary_wanted wanted = {.ref = ref, .out = out};

    *out = (struct summary){0};
    if (summaries) {
        rt_call(summaries->pool, get, &(struct getting){summaries->db, &wanted, 1, 0});
        atomic_fetch_add(&summaries->found, wanted.found);
    }
    return wanted.found ? 0 : make(summaries, store, ref, out);
}

static int by_id(const void *a, const void *b)
{
    const struct summary_wanted *x = a, *y = b;

    return (x->ref->message_id > y->ref->message_id) - (x->ref->message_id < y->ref->message_id);
}

/// What the file has. How many of `wanted` were looked for.
static size_t get_kept(struct summaries *s, struct summary_wanted *wanted, size_t count)
{
    struct getting g = {s->db, wanted, count, 0};

    qsort(wanted, count, sizeof(*wanted), by_id);
    rt_call(s->pool, get, &g);
    for (size_t i = 0; i < g.done; i++)
        atomic_fetch_add(&s->found, wanted[i].found);
    return g.done;
}

/// [await] Those that the file has not, as long as all together are not too much.
static void make_missing(struct summaries *s, struct store *store,
                         const struct summary_wanted *wanted, size_t count,
                         const struct summary *outs, int *results)
{
    CLEANUP(summary_ahead_drop) struct summary_ahead *ahead = calloc(1, sizeof(*ahead));
    const struct store_body_ref **refs = calloc(count ? count : 1, sizeof(const void *));
    size_t bytes = 0;

    CHECK(ahead && refs);
    ahead->store = store;
    ahead->pool = s ? s->pool : NULL;
    for (size_t i = 0; i < count; i++) {
        bytes += wanted[i].found ? wanted[i].out->bytes.len : 0;
        refs[i] = wanted[i].found ? NULL : wanted[i].ref;
    }
    for (size_t i = 0; i < count && bytes < SUMMARY_MANY_BYTES; i++) {
        int *result = &results[wanted[i].out - outs];

        if (wanted[i].found)
            continue;
        *result = summary_ahead_load(ahead, refs + i, count - i, wanted[i].out);
        if (*result == 0)
            keep(s, wanted[i].ref, wanted[i].out);
        bytes += wanted[i].out->bytes.len;
        if (rt_breathe() < 0) // also the next awaits fail, which tell the caller why
            continue;
    }
    if (s)
        atomic_fetch_add(&s->readings, ahead->readings);
    free(refs);
}

int summary_get_many(struct summaries *summaries, struct store *store,
                     const struct store_body_ref *const *refs, size_t count, struct summary *outs,
                     int *results)
{
    CLEANUP(free_drop) struct summary_wanted *wanted = calloc(count ? count : 1, sizeof(*wanted));
    size_t done = count, missing = 0;

    CHECK(wanted && count <= SUMMARY_MANY_MAX);
    for (size_t i = 0; i < count; i++) {
        outs[i] = (struct summary){0};
        wanted[i] = (struct summary_wanted){refs[i], &outs[i], false};
        results[i] = SUMMARY_ALONE;
    }
    if (summaries)
        done = get_kept(summaries, wanted, count);
    for (size_t i = 0; i < done; i++) {
        missing += !wanted[i].found;
        if (wanted[i].found)
            results[wanted[i].out - outs] = 0;
    }
    if (missing > 0)
        make_missing(summaries, store, wanted, done, outs, results);
    return 0;
}

// ---- the file

struct opening {
    const char *dir;
    struct summary_db *db;
};

static int open_db(void *arg)
{
    struct opening *o = arg;

    return summary_db_open(o->dir, &o->db);
}

int summaries_open(struct rt *rt, const char *dir, struct summaries **out)
{
    struct opening opening = {.dir = dir};
    struct summaries *s;
    int r = rt_call_aside(open_db, &opening);

    if (r < 0)
        return r;
    s = calloc(1, sizeof(*s));
    CHECK(s);
    s->rt = rt;
    s->db = opening.db;
    r = rt_pool_new(rt, "summary", THREADS, 64, &s->pool);
    if (r < 0) {
        summaries_free(s);
        return r;
    }
    *out = s;
    return 0;
}

static int flush(void *arg)
{
    summary_db_flush(arg);
    return 0;
}

void summaries_flush(struct summaries *summaries)
{
    if (summaries)
        rt_call_aside(flush, summaries->db);
}

void summaries_free(struct summaries *summaries)
{
    if (!summaries)
        return;
    CHECK(!summaries->sweeper);
    rt_pool_free(summaries->pool);
    summary_db_close(summaries->db);
    free(summaries);
}

void summaries_stats_get(struct summaries *summaries, struct summaries_stats *out)
{
    *out = (struct summaries_stats){.found = atomic_load(&summaries->found),
                                    .made = atomic_load(&summaries->made),
                                    .readings = atomic_load(&summaries->readings),
                                    .swept = atomic_load(&summaries->swept)};
    summary_db_stats(summaries->db, out);
}

// ---- the sweep

struct listing {
    struct summary_db *db;
    uint64_t after;
    struct summary_known *known;
    size_t max;
};

static int list(void *arg)
{
    struct listing *l = arg;

    return summary_db_list(l->db, l->after, l->known, l->max);
}

/// The store knows best: the first byte of a message that is gone cannot be read.
static bool is_gone(struct store *store, const struct summary_known *known)
{
    struct store_body_ref ref = {.message_id = known->message_id, .size = known->size};
    char byte;

    return known->size && store_body_read(store, &ref, 0, &byte, 1) == -ENOENT;
}

int summaries_sweep(struct summaries *summaries, struct store *store, size_t max)
{
    CLEANUP(free_drop) struct summary_known *known = calloc(max ? max : 1, sizeof(*known));
    struct listing listing = {summaries->db, summaries->swept_to, known, max};
    int count, removed = 0;

    CHECK(known);
    count = rt_call(summaries->pool, list, &listing);
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++) {
        if (is_gone(store, &known[i])) {
            summary_db_remove(summaries->db, known[i].message_id);
            removed++;
        }
        summaries->swept_to = known[i].message_id;
        if (rt_breathe() < 0)
            return -ECANCELED;
    }
    if ((size_t)count < max)
        summaries->swept_to = 0; // from the beginning next time
    atomic_fetch_add(&summaries->swept, (uint64_t)removed);
    return removed;
}

/// As much as came, and a little more, so that it goes round however fast the file grows.
static int sweep_now_and_then(void *arg)
{
    struct summaries *s = arg;
    uint64_t written = 0;

    while (rt_sleep(SWEEP_EVERY_MS) == 0) {
        struct summaries_stats stats;
        uint64_t max;

        summaries_stats_get(s, &stats);
        max = SWEEP_MIN + stats.written - written;
        written = stats.written;
        summaries_sweep(s, s->store, max < SWEEP_MAX ? max : SWEEP_MAX);
    }
    return 0;
}

int summaries_start(struct summaries *summaries, struct store *store)
{
    summaries->store = store;
    return rt_spawn(sweep_now_and_then, summaries, "summary-sweep", &summaries->sweeper);
}

void summaries_stop(struct summaries *summaries)
{
    if (!summaries || !summaries->sweeper)
        return;
    rt_cancel(summaries->sweeper);
    rt_join(summaries->sweeper);
    summaries->sweeper = NULL;
}
