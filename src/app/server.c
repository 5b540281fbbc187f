// SPDX-License-Identifier: ISC
#include "app/server.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/file.h"
#include "os/process.h"
#include "log/log.h"
#include "trace/trace.h"
#include "rt/tls.h"
#include "account/account.h"
#include "search/search.h"
#include "summary/summary.h"
#include "deliver/deliver.h"
#include "send/send.h"
#include "route/route.h"
#include "queue/queue.h"
#include "queue/secret.h"
#include "queue/suppress.h"
#include "receive/receive.h"
#include "serve/imap/imap.h"
#include "serve/pop3/pop3.h"
#include "listen/listen.h"

#include "app/certificates.h"
#include "app/control.h"
#include "app/reports.h"
#include "app/server_inside.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum { CERTIFICATES_ARENA_MAX = 1 << 20, GOODBYE_MS = 1000 };

/// The names of the ports in DATA/ports, for scripts.
static const char *const port_keys[LISTEN_PORTS] = {
    [LISTEN_SMTP] = "SMTP_PORT",
    [LISTEN_SUBMISSION] = "SUBMISSION_PORT",
    [LISTEN_SUBMISSION_ALT] = "SUBMISSION_ALT_PORT",
    [LISTEN_SUBMISSIONS] = "SUBMISSIONS_PORT",
    [LISTEN_IMAP] = "IMAP_PORT",
    [LISTEN_IMAPS] = "IMAPS_PORT",
    [LISTEN_POP3] = "POP3_PORT",
    [LISTEN_POP3S] = "POP3S_PORT",
    [LISTEN_LMTP] = "LMTP_PORT",
};

static int refuse(struct server *s, int code, const char *what, int error)
{
    s->code = code;
    if (s->why.len == 0)
        buf_putf(&s->why, "%s: %s", what, strerror(-error));
    return -ECANCELED;
}

// ---- building the rooms, ground floor to roof

static int make_tls(struct server *s)
{
    struct rt_tls_config config;
    struct arena arena;
    int r;

    arena_init(&arena, CERTIFICATES_ARENA_MAX);
    r = certificates_of(s->config, &arena, &config, &s->why);
    if (r == 0 && config.count)
        r = rt_tls_new(&config, &s->tls, &s->why);
    else if (r == 0)
        log_event(LOG_WARN, "app/server", "no certificate: no TLS, and nobody can sign in");
    arena_done(&arena);
    return r < 0 ? refuse(s, EX_CONFIG, "certificate", r) : 0;
}

/// How the certificates of other servers are looked at: route says it host by host.
static int make_tls_client(struct server *s)
{
    const struct queue_config *config = APP_CONFIG(s->config, queue_config, queue_settings);
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};
    struct rt_tls_client_config client = {.verify = true};
    int r;

    if (config->authorities.len && site_path(s->config, config->authorities, &path) == 0)
        client.ca_path = buf_cstr(&path);
    r = rt_tls_client_new(&client, &s->tls_client, &s->why);
    return r < 0 ? refuse(s, EX_CONFIG, "queue.authorities", r) : 0;
}

static int make_receive(struct server *s)
{
    struct receive_doors doors = {
        .config = APP_CONFIG(s->config, receive_config, receive_settings),
        .accounts = s->site.accounts,
        .route = &s->way.route,
        .queue = &s->queue,
        .tls = s->tls,
    };

    doors.host_name = s->way.route.host_name;
    return receive_new(&doors, &s->receive);
}

/// What was worked out of messages, kept; without it reading is only slower.
static int open_derived(struct server *s)
{
    const struct search_config *config = APP_CONFIG(s->config, search_config, search_settings);
    int r;

    if (!search_config_is_valid(config, &s->why))
        return refuse(s, EX_CONFIG, "section search", -EINVAL);
    r = summaries_open(s->site.rt, s->site.data, &s->summaries);
    if (r == 0)
        r = summaries_start(s->summaries, s->site.store);
    if (r == 0)
        r = search_open(s->site.rt, s->site.data, s->site.store, config, &s->search);
    return r < 0 ? r : search_start(s->search);
}

static int make_readers(struct server *s)
{
    struct pop3_doors pop3 = {
        .config = APP_CONFIG(s->config, pop3_config, pop3_settings),
        .accounts = s->site.accounts,
        .store = s->site.store,
        .tls = s->tls,
    };
    struct imap_doors imap = {
        .rt = s->site.rt,
        .config = APP_CONFIG(s->config, imap_config, imap_settings),
        .accounts = s->site.accounts,
        .store = s->site.store,
        .search = s->search,
        .access = s->site.access,
        .summaries = s->summaries,
        .tls = s->tls,
    };
    int r = pop3_new(&pop3, &s->pop3);

    return r < 0 ? r : imap_new(&imap, &s->imap);
}

