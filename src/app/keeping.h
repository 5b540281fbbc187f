// SPDX-License-Identifier: ISC
//
// What fsck and restore have in common: which directory, and what was found in it.
#pragma once

#include "store/keep.h"

#include "app/command.h"

#include <jansson.h>

/// DATA of --data or of the configuration; becomes the user it belongs to. An exit code.
int keeping_data(const struct call *call, struct buf *out);
/// What a failure means and what to do. An exit code.
int keeping_failed(const struct call *call, const char *data, int error);
/// Prints the report, or with --json report and findings. An exit code: 65 when something is wrong.
int keeping_tell(const struct call *call, const struct fsck_report *report, json_t *findings);
