// SPDX-License-Identifier: ISC
//
// Any bytes as an mbox of the kind the first byte says: it is read to its end, no byte twice; and
// any bytes as a message among others: put and taken back, it is what it was.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/mbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t read_text(void *arg, uint64_t offset, void *to, size_t len)
{
    struct str text = str_head(str_skip(*(struct str *)arg, (size_t)offset), len);

    memcpy(to, text.ptr, text.len);
    return (ssize_t)text.len;
}

static void read_all(struct str text, enum mbox_kind kind, size_t max)
{
    CLEANUP(buf_drop) struct buf raw = {.max = max}, bytes = {0};
    uint64_t offset, last = 0;
    struct mbox m;
    int r = mbox_open(&m, kind, read_text, &text);

    buf_init(&bytes, 2 * text.len + 16);
    CHECK(r >= 0 && r <= MBOX_NONE);
    for (size_t count = 0; r == 0 || r == MBOX_TOO_LARGE; count++) {
        struct mbox_message message;
        struct arena arena;

        r = mbox_next(&m, &raw, &offset);
        CHECK(offset <= text.len && (count == 0 || r == MBOX_END || offset > last));
        last = offset;
        if (r != 0)
            continue;
        arena_init(&arena, 1 << 24);
        buf_clear(&bytes);
        mbox_message_take(m.kind, buf_str(&raw), &arena, &message, &bytes);
        CHECK(buf_ok(&bytes));
        arena_done(&arena);
    }
    CHECK(r == MBOX_END || r == MBOX_NONE);
    mbox_done(&m);
}

static void take_back(struct str message)
{
    static const struct str neighbour = STR("A: 1\r\n\r\nx\r\n");
    CLEANUP(buf_drop)
    struct buf text = {.max = 1 << 24}, raw = {.max = 1 << 24}, bytes = {.max = 1 << 24};
    struct mbox_envelope e = {.seconds = 1000000000, .flags = MBOX_SEEN};
    struct mbox_message out;
    struct arena arena;
    struct str view;
    struct mbox m;
    uint64_t offset;

    mbox_message_put(&text, &e, neighbour);
    mbox_message_put(&text, &e, message);
    mbox_message_put(&text, &e, neighbour);
    view = buf_str(&text);
    arena_init(&arena, 1 << 24);
    CHECK(mbox_open(&m, MBOX_AUTO, read_text, &view) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(mbox_next(&m, &raw, &offset) == 0);
        buf_clear(&bytes);
        mbox_message_take(m.kind, buf_str(&raw), &arena, &out, &bytes);
        CHECK(str_eq(buf_str(&bytes), i == 1 ? message : neighbour));
        CHECK(out.flags == MBOX_SEEN && out.seconds == 1000000000);
    }
    CHECK(mbox_next(&m, &raw, &offset) == MBOX_END);
    mbox_done(&m);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16)
        return 0;
    read_all(str_of(data + 1, size - 1), (enum mbox_kind)(data[0] % 5),
             data[0] & 8 ? 200 : 1 << 20);
    take_back(str_of(data + 1, size - 1));
    return 0;
}
