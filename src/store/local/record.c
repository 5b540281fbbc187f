// SPDX-License-Identifier: ISC
#include "store/local/record.h"

#include "base/check.h"
#include "store/crc.h"

#include <errno.h>

static const char the_magic[4] = {'C', 't', 'R', '1'};

static void put_u32(struct buf *b, uint32_t n)
{
    char bytes[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

    buf_put(b, str_of(bytes, 4));
}

static void put_u64(struct buf *b, uint64_t n)
{
    put_u32(b, (uint32_t)n);
    put_u32(b, (uint32_t)(n >> 32));
}

static uint32_t get_u32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t get_u64(const char *p)
{
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static uint32_t header_crc(const char *p, size_t len)
{
    static const char zeros[4];
    uint32_t crc;

    crc = crc32c(0, p, 12);
    crc = crc32c(crc, zeros, 4);
    return crc32c(crc, p + 16, len - 16);
}

static bool is_plausible(const struct record *r)
{
    if (r->kind < RECORD_MAIL || r->kind > RECORD_QUEUE)
        return false;
    if (r->header_len < RECORD_FIXED || r->header_len > RECORD_HEADER_MAX || r->header_len % 8)
        return false;
    return r->data_len <= (uint64_t)1 << 40;
}

/// Where chunks, places and envelope stand; false when they do not fit.
static bool split(struct record *r, struct str rest)
{
    size_t chunk = r->kind == RECORD_MAIL_EXTENTS ? RECORD_EXTENT_BYTES : 4;
    struct str places;
    size_t at = 0;

    if (r->chunk_count > rest.len / chunk)
        return false;
    r->chunks = str_head(rest, r->chunk_count * chunk);
    places = str_skip(rest, r->chunks.len);
    for (uint32_t i = 0; i < r->place_count; i++) {
        if (places.len - at < RECORD_PLACE_BYTES)
            return false;
        at += RECORD_PLACE_BYTES +
              ((size_t)(uint8_t)places.ptr[at + 24] | (size_t)(uint8_t)places.ptr[at + 25] << 8);
        if (at > places.len)
            return false;
    }
    r->places = str_head(places, at);
    if (r->envelope.len > places.len - at)
        return false;
    r->envelope.ptr = places.ptr + at;
    return true;
}

int record_parse(struct str bytes, struct record *out)
{
    const char *p = bytes.ptr;
    struct record r = {0};

    if (bytes.len < RECORD_FIXED || memcmp(p, the_magic, 4) != 0)
        return -EBADMSG;
    r.kind = (enum record_kind)get_u32(p + 4);
    r.header_len = get_u32(p + 8);
    r.message_id = get_u64(p + 16);
    r.body_size = get_u64(p + 24);
    r.data_len = get_u64(p + 32);
    r.internal_date = (int64_t)get_u64(p + 40);
    r.zone_minutes = (int32_t)get_u32(p + 48);
    r.chunk_count = get_u32(p + 52);
    r.place_count = get_u32(p + 56);
    r.envelope.len = get_u32(p + 60);
    if (!is_plausible(&r))
        return -EBADMSG;
    if (r.header_len > bytes.len) {
        out->header_len = r.header_len;
        return RECORD_MORE;
    }
    if (header_crc(p, r.header_len) != get_u32(p + 12))
        return -EBADMSG;
    if (!split(&r, str_of(p + RECORD_FIXED, r.header_len - RECORD_FIXED)))
        return -EBADMSG;
    *out = r;
    return 0;
}

uint32_t record_chunk_crc(const struct record *r, uint32_t i)
{
    return get_u32(r->chunks.ptr + (size_t)i * 4);
}

struct record_extent record_extent_at(const struct record *r, uint32_t i)
{
    const char *p = r->chunks.ptr + (size_t)i * RECORD_EXTENT_BYTES;

    return (struct record_extent){get_u32(p), get_u32(p + 4), get_u32(p + 16), get_u64(p + 8)};
}

bool record_next_place(const struct record *r, size_t *at, struct record_place *out)
{
    const char *p = r->places.ptr + *at;
    size_t name_len;

    if (*at >= r->places.len)
        return false;
    name_len = (size_t)(uint8_t)p[24] | (size_t)(uint8_t)p[25] << 8;
    *out = (struct record_place){get_u64(p), get_u64(p + 8), get_u32(p + 16), get_u32(p + 20),
                                 str_of(p + RECORD_PLACE_BYTES, name_len)};
    *at += RECORD_PLACE_BYTES + name_len;
    return true;
}

void record_begin(struct buf *b, const struct record *r)
{
    buf_put(b, str_of(the_magic, 4));
    put_u32(b, r->kind);
    put_u32(b, r->header_len);
    put_u32(b, 0);
    put_u64(b, r->message_id);
    put_u64(b, r->body_size);
    put_u64(b, r->data_len);
    put_u64(b, (uint64_t)r->internal_date);
    put_u32(b, (uint32_t)r->zone_minutes);
    put_u32(b, r->chunk_count);
    put_u32(b, r->place_count);
    put_u32(b, (uint32_t)r->envelope.len);
}

void record_put_chunk(struct buf *b, uint32_t crc)
{
    put_u32(b, crc);
}

void record_put_extent(struct buf *b, const struct record_extent *e)
{
    put_u32(b, e->segment);
    put_u32(b, e->crc);
    put_u64(b, e->offset);
    put_u32(b, e->len);
    put_u32(b, 0);
}

void record_put_place(struct buf *b, const struct record_place *p)
{
    char len[2] = {(char)p->name.len, (char)(p->name.len >> 8)};

    put_u64(b, p->mailbox_id);
    put_u64(b, p->account_id);
    put_u32(b, p->uid);
    put_u32(b, p->flags);
    buf_put(b, str_of(len, 2));
    buf_put(b, p->name);
}

void record_put_queued(struct buf *b, const struct store_queue_entry *entry)
{
    char lens[4];
    size_t len = RECORD_QUEUED_BYTES + entry->lane.len + entry->value.len;

    CHECK(len <= UINT16_MAX);
    for (int i = 0; i < 2; i++) {
        lens[i] = (char)(len >> (8 * i));
        lens[2 + i] = (char)(entry->lane.len >> (8 * i));
    }
    put_u64(b, 0);
    put_u64(b, entry->id);
    put_u64(b, 0);
    buf_put(b, str_of(lens, 2));
    put_u64(b, entry->mail_id);
    buf_put(b, str_of(lens + 2, 2));
    buf_put(b, entry->lane);
    buf_put(b, entry->value);
}

bool record_get_queued(const struct record_place *place, struct store_queue_entry *out)
{
    struct str rest = place->name;
    size_t lane_len;

    if (place->mailbox_id || rest.len < RECORD_QUEUED_BYTES)
        return false;
    lane_len = (size_t)(uint8_t)rest.ptr[8] | (size_t)(uint8_t)rest.ptr[9] << 8;
    if (lane_len > rest.len - RECORD_QUEUED_BYTES)
        return false;
    *out = (struct store_queue_entry){.id = place->account_id, .mail_id = get_u64(rest.ptr)};
    rest = str_skip(rest, RECORD_QUEUED_BYTES);
    out->lane = str_head(rest, lane_len);
    out->value = str_skip(rest, lane_len);
    return true;
}

void record_end(struct buf *b, size_t start, struct str envelope, uint32_t header_len)
{
    static const char zeros[8];
    uint32_t crc;
    char *p;

    buf_put(b, envelope);
    CHECK(b->len - start <= header_len);
    while (b->len - start < header_len)
        buf_put(b, str_head(str_of(zeros, 8), header_len - (b->len - start)));
    CHECK(buf_ok(b));
    p = b->ptr + start;
    crc = header_crc(p, header_len);
    for (int i = 0; i < 4; i++)
        p[12 + i] = (char)(crc >> (8 * i));
}
