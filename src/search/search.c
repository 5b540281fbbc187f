// SPDX-License-Identifier: ISC
#include "search/search.h"

#include <stdlib.h>

void search_hits_done(struct search_hits *hits)
{
    free(hits->message_ids);
    free(hits->unindexed);
    *hits = (struct search_hits){0};
}

static bool has_id(const uint64_t *ids, size_t count, uint64_t id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ids[low] == id;
}

enum search_says search_says(const struct search_hits *hits, uint32_t uid, uint64_t message_id)
{
    if (uid > hits->uid_known || has_id(hits->unindexed, hits->unindexed_count, message_id))
        return SEARCH_READ;
    if (!has_id(hits->message_ids, hits->count, message_id))
        return SEARCH_NO;
    return hits->is_exact ? SEARCH_YES : SEARCH_READ;
}

int search_find(struct search *search, const struct store_mailbox *mailbox,
                const struct search_query *query, struct search_hits *out)
{
    (void)search; // no index is kept yet
    (void)mailbox;
    (void)query;
    *out = (struct search_hits){0};
    return SEARCH_UNKNOWN;
}
