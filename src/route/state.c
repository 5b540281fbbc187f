// SPDX-License-Identifier: ISC
#include "route/state.h"

#include "base/check.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

enum { POOL_THREADS = 4, POOL_QUEUE = 256 };

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
    free_values(&s->tries);
    free_values(&s->counts);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static int64_t *find_try(struct route_state *s, struct str domain)
{
    int64_t *until = map_get(&s->tries, domain);

    if (until)
        return until;
    if (s->tries.count >= STATE_TRIES_MAX) {
        // Whoever fills it with domains costs the others a fetch more, no memory.
        const uint64_t seed[2] = {rt_random(), rt_random()};

        free_values(&s->tries);
        map_init(&s->tries, seed);
    }
    until = calloc(1, sizeof *until);
    CHECK(until);
    map_put(&s->tries, domain, until);
    return until;
}

bool state_try(struct route_state *s, struct str domain, int64_t now_s, int64_t seconds)
{
    int64_t *until;
    bool is_free;

    pthread_mutex_lock(&s->lock);
    until = find_try(s, domain);
    is_free = *until <= now_s;
    if (is_free)
        *until = now_s + seconds;
    pthread_mutex_unlock(&s->lock);
    return is_free;
}
