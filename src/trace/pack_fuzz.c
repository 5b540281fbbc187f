// SPDX-License-Identifier: ISC
//
// Rows of any bytes are read without harm; what was packed comes back as it was.
#include "base/check.h"
#include "base/cleanup.h"
#include "trace/day.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_any(struct str bytes)
{
    CLEANUP(buf_drop) struct buf plain = {0};
    struct str rest, where, text;
    uint64_t at;

    buf_init(&plain, 1 << 20);
    if (!trace_unpack(bytes, &plain))
        return;
    rest = buf_str(&plain);
    while (rest.len > 0 && trace_unpack_line(&rest, &at, &where, &text))
        CHECK(text.ptr + text.len <= plain.ptr + plain.len);
}

static void there_and_back(struct str bytes)
{
    CLEANUP(buf_drop) struct buf plain = {0}, packed = {0}, back = {0};
    struct trace_packer *packer = trace_packer_new();
    struct str rest, where, text;
    uint64_t at;

    buf_init(&plain, 1 << 20);
    buf_init(&packed, 1 << 21);
    buf_init(&back, 1 << 20);
    trace_pack_line(&plain, 7, STR("queue/accept"), bytes);
    trace_pack(packer, buf_str(&plain), &packed);
    CHECK(trace_unpack(buf_str(&packed), &back));
    rest = buf_str(&back);
    CHECK(trace_unpack_line(&rest, &at, &where, &text) && rest.len == 0);
    CHECK(at == 7 && str_eq(text, bytes));
    trace_packer_free(packer);
}

static void count(void *arg, uint64_t key)
{
    (void)key;
    ++*(size_t *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t keys = 0;
    struct arena arena;

    read_any(str_of(data, size));
    there_and_back(str_of(data, size));
    trace_each_key(str_of(data, size), count, &keys);
    CHECK(keys <= 5);
    arena_init(&arena, 1 << 20);
    trace_value(str_of(data, size), "to", &arena);
    arena_done(&arena);
    return 0;
}
