// SPDX-License-Identifier: ISC
//
// What is told of a message instead of shown: ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 7.4.2).
// They can be many times as long as the mail they tell of: one that is meant to hurt is told as if
// it had nothing in it, so that the mailbox stays readable.
#include "base/cleanup.h"
#include "mail/structure.h"
#include "serve/imap/fetch.h"

enum { TOLD_MAX = 4 << 20 };

static void put_told(struct imap_fetcher *f, const struct imap_message *m, const struct buf *told,
                     bool is_envelope)
{
    if (buf_ok(told))
        buf_put(f->c->out, buf_str(told));
    else if (is_envelope)
        buf_put(f->c->out, STR("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
    else
        buf_putf(f->c->out, "(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" %llu)",
                 (unsigned long long)m->ref->size);
}

static int put_envelope(struct imap_fetcher *f, struct imap_message *m)
{
    CLEANUP(buf_drop) struct buf told;
    struct str header;
    int r = imap_message_header(m, &header);

    buf_init(&told, TOLD_MAX);
    if (r < 0)
        return r;
    structure_put_envelope(&told, header);
    put_told(f, m, &told, true);
    return 0;
}

/// For the envelopes of messages within.
struct headers {
    struct imap_message *m;
    struct buf header;
    int r;
};

static struct str header_within(void *arg, size_t index)
{
    struct headers *h = arg;
    const struct mime_part *part = &h->m->mime.parts[index];
    size_t len = part->body - part->header;

    buf_clear(&h->header);
    if (h->r == 0)
        h->r = imap_message_read(h->m, part->header, len < IMAP_HEADER_MAX ? len : IMAP_HEADER_MAX,
                                 &h->header);
    return buf_str(&h->header);
}

static int put_structure(struct imap_fetcher *f, struct imap_message *m, bool is_extended)
{
    CLEANUP(buf_drop) struct buf told;
    struct headers h = {.m = m};
    struct structure_source source = {header_within, &h};
    int r = imap_message_mime(m);

    buf_init(&told, TOLD_MAX);
    if (r < 0)
        return r;
    buf_init(&h.header, IMAP_HEADER_MAX);
    structure_put_body_from(&told, &m->mime, &source, is_extended);
    buf_done(&h.header);
    if (h.r == 0)
        put_told(f, m, &told, false);
    return h.r;
}

int imap_fetch_put_told(struct imap_fetcher *f, const struct imap_fetch_item *item,
                        struct imap_message *m)
{
    switch (item->kind) {
    case IMAP_FETCH_ENVELOPE:
        return put_envelope(f, m);
    case IMAP_FETCH_BODY:
        return put_structure(f, m, false);
    case IMAP_FETCH_BODYSTRUCTURE:
        return put_structure(f, m, true);
    default:
        return IMAP_FETCH_UNTOLD;
    }
}
