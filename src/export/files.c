// SPDX-License-Identifier: ISC
#include "export/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int files_write(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno != EINTR)
            return -errno;
        bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

int files_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return r;
}
