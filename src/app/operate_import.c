// SPDX-License-Identifier: ISC
//
// The server's side of `carteiro import`: messages come over the control connection one after the
// other (doc/format/control.md) and are kept in batches, each in one change together with the keys
// that say what was taken. A client that hangs up loses what was not kept yet, and nothing else. At
// most one batch is in memory; the client, which waits while it is kept, is slowed down to the
// disk.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "proto/imap/flag.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/scan.h"

#include "app/control.h"
#include "app/import_state.h"
#include "app/operation.h"

#include <errno.h>
#include <inttypes.h>

enum {
    BATCH_MESSAGES = 1000,
    BATCH_BYTES = 16 << 20,
    ARENA_MAX = 64 << 20,
    FRAME_MS = 15 * 60 * 1000, // between two words of the client, which may have a slow source
    STALL_MS = 60 * 1000,      // within a message
};

struct intake {
    struct operation *op;
    struct rt_conn *conn;
    struct store *store;
    uint64_t account_id;
    bool ignore_quota, is_dry;
    struct import_state state;

    // the batch
    struct arena arena;
    struct store_change *change;
    struct store_put *puts[BATCH_MESSAGES];
    size_t count;
    uint64_t bytes;
    bool has_mailboxes; // something else than messages is in the change

    // the mailbox messages come for now
    char mailbox[STORE_NAME_MAX + 1];
    struct store_keywords keywords; // it has, or will have with this batch
    bool has_new_keywords;

    uint64_t kept, kept_bytes, keywords_lost, mailboxes_made;
};

static int fail(struct intake *in, int code, const char *why)
{
    buf_put(in->op->why, str_from(why));
    return code;
}

static int fail_store(struct intake *in, int answer)
{
    switch (answer) {
    case STORE_CONFLICT:
        return fail(in, EX_TEMPFAIL,
                    "another import from the same source has begun meanwhile; this one ends");
    case STORE_OVER_QUOTA:
        return fail(in, EX_CANTCREAT,
                    "the account is full; raise its quota (`carteiro account set --quota`) or give "
                    "--ignore-quota, and begin again: what was taken is remembered");
    case STORE_LIMIT:
        return fail(in, EX_DATAERR, "too many mailboxes, or a name too long or too deep");
    default:
        buf_putf(in->op->why, "the store: %s",
                 answer < 0 ? strerror(-answer) : "it refuses the messages");
        return EX_IOERR;
    }
}

// ---- the batch

static void empty_batch(struct intake *in)
{
    for (size_t i = 0; i < in->count; i++)
        store_body_free(in->puts[i]->body);
    in->count = 0;
    in->bytes = 0;
    in->has_mailboxes = false;
    store_change_free(in->change);
    in->change = NULL;
    arena_reset(&in->arena);
}

static int need_change(struct intake *in)
{
    return in->change ? 0 : store_change_new(in->store, &in->change);
}

/// [await] Keeps what has come; an exit code. Tells the client how many are safe now.
static int keep(struct intake *in)
{
    uint64_t count = in->count, bytes = in->bytes;
    int r = need_change(in);

    if (r != 0)
        return fail_store(in, r);
    if (count > 0)
        import_state_put(&in->state, in->change);
    if (count > 0 || in->has_mailboxes)
        r = store_commit(in->change);
    if (r == 0 && count > 0)
        import_state_committed(&in->state);
    empty_batch(in);
    if (r != 0)
        return fail_store(in, r);
    in->kept += count;
    in->kept_bytes += bytes;
    in->has_new_keywords = false;
    r = rt_putf(in->conn, "{\"kept\":%" PRIu64 "}\r\n", in->kept);
    return r < 0 || rt_flush(in->conn) < 0 ? fail(in, EX_IOERR, "the client has gone") : EX_OK;
}

// ---- mailboxes

