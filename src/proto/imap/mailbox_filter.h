// SPDX-License-Identifier: ISC
//
// Which mailboxes are meant: filter-mailboxes of RFC 5465 8, as RFC 7377 4 uses it in "IN (...)".
#pragma once

#include "base/arena.h"
#include "base/scan.h"

enum imap_filter_kind {
    IMAP_FILTER_INBOXES,
    IMAP_FILTER_MAILBOXES, // `names`
    IMAP_FILTER_PERSONAL,
    IMAP_FILTER_SELECTED,
    IMAP_FILTER_SELECTED_DELAYED, // of NOTIFY only
    IMAP_FILTER_SUBSCRIBED,
    IMAP_FILTER_SUBTREE,     // `names` and all below
    IMAP_FILTER_SUBTREE_ONE, // `names` and one level below
};

struct imap_mailbox_filter {
    enum imap_filter_kind kind;
    struct str *names; // as written, in the arena
    size_t count;
};

bool imap_scan_mailbox_filter(struct scan *in, struct arena *arena,
                              struct imap_mailbox_filter *out);

enum { IMAP_FILTERS_MAX = 64 };
/// [SP "IN" SP "(" filter *(SP filter) ")"]; *out_count 0 when it is not there. False on anything
/// else, and on scope options, of which none is known.
bool imap_scan_search_in(struct scan *in, struct arena *arena, struct imap_mailbox_filter **out,
                         size_t *out_count);
