// SPDX-License-Identifier: ISC
//
// APPEND (RFC 3501 6.3.11) of one message or several (RFC 3502), with APPENDUID (RFC 4315),
// literal8 (RFC 3516) and UTF8 data (RFC 6855). Messages go from the connection straight into the
// store; what must not come in is refused before the client sends it, or read away (RFC 7888 4).
#include "serve/imap/append.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/binary.h"
#include "mail/charset.h"
#include "mail/header.h"

#include <errno.h>
#include <inttypes.h>

enum {
    APPEND_BYTES_MAX = 1 << 30, // of all messages of a command
    ARENA_NEEDED = 256 * 1024,  // for what stands before a message, for a URL: 8 KB of text at most
};

// ---- refusing

int imap_append_refuse(struct imap_appending *a, const char *text)
{
    a->result = imap_no(a->in.s, a->in.c, text);
    return IMAP_APPEND_ANSWERED;
}

int imap_append_refuse_syntax(struct imap_appending *a)
{
    a->result = imap_bad_syntax(a->in.s, a->in.c);
    return IMAP_APPEND_ANSWERED;
}

int imap_append_refuse_store(struct imap_appending *a, int answer)
{
    a->result = imap_no_store(a->in.s, a->in.c, "append", answer);
    return IMAP_APPEND_ANSWERED;
}

int imap_append_has_room(struct imap_appending *a)
{
    return arena_has_room(a->in.c->arena, ARENA_NEEDED)
               ? 0
               : imap_append_refuse(a, "[LIMIT] The command is too long");
}

// ---- one literal into a body

/// A literal8 whose NULs IMAP could not tell otherwise is kept with its binary parts as base64 (RFC
/// 3516 4.4); one without stays as it is. Which it is shows at the end: both are made.
struct sink {
    struct store_body *raw, *encoded; // encoded NULL: never
    struct binary *binary;
    struct buf out;
    bool has_nul;
};

static int take(void *arg, struct str bytes)
{
    struct sink *sink = arg;
    int r = store_body_append(sink->raw, bytes);

    if (r != 0 || !sink->encoded)
        return r;
    sink->has_nul |= memchr(bytes.ptr, 0, bytes.len) != NULL;
    buf_clear(&sink->out);
    binary_put(sink->binary, bytes, &sink->out);
    return store_body_append(sink->encoded, buf_str(&sink->out));
}

static int end_binary(struct sink *sink)
{
    buf_clear(&sink->out);
    binary_end(sink->binary, &sink->out);
    return store_body_append(sink->encoded, buf_str(&sink->out));
}

int imap_append_judge_size(struct imap_appending *a, const struct store_body *body, uint64_t size)
{
    struct imap_session *s = a->in.s;
    uint64_t all = a->bytes + store_body_size(body) + size;
    struct store_quota quota;

    if (store_body_size(body) + size > s->config.message_size)
        return imap_append_refuse(a, "[TOOBIG] The message is larger than this server takes");
    if (all > APPEND_BYTES_MAX)
        return imap_append_refuse(a, "[LIMIT] Those are too many messages for one command");
    if (!a->frees_room && store_quota_get(imap_store(s), a->mailbox.account_id, &quota) == 0 &&
        quota.bytes_max > 0 && quota.bytes + all > quota.bytes_max)
        return imap_append_refuse_store(a, STORE_OVER_QUOTA);
    return 0;
}

static int receive(struct imap_appending *a, struct sink *sink)
{
    int taken = 0, r = imap_intake_literal(&a->in, take, sink, &taken);

    if (r < 0)
        return r;
    if (taken != 0)
        return imap_append_refuse_store(a, taken);
    return r == IMAP_INTAKE_LIMIT ? imap_append_refuse(a, "[LIMIT] The command is too long") : 0;
}

static int scan_head(struct imap_appending *a, const struct store_body *body, bool must_be_8,
                     bool *out_is_8)
{
    struct imap_literal literal;

    if (!imap_scan_literal_head(&a->in.in, &literal, out_is_8) || (must_be_8 && !*out_is_8))
        return imap_append_refuse_syntax(a);
    return imap_append_judge_size(a, body, literal.size);
}

int imap_append_literal(struct imap_appending *a, struct store_body *body, bool must_be_8)
{
    struct sink sink = {.raw = body};
    bool is_8;
    int r = scan_head(a, body, must_be_8, &is_8);

    return r == 0 ? receive(a, &sink) : r;
}

