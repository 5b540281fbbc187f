// SPDX-License-Identifier: ISC
//
// Asking the index. Readers are kept open, a few, for whoever asks next.
#include "base/check.h"
#include "base/cleanup.h"
#include "search/inside.h"

#include <errno.h>
#include <stdlib.h>

enum { READERS_MAX = 16, QUESTION_MAX = 64 * 1024 };

// ---- answers

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

// ---- readers

static void close_reader(struct search_reader *reader)
{
    search_index_close(&reader->index);
    free(reader);
}

/// Takes one of that account out of the list, or the last when account_id is 0. Under the lock.
static struct search_reader *unlink_reader(struct search *s, uint64_t account_id)
{
    for (struct search_reader **at = &s->readers; *at; at = &(*at)->next) {
        struct search_reader *reader = *at;

        if (account_id ? reader->index.account_id != account_id : reader->next != NULL)
            continue;
        *at = reader->next;
        s->reader_count--;
        return reader;
    }
    return NULL;
}

int search_reader_take(struct search *s, uint64_t account_id, struct search_reader **out)
{
    unsigned generation = atomic_load(&s->generation);
    struct search_reader *reader;
    int r;

    pthread_mutex_lock(&s->lock);
    reader = unlink_reader(s, account_id);
    pthread_mutex_unlock(&s->lock);
    if (reader && reader->index.generation == generation) {
        *out = reader;
        return 0;
    }
    if (reader)
        close_reader(reader);
    reader = calloc(1, sizeof(*reader));
    CHECK(reader);
    r = search_index_open(&reader->index, s->dir, account_id, false);
    reader->index.generation = generation;
    if (r < 0)
        free(reader);
    else
        *out = reader;
    if (r == -EUCLEAN)
        search_condemn(s, account_id);
    return r;
}

void search_reader_give(struct search *s, struct search_reader *reader, int r)
{
    struct search_reader *old = NULL;

    if (derived_is_damage(r))
        search_condemn(s, reader->index.account_id);
    if (derived_errno(r) < 0 && r != SQLITE_NOTFOUND && r != SQLITE_TOOBIG &&
        r != SQLITE_INTERRUPT) {
        close_reader(reader);
        return;
    }
    pthread_mutex_lock(&s->lock);
    reader->next = s->readers;
    s->readers = reader;
    if (++s->reader_count > READERS_MAX)
        old = unlink_reader(s, 0);
    pthread_mutex_unlock(&s->lock);
    if (old)
        close_reader(old);
}

void search_readers_close(struct search *s)
{
    struct search_reader *reader;

    while ((reader = unlink_reader(s, 0)))
        close_reader(reader);
}

// ---- asking

struct asking {
    struct search *search;
    const struct store_mailbox *mailbox;
    struct str question; // ptr NULL: it cannot be asked
    struct search_hits hits;
};

/// 0, SEARCH_UNKNOWN, or -ENOENT: the mailbox is not followed.
static int ask(void *arg)
{
    struct asking *a = arg;
    struct search_reader *reader;
    int r = search_reader_take(a->search, a->mailbox->account_id, &reader);

    if (r < 0)
        return r == -ENOENT ? r : SEARCH_UNKNOWN;
    r = search_index_ask(&reader->index, a->mailbox, a->question, &a->hits);
    search_reader_give(a->search, reader, r);
    if (r == SQLITE_NOTFOUND)
        return -ENOENT;
    return r == SQLITE_OK && a->question.ptr ? 0 : SEARCH_UNKNOWN;
}

int search_find(struct search *search, const struct store_mailbox *mailbox,
                const struct search_query *query, struct search_hits *out)
{
    CLEANUP(buf_drop) struct buf question = {.max = QUESTION_MAX};
    struct asking a = {.search = search, .mailbox = mailbox};
    int r;

    *out = (struct search_hits){0};
    if (!search || atomic_load(&search->mode) == SEARCH_OFF)
        return SEARCH_UNKNOWN;
    if (grams_put_question(query, &question, &a.hits.is_exact))
        a.question = buf_str(&question);
    r = rt_call(search->pool, ask, &a);
    search_follow(search, mailbox->account_id, mailbox->id);
    if (r != 0) {
        search_hits_done(&a.hits);
        return SEARCH_UNKNOWN;
    }
    // whoever restored an older store beside this index gave uids twice
    if (a.hits.uid_known >= mailbox->uidnext)
        a.hits.uid_known = 0;
    *out = a.hits;
    return 0;
}
