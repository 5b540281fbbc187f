// SPDX-License-Identifier: ISC
//
// Names to addresses by the machine's own resolver, for commands that connect once. The server has
// its own (route).
#pragma once

#include "base/buf.h"

/// Appends the numeric addresses of the host, one a line, in the order in which to try them.
/// Blocks. 0, -ENOENT (no such host), -EAGAIN (ask again later).
int os_resolve(const char *host, struct buf *out);
