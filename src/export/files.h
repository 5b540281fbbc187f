// SPDX-License-Identifier: ISC
//
// Inside export: files that become durable before they get their name.
#pragma once

#include "base/buf.h"

#include <sys/types.h>

enum { EXPORT_PATH_MAX = 4096 };

/// All of it, at the end of the file. 0 or -errno.
int files_write(int fd, struct str bytes);
/// What was renamed, made or removed in the directory is on disk then.
int files_sync_directory(const char *path);
