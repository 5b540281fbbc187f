// SPDX-License-Identifier: ISC
//
// The answer to FETCH for one message (RFC 3501 7.4.2), and its small items.
#include "mail/date.h"
#include "serve/imap/fetch.h"
#include "serve/imap/objectid.h"
#include "serve/imap/view.h"

#include <errno.h>
#include <inttypes.h>

static void put_flags(struct imap_fetcher *f, uint32_t index)
{
    const struct imap_view *view = f->s->view;
    struct imap_view_entry seen = imap_view_at(view, index);

    buf_put_char(f->c->out, '(');
    imap_flags_put(f->c->out, seen.flags, seen.keywords, view->keywords, view->keyword_count);
    buf_put_char(f->c->out, ')');
}

static void put_date(struct buf *out, int64_t seconds, int32_t zone_minutes)
{
    buf_put_char(out, '"');
    date_put_imap(out, (struct date){seconds, zone_minutes, false});
    buf_put_char(out, '"');
}

static void put_emailid(struct buf *out, const struct store_entry *entry)
{
    buf_put_char(out, '(');
    imap_put_emailid(out, entry->body.message_id);
    buf_put_char(out, ')');
}

static int put_value(struct imap_fetcher *f, const struct imap_fetch_item *item,
                     const struct imap_fetch_of *of)
{
    struct buf *out = f->c->out;

    switch (item->kind) {
    case IMAP_FETCH_UID:
        buf_put_u64(out, imap_view_uid(f->s->view, of->index));
        return 0;
    case IMAP_FETCH_FLAGS:
        put_flags(f, of->index);
        return 0;
    case IMAP_FETCH_MODSEQ:
        buf_putf(out, "(%" PRIu64 ")", imap_view_at(f->s->view, of->index).modseq);
        return 0;
    case IMAP_FETCH_INTERNALDATE:
        put_date(out, of->entry->internal_date, of->entry->zone_minutes);
        return 0;
    case IMAP_FETCH_SAVEDATE:
        put_date(out, of->entry->save_date, 0);
        return 0;
    case IMAP_FETCH_SIZE:
        buf_put_u64(out, of->entry->body.size);
        return 0;
    case IMAP_FETCH_EMAILID:
        put_emailid(out, of->entry);
        return 0;
    case IMAP_FETCH_ENVELOPE:
    case IMAP_FETCH_BODY:
    case IMAP_FETCH_BODYSTRUCTURE:
    case IMAP_FETCH_PREVIEW:
    case IMAP_FETCH_THREADID:
        return imap_fetch_put_told(f, item, of);
    case IMAP_FETCH_SECTION:
    case IMAP_FETCH_RFC822:
    case IMAP_FETCH_RFC822_HEADER:
    case IMAP_FETCH_RFC822_TEXT:
        return imap_fetch_put_section(f, item, of->message);
    case IMAP_FETCH_BINARY:
    case IMAP_FETCH_BINARY_SIZE:
        return imap_fetch_put_binary(f, item, of->message);
    }
    return -EINVAL;
}

/// [await] " NAME value", or nothing where nothing is to be told. Only the connection's errors come
/// back; what cannot be read is NIL.
static int put_item(struct imap_fetcher *f, const struct imap_fetch_item *item,
                    const struct imap_fetch_of *of, bool *has_some)
{
    struct buf *out = f->c->out;
    size_t mark = out->len;
    int r;

    if (*has_some)
        buf_put_char(out, ' ');
    imap_fetch_item_put(out, item);
    buf_put_char(out, ' ');
    r = put_value(f, item, of);
    if (f->is_broken)
        return r;
    f->failed += r < 0;
    if (r == IMAP_FETCH_UNTOLD || (r < 0 && item->kind == IMAP_FETCH_BINARY_SIZE)) {
        out->len = mark;
        return 0;
    }
    if (r < 0)
        buf_put(out, STR("NIL"));
    *has_some = true;
    return 0;
}

static const struct imap_fetch_item uid_item = {.kind = IMAP_FETCH_UID};
static const struct imap_fetch_item flags_item = {.kind = IMAP_FETCH_FLAGS};
static const struct imap_fetch_item modseq_item = {.kind = IMAP_FETCH_MODSEQ};

/// What the client asked for.
static int put_wanted(struct imap_fetcher *f, const struct imap_fetch_of *of, bool *has_some)
{
    for (size_t i = 0; i < f->what.count; i++) {
        int r = put_item(f, &f->what.items[i], of, has_some);

        if (r < 0)
            return r;
        if (*has_some)
            r = imap_put_out(f->s, f->c, false); // many large items must not pile up
        if (r < 0) {
            f->is_broken = true;
            return r;
        }
    }
    return 0;
}

int imap_fetch_put(struct imap_fetcher *f, const struct imap_fetch_of *of)
{
    struct buf *out = f->c->out;
    size_t mark = out->len;
    bool has_some = false;
    int r;

    imap_view_put_fetch_head(f->s, of->index, out);
    if (f->c->is_uid && !f->has_uid && !(f->s->enabled & IMAP_UIDONLY))
        (void)put_item(f, &uid_item, of, &has_some);
    r = put_wanted(f, of, &has_some);
    if (r < 0)
        return r;
    if (of->is_newly_seen && !f->has_flags)
        (void)put_item(f, &flags_item, of, &has_some);
    if (of->is_newly_seen && !f->has_modseq && (f->s->enabled & IMAP_CONDSTORE))
        (void)put_item(f, &modseq_item, of, &has_some);
    if (has_some)
        buf_put(out, STR(")\r\n"));
    else
        out->len = mark;
    return 0;
}
