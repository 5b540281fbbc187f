// SPDX-License-Identifier: ISC
//
// Small files of the outer world, read and written whole: configuration, passwords, certificates,
// the list of ports. What belongs to the store goes through rt/disk.h instead.
#pragma once

#include "base/buf.h"

#include <sys/types.h>

enum { OS_PATH_MAX = 2048 }; // bytes of a path with its NUL

/// Appends the whole file; -EFBIG past the maximum of `out`. "-" is the standard input.
int os_file_read(const char *path, struct buf *out);
/// Written beside, synced and renamed over `path`, so that no reader sees half of it.
int os_file_replace(const char *path, struct str content, mode_t mode);
/// Makes a file that was not there; -EEXIST when it was.
int os_file_create(const char *path, struct str content, mode_t mode);
/// The directory and those above it that are missing. The last gets `mode`, the others 0755.
int os_directories_make(const char *path, mode_t mode);
/// The first line of a file, without its line end: how passwords are kept for scripts.
int os_file_first_line(const char *path, struct buf *out);
/// The absolute path, whether the file exists or not.
int os_path_absolute(const char *path, struct buf *out);
