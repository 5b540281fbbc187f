// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "proto/imap/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan in = scan_of(str_of(data, size > 65536 ? 65536 : size));
    struct imap_search search;
    struct arena arena;

    arena_init(&arena, 16 << 20);
    if (imap_search_parse(&in, &arena, &search)) {
        CHECK(scan_is_end(&in));
        CHECK(search.count >= 1 && search.count <= IMAP_SEARCH_NODES_MAX);
        for (uint32_t i = 0; i < search.count; i++) {
            const struct imap_search_node *node = &search.nodes[i];

            if (node->op == IMAP_SEARCH_AND || node->op == IMAP_SEARCH_OR)
                CHECK(node->left < i && node->right < i);
            if (node->op == IMAP_SEARCH_NOT)
                CHECK(node->left < i);
        }
    }
    arena_done(&arena);
    return 0;
}
