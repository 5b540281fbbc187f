// SPDX-License-Identifier: ISC
//
// A search over many messages, batch by batch: first what the view tells of each, then what one
// reading of entries and one question to the index tell of those left, then the rest one by one,
// read ahead (search_ahead.h). It ends as soon as enough was found.
#include "base/cleanup.h"
#include "serve/imap/search_ahead.h"
#include "serve/imap/search_judge.h"

#include <errno.h>

enum {
    BATCH = 256,     // messages, where bodies may be read
    WORK_MAX = 4096, // keys worked out between two looks at the clock
};

int imap_judge_tell(struct imap_judge *j, size_t at)
{
    rt_conn_set_command_ms(j->s->conn, (uint32_t)j->s->config.stall); // work is no silence
    return j->c ? imap_tell_progress(j->s, j->c, at, j->view->count, "Searching") : 0;
}

struct batch {
    uint32_t first;
    size_t count;
    bool is_backwards, has_unknown;
    struct store_entries stored;
};

/// What the view alone tells, into results.
static int judge_free(struct imap_judge *j, struct batch *b)
{
    size_t work = 0;

    for (size_t i = 0; i < b->count; i++) {
        j->results[i] = imap_judge_free(j, b->first + (uint32_t)i);
        b->has_unknown |= j->results[i] == IMAP_UNKNOWN;
        work += j->what->count; // a program may have thousands of keys
        if (work > WORK_MAX) {
            int r = rt_breathe();

            if (r < 0)
                return r;
            work = 0;
        }
    }
    return 0;
}

/// [await] The entries of those still unknown; those that are gone do not match.
static int read_entries(struct imap_judge *j, struct batch *b)
{
    uint32_t last = b->first + (uint32_t)b->count - 1;
    size_t at = 0;
    int r =
        store_entries_get(imap_store(j->s), j->view->mailbox_id, imap_view_uid(j->view, b->first),
                          imap_view_uid(j->view, last), &b->stored);

    for (size_t i = 0; i < b->count && r == 0; i++) {
        uint32_t uid = imap_view_uid(j->view, b->first + (uint32_t)i);

        while (at < b->stored.count && b->stored.items[at].uid < uid)
            at++;
        j->entries[i] = NULL;
        if (at < b->stored.count && b->stored.items[at].uid == uid) {
            j->entries[i] = &b->stored.items[at];
        } else if (j->results[i] == IMAP_UNKNOWN) {
            j->results[i] = IMAP_NO;
            j->missing++;
        }
    }
    return r;
}

/// What entries and index tell. Is anything left?
static bool judge_entries(struct imap_judge *j, const struct batch *b, int *out_r)
{
    bool has_unknown = false;
    size_t work = 0;

    *out_r = 0;
    for (size_t i = 0; i < b->count && *out_r == 0; i++) {
        if (j->results[i] != IMAP_UNKNOWN)
            continue;
        j->results[i] = imap_judge_entry(j, b->first + (uint32_t)i, j->entries[i]);
        has_unknown |= j->results[i] == IMAP_UNKNOWN;
        work += j->what->count;
        if (work > WORK_MAX) {
            *out_r = rt_breathe();
            work = 0;
        }
    }
    return has_unknown;
}

/// [await] What must be read of the message at that place. A damaged one does not match and ends no
/// search.
static int judge_message(struct imap_judge *j, const struct batch *b, size_t place,
                         const struct imap_judge_words *words)
{
    uint32_t index = b->first + (uint32_t)place;
    struct imap_message *m;
    int r;

    if (words && words[place].is_damaged)
        return IMAP_NO;
    if (j->price_count[IMAP_HEADER] + j->price_count[IMAP_WHOLE] == 0)
        return imap_judge_message(j, index, j->entries[place], words ? &words[place] : NULL, NULL);
    r = imap_judge_tell(j, j->done);
    if (r == 0)
        r = imap_ahead_get(j, place, b->count, b->is_backwards, &m);
    if (r == 0)
        r = imap_judge_message(j, index, j->entries[place], words ? &words[place] : NULL, m);
    return r == -EBADMSG || r == -ENOENT ? IMAP_NO : r;
}

static int take_hits(struct imap_judge *j, const struct batch *b,
                     const struct imap_judge_words *words, size_t most, struct imap_hits *hits)
{
    int r = 0;

    for (size_t n = 0; n < b->count && r == 0 && hits->messages < most; n++) {
        size_t place = b->is_backwards ? b->count - 1 - n : n;
        int value = j->results[place];

        if (value == IMAP_UNKNOWN) {
            value = judge_message(j, b, place, words);
            r = value < 0 ? value : rt_breathe();
        }
        if (value == IMAP_YES && b->is_backwards)
            imap_hits_add_before(hits, b->first + (uint32_t)place);
        else if (value == IMAP_YES)
            imap_hits_add(hits, b->first + (uint32_t)place);
    }
    return r;
}

/// [await] What the view cannot decide.
static int judge_rest(struct imap_judge *j, struct batch *b, struct imap_judge_words **words)
{
    int r = read_entries(j, b);
    bool has_unknown = r == 0 && judge_entries(j, b, &r);

    if (r == 0 && has_unknown && !j->texts.is_asked && j->texts.count > 0) {
        r = imap_text_keys_ask(&j->texts, j->s, j->view->mailbox_id);
        if (r == 0)
            has_unknown = judge_entries(j, b, &r);
    }
    if (r == 0 && has_unknown)
        *words = imap_ahead_words(j, b->count, &r);
    return r;
}

static int judge_batch(struct imap_judge *j, struct batch *b, size_t most, struct imap_hits *hits)
{
    CLEANUP(free_drop) struct imap_judge_words *words = NULL;
    int r = judge_free(j, b);

    if (r == 0 && b->has_unknown)
        r = judge_rest(j, b, &words);
    if (r == 0)
        r = take_hits(j, b, words, most, hits);
    imap_ahead_clear(j->ahead);
    store_entries_done(&b->stored);
    return r;
}

int imap_judge_run(struct imap_judge *j, bool is_backwards, size_t most, struct imap_hits *hits)
{
    bool reads =
        j->price_count[IMAP_SUMMARY] + j->price_count[IMAP_HEADER] + j->price_count[IMAP_WHOLE] > 0;
    uint32_t size = reads || most < BATCH ? BATCH : IMAP_JUDGE_BATCH_MAX;
    uint32_t count = j->end > j->first ? j->end - j->first : 0;
    int r = 0;

    for (j->done = 0; j->done < count && hits->messages < most && r == 0;) {
        uint32_t len = count - j->done < size ? count - j->done : size;
        struct batch b = {.count = len, .is_backwards = is_backwards};

        b.first = is_backwards ? j->end - j->done - len : j->first + j->done;
        r = judge_batch(j, &b, most, hits);
        j->done += len;
        if (r == 0)
            r = imap_judge_tell(j, j->done);
    }
    if (is_backwards)
        imap_hits_reverse(hits);
    return r;
}

int imap_judge_one(struct imap_judge *j, uint32_t index)
{
    struct batch b = {.first = index, .count = 1};
    struct imap_hits hits = {0};
    int r = 0;

    if (index >= j->first && index < j->end)
        r = judge_batch(j, &b, 1, &hits);
    if (r == 0)
        r = hits.messages > 0;
    imap_hits_done(&hits);
    return r;
}