static int make_rooms(struct server *s)
{
    int r;

    if (!queue_config_is_valid(APP_CONFIG(s->config, queue_config, queue_settings), &s->why))
        return refuse(s, EX_CONFIG, "section queue", -EINVAL);
    r = way_open(&s->site, &s->way, &s->why);
    if (r < 0)
        return refuse(s, EX_CONFIG, "the resolver", r);
    r = queue_secret_load(s->site.store, &s->return_secret);
    if (r < 0)
        return refuse(s, EX_IOERR, "the secret of return paths", r);
    s->way.route.secret = buf_str(&s->return_secret);
    r = queue_suppress_open(s->site.store, &s->suppress);
    if (r < 0)
        return refuse(s, EX_IOERR, "the suppressed addresses", r);
    s->queue = (struct queue){
        .store = s->site.store,
        .route = &s->way.route,
        .deliver = APP_CONFIG(s->config, deliver_config, deliver_settings),
        .suppress = s->suppress,
        .config = APP_CONFIG(s->config, queue_config, queue_settings),
        .send = APP_CONFIG(s->config, send_config, send_settings),
        .host_name = s->way.route.host_name,
    };
    if (!listen_config_is_valid(APP_CONFIG(s->config, listen_config, listen_settings), &s->why))
        return refuse(s, EX_CONFIG, app_config_path(s->config), -EINVAL);
    r = make_tls(s);
    if (r == 0)
        r = make_tls_client(s);
    if (r < 0)
        return r;
    s->queue.tls_client = s->tls_client;
    r = rt_pool_new(s->site.rt, "send", 1, 64, &s->send_pool);
    if (r < 0)
        return refuse(s, EX_OSERR, "a thread", r);
    s->queue.pool = s->send_pool;
    r = make_receive(s);
    if (r < 0)
        return refuse(s, EX_CONFIG, "receive", r);
    r = open_derived(s);
    if (r == 0)
        r = make_readers(s);
    return r < 0 ? refuse(s, EX_SOFTWARE, "serve", r) : 0;
}

static int open_ports(struct server *s)
{
    struct listen_services services = {
        .receive = s->receive,
        .imap = &imap_protocol,
        .imap_context = s->imap,
        .pop3 = &pop3_protocol,
        .pop3_context = s->pop3,
        .tls = s->tls,
        .relay_networks = &APP_CONFIG(s->config, route_config, route_settings)->relay_networks,
    };
    const struct listen_config *config = APP_CONFIG(s->config, listen_config, listen_settings);
    CLEANUP(buf_drop) struct buf sendmail = {.max = OS_PATH_MAX};
    int r;

    if (config->sendmail.len > 0 && site_path(s->config, config->sendmail, &sendmail) == 0)
        services.sendmail = buf_cstr(&sendmail);
    r = listen_open(s->site.rt, config, &services, &s->listen, &s->why);

    if (r < 0)
        return refuse(s, r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, "listen", r);
    r = control_listen(&s->site);
    return r < 0 ? refuse(s, EX_CANTCREAT, "the control socket", r) : 0;
}

// ---- telling that it serves

static int write_ports(const struct server *s)
{
    CLEANUP(buf_drop) struct buf path = {0};
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&path, OS_PATH_MAX);
    buf_init(&text, 1024);
    buf_putf(&path, "%s/ports", s->site.data);
    buf_putf(&text, "PID=%ld\n", (long)getpid());
    for (int i = 0; i < LISTEN_PORTS; i++)
        buf_putf(&text, "%s=%u\n", port_keys[i], listen_port(s->listen, (enum listen_port)i));
    return os_file_replace(buf_cstr(&path), buf_str(&text), 0644);
}

static void say_serving(const struct server *s)
{
    CLEANUP(buf_drop) struct buf line = {0};
    const char *between = ": ";

    buf_init(&line, 2048);
    buf_put(&line, STR("carteiro: serving "));
    site_hostname(server_settings_now(s), &line);
    for (int i = 0; i < LISTEN_PORTS; i++) {
        uint16_t port = listen_port(s->listen, (enum listen_port)i);

        if (port) {
            buf_putf(&line, "%s%s %u", between, listen_port_name((enum listen_port)i), port);
            between = ", ";
        }
    }
    puts(buf_cstr(&line));
    fflush(stdout);
    sd_notify(0, "READY=1");
    log_event(LOG_INFO, "app/server", buf_cstr(&line) + strlen("carteiro: "));
}

