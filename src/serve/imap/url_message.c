// SPDX-License-Identifier: ISC
#include "serve/imap/url_message.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/view.h"

#include <errno.h>

static void message_drop(struct imap_url_message **m)
{
    imap_url_close(*m);
}

int imap_url_mailbox(struct imap_session *s, uint64_t account_id, const struct imap_url *url,
                     struct store_mailbox *out)
{
    struct access_place place;
    int r = STORE_NOT_FOUND;

    if (url->mailbox.ptr && access_place_of(imap_access(s), account_id, url->mailbox, &place))
        r = store_mailbox_by_name(imap_store(s), place.account_id, place.name, out);
    else if (!url->mailbox.ptr && s->view)
        r = store_mailbox_by_id(imap_store(s), s->view->mailbox_id, out);
    if (r == 0 && !(access_rights(imap_access(s), account_id, out) & ACCESS_READ))
        r = -EACCES;
    return r;
}

static void cut(struct imap_url_message *m, const struct imap_url *url)
{
    m->from = 0;
    m->size = imap_piece_size(&m->piece);
    if (!url->is_partial)
        return;
    m->from = url->partial_offset < m->size ? url->partial_offset : m->size;
    m->size -= m->from;
    if (url->partial_len > 0 && m->size > url->partial_len)
        m->size = url->partial_len;
}

int imap_url_open(struct imap_session *s, uint64_t account_id, const struct imap_url *url,
                  struct imap_url_message **out)
{
    CLEANUP(message_drop) struct imap_url_message *m = calloc(1, sizeof(*m));
    int r;

    CHECK(m);
    r = imap_url_mailbox(s, account_id, url, &m->mailbox);
    if (r == 0 && url->uidvalidity > 0 && url->uidvalidity != m->mailbox.uidvalidity)
        r = STORE_NOT_FOUND;
    if (r == 0)
        r = store_entries_get(imap_store(s), m->mailbox.id, url->uid, url->uid, &m->entries);
    if (r != 0)
        return r;
    if (m->entries.count == 0)
        return STORE_NOT_FOUND;
    imap_message_init(&m->message, imap_store(s), &m->entries.items[0].body);
    r = imap_piece_find(&m->message, &url->section, &m->piece);
    if (r != 0)
        return r;
    if (m->piece.is_missing)
        return STORE_NOT_FOUND;
    cut(m, url);
    *out = TAKE(m);
    return 0;
}

/// [await] A range of the message.
static int read_range(struct imap_url_message *m, struct byte_range range,
                      int (*put)(void *arg, struct str bytes), void *arg)
{
    CLEANUP(free_drop) char *chunk = malloc(IMAP_CHUNK);
    int r = 0;

    CHECK(chunk);
    while (r == 0 && range.from < range.to) {
        size_t want = range.to - range.from;
        ssize_t got = store_body_read(m->message.store, m->message.ref, range.from, chunk,
                                      want < IMAP_CHUNK ? want : IMAP_CHUNK);

        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        range.from += (size_t)got;
        r = put(arg, str_of(chunk, (size_t)got));
        if (r == 0)
            r = rt_breathe();
    }
    return r;
}

int imap_url_read(struct imap_url_message *m, int (*put)(void *arg, struct str bytes), void *arg)
{
    struct byte_range range = {m->piece.range.from + m->from,
                               m->piece.range.from + m->from + m->size};

    if (m->piece.is_fields)
        return put(arg, str_of(buf_str(&m->piece.fields).ptr + m->from, m->size));
    return read_range(m, range, put, arg);
}

void imap_url_close(struct imap_url_message *m)
{
    if (!m)
        return;
    imap_piece_done(&m->piece);
    imap_message_done(&m->message);
    store_entries_done(&m->entries);
    free(m);
}
