// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "proto/imap/mailbox_filter.h"
#include "proto/imap/search.h"
#include "proto/imap/search_return.h"
#include "proto/imap/sort.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_others(struct str text, struct arena *arena)
{
    struct imap_mailbox_filter *filters;
    struct imap_search_return what;
    struct scan in = scan_of(text);
    struct imap_search search;
    struct imap_sort sort;
    struct str algorithm;
    size_t count;

    if (imap_sort_parse(&in, arena, &sort, &search))
        CHECK(scan_is_end(&in) && sort.count > 0 && sort.count <= IMAP_SORT_KEYS_MAX);
    in = scan_of(text);
    if (imap_thread_parse(&in, arena, &algorithm, &search))
        CHECK(scan_is_end(&in) && algorithm.len > 0);
    in = scan_of(text);
    if (imap_scan_search_in(&in, arena, &filters, &count))
        CHECK(count <= IMAP_FILTERS_MAX);
    in = scan_of(text);
    if (imap_scan_search_return(&in, &what) && (what.options & IMAP_RETURN_PARTIAL))
        CHECK(what.partial_first > 0 && what.partial_first <= what.partial_last);
}

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
    arena_reset(&arena);
    parse_others(str_of(data, size > 65536 ? 65536 : size), &arena);
    arena_done(&arena);
    return 0;
}
