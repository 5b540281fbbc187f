// SPDX-License-Identifier: ISC
//
// The items of FETCH (RFC 3501 7.4.2). Bytes of messages go from the store to the connection in
// chunks. The first chunk is read before the literal is announced, so that a damaged message costs
// its items and not the session.
#include "base/cleanup.h"
#include "mail/date.h"
#include "mail/structure.h"
#include "proto/imap/reply.h"
#include "serve/imap/fetch.h"
#include "serve/imap/view.h"

#include <errno.h>

_Static_assert((int)IMAP_SECTION_WHOLE == (int)SECTION_ALL &&
                   (int)IMAP_SECTION_HEADER == (int)SECTION_HEADER &&
                   (int)IMAP_SECTION_HEADER_FIELDS == (int)SECTION_HEADER_FIELDS &&
                   (int)IMAP_SECTION_HEADER_FIELDS_NOT == (int)SECTION_HEADER_FIELDS_NOT &&
                   (int)IMAP_SECTION_TEXT == (int)SECTION_TEXT &&
                   (int)IMAP_SECTION_MIME == (int)SECTION_MIME,
               "sections are handed through as they are");

/// What the partial leaves of [0, len).
static struct byte_range cut(const struct imap_fetch_item *item, struct byte_range range)
{
    size_t len = range.to - range.from;

    if (!item->is_partial)
        return range;
    if (item->partial_offset >= len)
        return (struct byte_range){range.to, range.to};
    range.from += item->partial_offset;
    if (range.to - range.from > item->partial_len)
        range.to = range.from + item->partial_len;
    return range;
}

static void put_bytes(struct imap_fetcher *f, const struct imap_fetch_item *item, struct str bytes)
{
    struct byte_range range = cut(item, (struct byte_range){0, bytes.len});

    imap_put_literal_head(f->c->out, range.to - range.from);
    buf_put(f->c->out, str_of(bytes.ptr + range.from, range.to - range.from));
}

/// The rest of a literal that has begun: an error now ends the session.
static int stream(struct imap_fetcher *f, struct imap_message *m, struct byte_range range)
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
        rt_conn_set_command_ms(f->s->conn, (uint32_t)f->s->config.stall);
        r = rt_put(f->s->conn, str_of(f->chunk, (size_t)got));
        range.from += (size_t)got;
    }
    f->is_broken |= r < 0;
    return r;
}

/// A range of the message as a literal.
static int put_range(struct imap_fetcher *f, const struct imap_fetch_item *item,
                     struct imap_message *m, struct byte_range range)
{
    size_t want;
    ssize_t got;

    range = cut(item, range);
    want = range.to - range.from;
    if (range.to <= m->bytes.len && want <= IMAP_CHUNK) { // was read for the header already
        imap_put_literal_head(f->c->out, want);
        buf_put(f->c->out, str_of(m->bytes.ptr + range.from, want));
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
    return range.from < range.to ? stream(f, m, range) : 0;
}

/// BODY[HEADER...] of the message itself: no need to know its structure.
static int put_header(struct imap_fetcher *f, const struct imap_fetch_item *item,
                      struct imap_message *m, const struct section *section)
{
    struct buf fields;
    struct str header;
    int r = imap_message_header(m, &header);

    if (r < 0)
        return r;
    if (section->text == SECTION_HEADER) {
        put_bytes(f, item, header);
        return 0;
    }
    buf_init(&fields, header.len + 16);
    section_put_fields(&fields, header, section);
    put_bytes(f, item, buf_str(&fields));
    buf_done(&fields);
    return 0;
}

/// A section of an inner part.
static int put_part(struct imap_fetcher *f, const struct imap_fetch_item *item,
                    struct imap_message *m, const struct section *section)
{
    struct byte_range range;
    struct buf fields;
    struct str bytes;
    int r = imap_message_mime(m);

    if (r < 0)
        return r;
    if (!section_find(&m->mime, section, &range)) {
        buf_put(f->c->out, STR("NIL"));
        return 0;
    }
    if (section->text != SECTION_HEADER_FIELDS && section->text != SECTION_HEADER_FIELDS_NOT)
        return put_range(f, item, m, range);
    r = imap_message_bytes(m, range.to, &bytes);
    if (r < 0)
        return r;
    bytes = str_of(bytes.ptr + range.from, range.to - range.from);
    buf_init(&fields, bytes.len + 16);
    section_put_fields(&fields, bytes, section);
    put_bytes(f, item, buf_str(&fields));
    buf_done(&fields);
    return 0;
}

static int put_section(struct imap_fetcher *f, const struct imap_fetch_item *item,
                       struct imap_message *m)
{
    struct section section;
    struct byte_range range = {0, m->ref->size};
    struct str header;
    int r;

