// SPDX-License-Identifier: ISC
//
// Compression of a connection (RFC 4978): raw deflate in both directions, between the buffers and
// TLS or the socket. Input is inflated straight into the connection's window, never further than
// there is room, so that a small packet that means a gigabyte costs no memory; input that goes on
// and means nothing at all ends the connection.
//
// zlib's state is 100 KiB for output and 40 KiB for input. A parked session keeps neither: what was
// sent ends with a flush, from where a fresh compressor may go on, given the end of what it said as
// its dictionary; and what was received ends between two blocks (it does with every client that
// flushes, which it must), from where a fresh decompressor may go on, given all that earlier blocks
// may refer back to. The states themselves belong to the loop and are lent.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/session.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    LEVEL = 3, // about 10 us a KB
    WINDOW_BITS = 13,
    MEMORY_LEVEL = 7,
    PEER_WINDOW_BITS = 15,
    PEER_WINDOW_BYTES = 1 << PEER_WINDOW_BITS,
    WINDOW_BYTES = 1 << WINDOW_BITS,
    TAIL_BYTES = 2048, // of our own output that a parked session keeps
    SLICE_BYTES = 8192,
    SILENCE_MAX = 64 * 1024, // bytes of input that may come without a byte of meaning
    SPARE_CODECS = 4,        // per loop and direction
    BETWEEN = 128,           // z_stream.data_type, as zlib.h has it of inflate()
    LAST = 64,
    FLUSH_MARK = 0x0000ffff, // RFC 1951 3.2.4: an empty stored block ends so
};

struct rt_codec {
    z_stream z;
    struct rt_codec *next;
};

struct memory { // what a dictionary is made of
    uint8_t *bytes;
    uint32_t len;
};

struct rt_deflate {
    struct rt_codec *inflater, *deflater; // lent, or NULL
    struct memory heard, said;            // while they are not
    char *in, *out;                       // compressed: received, not inflated; not yet sent
    uint32_t in_cap, in_start, in_end;
    uint32_t out_start, out_end;
    uint32_t silence; // bytes of input since the last byte of output
    uint32_t mark;    // the last four bytes inflated
    bool may_hold;    // the inflater was stopped for want of room
    bool is_between;  // the inflater stands between two blocks, at a byte
    bool is_dirty;    // the deflater holds what was not flushed
    bool is_ended;    // the other side's last block came
};

// ---- states on loan

enum { INFLATER, DEFLATER };

static struct rt_codec *codec_new(int which)
{
    struct rt_codec *codec = calloc(1, sizeof(*codec));
    int r;

    CHECK(codec);
    r = which == INFLATER ? inflateInit2(&codec->z, -PEER_WINDOW_BITS)
                          : deflateInit2(&codec->z, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL,
                                         Z_DEFAULT_STRATEGY);
    CHECK(r == Z_OK);
    return codec;
}

static void codec_free(struct rt_codec *codec, int which)
{
    if (!codec)
        return;
    if (which == INFLATER)
        inflateEnd(&codec->z);
    else
        deflateEnd(&codec->z);
    free(codec);
}

static struct rt_codec *codec_lend(struct rt_loop *loop, int which)
{
    struct rt_codec *codec = loop->codecs[which];

    if (!codec)
        return codec_new(which);
    loop->codecs[which] = codec->next;
    loop->codec_count[which]--;
    CHECK((which == INFLATER ? inflateReset(&codec->z) : deflateReset(&codec->z)) == Z_OK);
    return codec;
}

static void codec_give_back(struct rt_loop *loop, struct rt_codec *codec, int which)
{
    if (codec && loop->codec_count[which] < SPARE_CODECS) {
        codec->next = loop->codecs[which];
        loop->codecs[which] = codec;
        loop->codec_count[which]++;
        return;
    }
    codec_free(codec, which);
}

void rt_codecs_done(struct rt_loop *loop)
{
    for (int which = INFLATER; which <= DEFLATER; which++)
        while (loop->codecs[which]) {
            struct rt_codec *codec = loop->codecs[which];

            loop->codecs[which] = codec->next;
            codec_free(codec, which);
        }
}

// ---- what stays of them while a session is parked

static void forget(struct memory *m)
{
    free(m->bytes);
    *m = (struct memory){0};
}

/// The last `max` bytes of what zlib remembers; `all` is as much as it may.
static void remember(struct memory *m, uint32_t all, uint32_t max,
                     int (*get)(z_stream *z, Bytef *to, uInt *len), z_stream *z)
{
    uint8_t *bytes = malloc(all);
    uint32_t skip;

    CHECK(bytes && get(z, bytes, &all) == Z_OK);
    skip = all > max ? all - max : 0;
    if (all > skip) {
        m->len = all - skip;
        m->bytes = malloc(m->len);
        CHECK(m->bytes);
        memcpy(m->bytes, bytes + skip, m->len);
    }
    free(bytes);
}