/// A message that is one literal. *body becomes the encoded one where it must.
static int receive_message(struct imap_appending *a, struct store_body **body, bool must_be_8)
{
    struct sink sink = {.raw = *body};
    bool is_8;
    int r = scan_head(a, *body, must_be_8, &is_8);

    if (r != 0)
        return r;
    if (a->in.literal.size == 0)
        return imap_append_refuse(a, "[CANNOT] There is no message");
    if (!is_8)
        return receive(a, &sink);
    r = store_body_new(imap_store(a->in.s), &sink.encoded);
    if (r != 0)
        return imap_append_refuse_store(a, r);
    sink.binary = binary_new();
    buf_init(&sink.out, 2 * IMAP_LINE_MAX + BINARY_ROOM);
    r = receive(a, &sink);
    if (r == 0 && sink.has_nul) {
        int ended = end_binary(&sink);

        r = ended != 0 ? imap_append_refuse_store(a, ended) : 0;
    }
    if (r == 0 && sink.has_nul) {
        *body = sink.encoded;
        sink.encoded = sink.raw;
    }
    store_body_free(sink.encoded);
    binary_free(sink.binary);
    buf_done(&sink.out);
    return r;
}

// ---- one message

/// What whoever must rebuild a lost index would like to know.
static void put_summary(struct imap_appending *a, struct store_body *body)
{
    CLEANUP(buf_drop) struct buf text;

    buf_init(&text, STORE_ENVELOPE_MAX);
    buf_putf(&text, "append account=%" PRIu64 " mailbox=%s", a->mailbox.account_id,
             a->mailbox.name);
    store_body_set_envelope(body, buf_str(&text));
}

/// RFC 4314 4: flags that one has no right to set are left out.
static uint32_t allowed_flags(const struct imap_appending *a, unsigned flags)
{
    unsigned allowed = 0;

    if (a->rights & ACCESS_SEEN)
        allowed |= IMAP_SEEN;
    if (a->rights & ACCESS_DELETED)
        allowed |= IMAP_DELETED;
    if (a->rights & ACCESS_WRITE)
        allowed |= IMAP_FLAGS_SETTABLE & ~(unsigned)(IMAP_SEEN | IMAP_DELETED);
    return flags & allowed;
}

static struct store_put *new_put(struct imap_appending *a,
                                 const struct imap_append_options *options)
{
    struct store_put *put;

    if (a->count == a->cap) {
        a->cap += a->cap + 1;
        a->puts = realloc(a->puts, a->cap * sizeof(*a->puts));
        CHECK(a->puts);
    }
    put = &a->puts[a->count++];
    *put = (struct store_put){
        .mailbox_id = a->mailbox.id,
        .account_id = a->mailbox.account_id,
        .flags = allowed_flags(a, options->flags.bits),
        .keywords = options->flags.keywords,
        .keyword_count = a->rights & ACCESS_WRITE ? options->flags.keyword_count : 0,
        .internal_date = options->has_date ? options->date.seconds : rt_wall_s(),
        .zone_minutes = options->has_date ? options->date.zone_minutes : 0,
        .check_quota = true,
    };
    return put;
}

static int read_data(struct imap_appending *a, enum imap_append_kind kind, struct store_body **body)
{
    int r;

    if (kind == IMAP_APPEND_CATENATE)
        return imap_append_catenate(a, *body);
    r = receive_message(a, body, kind == IMAP_APPEND_UTF8);
    if (r == 0 && kind == IMAP_APPEND_UTF8 && !scan_char(&a->in.in, ')'))
        return imap_append_refuse_syntax(a);
    return r;
}

/// RFC 6855 4: who sends a header beyond ASCII says so; who did not, may where the administrator
/// did not forbid it.
static bool is_header_welcome(const struct imap_appending *a, enum imap_append_kind kind,
                              const struct store_body *body)
{
    struct str head = store_body_head(body);

    if (a->in.s->enabled & (IMAP_UTF8 | IMAP_REV2))
        return true;
    if (kind != IMAP_APPEND_UTF8 && !a->in.s->config.ascii_headers)
        return true;
    return charset_is_ascii(str_head(head, header_len(head)));
}

