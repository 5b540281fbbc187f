// SPDX-License-Identifier: ISC
#include "serve/imap/context.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/search_return.h"
#include "serve/imap/search_judge.h"

static void context_done(struct imap_context *x)
{
    free(x->tag);
    free(x->program);
    imap_hits_done(&x->uids);
    store_snapshot_drop(x->picture);
    *x = (struct imap_context){0};
}

static struct imap_context *find(const struct imap_session *s, struct str tag)
{
    for (size_t i = 0; i < s->contexts.count; i++)
        if (str_eq(str_from(s->contexts.items[i].tag), tag))
            return &s->contexts.items[i];
    return NULL;
}

bool imap_context_is(const struct imap_session *s, struct str tag)
{
    return find(s, tag) != NULL;
}

void imap_contexts_clear(struct imap_session *s)
{
    for (size_t i = 0; i < s->contexts.count; i++)
        context_done(&s->contexts.items[i]);
    free(s->contexts.items);
    s->contexts = (struct imap_contexts){0};
}

static char *copy(struct str text)
{
    char *to = malloc(text.len + 1);

    CHECK(to);
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return to;
}

static bool is_too_much(const struct imap_session *s, struct str program,
                        const struct imap_hits *hits)
{
    return s->contexts.count == IMAP_CONTEXTS_MAX || program.len > IMAP_CONTEXT_PROGRAM_MAX ||
           hits->count > IMAP_CONTEXT_RUNS_MAX;
}

void imap_context_refuse(struct buf *out, struct str tag)
{
    buf_put(out, STR("* NO [NOUPDATE \""));
    buf_put(out, tag);
    buf_put(out, STR("\"] Too much to be followed\r\n"));
}

void imap_context_add(struct imap_session *s, struct imap_call *c, struct str program,
                      const struct imap_hits *hits)
{
    struct imap_hits_iter it = imap_hits_iter_of(hits, 0, hits->messages);
    struct imap_context *x;
    uint32_t index;

    if (is_too_much(s, program, hits)) {
        imap_context_refuse(c->out, c->tag);
        return;
    }
    if (!s->contexts.items) {
        s->contexts.items = calloc(IMAP_CONTEXTS_MAX, sizeof(*s->contexts.items));
        CHECK(s->contexts.items);
    }
    x = &s->contexts.items[s->contexts.count++];
    *x = (struct imap_context){
        .tag = copy(c->tag),
        .program = copy(program),
        .program_len = program.len,
        .is_uid = c->is_uid,
        .picture = store_snapshot_hold(s->view->picture),
    };
    while (imap_hits_next(&it, &index))
        imap_hits_add(&x->uids, imap_view_uid(s->view, index));
}

// ---- telling

/// uids, or with numbers the places that they have in the view.
static void put_set(const struct imap_session *s, const struct imap_context *x, const char *item,
                    const struct imap_hits *uids, struct buf *out)
{
    struct imap_hits_iter it = imap_hits_iter_of(uids, 0, uids->messages);
    struct imap_set_putter set = {.out = out};
    uint32_t uid;

    if (uids->messages == 0)
        return;
    buf_putf(out, " %s (0 ", item);
    while (imap_hits_next(&it, &uid))
        imap_set_put(&set, x->is_uid ? uid : (uint32_t)imap_view_index(s->view, uid) + 1);
    imap_set_end(&set);
    buf_put_char(out, ')');
}

static void put_update(const struct imap_session *s, struct imap_context *x,
                       const struct imap_hits *gone, const struct imap_hits *added, struct buf *out)
{
    if (gone->messages == 0 && added->messages == 0)
        return;
    imap_put_esearch(out, str_from(x->tag), x->is_uid);
    put_set(s, x, "REMOVEFROM", gone, out);
    put_set(s, x, "ADDTO", added, out);
    buf_put(out, STR("\r\n"));
    imap_hits_subtract(&x->uids, gone);
    imap_hits_unite(&x->uids, added);
}

