// SPDX-License-Identifier: ISC
#include "os/shuttle.h"

#include "base/banned.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int os_unix_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, r;

    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/// 1: something was carried; 0: the end; -errno.
static int carry(int from, int to)
{
    char bytes[2048];
    ssize_t n = read(from, bytes, sizeof bytes);
    int r;

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : -errno;
    if (n == 0)
        return 0;
    r = write_all(to, bytes, (size_t)n);
    return r < 0 ? r : 1;
}

int os_shuttle(int fd)
{
    struct pollfd ends[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    int r = 1;

    while (r > 0) {
        if (poll(ends, 2, -1) < 0 && errno != EINTR) {
            r = -errno;
            break;
        }
        if (ends[0].revents && carry(STDIN_FILENO, fd) <= 0) {
            shutdown(fd, SHUT_WR);
            ends[0].fd = -1;
        }
        if (ends[1].revents)
            r = carry(fd, STDOUT_FILENO);
    }
    close(fd);
    return r;
}
