// SPDX-License-Identifier: ISC
//
// Any bytes as a report that came back; and as texts of one that is made, which then can be read.
#include "base/check.h"

#include "mail/report.h"

enum { MAX = 8, ARENA_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct str s, const struct arena *arena, struct str message)
{
    (void)arena;
    return s.len <= 2 * message.len + 16;
}

static void parse(struct str message)
{
    struct report_found found[MAX];
    struct arena arena;
    size_t count;
    bool is_report;

    arena_init(&arena, ARENA_MAX);
    is_report = report_parse(&arena, message, found, MAX, &count);
    CHECK(is_report == (count > 0) && count <= MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK(found[i].address.len > 0 || found[i].original.len > 0);
        CHECK(is_within(found[i].address, &arena, message) && found[i].status.len <= 11);
    }
    arena_done(&arena);
}

/// Whatever the far side said, a report about it has its parts and names its recipient.
static void compose(struct str text)
{
    struct report_recipient r = {.action = REPORT_FAILED,
                                 .address = STR("zoe@far.example"),
                                 .status = STR("5.1.1"),
                                 .host = str_head(text, 100),
                                 .code = 550,
                                 .text = text,
                                 .orcpt = str_head(text, 300),
                                 .dialogue = text};
    struct report report = {.host = STR("mx.example.test"),
                            .from = STR("postmaster@example.test"),
                            .to = STR("ana@example.test"),
                            .boundary = {7, 8},
                            .envid = str_head(text, 100),
                            .recipients = &r,
                            .count = 1,
                            .original = text,
                            .is_full = text.len % 2};
    struct report_found found;
    struct report_kind kind;
    struct arena arena;
    struct buf out;
    size_t count;

    arena_init(&arena, ARENA_MAX);
    buf_init(&out, 64 << 20);
    report_put(&out, &report, &kind);
    CHECK(buf_ok(&out));
    if (str_find_str(text, STR("=_")) < 0) { // nobody knows the boundary in real life
        CHECK(report_parse(&arena, buf_str(&out), &found, 1, &count) && count == 1);
        CHECK(str_eq(found.address, r.address) && str_eq(found.status, r.status));
        CHECK(found.action == REPORT_FAILED);
    }
    buf_done(&out);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(str_of(data, size));
    if (size < 64 << 10)
        compose(str_of(data, size));
    return 0;
}
