// SPDX-License-Identifier: ISC
#include "receive/rate.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 8 }; // places an entry may stand in

struct entry {
    uint64_t tag; // 0: empty
    int64_t slot; // the newest, counted from 1970
    uint32_t counts[RATE_SLOTS];
};

struct rate {
    pthread_mutex_t lock;
    uint64_t seed[2];
    uint32_t slot_s;
    size_t sets;
    struct entry *entries;
};

struct rate *rate_new(size_t entries, uint32_t window_s, const uint64_t seed[2])
{
    struct rate *rate = calloc(1, sizeof *rate);

    CHECK(rate && window_s >= RATE_SLOTS && window_s % RATE_SLOTS == 0);
    CHECK(pthread_mutex_init(&rate->lock, NULL) == 0);
    rate->seed[0] = seed[0];
    rate->seed[1] = seed[1];
    rate->slot_s = window_s / RATE_SLOTS;
    rate->sets = entries / WAYS + (entries < WAYS);
    rate->entries = calloc(rate->sets * WAYS, sizeof *rate->entries);
    CHECK(rate->entries);
    return rate;
}

void rate_free(struct rate *rate)
{
    if (!rate)
        return;
    pthread_mutex_destroy(&rate->lock);
    free(rate->entries);
    free(rate);
}

static uint64_t tag_of(const struct rate *rate, struct str who)
{
    uint64_t tag = str_hash(who, rate->seed);

    return tag ? tag : 1;
}

static struct entry *find(const struct rate *rate, uint64_t tag)
{
    struct entry *set = &rate->entries[tag % rate->sets * WAYS];

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].tag == tag)
            return &set[i];
    return NULL;
}

static struct entry *find_or_make(const struct rate *rate, uint64_t tag)
{
    struct entry *set = &rate->entries[tag % rate->sets * WAYS], *e = find(rate, tag);

    if (e)
        return e;
    e = set;
    for (size_t i = 1; i < WAYS; i++)
        if (!set[i].tag || (e->tag && set[i].slot < e->slot))
            e = &set[i];
    *e = (struct entry){.tag = tag};
    return e;
}

/// The slots between the newest and now are empty. A clock that went back stands still here.
static void advance(struct entry *e, int64_t slot)
{
    if (slot - e->slot >= RATE_SLOTS)
        memset(e->counts, 0, sizeof e->counts);
    else
        for (int64_t i = e->slot + 1; i <= slot; i++)
            e->counts[i % RATE_SLOTS] = 0;
    if (slot > e->slot)
        e->slot = slot;
}

static uint64_t sum_of(const struct entry *e)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < RATE_SLOTS; i++)
        sum += e->counts[i];
    return sum;
}

static void change(uint32_t *count, int64_t n)
{
    int64_t sum = (int64_t)*count + n;

    *count = sum < 0 ? 0 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

uint64_t rate_add(struct rate *rate, struct str who, int64_t n, int64_t now_s)
{
    struct entry *e;
    uint64_t sum;

    pthread_mutex_lock(&rate->lock);
    e = find_or_make(rate, tag_of(rate, who));
    advance(e, now_s / rate->slot_s);
    change(&e->counts[e->slot % RATE_SLOTS], n);
    sum = sum_of(e);
    pthread_mutex_unlock(&rate->lock);
    return sum;
}

uint64_t rate_sum(struct rate *rate, struct str who, int64_t now_s)
{
    struct entry *e;
    uint64_t sum = 0;

    pthread_mutex_lock(&rate->lock);
    e = find(rate, tag_of(rate, who));
    if (e) {
        advance(e, now_s / rate->slot_s);
        sum = sum_of(e);
    }
    pthread_mutex_unlock(&rate->lock);
    return sum;
}

/// The slot i leaves the window when slot i + RATE_SLOTS begins.
static int64_t free_at(const struct rate *rate, const struct entry *e, uint64_t max, int64_t now_s)
{
    uint64_t sum = sum_of(e);

    for (int64_t i = e->slot - RATE_SLOTS + 1; i <= e->slot; i++) {
        if (sum < max)
            return now_s;
        if (i >= 0)
            sum -= e->counts[i % RATE_SLOTS];
        if (sum < max)
            return (i + RATE_SLOTS) * rate->slot_s;
    }
    return now_s;
}

int64_t rate_free_at(struct rate *rate, struct str who, uint64_t max, int64_t now_s)
{
    struct entry *e;
    int64_t at = now_s;

    pthread_mutex_lock(&rate->lock);
    e = find(rate, tag_of(rate, who));
    if (e) {
        advance(e, now_s / rate->slot_s);
        at = free_at(rate, e, max, now_s);
    }
    pthread_mutex_unlock(&rate->lock);
    return at;
}

struct str rate_key(struct str ip, char *to)
{
    char text[RATE_KEY_MAX];
    struct in6_addr ip6;

    if (ip.len >= sizeof text)
        return str_head(ip, RATE_KEY_MAX);
    memcpy(text, ip.ptr ? ip.ptr : "", ip.len);
    text[ip.len] = 0;
    if (str_find(ip, ':') < 0 || inet_pton(AF_INET6, text, &ip6) != 1)
        return ip;
    to[0] = '6';
    memcpy(to + 1, ip6.s6_addr, 8);
    return str_of(to, 9);
}
