// SPDX-License-Identifier: ISC
//
// UIDBATCHES (RFC 10022): uid ranges that hold so many messages each, from the newest on, for
// clients that do not want to know all uids first. The ranges follow each other without a gap, and
// the last one goes down to 1.
#include "serve/imap/session.h"
#include "serve/imap/view.h"

enum {
    SIZE_MIN = 500,       // messages; less would be message numbers by another name
    BATCHES_MAX = 100000, // of one answer: each costs two look-ups
};

/// Batches, counted from 1 at the newest.
struct asked {
    uint32_t size, first, last;
};

/// SP nz-number [SP nz-number ":" nz-number]
static bool parse(struct imap_call *c, struct asked *out)
{
    struct asked asked = {.first = 1, .last = UINT32_MAX};

    if (!imap_scan_sp(&c->in) || !imap_scan_nz_number(&c->in, &asked.size))
        return false;
    if (!scan_is_end(&c->in) &&
        (!imap_scan_sp(&c->in) || !imap_scan_nz_number(&c->in, &asked.first) ||
         !scan_char(&c->in, ':') || !imap_scan_nz_number(&c->in, &asked.last)))
        return false;
    *out = asked;
    return scan_is_end(&c->in);
}

/// "215295:99696", of the batch that begins `from_end` messages before the newest.
static void put_batch(const struct imap_view *view, uint64_t from_end, uint32_t size,
                      struct buf *out)
{
    size_t end = view->count - (size_t)from_end; // behind the newest of the batch
    uint32_t high = from_end == 0 ? imap_view_last_uid(view) : imap_view_uid(view, end) - 1;

    buf_put_u64(out, high);
    buf_put_char(out, ':');
    buf_put_u64(out, end > size ? imap_view_uid(view, end - size) : 1);
}

/// [await] A range for each batch that was asked for and has messages.
static int put_batches(struct imap_session *s, struct imap_call *c, const struct asked *asked)
{
    const struct imap_view *view = s->view;
    uint64_t at = (uint64_t)(asked->first - 1) * asked->size;
    char mark = ' ';

    buf_put(c->out, STR("* UIDBATCHES (TAG \""));
    buf_put(c->out, c->tag);
    buf_put(c->out, STR("\")"));
    for (uint64_t n = asked->first; n <= asked->last && at < view->count; n++) {
        int r;

        buf_put_char(c->out, mark);
        put_batch(view, at, asked->size, c->out);
        mark = ',';
        at += asked->size;
        r = imap_put_out(s, c, false);
        if (r == 0)
            r = rt_breathe();
        if (r < 0)
            return r;
    }
    buf_put(c->out, STR("\r\n"));
    return 0;
}

int imap_on_uidbatches(struct imap_session *s, struct imap_call *c)
{
    struct asked asked;
    int r;

    if (imap_view_sync(s, IMAP_SYNC_ALL, true, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (!parse(c, &asked))
        return imap_bad_syntax(s, c);
    if (asked.first > asked.last)
        return imap_bad(s, c, "[CLIENTBUG] The first batch comes first");
    if (asked.size < SIZE_MIN)
        return imap_no(s, c, "[TOOFEW] A batch has 500 messages or more");
    if (s->view->count / asked.size >= BATCHES_MAX && asked.last - asked.first >= BATCHES_MAX)
        return imap_no(s, c, "[TOOMANY] Ask for fewer batches at once");
    r = put_batches(s, c, &asked);
    return r < 0 ? r : imap_ok(s, c, "Batches");
}
