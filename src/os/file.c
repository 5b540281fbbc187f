// SPDX-License-Identifier: ISC
#include "os/file.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

int os_file_read(const char *path, struct buf *out)
{
    CLEANUP(fd_drop) int fd = -1;
    char chunk[2048];
    ssize_t n;

    fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        buf_put(out, str_of(chunk, (size_t)n));
        if (!buf_ok(out))
            return -EFBIG;
    }
    return 0;
}

static int write_all(int fd, struct str content)
{
    while (content.len) {
        ssize_t n = write(fd, content.ptr, content.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        content = str_skip(content, (size_t)n);
    }
    return 0;
}

static int create(const char *path, struct str content, mode_t mode, int flags)
{
    CLEANUP(fd_drop) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
    int r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, content);
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    // Pipes and devices cannot be synced, and need not be.
    if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
        r = -errno;
    return r;
}

int os_file_create(const char *path, struct str content, mode_t mode)
{
    int r = create(path, content, mode, O_EXCL);

    if (r < 0 && r != -EEXIST)
        unlink(path);
    return r;
}

int os_file_replace(const char *path, struct str content, mode_t mode)
{
    CLEANUP(buf_drop) struct buf beside = {0};
    int r;

    buf_init(&beside, OS_PATH_MAX);
    buf_putf(&beside, "%s.new", path);
    if (!buf_cstr(&beside))
        return -ENAMETOOLONG;
    r = create(buf_cstr(&beside), content, mode, O_TRUNC);
    if (r == 0 && rename(buf_cstr(&beside), path) < 0)
        r = -errno;
    if (r < 0)
        unlink(buf_cstr(&beside));
    return r;
}

int os_directories_make(const char *path, mode_t mode)
{
    char part[OS_PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof part)
        return len ? -ENAMETOOLONG : -ENOENT;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -errno;
        part[i] = '/';
    }
    return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int os_file_first_line(const char *path, struct buf *out)
{
    CLEANUP(buf_drop) struct buf content = {0};
    struct str rest, line = STR_NONE;
    int r;

    buf_init(&content, 64 * 1024);
    r = os_file_read(path, &content);
    if (r < 0)
        return r;
    rest = buf_str(&content);
    str_split(&rest, '\n', &line);
    if (str_ends(line, STR("\r")))
        line.len--;
    buf_put(out, line);
    explicit_bzero(content.ptr ? content.ptr : (char[1]){0}, content.len);
    return buf_ok(out) ? 0 : -EFBIG;
}

int os_path_absolute(const char *path, struct buf *out)
{
    char here[OS_PATH_MAX];

    if (path[0] != '/') {
        if (!getcwd(here, sizeof here))
            return -errno;
        buf_putf(out, "%s/", here);
        while (strncmp(path, "./", 2) == 0)
            path += 2;
        if (strcmp(path, ".") == 0)
            path++;
    }
    buf_put(out, str_from(path));
    while (out->len > 1 && out->ptr[out->len - 1] == '/')
        out->len--;
    return buf_ok(out) ? 0 : -ENAMETOOLONG;
}
