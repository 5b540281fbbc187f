// SPDX-License-Identifier: ISC
//
// A small message is read and summed up at once. Of a large one the structure is found while it
// passes by in chunks; then only the pieces that a summary tells of are read, each to its place in
// memory as large as the message, of which the untouched rest costs nothing.
#include "summary/load.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

enum {
    AT_ONCE = 32 * 1024, // bytes that may be summed up on the loop
    WHOLE = 1 << 20,     // that are held in memory
    CHUNK = 64 * 1024,
    AHEAD_BYTES = 256 * 1024,
};

struct job {
    const struct mime *mime; // NULL: not known yet
    struct str message;
    struct summary *out;
};

static int make(void *arg)
{
    struct job *job = arg;

    if (job->mime)
        summary_make_parsed(job->mime, job->message, job->out);
    else
        summary_make(job->message, job->out);
    return 0;
}

static int make_beside(struct rt_pool *pool, struct job *job)
{
    return pool ? rt_call(pool, make, job) : rt_call_aside(make, job);
}

static int load_whole(struct store *store, struct rt_pool *pool, const struct store_body_ref *ref,
                      struct summary *out)
{
    CLEANUP(buf_drop) struct buf bytes = {0};
    struct job job = {.out = out};
    int r;

    buf_init(&bytes, ref->size + 1);
    r = store_body_load(store, ref, &bytes);
    if (r < 0)
        return r;
    job.message = buf_str(&bytes);
    return ref->size <= AT_ONCE ? make(&job) : make_beside(pool, &job);
}

// ---- large ones

static int feed(struct store *store, const struct store_body_ref *ref, struct mime_parser *parser)
{
    CLEANUP(free_drop) char *chunk = malloc(CHUNK);
    uint64_t at = 0;

    CHECK(chunk);
    while (at < ref->size) {
        ssize_t got = store_body_read(store, ref, at, chunk, CHUNK);
        int r;

        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        mime_parser_feed(parser, str_of(chunk, (size_t)got));
        at += (uint64_t)got;
        r = rt_breathe();
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse(struct store *store, const struct store_body_ref *ref, struct mime *out)
{
    struct mime_parser *parser = mime_parser_new();
    int r = feed(store, ref, parser);

    if (r < 0)
        mime_parser_free(parser);
    else
        mime_parser_end(parser, out);
    return r;
}

struct reading {
    struct store *store;
    const struct store_body_ref *ref;
    char *to;
};

static int read_piece(void *arg, size_t from, size_t to)
{
    struct reading *g = arg;

    while (from < to) {
        size_t want = to - from < CHUNK ? to - from : CHUNK;
        ssize_t got = store_body_read(g->store, g->ref, from, g->to + from, want);

        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        from += (size_t)got;
    }
    return 0;
}

static int load_pieces(struct store *store, struct rt_pool *pool, const struct store_body_ref *ref,
                       struct summary *out)
{
    CLEANUP(mime_drop) struct mime mime = {0};
    CLEANUP(free_drop) char *bytes = NULL;
    struct job job = {&mime, STR_NONE, out};
    int r = parse(store, ref, &mime);

    if (r < 0)
        return r;
    bytes = calloc(1, ref->size); // zero pages until something is read there
    if (!bytes)
        return -ENOMEM;
    r = summary_needs(&mime, read_piece, &(struct reading){store, ref, bytes});
    if (r < 0)
        return r;
    job.message = str_of(bytes, ref->size);
    return make_beside(pool, &job);
}

int summary_load(struct store *store, struct rt_pool *pool, const struct store_body_ref *ref,
                 struct summary *out)
{
    return ref->size <= WHOLE ? load_whole(store, pool, ref, out)
                              : load_pieces(store, pool, ref, out);
}

// ---- many

static bool is_small(const struct store_body_ref *ref)
{
    return ref && ref->size > 0 && ref->size <= AT_ONCE;
}

static void read_ahead(struct summary_ahead *a, const struct store_body_ref *const *refs,
                       size_t count)
{
    size_t used = 0;

    if (!a->bytes)
        a->bytes = malloc(AHEAD_BYTES);
    CHECK(a->bytes);
    a->count = a->next = 0;
    for (size_t i = 0; i < count && a->count < SUMMARY_AHEAD_MAX; i++) {
        if (!is_small(refs[i]))
            continue;
        if (refs[i]->size > AHEAD_BYTES - used)
            break;
        a->pieces[a->count++] = (struct store_body_piece){
            .ref = refs[i], .to = a->bytes + used, .len = (size_t)refs[i]->size};
        used += (size_t)refs[i]->size;
    }
    store_bodies_read(a->store, a->pieces, a->count);
    a->readings++;
}

int summary_ahead_load(struct summary_ahead *a, const struct store_body_ref *const *refs,
                       size_t count, struct summary *out)
{
    const struct store_body_piece *piece;

    if (!is_small(refs[0]))
        return summary_load(a->store, a->pool, refs[0], out);
    if (a->next == a->count)
        read_ahead(a, refs, count);
    piece = &a->pieces[a->next++];
    CHECK(piece->ref == refs[0]);
    if (piece->n < 0)
        return (int)piece->n;
    if ((uint64_t)piece->n != piece->ref->size)
        return -EBADMSG;
    summary_make(str_of(piece->to, piece->len), out);
    return 0;
}

void summary_ahead_done(struct summary_ahead *ahead)
{
    free(ahead->bytes);
}