/// Without them mail goes its way all the same.
static void begin_stories(struct server *s)
{
    char dir[OS_PATH_MAX + 8];
    int r;

    snprintf(dir, sizeof dir, "%s/trace", s->site.data);
    r = trace_open(dir, APP_CONFIG(s->config, trace_config, trace_settings), &s->trace);
    if (r < 0)
        log_failure("app/server", "no stories are kept", r);
}

struct queue *server_queue(struct server *s)
{
    return &s->queue;
}

const struct route *server_route(const struct server *s)
{
    return &s->way.route;
}

struct search *server_search(const struct server *s)
{
    return s->search;
}

struct trace *server_trace(const struct server *s)
{
    return s->trace;
}

static int start_queue(struct server *s)
{
    int r = s->is_stopping ? 0 : queue_start(&s->queue);

    return r < 0 ? refuse(s, EX_SOFTWARE, "queue", r) : 0;
}

static int bring_up(struct server *s)
{
    int r = site_open(&s->site, &s->why);

    if (r < 0)
        return refuse(s, r == -EWOULDBLOCK ? EX_TEMPFAIL : EX_NOINPUT, "", r);
    begin_stories(s);
    r = make_rooms(s);
    if (r == 0)
        r = start_queue(s);
    if (r == 0)
        r = open_ports(s);
    if (r < 0)
        return r;
    if (!s->is_stopping)
        reports_start(s);
    r = write_ports(s);
    return r < 0 ? refuse(s, EX_CANTCREAT, "DATA/ports", r) : 0;
}

static void reload(struct server *s)
{
    CLEANUP(buf_drop) struct buf why = {0};
    json_t *result = json_object();

    buf_init(&why, 32 * 1024);
    if (server_reload(s, result, &why) != EX_OK) {
        struct log_line l;

        log_begin(&l, LOG_ERROR, "app/server", "reload refused, all stays as it was");
        log_str(&l, "why", buf_str(&why));
        log_end(&l);
    }
    json_decref(result);
}

/// The rooms are there only when all is up: a signal that comes before waits until then. However
/// many come while a reload runs, one more does for all of them.
static int on_reload(void *arg)
{
    struct server *s = arg;

    s->reload_waits = true;
    if (!s->is_up || s->is_reloading)
        return 0;
    s->is_reloading = true;
    while (s->reload_waits && !rt_is_draining(s->site.rt)) {
        s->reload_waits = false;
        reload(s);
    }
    s->is_reloading = false;
    return 0;
}

/// The first task, and the last: it brings all up, waits until every session has ended, and closes
/// the store, which must have its runtime for that.
static int serve(void *arg)
{
    struct server *s = arg;
    struct rt_waiter end;

    s->is_up = bring_up(s) == 0;
    if (s->is_up && s->reload_waits)
        on_reload(s);
    if (s->is_up)
        say_serving(s);
    else
        rt_drain(s->site.rt, 0);
    rt_waiter_init(&end);
    rt_wait(&end, true);
    route_state_end(s->way.state);
    queue_stop(&s->queue, 0);
    reports_stop(s);
    search_stop(s->search);
    summaries_stop(s->summaries);
    site_close(&s->site);
    return 0;
}

// ---- signals

/// What goes out comes to its end first, for that ends no session; both together within the grace,
/// but for the second in which sessions say goodbye.
static void stop(struct server *s)
{
    uint64_t grace = server_settings_now(s)->grace, begun_us = rt_now_us(), took;

    s->is_stopping = true;
    route_state_end(s->way.state); // who fetches a policy for a mail does not wait for it
    queue_stop(&s->queue, (uint32_t)grace);
    reports_stop(s);
    took = (rt_now_us() - begun_us) / 1000;
    rt_drain(s->site.rt, (uint32_t)(took + GOODBYE_MS < grace ? grace - took : GOODBYE_MS));
}

static int on_stop(void *arg)
{
    struct server *s = arg;

    if (s->is_stopping) {
        // As safe as a power cut: what was acknowledged is on disk.
        log_event(LOG_WARN, "app/server", "told twice to stop: ending at once");
        log_stop();
        _exit(EX_TEMPFAIL);
    }
    log_event(LOG_INFO, "app/server", "stopping: no new connections, running commands finish");
    sd_notify(0, "STOPPING=1");
    stop(s);
    return 0;
}

static int on_dump(void *arg)
{
    rt_dump(((struct server *)arg)->site.rt);
    return 0;
}

// ---- the process