/// [await] The keywords of the mailbox that the next messages are for. An exit code.
static int choose_mailbox(struct intake *in, struct str name)
{
    struct store_mailbox mailbox;
    int r = EX_OK, answer;

    if (str_eq(name, str_from(in->mailbox)))
        return EX_OK;
    if (in->has_new_keywords) // the store does not know them yet
        r = keep(in);
    if (r != EX_OK)
        return r;
    in->keywords.count = 0;
    answer = store_mailbox_by_name(in->store, in->account_id, name, &mailbox);
    if (answer == 0)
        answer = store_keywords_get(in->store, mailbox.id, &in->keywords);
    if (answer != 0 && answer != STORE_NOT_FOUND)
        return fail_store(in, answer);
    memcpy(in->mailbox, name.ptr, name.len);
    in->mailbox[name.len] = '\0';
    return EX_OK;
}

static bool is_good_name(struct str name)
{
    return name.len > 0 && name.len <= STORE_NAME_MAX && imap_name_is_valid(name);
}

/// [await] {"open": NAME, "use": BITS, "subscribe": BOOL}: there shall be such a mailbox.
static int on_open(struct intake *in, json_t *frame)
{
    struct str name = str_from(json_string_value(json_object_get(frame, "open")));
    unsigned use = (unsigned)json_integer_value(json_object_get(frame, "use"));
    struct store_mailbox mailbox;
    int r = need_change(in);

    if (r != 0)
        return fail_store(in, r);
    if (!is_good_name(name))
        return fail(in, EX_DATAERR, "no mailbox can have such a name");
    r = store_mailbox_by_name(in->store, in->account_id, name, &mailbox);
    if (r < 0)
        return fail_store(in, r);
    if (r == 0)
        return EX_OK;
    name = arena_str(&in->arena, name);
    store_change_mailbox_create(in->change, in->account_id, name, use, NULL);
    if (json_is_true(json_object_get(frame, "subscribe")))
        store_change_subscribe(in->change, in->account_id, name, true);
    in->has_mailboxes = true;
    in->mailboxes_made++;
    return keep(in); // so that the next look finds it
}

// ---- messages

/// The keywords a message may have: atoms, and no more different ones than a mailbox can hold.
static void take_keywords(struct intake *in, json_t *list, struct store_put *put)
{
    struct str *words = ARENA_ARRAY(&in->arena, struct str, STORE_KEYWORDS_MAX);
    size_t i, k;
    json_t *item;

    put->keywords = words;
    json_array_foreach(list, i, item)
    {
        struct str word = str_from(json_string_value(item)), atom;
        struct scan scan = scan_of(word);

        if (word.len > STORE_KEYWORD_LEN_MAX || put->keyword_count == STORE_KEYWORDS_MAX ||
            !imap_scan_atom(&scan, &atom) || !scan_is_end(&scan)) {
            in->keywords_lost++;
            continue;
        }
        for (k = 0; k < in->keywords.count; k++)
            if (str_case_eq(word, str_from(in->keywords.names[k])))
                break;
        if (k == STORE_KEYWORDS_MAX) {
            in->keywords_lost++;
            continue;
        }
        if (k == in->keywords.count) {
            memcpy(in->keywords.names[k], word.ptr, word.len);
            in->keywords.names[k][word.len] = '\0';
            in->keywords.count++;
            in->has_new_keywords = true;
        }
        words[put->keyword_count++] = arena_str(&in->arena, word);
    }
}

/// [await] The bytes of the message, as many as were announced. An exit code.
static int read_body(struct intake *in, uint64_t left, struct store_body *body)
{
    while (left > 0) {
        struct rt_scope scope;
        struct str bytes;
        int r;

        rt_within(&scope, STALL_MS);
        r = rt_peek(in->conn, &bytes);
        rt_within_end(&scope);
        if (r < 0)
            return fail(in, EX_IOERR, "the client has gone");
        bytes = str_head(bytes, left < bytes.len ? (size_t)left : bytes.len);
        r = store_body_append(body, bytes);
        if (r < 0)
            return fail_store(in, r);
        rt_eat(in->conn, bytes.len);
        left -= bytes.len;
    }
    return EX_OK;
}