int imap_contexts_tell_gone(struct imap_session *s, struct store_snapshot *now, struct buf *out)
{
    for (size_t i = 0; i < s->contexts.count; i++) {
        struct imap_context *x = &s->contexts.items[i];
        struct store_snapshot_walk walk = {.old = s->view->picture, .now = now};
        struct imap_hits gone = {0};
        struct store_difference d;
        int r = 0;

        while (r == 0 && store_snapshot_walk_next(&walk, &d)) {
            if (d.kind == STORE_GONE && imap_hits_have(&x->uids, d.old.uid))
                imap_hits_add(&gone, d.old.uid);
            r = rt_breathe();
        }
        if (r == 0)
            put_update(s, x, &gone, &(struct imap_hits){0}, out);
        imap_hits_done(&gone);
        if (r < 0)
            return r;
    }
    return 0;
}

/// [await] Which of the new and changed messages match now and did not, or the other way round.
static int compare(struct imap_judge *j, struct imap_context *x, struct imap_hits *gone,
                   struct imap_hits *added)
{
    struct store_snapshot_walk walk = {.old = x->picture, .now = j->view->picture};
    struct store_difference d;
    int r = 0;

    while (r >= 0 && store_snapshot_walk_next(&walk, &d)) {
        bool matched = d.kind == STORE_CHANGED && imap_hits_have(&x->uids, d.now.uid);

        if (d.kind == STORE_GONE)
            continue; // was told before
        r = imap_judge_one(j, (uint32_t)d.now_index);
        if (r == 0 && matched)
            imap_hits_add(gone, d.now.uid);
        else if (r == 1 && !matched)
            imap_hits_add(added, d.now.uid);
        if (r >= 0)
            r = rt_breathe();
    }
    return r < 0 ? r : 0;
}

/// [await] What matches when the view is at another picture.
static int follow(struct imap_session *s, struct imap_context *x, struct buf *out)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct scan in = scan_of(str_of(x->program, x->program_len));
    struct imap_hits gone = {0}, added = {0};
    struct imap_search what;
    struct imap_judge j;
    int r;

    arena_init(&arena, IMAP_ARENA_MAX);
    CHECK(imap_search_parse(&in, &arena, &what)); // it was parsed before
    r = imap_judge_init(&j, s, s->view, &arena, &what);
    if (r == 0)
        r = compare(&j, x, &gone, &added);
    imap_judge_done(&j);
    if (r == 0) {
        put_update(s, x, &gone, &added, out);
        store_snapshot_drop(x->picture);
        x->picture = store_snapshot_hold(s->view->picture);
    }
    imap_hits_done(&gone);
    imap_hits_done(&added);
    return r < 0 ? r : 0;
}

/// One that grew too large is not followed any more, which is told (RFC 5267 4.3.1).
static void give_up_large(struct imap_session *s, struct buf *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->contexts.count; i++) {
        struct imap_context *x = &s->contexts.items[i];

        if (x->uids.count <= IMAP_CONTEXT_RUNS_MAX) {
            s->contexts.items[kept++] = *x;
            continue;
        }
        imap_context_refuse(out, str_from(x->tag));
        context_done(x);
    }
    s->contexts.count = kept;
}

int imap_contexts_tell_changed(struct imap_session *s, struct buf *out)
{
    for (size_t i = 0; i < s->contexts.count; i++) {
        struct imap_context *x = &s->contexts.items[i];
        int r = x->picture == s->view->picture ? 0 : follow(s, x, out);

        if (r < 0)
            return r;
    }
    give_up_large(s, out);
    return 0;
}

// ---- CANCELUPDATE (RFC 5267 4.3.5)

static void cancel(struct imap_session *s, struct imap_context *x)
{
    size_t at = (size_t)(x - s->contexts.items);

    context_done(x);
    s->contexts.count--;
    memmove(x, x + 1, (s->contexts.count - at) * sizeof(*x));
}

int imap_on_cancelupdate(struct imap_session *s, struct imap_call *c)
{
    struct scan in = c->in;
    struct str tag;

    do {
        if (!imap_scan_sp(&in) || !imap_scan_string(&in, c->arena, &tag))
            return imap_bad_syntax(s, c);
        if (!imap_context_is(s, tag))
            return imap_bad(s, c, "No search of that tag is followed");
    } while (!scan_is_end(&in));
    while (imap_scan_sp(&c->in) && imap_scan_string(&c->in, c->arena, &tag)) {
        struct imap_context *x = find(s, tag);

        if (x)
            cancel(s, x);
    }
    return imap_ok(s, c, "No longer followed");
}
