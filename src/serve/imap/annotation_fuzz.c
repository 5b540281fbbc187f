// SPDX-License-Identifier: ISC
//
// Any bytes as the document of a mailbox's annotations: read or refused; what was read is written
// as it was, and stays sorted and bounded whatever is set.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/annotation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str document = str_of(size > 0 ? (const char *)data : "", size);
    struct imap_annotation one = {3, STR("/private/comment"), STR("x")};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_drop) struct buf out = {.max = 1 << 22};
    struct imap_annotations all, again;
    size_t count;

    arena_init(&arena, 1 << 20);
    if (size > 1 << 20 || imap_annotations_parse(document, &arena, &all) < 0)
        return 0;
    count = all.count;
    if (imap_annotations_set(&all, &one) == IMAP_ANNOTATION_OK)
        CHECK(all.count == count || all.count == count + 1);
    CHECK(all.count <= IMAP_ANNOTATIONS_ALL_MAX);
    imap_annotations_put(&all, &out);
    CHECK(imap_annotations_parse(buf_str(&out), &arena, &again) == 0 && again.count == all.count);
    return 0;
}
