// SPDX-License-Identifier: ISC
//
// What the server keeps of the machine once it serves (os/sandbox.h): its data, what it must read
// again at a reload, and what its libraries read behind our back.
#include "base/cleanup.h"
#include "os/sandbox.h"
#include "log/log.h"
#include "listen/listen.h"

#include "app/certificates.h"
#include "app/server_inside.h"

#include <errno.h>

enum { CERTIFICATES_ARENA_MAX = 1 << 20, READ_FILES = 5 };

/// The directory of a file: certificates are renewed by replacing them.
static const char *directory_of(const char *path, struct arena *arena)
{
    ptrdiff_t slash = str_find_last(str_from(path), '/');

    return slash > 0 ? arena_str(arena, str_head(str_from(path), (size_t)slash)).ptr : "/";
}

bool server_socket_directory(const struct server *s, enum server_socket socket, struct buf *out)
{
    const struct listen_config *listen = APP_CONFIG(s->config, listen_config, listen_settings);
    ptrdiff_t slash;

    // LMTP may have a port instead
    if (socket == SERVER_LMTP_SOCKET && str_starts(listen->lmtp, STR("/")))
        buf_put(out, listen->lmtp);
    else if (socket != SERVER_SENDMAIL_SOCKET || !listen->sendmail.len ||
             site_path(s->config, listen->sendmail, out) < 0)
        return false;
    slash = str_find_last(buf_str(out), '/');
    if (!buf_ok(out) || slash <= 0)
        return false;
    out->len = (size_t)slash;
    return true;
}

/// Files that are read again while it serves, beside the certificates. Gives how many were added.
static size_t add_files(const struct server *s, struct arena *arena, const char **out)
{
    const struct route_config *route = APP_CONFIG(s->config, route_config, route_settings);
    const struct resolver_config *resolver =
        APP_CONFIG(s->config, resolver_config, resolver_settings);
    const struct account_config *account = APP_CONFIG(s->config, account_config, account_settings);
    bool is_file = str_starts(account->oauth_jwks, STR("/"));
    const struct str paths[READ_FILES] = {route->transport_passwords, route->sts_authorities,
                                          resolver->trust_anchor, account->oauth_authorities,
                                          is_file ? account->oauth_jwks : STR_NONE};
    size_t n = 0;

    for (size_t i = 0; i < READ_FILES; i++) {
        CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};

        if (paths[i].len && site_path(s->config, paths[i], &path) == 0)
            out[n++] = directory_of(buf_cstr(&path), arena);
    }
    return n;
}

/// What the server may still open, and do, from now on.
static int enter_sandbox(struct server *s, struct arena *arena)
{
    static const char *const system[] = {"/etc",
                                         "/lib",
                                         "/lib64",
                                         "/usr/lib",
                                         "/usr/share",
                                         "/proc",
                                         "/sys/devices/system/cpu",
                                         "/dev/urandom"};
    enum { SYSTEM = sizeof system / sizeof system[0], WRITABLE = 3 + SERVER_SOCKETS };
    CLEANUP(buf_drop) struct buf backup = {0};
    struct rt_tls_config tls;
    struct os_sandbox sandbox = {0};
    const char **writable = ARENA_ARRAY(arena, const char *, WRITABLE), **readable;
    int r = certificates_of(s->config, arena, &tls, &s->why);

    if (r < 0)
        return r;
    buf_init(&backup, OS_PATH_MAX);
    if (s->site.settings->backup.len &&
        site_path(s->config, s->site.settings->backup, &backup) == 0)
        writable[2] = buf_cstr(&backup);
    for (enum server_socket i = 0; i < SERVER_SOCKETS; i++) {
        CLEANUP(buf_drop) struct buf directory = {.max = OS_PATH_MAX};

        if (server_socket_directory(s, i, &directory))
            writable[3 + i] = arena_str(arena, buf_str(&directory)).ptr;
    }
    writable[0] = s->site.data;
    writable[1] = "/dev/null";
    readable = ARENA_ARRAY(arena, const char *, SYSTEM + 1 + 2 * tls.count + READ_FILES);
    memcpy(readable, system, sizeof system);
    readable[SYSTEM] = directory_of(app_config_path(s->config), arena);
    sandbox = (struct os_sandbox){writable, WRITABLE, readable, SYSTEM + 1 + 2 * tls.count};
    for (size_t i = 0; i < tls.count; i++) {
        readable[SYSTEM + 1 + 2 * i] = directory_of(tls.certificates[i].chain_path, arena);
        readable[SYSTEM + 2 + 2 * i] = directory_of(tls.certificates[i].key_path, arena);
    }
    sandbox.readable_count += add_files(s, arena, readable + sandbox.readable_count);
    // SQLite would put its temporary files elsewhere.
    setenv("SQLITE_TMPDIR", s->site.data, 1);
    r = os_sandbox_files(&sandbox);
    return r < 0 ? r : os_sandbox_calls();
}

/// A kernel that cannot is no reason not to serve, but it is told.
void server_enter_sandbox(struct server *s)
{
    struct arena arena;
    int r;

    if (!s->site.settings->sandbox || !os_sandbox_is_possible())
        return;
    arena_init(&arena, CERTIFICATES_ARENA_MAX);
    r = enter_sandbox(s, &arena);
    if (r == -ENOSYS || r == -EOPNOTSUPP) {
        log_event(LOG_WARN, "app/server", "this kernel has no Landlock: files are not shut off");
        r = os_sandbox_calls();
    }
    if (r < 0)
        log_failure("app/server", "no sandbox", r);
    arena_done(&arena);
}
