// SPDX-License-Identifier: ISC
//
// carteiro check: is the configuration right, and does this host give what a mail server needs?
// Each finding says what is wrong, where, and what cures it. Changes nothing.
#include "base/arena.h"
#include "base/cleanup.h"
#include "os/host.h"
#include "os/process.h"
#include "os/terminal.h"
#include "log/log.h"
#include "search/search.h"
#include "route/route.h"
#include "queue/queue.h"
#include "listen/listen.h"

#include "app/ask.h"
#include "app/certificates.h"
#include "app/commands.h"
#include "app/operation.h"
#include "app/site.h"
#include "app/way.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum {
    DAYS_SOON = 21,
    DESCRIPTORS_FEW = 4096,
    YEAR_2026 = 1767225600, // seconds; a clock before it is wrong
};
static const uint64_t free_little = (uint64_t)1 << 30, free_none = 64 << 20;

enum finding { FINE, WARNING, PROBLEM };

struct check {
    const struct call *call;
    struct app_config *config;
    struct site site;
    json_t *findings;
    unsigned counts[3];
    bool is_running;
    uid_t uid; // who the server will be
    gid_t gid;
};

static void found(struct check *c, enum finding level, const char *cure, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void found(struct check *c, enum finding level, const char *cure, const char *format, ...)
{
    static const char *const words[] = {"fine", "warning", "problem"};
    CLEANUP(buf_drop) struct buf what = {0};
    json_t *finding;
    va_list args;

    buf_init(&what, 4096);
    va_start(args, format);
    buf_vputf(&what, format, args);
    va_end(args);
    finding =
        json_pack("{s:s, s:o}", "level", words[level], "what", operation_json(buf_str(&what)));
    if (cure)
        json_object_set_new(finding, "cure", json_string(cure));
    json_array_append_new(c->findings, finding);
    c->counts[level]++;
}

// ---- the configuration

static void check_values(struct check *c)
{
    enum log_level level;
    CLEANUP(buf_drop) struct buf bad = {.max = 4096};

    found(c, FINE, NULL, "%s is understood", app_config_path(c->config));
    if (!log_level_parse(c->site.settings->log_level, &level))
        found(c, PROBLEM, "write debug, info, warn or error", "log_level = %.*s",
              STR_ARG(c->site.settings->log_level));
    if (!listen_config_is_valid(APP_CONFIG(c->config, listen_config, listen_settings), &bad))
        found(c, PROBLEM, "correct it in section listen", "%s", buf_cstr(&bad));
    buf_clear(&bad);
    if (!account_config_is_valid(APP_CONFIG(c->config, account_config, account_settings), &bad))
        found(c, PROBLEM, "correct it in section account", "%s", buf_cstr(&bad));
    buf_clear(&bad);
    if (!route_config_is_valid(APP_CONFIG(c->config, route_config, route_settings), &bad))
        found(c, PROBLEM, "correct it in section route; carteiro.conf(5) has its forms", "%s",
              buf_cstr(&bad));
    buf_clear(&bad);
    if (!queue_config_is_valid(APP_CONFIG(c->config, queue_config, queue_settings), &bad))
        found(c, PROBLEM, "correct it in section queue", "%s", buf_cstr(&bad));
    buf_clear(&bad);
    if (!search_config_is_valid(APP_CONFIG(c->config, search_config, search_settings), &bad))
        found(c, PROBLEM, "correct it in section search", "%s", buf_cstr(&bad));
    buf_clear(&bad);
    if (!resolver_config_is_valid(APP_CONFIG(c->config, resolver_config, resolver_settings), &bad))
        found(c, PROBLEM, "correct it in section resolver", "%s", buf_cstr(&bad));
}

/// One file that a setting names; "" names none.
static void check_file(struct check *c, const char *setting, struct str value, bool is_secret)
{
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};
    struct os_directory file;
    int r;

    if (value.len == 0 || site_path(c->config, value, &path) < 0)
        return;
    r = os_directory_look(buf_cstr(&path), &file);
    if (r < 0)
        found(c, PROBLEM, "correct the path, or make the file", "%s: %s: %s", setting,
              buf_cstr(&path), strerror(-r));
    else if (!os_file_is_readable_by(buf_cstr(&path), c->uid, c->gid))
        found(c, PROBLEM, "let the server's user read it", "%s: %s cannot be read by the server",
              setting, buf_cstr(&path));
    else if (is_secret && (file.mode & 07))
        found(c, PROBLEM, "chmod 600, and give it to the server's user",
              "%s: %s can be read by everybody on this machine", setting, buf_cstr(&path));
}

