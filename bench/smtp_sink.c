// SPDX-License-Identifier: ISC
//
// The other end of the relaying benchmark: takes every mail, keeps none. Speaks EHLO with PIPELINING
// and 8BITMIME, no CHUNKING, as both servers can. One thread, epoll, no library.
//
//   smtp_sink PORT     (0: the kernel chooses)
//
// Prints the port first, then the number of recipients served so far, a line each 20 ms in which it
// changed.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_MAX = 65536, OUT_MAX = 16384 };

struct session {
    int fd;
    bool in_data, is_over;
    unsigned rcpts;
    size_t in_len, out_len;
    char in[IN_MAX], out[OUT_MAX];
};

static unsigned long taken;

static void say(struct session *s, const char *text)
{
    size_t len = strlen(text);

    if (s->out_len + len > OUT_MAX) {
        s->is_over = true;
        return;
    }
    memcpy(s->out + s->out_len, text, len);
    s->out_len += len;
}

static void on_command(struct session *s, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        say(s, "250-sink\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250 8BITMIME\r\n");
    } else if (strncasecmp(line, "RCPT", 4) == 0) {
        s->rcpts++;
        say(s, "250 2.1.5 ok\r\n");
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        s->in_data = true;
        say(s, "354 go on\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        say(s, "221 2.0.0 bye\r\n");
        s->is_over = true;
    } else {
        if (strncasecmp(line, "RSET", 4) == 0 || strncasecmp(line, "MAIL", 4) == 0)
            s->rcpts = 0;
        say(s, "250 2.0.0 ok\r\n");
    }
}

static void on_line(struct session *s, const char *line, size_t len)
{
    if (!s->in_data) {
        on_command(s, line);
    } else if (len == 1 && line[0] == '.') {
        s->in_data = false;
        taken += s->rcpts;
        s->rcpts = 0;
        say(s, "250 2.0.0 taken\r\n");
    }
}

static void eat_lines(struct session *s)
{
    char *at = s->in, *end = s->in + s->in_len, *lf;

    while ((lf = memchr(at, '\n', (size_t)(end - at)))) {
        size_t len = (size_t)(lf - at);

        if (len && at[len - 1] == '\r')
            len--;
        at[len] = '\0';
        on_line(s, at, len);
        at = lf + 1;
    }
    s->in_len = (size_t)(end - at);
    memmove(s->in, at, s->in_len);
    if (s->in_len == IN_MAX)
        s->is_over = true;
}

/// False: the connection has ended.
static bool serve(struct session *s)
{
    ssize_t got;

    while ((got = recv(s->fd, s->in + s->in_len, IN_MAX - s->in_len, MSG_DONTWAIT)) > 0) {
        s->in_len += (size_t)got;
        eat_lines(s);
        // Answers are short: they always fit.
        if (s->out_len && send(s->fd, s->out, s->out_len, MSG_NOSIGNAL) != (ssize_t)s->out_len)
            return false;
        s->out_len = 0;
        if (s->is_over)
            return false;
    }
    return got < 0 && errno == EAGAIN;
}

static void greet(int poll, int listener)
{
    struct session *s;
    struct epoll_event event = {.events = EPOLLIN};
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return;
    s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->fd = fd;
    event.data.ptr = s;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    if (send(fd, "220 sink ESMTP\r\n", 16, MSG_NOSIGNAL) != 16)
        perror("greeting");
}

static void tell(void)
{
    static unsigned long told = (unsigned long)-1;

    if (told != taken)
        printf("%lu\n", told = taken);
    fflush(stdout);
}

static int listen_at(unsigned long port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(at);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1000) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        perror("smtp_sink");
        exit(1);
    }
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[256], event = {.events = EPOLLIN};
    int listener, poll = epoll_create1(0);

    if (argc != 2) {
        fputs("usage: smtp_sink PORT\n", stderr);
        return 64;
    }
    listener = listen_at(strtoul(argv[1], NULL, 10));
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poll, events, 256, 20);

        for (int i = 0; i < count; i++) {
            struct session *s = events[i].data.ptr;

            if (!s) {
                greet(poll, listener);
            } else if (!serve(s)) {
                close(s->fd);
                free(s);
            }
        }
        tell();
    }
}
