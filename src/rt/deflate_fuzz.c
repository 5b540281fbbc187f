// SPDX-License-Identifier: ISC
//
// Any bytes as the compressed input of a connection, cut anywhere on their way: what comes out is
// what zlib makes of them in one go, up to its first complaint, and at the end of the last block
// the input is over. First byte: the seed of the network.
#include "base/check.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

struct fuzz {
    struct rt *rt;
    struct str bytes;
    uint8_t *text; // what they mean
    size_t len, seen;
    bool is_right, is_whole; // zlib did not complain; and TEXT_MAX was enough
    uint16_t port;
};

struct session {
    struct fuzz *fuzz;
    struct rt_conn *conn;
};

static int on_open(void *arg, struct rt_conn *conn)
{
    struct session *s = arg;

    *s = (struct session){rt_conn_context(conn), conn};
    return rt_start_deflate(conn);
}

static int on_command(void *arg, struct rt_conn *conn)
{
    struct fuzz *f = ((struct session *)arg)->fuzz;
    struct str piece;
    size_t len;

    CHECK(rt_peek(conn, &piece) == 0 && piece.len > 0);
    len = piece.len < f->len - f->seen ? piece.len : f->len - f->seen;
    CHECK(len == piece.len || !f->is_whole);
    CHECK(memcmp(piece.ptr, f->text + f->seen, len) == 0);
    f->seen += len;
    rt_eat(conn, piece.len);
    return f->seen == f->len && !f->is_whole ? RT_CLOSE : RT_NEXT;
}

static void on_close(void *arg)
{
    const struct fuzz *f = ((struct session *)arg)->fuzz;

    CHECK(f->seen == f->len || !f->is_right);
    rt_stop(f->rt);
}

static const struct rt_protocol listener = {.name = "inflate",
                                            .session_size = sizeof(struct session),
                                            .open = on_open,
                                            .command = on_command,
                                            .close = on_close};

static int client(void *arg)
{
    struct fuzz *f = arg;
    struct rt_conn *conn;

    CHECK(rt_dial("10.0.0.1", f->port, 60000, &conn) == 0);
    (void)rt_put(conn, f->bytes); // may fail: the server closes at the first nonsense
    (void)rt_flush(conn);
    rt_hang_up(conn);
    return 0;
}

static void inflate_all(struct fuzz *f)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)f->bytes.ptr, .avail_in = (uInt)f->bytes.len};
    int r;

    f->text = malloc(TEXT_MAX);
    CHECK(f->text && inflateInit2(&z, -15) == Z_OK);
    z.next_out = f->text;
    z.avail_out = TEXT_MAX;
    r = inflate(&z, Z_SYNC_FLUSH);
    f->len = TEXT_MAX - z.avail_out;
    f->is_whole = z.avail_out > 0;
    f->is_right = r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
    inflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_sim_config config = rt_sim_calm;
    struct fuzz f = {0};
    struct rt_listen listen = {
        .address = "0.0.0.0", .port = 25, .protocol = &listener, .context = &f};

    if (size < 1 || size > 65536)
        return 0;
    f.bytes = str_of((const char *)data + 1, size - 1);
    inflate_all(&f);
    config.split = 300000;
    config.bytewise = data[0] & 1 ? RT_SIM_PPM : 0;
    config.window_bytes = data[0] & 2 ? 100 : 20000;
    CHECK(rt_sim_new(data[0], &config, &f.rt) == 0);
    CHECK(rt_listen(f.rt, &listen, &f.port) == 0);
    CHECK(rt_run(f.rt, client, &f) == 0);
    rt_free(f.rt);
    free(f.text);
    return 0;
}
