// SPDX-License-Identifier: ISC
//
// The server's side of `carteiro export`: tells the account's mailboxes, and the messages of those
// it is asked for, with or without their bytes (doc/format/control.md). Entries are read some
// thousand at a time; a client that is slow, or hangs up, costs nothing else.
#include "base/check.h"
#include "base/cleanup.h"

#include "app/control.h"
#include "app/operation.h"

#include <errno.h>
#include <inttypes.h>

enum {
    WINDOW_FIRST = 4096, // uids looked at once; more when they are sparse
    WINDOW_GOOD = 4096,  // entries that are a good handful
    PIECE = 64 * 1024,
    FRAME_MS = 60 * 60 * 1000, // a client that writes to a slow disk
};

struct outlet {
    struct operation *op;
    struct rt_conn *conn;
    struct store *store;
    uint64_t account_id;
    struct store_keywords keywords;
    uint64_t messages, bytes;
    char piece[PIECE];
};

static int say(struct outlet *o, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    int r;

    CHECK(text);
    json_decref(line);
    r = rt_putf(o->conn, "%s\r\n", text);
    free(text);
    return r;
}

// ---- mailboxes

static bool is_among(const char *name, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int say_mailboxes(struct outlet *o)
{
    CLEANUP(free_drop) struct store_mailbox *all = NULL;
    CLEANUP(free_drop) char **names = NULL;
    size_t count = 0, name_count = 0;
    int r = store_mailboxes(o->store, o->account_id, &all, &count);

    if (r == 0)
        r = store_subscriptions(o->store, o->account_id, &names, &name_count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = say(o, json_pack("{s:o, s:I, s:I, s:I, s:b}", "mailbox",
                             operation_json(str_from(all[i].name)), "id", (json_int_t)all[i].id,
                             "uidvalidity", (json_int_t)all[i].uidvalidity, "messages",
                             (json_int_t)all[i].message_count, "subscribed",
                             (int)is_among(all[i].name, names, name_count)));
    if (r == 0)
        r = rt_put(o->conn, STR("{\"ready\":true}\r\n"));
    return r;
}

// ---- messages

/// A body that cannot be read must be known before a byte of it is sent.
static int check_body(struct outlet *o, const struct store_body_ref *ref)
{
    ssize_t n = 1;

    for (uint64_t at = 0; at < ref->size && n > 0; at += (uint64_t)n)
        n = store_body_read(o->store, ref, at, o->piece, sizeof o->piece);
    return n < 0 ? (int)n : n == 0 ? -EBADMSG : 0;
}

static int send_body(struct outlet *o, const struct store_body_ref *ref)
{
    uint64_t at = 0;

    while (at < ref->size) {
        ssize_t n = store_body_read(o->store, ref, at, o->piece, sizeof o->piece);
        int r = n > 0 ? rt_put(o->conn, str_of(o->piece, (size_t)n)) : n < 0 ? (int)n : -EBADMSG;

        if (r < 0)
            return r;
        at += (uint64_t)n;
    }
    o->bytes += ref->size;
    return 0;
}

static json_t *entry_json(const struct outlet *o, const struct store_entry *entry)
{
    json_t *keywords = json_array();

    for (size_t i = 0; i < o->keywords.count; i++)
        if (entry->keywords & 1ULL << i)
            json_array_append_new(keywords, operation_json(str_from(o->keywords.names[i])));
    return json_pack("{s:I, s:I, s:o, s:I, s:I}", "uid", (json_int_t)entry->uid, "flags",
                     (json_int_t)entry->flags, "keywords", keywords, "date",
                     (json_int_t)entry->internal_date, "size", (json_int_t)entry->body.size);
}

static int send_entry(struct outlet *o, const struct store_entry *entry, bool with_bytes)
{
    int r = with_bytes ? check_body(o, &entry->body) : 0;

    if (r == -ENOENT) // expunged meanwhile
        return 0;
    if (r < 0)
        return say(o, json_pack("{s:I, s:s}", "uid", (json_int_t)entry->uid, "error",
                                r == -EBADMSG ? "it is damaged in the store" : strerror(-r)));
    o->messages += with_bytes;
    r = say(o, entry_json(o, entry));
    return r == 0 && with_bytes ? send_body(o, &entry->body) : r;
}

static int send_range(struct outlet *o, uint64_t mailbox_id, uint64_t first, uint64_t last,
                      bool with_bytes)
{
    uint64_t window = WINDOW_FIRST;
    int r = 0;

    while (r == 0 && first <= last) {
        uint64_t end = first + window - 1 < last ? first + window - 1 : last;
        struct store_entries entries = {0};
        size_t count;

        r = store_entries_get(o->store, mailbox_id, (uint32_t)first, (uint32_t)end, &entries);
        for (size_t i = 0; r == 0 && i < entries.count; i++)
            r = send_entry(o, &entries.items[i], with_bytes);
        count = entries.count;
        store_entries_done(&entries);
        first = end + 1;
        window = count < WINDOW_GOOD / 2 ? 2 * window : count > WINDOW_GOOD ? window / 2 : window;
        if (window > 1ULL << 32)
            window = 1ULL << 32;
    }
    return r;
}

/// {"read": ID, "first": UID, "last": UID, "bytes": BOOL}
static int on_read(struct outlet *o, json_t *frame)
{
    uint64_t id = (uint64_t)json_integer_value(json_object_get(frame, "read"));
    json_int_t first = json_integer_value(json_object_get(frame, "first"));
    json_int_t last = json_integer_value(json_object_get(frame, "last"));
    struct store_mailbox mailbox;
    int r = store_mailbox_by_id(o->store, id, &mailbox);

    if (r == 0 && mailbox.account_id != o->account_id)
        r = STORE_NOT_FOUND;
    if (r == 0)
        r = store_keywords_get(o->store, id, &o->keywords);
    if (r == 0 && first > 0 && last >= first && last < mailbox.uidnext)
        r = send_range(o, id, (uint64_t)first, (uint64_t)last,
                       json_is_true(json_object_get(frame, "bytes")));
    else if (r == 0 && first > 0 && last >= first)
        r = send_range(o, id, (uint64_t)first, mailbox.uidnext - 1ULL,
                       json_is_true(json_object_get(frame, "bytes")));
    if (r < 0)
        return r;
    return rt_putf(o->conn, "{\"done\":%s}\r\n", r == 0 ? "true" : "false");
}

static int listen_to(struct outlet *o)
{
    for (;;) {
        struct rt_scope scope;
        struct str line;
        json_t *frame;
        int r;

        rt_within(&scope, FRAME_MS);
        r = rt_line(o->conn, CONTROL_LINE_MAX, &line);
        rt_within_end(&scope);
        if (r < 0)
            return r;
        frame = r == 0 ? json_loadb(line.ptr, line.len, 0, NULL) : NULL;
        r = json_object_get(frame, "read") ? on_read(o, frame) : 1;
        json_decref(frame);
        if (r != 0)
            return r < 0 ? r : 0;
    }
}

int operate_export(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_info info;
    struct outlet *o;
    int r;

    if (account_get(op->site->accounts, address, &op->arena, &info) != ACCOUNT_OK) {
        buf_putf(op->why, "there is no account %.*s", STR_ARG(address));
        return EX_NOUSER;
    }
    o = calloc(1, sizeof *o);
    CHECK(o);
    o->op = op;
    o->conn = op->conn;
    o->store = op->site->store;
    o->account_id = info.id;
    r = say_mailboxes(o);
    if (r == 0)
        r = listen_to(o);
    operation_put(op, "messages", json_integer((json_int_t)o->messages));
    operation_put(op, "bytes", json_integer((json_int_t)o->bytes));
    free(o);
    if (r != 0)
        buf_putf(op->why, "the store: %s", r < 0 ? strerror(-r) : "it refuses to read");
    return r == 0 ? EX_OK : EX_IOERR;
}
