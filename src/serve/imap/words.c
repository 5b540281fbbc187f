// SPDX-License-Identifier: ISC
#include "serve/imap/words.h"

#include "base/check.h"

enum { WINDOW = 512 }; // messages of the view that are looked at in one go
_Static_assert((int)WINDOW <= (int)SUMMARY_MANY_MAX, "one call for a window");

struct window {
    uint32_t indexes[WINDOW];
    const struct store_body_ref *refs[WINDOW];
    const struct store_entry *entries[WINDOW];
    struct summary summaries[WINDOW];
    int results[WINDOW];
    size_t count;
    struct store_entries stored;
};

/// Hits from `it` on that lie in one window; false: none is left.
static bool fill(struct window *w, struct imap_hits_iter *it)
{
    uint32_t index;

    w->count = 0;
    while (w->count < WINDOW && (w->count == 0 || it->next < w->indexes[0] + WINDOW) &&
           imap_hits_next(it, &index))
        w->indexes[w->count++] = index;
    return w->count > 0;
}

/// [await] The entries of a window; those that are gone leave it.
static int read_entries(struct imap_judge *j, struct window *w)
{
    uint32_t first = imap_view_uid(j->view, w->indexes[0]);
    uint32_t last = imap_view_uid(j->view, w->indexes[w->count - 1]);
    size_t kept = 0, at = 0;
    int r = store_entries_get(imap_store(j->s), j->view->mailbox_id, first, last, &w->stored);

    if (r != 0)
        return r;
    for (size_t i = 0; i < w->count; i++) {
        uint32_t uid = imap_view_uid(j->view, w->indexes[i]);

        while (at < w->stored.count && w->stored.items[at].uid < uid)
            at++;
        if (at == w->stored.count || w->stored.items[at].uid != uid) {
            j->missing++;
            continue;
        }
        w->entries[kept] = &w->stored.items[at];
        w->refs[kept] = &w->stored.items[at].body;
        w->indexes[kept++] = w->indexes[i];
    }
    w->count = kept;
    return 0;
}

/// [await] As many as summary_get_many gives; the others are to be asked for alone.
static int read_summaries(struct imap_judge *j, struct window *w)
{
    return summary_get_many(imap_summaries(j->s), imap_store(j->s), w->refs, w->count, w->summaries,
                            w->results);
}

/// [await] Each is forgotten once it was told: a stranger can make 512 that have megabytes each. A
/// damaged mail is one without words.
static int tell(struct imap_judge *j, struct window *w,
                int (*each)(void *, uint32_t, const struct imap_words *), void *arg)
{
    int r = 0;

    for (size_t i = 0; i < w->count && r == 0; i++) {
        struct summary *summary = &w->summaries[i];
        struct imap_words words = {.entry = w->entries[i], .summary = summary};

        if (w->results[i] == SUMMARY_ALONE)
            w->results[i] =
                summary_get(imap_summaries(j->s), imap_store(j->s), w->refs[i], summary);
        if (imap_is_gone(w->results[i]))
            return w->results[i];
        words.sent_s = summary->sent_s;
        if (!summary->bytes.ptr || words.sent_s == INT64_MIN)
            words.sent_s = w->entries[i]->internal_date;
        r = each(arg, w->indexes[i], &words);
        summary_done(summary);
    }
    return r;
}

int imap_words_each(struct imap_judge *j, const struct imap_hits *hits, bool with_summary,
                    int (*each)(void *arg, uint32_t index, const struct imap_words *words),
                    void *arg)
{
    struct imap_hits_iter it = imap_hits_iter_of(hits, 0, hits->messages);
    struct window *w = calloc(1, sizeof(*w));
    int r = 0;

    CHECK(w);
    while (r == 0 && fill(w, &it)) {
        size_t at = w->indexes[0];

        r = read_entries(j, w);
        if (r == 0 && with_summary && w->count > 0)
            r = read_summaries(j, w);
        if (r == 0)
            r = tell(j, w, each, arg);
        if (r == 0)
            r = imap_judge_tell(j, at);
        if (r == 0)
            r = rt_breathe();
        for (size_t i = 0; i < WINDOW; i++)
            summary_done(&w->summaries[i]);
        store_entries_done(&w->stored);
        w->stored = (struct store_entries){0};
    }
    free(w);
    return r;
}
