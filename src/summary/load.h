// SPDX-License-Identifier: ISC
//
// A summary made from a stored message.
#pragma once

#include "summary/inside.h"

/// Messages that are summed up one after the other; the small ones among them are read together.
enum { SUMMARY_AHEAD_MAX = 32 };
struct summary_ahead {
    struct store *store;
    struct rt_pool *pool;
    char *bytes; // of those in pieces
    struct store_body_piece pieces[SUMMARY_AHEAD_MAX];
    size_t count, next;
    uint64_t readings;
};
void summary_ahead_done(struct summary_ahead *ahead);
/// [await] What summary_load says of refs[0]. The next call is for a later one of `refs`; those not
/// wanted in between are NULL there.
int summary_ahead_load(struct summary_ahead *ahead, const struct store_body_ref *const *refs,
                       size_t count, struct summary *out);

/// [await] Small ones on the loop, others on a thread of `pool` (NULL: one of its own). 0 or what
/// the store said.
int summary_load(struct store *store, struct rt_pool *pool, const struct store_body_ref *ref,
                 struct summary *out);
