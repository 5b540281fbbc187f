// SPDX-License-Identifier: ISC
#include "os/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

bool os_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

static int read_line(int fd, struct buf *out)
{
    size_t before = out->len;
    char c;

    for (;;) {
        ssize_t n = read(fd, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return out->len > before ? 0 : -ECANCELED;
        if (c == '\n')
            return buf_ok(out) ? 0 : -EMSGSIZE;
        buf_put_char(out, c);
    }
}

static int ask(const char *prompt, bool echo, struct buf *out)
{
    struct termios before, quiet;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    int r;

    if (fd < 0)
        return -ENOTTY;
    if (tcgetattr(fd, &before) < 0) {
        close(fd);
        return -ENOTTY;
    }
    quiet = before;
    if (!echo)
        quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    r = write(fd, prompt, strlen(prompt)) < 0 ? -errno : read_line(fd, out);
    tcsetattr(fd, TCSAFLUSH, &before);
    if (!echo && write(fd, "\n", 1) < 0 && r == 0)
        r = -errno;
    close(fd);
    return r;
}

int os_password_ask(const char *prompt, struct buf *out)
{
    return ask(prompt, false, out);
}

int os_line_ask(const char *prompt, struct buf *out)
{
    return ask(prompt, true, out);
}
