// SPDX-License-Identifier: ISC
//
// A summary made from a stored message.
#pragma once

#include "summary/inside.h"

/// [await] Small ones on the loop, others on a thread of `pool` (NULL: one of its own). 0 or what
/// the store said.
int summary_load(struct store *store, struct rt_pool *pool, const struct store_body_ref *ref,
                 struct summary *out);
