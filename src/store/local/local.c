// SPDX-License-Identifier: ISC
//
// The engine's table: the committer runs in a lane, readers in a pool, the collector as a task.
#include "store/local/local.h"

#include "base/check.h"
#include "log/log.h"

#include <errno.h>

enum {
    GROUP_MAX = 1000, // jobs of one group
    READERS = 4,      // threads
    READERS_QUEUE = 4096,
    COLLECT_MS = 60000, // between two rounds of the collector
    COLLECT_STEP_MS = 500,
};

// ---- calls to the pool

struct pool_call {
    struct local *l;
    const char *kind;
    uint64_t id, since;
    uint32_t first, last;
    struct str key;
    const struct queue_query *query;
    struct store_body_ref ref;
    void *to;
    size_t len;
    ssize_t n;
};

static int on_lane(struct local *l, struct local_job *job)
{
    int r = rt_lane_run(l->lane, &job->job);

    return r < 0 ? r : job->result;
}

static void lane(void *context, struct rt_job *const *jobs, size_t count)
{
    struct local *l = context;

    local_group(l, (struct local_job *const *)jobs, count);
    for (size_t i = 0; i < count; i++)
        jobs[i]->result = ((struct local_job *)jobs[i])->result;
}

static int entries_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_entries(c->l, c->id, c->first, c->last, c->to);
}

static int engine_entries(struct store *store, uint64_t mailbox_id, uint32_t first, uint32_t last,
                          struct store_entries *out)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .id = mailbox_id, .first = first, .last = last, .to = out};

    return rt_call(l->pool, entries_in_pool, &c);
}

static int changes_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_changes(c->l, c->id, c->since, c->to);
}

static int engine_changes(struct store *store, uint64_t mailbox_id, uint64_t since,
                          struct store_changes *out)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .id = mailbox_id, .since = since, .to = out};

    return rt_call(l->pool, changes_in_pool, &c);
}

static int doc_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_doc_get(c->l, c->kind, c->key, c->to);
}

static int engine_doc_get(struct store *store, const char *kind, struct str key, struct buf *out)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .kind = kind, .key = key, .to = out};

    return rt_call(l->pool, doc_in_pool, &c);
}

static int docs_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_doc_list(c->l, c->kind, c->to);
}

static int engine_doc_list(struct store *store, const char *kind, struct store_doc_list *out)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .kind = kind, .to = out};

    return rt_call(l->pool, docs_in_pool, &c);
}

static int queue_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_queue_read(c->l, c->query, c->to);
}

static int engine_queue_read(struct store *store, const struct queue_query *query,
                             struct store_queue_list *out)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .query = query, .to = out};

    return rt_call(l->pool, queue_in_pool, &c);
}

static int token_in_pool(void *arg)
{
    struct pool_call *c = arg;

    return local_commit_known(c->l, c->to);
}

static int engine_commit_known(struct store *store, const uint8_t token[16])
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .to = (void *)token};

    return rt_call(l->pool, token_in_pool, &c);
}

static int body_in_pool(void *arg)
{
    struct pool_call *c = arg;

    c->n = local_body_read(c->l, &c->ref, c->since, c->to, c->len);
    return 0;
}

static ssize_t engine_body_read(struct store *store, const struct store_body_ref *ref,
                                uint64_t offset, void *to, size_t len)
{
    struct local *l = local_of(store);
    struct pool_call c = {.l = l, .ref = *ref, .since = offset, .to = to, .len = len};
    int r = rt_call(l->pool, body_in_pool, &c);

    return r < 0 ? r : c.n;
}

struct bodies_call {
    struct local *l;
    struct store_body_piece *pieces;
    size_t count;
};

static int bodies_in_pool(void *arg)
{
    struct bodies_call *c = arg;

    for (size_t i = 0; i < c->count; i++) {
        struct store_body_piece *p = &c->pieces[i];

        if (p->len > 0)
            p->n = local_body_read(c->l, p->ref, p->offset, p->to, p->len);
    }
    return 0;
}

static void engine_bodies_read(struct store *store, struct store_body_piece *pieces, size_t count)
{
    struct local *l = local_of(store);
    struct bodies_call c = {l, pieces, count};
    int r = rt_call(l->pool, bodies_in_pool, &c);

    for (size_t i = 0; i < count && r < 0; i++)
        pieces[i].n = r;
}

