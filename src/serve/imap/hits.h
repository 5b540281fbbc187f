// SPDX-License-Identifier: ISC
//
// The messages that a search found, as runs of indexes into the view: ascending after SEARCH, in
// the order asked for after SORT. Places are counted from 0.
#pragma once

#include "proto/imap/sequence.h"

/// Zeroed at first; imap_hits_done.
struct imap_hits {
    struct imap_range *runs; // of indexes, each ascending
    size_t count, cap;
    size_t messages;
};
void imap_hits_done(struct imap_hits *hits);
/// Behind all others, or before them.
void imap_hits_add(struct imap_hits *hits, uint32_t index);
void imap_hits_add_before(struct imap_hits *hits, uint32_t index);
/// After imap_hits_add_before, once.
void imap_hits_reverse(struct imap_hits *hits);
/// The index at a place < messages. Costs the number of runs.
uint32_t imap_hits_at(const struct imap_hits *hits, size_t place);
/// Is it among them? Of ascending hits; logarithmic.
bool imap_hits_have(const struct imap_hits *hits, uint32_t index);

/// Places [from, to) one by one.
struct imap_hits_iter {
    const struct imap_hits *hits;
    size_t run, left;
    uint32_t next;
};
struct imap_hits_iter imap_hits_iter_of(const struct imap_hits *hits, size_t from, size_t to);
bool imap_hits_next(struct imap_hits_iter *it, uint32_t *out_index);

/// For ascending ones: without those of `minus`; with those of `plus` too.
void imap_hits_subtract(struct imap_hits *hits, const struct imap_hits *minus);
void imap_hits_unite(struct imap_hits *hits, const struct imap_hits *plus);
