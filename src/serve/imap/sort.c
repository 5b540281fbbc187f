// SPDX-License-Identifier: ISC
//
// SORT (RFC 5256, 5957) and what RETURN makes of it (RFC 5267 3): the messages that match, in an
// order. What is compared is collected first: numbers as they are, texts in one buffer; then a
// worker sorts.
#include "base/check.h"
#include "proto/imap/sort.h"
#include "serve/imap/search_answer.h"
#include "serve/imap/words.h"

#include <errno.h>

enum {
    TEXTS_MAX = 256 << 20,  // bytes of all texts of one SORT
    VALUES_MAX = 256 << 20, // and of all else
};

/// A number, or where in the buffer a text is.
union value {
    int64_t number;
    struct {
        uint32_t at, len;
    };
};

struct sorter {
    const struct imap_sort *sort;
    struct buf texts;
    uint32_t *indexes;   // of messages, by place
    union value *values; // sort->count for each place
    uint32_t *order;     // places
    size_t count;
};

static void sorter_done(struct sorter *s)
{
    buf_done(&s->texts);
    free(s->indexes);
    free(s->values);
    free(s->order);
}

/// False: more than one client may ask for at once.
static bool sorter_init(struct sorter *s, const struct imap_sort *sort, size_t messages)
{
    size_t each = sort->count * sizeof(union value) + 2 * sizeof(uint32_t);

    *s = (struct sorter){.sort = sort};
    buf_init(&s->texts, TEXTS_MAX);
    if (messages >= VALUES_MAX / each)
        return false;
    s->indexes = malloc((messages + 1) * sizeof(*s->indexes));
    s->values = malloc((messages + 1) * sort->count * sizeof(*s->values));
    s->order = malloc((messages + 1) * sizeof(*s->order));
    CHECK(s->indexes && s->values && s->order);
    return true;
}

static bool is_number(enum imap_sort_by by)
{
    return by == IMAP_SORT_ARRIVAL || by == IMAP_SORT_DATE || by == IMAP_SORT_SIZE ||
           by == IMAP_SORT_RELEVANCY;
}

static bool needs_summary(const struct imap_sort *sort)
{
    for (size_t k = 0; k < sort->count; k++)
        if (!is_number(sort->keys[k].by) || sort->keys[k].by == IMAP_SORT_DATE)
            return true;
    return false;
}

static int64_t number_of(enum imap_sort_by by, const struct imap_words *words)
{
    switch (by) {
    case IMAP_SORT_ARRIVAL:
        return words->entry->internal_date;
    case IMAP_SORT_DATE:
        return words->sent_s;
    case IMAP_SORT_SIZE:
        return (int64_t)words->entry->body.size;
    default:
        return 0; // every match is a full one
    }
}

static struct str text_of(enum imap_sort_by by, const struct summary *summary)
{
    switch (by) {
    case IMAP_SORT_CC:
        return summary->sort_cc;
    case IMAP_SORT_FROM:
        return summary->sort_from;
    case IMAP_SORT_TO:
        return summary->sort_to;
    case IMAP_SORT_DISPLAY_FROM:
        return summary->display_from;
    case IMAP_SORT_DISPLAY_TO:
        return summary->display_to;
    default:
        return summary->base_subject;
    }
}

static int collect(void *arg, uint32_t index, const struct imap_words *words)
{
    struct sorter *s = arg;
    union value *values = &s->values[s->count * s->sort->count];

    for (size_t k = 0; k < s->sort->count; k++) {
        enum imap_sort_by by = s->sort->keys[k].by;

        if (is_number(by)) {
            values[k].number = number_of(by, words);
        } else {
            struct str text = text_of(by, words->summary);

            values[k].at = (uint32_t)s->texts.len;
            values[k].len = (uint32_t)text.len;
            buf_put(&s->texts, text);
        }
    }
    s->order[s->count] = (uint32_t)s->count;
    s->indexes[s->count++] = index;
    return buf_ok(&s->texts) ? 0 : -E2BIG;
}

static struct str text_at(const struct sorter *s, union value value)
{
    return str_of(s->texts.ptr + value.at, value.len);
}

