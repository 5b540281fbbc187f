// SPDX-License-Identifier: ISC
//
// SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4): which messages of the selected mailbox match. The keys
// are worked out in search_judge.c, the answer is put by search_answer.c.
#include "serve/imap/search_answer.h"
#include "serve/imap/search_judge.h"

void imap_search_enables(struct imap_session *s, struct imap_call *c,
                         const struct imap_search *what)
{
    if (what->has_modseq)
        imap_enable(s, IMAP_CONDSTORE, c->out);
}

int imap_search_run(struct imap_judge *j, const struct imap_search_return *asked,
                    struct imap_hits *hits)
{
    enum { ENDS = IMAP_RETURN_MIN | IMAP_RETURN_MAX, PARTIAL = IMAP_RETURN_PARTIAL };
    unsigned options = asked->options & ~(unsigned)(IMAP_RETURN_CONTEXT | IMAP_RETURN_RELEVANCY);
    bool saves_all = options == IMAP_RETURN_SAVE;

    options &= ~(unsigned)IMAP_RETURN_SAVE;
    if (saves_all || (asked->options & IMAP_RETURN_UPDATE))
        options = IMAP_RETURN_ALL;
    if (options == IMAP_RETURN_MIN || options == IMAP_RETURN_MAX)
        return imap_judge_run(j, options == IMAP_RETURN_MAX, 1, hits);
    if (options == PARTIAL)
        return imap_judge_run(j, asked->is_from_end, asked->partial_last, hits);
    if (options == ENDS) {
        struct imap_hits last = {0};
        int r = imap_judge_run(j, false, 1, hits);

        if (r == 0)
            r = imap_judge_run(j, true, 1, &last);
        if (last.messages > 0 && imap_hits_at(&last, 0) != imap_hits_at(hits, 0))
            imap_hits_add(hits, imap_hits_at(&last, 0));
        imap_hits_done(&last);
        return r;
    }
    return imap_judge_run(j, false, SIZE_MAX, hits);
}

/// [await] RFC 5182 2.1: SAVE alone answers nothing.
static int put_answer(struct imap_session *s, struct imap_call *c, const struct imap_found *f)
{
    if (!f->what.is_given && !(s->enabled & IMAP_REV2))
        return imap_put_found_plain(s, c, f, STR("SEARCH"));
    if (f->what.options == IMAP_RETURN_SAVE)
        return 0;
    imap_put_esearch(c->out, c->tag, c->is_uid);
    return imap_put_found(s, c, f);
}

static int search(struct imap_session *s, struct imap_call *c, struct imap_judge *j,
                  struct imap_found *f, struct str program)
{
    struct imap_hits hits = {0};
    const char *refusal = NULL;
    int r;

    f->hits = &hits;
    r = imap_search_run(j, &f->what, &hits);
    if (r != 0)
        imap_found_forget(s, f);
    if (r == 0)
        refusal = imap_found_save(s, f);
    if (r == 0 && !refusal)
        r = put_answer(s, c, f);
    if (r == 0 && !refusal && (f->what.options & IMAP_RETURN_UPDATE))
        imap_context_add(s, c, program, &hits);
    imap_hits_done(&hits);
    if (r == 0 && !refusal)
        return imap_ok_keeping_numbers(
            s, c, j->missing > 0 ? "[EXPUNGEISSUED] Some messages are gone" : "Searched");
    return refusal ? imap_no(s, c, refusal) : imap_no_store(s, c, "search", r);
}

int imap_on_search(struct imap_session *s, struct imap_call *c)
{
    struct imap_found f = {.is_uid = c->is_uid};
    struct imap_search what;
    struct imap_judge j;
    struct str program;
    int r;

    if (imap_view_sync(s, IMAP_SYNC_KEEP_NUMBERS, c->is_uid, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (!imap_scan_search_return(&c->in, &f.what))
        return imap_bad_syntax(s, c);
    program = scan_rest(&c->in);
    if (!imap_search_parse(&c->in, c->arena, &what))
        return imap_bad_syntax(s, c);
    if ((f.what.options & IMAP_RETURN_UPDATE) && imap_context_is(s, c->tag))
        return imap_bad(s, c, "Tag reuse"); // RFC 5267 4.3
    if ((s->enabled & IMAP_UTF8) && what.charset.ptr)
        return imap_bad(s, c, "With UTF8=ACCEPT everything is UTF-8"); // RFC 6855 3
    if ((f.what.options & IMAP_RETURN_RELEVANCY) && !what.has_fuzzy)
        return imap_bad(s, c, "RELEVANCY needs a FUZZY key"); // RFC 6203 4
    f.view = s->view;
    f.has_modseq = what.has_modseq;
    imap_search_enables(s, c, &what);
    r = imap_judge_init(&j, s, s->view, c->arena, &what);
    j.c = c;
    if (r != 0)
        imap_found_forget(s, &f);
    else if (!imap_judge_limit(&j))
        c->limited_uid = imap_view_uid(s->view, j.first);
    r = r == 0 ? search(s, c, &j, &f, program) : imap_refuse_search(s, c, r);
    imap_judge_done(&j);
    return r;
}
