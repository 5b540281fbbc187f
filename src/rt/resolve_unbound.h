// SPDX-License-Identifier: ISC
//
// Between the settings of libunbound (resolve_context.c) and the questions (resolve_unbound.c).
#pragma once

#include "rt/resolve.h"

#include <unbound.h>

/// A context ready for questions. 0, or -errno with a sentence in *why.
int rt_unbound_context(const struct rt_resolver_config *config, struct ub_ctx **out,
                       struct buf *why);
