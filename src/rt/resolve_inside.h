// SPDX-License-Identifier: ISC
//
// What stands behind rt/resolve.h: one way to ask the real world (resolve_unbound.c), one to ask a
// table (sim/resolve.c).
#pragma once

#include "rt/inside.h"
#include "rt/resolve.h"

struct rt_question {
    struct str name; // lower case, no dot at the end, NUL behind it
    enum dns_type type;
    struct arena *arena;
};

struct rt_resolver {
    void (*free)(struct rt_resolver *resolver);
    /// [await] As rt_resolve; *out is DNS_FAILED without a word before.
    int (*ask)(struct rt_resolver *resolver, const struct rt_question *question,
               struct dns_answer *out);
};

/// A text for `why`, in the arena.
__attribute__((format(printf, 2, 3))) struct str rt_answer_why(struct arena *arena,
                                                               const char *format, ...);
/// Reads the data of `count` records into *out: FOUND, or FAILED when none can be read or the arena
/// has no room for them. Touches nothing else.
void rt_answer_records(const struct rt_question *question, const struct str *data, size_t count,
                       struct dns_answer *out);
/// Lower case, no dot at the end, in the arena.
struct str rt_answer_name(struct arena *arena, struct str name);
