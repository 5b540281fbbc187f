// SPDX-License-Identifier: ISC
#include "app/tally.h"

#include "base/check.h"

#include <stdlib.h>

enum { FIRST_CAP = 1024 };

static struct tally_slot *find(const struct tally *t, const uint8_t *key)
{
    uint64_t hash;
    size_t at;

    memcpy(&hash, key, sizeof hash);
    at = (size_t)hash & (t->cap - 1);
    while (t->slots[at].count && memcmp(t->slots[at].key, key, TALLY_KEY_BYTES) != 0)
        at = (at + 1) & (t->cap - 1);
    return &t->slots[at];
}

static void grow(struct tally *t)
{
    struct tally old = *t;

    t->cap = old.cap ? 2 * old.cap : FIRST_CAP;
    t->slots = calloc(t->cap, sizeof *t->slots);
    CHECK(t->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].count)
            *find(t, old.slots[i].key) = old.slots[i];
    }
    free(old.slots);
}

uint32_t tally_count(const struct tally *t, const uint8_t key[TALLY_KEY_BYTES])
{
    return t->cap ? find(t, key)->count : 0;
}

uint32_t tally_add(struct tally *t, const uint8_t key[TALLY_KEY_BYTES])
{
    struct tally_slot *slot;

    if (t->used >= t->cap / 4 * 3)
        grow(t);
    slot = find(t, key);
    t->used += slot->count == 0;
    memcpy(slot->key, key, TALLY_KEY_BYTES);
    return slot->count++;
}

void tally_done(struct tally *t)
{
    free(t->slots);
    *t = (struct tally){0};
}
