// SPDX-License-Identifier: ISC
#include "serve/imap/hits.h"

#include "base/check.h"

#include <stdlib.h>

void imap_hits_done(struct imap_hits *hits)
{
    free(hits->runs);
    *hits = (struct imap_hits){0};
}

static void add_run(struct imap_hits *hits, uint32_t index)
{
    if (hits->count == hits->cap) {
        hits->cap += hits->cap / 2 + 16;
        hits->runs = realloc(hits->runs, hits->cap * sizeof(*hits->runs));
        CHECK(hits->runs);
    }
    hits->runs[hits->count++] = (struct imap_range){index, index};
}

static void put_run(struct imap_hits *hits, uint32_t first, uint32_t last)
{
    add_run(hits, first);
    hits->runs[hits->count - 1].last = last;
    hits->messages += (size_t)(last - first) + 1;
}

void imap_hits_add(struct imap_hits *hits, uint32_t index)
{
    hits->messages++;
    if (hits->count > 0 && hits->runs[hits->count - 1].last + 1 == index)
        hits->runs[hits->count - 1].last = index;
    else
        add_run(hits, index);
}

void imap_hits_add_before(struct imap_hits *hits, uint32_t index)
{
    hits->messages++;
    if (hits->count > 0 && hits->runs[hits->count - 1].first == index + 1)
        hits->runs[hits->count - 1].first = index;
    else
        add_run(hits, index);
}

void imap_hits_reverse(struct imap_hits *hits)
{
    for (size_t i = 0; i < hits->count / 2; i++) {
        struct imap_range run = hits->runs[i];

        hits->runs[i] = hits->runs[hits->count - 1 - i];
        hits->runs[hits->count - 1 - i] = run;
    }
}

uint32_t imap_hits_at(const struct imap_hits *hits, size_t place)
{
    struct imap_hits_iter it = imap_hits_iter_of(hits, place, place + 1);
    uint32_t index = 0;

    CHECK(imap_hits_next(&it, &index));
    return index;
}

bool imap_hits_have(const struct imap_hits *hits, uint32_t index)
{
    return imap_sequence_has((struct imap_sequence){hits->runs, hits->count}, index);
}

struct imap_hits_iter imap_hits_iter_of(const struct imap_hits *hits, size_t from, size_t to)
{
    struct imap_hits_iter it = {.hits = hits};

    if (to > hits->messages)
        to = hits->messages;
    if (from >= to)
        return it;
    it.left = to - from;
    while (from > hits->runs[it.run].last - hits->runs[it.run].first) {
        from -= (size_t)(hits->runs[it.run].last - hits->runs[it.run].first) + 1;
        it.run++;
    }
    it.next = hits->runs[it.run].first + (uint32_t)from;
    return it;
}

bool imap_hits_next(struct imap_hits_iter *it, uint32_t *out_index)
{
    const struct imap_range *runs = it->hits->runs;

    if (it->left == 0)
        return false;
    *out_index = it->next;
    it->left--;
    if (it->next < runs[it->run].last)
        it->next++;
    else if (it->left > 0)
        it->next = runs[++it->run].first;
    return true;
}

void imap_hits_subtract(struct imap_hits *hits, const struct imap_hits *minus)
{
    struct imap_hits left = {0};
    size_t m = 0;

    for (size_t i = 0; i < hits->count; i++) {
        uint64_t first = hits->runs[i].first, last = hits->runs[i].last;

        while (m < minus->count && minus->runs[m].last < first)
            m++;
        for (size_t k = m; k < minus->count && minus->runs[k].first <= last; k++) {
            if (minus->runs[k].first > first)
                put_run(&left, (uint32_t)first, minus->runs[k].first - 1);
            first = (uint64_t)minus->runs[k].last + 1;
        }
        if (first <= last)
            put_run(&left, (uint32_t)first, (uint32_t)last);
    }
    imap_hits_done(hits);
    *hits = left;
}

void imap_hits_unite(struct imap_hits *hits, const struct imap_hits *plus)
{
    struct imap_hits all = {0};
    size_t h = 0, p = 0;

    while (h < hits->count || p < plus->count) {
        bool from_plus =
            h == hits->count || (p < plus->count && plus->runs[p].first < hits->runs[h].first);
        struct imap_range run = from_plus ? plus->runs[p++] : hits->runs[h++];
        struct imap_range *top = all.count > 0 ? &all.runs[all.count - 1] : NULL;

        if (!top || run.first > (uint64_t)top->last + 1) {
            put_run(&all, run.first, run.last);
        } else if (run.last > top->last) {
            all.messages += run.last - top->last;
            top->last = run.last;
        }
    }
    imap_hits_done(hits);
    *hits = all;
}
