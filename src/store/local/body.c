// SPDX-License-Identifier: ISC
//
// Bodies on disk: reading them piece by piece, each piece checked; writing big ones while they
// arrive. A message is first looked for where its id says; when it is not there, or not whole, the
// index is asked whether it was moved, and whether it is still there at all.
#include "base/check.h"
#include "log/log.h"
#include "store/crc.h"
#include "store/local/local.h"

#include <errno.h>

// ---- records

/// Reads `guess` bytes at least of a header into *header, and all of the header.
static int read_header(struct segment *segment, uint64_t offset, size_t guess, struct buf *header,
                       struct record *out)
{
    for (int again = 0; again < 2; again++) {
        char *room = buf_room(header, guess);
        ssize_t n;
        int r;

        if (!room)
            return -EBADMSG;
        n = rt_file_read(segment->file, room, guess, offset);
        if (n < 0)
            return (int)n;
        buf_added(header, (size_t)n);
        r = record_parse(buf_str(header), out);
        if (r != RECORD_MORE)
            return r;
        guess = out->header_len;
        buf_clear(header);
    }
    return -EBADMSG;
}

int local_record_read(struct local *l, uint32_t segment, uint64_t offset, struct buf *header,
                      struct record *out)
{
    struct segment *s;
    int r;

    r = segments_enter(&l->segments, segment, &s);
    if (r < 0)
        return r;
    buf_clear(header);
    r = read_header(s, offset, RECORD_GUESS, header, out);
    segments_leave(&l->segments, s);
    return r;
}

static bool chunk_is_good(const struct record *record, uint32_t i, struct str chunk)
{
    return crc32c(0, chunk.ptr, chunk.len) == record_chunk_crc(record, i);
}

int local_data_read(struct local *l, uint32_t segment, uint64_t offset, const struct record *record,
                    struct buf *out)
{
    size_t len = (size_t)record->data_len;
    char *room = buf_room(out, len);
    struct segment *s;
    ssize_t n;
    int r;

    if (!room)
        return -EFBIG;
    r = segments_enter(&l->segments, segment, &s);
    if (r < 0)
        return r;
    n = rt_file_read(s->file, room, len, offset + record->header_len);
    segments_leave(&l->segments, s);
    if (n < 0)
        return (int)n;
    if ((size_t)n != len)
        return -EBADMSG;
    for (uint32_t i = 0; record->kind != RECORD_MAIL_EXTENTS && i < record->chunk_count; i++) {
        size_t at = (size_t)i * BODY_CHUNK;
        struct str chunk = record->kind == RECORD_EXTENT
                               ? str_of(room, len)
                               : str_head(str_skip(str_of(room, len), at), BODY_CHUNK);

        if (!chunk_is_good(record, i, chunk))
            return -EBADMSG;
    }
    buf_added(out, len);
    return 0;
}

static int has_entry(struct index *x, const struct record_place *place, uint64_t message_id)
{
    struct entry_list list = {0};
    int r;

    r = index_entries(x, place->mailbox_id, place->uid, place->uid, &list);
    if (r == 0)
        r = list.entries.count && list.entries.items[0].body.message_id == message_id;
    store_entries_done(&list.entries);
    return r;
}

static int has_queued(struct index *x, uint64_t id, uint64_t message_id)
{
    struct store_queue_entry entry;
    int r = index_queued(x, id, &entry);

    return r < 0 ? r : r == 0 && entry.body.message_id == message_id;
}

int local_is_live(struct index *x, const struct record *record, uint32_t segment, uint64_t offset)
{
    bool at_home = segment == message_segment(record->message_id) &&
                   offset == message_offset(record->message_id);
    struct record_place place;
    struct index_message m;
    size_t at = 0;
    int r;

    if (record->kind == RECORD_EXTENT || record->kind == RECORD_QUEUE)
        return 0;
    r = index_message(x, record->message_id, &m);
    if (r < 0)
        return r;
    if (r == 0)
        return m.segment ? m.segment == segment && m.offset == offset : at_home;
    while (at_home && record_next_place(record, &at, &place)) {
        r = place.mailbox_id ? has_entry(x, &place, record->message_id)
                             : has_queued(x, place.account_id, record->message_id);
        if (r)
            return r;
    }
    return 0;
}

