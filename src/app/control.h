// SPDX-License-Identifier: ISC
//
// The control socket of the running server: DATA/control.sock, for its owner and root alone. One
// JSON object a line asks for an operation; the answer is any number of lines {"progress": {...}}
// and then one {"exit": CODE, "result": {...}} or {"exit": CODE, "error": "..."}.
#pragma once

#include "rt/conn.h"

#include "app/site.h"

enum { CONTROL_LINE_MAX = 1 << 20 };

/// The socket's path; longer than a socket's name may be: one through /proc, kept open for ever.
int control_path(const char *data, struct buf *out);
/// Takes away what a killed server left and listens. The site must outlive the runtime.
int control_listen(struct site *site);
