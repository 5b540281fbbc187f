// SPDX-License-Identifier: ISC
//
// Any bytes as an IMAP URL: what is taken names one message, and its rump begins it.
#include "base/check.h"
#include "proto/imap/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size);
    struct arena arena;
    struct imap_url url;

    arena_init(&arena, 1 << 20);
    if (imap_url_parse(text, &arena, &url)) {
        CHECK(url.uid > 0);
        CHECK(url.mailbox.ptr || !url.is_absolute);
        CHECK(str_starts(text, url.rump));
        CHECK(!url.token.ptr || (url.mechanism.ptr && url.access != IMAP_URL_NO_ACCESS));
        CHECK(url.rump.len == text.len || url.token.ptr);
    }
    arena_done(&arena);
    return 0;
}
