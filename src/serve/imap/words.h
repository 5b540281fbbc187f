// SPDX-License-Identifier: ISC
//
// What SORT and THREAD compare of the messages that were found: entries and, where they are needed,
// summaries (summary/summary.h), read many at once.
#pragma once

#include "summary/summary.h"

#include "serve/imap/search_judge.h"

struct imap_words {
    const struct store_entry *entry;
    const struct summary *summary; // empty texts when none was asked for or the mail is damaged
    int64_t sent_s;                // the Date field, or when the mail came (RFC 5256 2.2)
};

/// [await] each(arg, index, words) for the hits of a judge, in their order (ascending); its first
/// non-zero ends it and is returned. Messages that are gone are passed over and counted in
/// j->missing. 0 or -errno.
int imap_words_each(struct imap_judge *j, const struct imap_hits *hits, bool with_summary,
                    int (*each)(void *arg, uint32_t index, const struct imap_words *words),
                    void *arg);
