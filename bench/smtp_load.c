// SPDX-License-Identifier: ISC
//
// Load for the benchmark: N sessions at once send mails over SMTP to one server on this machine
// and measure each mail from MAIL to the reply to its final dot. One thread, epoll, no library, so
// that the load costs little beside the server it shares the cores with.
//
//   smtp_load PORT SESSIONS MAILS BYTES MAILS_PER_CONNECTION RECIPIENT_FORMAT RECIPIENTS
//
// RECIPIENT_FORMAT holds one %u, replaced by 0..RECIPIENTS-1 in turn. Prints one JSON object. Every
// mail has a Message-ID of its own. Exit 1 when any reply was not the expected one.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { GREETING, EHLO, MAIL, RCPT, DATA, DOT, QUIT };

struct session {
    int fd;
    enum state state;
    unsigned sent; // on this connection
    double started;
    char in[4096];
    size_t in_len;
    char out[512]; // short commands
    size_t out_at, out_len;
    size_t body_at; // BODY_BYTES: nothing of the body is waiting
    bool wants_write;
};

static struct {
    struct sockaddr_in to;
    int poll;
    unsigned sessions, mails, per_connection, recipients;
    const char *recipient_format;
    char *body; // dot and all
    size_t body_len;
    unsigned begun, done, failed, open;
    double *took;
    char first_error[256];
} load;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void watch(struct session *s, int how)
{
    struct epoll_event e = {.events = EPOLLIN | (s->wants_write ? EPOLLOUT : 0), .data.ptr = s};

    if (epoll_ctl(load.poll, how, s->fd, &e) < 0)
        die("epoll_ctl");
}

static void open_session(struct session *s)
{
    int one = 1;

    memset(s, 0, sizeof(*s));
    s->body_at = load.body_len;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    // A server with a short queue lets some wait; the others must go on meanwhile.
    if (s->fd < 0 ||
        (connect(s->fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 && errno != EINPROGRESS))
        die("connect");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    load.open++;
    watch(s, EPOLL_CTL_ADD);
}

static void close_session(struct session *s)
{
    close(s->fd);
    s->fd = -1;
    load.open--;
    if (load.begun < load.mails)
        open_session(s);
}

static bool send_some(struct session *s, const char *from, size_t *at, size_t len)
{
    while (*at < len) {
        ssize_t n = send(s->fd, from + *at, len - *at, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0) {
            if (errno != EAGAIN)
                die("send");
            return false;
        }
        *at += (size_t)n;
    }
    return true;
}

static void push(struct session *s)
{
    bool all = send_some(s, s->out, &s->out_at, s->out_len) &&
               send_some(s, load.body, &s->body_at, load.body_len);

    if (all == s->wants_write) {
        s->wants_write = !all;
        watch(s, EPOLL_CTL_MOD);
    }
}

__attribute__((format(printf, 3, 4))) static void say(struct session *s, enum state next,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    s->out_len = (size_t)vsnprintf(s->out, sizeof(s->out), format, args);
    va_end(args);
    s->out_at = 0;
    s->state = next;
    push(s);
}

static void next_mail(struct session *s)
{
    if (s->sent == load.per_connection || load.begun == load.mails) {
        say(s, QUIT, "QUIT\r\n");
        return;
    }
    s->sent++;
    load.begun++;
    s->started = now();
    say(s, MAIL, "MAIL FROM:<load@sender.test>\r\n");
}

static void send_body(struct session *s)
{
    static unsigned serial;

    s->body_at = 0;
    say(s, DOT, "Message-ID: <%u.%ld@sender.test>\r\n", serial++, (long)getpid());
}

static void answered(struct session *s, char code)
{
    static unsigned turn;
    static const char wanted[] = {'2', '2', '2', '2', '3', '2', '2'};
    char rcpt[256];

    if (code != wanted[s->state]) {
        if (!load.failed++)
            snprintf(load.first_error, sizeof(load.first_error), "state %d: %.200s", s->state,
                     s->in);
        s->state = QUIT;
    }
    switch (s->state) {
    case GREETING:
        say(s, EHLO, "EHLO load.sender.test\r\n");
        break;
    case EHLO:
        next_mail(s);
        break;
    case MAIL:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(rcpt, sizeof(rcpt), load.recipient_format, turn++ % load.recipients);
#pragma GCC diagnostic pop
        say(s, RCPT, "RCPT TO:<%s>\r\n", rcpt);
        break;
    case RCPT:
        say(s, DATA, "DATA\r\n");
        break;
    case DATA:
        send_body(s);
        break;
    case DOT:
        load.took[load.done++] = now() - s->started;
        next_mail(s);
        break;
    case QUIT:
        close_session(s);
        break;
    }
}

static void receive(struct session *s)
{
    ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - 1 - s->in_len, MSG_DONTWAIT);
    char *line_end;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) { // without a greeting no mail was begun: it is tried again
        if (s->state != QUIT && s->state != GREETING && !load.failed++)
            snprintf(load.first_error, sizeof(load.first_error), "connection lost");
        close_session(s);
        return;
    }
    s->in_len += (size_t)n;
    s->in[s->in_len] = '\0';
    while (s->fd >= 0 && (line_end = strchr(s->in, '\n'))) {
        bool last = s->in[3] != '-';
        char code = s->in[0];
        size_t used = (size_t)(line_end + 1 - s->in);

        if (last)
            s->in_len = 0; // nothing may follow: this client does not pipeline
        else
            memmove(s->in, s->in + used, s->in_len -= used);
        if (last) {
            answered(s, code);
            return;
        }
        s->in[s->in_len] = '\0';
    }
}

