// SPDX-License-Identifier: ISC
//
// Looking for a text in an account's mail, for the command line, and tending its index. The newest
// messages of each mailbox come first. The index says which messages cannot have the text; the
// others are read, so the answer is the same with and without it.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/text.h"
#include "mail/word.h"
#include "search/search.h"

#include "app/operation.h"
#include "app/server.h"

#include <errno.h>

enum {
    WINDOW = 500,    // uids looked at in one go
    HITS_MAX = 1000, // told of one search
    HITS_USUAL = 100,
    HEAD_MAX = 64 * 1024,     // bytes of a message for its From and Subject
    LOOKED_AT_MAX = 16 << 20, // bytes of a message, as IMAP SEARCH does
    NEEDLE_MAX = 64 * 1024,
    AT_ONCE = 32 * 1024, // bytes that may be looked through on the loop
};

struct seeker {
    struct operation *op;
    struct search *search;
    struct search_query query;
    struct search_hits hits;
    const struct store_mailbox *mailbox;
    json_t *rows;
    size_t limit;
    uint64_t done, total; // messages, for the progress
    uint64_t read;
    struct buf message;
    bool has_it;
};

static struct search *search_of(const struct operation *op)
{
    return op->site->server ? server_search(op->site->server) : NULL;
}

static uint64_t owner(struct operation *op)
{
    struct account_info info;
    struct str address = operation_text(op, "address");

    if (account_get(op->site->accounts, address, &op->arena, &info) == ACCOUNT_OK)
        return info.id;
    buf_putf(op->why, "there is no account %.*s", STR_ARG(address));
    return 0;
}

static int failed(struct operation *op, int r)
{
    buf_put(op->why, str_from(r < 0 ? strerror(-r) : "the store refuses it"));
    return EX_IOERR;
}

// ---- one message

static int look_through(void *arg)
{
    struct seeker *k = arg;
    struct str message = buf_str(&k->message);
    struct mime m;

    mime_parse(&m, message);
    if (k->query.where == SEARCH_HEADER)
        k->has_it =
            text_header_has(mime_header_of(message, &m.parts[0]), k->query.field, k->query.needle);
    else if (k->query.where == SEARCH_BODY)
        k->has_it = text_body_has(&m, message, k->query.needle);
    else
        k->has_it = text_message_has(&m, message, k->query.needle);
    mime_done(&m);
    return 0;
}

/// [await] The first `max` bytes of the message, or all of it.
static int load(struct seeker *k, const struct store_body_ref *ref, size_t max)
{
    size_t len = ref->size < max ? (size_t)ref->size : max;
    ssize_t got;
    char *room;

    buf_clear(&k->message);
    room = buf_room(&k->message, len);
    CHECK(room);
    got = store_body_read(k->op->site->store, ref, 0, room, len);
    if (got < 0)
        return (int)got;
    buf_added(&k->message, (size_t)got);
    return 0;
}

/// [await] A damaged message has no text.
static bool has_text(struct seeker *k, const struct store_entry *entry)
{
    k->read++;
    k->has_it = false;
    if (load(k, &entry->body, LOOKED_AT_MAX) < 0)
        return false;
    if (k->message.len <= AT_ONCE)
        look_through(k);
    else
        rt_call(k->op->site->pool, look_through, k);
    return k->has_it;
}

static json_t *field_json(struct seeker *k, struct str name)
{
    CLEANUP(buf_drop) struct buf text = {.max = 4 * HEAD_MAX};
    struct header_field field;

    if (header_find(buf_str(&k->message), name, &field))
        word_put_decoded(&text, field.value);
    return operation_json(str_trim(buf_str(&text)));
}

static void put_hit(struct seeker *k, const struct store_entry *entry)
{
    if (load(k, &entry->body, HEAD_MAX) < 0)
        buf_clear(&k->message);
    json_array_append_new(
        k->rows,
        json_pack("{s:o, s:I, s:I, s:o, s:o, s:I}", "mailbox",
                  operation_json(str_from(k->mailbox->name)), "uid", (json_int_t)entry->uid, "date",
                  (json_int_t)entry->internal_date, "from", field_json(k, STR("From")), "subject",
                  field_json(k, STR("Subject")), "bytes", (json_int_t)entry->body.size));
}

// ---- a mailbox

static int search_window(struct seeker *k, uint32_t first, uint32_t last)
{
    struct store_entries entries;
    int r = store_entries_get(k->op->site->store, k->mailbox->id, first, last, &entries);

    if (r != 0)
        return r < 0 ? r : 0;
    for (size_t i = entries.count; i > 0 && json_array_size(k->rows) <= k->limit && r == 0; i--) {
        const struct store_entry *entry = &entries.items[i - 1];
        enum search_says says = search_says(&k->hits, entry->uid, entry->body.message_id);

        if (says == SEARCH_YES || (says == SEARCH_READ && has_text(k, entry)))
            put_hit(k, entry);
        r = rt_breathe();
    }
    k->done += entries.count;
    store_entries_done(&entries);
    if (k->op->progress)
        k->op->progress(k->op->progress_arg, k->done, k->total);
    return r;
}

