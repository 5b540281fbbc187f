// SPDX-License-Identifier: ISC
#include "serve/imap/search_ahead.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/date.h"
#include "proto/imap/scan.h"
#include "summary/summary.h"

#include "serve/imap/objectid.h"

#include <errno.h>

enum {
    MESSAGES = 64,       // read at once
    BYTES = 1 << 20,     // and of all of them together, unless a single one is larger
    LARGE = 256 * 1024,  // bytes; such a message is read alone, when its turn comes
    HEADER_FIRST = 8192, // bytes that hold most headers
    SUMMARIES = 256,     // asked for at once
};

// ---- bodies

struct imap_ahead {
    struct imap_message messages[MESSAGES];
    struct store_body_piece pieces[MESSAGES];
    size_t places[MESSAGES];
    size_t count;
    size_t next_count; // how many the next reading takes: few at first, a search may end soon
};

void imap_ahead_clear(struct imap_ahead *ahead)
{
    for (size_t i = 0; ahead && i < ahead->count; i++)
        imap_message_done(&ahead->messages[i]);
    if (ahead)
        ahead->count = 0;
}

void imap_ahead_free(struct imap_ahead *ahead)
{
    imap_ahead_clear(ahead);
    free(ahead);
}

/// Bytes of a message that will be wanted for sure, or nearly so.
static size_t wanted(const struct imap_judge *j, const struct store_body_ref *ref)
{
    size_t most = j->price_count[IMAP_WHOLE] == 0    ? HEADER_FIRST
                  : j->price_count[IMAP_HEADER] == 0 ? SIZE_MAX
                                                     : 8 * HEADER_FIRST;

    return ref->size < most ? (size_t)ref->size : most;
}

/// False: it does not come along any more.
static bool add(struct imap_judge *j, size_t place, size_t *bytes)
{
    struct imap_ahead *a = j->ahead;
    const struct store_body_ref *ref = &j->entries[place]->body;
    size_t len = wanted(j, ref);
    struct imap_message *m = &a->messages[a->count];

    if (a->count > 0 && (len > LARGE || *bytes + len > BYTES))
        return false;
    *bytes += len;
    imap_message_init(m, imap_store(j->s), ref);
    if (len > LARGE)
        len = 0; // in its own pieces
    a->pieces[a->count] = (struct store_body_piece){
        .ref = ref, .to = len > 0 ? buf_room(&m->bytes, len) : NULL, .len = len};
    a->places[a->count++] = place;
    return true;
}

static void read_ahead(struct imap_judge *j, size_t place, size_t count, bool is_backwards)
{
    struct imap_ahead *a = j->ahead;
    size_t bytes = 0, left = is_backwards ? place + 1 : count - place;

    imap_ahead_clear(a);
    for (size_t n = 0; n < left && a->count < a->next_count; n++) {
        size_t at = is_backwards ? place - n : place + n;

        if (j->results[at] == IMAP_UNKNOWN && !add(j, at, &bytes))
            break;
    }
    a->next_count = a->next_count * 2 < MESSAGES ? a->next_count * 2 : MESSAGES;
    store_bodies_read(imap_store(j->s), a->pieces, a->count);
    for (size_t i = 0; i < a->count; i++)
        if (a->pieces[i].n > 0)
            buf_added(&a->messages[i].bytes, (size_t)a->pieces[i].n);
}

int imap_ahead_get(struct imap_judge *j, size_t place, size_t count, bool is_backwards,
                   struct imap_message **out)
{
    size_t i = 0;

    if (!j->ahead) {
        j->ahead = calloc(1, sizeof(*j->ahead));
        CHECK(j->ahead);
        j->ahead->next_count = 1;
    }
    while (i < j->ahead->count && j->ahead->places[i] != place)
        i++;
    if (i == j->ahead->count) {
        read_ahead(j, place, count, is_backwards);
        i = 0;
    }
    *out = &j->ahead->messages[i];
    return j->ahead->pieces[i].n < 0 ? (int)j->ahead->pieces[i].n : 0;
}

// ---- summaries

struct asking {
    const struct store_body_ref *refs[SUMMARIES];
    struct summary summaries[SUMMARIES];
    int results[SUMMARIES];
    size_t places[SUMMARIES], count;
};

/// The Date field stands first in an ENVELOPE.
static void take_date(const struct summary *summary, struct imap_judge_words *words)
{
    struct scan in = scan_of(summary->envelope);
    struct str text = STR_NONE;
    struct arena arena;
    struct date date;

    arena_init(&arena, 2 * summary->envelope.len + 1024);
    if (scan_char(&in, '(') && imap_scan_nstring(&in, &arena, &text) && text.ptr &&
        date_parse(text, &date)) {
        words->has_date = true;
        words->sent_day = date_day(date);
    }
    arena_done(&arena);
}

static void take(const struct imap_judge *j, const struct asking *a, size_t i,
                 struct imap_judge_words *words)
{
    CLEANUP(buf_drop) struct buf thread = {.max = 256};
    const struct summary *summary = &a->summaries[i];

    words->is_damaged = a->results[i] < 0;
    if (words->is_damaged)
        return;
    take_date(summary, words);
    imap_put_threadid(&thread, summary->references, summary->message_id, a->refs[i]->message_id);
    words->thread = str_hash(buf_str(&thread), j->seed);
}

/// [await] 0 or -errno of the connection.
static int ask(struct imap_judge *j, struct asking *a, struct imap_judge_words *words)
{
    struct store *store = imap_store(j->s);
    int r =
        summary_get_many(imap_summaries(j->s), store, a->refs, a->count, a->summaries, a->results);

    for (size_t i = 0; i < a->count && r >= 0; i++) {
        if (a->results[i] == SUMMARY_ALONE)
            a->results[i] = summary_get(imap_summaries(j->s), store, a->refs[i], &a->summaries[i]);
        if (imap_is_gone(a->results[i]))
            r = a->results[i];
        take(j, a, i, &words[a->places[i]]);
        summary_done(&a->summaries[i]); // those that are asked for alone are large
    }
    for (size_t i = 0; i < a->count; i++)
        summary_done(&a->summaries[i]);
    a->count = 0;
    return r < 0 ? r : imap_judge_tell(j, j->done);
}

struct imap_judge_words *imap_ahead_words(struct imap_judge *j, size_t count, int *out_r)
{
    CLEANUP(free_drop) struct imap_judge_words *words = NULL;
    CLEANUP(free_drop) struct asking *a = NULL;
    int r = 0;

    if (j->price_count[IMAP_SUMMARY] == 0)
        return NULL;
    words = calloc(count, sizeof(*words));
    a = calloc(1, sizeof(*a));
    CHECK(words && a);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (j->results[i] == IMAP_UNKNOWN) {
            a->refs[a->count] = &j->entries[i]->body;
            a->places[a->count++] = i;
        }
        if (a->count == SUMMARIES)
            r = ask(j, a, words);
    }
    if (r == 0 && a->count > 0)
        r = ask(j, a, words);
    *out_r = r;
    return TAKE(words);
}
