// SPDX-License-Identifier: ISC
//
// The bytes of messages: UID FETCH of a handful at once, the next request sent before the answer to
// the first has come. What a request does not bring is asked for once more, alone; only then the
// server's no is believed.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/sequence.h"
#include "fetch/session.h"

#include <errno.h>

enum { HANDFUL = 50, AHEAD = 2, LINE_MAX_BYTES = 4096 };

struct fetching {
    struct fetch_session *session;
    const uint32_t *uids;
    size_t count;
    const struct fetch_taker *taker;
    bool *is_done; // of each uid
};

struct request {
    unsigned tag;
    size_t begin, end; // of uids
};

static size_t find(const struct fetching *f, uint32_t uid)
{
    size_t low = 0, high = f->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (f->uids[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int ask(struct fetching *f, struct request *request)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_MAX_BYTES};
    struct imap_set_putter set = {.out = &line};

    buf_put(&line, STR("UID FETCH "));
    for (size_t i = request->begin; i < request->end; i++)
        imap_set_put(&set, f->uids[i]);
    imap_set_end(&set);
    buf_put(&line, STR(" (UID BODY.PEEK[])"));
    return fetch_ask(f->session, buf_str(&line), &request->tag);
}

/// [await] A message that came, perhaps one of ours.
static int on_message(struct fetching *f)
{
    struct fetch_session *s = f->session;
    const struct imap_response *r = &s->response;
    size_t at;

    if (r->kind != IMAP_SAYS_FETCH || r->uid == 0 || !r->has_body)
        return 0;
    at = find(f, r->uid);
    if (at == f->count || f->uids[at] != r->uid || f->is_done[at])
        return 0;
    if (s->is_too_large || r->body.len > f->taker->size_max) {
        f->is_done[at] = true;
        f->taker->left(f->taker->arg, r->uid, "it is larger than what is taken");
        return 0;
    }
    if (!s->has_literal && !r->body.ptr) // NIL: it cannot be had this way
        return 0;
    f->is_done[at] = true;
    return f->taker->take(f->taker->arg, r->uid, s->has_literal ? buf_str(&s->body) : r->body);
}

/// [await] All that comes until the request has ended. 0, what `take` gave, or -errno.
static int hear_out(struct fetching *f, const struct request *request)
{
    struct fetch_session *s = f->session;

    for (size_t i = 0; i < FETCH_RESPONSES_MAX; i++) {
        int r = fetch_hear(s);

        if (r < 0)
            return r;
        if (fetch_is_end(s, request->tag)) {
            if (s->response.condition != IMAP_OK)
                fetch_note(s);
            return 0;
        }
        r = on_message(f);
        if (r < 0)
            return r;
    }
    return -EPROTO;
}

/// Handful by handful, two on the way.
static int fetch_all(struct fetching *f)
{
    struct request requests[AHEAD];
    size_t asked = 0, first = 0, last = 0;
    int r = 0;

    while (r == 0 && (asked < f->count || first < last)) {
        while (r == 0 && asked < f->count && last - first < AHEAD) {
            struct request *request = &requests[last++ % AHEAD];

            request->begin = asked;
            asked = request->end = asked + HANDFUL < f->count ? asked + HANDFUL : f->count;
            r = ask(f, request);
        }
        if (r == 0)
            r = hear_out(f, &requests[first++ % AHEAD]);
    }
    return r;
}

/// Each of those that did not come, alone.
static int fetch_missing(struct fetching *f)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->count; i++) {
        struct request request = {.begin = i, .end = i + 1};

        if (f->is_done[i])
            continue;
        buf_clear(&f->session->words);
        r = ask(f, &request);
        if (r == 0)
            r = hear_out(f, &request);
        if (r == 0 && !f->is_done[i]) {
            CLEANUP(buf_drop) struct buf why = {.max = 1024};

            buf_putf(&why, "the server does not give it: %s", fetch_words(f->session));
            f->is_done[i] = true;
            f->taker->left(f->taker->arg, f->uids[i], buf_cstr(&why));
        }
    }
    return r;
}

int fetch_messages(struct fetch_session *session, const uint32_t *uids, size_t count,
                   const struct fetch_taker *taker)
{
    struct fetching f = {.session = session, .uids = uids, .count = count, .taker = taker};
    int r;

    f.is_done = calloc(count + 1, sizeof *f.is_done);
    CHECK(f.is_done);
    session->body_max = taker->size_max;
    r = fetch_all(&f);
    if (r == 0)
        r = fetch_missing(&f);
    session->body_max = 0;
    free(f.is_done);
    return r;
}
