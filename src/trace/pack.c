// SPDX-License-Identifier: ISC
//
// A row's lines as bytes: for each the time since the row's own, the place and the text, each with
// its length; and all of it deflated (RFC 1951) where that makes it smaller, with the words that
// every story has known from the start.
#include "base/check.h"
#include "trace/day.h"

#include <zlib.h>

enum {
    PACKED_PLAIN = 0,
    PACKED_DEFLATED = 1, // by the_words
    WORTH_PACKING = 600, // bytes: the few lines of a local mail stay as they are, for their CPU
    UNPACKED_MAX = 16 << 20,
};

// What never changes once rows were written with it: another one would get another number.
static const char the_words[] =
    "queue/report failed delayed relayed delivered dns A AAAA TLSA NXDOMAIN SERVFAIL secure bogus "
    "no-policy-found MTA-STS enforce testing DANE records verified certificate expired is for, not "
    "for listen/gate queue/attempt later code=451 text=\"4.3.0 4.2.2 4.7.1 5.1.1 5.7.1 550 554 "
    "greylisted, try again later no such user here mailbox full\nC: EHLO S: 250-PIPELINING\nS: "
    "250-SIZE 52428800\nS: 250-8BITMIME\nS: 250-ENHANCEDSTATUSCODES\nS: 250-DSN\nS: 250-SMTPUTF8\n"
    "S: 250-CHUNKING\nS: 250-STARTTLS\nS: 220 ESMTP\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS"
    "\nS: 250 HELP\nC: MAIL FROM:<> SIZE= BODY=8BITMIME\nC: RCPT TO:<> NOTIFY=FAILURE\nC: DATA\nS: "
    "250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 End data with <CR><LF>.<CR><LF>\nS: 250 2.0.0 Ok: "
    "queued as \nC: QUIT\nS: 221 2.0.0 Bye\nTLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified "
    "self-signed certificate\nroute/recipient remote local alias list id= to= targets=1 route/"
    "hosts IN MX 10 receive/data taken session= peer=127.0.0.1 from= size= rcpts=1 with=ESMTPSA "
    "user= queue/accept kept message_id=\" deliver/deliver filed account= mailbox=INBOX uid= "
    "queue/attempt done host=\" code=250 text=\"2.0.0 Ok: queued as ";

// ---- numbers and lines

static void put_number(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_put_char(out, (char)(0x80 | (value & 0x7f)));
    buf_put_char(out, (char)value);
}

static bool take_number(struct str *in, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
        unsigned char c = (unsigned char)in->ptr[0];

        *in = str_skip(*in, 1);
        value |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take_text(struct str *in, struct str *out)
{
    uint64_t len;

    if (!take_number(in, &len) || len > in->len)
        return false;
    *out = str_head(*in, (size_t)len);
    *in = str_skip(*in, (size_t)len);
    return true;
}

void trace_pack_line(struct buf *plain, uint64_t at_us, struct str where, struct str text)
{
    put_number(plain, at_us);
    put_number(plain, where.len);
    buf_put(plain, where);
    put_number(plain, text.len);
    buf_put(plain, text);
}

bool trace_unpack_line(struct str *plain, uint64_t *at_us, struct str *where, struct str *text)
{
    return take_number(plain, at_us) && take_text(plain, where) && take_text(plain, text);
}

// ---- smaller

struct trace_packer {
    z_stream z;
};

struct trace_packer *trace_packer_new(void)
{
    struct trace_packer *packer = calloc(1, sizeof(*packer));

    CHECK(packer);
    CHECK(deflateInit2(&packer->z, 3, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    return packer;
}

void trace_packer_free(struct trace_packer *packer)
{
    if (packer)
        deflateEnd(&packer->z);
    free(packer);
}

static bool deflate_all(z_stream *z, struct str plain, struct buf *out)
{
    size_t room = deflateBound(z, plain.len);
    char *to = buf_room(out, room);

    if (!to || deflateReset(z) != Z_OK ||
        deflateSetDictionary(z, (const Bytef *)the_words, sizeof the_words - 1) != Z_OK)
        return false;
    z->next_in = (Bytef *)(uintptr_t)plain.ptr;
    z->avail_in = (uInt)plain.len;
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)room;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return false;
    buf_added(out, room - z->avail_out);
    return true;
}

void trace_pack(struct trace_packer *packer, struct str plain, struct buf *out)
{
    size_t before = out->len;

    if (plain.len >= WORTH_PACKING) {
        buf_put_char(out, PACKED_DEFLATED);
        if (deflate_all(&packer->z, plain, out) && out->len - before < plain.len)
            return;
        out->len = before;
    }
    buf_put_char(out, PACKED_PLAIN);
    buf_put(out, plain);
}

static bool inflate_all(z_stream *z, struct str packed, struct buf *plain)
{
    int r = Z_OK;

    z->next_in = (Bytef *)(uintptr_t)packed.ptr;
    z->avail_in = (uInt)packed.len;
    while (r == Z_OK) {
        size_t room = 4096;
        char *to = buf_room(plain, room);

        if (!to)
            return false;
        z->next_out = (Bytef *)to;
        z->avail_out = (uInt)room;
        r = inflate(z, Z_NO_FLUSH);
        buf_added(plain, room - z->avail_out);
    }
    return r == Z_STREAM_END;
}

bool trace_unpack(struct str packed, struct buf *plain)
{
    z_stream z = {0};
    bool is_whole;

    if (packed.len == 0 || packed.ptr[0] > PACKED_DEFLATED)
        return false;
    if (packed.ptr[0] == PACKED_PLAIN) {
        buf_put(plain, str_skip(packed, 1));
        return buf_ok(plain);
    }
    if (inflateInit2(&z, -15) != Z_OK)
        return false;
    is_whole = inflateSetDictionary(&z, (const Bytef *)the_words, sizeof the_words - 1) == Z_OK &&
               plain->max <= UNPACKED_MAX && inflate_all(&z, str_skip(packed, 1), plain);
    inflateEnd(&z);
    return is_whole;
}
