// SPDX-License-Identifier: ISC
//
// A record of a segment: bytes to values and back. Pure. doc/format/segment.md has the picture.
//
//     0  magic "CtR1"        4  kind        8  header_len     12  header_crc (counted as 0)
//    16  message_id         24  body_size  32  data_len       40  internal_date
//    48  zone_minutes       52  chunks     56  places         60  envelope_len
//    64  chunks: u32 CRC-32C of each BODY_CHUNK bytes of data, or, of a body in extents,
//        24 bytes each: u32 segment, u32 crc, u64 offset (of the data), u32 len, u32 0
//        places: u64 mailbox, u64 account, u32 uid, u32 flags, u16 name_len, name
//        envelope, then zeros up to header_len
//    header_len: data_len bytes, then zeros up to a multiple of 8: the next record
//
// All numbers little-endian. header_len is a multiple of 8.
#pragma once

#include "base/buf.h"
#include "store/store.h"

enum {
    RECORD_FIXED = 64,
    RECORD_HEADER_MAX = 16 << 20,
    RECORD_GUESS = 1024, // what a header usually fits in
    RECORD_EXTENT_BYTES = 24,
    RECORD_PLACE_BYTES = 26,
};

enum record_kind {
    RECORD_MAIL = 1,         // the body follows
    RECORD_MAIL_EXTENTS = 2, // the body lies in extents
    RECORD_EXTENT = 3,       // a piece of a body
    RECORD_QUEUE = 4,        // more places of the mail right before it
};

struct record_extent {
    uint32_t segment, crc, len;
    uint64_t offset;
};

struct record_place {
    uint64_t mailbox_id, account_id;
    uint32_t uid, flags;
    struct str name;
};
/// A place with mailbox 0 is an entry of the queue: its id as the account, and as the name mail id
/// (8 bytes), length of the lane (2), lane, value.
enum { RECORD_QUEUED_BYTES = 10 };
void record_put_queued(struct buf *b, const struct store_queue_entry *entry);
/// False when the place is a mailbox.
bool record_get_queued(const struct record_place *place, struct store_queue_entry *out);

struct record {
    enum record_kind kind;
    uint32_t header_len;
    uint64_t message_id, body_size, data_len;
    int64_t internal_date;
    int32_t zone_minutes;
    uint32_t chunk_count, place_count;
    struct str chunks, places, envelope; // views into the header
};

static inline uint64_t record_align(uint64_t n)
{
    return (n + 7) & ~(uint64_t)7;
}

/// From the start of this record to the start of the next.
static inline uint64_t record_len(const struct record *r)
{
    return r->header_len + record_align(r->data_len);
}

/// 0; RECORD_MORE when the header is longer than `bytes` (then only out->header_len is set);
/// -EBADMSG when no record starts here.
enum { RECORD_MORE = 1 };
int record_parse(struct str bytes, struct record *out);
uint32_t record_chunk_crc(const struct record *r, uint32_t i);
struct record_extent record_extent_at(const struct record *r, uint32_t i);
/// Start with *at = 0; false at the end.
bool record_next_place(const struct record *r, size_t *at, struct record_place *out);

/// Building: begin, then chunks, places and the envelope in this order, then end.
void record_begin(struct buf *b, const struct record *r);
void record_put_chunk(struct buf *b, uint32_t crc);
void record_put_extent(struct buf *b, const struct record_extent *e);
void record_put_place(struct buf *b, const struct record_place *p);
/// Pads to header_len (which must not be passed) and sets the checksum.
void record_end(struct buf *b, size_t start, struct str envelope, uint32_t header_len);