static void check_files(struct check *c)
{
    const struct route_config *route = APP_CONFIG(c->config, route_config, route_settings);
    const struct queue_config *queue = APP_CONFIG(c->config, queue_config, queue_settings);
    const struct account_config *account = APP_CONFIG(c->config, account_config, account_settings);
    const struct resolver_config *resolver =
        APP_CONFIG(c->config, resolver_config, resolver_settings);

    if (str_starts(account->oauth_jwks, STR("/")))
        check_file(c, "account.oauth_jwks", account->oauth_jwks, false);
    check_file(c, "account.oauth_authorities", account->oauth_authorities, false);
    check_file(c, "route.transport_passwords", route->transport_passwords, true);
    check_file(c, "route.sts_authorities", route->sts_authorities, false);
    check_file(c, "queue.authorities", queue->authorities, false);
    if (!str_eq(resolver->trust_anchor, STR("none")))
        check_file(c, "resolver.trust_anchor", resolver->trust_anchor, false);
}

static void check_hostname(struct check *c, struct str hostname)
{
    if (str_case_eq(hostname, STR("localhost")) || str_find(hostname, '.') < 0)
        found(c, WARNING, "set hostname to the full name of this machine in DNS",
              "the host name is %.*s, which means nothing to other servers", STR_ARG(hostname));
    else
        found(c, FINE, NULL, "the host name is %.*s", STR_ARG(hostname));
}

static void check_user(struct check *c)
{
    CLEANUP(buf_drop) struct buf user = {0};

    c->uid = geteuid();
    c->gid = getegid();
    if (c->uid != 0)
        return;
    buf_init(&user, 256);
    buf_put(&user, c->site.settings->user);
    if (user.len == 0)
        found(c, WARNING, "set user = carteiro, and make it: adduser --system --group carteiro",
              "the server would stay root");
    else if (os_user_find(buf_cstr(&user), &c->uid, &c->gid) < 0)
        found(c, PROBLEM, "make it: adduser --system --group NAME", "there is no user %s",
              buf_cstr(&user));
}

// ---- certificates

static void check_dates(struct check *c, const struct certificate_facts *facts, const char *path)
{
    int64_t now = time(NULL), days = (facts->not_after - now) / 86400;

    if (facts->not_after < now)
        found(c, PROBLEM, "get a new one and run `carteiro reload`", "%s has expired", path);
    else if (facts->not_before > now)
        found(c, PROBLEM, "set the clock right, or wait", "%s is not valid yet", path);
    else if (days < DAYS_SOON)
        found(c, WARNING, "get a new one and run `carteiro reload`", "%s expires in %lld days",
              path, (long long)days);
    else
        found(c, FINE, NULL, "%s is valid for %lld more days", path, (long long)days);
}

static void check_certificate(struct check *c, const struct rt_tls_certificate *pair,
                              struct str hostname)
{
    CLEANUP(buf_drop) struct buf why = {0};
    struct certificate_facts facts;
    struct os_directory file;

    buf_init(&why, 4096);
    if (!certificate_look(pair->chain_path, pair->key_path, hostname, &facts, &why)) {
        found(c, PROBLEM, "name readable PEM files in certificate and key", "%s", buf_cstr(&why));
        return;
    }
    if (!facts.has_key)
        found(c, PROBLEM, "name the key it was made with, in the same order",
              "%s is not the key of %s", pair->key_path, pair->chain_path);
    check_dates(c, &facts, pair->chain_path);
    if (!facts.names_host)
        found(c, WARNING, "get one that carries the host name, or set hostname",
              "%s is not for %.*s", pair->chain_path, STR_ARG(hostname));
    if (facts.is_self_signed)
        found(c, WARNING, "get one from an authority, for example by Let's Encrypt",
              "%s is self-signed: clients will ask whether to trust it", pair->chain_path);
    if (!os_file_is_readable_by(pair->key_path, c->uid, c->gid))
        found(c, PROBLEM, "let the user of the server read it (chgrp, chmod 640)",
              "%s cannot be read by the server", pair->key_path);
    if (os_directory_look(pair->key_path, &file) == 0 && (file.mode & 07))
        found(c, WARNING, "chmod 640, or 600", "%s can be read by everybody on this machine",
              pair->key_path);
}