// ---- writing

static int engine_spill(struct store_body *body)
{
    return local_body_spill(body, on_lane);
}

/// What is left of big bodies goes out first; checksums are made here, not in the lane.
static int engine_commit(struct store *store, struct store_change *change)
{
    struct local *l = local_of(store);
    struct local_job job = {.kind = JOB_COMMIT, .change = change};

    if (l->config.read_only)
        return -EROFS;
    for (size_t i = 0; i < change->count; i++) {
        struct store_body *body = op_body(&change->ops[i]);
        int r;

        if (!body)
            continue;
        if (body->error)
            return body->error;
        r = body->big ? local_body_spill(body, on_lane) : 0;
        if (r)
            return body->error = r;
        buf_clear(&body->tail);
        store_body_seal(body);
    }
    return on_lane(l, &job);
}

static int engine_stats(struct store *store, struct store_stats *out)
{
    return local_stats(local_of(store), out);
}

// ---- the collector

static int punch_in_pool(void *arg)
{
    return (int)local_punch(arg, 64);
}

static int collect(struct local *l)
{
    while (!atomic_load(&l->closing) && rt_call(l->pool, punch_in_pool, l) > 0)
        ;
    return local_collect(l, on_lane);
}

static int collector(void *arg)
{
    struct local *l = arg;

    for (uint32_t waited = 0; !atomic_load(&l->closing); waited += COLLECT_STEP_MS) {
        if (rt_sleep(COLLECT_STEP_MS) < 0 || rt_is_draining(l->store.rt))
            break;
        if (waited < COLLECT_MS)
            continue;
        waited = 0;
        collect(l);
    }
    return 0;
}

struct closing {
    struct local *l; // may be NULL
    struct rt_lane *lane;
    struct rt_pool *pool;
};

/// Waits for the lane and the pool, and for SQLite's last checkpoint: not on a loop.
static int close_all(void *arg)
{
    struct closing *c = arg;

    rt_lane_free(c->lane);
    rt_pool_free(c->pool);
    if (c->l)
        local_close(c->l);
    return 0;
}

static void close_off_loop(struct closing *c)
{
    rt_call_aside(close_all, c);
}

static void engine_close(struct store *store)
{
    struct local *l = local_of(store);
    struct closing c = {.l = l, .lane = l->lane, .pool = l->pool};

    atomic_store(&l->closing, true);
    if (l->collector) {
        rt_cancel(l->collector);
        rt_join(l->collector);
    }
    close_off_loop(&c);
}

static const struct engine the_engine = {
    .name = "local",
    .close = engine_close,
    .body_spill = engine_spill,
    .body_free = local_body_free,
    .body_read = engine_body_read,
    .bodies_read = engine_bodies_read,
    .entries_get = engine_entries,
    .changes_get = engine_changes,
    .doc_get = engine_doc_get,
    .doc_list = engine_doc_list,
    .queue_read = engine_queue_read,
    .commit = engine_commit,
    .commit_known = engine_commit_known,
    .stats_get = engine_stats,
};

int store_collect(struct store *store)
{
    return store->engine == &the_engine ? collect(local_of(store)) : 0;
}

struct opening {
    const struct store_local_config *config;
    struct rt *rt;
    struct local *l;
};

static int open_in_pool(void *arg)
{
    struct opening *o = arg;

    return local_open(o->config, o->rt, &o->l);
}

int store_local_open(struct rt *rt, const struct store_local_config *config, struct store **out)
{
    unsigned threads = config->reader_threads ? config->reader_threads : READERS;
    struct opening o = {config, rt, NULL};
    struct rt_pool *pool;
    struct local *l;
    int r;

    r = rt_pool_new(rt, "store-read", threads, READERS_QUEUE, &pool);
    if (r < 0)
        return r;
    r = rt_call(pool, open_in_pool, &o);
    if (r < 0) {
        struct closing c = {.pool = pool};

        close_off_loop(&c);
        return r;
    }
    l = o.l;
    l->pool = pool;
    l->store.engine = &the_engine;
    r = rt_lane_new(rt, "store-commit", lane, l, GROUP_MAX, &l->lane);
    if (r == 0 && !config->read_only)
        r = rt_spawn(collector, l, "store-collect", &l->collector);
    if (r < 0) {
        engine_close(&l->store);
        return r;
    }
    *out = &l->store;
    return 0;
}
