// SPDX-License-Identifier: ISC
#include "search/search.h"

#include <stdlib.h>

void search_hits_done(struct search_hits *hits)
{
    free(hits->message_ids);
    *hits = (struct search_hits){0};
}

int search_find(struct search *search, uint64_t account_id, const struct search_query *query,
                struct search_hits *out)
{
    (void)search; // no index is kept yet
    (void)account_id;
    (void)query;
    (void)out;
    return SEARCH_UNKNOWN;
}

bool search_knows(struct search *search, const struct search_hits *hits, uint64_t message_id)
{
    (void)search;
    (void)hits;
    (void)message_id;
    return false;
}