static z_stream *inflater(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d->inflater) {
        d->inflater = codec_lend(conn->loop, INFLATER);
        if (d->heard.len)
            CHECK(inflateSetDictionary(&d->inflater->z, d->heard.bytes, d->heard.len) == Z_OK);
        forget(&d->heard);
    }
    return &d->inflater->z;
}

static z_stream *deflater(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d->deflater) {
        d->deflater = codec_lend(conn->loop, DEFLATER);
        if (d->said.len)
            CHECK(deflateSetDictionary(&d->deflater->z, d->said.bytes, d->said.len) == Z_OK);
        forget(&d->said);
    }
    return &d->deflater->z;
}

static void give_in(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d->in || d->in_start < d->in_end)
        return;
    rt_window_give_back(conn->loop, TAKE(d->in), d->in_cap);
    d->in_start = d->in_end = 0;
}

static void give_out(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d->out || d->out_start < d->out_end)
        return;
    rt_window_give_back(conn->loop, TAKE(d->out), RT_WINDOW_BYTES);
    d->out_start = d->out_end = 0;
}

void rt_deflate_rest(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d)
        return;
    give_in(conn);
    give_out(conn);
    if (d->deflater && !d->is_dirty && !d->out) {
        remember(&d->said, WINDOW_BYTES, TAIL_BYTES, deflateGetDictionary, &d->deflater->z);
        codec_give_back(conn->loop, TAKE(d->deflater), DEFLATER);
    }
    if (d->inflater && d->is_between && !d->in) {
        remember(&d->heard, PEER_WINDOW_BYTES, PEER_WINDOW_BYTES, inflateGetDictionary,
                 &d->inflater->z);
        codec_give_back(conn->loop, TAKE(d->inflater), INFLATER);
    }
}

void rt_deflate_done(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    if (!d)
        return;
    d->in_start = d->in_end = d->out_start = d->out_end = 0;
    give_in(conn);
    give_out(conn);
    codec_give_back(conn->loop, d->inflater, INFLATER);
    codec_give_back(conn->loop, d->deflater, DEFLATER);
    forget(&d->heard);
    forget(&d->said);
    free(TAKE(conn->deflate));
}

// ---- input

/// -EAGAIN, 0 at the end of input, -errno, or how many compressed bytes came.
static ssize_t receive(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;
    ssize_t n;

    if (!d->in) {
        d->in = rt_window_lend(conn->loop);
        d->in_cap = RT_WINDOW_BYTES;
    }
    d->in_start = d->in_end = 0;
    n = rt_conn_read_raw(conn, d->in, d->in_cap);
    if (n > 0)
        d->in_end = (uint32_t)n;
    return n;
}

static void note_eaten(struct rt_deflate *d, uint32_t len)
{
    for (uint32_t i = len > 4 ? len - 4 : 0; i < len; i++)
        d->mark = d->mark << 8 | (uint8_t)d->in[d->in_start + i];
    d->in_start += len;
    d->silence += len;
}

/// To the end of a block at most. 0 or -EPROTO.
static int inflate_block(struct rt_conn *conn, z_stream *z)
{
    struct rt_deflate *d = conn->deflate;
    uint32_t room = z->avail_out, have = d->in_end - d->in_start;
    int r;

    z->next_in = d->in ? (Bytef *)d->in + d->in_start : NULL;
    z->avail_in = have;
    r = inflate(z, Z_BLOCK);
    note_eaten(d, have - z->avail_in);
    if (z->avail_out < room)
        d->silence = 0;
    if (z->avail_out < room || z->avail_in < have) // no bit of the next block was taken
        d->is_between = z->data_type == BETWEEN;
    d->may_hold = z->avail_out == 0;
    d->is_ended = r == Z_STREAM_END || (z->data_type & (BETWEEN | LAST)) == (BETWEEN | LAST);
    CHECK(r != Z_MEM_ERROR && r != Z_STREAM_ERROR);
    return (r < 0 && r != Z_BUF_ERROR) || d->silence > SILENCE_MAX ? -EPROTO : 0;
}

/// Between two blocks, the last of them the one of a flush.
static bool is_flushed(const struct rt_deflate *d)
{
    return d->is_between && d->mark == FLUSH_MARK;
}

