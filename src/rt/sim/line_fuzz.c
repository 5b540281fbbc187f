// SPDX-License-Identifier: ISC
//
// Any bytes as the input of a connection, cut anywhere on their way: the lines and pieces that come
// out are those that a look at the whole text finds. First byte: the seed of the network; second:
// the maximum of a line, in steps of four; then the text. A "!" that begins a line has the rest of
// what has arrived taken by rt_peek instead.
#include "base/check.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct rt *rt;
    struct str text; // what the server has not seen yet
    struct str all;
    size_t line_max;
    uint16_t port;
};

struct session {
    struct fuzz *fuzz;
};

static int on_open(void *arg, struct rt_conn *conn)
{
    ((struct session *)arg)->fuzz = rt_conn_context(conn);
    return RT_NEXT;
}

// What rt_line must say of the text that is left; -ECONNRESET when it holds no whole line.
static int expect(const struct fuzz *f, struct str *line, size_t *eaten)
{
    ptrdiff_t end = str_find(f->text, '\n');
    int r = RT_BARE_LF;

    if (end < 0)
        return -ECONNRESET;
    *line = str_head(f->text, (size_t)end);
    *eaten = (size_t)end + 1;
    if (line->len && line->ptr[line->len - 1] == '\r') {
        line->len--;
        r = 0;
    }
    if (line->len > f->line_max) {
        line->len = f->line_max;
        r = RT_LINE_TOO_LONG;
    }
    return r;
}

static int peek_some(struct fuzz *f, struct rt_conn *conn)
{
    struct str piece;
    int r = rt_peek(conn, &piece);

    if (r < 0)
        return r;
    CHECK(piece.len > 0 && str_starts(f->text, piece));
    rt_eat(conn, piece.len);
    f->text = str_skip(f->text, piece.len);
    return RT_NEXT;
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct fuzz *f = ((struct session *)arg)->fuzz;
    struct str line, expected;
    size_t eaten;
    int r;

    CHECK(f->text.len > 0); // else there was no input to call us for
    if (f->text.ptr[0] == '!')
        return peek_some(f, conn);
    r = rt_line(conn, f->line_max, &line);
    CHECK(r == expect(f, &expected, &eaten));
    if (r < 0)
        return r;
    CHECK(str_eq(line, expected));
    f->text = str_skip(f->text, eaten);
    return RT_NEXT;
}

static void on_close(void *arg)
{
    const struct fuzz *f = ((struct session *)arg)->fuzz;

    // All of it was seen, but for a last line without an end.
    CHECK(str_find(f->text, '\n') < 0);
    rt_stop(f->rt);
}

static const struct rt_protocol lines = {.name = "lines",
                                         .session_size = sizeof(struct session),
                                         .open = on_open,
                                         .command = on_command,
                                         .close = on_close};

static int client(void *arg)
{
    struct fuzz *f = arg;
    struct rt_conn *conn;

    CHECK(rt_dial("10.0.0.1", f->port, 60000, &conn) == 0);
    CHECK(rt_put(conn, f->all) == 0 && rt_flush(conn) == 0);
    rt_hang_up(conn);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_sim_config config = rt_sim_calm;
    struct fuzz f = {0};
    struct rt_listen listen = {.address = "0.0.0.0", .port = 25, .protocol = &lines, .context = &f};

    if (size < 2 || size > 65536)
        return 0;
    f.text = f.all = str_of(data + 2, size - 2);
    f.line_max = (size_t)data[1] * 4;
    config.split = 300000;
    config.bytewise = data[0] & 1 ? RT_SIM_PPM : 0;
    config.window_bytes = data[0] & 2 ? 100 : 20000;
    CHECK(rt_sim_new(data[0], &config, &f.rt) == 0);
    CHECK(rt_listen(f.rt, &listen, &f.port) == 0);
    CHECK(rt_run(f.rt, client, &f) == 0);
    rt_free(f.rt);
    return 0;
}
