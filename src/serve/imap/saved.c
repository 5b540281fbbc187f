// SPDX-License-Identifier: ISC
#include "serve/imap/saved.h"

#include "base/check.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

void imap_saved_clear(struct imap_session *s)
{
    free(s->saved.ranges);
    s->saved = (struct imap_saved){0};
}

static int by_first(const void *a, const void *b)
{
    const struct imap_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/// Runs of indexes that touch become one: between the uids of neighbours there is none that the
/// view has, nor will there ever be.
bool imap_saved_set(struct imap_session *s, const struct imap_hits *hits)
{
    struct imap_range *ranges = malloc((hits->count + 1) * sizeof(*ranges));
    size_t kept = 0;

    CHECK(ranges);
    imap_saved_clear(s);
    if (hits->count > 0)
        memcpy(ranges, hits->runs, hits->count * sizeof(*ranges));
    qsort(ranges, hits->count, sizeof(*ranges), by_first);
    for (size_t i = 0; i < hits->count; i++) {
        if (kept > 0 && ranges[i].first <= ranges[kept - 1].last + 1)
            ranges[kept - 1].last =
                ranges[i].last > ranges[kept - 1].last ? ranges[i].last : ranges[kept - 1].last;
        else
            ranges[kept++] = ranges[i];
    }
    if (kept > IMAP_SAVED_MAX) {
        free(ranges);
        return false;
    }
    for (size_t i = 0; i < kept; i++) {
        ranges[i].first = imap_view_uid(s->view, ranges[i].first);
        ranges[i].last = imap_view_uid(s->view, ranges[i].last);
    }
    s->saved.ranges = realloc(ranges, (kept + 1) * sizeof(*ranges));
    CHECK(s->saved.ranges);
    s->saved.count = kept;
    return true;
}

struct imap_sequence imap_saved_uids(const struct imap_session *s)
{
    return (struct imap_sequence){s->saved.ranges, s->saved.count};
}