static void check_certificates(struct check *c, struct str hostname)
{
    CLEANUP(buf_drop) struct buf why = {0};
    struct rt_tls_config tls;
    struct arena arena;

    buf_init(&why, 4096);
    arena_init(&arena, 1 << 20);
    if (certificates_of(c->config, &arena, &tls, &why) < 0)
        found(c, PROBLEM, "name as many keys as certificates", "%s", buf_cstr(&why));
    else if (tls.count == 0)
        found(c, WARNING, "name a certificate and its key",
              "there is no certificate: no TLS, and "
              "nobody can sign in");
    for (size_t i = 0; i < tls.count; i++)
        check_certificate(c, &tls.certificates[i], hostname);
    arena_done(&arena);
}

// ---- the data directory

static void check_data(struct check *c)
{
    const char *path = c->site.data;
    CLEANUP(buf_drop) struct buf free_text = {0};
    struct os_directory dir;
    int r = os_directory_look(path, &dir);

    if (r < 0 || !dir.is_directory) {
        found(c, PROBLEM, "make it with `carteiro init`, or set data", "data = %s: %s", path,
              r < 0 ? strerror(-r) : "not a directory");
        return;
    }
    buf_init(&free_text, 64);
    table_put_bytes(&free_text, dir.free_bytes);
    if (dir.owner != c->uid)
        found(c, PROBLEM, "chown -R it to the user of the server", "%s belongs to another user",
              path);
    if (dir.mode & 077)
        found(c, WARNING, "chmod 700", "%s can be entered by other users (mode %o)", path,
              dir.mode);
    if (dir.is_remote)
        found(c, PROBLEM, "use a local file system",
              "%s lies on %s, whose locks and syncs cannot be "
              "trusted with mail",
              path, dir.kind);
    if (dir.is_memory)
        found(c, WARNING, "use a file system on a disk",
              "%s lies on %s: all mail is gone with the "
              "power",
              path, dir.kind);
    if (dir.free_bytes < free_little)
        found(c, dir.free_bytes < free_none ? PROBLEM : WARNING, "make room, or set data",
              "%s has only %s left", path, buf_cstr(&free_text));
    else
        found(c, FINE, NULL, "%s has %s left on %s", path, buf_cstr(&free_text), dir.kind);
}

// ---- ports

static void check_port(struct check *c, const char *name, struct str address, uint64_t port)
{
    CLEANUP(buf_drop) struct buf at = {0};
    int r;

    if (port == 0 || port > 65535)
        return;
    buf_init(&at, 256);
    buf_put(&at, address);
    r = os_port_probe(buf_cstr(&at), (uint16_t)port);
    if (r == 0)
        return;
    if (r == -EADDRINUSE)
        found(c, PROBLEM, "stop what listens there (ss -ltnp shows it), or set another port",
              "%s: port %u of %s is taken", name, (unsigned)port, buf_cstr(&at));
    else if (r == -EACCES)
        found(c, PROBLEM, "start the server as root or by systemd, or use ports above 1024",
              "%s: port %u may not be opened by this user", name, (unsigned)port);
    else if (r == -EINVAL)
        found(c, PROBLEM, "write numeric addresses, like 0.0.0.0 or ::", "addresses: %s",
              buf_cstr(&at));
    else
        found(c, PROBLEM, "set addresses that this machine has (ip address shows them)",
              "%s: port %u of %s: %s", name, (unsigned)port, buf_cstr(&at), strerror(-r));
}

