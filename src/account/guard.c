// SPDX-License-Identifier: ISC
#include "account/guard.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

enum {
    WAYS = 8, // places an entry may stand in
    FAILURE_ENTRIES = 16384,
    PEER_FACTOR = 10, // a peer may fail so many times more on all users together
    KNOWN_ENTRIES = 65536,
    // Failures on one user, from all peers together: so many times the limit is an attack, and so
    // many times a heavy one. Fewer of them are forgotten each minute than that.
    ATTACK_FACTOR = 10,
    SIEGE_FACTOR = 100,
    ATTACK_LEAK = 5,
};
#define KNOWN_US (30ull * 24 * 60 * MINUTE_US) // who signed in from there is remembered so long
#define MINUTE_US (60ull * 1000 * 1000)
#define CACHE_US (60 * MINUTE_US)  // a verified password is asked again after an hour
#define FORGET_US (15 * MINUTE_US) // failures are forgotten so long after the last

struct entry {
    uint8_t tag[GUARD_TAG_LEN];
    uint64_t at_us; // 0: empty
    uint64_t count;
};

struct table {
    pthread_mutex_t lock;
    uint8_t key[32];
    size_t sets;
    struct entry *entries;
};

struct account_cache {
    struct table table;
};

struct account_failures {
    struct table table;
    struct table known; // of user and peer: signed in from there. Under the lock of `table`.
};

static void table_init(struct table *t, size_t entries_max)
{
    t->sets = entries_max / WAYS;
    if (t->sets == 0)
        t->sets = 1;
    t->entries = calloc(t->sets * WAYS, sizeof(struct entry));
    CHECK(t->entries && pthread_mutex_init(&t->lock, NULL) == 0);
    // Not from rt: the tags are seen by nobody, and the simulator's seed must not make them known.
    randombytes_buf(t->key, sizeof(t->key));
}

static void table_done(struct table *t)
{
    sodium_memzero(t->key, sizeof(t->key));
    free(t->entries);
    pthread_mutex_destroy(&t->lock);
}

/// Threads look at the clock before they have the lock, so an entry may be younger than `now_us`.
static uint64_t age_us(const struct entry *e, uint64_t now_us)
{
    return now_us > e->at_us ? now_us - e->at_us : 0;
}

static struct entry *set_of(const struct table *t, const uint8_t *tag)
{
    uint64_t h;

    memcpy(&h, tag, sizeof(h));
    return &t->entries[h % t->sets * WAYS];
}

static struct entry *find(const struct table *t, const uint8_t *tag)
{
    struct entry *set = set_of(t, tag);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].at_us && sodium_memcmp(set[i].tag, tag, GUARD_TAG_LEN) == 0)
            return &set[i];
    return NULL;
}

/// The entry of that tag, or the oldest of its set made over for it.
static struct entry *find_or_make(const struct table *t, const uint8_t *tag)
{
    struct entry *e = find(t, tag), *set = set_of(t, tag);

    if (e)
        return e;
    e = set;
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].at_us < e->at_us)
            e = &set[i];
    *e = (struct entry){0};
    memcpy(e->tag, tag, GUARD_TAG_LEN);
    return e;
}

// ---- verified passwords

struct account_cache *account_cache_new(size_t entries_max)
{
    struct account_cache *cache = calloc(1, sizeof(*cache));

    CHECK(cache);
    table_init(&cache->table, entries_max);
    return cache;
}

void account_cache_free(struct account_cache *cache)
{
    if (!cache)
        return;
    table_done(&cache->table);
    free(cache);
}

void account_cache_tag(const struct account_cache *cache, uint64_t account_id, uint64_t version,
                       struct str password, uint8_t tag[GUARD_TAG_LEN])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, cache->table.key, sizeof(cache->table.key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)&account_id, sizeof(account_id));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)&version, sizeof(version));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)password.ptr, password.len);
    crypto_auth_hmacsha256_final(&state, tag);
}

bool account_cache_has(struct account_cache *cache, const uint8_t tag[GUARD_TAG_LEN],
                       uint64_t now_us)
{
    const struct entry *e;
    bool has;

    pthread_mutex_lock(&cache->table.lock);
    e = find(&cache->table, tag);
    has = e && age_us(e, now_us) < CACHE_US;
    pthread_mutex_unlock(&cache->table.lock);
    return has;
}

void account_cache_put(struct account_cache *cache, const uint8_t tag[GUARD_TAG_LEN],
                       uint64_t now_us)
{
    pthread_mutex_lock(&cache->table.lock);
    find_or_make(&cache->table, tag)->at_us = now_us + (now_us == 0);
    pthread_mutex_unlock(&cache->table.lock);
}

// ---- failures

struct account_failures *account_failures_new(void)
{
    struct account_failures *failures = calloc(1, sizeof(*failures));

    CHECK(failures);
    table_init(&failures->table, FAILURE_ENTRIES);
    table_init(&failures->known, KNOWN_ENTRIES);
    return failures;
}

void account_failures_free(struct account_failures *failures)
{
    if (!failures)
        return;
    table_done(&failures->table);
    table_done(&failures->known);
    free(failures);
}