// ---- reading a body

struct reading {
    struct local *l;
    struct segment *segment;
    uint64_t record_at; // in the segment
    struct record record;
    struct buf header; // and what came with it of the data
    struct buf piece;
};

/// The i-th piece of the body, checked; a view until the next call.
static int inline_piece(struct reading *b, uint32_t i, struct str *out)
{
    uint64_t at = (uint64_t)i * BODY_CHUNK;
    size_t len = (size_t)(b->record.data_len - at);
    struct str had = str_skip(buf_str(&b->header), b->record.header_len);
    char *room;
    ssize_t n;

    if (len > BODY_CHUNK)
        len = BODY_CHUNK;
    if (at + len <= had.len) {
        *out = str_of(had.ptr + at, len);
        return chunk_is_good(&b->record, i, *out) ? 0 : -EBADMSG;
    }
    buf_clear(&b->piece);
    room = buf_room(&b->piece, len);
    n = rt_file_read(b->segment->file, room, len, b->record_at + b->record.header_len + at);
    if (n < 0)
        return (int)n;
    *out = str_of(room, (size_t)n);
    return (size_t)n == len && chunk_is_good(&b->record, i, *out) ? 0 : -EBADMSG;
}

static int extent_piece(struct reading *b, uint32_t i, struct str *out)
{
    struct record_extent e = record_extent_at(&b->record, i);
    struct segment *segment;
    char *room;
    ssize_t n;
    int r;

    buf_clear(&b->piece);
    room = e.len <= BODY_EXTENT ? buf_room(&b->piece, e.len) : NULL;
    if (!room)
        return -EBADMSG;
    r = segments_enter(&b->l->segments, e.segment, &segment);
    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    n = rt_file_read(segment->file, room, e.len, e.offset);
    segments_leave(&b->l->segments, segment);
    if (n < 0)
        return (int)n;
    *out = str_of(room, (size_t)n);
    return out->len == e.len && crc32c(0, out->ptr, out->len) == e.crc ? 0 : -EBADMSG;
}

/// All but the last are as long as the first.
static size_t extent_len(const struct record *record)
{
    return record->chunk_count ? record_extent_at(record, 0).len : 0;
}

static ssize_t copy_pieces(struct reading *b, uint64_t offset, char *to, size_t len)
{
    bool in_extents = b->record.kind == RECORD_MAIL_EXTENTS;
    size_t piece_len = in_extents ? extent_len(&b->record) : BODY_CHUNK;
    size_t done = 0;

    if (!piece_len)
        return -EBADMSG;
    while (done < len) {
        uint32_t i = (uint32_t)((offset + done) / piece_len);
        struct str piece;
        int r;

        if (i >= b->record.chunk_count)
            return -EBADMSG;
        r = in_extents ? extent_piece(b, i, &piece) : inline_piece(b, i, &piece);
        if (r < 0)
            return r;
        piece = str_head(str_skip(piece, (size_t)((offset + done) % piece_len)), len - done);
        if (!piece.len)
            return -EBADMSG;
        memcpy(to + done, piece.ptr, piece.len);
        done += piece.len;
    }
    return (ssize_t)len;
}

struct body_request {
    const struct store_body_ref *ref;
    uint64_t offset;
    char *to;
    size_t len;
};

/// -ENOENT when the message does not lie there; -EBADMSG when it does, damaged. In both cases
/// *record (of *header) is what was found there, kind 0 when nothing was.
static ssize_t read_at(struct local *l, const struct body_request *q, uint32_t segment, uint64_t at,
                       struct reading *b)
{
    size_t guess = q->ref->size <= BODY_CHUNK ? RECORD_GUESS + (size_t)q->ref->size : RECORD_GUESS;
    ssize_t n;

    b->l = l;
    b->record_at = at;
    b->record.kind = 0;
    buf_clear(&b->header);
    n = segments_enter(&l->segments, segment, &b->segment);
    if (n < 0)
        return n;
    n = read_header(b->segment, at, guess, &b->header, &b->record);
    if (n == 0 &&
        (b->record.message_id != q->ref->message_id || b->record.body_size != q->ref->size ||
         b->record.kind == RECORD_EXTENT || b->record.kind == RECORD_QUEUE))
        n = -ENOENT;
    if (n == 0)
        n = copy_pieces(b, q->offset, q->to, q->len);
    segments_leave(&l->segments, b->segment);
    return n;
}