static int search_mailbox(struct seeker *k, const struct store_mailbox *mailbox)
{
    uint32_t last = mailbox->uidnext - 1;
    int r;

    k->mailbox = mailbox;
    r = search_find(k->search, mailbox, &k->query, &k->hits);
    while (r >= 0 && last > 0 && json_array_size(k->rows) <= k->limit) {
        uint32_t first = last > WINDOW ? last - WINDOW + 1 : 1;

        r = search_window(k, first, last);
        last = first - 1;
    }
    search_hits_done(&k->hits);
    return r < 0 ? r : 0;
}

/// Those that are asked for, by name.
static int search_all(struct seeker *k, uint64_t account_id, struct str name)
{
    CLEANUP(free_drop) struct store_mailbox *all = NULL;
    size_t count = 0, searched = 0;
    int r = store_mailboxes(k->op->site->store, account_id, &all, &count);

    if (r != 0)
        return failed(k->op, r);
    for (size_t i = 0; i < count; i++) {
        if (!name.ptr || str_eq(name, str_from(all[i].name)))
            k->total += all[i].message_count;
    }
    for (size_t i = 0; i < count && r == 0; i++) {
        if (name.ptr && !str_eq(name, str_from(all[i].name)))
            continue;
        searched++;
        r = search_mailbox(k, &all[i]);
    }
    if (r < 0)
        return failed(k->op, r);
    if (name.ptr && searched == 0) {
        buf_putf(k->op->why, "there is no mailbox \"%.*s\"", STR_ARG(name));
        return EX_NOUSER;
    }
    return EX_OK;
}

static int prepare(struct seeker *k, struct buf *needle)
{
    struct str text = operation_text(k->op, "text"), where = operation_text(k->op, "where");
    uint64_t limit = HITS_USUAL;

    operation_number(k->op, "limit", &limit);
    k->limit = limit < 1 ? 1 : limit > HITS_MAX ? HITS_MAX : (size_t)limit;
    k->query.field = operation_text(k->op, "field");
    k->query.where = k->query.field.len           ? SEARCH_HEADER
                     : str_eq(where, STR("body")) ? SEARCH_BODY
                                                  : SEARCH_TEXT;
    if (text.len == 0 || !text_put_needle(needle, STR("UTF-8"), text) || !buf_ok(needle)) {
        buf_put(k->op->why, text.len ? STR("the text is too long") : STR("the text is empty"));
        return EX_DATAERR;
    }
    k->query.needle = buf_str(needle);
    return EX_OK;
}

int operate_mailbox_search(struct operation *op)
{
    CLEANUP(buf_drop) struct buf needle = {.max = NEEDLE_MAX};
    struct seeker k = {.op = op, .search = search_of(op), .rows = json_array()};
    uint64_t account_id = owner(op);
    bool has_more;
    int code = account_id ? prepare(&k, &needle) : EX_NOUSER;

    buf_init(&k.message, LOOKED_AT_MAX);
    if (code == EX_OK)
        code = search_all(&k, account_id, operation_mailbox_name(op, "name"));
    buf_done(&k.message);
    if (code != EX_OK) {
        json_decref(k.rows);
        return code;
    }
    has_more = json_array_size(k.rows) > k.limit;
    if (has_more)
        json_array_remove(k.rows, k.limit);
    operation_put(op, "messages", k.rows);
    operation_put(op, "more", json_boolean(has_more));
    operation_put(op, "read", json_integer((json_int_t)k.read));
    return EX_OK;
}

// ---- the index

/// NULL after saying so.
static struct search *index_of(struct operation *op)
{
    struct search *search = search_of(op);

    if (!search)
        buf_put(op->why, STR("no server runs; it is the server that fills the index"));
    return search;
}

int operate_mailbox_index(struct operation *op)
{
    struct search *search = index_of(op);
    uint64_t account_id = owner(op);
    struct search_status status;
    int r;

    if (!account_id || !search)
        return !search ? EX_UNAVAILABLE : EX_NOUSER;
    r = search_status(search, account_id, &status);
    if (r < 0)
        return failed(op, r);
    operation_put(op, "index",
                  json_pack("{s:I, s:I, s:I, s:I, s:I}", "mailboxes", (json_int_t)status.mailboxes,
                            "messages", (json_int_t)status.messages, "waiting",
                            (json_int_t)status.waiting, "unindexed", (json_int_t)status.unindexed,
                            "bytes", (json_int_t)status.bytes));
    return EX_OK;
}

int operate_mailbox_reindex(struct operation *op)
{
    struct search *search = index_of(op);
    uint64_t account_id = owner(op);
    bool wait = false;
    int r;

    if (!account_id || !search)
        return !search ? EX_UNAVAILABLE : EX_NOUSER;
    r = search_rebuild(search, account_id);
    operation_bool(op, "wait", &wait);
    if (r == 0 && wait)
        r = search_catch_up(search);
    return r < 0 ? failed(op, r) : operate_mailbox_index(op);
}