/// An IPv6 site has 2^64 addresses to guess from: it counts as one.
static size_t peer_bytes(struct str ip, uint8_t out[64])
{
    char text[64];
    size_t len = ip.len < sizeof(text) ? ip.len : sizeof(text) - 1;

    if (len > 0)
        memcpy(text, ip.ptr, len);
    text[len] = 0;
    if (inet_pton(AF_INET6, text, out) == 1)
        return 8;
    memcpy(out, text, len);
    return len;
}

static void failure_tag(const struct account_failures *failures, struct str user, struct str ip,
                        uint8_t tag[GUARD_TAG_LEN])
{
    crypto_auth_hmacsha256_state state;
    uint8_t peer[64], len = (uint8_t)peer_bytes(ip, peer);

    crypto_auth_hmacsha256_init(&state, failures->table.key, sizeof(failures->table.key));
    crypto_auth_hmacsha256_update(&state, &len, 1);
    crypto_auth_hmacsha256_update(&state, peer, len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)user.ptr, user.len);
    crypto_auth_hmacsha256_final(&state, tag);
}

static bool is_blocked(const struct table *t, const uint8_t *tag, uint64_t max, uint64_t now_us)
{
    const struct entry *e = find(t, tag);
    uint64_t wait_us;

    if (!e || e->count < max)
        return false;
    wait_us = (e->count - max + 1) * MINUTE_US;
    return age_us(e, now_us) < (wait_us < FORGET_US ? wait_us : FORGET_US);
}

// ---- one user, many peers

/// Failures on that user that are not forgotten yet: ATTACK_LEAK of them are, each minute.
static uint64_t attack_of(const struct table *t, const uint8_t *user, uint64_t now_us)
{
    const struct entry *e = find(t, user);
    uint64_t leaked;

    if (!e)
        return 0;
    leaked = age_us(e, now_us) / MINUTE_US * ATTACK_LEAK;
    return e->count > leaked ? e->count - leaked : 0;
}

static void count_attack(const struct table *t, const uint8_t *user, uint64_t now_us)
{
    uint64_t count = attack_of(t, user, now_us);
    struct entry *e = find_or_make(t, user);

    // the minute that runs goes on, so that it leaks once it is over
    if (e->at_us == 0)
        e->at_us = now_us + (now_us == 0);
    else
        e->at_us += age_us(e, now_us) / MINUTE_US * MINUTE_US;
    e->count = count + 1;
}

static bool is_known(const struct account_failures *failures, const uint8_t *one, uint64_t now_us)
{
    const struct entry *e = find(&failures->known, one);

    return e && age_us(e, now_us) < KNOWN_US;
}

/// Under attack a stranger has one guess in a while, and none under a heavy one.
static bool is_stranger_blocked(const struct account_failures *failures, const uint8_t *one,
                                const uint8_t *user, uint64_t max, uint64_t now_us)
{
    uint64_t attack = attack_of(&failures->table, user, now_us);
    const struct entry *e = find(&failures->table, one);

    if (attack < max * ATTACK_FACTOR || is_known(failures, one, now_us))
        return false;
    return attack >= max * SIEGE_FACTOR || (e && e->count > 0 && age_us(e, now_us) < FORGET_US);
}

bool account_failures_is_blocked(struct account_failures *failures, struct str user, struct str ip,
                                 uint64_t max, uint64_t now_us)
{
    uint8_t one[GUARD_TAG_LEN], all[GUARD_TAG_LEN], whole[GUARD_TAG_LEN];
    bool blocked;

    failure_tag(failures, user, ip, one);
    failure_tag(failures, STR(""), ip, all);
    failure_tag(failures, user, STR(""), whole);
    pthread_mutex_lock(&failures->table.lock);
    blocked = is_blocked(&failures->table, one, max, now_us) ||
              is_blocked(&failures->table, all, max * PEER_FACTOR, now_us) ||
              is_stranger_blocked(failures, one, whole, max, now_us);
    pthread_mutex_unlock(&failures->table.lock);
    return blocked;
}

static uint64_t count_one(const struct table *t, const uint8_t *tag, uint64_t now_us)
{
    struct entry *e = find_or_make(t, tag);

    if (age_us(e, now_us) >= FORGET_US)
        e->count = 0;
    if (e->at_us < now_us + (now_us == 0))
        e->at_us = now_us + (now_us == 0);
    return ++e->count;
}

uint64_t account_failures_note(struct account_failures *failures, struct str user, struct str ip,
                               uint64_t now_us)
{
    uint8_t one[GUARD_TAG_LEN], all[GUARD_TAG_LEN], whole[GUARD_TAG_LEN];
    uint64_t count;

    failure_tag(failures, user, ip, one);
    failure_tag(failures, STR(""), ip, all);
    failure_tag(failures, user, STR(""), whole);
    pthread_mutex_lock(&failures->table.lock);
    count = count_one(&failures->table, one, now_us);
    count_one(&failures->table, all, now_us);
    count_attack(&failures->table, whole, now_us);
    pthread_mutex_unlock(&failures->table.lock);
    return count;
}

void account_failures_forget(struct account_failures *failures, struct str user, struct str ip,
                             uint64_t now_us)
{
    uint8_t tag[GUARD_TAG_LEN];
    struct entry *e;

    failure_tag(failures, user, ip, tag);
    pthread_mutex_lock(&failures->table.lock);
    e = find(&failures->table, tag);
    if (e)
        *e = (struct entry){0};
    find_or_make(&failures->known, tag)->at_us = now_us + (now_us == 0);
    pthread_mutex_unlock(&failures->table.lock);
}