static void report_damage(const struct store_body_ref *ref, uint32_t segment, uint64_t offset)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "store/local", "body is damaged");
    log_hex(&line, "message", ref->message_id);
    log_u64(&line, "segment", segment);
    log_u64(&line, "offset", offset);
    log_end(&line);
}

enum { MOVES_MAX = 8 }; // while one piece is read

struct place {
    uint32_t segment;
    uint64_t offset;
};

/// Where the index says the message lies, when it was moved: *at. 1, 0 when nobody has it, -errno.
static int find_now(struct local *l, const struct body_request *q, const struct reading *b,
                    struct place *at)
{
    bool was_moved = at->segment != message_segment(q->ref->message_id) ||
                     at->offset != message_offset(q->ref->message_id);
    struct local_reader *reader;
    struct index_message m = {0};
    int r, is_live = !was_moved; // what was moved has a row for as long as it lives

    r = local_reader_take(l, &reader);
    if (r < 0)
        return r;
    r = index_message(&reader->index, q->ref->message_id, &m);
    if (r == STORE_NOT_FOUND && !was_moved && b->record.kind &&
        b->record.message_id == q->ref->message_id)
        is_live = local_is_live(&reader->index, &b->record, at->segment, at->offset);
    local_reader_give(l, reader);
    if (r < 0)
        return r;
    if (r == 0 && m.segment)
        *at = (struct place){m.segment, m.offset};
    return r == 0 ? 1 : is_live;
}

/// It is not whole where it lay: was it moved, is it gone, is it damaged? The collector may move it
/// once more between the look into the index and the reading; only what fails at the place where
/// the index still sees it is damaged.
static ssize_t read_elsewhere(struct local *l, const struct body_request *q, ssize_t n,
                              struct reading *b)
{
    struct place at = {message_segment(q->ref->message_id), message_offset(q->ref->message_id)};

    for (int i = 0; i < MOVES_MAX && (n == -ENOENT || n == -EBADMSG); i++) {
        struct place before = at;
        int r = find_now(l, q, b, &at);

        if (r <= 0)
            return r < 0 ? r : -ENOENT;
        if (at.segment == before.segment && at.offset == before.offset)
            break;
        n = read_at(l, q, at.segment, at.offset, b);
    }
    if (n == -EBADMSG)
        report_damage(q->ref, at.segment, at.offset);
    return n;
}

ssize_t local_body_read(struct local *l, const struct store_body_ref *ref, uint64_t offset,
                        void *to, size_t len)
{
    struct body_request q = {ref, offset, to, len};
    struct reading b = {0};
    ssize_t n;

    buf_init(&b.header, RECORD_HEADER_MAX);
    buf_init(&b.piece, BODY_EXTENT);
    n = read_at(l, &q, message_segment(ref->message_id), message_offset(ref->message_id), &b);
    if (n == -ENOENT || n == -EBADMSG)
        n = read_elsewhere(l, &q, n, &b);
    buf_done(&b.header);
    buf_done(&b.piece);
    return n;
}

// ---- writing a big body

int local_body_spill(struct store_body *body, int (*run)(struct local *l, struct local_job *job))
{
    struct local_job job = {.kind = JOB_EXTENT, .bytes = buf_str(&body->tail)};
    struct spilled *spilled = body->spilled;
    int r;

    if (!job.bytes.len)
        return 0;
    job.extent.crc = crc32c(0, job.bytes.ptr, job.bytes.len);
    r = run(local_of(body->store), &job);
    if (r)
        return r;
    if (!spilled)
        spilled = body->spilled = store_alloc(sizeof(*spilled));
    STORE_GROW(spilled->items, spilled->count, spilled->cap);
    spilled->items[spilled->count++] = job.extent;
    return 0;
}

void local_body_free(struct store_body *body)
{
    struct spilled *spilled = body->spilled;

    if (!spilled)
        return;
    for (size_t i = 0; i < spilled->count; i++)
        segments_pin(&local_of(body->store)->segments, spilled->items[i].segment, -1);
    free(spilled->items);
    free(spilled);
}
