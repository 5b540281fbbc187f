// SPDX-License-Identifier: ISC
//
// Any bytes as a response: it is read without memory beyond a small multiple of its length, and
// what is told about it lies in it or in the arena.
#include "base/check.h"
#include "proto/imap/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size);
    struct imap_response r;
    struct arena arena;

    if (size > 1 << 16)
        return 0;
    arena_init(&arena, 64 << 20);
    if (imap_response_parse(text, &arena, &r)) {
        CHECK(r.keyword_count <= IMAP_RESPONSE_KEYWORDS_MAX);
        CHECK(r.kind != IMAP_SAYS_LIST || r.name.ptr);
        CHECK(r.text.len + r.code.len <= size && r.body.len <= size && r.name.len <= size);
        for (size_t i = 0; i < r.keyword_count; i++)
            CHECK(r.keywords[i].len > 0 && r.keywords[i].ptr[0] != '\\');
    }
    arena_done(&arena);
    imap_response_has_body(text);
    return 0;
}
