// SPDX-License-Identifier: ISC
//
// What a path holds, by what it looks like: a Maildir has cur/ or new/, MH has numbers for names,
// an mbox begins with a "From " line.
#include "base/cleanup.h"
#include "mail/mh.h"
#include "import/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool is_mbox(const char *path)
{
    CLEANUP(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char head[1024];
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);

    return n > 0 && mbox_is_from_line(str_of(head, (size_t)n));
}

/// Of the files of one directory.
static enum import_kind kind_of_files(const char *path, const struct folder *files)
{
    for (size_t i = 0; i < files->count; i++) {
        CLEANUP(buf_drop) struct buf whole = {.max = IMPORT_NAME_MAX};
        const char *name = files->names[i];

        if (strcmp(name, ".mh_sequences") == 0 || strcmp(name, ".mh_profile") == 0 ||
            mh_number(str_from(name)))
            return IMPORT_MH;
        if (name[0] != '.' && folder_path(&whole, path, name) && is_mbox(buf_cstr(&whole)))
            return IMPORT_MBOX;
    }
    return IMPORT_UNKNOWN;
}

static int look(const char *path, unsigned depth, enum import_kind *out)
{
    CLEANUP(folder_done) struct folder files = {0}, folders = {0};
    int r = folder_read(path, FOLDER_DIRECTORIES, &folders);

    if (r == 0)
        r = folder_read(path, FOLDER_FILES, &files);
    if (r < 0)
        return r;
    if (folder_has(&folders, "cur") || folder_has(&folders, "new"))
        *out = IMPORT_MAILDIR;
    else
        *out = kind_of_files(path, &files);
    folder_sort(&folders);
    for (size_t i = 0; *out == IMPORT_UNKNOWN && depth < IMPORT_DEPTH_MAX && i < folders.count;
         i++) {
        CLEANUP(buf_drop) struct buf whole = {.max = IMPORT_NAME_MAX};
        const char *at = folder_path(&whole, path, folders.names[i]);

        if (at)
            look(at, depth + 1, out); // what cannot be read tells nothing
    }
    return 0;
}

int import_kind_find(const char *path, enum import_kind *out)
{
    struct stat st;

    *out = IMPORT_UNKNOWN;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return look(path, 0, out);
    if (access(path, R_OK) < 0)
        return -errno;
    if (st.st_size == 0 || is_mbox(path))
        *out = IMPORT_MBOX;
    return 0;
}