/// Messages that are equal in all keys stay in the mailbox's order (RFC 5256 3).
static int compare(const void *a, const void *b, void *arg)
{
    const struct sorter *s = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    for (size_t k = 0; k < s->sort->count; k++) {
        union value v = s->values[x * s->sort->count + k], w = s->values[y * s->sort->count + k];
        int r = is_number(s->sort->keys[k].by) ? (v.number > w.number) - (v.number < w.number)
                                               : str_cmp(text_at(s, v), text_at(s, w));

        if (r != 0)
            return s->sort->keys[k].is_reverse ? -r : r;
    }
    return x < y ? -1 : x > y;
}

static int sort_all(void *arg)
{
    struct sorter *s = arg;

    qsort_r(s->order, s->count, sizeof(*s->order), compare, s);
    return 0;
}

/// [await] Puts *hits in order. -E2BIG: too much to hold.
static int sort_hits(struct imap_judge *j, const struct imap_sort *sort, struct imap_hits *hits)
{
    struct sorter s;
    int r = sorter_init(&s, sort, hits->messages) ? 0 : -E2BIG;

    if (r == 0)
        r = imap_words_each(j, hits, needs_summary(sort), collect, &s);
    if (r == 0)
        r = rt_call(imap_pool(j->s), sort_all, &s);
    if (r == 0) {
        imap_hits_done(hits);
        for (size_t i = 0; i < s.count; i++)
            imap_hits_add(hits, s.indexes[s.order[i]]);
    }
    sorter_done(&s);
    return r;
}

static int put_answer(struct imap_session *s, struct imap_call *c, const struct imap_found *f)
{
    if (!f->what.is_given)
        return imap_put_found_plain(s, c, f, STR("SORT"));
    if (f->what.options == IMAP_RETURN_SAVE)
        return 0;
    imap_put_esearch(c->out, c->tag, c->is_uid);
    return imap_put_found(s, c, f);
}

static int run(struct imap_session *s, struct imap_call *c, struct imap_judge *j,
               const struct imap_sort *sort, struct imap_found *f)
{
    struct imap_hits hits = {0};
    const char *refusal = NULL;
    int r = imap_judge_run(j, false, SIZE_MAX, &hits);

    f->hits = &hits;
    if (r == 0)
        r = sort_hits(j, sort, &hits);
    if (r == 0)
        refusal = imap_found_save(s, f);
    if (r == 0 && !refusal)
        r = put_answer(s, c, f);
    if (r == 0 && !refusal && (f->what.options & IMAP_RETURN_UPDATE))
        imap_context_refuse(c->out, c->tag); // no order is kept up
    imap_hits_done(&hits);
    if (r == 0 && !refusal)
        return imap_ok_keeping_numbers(
            s, c, j->missing > 0 ? "[EXPUNGEISSUED] Some messages are gone" : "Sorted");
    imap_found_forget(s, f);
    if (r == -E2BIG)
        refusal = "[LIMIT] Too much to sort at once";
    return refusal ? imap_no(s, c, refusal) : imap_no_store(s, c, "sort", r);
}

static bool needs_fuzzy(const struct imap_found *f, const struct imap_sort *sort)
{
    for (size_t k = 0; k < sort->count; k++)
        if (sort->keys[k].by == IMAP_SORT_RELEVANCY)
            return true;
    return (f->what.options & IMAP_RETURN_RELEVANCY) != 0;
}

int imap_on_sort(struct imap_session *s, struct imap_call *c)
{
    struct imap_found f = {.is_uid = c->is_uid};
    struct imap_search what;
    struct imap_sort sort;
    struct imap_judge j;
    int r;

    if (imap_view_sync(s, IMAP_SYNC_KEEP_NUMBERS, c->is_uid, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (!imap_scan_search_return(&c->in, &f.what) ||
        !imap_sort_parse(&c->in, c->arena, &sort, &what))
        return imap_bad_syntax(s, c);
    if (needs_fuzzy(&f, &sort) && !what.has_fuzzy)
        return imap_bad(s, c, "RELEVANCY needs a FUZZY key"); // RFC 6203 4, 5
    imap_search_enables(s, c, &what);
    f.view = s->view;
    f.has_modseq = what.has_modseq;
    r = imap_judge_init(&j, s, s->view, c->arena, &what);
    j.c = c;
    if (r == 0 && !imap_judge_limit(&j))
        r = IMAP_JUDGE_OVER_LIMIT;
    if (r != 0)
        imap_found_forget(s, &f);
    r = r == 0 ? run(s, c, &j, &sort, &f) : imap_refuse_search(s, c, r);
    imap_judge_done(&j);
    return r;
}
