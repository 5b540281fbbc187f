// SPDX-License-Identifier: ISC
#include "app/control.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include "app/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

enum { IDLE_MS = 60 * 1000 };

struct control {
    struct rt_conn *conn;
};

static int on_open(void *session, struct rt_conn *conn)
{
    ((struct control *)session)->conn = conn;
    return RT_NEXT;
}

static int put_json(struct rt_conn *conn, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    int r;

    CHECK(text);
    r = rt_put(conn, str_from(text));
    free(text);
    return r < 0 ? r : rt_put(conn, STR("\r\n"));
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct control *c = arg;
    json_t *line = json_pack("{s:{s:I, s:I}}", "progress", "done", (json_int_t)done, "total",
                             (json_int_t)total);

    // A command that went away is noticed at the answer; the operation ends in any case.
    if (put_json(c->conn, line) == 0)
        rt_flush(c->conn);
    json_decref(line);
}

static void log_asked(json_t *request, int code)
{
    struct log_line l;
    const char *address = json_string_value(json_object_get(request, "address"));

    log_begin(&l, code == EX_OK ? LOG_INFO : LOG_WARN, "app/control", "asked");
    log_text(&l, "op", json_string_value(json_object_get(request, "op")));
    if (address)
        log_text(&l, "address", address);
    log_u64(&l, "exit", (uint64_t)code);
    log_end(&l);
}

static int answer(struct control *c, json_t *request)
{
    struct site *site = rt_conn_context(c->conn);
    CLEANUP(buf_drop) struct buf why = {0};
    json_t *result = json_object(), *line;
    int code, r;

    buf_init(&why, 64 * 1024);
    code = operation_run(site, c->conn, request, result, &why, on_progress, c);
    if (json_string_value(json_object_get(request, "op")))
        log_asked(request, code);
    if (code == EX_OK)
        line = json_pack("{s:i, s:O}", "exit", code, "result", result);
    else
        line = json_pack("{s:i, s:O, s:o}", "exit", code, "result", result, "error",
                         operation_json(buf_str(&why)));
    json_decref(result);
    r = put_json(c->conn, line);
    json_decref(line);
    return r < 0 || operation_is_talk(request) ? RT_CLOSE : RT_NEXT;
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct control *c = session;
    struct str text;
    json_t *request;
    int r = rt_line(conn, CONTROL_LINE_MAX, &text);

    if (r < 0)
        return RT_CLOSE;
    request = r == RT_LINE_TOO_LONG ? NULL : json_loadb(text.ptr, text.len, 0, NULL);
    if (!json_is_object(request)) {
        json_decref(request);
        rt_putf(conn, "{\"exit\":%d,\"error\":\"a JSON object is expected\"}\r\n", EX_PROTOCOL);
        return RT_CLOSE;
    }
    rt_conn_set_command_ms(conn, 0);
    r = answer(c, request);
    json_decref(request);
    return r;
}

static int on_wake(void *session, struct rt_conn *conn, unsigned why)
{
    (void)session, (void)conn;
    return why & (RT_WAKE_IDLE | RT_WAKE_SHUTDOWN) ? RT_CLOSE : RT_NEXT;
}

static void on_close(void *session)
{
    (void)session;
}

static const struct rt_protocol control_protocol = {
    .name = "control",
    .session_size = sizeof(struct control),
    .open = on_open,
    .command = on_command,
    .wake = on_wake,
    .close = on_close,
    .idle_ms = IDLE_MS,
};

int control_path(const char *data, struct buf *out)
{
    int fd;

    if (strlen(data) + sizeof "/control.sock" <= sizeof((struct sockaddr_un *)0)->sun_path) {
        buf_putf(out, "%s/control.sock", data);
        return 0;
    }
    fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    buf_putf(out, "/proc/self/fd/%d/control.sock", fd);
    return 0;
}

int control_listen(struct site *site)
{
    CLEANUP(buf_drop) struct buf path = {0};
    struct rt_listen listen = {.protocol = &control_protocol, .context = site, .mode = 0600};
    uint16_t port;
    int r;

    buf_init(&path, OS_PATH_MAX);
    r = control_path(site->data, &path);
    if (r < 0)
        return r;
    // The lock of the store is ours, so nobody listens on what lies there.
    if (unlink(buf_cstr(&path)) < 0 && errno != ENOENT)
        return -errno;
    listen.address = buf_cstr(&path);
    return rt_listen(site->rt, &listen, &port);
}