static bool parse_key(struct str text, uint8_t out[IMPORT_KEY_BYTES])
{
    if (text.len != 2 * IMPORT_KEY_BYTES)
        return false;
    for (size_t i = 0; i < IMPORT_KEY_BYTES; i++) {
        int high = char_hex(text.ptr[2 * i]), low = char_hex(text.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/// What whoever must rebuild a lost index would like to know.
static void put_summary(struct intake *in, struct store_body *body)
{
    CLEANUP(buf_drop) struct buf text = {.max = STORE_ENVELOPE_MAX};

    buf_putf(&text, "import account=%" PRIu64 " mailbox=%s", in->account_id, in->mailbox);
    store_body_set_envelope(body, buf_str(&text));
}

/// Would one more message of that size pass the quota? What is in the batch counts.
static bool is_full(const struct intake *in, uint64_t size)
{
    struct store_quota quota;

    if (in->ignore_quota || store_quota_get(in->store, in->account_id, &quota) != 0)
        return false;
    return (quota.bytes_max && quota.bytes + in->bytes + size > quota.bytes_max) ||
           (quota.messages_max && quota.messages + in->count + 1 > quota.messages_max);
}

static struct store_put *put_of(struct intake *in, json_t *frame, struct store_body *body)
{
    struct store_put *put = ARENA_NEW(&in->arena, struct store_put);

    *put = (struct store_put){
        .account_id = in->account_id,
        .name = arena_str(&in->arena, str_from(in->mailbox)),
        .body = body,
        .flags =
            (unsigned)json_integer_value(json_object_get(frame, "flags")) & IMAP_FLAGS_SETTABLE,
        .internal_date = json_integer_value(json_object_get(frame, "date")),
        .zone_minutes = (int32_t)json_integer_value(json_object_get(frame, "zone")),
        .check_quota = !in->ignore_quota,
    };
    take_keywords(in, json_object_get(frame, "keywords"), put);
    return put;
}

/// [await] {"put": MAILBOX, "size": BYTES, "key": HEX, ...} CRLF bytes
static int on_put(struct intake *in, json_t *frame)
{
    struct str name = str_from(json_string_value(json_object_get(frame, "put")));
    json_int_t size = json_integer_value(json_object_get(frame, "size"));
    uint8_t key[IMPORT_KEY_BYTES];
    struct store_body *body;
    struct store_put *put;
    int code, r;

    if (!is_good_name(name) || size < 0 ||
        !parse_key(str_from(json_string_value(json_object_get(frame, "key"))), key))
        return fail(in, EX_PROTOCOL, "that is no message");
    if (is_full(in, (uint64_t)size)) {
        code = keep(in);
        return code == EX_OK ? fail_store(in, STORE_OVER_QUOTA) : code;
    }
    code = choose_mailbox(in, name);
    r = code == EX_OK ? need_change(in) : 0;
    if (r == 0 && code == EX_OK)
        r = store_body_new(in->store, &body);
    if (r != 0)
        return fail_store(in, r);
    if (code != EX_OK)
        return code;
    put_summary(in, body);
    put = put_of(in, frame, body);
    in->puts[in->count++] = put;
    code = read_body(in, (uint64_t)size, body);
    if (code != EX_OK)
        return code;
    store_change_put(in->change, put);
    import_state_add(&in->state, key);
    in->bytes += (uint64_t)size;
    return in->count == BATCH_MESSAGES || in->bytes >= BATCH_BYTES ? keep(in) : EX_OK;
}

// ---- the talk

static int say_mailboxes(struct intake *in)
{
    CLEANUP(free_drop) struct store_mailbox *all = NULL;
    size_t count;
    int r = store_mailboxes(in->store, in->account_id, &all, &count);

    for (size_t i = 0; r == 0 && i < count; i++) {
        json_t *line = json_pack("{s:o, s:I}", "mailbox", operation_json(str_from(all[i].name)),
                                 "use", (json_int_t)all[i].special_use);
        char *text = json_dumps(line, JSON_COMPACT);

        CHECK(text);
        r = rt_putf(in->conn, "%s\r\n", text);
        free(text);
        json_decref(line);
    }
    return r;
}

static int say_keys(void *arg, struct str keys)
{
    return rt_put(((struct intake *)arg)->conn, keys);
}

static int count_keys(void *arg, struct str keys)
{
    *(uint64_t *)arg += keys.len;
    return 0;
}

/// [await] What there is, and what was taken before. An exit code.
static int greet(struct intake *in)
{
    uint64_t bytes = 0;
    int r = import_state_each(&in->state, count_keys, &bytes);

    if (r == -EBADMSG || (r == 0 && bytes != in->state.taken * IMPORT_KEY_BYTES))
        return fail(in, EX_DATAERR,
                    "what was noted of earlier imports is damaged; --again takes all anew");
    if (r == 0)
        r = say_mailboxes(in);
    if (r == 0)
        r = rt_putf(in->conn, "{\"taken\":%" PRIu64 "}\r\n", in->state.taken);
    if (r == 0)
        r = import_state_each(&in->state, say_keys, in);
    if (r == 0)
        r = rt_flush(in->conn);
    return r == 0 ? EX_OK : fail_store(in, r);
}

/// [await] One word of the client. *out_end: it was the last.
static int on_frame(struct intake *in, json_t *frame, bool *out_end)
{
    if (json_object_get(frame, "put") && !in->is_dry)
        return on_put(in, frame);
    if (json_object_get(frame, "open") && !in->is_dry)
        return on_open(in, frame);
    *out_end = json_is_true(json_object_get(frame, "end"));
    if (*out_end || json_is_true(json_object_get(frame, "keep")))
        return in->is_dry ? EX_OK : keep(in);
    return fail(in, EX_PROTOCOL, "the server does not understand the command; is it older?");
}

static int listen_to(struct intake *in)
{
    bool is_end = false;
    int code = EX_OK;

    while (code == EX_OK && !is_end) {
        struct rt_scope scope;
        struct str line;
        json_t *frame;
        int r;

        rt_within(&scope, FRAME_MS);
        r = rt_line(in->conn, CONTROL_LINE_MAX, &line);
        rt_within_end(&scope);
        if (r < 0)
            return fail(in, EX_IOERR, "the client has gone");
        frame = r == 0 ? json_loadb(line.ptr, line.len, 0, NULL) : NULL;
        code = on_frame(in, frame, &is_end);
        json_decref(frame);
    }
    return code;
}

static int take_in(struct intake *in)
{
    bool again = false;
    int r, code;

    operation_bool(in->op, "dry", &in->is_dry);
    operation_bool(in->op, "ignore_quota", &in->ignore_quota);
    operation_bool(in->op, "again", &again);
    r = import_state_open(&in->state, in->store, in->account_id, operation_text(in->op, "source"));
    if (r == 0 && !in->is_dry)
        r = import_state_claim(&in->state, again);
    if (r == 0 && in->is_dry && again)
        in->state.taken = in->state.chunks = in->state.tail.len = 0;
    code = r == 0 ? greet(in) : fail_store(in, r);
    if (code == EX_OK)
        code = listen_to(in);
    operation_put(in->op, "messages", json_integer((json_int_t)in->kept));
    operation_put(in->op, "bytes", json_integer((json_int_t)in->kept_bytes));
    operation_put(in->op, "mailboxes_made", json_integer((json_int_t)in->mailboxes_made));
    operation_put(in->op, "keywords_lost", json_integer((json_int_t)in->keywords_lost));
    return code;
}

int operate_import(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_info info;
    struct intake *in;
    int code;

    if (account_get(op->site->accounts, address, &op->arena, &info) != ACCOUNT_OK) {
        buf_putf(op->why, "there is no account %.*s", STR_ARG(address));
        return EX_NOUSER;
    }
    in = calloc(1, sizeof *in);
    CHECK(in && op->conn);
    in->op = op;
    in->conn = op->conn;
    in->store = op->site->store;
    in->account_id = info.id;
    arena_init(&in->arena, ARENA_MAX);
    code = take_in(in);
    empty_batch(in);
    arena_done(&in->arena);
    import_state_done(&in->state);
    free(in);
    return code;
}
