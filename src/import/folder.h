// SPDX-License-Identifier: ISC
//
// Inside import: directories and files, read with care: no symbolic link below the top is followed,
// and nothing but plain files is opened.
#pragma once

#include "import/import.h"

/// The names in a directory, in the order of `before`.
struct folder {
    char **names;
    size_t count, cap;
};
enum folder_what { FOLDER_FILES = 1, FOLDER_DIRECTORIES = 2, FOLDER_LINKS = 4 };
/// Names of what is asked for, but "." and "..". 0 or -errno. folder_done in any case.
int folder_read(const char *path, unsigned what, struct folder *out);
void folder_done(struct folder *folder);
/// By number first ("9" before "10", "1700000000.M2" before "1700000001.M1"), then by bytes.
void folder_sort(struct folder *folder);
bool folder_has(const struct folder *folder, const char *name);
bool folder_is_directory(const char *path, const char *name);

/// Appends path "/" name. NULL when that is too long.
const char *folder_path(struct buf *out, const char *path, const char *name);

struct folder_file {
    int64_t modified; // seconds since 1970
    uint64_t size;
};
/// Appends the whole of a plain file; -EFBIG past the maximum of `out`, -EINVAL or -ELOOP (a
/// link): no plain file.
int folder_load(const char *path, struct buf *out, struct folder_file *about);

/// The words for an -errno about a message.
const char *folder_why(int error);
