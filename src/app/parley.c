// SPDX-License-Identifier: ISC
#include "app/parley.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/shuttle.h"
#include "log/log.h"

#include "app/control.h"
#include "app/stand_in.h"

#include <errno.h>

enum { DIAL_MS = 5000 };

struct running {
    struct parley p;
    const struct app_config *config;
    int (*talk)(void *arg, struct parley *p);
    void *arg;
    char path[OS_PATH_MAX];
    int code;
};

// ---- talking

static void end(struct parley *p, int code, const char *why)
{
    p->is_over = true;
    p->code = code;
    if (why && p->why.len == 0)
        buf_put(&p->why, str_from(why));
}

static void broke(struct parley *p, int r)
{
    end(p, EX_TEMPFAIL, NULL);
    if (p->why.len == 0)
        buf_putf(&p->why, "the server broke off: %s", strerror(-r));
}

int parley_ask(struct parley *p, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    int r;

    CHECK(text);
    json_decref(request);
    r = rt_put(p->conn, str_from(text));
    free(text);
    if (r == 0)
        r = rt_put(p->conn, STR("\r\n"));
    return r == 0 ? rt_flush(p->conn) : r;
}

/// NULL when it was the last word.
static json_t *judge(struct parley *p, struct str line)
{
    json_t *answer = json_loadb(line.ptr, line.len, 0, NULL);
    json_t *code = json_object_get(answer, "exit");

    if (answer && !code)
        return answer;
    end(p, json_is_integer(code) ? (int)json_integer_value(code) : EX_PROTOCOL,
        json_string_value(json_object_get(answer, "error")));
    p->result = json_incref(json_object_get(answer, "result"));
    if (!answer)
        buf_put(&p->why, STR("the server's answer was not understood"));
    json_decref(answer);
    return NULL;
}

/// The server hung up while we were talking, and may have said why before.
static json_t *hear_last(struct parley *p, int r)
{
    struct str seen = rt_look(p->conn);
    ptrdiff_t len = str_find(seen, '\n');
    json_t *answer;

    if (len < 0) {
        broke(p, r);
        return NULL;
    }
    answer = judge(p, str_head(seen, (size_t)len));
    rt_eat(p->conn, (size_t)len + 1);
    return answer;
}

json_t *parley_hear(struct parley *p)
{
    struct str line;
    int r;

    if (p->is_over)
        return NULL;
    r = rt_line(p->conn, CONTROL_LINE_MAX, &line);
    if (r == 0)
        return judge(p, line);
    if (r < 0)
        return hear_last(p, r);
    broke(p, -EPROTO);
    return NULL;
}

json_t *parley_hear_now(struct parley *p)
{
    struct str seen = p->is_over ? STR("") : rt_look(p->conn);

    return str_find(seen, '\n') < 0 ? NULL : parley_hear(p);
}

bool parley_read(struct parley *p, uint64_t len, int (*each)(void *arg, struct str bytes),
                 void *arg)
{
    while (len > 0 && !p->is_over) {
        struct str bytes;
        int r = rt_peek(p->conn, &bytes);

        if (r == 0) {
            bytes = str_head(bytes, len < bytes.len ? (size_t)len : bytes.len);
            r = each(arg, bytes);
            rt_eat(p->conn, bytes.len);
            len -= bytes.len;
        }
        if (r < 0)
            broke(p, r);
    }
    return !p->is_over;
}

// ---- running

static int work(void *arg)
{
    struct running *run = arg;
    struct parley *p = &run->p;
    int r = rt_dial(run->path, 0, DIAL_MS, &p->conn);

    if (r < 0) {
        run->code = call_fail(p->call, EX_UNAVAILABLE, "the control socket: %s", strerror(-r));
    } else {
        run->code = run->talk(run->arg, p);
        rt_hang_up(p->conn);
    }
    rt_stop(p->rt);
    return 0;
}

static int run_with_server(struct running *run)
{
    struct rt_config one = {.loops = 1};
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX};
    int r = control_path(run->path, &path);

    if (r < 0)
        return call_fail(run->p.call, EX_NOINPUT, "%s: %s", run->path, strerror(-r));
    memcpy(run->path, buf_cstr(&path), path.len + 1);
    log_set_level(LOG_ERROR);
    r = rt_new(&one, &run->p.rt);
    if (r < 0)
        return call_fail(run->p.call, EX_OSERR, "cannot start: %s", strerror(-r));
    r = rt_run(run->p.rt, work, run);
    rt_free(run->p.rt);
    return r < 0 ? call_fail(run->p.call, EX_OSERR, "%s", strerror(-r)) : run->code;
}

static int run_all(struct running *run)
{
    struct stand_in server;
    struct site site;
    int r = site_init(&site, run->config), code;

    if (r < 0)
        return call_fail(run->p.call, EX_CONFIG, "data: %s", strerror(-r));
    memcpy(run->path, site.data, sizeof run->path);
    code = stand_in_begin(run->p.call, run->config, &server);
    if (code != EX_OK)
        return code;
    code = run_with_server(run);
    stand_in_end(&server);
    return code;
}

int parley_run(const struct call *call, int (*talk)(void *arg, struct parley *p), void *arg)
{
    struct app_config *config = NULL;
    struct running *run;
    int code = site_config(call, &config);

    if (code != EX_OK)
        return code;
    run = calloc(1, sizeof *run);
    CHECK(run);
    run->p.call = call;
    buf_init(&run->p.why, 64 * 1024);
    run->config = config;
    run->talk = talk;
    run->arg = arg;
    code = run_all(run);
    json_decref(run->p.result);
    buf_done(&run->p.why);
    free(run);
    app_config_free(config);
    return code;
}
