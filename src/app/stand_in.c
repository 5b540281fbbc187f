// SPDX-License-Identifier: ISC
#include "app/stand_in.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/shuttle.h"
#include "log/log.h"

#include "app/control.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 200, // while another stand-in, or a server, is on its way out
    PAUSE_MS = 50,
    GRACE_MS = 10000,
};

// What the child says: one byte, and then perhaps words.
#define READY 'R'
#define LOCKED 'L' // another process has the store
#define FAILED 'F'

// ---- the child

struct standing {
    struct site site;
    struct buf why;
    int fd;
    int opened; // what site_open answered
};

static void say(int fd, char what, const struct buf *why)
{
    CLEANUP(buf_drop) struct buf text = {.max = 64 * 1024 + 1};

    buf_put_char(&text, what);
    if (why)
        buf_put(&text, buf_str(why));
    // who does not hear it has gone, and this process follows
    (void)!write(fd, text.ptr, text.len);
}

/// Until the command has gone: its end of the pair is closed.
static int wait_for_end(void *arg)
{
    int fd = *(int *)arg;
    char c;
    ssize_t n;

    do {
        n = read(fd, &c, 1);
    } while (n > 0 || (n < 0 && errno == EINTR));
    return 0;
}

static int stand(void *arg)
{
    struct standing *s = arg;
    struct rt_waiter end;
    int r = site_open(&s->site, &s->why);

    s->opened = r;
    if (r == 0) {
        r = control_listen(&s->site);
        if (r < 0)
            buf_putf(&s->why, "the control socket: %s", strerror(-r));
    }
    say(s->fd, r == 0 ? READY : s->opened == -EWOULDBLOCK ? LOCKED : FAILED, &s->why);
    if (r == 0)
        rt_call_aside(wait_for_end, &s->fd);
    rt_drain(s->site.rt, r == 0 ? GRACE_MS : 0);
    rt_waiter_init(&end);
    rt_wait(&end, true);
    site_close(&s->site);
    return 0;
}

static int run_child(const struct app_config *config, int fd)
{
    struct standing *s = calloc(1, sizeof *s);
    struct rt_config one = {.loops = 1};
    struct rt *rt;

    CHECK(s);
    s->fd = fd;
    buf_init(&s->why, 64 * 1024);
    if (site_init(&s->site, config) < 0 || site_become_user(s->site.settings, false, &s->why) < 0 ||
        rt_new(&one, &rt) < 0) {
        say(fd, FAILED, &s->why);
        return 1;
    }
    umask(077);
    CHECK(site_prepare(&s->site, rt) == 0);
    rt_run(rt, stand, s);
    site_finish(&s->site);
    rt_free(rt);
    buf_done(&s->why);
    free(s);
    return 0;
}

// ---- the command

/// 0: somebody answers there.
static int knock(const struct site *site)
{
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};
    int fd, r = control_path(site->data, &path);

    if (r < 0)
        return r;
    fd = os_unix_connect(buf_cstr(&path));
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int make(const struct app_config *config, struct stand_in *out)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    fflush(NULL);
    out->child = fork();
    if (out->child < 0) {
        close(pair[0]);
        close(pair[1]);
        return -errno;
    }
    if (out->child == 0) {
        // the terminal's Ctrl-C is for the command; its end is ours
        signal(SIGINT, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        close(pair[0]);
        log_set_level(LOG_ERROR);
        _exit(run_child(config, pair[1]));
    }
    close(pair[1]);
    out->fd = pair[0];
    return 0;
}

/// What it says first; *why gets the words. '\0': nothing, it died.
static char hear(const struct stand_in *server, struct buf *why)
{
    char text[1024];
    ssize_t n;

    do {
        n = read(server->fd, text, sizeof text);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return '\0';
    buf_put(why, str_of(text + 1, (size_t)n - 1));
    return text[0];
}

static void pause_for_a_moment(void)
{
    struct timespec t = {.tv_nsec = PAUSE_MS * 1000000L};

    nanosleep(&t, NULL);
}

/// EX_OK, EX_TEMPFAIL to try again, or another exit code with words in *why.
static int try_once(const struct site *site, const struct app_config *config, struct stand_in *out,
                    struct buf *why)
{
    int r = knock(site);
    char answer;

    *out = (struct stand_in){.fd = -1};
    if (r == 0)
        return EX_OK;
    if (r == -EACCES || r == -EPERM) {
        buf_putf(why, "%s belongs to somebody else; use that user, or root", site->data);
        return EX_NOPERM;
    }
    if (r != -ENOENT && r != -ECONNREFUSED) {
        buf_putf(why, "the control socket in %s: %s", site->data, strerror(-r));
        return EX_UNAVAILABLE;
    }
    r = make(config, out);
    if (r < 0) {
        buf_putf(why, "no process: %s", strerror(-r));
        return EX_OSERR;
    }
    answer = hear(out, why);
    if (answer == READY)
        return EX_OK;
    stand_in_end(out);
    return answer == LOCKED ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

int stand_in_begin(const struct call *call, const struct app_config *config, struct stand_in *out)
{
    CLEANUP(buf_drop) struct buf why = {.max = 64 * 1024};
    struct site site;
    int code = EX_CONFIG;

    if (site_init(&site, config) < 0)
        return call_fail(call, EX_CONFIG, "data: the path is too long");
    for (int i = 0; i < TRIES; i++) {
        buf_clear(&why);
        code = try_once(&site, config, out, &why);
        if (code != EX_TEMPFAIL)
            break;
        pause_for_a_moment();
    }
    return code == EX_OK ? EX_OK
                         : call_fail(call, code, "%s", why.len ? buf_cstr(&why) : "no store");
}

void stand_in_end(struct stand_in *server)
{
    if (server->child <= 0)
        return;
    close(server->fd);
    while (waitpid(server->child, NULL, 0) < 0 && errno == EINTR)
        ;
    server->child = 0;
}
