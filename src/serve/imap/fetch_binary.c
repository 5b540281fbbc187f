// SPDX-License-Identifier: ISC
//
// BINARY[...] and BINARY.SIZE[...] (RFC 3516, RFC 9051 6.4.5): a part with its transfer encoding
// undone. How long it is, and whether it holds a NUL and must come as a literal8, is only known
// after decoding: so the part passes by twice, unless what came out of it the first time is small
// enough to be kept. At no time is more of it in memory than that.
#include "base/cleanup.h"
#include "mail/encoding.h"
#include "proto/imap/reply.h"
#include "serve/imap/fetch.h"
#include "serve/imap/piece.h"

#include <errno.h>

enum { KEPT_MAX = 256 * 1024, DECODED_ROOM = IMAP_CHUNK + 256 };

struct decoding {
    struct imap_fetcher *f;
    struct imap_message *m;
    struct byte_range from; // the encoded bytes
    enum encoding encoding;
    struct byte_range wanted; // of the decoded bytes
    uint64_t size;            // decoded bytes so far
    bool has_nul;             // in what is wanted
    bool is_putting;          // the second time
    struct buf kept;          // what is wanted; failed: it was too much
};

/// The part of a decoded piece that lies in what is wanted.
static struct str wanted_of(const struct decoding *d, struct str piece)
{
    uint64_t begin = d->size, end = d->size + piece.len;
    uint64_t from = begin > d->wanted.from ? begin : d->wanted.from;
    uint64_t to = end < d->wanted.to ? end : d->wanted.to;

    if (from >= to)
        return STR("");
    return str_of(piece.ptr + (from - begin), to - from);
}

static int take(struct decoding *d, struct str piece)
{
    struct str wanted = wanted_of(d, piece);

    d->size += piece.len;
    if (d->is_putting)
        return wanted.len > 0 ? imap_fetch_stream(d->f, wanted) : 0;
    if (wanted.len > 0) {
        d->has_nul |= memchr(wanted.ptr, 0, wanted.len) != NULL;
        buf_put(&d->kept, wanted);
    }
    return 0;
}

/// [await] The next encoded bytes, at most a chunk.
static int read_chunk(struct decoding *d, uint64_t at, struct str *out)
{
    size_t want = d->from.to - at;
    ssize_t got;

    if (want > IMAP_CHUNK)
        want = IMAP_CHUNK;
    if (at + want <= d->m->bytes.len) {
        *out = str_of(d->m->bytes.ptr + at, want);
        return 0;
    }
    got = store_body_read(d->m->store, d->m->ref, at, d->f->chunk, want);
    if (got <= 0)
        return got < 0 ? (int)got : -EBADMSG;
    *out = str_of(d->f->chunk, (size_t)got);
    return 0;
}

/// [await] Lets the decoded part pass by `take`.
static int walk(struct decoding *d)
{
    CLEANUP(buf_drop) struct buf decoded;
    struct decoder decoder;
    uint64_t at = d->from.from;
    int r = 0;

    d->size = 0;
    buf_init(&decoded, DECODED_ROOM);
    decoder_init(&decoder, d->encoding);
    while (r == 0 && at < d->from.to) {
        struct str chunk;

        r = read_chunk(d, at, &chunk);
        if (r < 0)
            return r;
        buf_clear(&decoded);
        decoder_feed(&decoder, chunk, &decoded);
        at += chunk.len;
        r = take(d, buf_str(&decoded));
        if (r == 0)
            r = rt_breathe();
    }
    if (r < 0)
        return r;
    buf_clear(&decoded);
    decoder_end(&decoder, &decoded);
    return take(d, buf_str(&decoded));
}

/// Which bytes the section means and how they are encoded. IMAP_FETCH_UNTOLD: there is no such
/// part. Parts that hold others are not encoded, whatever they say (RFC 2045 6.4).
static int aim(struct decoding *d, const struct imap_section *section)
{
    const struct mime_part *part;
    int r;

    if (section->part_count == 0) {
        d->from = (struct byte_range){0, d->m->ref->size};
        d->encoding = ENCODING_BINARY;
        return 0;
    }
    r = imap_piece_part(d->m, section, &part);
    if (r < 0)
        return r;
    if (!part)
        return IMAP_FETCH_UNTOLD;
    d->from = (struct byte_range){part->body, part->end};
    d->encoding = part->kind == MIME_LEAF ? encoding_of(part->encoding) : ENCODING_BINARY;
    return 0;
}

static void put_head(struct decoding *d, uint64_t size)
{
    if (d->has_nul)
        buf_put_char(d->f->c->out, '~');
    imap_put_literal_head(d->f->c->out, size);
}

static int put_decoded(struct decoding *d, const struct imap_fetch_item *item)
{
    struct byte_range cut = imap_fetch_cut(item, d->size);
    int r;

    put_head(d, cut.to - cut.from);
    if (buf_ok(&d->kept)) {
        buf_put(d->f->c->out, buf_str(&d->kept));
        return 0;
    }
    d->is_putting = true;
    r = imap_put_out(d->f->s, d->f->c, true);
    if (r == 0)
        r = walk(d);
    d->f->is_broken |= r < 0;
    return r;
}

int imap_fetch_put_binary(struct imap_fetcher *f, const struct imap_fetch_item *item,
                          struct imap_message *m)
{
    struct decoding d = {.f = f, .m = m};
    bool is_size = item->kind == IMAP_FETCH_BINARY_SIZE;
    int r = aim(&d, &item->section);

    if (r == IMAP_FETCH_UNTOLD) {
        buf_put(f->c->out, is_size ? STR("0") : STR("NIL"));
        return 0;
    }
    if (r == 0 && d.encoding == ENCODING_UNKNOWN) {
        f->has_unknown_cte = true;
        return IMAP_FETCH_UNTOLD;
    }
    if (r < 0)
        return r;
    d.wanted = is_size ? (struct byte_range){0, 0} : imap_fetch_cut(item, SIZE_MAX);
    buf_init(&d.kept, KEPT_MAX);
    r = walk(&d);
    if (r == 0 && is_size)
        buf_put_u64(f->c->out, d.size);
    else if (r == 0)
        r = put_decoded(&d, item);
    buf_done(&d.kept);
    return r;
}