/// While it is root, perhaps: the directory of a socket belongs to whom it becomes.
static void make_socket_directory(const struct server *s, enum server_socket socket)
{
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX}, user = {.max = 256};
    uid_t uid;
    gid_t gid;

    if (!server_socket_directory(s, socket, &path) || access(buf_cstr(&path), F_OK) == 0)
        return;
    // what cannot be made here is told when the socket cannot be opened
    if (os_directories_make(buf_cstr(&path), 0755) < 0 || !s->site.settings->user.len)
        return;
    buf_put(&user, s->site.settings->user);
    if (geteuid() == 0 && os_user_find(buf_cstr(&user), &uid, &gid) == 0 &&
        chown(buf_cstr(&path), uid, gid) < 0)
        log_failure("app/server", "the directory of a socket", -errno);
}

static int prepare_process(struct server *s)
{
    uint64_t descriptors;

    for (enum server_socket i = 0; i < SERVER_SOCKETS; i++)
        make_socket_directory(s, i);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    os_descriptors_raise(&descriptors);
    if (site_become_user(s->site.settings, true, &s->why) < 0)
        return EX_NOPERM;
    if (os_no_new_privs() < 0)
        return EX_OSERR;
    server_enter_sandbox(s);
    return EX_OK;
}

static int make_runtime(struct server *s)
{
    const struct server_config *settings = s->site.settings;
    struct rt_config config = {
        .loops = (unsigned)settings->loops,
        .connections_max = (unsigned)settings->connections_max,
    };
    struct rt *rt;
    int r = rt_new(&config, &rt);

    if (r == 0)
        r = site_prepare(&s->site, rt);
    if (r == 0)
        r = rt_on_signal(s->site.rt, SIGTERM, on_stop, s);
    if (r == 0)
        r = rt_on_signal(s->site.rt, SIGINT, on_stop, s);
    if (r == 0)
        r = rt_on_signal(s->site.rt, SIGHUP, on_reload, s);
    if (r == 0)
        r = rt_on_signal(s->site.rt, SIGUSR1, on_dump, s);
    return r;
}

/// With the runtime go its handlers, and what a signal does by default is to end the process.
static void block_late_signals(void)
{
    sigset_t late;

    sigemptyset(&late);
    sigaddset(&late, SIGHUP);
    sigaddset(&late, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &late, NULL);
}

/// In the opposite order of making. The ports file goes first: whoever reads it finds a server.
static void take_down(struct server *s)
{
    CLEANUP(buf_drop) struct buf path = {0};

    buf_init(&path, OS_PATH_MAX);
    if (s->listen) {
        buf_putf(&path, "%s/ports", s->site.data);
        unlink(buf_cstr(&path));
        buf_clear(&path);
        buf_putf(&path, "%s/control.sock", s->site.data);
        unlink(buf_cstr(&path));
    }
    listen_free(s->listen);
    imap_free(s->imap);
    pop3_free(s->pop3);
    search_free(s->search);
    summaries_free(s->summaries);
    receive_free(s->receive);
    block_late_signals();
    if (s->send_pool)
        rt_pool_free(s->send_pool);
    way_close(&s->way);
    site_finish(&s->site);
    rt_free(s->site.rt);
    trace_close(s->trace);
    rt_tls_free(s->tls);
    rt_tls_client_free(s->tls_client);
    app_config_free(s->config);
    for (size_t i = 0; i < s->retired_count; i++)
        app_config_free(s->retired[i]);
    free(s->retired);
}

int server_run(const struct call *call, struct app_config *config)
{
    struct server s = {.config = config, .started = time(NULL)};
    enum log_level level;
    int r;

    buf_init(&s.why, 32 * 1024);
    buf_init(&s.return_secret, 1024);
    CHECK(site_init(&s.site, config) == 0);
    s.site.server = &s;
    if (!log_level_parse(s.site.settings->log_level, &level)) {
        r = call_fail(call, EX_CONFIG, "%s: log_level is none of debug, info, warn, error",
                      app_config_path(config));
        app_config_free(config);
        return r;
    }
    s.code = prepare_process(&s);
    if (s.code == EX_OK) {
        log_start(STDERR_FILENO, level);
        r = make_runtime(&s);
        if (r < 0)
            refuse(&s, EX_OSERR, "the runtime", r);
        else if (rt_run(s.site.rt, serve, &s) < 0 && s.code == EX_OK)
            refuse(&s, EX_SOFTWARE, "the runtime", -EIO);
        take_down(&s);
        log_stop();
    }
    if (s.code != EX_OK)
        call_fail(call, s.code, "%s", s.why.len ? buf_cstr(&s.why) : "cannot serve");
    queue_suppress_close(s.suppress);
    buf_done(&s.return_secret);
    buf_done(&s.why);
    return s.code;
}
