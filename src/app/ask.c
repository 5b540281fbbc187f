// SPDX-License-Identifier: ISC
#include "app/ask.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/progress.h"
#include "log/log.h"
#include "rt/conn.h"

#include "app/control.h"
#include "app/operation.h"

#include <errno.h>
#include <sys/stat.h>
#include <limits.h>
#include <unistd.h>

enum { DIAL_MS = 5000 };

struct asking {
    const struct call *call;
    struct site site;
    json_t *request;
    json_t *result;
    struct buf why;
    struct os_progress progress;
    bool server_only;
    int code;
};

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
    struct asking *a = arg;

    os_progress_show(&a->progress, done, total);
}

// ---- over the control socket

/// One line of the answer. True when it was the last.
static bool take_answer(struct asking *a, struct str line)
{
    json_t *answer = json_loadb(line.ptr, line.len, 0, NULL);
    json_t *progress = json_object_get(answer, "progress");

    if (progress) {
        show_progress(a, (uint64_t)json_integer_value(json_object_get(progress, "done")),
                      (uint64_t)json_integer_value(json_object_get(progress, "total")));
        json_decref(answer);
        return false;
    }
    a->code = EX_PROTOCOL;
    if (json_is_integer(json_object_get(answer, "exit")))
        a->code = (int)json_integer_value(json_object_get(answer, "exit"));
    if (json_is_object(json_object_get(answer, "result")))
        json_object_update(a->result, json_object_get(answer, "result"));
    buf_put(&a->why, str_from(json_string_value(json_object_get(answer, "error"))));
    if (a->code == EX_PROTOCOL && a->why.len == 0)
        buf_put(&a->why, STR("the server's answer was not understood"));
    json_decref(answer);
    return true;
}

static int talk(struct asking *a, struct rt_conn *conn)
{
    char *text = json_dumps(a->request, JSON_COMPACT);
    struct str line;
    int r;

    CHECK(text);
    r = rt_put(conn, str_from(text));
    explicit_bzero(text, strlen(text)); // it may hold a password
    free(text);
    if (r == 0)
        r = rt_put(conn, STR("\r\n"));
    if (r == 0)
        r = rt_flush(conn);
    while (r == 0) {
        r = rt_line(conn, CONTROL_LINE_MAX, &line);
        if (r == 0 && take_answer(a, line))
            return 0;
    }
    return r < 0 ? r : -EPROTO;
}

static int over_socket(struct asking *a)
{
    CLEANUP(buf_drop) struct buf path = {0};
    struct rt_conn *conn;
    int r;

    buf_init(&path, OS_PATH_MAX);
    r = control_path(a->site.data, &path);
    if (r == 0)
        r = rt_dial(buf_cstr(&path), 0, DIAL_MS, &conn);
    if (r < 0)
        return r;
    r = talk(a, conn);
    rt_hang_up(conn);
    if (r < 0) {
        a->code = EX_TEMPFAIL;
        buf_putf(&a->why, "the server broke off: %s", strerror(-r));
    }
    return 0;
}

// ---- in this process

static void in_process(struct asking *a)
{
    a->code = EX_UNAVAILABLE;
    if (a->server_only) {
        buf_putf(&a->why, "no server is running on %s; start it with `carteiro serve`",
                 a->site.data);
        return;
    }
    if (site_become_user(a->site.settings, false, &a->why) < 0) {
        a->code = EX_NOPERM;
        return;
    }
    umask(077);
    if (site_open(&a->site, &a->why) < 0)
        return;
    a->code = operation_run(&a->site, NULL, a->request, a->result, &a->why, show_progress, a);
    site_close(&a->site);
}

static int work(void *arg)
{
    struct asking *a = arg;
    int r = over_socket(a);

    if (r == -EACCES || r == -EPERM) {
        a->code = EX_NOPERM;
        buf_putf(&a->why, "%s belongs to somebody else; use that user, or root", a->site.data);
    } else if (r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR) {
        in_process(a);
    } else if (r < 0) {
        a->code = EX_TEMPFAIL;
        buf_putf(&a->why, "the control socket in %s: %s", a->site.data, strerror(-r));
    }
    rt_stop(a->site.rt);
    return 0;
}

static int run(struct asking *a)
{
    struct rt_config one = {.loops = 1};
    struct rt *rt;
    int r;

    log_set_level(LOG_ERROR);
    r = rt_new(&one, &rt);
    if (r < 0)
        return call_fail(a->call, EX_OSERR, "cannot start: %s", strerror(-r));
    r = site_prepare(&a->site, rt);
    CHECK(r == 0);
    os_progress_begin(&a->progress, a->call->command->name, "done");
    r = rt_run(rt, work, a);
    os_progress_end(&a->progress);
    site_finish(&a->site);
    rt_free(rt);
    return r < 0 ? call_fail(a->call, EX_OSERR, "%s", strerror(-r)) : EX_OK;
}

static int ask_how(const struct call *call, const struct app_config *config, json_t *request,
                   bool server_only, bool quiet, json_t **out_result)
{
    struct asking a = {.call = call, .request = request, .server_only = server_only};
    int r = site_init(&a.site, config);

    CHECK(request);
    buf_init(&a.why, 64 * 1024);
    a.result = json_object();
    if (r < 0)
        r = call_fail(call, EX_CONFIG, "data: %s", strerror(-r));
    else
        r = run(&a);
    if (r == EX_OK) {
        r = a.code;
        if (r != EX_OK && !quiet)
            call_fail(call, r, "%s", a.why.len ? buf_cstr(&a.why) : "failed");
    }
    json_decref(request);
    buf_done(&a.why);
    if (r == EX_OK)
        *out_result = a.result;
    else
        json_decref(a.result);
    return r;
}

int ask_with(const struct call *call, const struct app_config *config, json_t *request,
             json_t **out_result)
{
    return ask_how(call, config, request, false, false, out_result);
}

static int ask_loading(const struct call *call, json_t *request, bool server_only, bool quiet,
                       json_t **out_result)
{
    struct app_config *config = NULL;
    int r = site_config(call, &config);

    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    r = ask_how(call, config, request, server_only, quiet, out_result);
    app_config_free(config);
    return r;
}

int ask(const struct call *call, json_t *request, json_t **out_result)
{
    return ask_loading(call, request, false, false, out_result);
}

int ask_server(const struct call *call, json_t *request, bool quiet, json_t **out_result)
{
    return ask_loading(call, request, true, quiet, out_result);
}