ssize_t rt_deflate_read(struct rt_conn *conn, void *to, size_t len)
{
    struct rt_deflate *d = conn->deflate;
    z_stream *z = inflater(conn);

    z->next_out = to;
    z->avail_out = (uInt)len;
    while (!d->is_ended) {
        if (d->in_start < d->in_end || d->may_hold) {
            if (inflate_block(conn, z) < 0)
                return -EPROTO;
            // Not beyond a flush: behind it the client may have left off (rt_stop_deflate).
            if (z->avail_out == 0 || (z->avail_out < len && is_flushed(d)))
                break;
        } else if (z->avail_out < len) {
            break;
        } else {
            ssize_t n = receive(conn);

            if (n <= 0)
                return n;
        }
    }
    return (ssize_t)(len - z->avail_out);
}

// ---- output

/// Sends what is compressed. 0, -EAGAIN or -errno.
static int push(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;

    while (d->out_start < d->out_end) {
        ssize_t n = rt_conn_write_raw(conn, d->out + d->out_start, d->out_end - d->out_start);

        if (n < 0)
            return (int)n;
        d->out_start += (uint32_t)n;
    }
    return 0;
}

/// Nothing waits to be sent. How many of the bytes were taken.
static size_t compress_some(struct rt_conn *conn, const char *bytes, size_t len, int flush)
{
    struct rt_deflate *d = conn->deflate;
    z_stream *z = deflater(conn);

    if (!d->out)
        d->out = rt_window_lend(conn->loop);
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)len;
    z->next_out = (Bytef *)d->out;
    z->avail_out = RT_WINDOW_BYTES;
    CHECK(deflate(z, flush) != Z_STREAM_ERROR);
    d->is_dirty = flush == Z_NO_FLUSH || z->avail_out == 0;
    d->out_start = 0;
    d->out_end = RT_WINDOW_BYTES - z->avail_out;
    return len - z->avail_in;
}

ssize_t rt_deflate_write(struct rt_conn *conn, const void *bytes, size_t len)
{
    int r = push(conn);

    if (r < 0)
        return r;
    return (ssize_t)compress_some(conn, bytes, len < SLICE_BYTES ? len : SLICE_BYTES, Z_NO_FLUSH);
}

int rt_deflate_sync(struct rt_conn *conn)
{
    int r = push(conn);

    while (r == 0 && conn->deflate->is_dirty) {
        compress_some(conn, NULL, 0, Z_SYNC_FLUSH);
        r = push(conn);
    }
    return r;
}

// ---- beginning and end

bool rt_is_deflated(const struct rt_conn *conn)
{
    return conn->deflate != NULL;
}

int rt_start_deflate(struct rt_conn *conn)
{
    int r = rt_flush(conn);

    CHECK(!conn->deflate);
    if (r < 0)
        return r;
    conn->deflate = calloc(1, sizeof(*conn->deflate));
    CHECK(conn->deflate);
    conn->deflate->is_between = true;
    // What came ahead of our answer is compressed already.
    conn->deflate->in = TAKE(conn->in);
    conn->deflate->in_cap = conn->in_cap;
    conn->deflate->in_start = conn->in_start;
    conn->deflate->in_end = conn->in_end;
    conn->in_cap = conn->in_start = conn->in_end = 0;
    return 0;
}

/// [await] Reads up to the flush behind the last line, which may say nothing more.
static int read_to_flush(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;
    char more;

    while (!d->is_ended && !is_flushed(d)) {
        z_stream *z = inflater(conn);
        ssize_t n = 1;

        z->next_out = (Bytef *)&more;
        z->avail_out = 1;
        if (d->in_start == d->in_end && !d->may_hold)
            n = receive(conn);
        else if (inflate_block(conn, z) < 0 || z->avail_out == 0)
            return -EPROTO;
        if (n == -EAGAIN)
            n = rt_conn_await_input(conn);
        else if (n == 0)
            n = -ECONNRESET;
        if (n < 0)
            return (int)n;
    }
    return 0;
}

int rt_stop_deflate(struct rt_conn *conn)
{
    struct rt_deflate *d = conn->deflate;
    int r;

    CHECK(d);
    r = rt_flush(conn);
    if (r == 0)
        r = rt_has_input(conn) ? -EPROTO : read_to_flush(conn);
    if (r < 0)
        return conn->error ? conn->error : (conn->error = r);
    rt_conn_release(conn); // its window, for ours
    conn->in = TAKE(d->in);
    conn->in_cap = d->in_cap;
    conn->in_start = d->in_start;
    conn->in_end = d->in_end;
    rt_deflate_done(conn);
    return 0;
}
