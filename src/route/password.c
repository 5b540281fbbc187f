// SPDX-License-Identifier: ISC
//
// Passwords of smart hosts: lines "USER@HOST PASSWORD" of a file that only the server may read. It
// is read at each use, so a new password needs no reload.
#include "base/cleanup.h"
#include "os/file.h"
#include "os/host.h"

#include "route/state.h"

#include <errno.h>

enum { FILE_BYTES_MAX = 256 << 10 };

struct reading {
    const char *path;
    struct str login;
    struct buf *password, *why;
};

static int take_line(struct reading *r, struct str text)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        line = str_trim(str_ends(line, STR("\r")) ? str_head(line, line.len - 1) : line);
        if (!str_starts(line, r->login) || line.len == r->login.len ||
            (line.ptr[r->login.len] != ' ' && line.ptr[r->login.len] != '\t'))
            continue;
        buf_put(r->password, str_trim(str_skip(line, r->login.len)));
        return 0;
    }
    buf_putf(r->why, "%s has no line for %.*s", r->path, STR_ARG(r->login));
    return -ENOENT;
}

static int read_file(void *arg)
{
    struct reading *r = arg;
    CLEANUP(buf_drop) struct buf text = {.max = FILE_BYTES_MAX};
    struct os_directory file;
    int error = os_directory_look(r->path, &file);

    if (error == 0 && (file.mode & 07)) {
        buf_putf(r->why, "%s can be read by everybody on this machine: chmod 600", r->path);
        return -EPERM;
    }
    if (error == 0)
        error = os_file_read(r->path, &text);
    if (error < 0)
        buf_putf(r->why, "%s: %s", r->path, strerror(-error));
    else
        error = take_line(r, buf_str(&text));
    if (text.ptr)
        explicit_bzero(text.ptr, text.len);
    return error;
}

bool password_find(void *arg, struct str login, struct arena *arena, struct str *out,
                   struct buf *why)
{
    const struct route *route = arg;
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);
    CLEANUP(buf_drop) struct buf password = {.max = 4096};
    struct reading r = {.login = login, .password = &password, .why = why};

    if (config->transport_passwords.len == 0 || !route->state) {
        buf_put(why, STR("there is no password for the smart host: set transport_passwords"));
        return false;
    }
    r.path = arena_str(arena, config->transport_passwords).ptr;
    if (rt_call(route->state->files, read_file, &r) < 0 || !buf_ok(&password))
        return false;
    *out = arena_str(arena, buf_str(&password));
    explicit_bzero(password.ptr, password.len);
    return true;
}
