// SPDX-License-Identifier: ISC
#include "base/map.h"

#include "base/check.h"

// Open addressing with linear probing; a deleted slot keeps its key NULL and its value DELETED.
struct map_slot {
    uint64_t hash;
    char *key;
    size_t key_len;
    void *value; // NULL: never used
};

static char deleted_mark;
#define DELETED ((void *)&deleted_mark)

void map_init(struct map *m, const uint64_t seed[2])
{
    *m = (struct map){.seed = {seed[0], seed[1]}};
}

void map_done(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    map_init(m, m->seed);
}

static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    if (!m->cap)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];

        if (!s->value)
            return NULL;
        if (s->value != DELETED && s->hash == hash && str_eq(str_of(s->key, s->key_len), key))
            return s;
    }
}

static struct map_slot *free_slot(struct map_slot *slots, size_t cap, uint64_t hash)
{
    size_t i = hash & (cap - 1);

    while (slots[i].value && slots[i].value != DELETED)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void resize(struct map *m, size_t cap)
{
    struct map_slot *slots = calloc(cap, sizeof(*slots));

    CHECK(slots);
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *s = &m->slots[i];

        if (s->value && s->value != DELETED)
            *free_slot(slots, cap, s->hash) = *s;
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    m->deleted = 0;
}

void *map_get(const struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, str_hash(key, m->seed));

    return s ? s->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = str_hash(key, m->seed);
    struct map_slot *s = find(m, key, hash);
    void *before;

    CHECK(value);
    if (s) {
        before = s->value;
        s->value = value;
        return before;
    }
    if ((m->count + m->deleted + 1) * 4 > m->cap * 3)
        resize(m, m->count * 2 + 2 > m->cap ? (m->cap ? m->cap * 2 : 8) : m->cap);
    s = free_slot(m->slots, m->cap, hash);
    if (s->value == DELETED)
        m->deleted--;
    *s = (struct map_slot){hash, malloc(key.len + 1), key.len, value};
    CHECK(s->key);
    if (key.len)
        memcpy(s->key, key.ptr, key.len);
    m->count++;
    return NULL;
}

void *map_take(struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, str_hash(key, m->seed));
    void *value;

    if (!s)
        return NULL;
    value = s->value;
    free(s->key);
    *s = (struct map_slot){.value = DELETED};
    m->count--;
    m->deleted++;
    return value;
}

void *map_get_u64(const struct map *m, uint64_t key)
{
    return map_get(m, str_of(&key, sizeof(key)));
}

void *map_put_u64(struct map *m, uint64_t key, void *value)
{
    return map_put(m, str_of(&key, sizeof(key)), value);
}

void *map_take_u64(struct map *m, uint64_t key)
{
    return map_take(m, str_of(&key, sizeof(key)));
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
    for (; *at < m->cap; ++*at) {
        struct map_slot *s = &m->slots[*at];

        if (!s->value || s->value == DELETED)
            continue;
        if (key)
            *key = str_of(s->key, s->key_len);
        *value = s->value;
        ++*at;
        return true;
    }
    return false;
}
