// SPDX-License-Identifier: ISC
//
// ESEARCH (RFC 7377): one search over many mailboxes, told for each that has a match. Whatever a
// mailbox was named by, it is only looked into by who may read it (RFC 4314), and what somebody may
// not see is passed over as if it was not there.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "mail/charset.h"
#include "proto/imap/mailbox_filter.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/reply.h"
#include "serve/imap/search_answer.h"
#include "serve/imap/search_judge.h"

#include <errno.h>
#include <inttypes.h>

/// The mailboxes to look into, each once, in the order in which they were named.
struct places {
    struct imap_session *s;
    struct imap_call *c;
    uint64_t *ids;
    size_t count, cap;
    struct map known;
};

static void places_done(struct places *p)
{
    map_done(&p->known);
    free(p->ids);
}

/// What was named may be read without being listed; what was only meant must be listed, too.
static void add(struct places *p, const struct store_mailbox *mailbox, bool is_named)
{
    unsigned needs = is_named ? ACCESS_READ : ACCESS_READ | ACCESS_LOOKUP;
    unsigned has = access_rights(imap_access(p->s), p->s->account_id, mailbox);

    if ((has & needs) != needs || map_get_u64(&p->known, mailbox->id))
        return;
    (void)map_put_u64(&p->known, mailbox->id, p);
    if (p->count == p->cap) {
        p->cap += p->cap / 2 + 16;
        p->ids = realloc(p->ids, p->cap * sizeof(*p->ids));
        CHECK(p->ids);
    }
    p->ids[p->count++] = mailbox->id;
}

static bool is_meant(struct str name, struct str top, enum imap_filter_kind kind)
{
    if (str_eq(name, top))
        return true;
    return imap_name_is_below(name, top) &&
           (kind == IMAP_FILTER_SUBTREE || str_find(str_skip(name, top.len + 1), '/') < 0);
}

/// [await] A mailbox and what is below it; the top need not exist.
static int add_subtree(struct places *p, const struct access_place *place,
                       enum imap_filter_kind kind)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(p->s), place->account_id, &mailboxes, &count);

    for (size_t i = 0; i < count && r == 0; i++)
        if (is_meant(str_from(mailboxes[i].name), place->name, kind))
            add(p, &mailboxes[i], str_eq(str_from(mailboxes[i].name), place->name));
    return r;
}

/// [await] One mailbox by its name. That it is not there is no mistake (RFC 7377 2.2).
static int add_named(struct places *p, struct str name, enum imap_filter_kind kind)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct access_place place;
    unsigned rights;
    int r;

    CHECK(mailbox);
    if (!access_place_of(imap_access(p->s), p->s->account_id, name, &place))
        return 0;
    if (kind == IMAP_FILTER_SUBTREE || kind == IMAP_FILTER_SUBTREE_ONE)
        return add_subtree(p, &place, kind);
    r = imap_mailbox_at(p->s, &place, mailbox, &rights);
    if (r == 0)
        add(p, mailbox, true);
    return r == STORE_NOT_FOUND ? 0 : r;
}

static int add_personal(struct places *p)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(p->s), p->s->account_id, &mailboxes, &count);

    for (size_t i = 0; i < count && r == 0; i++)
        add(p, &mailboxes[i], false);
    return r;
}

static int add_subscribed(struct places *p)
{
    CLEANUP(free_drop) char **names = NULL;
    size_t count = 0;
    int r = store_subscriptions(imap_store(p->s), p->s->account_id, &names, &count);

    for (size_t i = 0; i < count && r == 0; i++)
        r = add_named(p, str_from(names[i]), IMAP_FILTER_MAILBOXES);
    return r;
}

static int add_selected(struct places *p)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    int r = store_mailbox_by_id(imap_store(p->s), p->s->view->mailbox_id, mailbox);

    if (r == 0)
        add(p, mailbox, true);
    return r == STORE_NOT_FOUND ? 0 : r;
}

static int add_filter(struct places *p, const struct imap_mailbox_filter *filter)
{
    int r = 0;

    switch (filter->kind) {
    case IMAP_FILTER_SELECTED:
    case IMAP_FILTER_SELECTED_DELAYED:
        return add_selected(p);
    case IMAP_FILTER_INBOXES:
        return add_named(p, STR("INBOX"), IMAP_FILTER_MAILBOXES);
    case IMAP_FILTER_PERSONAL:
        return add_personal(p);
    case IMAP_FILTER_SUBSCRIBED:
        return add_subscribed(p);
    default:
        break;
    }
    for (size_t i = 0; i < filter->count && r == 0; i++) {
        struct str name;

        if (imap_decode_name(p->c, filter->names[i], &name) == IMAP_NAME_OK)
            r = add_named(p, name, filter->kind);
    }
    return r;
}

// ---- looking into one

/// RFC 7377 2.1: "* ESEARCH (TAG "x" MAILBOX name UIDVALIDITY n) UID ..."
static int put_answer(struct imap_session *s, struct imap_call *c,
                      const struct store_mailbox *mailbox, const struct imap_found *f)
{
    buf_put(c->out, STR("* ESEARCH (TAG "));
    imap_put_string(c->out, c->tag);
    buf_put(c->out, STR(" MAILBOX "));
    imap_put_name_of(s, mailbox, c->out);
    buf_putf(c->out, " UIDVALIDITY %" PRIu32 ") UID", f->view->uidvalidity);
    return imap_put_found(s, c, f);
}

