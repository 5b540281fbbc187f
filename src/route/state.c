// SPDX-License-Identifier: ISC
#include "route/state.h"

#include "base/check.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

enum { POOL_THREADS = 16, POOL_QUEUE = 256, FILES_THREADS = 1 };

int route_state_new(struct rt *rt, struct route_state **out)
{
    const uint64_t seed[2] = {rt_random(), rt_random()};
    struct route_state *s;
    int r;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -ENOMEM;
    s = calloc(1, sizeof *s);
    CHECK(s);
    map_init(&s->tries, seed);
    map_init(&s->counts, seed);
    pthread_mutex_init(&s->lock, NULL);
    r = rt_pool_new(rt, "route", POOL_THREADS, POOL_QUEUE, &s->pool);
    if (r == 0)
        r = rt_pool_new(rt, "route files", FILES_THREADS, POOL_QUEUE, &s->files);
    if (r < 0) {
        route_state_free(s);
        return r;
    }
    *out = s;
    return 0;
}

void route_state_end(struct route_state *s)
{
    if (s)
        s->is_ending = true;
}

static void free_values(struct map *map)
{
    void *value;
    size_t at = 0;

    while (map_next(map, &at, NULL, &value))
        free(value);
    map_done(map);
}

void route_state_free(struct route_state *s)
{
    if (!s)
        return;
    if (s->pool)
        rt_pool_free(s->pool);
    if (s->files)
        rt_pool_free(s->files);
    free_values(&s->tries);
    free_values(&s->counts);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct state_try {
    uint64_t until_us;
    bool is_running;
    const char *failure;
};

static struct state_try *find_try(struct route_state *s, struct str domain)
{
    struct state_try *one = map_get(&s->tries, domain);

    if (one)
        return one;
    if (s->tries.count >= STATE_TRIES_MAX) {
        // Whoever fills it with domains costs the others a fetch more, no memory.
        const uint64_t seed[2] = {rt_random(), rt_random()};

        free_values(&s->tries);
        map_init(&s->tries, seed);
    }
    one = calloc(1, sizeof *one);
    CHECK(one);
    one->failure = "";
    map_put(&s->tries, domain, one);
    return one;
}

bool state_try(struct route_state *s, struct str domain, uint64_t pause_ms, struct state_last *last)
{
    struct state_try *one;
    uint64_t now = rt_now_us();
    bool is_free;

    pthread_mutex_lock(&s->lock);
    one = find_try(s, domain);
    is_free = !one->is_running && one->until_us <= now;
    *last = (struct state_last){one->is_running, str_from(one->failure)};
    if (is_free) {
        one->until_us = now + pause_ms * 1000;
        one->is_running = true;
    }
    pthread_mutex_unlock(&s->lock);
    return is_free;
}

void state_tried(struct route_state *s, struct str domain, const char *failure)
{
    struct state_try *one;

    pthread_mutex_lock(&s->lock);
    one = find_try(s, domain);
    one->is_running = false;
    one->failure = failure;
    pthread_mutex_unlock(&s->lock);
}
