// SPDX-License-Identifier: ISC
#include "serve/imap/search_answer.h"

#include "serve/imap/saved.h"

#include <inttypes.h>

static uint32_t number(const struct imap_found *f, uint32_t index)
{
    return f->is_uid ? imap_view_uid(f->view, index) : index + 1;
}

static uint64_t highest_modseq(const struct imap_found *f, const struct imap_hits *hits)
{
    struct imap_hits_iter it = imap_hits_iter_of(hits, 0, hits->messages);
    uint64_t highest = 0;
    uint32_t index;

    while (imap_hits_next(&it, &index)) {
        uint64_t modseq = imap_view_at(f->view, index).modseq;

        highest = modseq > highest ? modseq : highest;
    }
    return highest;
}

int imap_put_found_plain(struct imap_session *s, struct imap_call *c, const struct imap_found *f,
                         struct str word)
{
    struct imap_hits_iter it = imap_hits_iter_of(f->hits, 0, f->hits->messages);
    uint32_t index;
    int r = 0;

    buf_put(c->out, STR("* "));
    buf_put(c->out, word);
    while (r == 0 && imap_hits_next(&it, &index)) {
        buf_put_char(c->out, ' ');
        buf_put_u64(c->out, number(f, index));
        if (c->out->len >= IMAP_PIECE)
            r = imap_put_out(s, c, false);
    }
    if (f->has_modseq && f->hits->messages > 0)
        buf_putf(c->out, " (MODSEQ %" PRIu64 ")", highest_modseq(f, f->hits));
    buf_put(c->out, STR("\r\n"));
    return r;
}

/// Places [from, to) as a set, in their order (RFC 5267 3.2).
static int put_set(struct imap_session *s, struct imap_call *c, const struct imap_found *f,
                   size_t from, size_t to)
{
    struct imap_hits_iter it = imap_hits_iter_of(f->hits, from, to);
    struct imap_set_putter set = {.out = c->out};
    uint32_t index;
    int r = 0;

    while (r == 0 && imap_hits_next(&it, &index)) {
        imap_set_put(&set, number(f, index));
        if (c->out->len >= IMAP_PIECE)
            r = imap_put_out(s, c, false);
    }
    imap_set_end(&set);
    return r;
}

void imap_found_partial(const struct imap_found *f, size_t *out_from, size_t *out_to)
{
    size_t count = f->hits->messages;
    size_t first = f->what.partial_first, last = f->what.partial_last;

    last = last < count ? last : count;
    *out_from = *out_to = 0;
    if (first > count)
        return;
    *out_from = f->what.is_from_end ? count - last : first - 1;
    *out_to = f->what.is_from_end ? count - first + 1 : last;
}

static int put_partial(struct imap_session *s, struct imap_call *c, const struct imap_found *f)
{
    size_t from, to;
    int r = 0;

    imap_found_partial(f, &from, &to);
    buf_put(c->out, STR(" PARTIAL ("));
    imap_put_partial_range(c->out, &f->what);
    buf_put_char(c->out, ' ');
    if (from == to)
        buf_put(c->out, STR("NIL"));
    else
        r = put_set(s, c, f, from, to);
    buf_put_char(c->out, ')');
    return r;
}

/// RFC 6203 4: a score for each message told. Keys match exactly here, so each match is a full one.
static int put_relevancy(struct imap_session *s, struct imap_call *c, const struct imap_found *f)
{
    size_t from = 0, to = f->hits->messages;
    int r = 0;

    if (f->what.options & IMAP_RETURN_PARTIAL)
        imap_found_partial(f, &from, &to);
    if (from == to)
        return 0;
    buf_put(c->out, STR(" RELEVANCY ("));
    for (size_t i = from; i < to && r == 0; i++) {
        buf_put(c->out, i > from ? STR(" 100") : STR("100"));
        if (c->out->len >= IMAP_PIECE)
            r = imap_put_out(s, c, false);
    }
    buf_put_char(c->out, ')');
    return r;
}

/// The messages that "$" means after this search (RFC 5182 2.4, 9394 3.2).
static void choose_saved(const struct imap_found *f, struct imap_hits *out)
{
    const unsigned options = f->what.options;
    size_t count = f->hits->messages, from = 0, to = count;
    struct imap_hits_iter it;
    uint32_t index;

    *out = (struct imap_hits){0};
    if (count == 0)
        return;
    if (!(options & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) &&
        (options & (IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_PARTIAL))) {
        to = 0;
        if (options & IMAP_RETURN_PARTIAL)
            imap_found_partial(f, &from, &to);
        if ((options & IMAP_RETURN_MIN) && (from > 0 || to == 0))
            imap_hits_add(out, imap_hits_at(f->hits, 0));
        if ((options & IMAP_RETURN_MAX) && to < count)
            imap_hits_add(out, imap_hits_at(f->hits, count - 1));
    }
    it = imap_hits_iter_of(f->hits, from, to);
    while (imap_hits_next(&it, &index))
        imap_hits_add(out, index);
}

const char *imap_found_save(struct imap_session *s, const struct imap_found *f)
{
    struct imap_hits saved;
    bool ok;

    if (!(f->what.options & IMAP_RETURN_SAVE))
        return NULL;
    choose_saved(f, &saved);
    ok = imap_saved_set(s, &saved);
    imap_hits_done(&saved);
    return ok ? NULL : "[NOTSAVED] Too many to be kept";
}

void imap_found_forget(struct imap_session *s, const struct imap_found *f)
{
    if (f->what.options & IMAP_RETURN_SAVE)
        imap_saved_clear(s);
}

/// RFC 7162 3.1.5: the highest of what is returned. With MIN or MAX alone that is theirs.
static void put_modseq(struct imap_call *c, const struct imap_found *f)
{
    struct imap_found told = *f;
    struct imap_hits hits;

    if (!(told.what.options & (IMAP_RETURN_MIN | IMAP_RETURN_MAX)))
        told.what.options |= IMAP_RETURN_ALL;
    choose_saved(&told, &hits);
    buf_putf(c->out, " MODSEQ %" PRIu64, highest_modseq(f, &hits));
    imap_hits_done(&hits);
}

int imap_put_found(struct imap_session *s, struct imap_call *c, const struct imap_found *f)
{
    const unsigned options = f->what.options;
    size_t count = f->hits->messages;
    int r = 0;

    if ((options & IMAP_RETURN_MIN) && count > 0)
        buf_putf(c->out, " MIN %" PRIu32, number(f, imap_hits_at(f->hits, 0)));
    if ((options & IMAP_RETURN_MAX) && count > 0)
        buf_putf(c->out, " MAX %" PRIu32, number(f, imap_hits_at(f->hits, count - 1)));
    if (options & IMAP_RETURN_COUNT)
        buf_putf(c->out, " COUNT %zu", count);
    if ((options & IMAP_RETURN_ALL) && count > 0) {
        buf_put(c->out, STR(" ALL "));
        r = put_set(s, c, f, 0, count);
    }
    if ((options & IMAP_RETURN_PARTIAL) && r == 0)
        r = put_partial(s, c, f);
    if ((options & IMAP_RETURN_RELEVANCY) && r == 0)
        r = put_relevancy(s, c, f);
    if (f->has_modseq && count > 0)
        put_modseq(c, f);
    buf_put(c->out, STR("\r\n"));
    return r;
}