    section.depth = item->section.part_count;
    for (size_t i = 0; i < section.depth; i++)
        section.path[i] = item->section.parts[i];
    section.text = (enum section_text)item->section.text;
    section.fields = item->section.fields;
    section.field_count = item->section.field_count;
    if (section.depth > 0)
        return put_part(f, item, m, &section);
    if (section.text == SECTION_ALL)
        return put_range(f, item, m, range);
    if (section.text != SECTION_TEXT)
        return put_header(f, item, m, &section);
    r = imap_message_header(m, &header);
    if (r < 0)
        return r;
    range.from = header.len;
    return put_range(f, item, m, range);
}

/// ENVELOPE and structure can be many times as long as the mail they tell of: one that is meant to
/// hurt is told as if it had nothing in it, so that the mailbox stays readable.
enum { TOLD_MAX = 4 << 20, ENVELOPE_HEADER_MAX = 1 << 20 };

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
    structure_put_envelope(&told, str_head(header, ENVELOPE_HEADER_MAX));
    put_told(f, m, &told, true);
    return 0;
}

/// The structure holds envelopes of messages within, for which their bytes are needed.
static int put_structure(struct imap_fetcher *f, struct imap_message *m, bool is_extended)
{
    CLEANUP(buf_drop) struct buf told;
    struct str bytes = STR("");
    uint64_t needed = 0;
    int r = imap_message_mime(m);

    buf_init(&told, TOLD_MAX);
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->mime.count; i++)
        if (m->mime.parts[i].kind == MIME_MESSAGE)
            needed = m->mime.parts[i].end;
    r = imap_message_bytes(m, needed, &bytes);
    if (r < 0)
        return r;
    structure_put_body(&told, &m->mime, bytes, is_extended);
    put_told(f, m, &told, false);
    return 0;
}

static int put_item(struct imap_fetcher *f, const struct imap_fetch_item *item, uint32_t index,
                    const struct store_entry *entry, struct imap_message *m)
{
    const struct imap_view *view = f->s->view;
    struct imap_view_entry seen = imap_view_at(view, index);
    struct buf *out = f->c->out;

    imap_fetch_item_put(out, item);
    buf_put_char(out, ' ');
    switch (item->kind) {
    case IMAP_FETCH_UID:
        buf_put_u64(out, imap_view_uid(view, index));
        return 0;
    case IMAP_FETCH_FLAGS:
        buf_put_char(out, '(');
        imap_flags_put(out, seen.flags, seen.keywords, view->keywords, view->keyword_count);
        buf_put_char(out, ')');
        return 0;
    case IMAP_FETCH_INTERNALDATE:
        buf_put_char(out, '"');
        date_put_imap(out, (struct date){entry->internal_date, entry->zone_minutes, false});
        buf_put_char(out, '"');
        return 0;
    case IMAP_FETCH_SIZE:
        buf_put_u64(out, entry->body.size);
        return 0;
    case IMAP_FETCH_ENVELOPE:
        return put_envelope(f, m);
    case IMAP_FETCH_BODY:
        return put_structure(f, m, false);
    case IMAP_FETCH_BODYSTRUCTURE:
        return put_structure(f, m, true);
    case IMAP_FETCH_SECTION:
    case IMAP_FETCH_RFC822:
    case IMAP_FETCH_RFC822_HEADER:
    case IMAP_FETCH_RFC822_TEXT:
        return put_section(f, item, m);
    }
    return -EINVAL;
}

static const struct imap_fetch_item uid_item = {.kind = IMAP_FETCH_UID};
static const struct imap_fetch_item flags_item = {.kind = IMAP_FETCH_FLAGS};

int imap_fetch_put(struct imap_fetcher *f, uint32_t index, const struct store_entry *entry,
                   struct imap_message *message, bool is_newly_seen)
{
    struct buf *out = f->c->out;
    bool is_first = true;

    buf_put(out, STR("* "));
    buf_put_u64(out, index + 1);
    buf_put(out, STR(" FETCH ("));
    if (f->c->is_uid && !f->has_uid) {
        (void)put_item(f, &uid_item, index, entry, message);
        is_first = false;
    }
    for (size_t i = 0; i < f->what.count; i++) {
        int r;

        if (!is_first)
            buf_put_char(out, ' ');
        is_first = false;
        r = put_item(f, &f->what.items[i], index, entry, message);
        if (f->is_broken)
            return r;
        if (r < 0) { // nothing of the item but its name is out
            f->failed++;
            buf_put(out, STR("NIL"));
        }
        r = imap_put_out(f->s, f->c, false); // many large items must not pile up
        if (r < 0) {
            f->is_broken = true;
            return r;
        }
    }
    if (is_newly_seen && !f->has_flags) {
        buf_put_char(out, ' ');
        (void)put_item(f, &flags_item, index, entry, message);
    }
    buf_put(out, STR(")\r\n"));
    return 0;
}
