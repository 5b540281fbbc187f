// SPDX-License-Identifier: ISC
//
// A summary as a row of summary.db, numbers little-endian:
//
//      0  u8   version
//      1  u8   flags: bit 0 is_reply_or_forward
//      2  u16  0
//      4  u32  CRC-32C of the message id, then of all other bytes
//      8  u64  size of the message
//     16  i64  sent_s
//     24  u64  header_size
//     32  u32  length of each of the texts, in the order of enum summary_text
//     80       the texts
//
// The id is in the checksum, so a row under a wrong key is no good either.
#include "base/check.h"
#include "store/crc.h"
#include "summary/inside.h"

enum { VERSION = 1, FLAG_REPLY = 1, CHECKSUM_AT = 4, CHECKED_FROM = 8, LENGTHS_AT = 32 };
enum { HEAD = LENGTHS_AT + 4 * SUMMARY_TEXTS };

static void put_number(char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i));
}

static uint64_t number_at(struct str row, size_t at, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | (unsigned char)row.ptr[at + (size_t)i];
    return value;
}

static uint32_t checksum(uint64_t message_id, struct str row)
{
    char id[8];

    put_number(id, message_id, 8);
    return crc32c(crc32c(crc32c(0, id, sizeof(id)), row.ptr, CHECKSUM_AT), row.ptr + CHECKED_FROM,
                  row.len - CHECKED_FROM);
}

void summary_row_put(struct buf *out, uint64_t message_id, uint64_t size,
                     const struct summary *summary)
{
    size_t begin = out->len, all = 0;
    char head[HEAD] = {VERSION, summary->is_reply_or_forward ? FLAG_REPLY : 0};

    put_number(head + 8, size, 8);
    put_number(head + 16, (uint64_t)summary->sent_s, 8);
    put_number(head + 24, summary->header_size, 8);
    for (enum summary_text i = 0; i < SUMMARY_TEXTS; i++) {
        size_t len = summary_text((struct summary *)(uintptr_t)summary, i)->len;

        put_number(head + LENGTHS_AT + 4 * i, len, 4);
        all += len;
    }
    buf_put(out, str_of(head, HEAD));
    // they lie one behind the other
    buf_put(out, str_of(summary->envelope.ptr, all));
    if (!buf_ok(out))
        return;
    put_number(out->ptr + begin + CHECKSUM_AT,
               checksum(message_id, str_of(out->ptr + begin, out->len - begin)), 4);
}

bool summary_row_parse(struct str row, uint64_t message_id, uint64_t size, struct summary *out)
{
    size_t len[SUMMARY_TEXTS], all = HEAD;

    if (row.len < HEAD || row.ptr[0] != VERSION || number_at(row, 8, 8) != size ||
        number_at(row, CHECKSUM_AT, 4) != checksum(message_id, row))
        return false;
    for (enum summary_text i = 0; i < SUMMARY_TEXTS; i++) {
        len[i] = (size_t)number_at(row, LENGTHS_AT + 4 * (size_t)i, 4);
        all += len[i];
    }
    if (all != row.len)
        return false;
    *out = (struct summary){
        .is_reply_or_forward = row.ptr[1] & FLAG_REPLY,
        .sent_s = (int64_t)number_at(row, 16, 8),
        .header_size = (size_t)number_at(row, 24, 8),
    };
    buf_init(&out->bytes, row.len);
    buf_put(&out->bytes, str_skip(row, HEAD));
    summary_lay_out(out, 0, len);
    return true;
}
