// SPDX-License-Identifier: ISC
#include "serve/imap/message.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/header.h"
#include "rt/rt.h"

#include <errno.h>

enum { FIRST_READ = 8 * 1024 };

void imap_message_init(struct imap_message *m, struct store *store,
                       const struct store_body_ref *ref)
{
    *m = (struct imap_message){.store = store, .ref = ref};
    buf_init(&m->bytes, ref->size + 1);
}

void imap_message_done(struct imap_message *m)
{
    buf_done(&m->bytes);
    if (m->has_mime)
        mime_done(&m->mime);
    m->has_mime = false;
}

struct store_body_piece imap_message_piece(struct imap_message *m, size_t len)
{
    struct store_body_piece piece = {.ref = m->ref, .len = len};

    piece.to = len > 0 ? buf_room(&m->bytes, len) : NULL;
    CHECK(piece.to || len == 0);
    return piece;
}

void imap_message_take(struct imap_message *m, const struct store_body_piece *piece)
{
    if (piece->n > 0)
        buf_added(&m->bytes, (size_t)piece->n);
}

int imap_message_bytes(struct imap_message *m, uint64_t size, struct str *out)
{
    if (size > m->ref->size)
        size = m->ref->size;
    while (m->bytes.len < size) {
        size_t want = size - m->bytes.len;
        char *to = buf_room(&m->bytes, want);
        ssize_t got;

        CHECK(to);
        got = store_body_read(m->store, m->ref, m->bytes.len, to, want);
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG; // shorter than it says
        buf_added(&m->bytes, (size_t)got);
    }
    *out = buf_str(&m->bytes);
    return 0;
}

int imap_message_read(struct imap_message *m, uint64_t from, size_t len, struct buf *out)
{
    if (from + len <= m->bytes.len) {
        buf_put(out, str_of(m->bytes.ptr + from, len));
        return 0;
    }
    while (len > 0) {
        char *to = buf_room(out, len);
        ssize_t got;

        if (!to)
            return -EFBIG;
        got = store_body_read(m->store, m->ref, from, to, len);
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        buf_added(out, (size_t)got);
        from += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

/// Do these bytes hold the header to its end?
static bool has_whole_header(struct str bytes, size_t *out_len)
{
    struct str header = str_head(bytes, header_len(bytes));

    *out_len = header.len;
    return str_ends(header, STR("\n\r\n")) || str_ends(header, STR("\n\n")) ||
           str_eq(header, STR("\r\n")) || str_eq(header, STR("\n"));
}

int imap_message_header(struct imap_message *m, struct str *out)
{
    uint64_t size = FIRST_READ;
    struct str bytes = buf_str(&m->bytes);

    while (!m->has_header) {
        size_t len = 0;
        int r = imap_message_bytes(m, size < IMAP_HEADER_MAX ? size : IMAP_HEADER_MAX, &bytes);

        if (r < 0)
            return r;
        m->has_header = has_whole_header(bytes, &len) || bytes.len == m->ref->size;
        m->header_len = len;
        if (size >= IMAP_HEADER_MAX)
            break;
        size *= 4;
    }
    *out = str_head(bytes, m->header_len < IMAP_HEADER_MAX ? m->header_len : IMAP_HEADER_MAX);
    return 0;
}

int imap_message_header_len(struct imap_message *m, size_t *out)
{
    struct str header;
    int r = imap_message_header(m, &header);

    if (r == 0 && !m->has_header) {
        r = imap_message_mime(m);
        if (r == 0) {
            m->header_len = m->mime.parts[0].body;
            m->has_header = true;
        }
    }
    if (r < 0)
        return r;
    *out = m->header_len;
    return 0;
}

static int feed(struct imap_message *m, struct mime_parser *parser)
{
    CLEANUP(free_drop) char *chunk = malloc(IMAP_CHUNK);
    uint64_t at = m->bytes.len;

    CHECK(chunk);
    mime_parser_feed(parser, buf_str(&m->bytes));
    while (at < m->ref->size) {
        ssize_t got = store_body_read(m->store, m->ref, at, chunk, IMAP_CHUNK);
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

int imap_message_mime(struct imap_message *m)
{
    struct mime_parser *parser;
    struct str bytes;
    int r = 0;

    if (m->has_mime)
        return 0;
    if (m->ref->size <= IMAP_SMALL)
        r = imap_message_bytes(m, m->ref->size, &bytes);
    if (r < 0)
        return r;
    parser = mime_parser_new();
    r = feed(m, parser);
    if (r < 0) {
        mime_parser_free(parser);
        return r;
    }
    mime_parser_end(parser, &m->mime);
    m->has_mime = true;
    return 0;
}
