// SPDX-License-Identifier: ISC
//
// The secret behind our return paths (mail/return_path.h): made once at random, kept as a document
// of the store, so that reports find their mail after a restart, too.
#pragma once

#include "base/buf.h"
#include "store/store.h"

/// [await] Appends it. 0 or -errno.
int queue_secret_load(struct store *store, struct buf *out);
