// SPDX-License-Identifier: ISC
#include "import/folder.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void dir_drop(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

// ---- directories

void folder_done(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        free(folder->names[i]);
    free(folder->names);
    *folder = (struct folder){0};
}

static void add(struct folder *folder, const char *name)
{
    if (folder->count == folder->cap) {
        folder->cap = folder->cap ? 2 * folder->cap : 64;
        folder->names = realloc(folder->names, folder->cap * sizeof *folder->names);
        CHECK(folder->names);
    }
    folder->names[folder->count] = strdup(name);
    CHECK(folder->names[folder->count++]);
}

static unsigned what_is(DIR *dir, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type == DT_REG)
        return FOLDER_FILES;
    if (entry->d_type == DT_DIR)
        return FOLDER_DIRECTORIES;
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return S_ISREG(st.st_mode)   ? FOLDER_FILES
           : S_ISDIR(st.st_mode) ? FOLDER_DIRECTORIES
           : S_ISLNK(st.st_mode) ? FOLDER_LINKS
                                 : 0;
}

int folder_read(const char *path, unsigned what, struct folder *out)
{
    CLEANUP(dir_drop) DIR *dir = opendir(path);
    struct dirent *entry;

    *out = (struct folder){0};
    if (!dir)
        return -errno;
    while ((errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (out->count == IMPORT_ENTRIES_MAX)
            return -EFBIG;
        if (what_is(dir, entry) & what)
            add(out, entry->d_name);
    }
    return -errno;
}

/// Compares the numbers at their beginnings, without a bound on their length.
static int by_number(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    size_t n = strspn(x, "0123456789"), m = strspn(y, "0123456789");

    return n != m && n && m ? (n > m) - (n < m) : strcmp(x, y);
}

void folder_sort(struct folder *folder)
{
    if (folder->count)
        qsort(folder->names, folder->count, sizeof *folder->names, by_number);
}

bool folder_has(const struct folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++)
        if (strcmp(folder->names[i], name) == 0)
            return true;
    return false;
}

bool folder_is_directory(const char *path, const char *name)
{
    CLEANUP(buf_drop) struct buf whole = {.max = IMPORT_NAME_MAX};
    const char *at = folder_path(&whole, path, name);
    struct stat st;

    return at && lstat(at, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *folder_path(struct buf *out, const char *path, const char *name)
{
    buf_put(out, str_from(path));
    if (!str_ends(buf_str(out), STR("/")))
        buf_put_char(out, '/');
    buf_put(out, str_from(name));
    return buf_cstr(out);
}

// ---- files

int folder_load(const char *path, struct buf *out, struct folder_file *about)
{
    CLEANUP(fd_drop)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    struct stat st;
    ssize_t n = 1;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((uint64_t)st.st_size > out->max - out->len)
        return -EFBIG;
    *about = (struct folder_file){.modified = st.st_mtime, .size = (uint64_t)st.st_size};
    while (n != 0) {
        size_t room = (size_t)st.st_size + 1 > out->len ? (size_t)st.st_size + 1 - out->len : 65536;
        char *to = buf_room(out, room < out->max - out->len ? room : out->max - out->len);

        if (!to)
            return -EFBIG;
        n = read(fd, to, room < out->max - out->len ? room : out->max - out->len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            buf_added(out, (size_t)n);
        if (out->len == out->max)
            break;
    }
    return 0;
}

const char *folder_why(int error)
{
    switch (error) {
    case -EFBIG:
        return "it is larger than what is taken";
    case -EINVAL:
    case -ELOOP:
        return "it is no plain file";
    default:
        return strerror(-error);
    }
}