static void make_body(size_t bytes)
{
    static const char head[] =
        "From: load@sender.test\r\nTo: somebody@bench.test\r\nSubject: load\r\n"
        "Date: Sat, 01 Aug 2026 12:00:00 +0000\r\n\r\n";
    size_t len = sizeof(head) - 1;

    load.body = malloc(bytes + sizeof(head) + 128);
    if (!load.body)
        die("malloc");
    memcpy(load.body, head, len);
    while (len < bytes) {
        memset(load.body + len, 'a' + (int)(len % 26), 70);
        memcpy(load.body + len + 70, "\r\n", 2);
        len += 72;
    }
    memcpy(load.body + len, ".\r\n", 3);
    load.body_len = len + 3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report(double seconds)
{
    qsort(load.took, load.done, sizeof(double), by_size);
    printf("{\"mails\": %u, \"failed\": %u, \"seconds\": %.4f, \"per_second\": %.1f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"error\": \"",
           load.done, load.failed, seconds, load.done / seconds,
           load.done ? load.took[load.done / 2] * 1e3 : 0,
           load.done ? load.took[(size_t)(load.done * 0.99)] * 1e3 : 0);
    for (const char *p = load.first_error; *p; p++)
        putchar(*p < ' ' || *p == '"' || *p == '\\' ? ' ' : *p);
    printf("\"}\n");
}

static void run(struct session *all)
{
    struct epoll_event events[256];

    for (unsigned i = 0; i < load.sessions && load.open < load.mails; i++)
        open_session(&all[i]);
    while (load.open) {
        int n = epoll_wait(load.poll, events, 256, 60000);

        if (n <= 0)
            die("nothing happened for a minute");
        for (int i = 0; i < n; i++) {
            struct session *s = events[i].data.ptr;

            if (events[i].events & EPOLLOUT)
                push(s);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                receive(s);
        }
    }
}

int main(int argc, char **argv)
{
    struct session *all;
    double start;

    if (argc != 8) {
        fprintf(stderr, "usage: smtp_load PORT SESSIONS MAILS BYTES MAILS_PER_CONNECTION "
                        "RECIPIENT_FORMAT RECIPIENTS\n");
        return 64;
    }
    load.to = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    load.sessions = (unsigned)strtoul(argv[2], NULL, 10);
    load.mails = (unsigned)strtoul(argv[3], NULL, 10);
    make_body(strtoul(argv[4], NULL, 10));
    load.per_connection = (unsigned)strtoul(argv[5], NULL, 10);
    load.recipient_format = argv[6];
    load.recipients = (unsigned)strtoul(argv[7], NULL, 10);
    all = calloc(load.sessions, sizeof(*all));
    load.took = calloc(load.mails, sizeof(double));
    load.poll = epoll_create1(0);
    if (!all || !load.took || load.poll < 0 || !load.recipients || !load.per_connection)
        die("start");
    start = now();
    run(all);
    report(now() - start);
    return load.failed || load.done != load.mails;
}