static void check_ports(struct check *c)
{
    const struct listen_config *config = APP_CONFIG(c->config, listen_config, listen_settings);
    const uint64_t ports[LISTEN_PORTS] = {
        [LISTEN_SMTP] = config->smtp,
        [LISTEN_SUBMISSION] = config->submission,
        [LISTEN_SUBMISSION_ALT] = config->submission_alt,
        [LISTEN_SUBMISSIONS] = config->submissions,
        [LISTEN_IMAP] = config->imap,
        [LISTEN_IMAPS] = config->imaps,
        [LISTEN_POP3] = config->pop3,
        [LISTEN_POP3S] = config->pop3s,
    };
    unsigned before = c->counts[PROBLEM];

    if (c->is_running) {
        found(c, FINE, NULL, "the server is running; its ports are open");
        return;
    }
    for (int i = 0; i < LISTEN_PORTS; i++) {
        for (size_t k = 0; k < config->addresses.count; k++)
            check_port(c, listen_port_name((enum listen_port)i), config->addresses.items[k],
                       ports[i]);
    }
    if (c->counts[PROBLEM] == before)
        found(c, FINE, NULL, "all ports are free");
}

// ---- the host

static void check_host(struct check *c)
{
    uint64_t descriptors = os_descriptors_limit();

    os_descriptors_raise(&descriptors);
    if (descriptors < DESCRIPTORS_FEW)
        found(c, WARNING, "raise it: ulimit -n, or LimitNOFILE= of the service",
              "only %llu files and connections at once are allowed",
              (unsigned long long)descriptors);
    else
        found(c, FINE, NULL, "%llu files and connections at once are allowed",
              (unsigned long long)descriptors);
    if (time(NULL) < YEAR_2026)
        found(c, PROBLEM, "set the clock right", "the clock stands in the past");
    else if (!os_clock_is_kept())
        found(c, WARNING, "install chrony or systemd-timesyncd", "nothing keeps the clock right");
    else
        found(c, FINE, NULL, "the clock is kept right");
}

// ---- telling

static void print_findings(const struct check *c)
{
    bool colour = os_is_terminal(STDOUT_FILENO) && !getenv("NO_COLOR");
    size_t i;
    json_t *finding;

    json_array_foreach(c->findings, i, finding)
    {
        const char *level = json_string_value(json_object_get(finding, "level"));
        const char *cure = json_string_value(json_object_get(finding, "cure"));
        const char *paint = level[0] == 'f'   ? "\033[32m"
                            : level[0] == 'w' ? "\033[33m"
                                              : "\033[31m";

        printf("%s%-8s%s %s\n", colour ? paint : "", level, colour ? "\033[0m" : "",
               json_string_value(json_object_get(finding, "what")));
        if (cure)
            printf("         -> %s\n", cure);
    }
    printf("%u fine, %u warnings, %u problems\n", c->counts[FINE], c->counts[WARNING],
           c->counts[PROBLEM]);
}

static int tell(struct check *c)
{
    int code = c->counts[PROBLEM] ? EX_CONFIG : EX_OK;

    if (!c->call->json) {
        print_findings(c);
        json_decref(c->findings);
        return code;
    }
    call_print_json(json_pack("{s:o, s:i, s:i}", "findings", c->findings, "warnings",
                              (int)c->counts[WARNING], "problems", (int)c->counts[PROBLEM]));
    return code;
}

static int run_check(struct call *call)
{
    struct check c = {.call = call};
    CLEANUP(buf_drop) struct buf host = {0};
    json_t *status;
    int r = site_config(call, &c.config);

    if (r != EX_OK)
        return r;
    c.findings = json_array();
    if (site_init(&c.site, c.config) < 0)
        found(&c, PROBLEM, "set data", "data: the name is too long");
    c.is_running = ask_server(call, json_pack("{s:s}", "op", "status"), true, &status) == EX_OK;
    if (c.is_running)
        json_decref(status);
    buf_init(&host, 256);
    site_hostname(c.site.settings, &host);
    check_values(&c);
    check_hostname(&c, buf_str(&host));
    check_user(&c);
    check_certificates(&c, buf_str(&host));
    check_files(&c);
    check_data(&c);
    check_ports(&c);
    check_host(&c);
    app_config_free(c.config);
    return tell(&c);
}

const struct command command_check = {
    .name = "check",
    .summary = "Is the configuration right, and this host fit for mail?",
    .help = "Reads the configuration, looks at certificates, data directory, ports, limits and "
            "clock, and says what is wrong and what cures it. Changes nothing. Exit status: 0 when "
            "there are no problems, else 78.",
    .examples = "carteiro check\ncarteiro check --config ./carteiro.conf --json",
    .run = run_check,
};
