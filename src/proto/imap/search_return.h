// SPDX-License-Identifier: ISC
//
// What a search shall answer: "RETURN (MIN COUNT PARTIAL 1:50 ...)" (RFC 4466, 4731, 5182, 5267,
// 6203, 9394), and ESEARCH, the answer.
#pragma once

#include "base/buf.h"
#include "base/scan.h"

enum imap_return {
    IMAP_RETURN_MIN = 1,
    IMAP_RETURN_MAX = 2,
    IMAP_RETURN_ALL = 4,
    IMAP_RETURN_COUNT = 8,
    IMAP_RETURN_SAVE = 16,
    IMAP_RETURN_PARTIAL = 32,
    IMAP_RETURN_RELEVANCY = 64,
    IMAP_RETURN_CONTEXT = 128,
    IMAP_RETURN_UPDATE = 256,
};

struct imap_search_return {
    bool is_given;
    unsigned options; // bits of imap_return; never none that tells something, but SAVE alone
    bool is_from_end; // PARTIAL -1:-50: counted from the last result
    uint32_t partial_first, partial_last; // PARTIAL, counted from 1, ascending
};

/// [SP "RETURN" SP "(" options ")"]. An empty list means ALL, as none does for ESEARCH. False on
/// options that are unknown or exclude each other.
bool imap_scan_search_return(struct scan *in, struct imap_search_return *out);

/// `* ESEARCH (TAG "x") UID`, without line end.
void imap_put_esearch(struct buf *out, struct str tag, bool is_uid);
/// "1:50", as the client may write it.
void imap_put_partial_range(struct buf *out, const struct imap_search_return *what);
