// SPDX-License-Identifier: ISC
//
// What SORT and THREAD ask for beside a search program (RFC 5256, 5957, 6203).
#pragma once

#include "proto/imap/search.h"

enum imap_sort_by {
    IMAP_SORT_ARRIVAL,
    IMAP_SORT_CC,
    IMAP_SORT_DATE,
    IMAP_SORT_DISPLAY_FROM,
    IMAP_SORT_DISPLAY_TO,
    IMAP_SORT_FROM,
    IMAP_SORT_RELEVANCY,
    IMAP_SORT_SIZE,
    IMAP_SORT_SUBJECT,
    IMAP_SORT_TO,
};

enum { IMAP_SORT_KEYS_MAX = 16 };

struct imap_sort {
    struct {
        enum imap_sort_by by;
        bool is_reverse;
    } keys[IMAP_SORT_KEYS_MAX];
    size_t count; // at least 1
};

/// SP sort-criteria SP charset SP keys, to the end of the command.
bool imap_sort_parse(struct scan *in, struct arena *arena, struct imap_sort *out,
                     struct imap_search *out_search);
/// SP thread-algorithm SP charset SP keys, to the end of the command.
bool imap_thread_parse(struct scan *in, struct arena *arena, struct str *out_algorithm,
                       struct imap_search *out_search);
