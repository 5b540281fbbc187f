// SPDX-License-Identifier: ISC
#include "queue/inside.h"

enum { SHIFT_MAX = 40 };

uint64_t queue_back_off(const struct queue_back_off *b, unsigned failures, uint64_t random)
{
    unsigned shift = failures > 1 ? failures - 1 : 0;
    uint64_t wait = b->max_ms;

    if (shift < SHIFT_MAX && b->first_ms <= (b->max_ms >> shift))
        wait = b->first_ms << shift;
    wait *= 1000;
    return wait - wait / 4 + (wait >= 2 ? random % (wait / 2) : 0);
}

int64_t queue_due_again(const struct queue_entry *entry, const struct queue_back_off *b,
                        int64_t now_us, uint64_t random)
{
    int64_t due_us = now_us + (int64_t)queue_back_off(b, entry->attempts + 1, random);
    int64_t end_us = entry->expires_s * 1000000;
    int64_t by_us = entry->by_s * 1000000;

    if (entry->expires_s && now_us < end_us && due_us > end_us)
        due_us = end_us;
    if (entry->by != ENVELOPE_BY_NONE && now_us < by_us && due_us > by_us)
        due_us = by_us;
    return due_us;
}
