// SPDX-License-Identifier: ISC
//
// BODY[...] (RFC 3501 6.4.5): bytes of a message as a literal, from the store to the connection in
// chunks. The first chunk is read before the literal is announced, so that a damaged message costs
// its items and not the session.
#include "base/cleanup.h"
#include "proto/imap/reply.h"
#include "serve/imap/fetch.h"
#include "serve/imap/piece.h"

#include <errno.h>

struct byte_range imap_fetch_cut(const struct imap_fetch_item *item, uint64_t len)
{
    struct byte_range range = {0, len};

    if (!item->is_partial)
        return range;
    range.from = item->partial_offset < len ? item->partial_offset : len;
    if (range.to - range.from > item->partial_len)
        range.to = range.from + item->partial_len;
    return range;
}

int imap_fetch_stream(struct imap_fetcher *f, struct str bytes)
{
    int r;

    rt_conn_set_command_ms(f->s->conn, (uint32_t)f->s->config.stall);
    r = rt_put(f->s->conn, bytes);
    f->is_broken |= r < 0;
    return r;
}

/// The rest of a literal, from the store.
static int stream_rest(struct imap_fetcher *f, struct imap_message *m, struct byte_range range)
{
    int r = imap_put_out(f->s, f->c, true);

    while (r == 0 && range.from < range.to) {
        size_t want = range.to - range.from;
        ssize_t got = store_body_read(m->store, m->ref, range.from, f->chunk,
                                      want < IMAP_CHUNK ? want : IMAP_CHUNK);

        if (got <= 0) {
            r = got < 0 ? (int)got : -EBADMSG;
            break;
        }
        r = imap_fetch_stream(f, str_of(f->chunk, (size_t)got));
        range.from += (size_t)got;
    }
    f->is_broken |= r < 0;
    return r;
}

static void put_literal(struct imap_fetcher *f, struct str bytes)
{
    imap_put_literal_head(f->c->out, bytes.len);
    buf_put(f->c->out, bytes);
}

/// A range of the message as a literal.
static int put_range(struct imap_fetcher *f, struct imap_message *m, struct byte_range range)
{
    size_t want = range.to - range.from;
    ssize_t got;

    if (range.to <= m->bytes.len && want <= IMAP_SMALL) { // was read already
        put_literal(f, str_of(m->bytes.ptr + range.from, want));
        return 0;
    }
    if (want > IMAP_CHUNK)
        want = IMAP_CHUNK;
    got = want > 0 ? store_body_read(m->store, m->ref, range.from, f->chunk, want) : 0;
    if (got < 0 || (size_t)got < want)
        return got < 0 ? (int)got : -EBADMSG;
    imap_put_literal_head(f->c->out, range.to - range.from);
    buf_put(f->c->out, str_of(f->chunk, want));
    range.from += want;
    return range.from < range.to ? stream_rest(f, m, range) : 0;
}

int imap_fetch_put_section(struct imap_fetcher *f, const struct imap_fetch_item *item,
                           struct imap_message *m)
{
    CLEANUP(imap_piece_drop) struct imap_piece piece;
    struct byte_range cut;
    int r = imap_piece_find(m, &item->section, &piece);

    if (r < 0)
        return r;
    if (piece.is_missing) {
        buf_put(f->c->out, STR("NIL"));
        return 0;
    }
    cut = imap_fetch_cut(item, imap_piece_size(&piece));
    if (piece.is_fields) {
        put_literal(f, str_of(buf_str(&piece.fields).ptr + cut.from, cut.to - cut.from));
        return 0;
    }
    cut.from += piece.range.from;
    cut.to += piece.range.from;
    return put_range(f, m, cut);
}