/// [flags SP] [date SP] data
static int read_message(struct imap_appending *a)
{
    struct imap_append_options options;
    enum imap_append_kind kind;
    struct store_put *put;
    int r = imap_append_has_room(a);

    if (r != 0)
        return r;
    if (!imap_scan_append_options(&a->in.in, a->in.c->arena, &options) ||
        !imap_scan_append_kind(&a->in.in, &kind))
        return imap_append_refuse_syntax(a);
    if (options.flags.has_unknown)
        return imap_append_refuse(a, "[CANNOT] No such system flag");
    put = new_put(a, &options);
    r = store_body_new(imap_store(a->in.s), &put->body);
    if (r != 0)
        return imap_append_refuse_store(a, r);
    put_summary(a, put->body);
    r = read_data(a, kind, &put->body);
    if (r != 0)
        return r;
    a->bytes += store_body_size(put->body);
    if (store_body_size(put->body) == 0)
        return imap_append_refuse(a, "[CANNOT] There is no message");
    if (!is_header_welcome(a, kind, put->body))
        return imap_append_refuse(a, "[CANNOT] ENABLE UTF8=ACCEPT before such a header");
    return 0;
}

// ---- all of them

struct imap_appending *imap_appending_new(struct imap_session *s, struct imap_call *c)
{
    struct imap_appending *a = calloc(1, sizeof(*a));

    CHECK(a);
    imap_intake_init(&a->in, s, c);
    return a;
}

void imap_appending_free(struct imap_appending *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++)
        store_body_free(a->puts[i].body);
    free(a->puts);
    free(a);
}

int imap_append_target(struct imap_appending *a)
{
    struct imap_session *s = a->in.s;
    struct str wire, name;

    if (!imap_scan_sp(&a->in.in) || !imap_scan_astring(&a->in.in, a->in.c->arena, &wire) ||
        !imap_scan_sp(&a->in.in))
        return imap_append_refuse_syntax(a);
    if (imap_decode_name(a->in.c, wire, &name) != IMAP_NAME_OK)
        return imap_append_refuse(a, "[CANNOT] No mailbox can have that name");
    if (imap_lookup_mailbox(s, a->in.c, name, ACCESS_INSERT, &a->mailbox, &a->result) != 0)
        return IMAP_APPEND_ANSWERED;
    a->rights = access_rights(imap_access(s), s->account_id, &a->mailbox);
    return 0;
}

int imap_append_messages(struct imap_appending *a, size_t max)
{
    while (true) {
        int r = read_message(a);

        if (r != 0)
            return r;
        if (scan_is_end(&a->in.in))
            return 0;
        if (!imap_scan_sp(&a->in.in) || max == 1)
            return imap_append_refuse_syntax(a);
        if (a->count == max)
            return imap_append_refuse(a, "[LIMIT] Those are too many messages for one command");
    }
}

void imap_append_change(struct imap_appending *a, struct store_change *change)
{
    for (size_t i = 0; i < a->count; i++)
        store_change_put(change, &a->puts[i]);
}

void imap_append_put_uids(const struct imap_appending *a, struct buf *out)
{
    struct imap_set_putter set = {.out = out};

    buf_putf(out, "APPENDUID %" PRIu32 " ", a->puts[0].uidvalidity);
    for (size_t i = 0; i < a->count; i++)
        imap_set_put(&set, a->puts[i].uid);
    imap_set_end(&set);
}

static int commit(struct imap_appending *a)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    CLEANUP(buf_drop) struct buf text;
    struct imap_session *s = a->in.s;
    int r = store_change_new(imap_store(s), &change);

    buf_init(&text, 32 * (IMAP_APPEND_MESSAGES_MAX + 1));
    if (r == 0) {
        imap_append_change(a, change);
        r = store_commit(change);
    }
    if (r == STORE_NOT_FOUND)
        return imap_no(s, a->in.c, "[TRYCREATE] No such mailbox");
    if (r != 0)
        return imap_no_store(s, a->in.c, "append", r);
    buf_put_char(&text, '[');
    imap_append_put_uids(a, &text);
    buf_put(&text, STR("] Kept"));
    return imap_ok(s, a->in.c, buf_cstr(&text));
}

int imap_on_append(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(imap_appending_drop) struct imap_appending *a = imap_appending_new(s, c);
    int r = imap_append_target(a);

    if (r == 0)
        r = imap_append_messages(a, IMAP_APPEND_MESSAGES_MAX);
    if (r == IMAP_APPEND_ANSWERED)
        return imap_intake_end(&a->in, a->result);
    return r == 0 ? commit(a) : r;
}