static int search_view(struct imap_session *s, struct imap_call *c,
                       const struct store_mailbox *mailbox, const struct imap_search *what,
                       struct imap_found *f)
{
    CLEANUP(arena_done) struct arena arena;
    struct imap_hits hits = {0};
    struct imap_judge j;
    int r;

    arena_init(&arena, IMAP_ARENA_MAX);
    r = imap_judge_init(&j, s, f->view, &arena, what) == 0 ? 0
                                                           : -E2BIG; // the rest was asked before
    j.c = c;
    f->hits = &hits;
    if (r == 0)
        r = imap_search_run(&j, &f->what, &hits);
    if (r == 0 && imap_found_save(s, f))
        r = -EOVERFLOW;
    if (r == 0 && hits.messages > 0 && f->what.options != IMAP_RETURN_SAVE)
        r = put_answer(s, c, mailbox, f);
    imap_hits_done(&hits);
    imap_judge_done(&j);
    return r;
}

/// [await] One mailbox, if it is still there to be read.
static int search_mailbox(struct imap_session *s, struct imap_call *c, uint64_t id,
                          const struct imap_search *what, struct imap_found *f)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    bool is_selected = s->view && s->view->mailbox_id == id;
    struct imap_view *view = NULL;
    int r = store_mailbox_by_id(imap_store(s), id, mailbox);

    if (r == 0 && !(access_rights(imap_access(s), s->account_id, mailbox) & ACCESS_READ))
        r = STORE_NOT_FOUND;
    if (r == 0 && !is_selected)
        r = imap_view_open(s, mailbox, true, &view);
    if (r == 0) {
        f->view = is_selected ? s->view : view;
        r = search_view(s, c, mailbox, what, f);
    }
    imap_view_close(view);
    return r == STORE_NOT_FOUND ? 0 : r;
}

// ---- the verb

/// Numbers and "$" mean something in the selected mailbox only.
static bool is_of_selected(const struct imap_search *what, const struct imap_found *f)
{
    for (size_t i = 0; i < what->count; i++)
        if (what->nodes[i].op == IMAP_SEARCH_RESULT)
            return true;
    if (imap_search_has_numbers(what))
        return true;
    return (f->what.options & IMAP_RETURN_SAVE) != 0;
}

static int gather(struct places *p, const struct imap_mailbox_filter *filters, size_t count)
{
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++)
        r = add_filter(p, &filters[i]);
    return r;
}

static int search(struct places *p, const struct imap_search *what, struct imap_found *f)
{
    int r = 0;

    for (size_t i = 0; i < p->count && r == 0; i++) {
        r = search_mailbox(p->s, p->c, p->ids[i], what, f);
        if (r == 0)
            r = imap_put_out(p->s, p->c, false);
        if (r == 0)
            r = rt_breathe();
    }
    return r;
}

static int run(struct imap_session *s, struct imap_call *c,
               const struct imap_mailbox_filter *filters, size_t count,
               const struct imap_search *what, struct imap_found *f)
{
    struct places p = {.s = s, .c = c};
    uint64_t seed[2] = {rt_random(), rt_random()};
    bool is_selected_alone = count == 1 && filters[0].kind == IMAP_FILTER_SELECTED;
    int r;

    if (is_of_selected(what, f) && !is_selected_alone)
        return imap_bad(s, c, "Numbers, \"$\" and SAVE are of the selected mailbox alone");
    map_init(&p.known, seed);
    r = gather(&p, filters, count);
    if (r == 0)
        r = search(&p, what, f);
    places_done(&p);
    if (r != 0)
        imap_found_forget(s, f);
    if (r == -E2BIG)
        return imap_refuse_search(s, c, IMAP_JUDGE_LIMIT);
    if (r == -EOVERFLOW)
        return imap_no(s, c, "[NOTSAVED] Too many to be kept");
    if (r != 0)
        return imap_no_store(s, c, "esearch", r);
    if (f->what.options & (IMAP_RETURN_UPDATE))
        imap_context_refuse(c->out, c->tag);
    return imap_ok(s, c, "Searched");
}

static bool needs_selected(const struct imap_mailbox_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (filters[i].kind == IMAP_FILTER_SELECTED)
            return true;
    return false;
}

int imap_on_esearch(struct imap_session *s, struct imap_call *c)
{
    struct imap_mailbox_filter selected = {.kind = IMAP_FILTER_SELECTED}, *filters;
    struct imap_found f = {.is_uid = true};
    struct imap_search what;
    size_t count;

    if (!imap_scan_search_in(&c->in, c->arena, &filters, &count) ||
        !imap_scan_search_return(&c->in, &f.what) || !imap_search_parse(&c->in, c->arena, &what))
        return imap_bad_syntax(s, c);
    if (count == 0) {
        filters = &selected;
        count = 1;
    }
    if (!s->view && needs_selected(filters, count))
        return imap_bad(s, c, "No mailbox is selected");
    if ((f.what.options & IMAP_RETURN_RELEVANCY) && !what.has_fuzzy)
        return imap_bad(s, c, "RELEVANCY needs a FUZZY key"); // RFC 6203 4
    if (what.charset.ptr && !charset_is_known(what.charset))
        return imap_refuse_search(s, c, IMAP_JUDGE_CHARSET);
    if ((s->enabled & IMAP_UIDONLY) && imap_search_has_numbers(&what))
        return imap_refuse_search(s, c, IMAP_JUDGE_NUMBERS);
    imap_search_enables(s, c, &what);
    f.has_modseq = what.has_modseq;
    return run(s, c, filters, count, &what, &f);
}
