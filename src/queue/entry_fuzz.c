// SPDX-License-Identifier: ISC
//
// Any bytes as the value of an entry: read without harm, and what was read is written and read
// again as the same.
#include "base/check.h"

#include "queue/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_queue_entry row = {.id = 7, .lane = STR("example.org")};
    struct queue_entry first, second;
    struct buf out, again;

    row.value = str_of(data, size);
    buf_init(&out, QUEUE_ENTRY_BYTES_MAX);
    buf_init(&again, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_parse(&row, &first);
    CHECK(first.id == 7 && str_eq(first.lane, row.lane));
    queue_entry_put(&out, &first);
    CHECK(buf_ok(&out)); // it always fits
    row.value = buf_str(&out);
    CHECK(queue_entry_parse(&row, &second) == (first.recipient.len > 0));
    queue_entry_put(&again, &second);
    CHECK(str_eq(buf_str(&out), buf_str(&again)));
    CHECK(second.notify == first.notify && second.by_s == first.by_s);
    CHECK(second.skip == first.skip && second.attempts == first.attempts);
    buf_done(&out);
    buf_done(&again);
    return 0;
}
