// SPDX-License-Identifier: ISC
//
// SEARCH (RFC 3501 6.4.4). A key costs what must be read for it: nothing (the view), the entry, the
// header, or the whole message. For each message the program is worked out with what is known for
// free, "unknown" standing for the rest; only when its result is still unknown the next price is
// paid. Large messages are looked through on a worker thread.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/text.h"
#include "proto/imap/search.h"
#include "serve/imap/message.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

#include <errno.h>

enum {
    BATCH_MAX = 256,
    LOOKED_AT_MAX = 16 << 20, // bytes of a message; what lies behind is not found
    SMALL = 32 * 1024,        // bytes that may be looked through on the loop, all texts together
    HEADER_LOOKED_AT_MAX = 1 << 20, // bytes of a header
    NEEDLE_MAX = 64 * 1024, // bytes of a text to look for; folded it may be 18 times as long
};

enum price { FREE, ENTRY, HEADER, WHOLE };

enum { NO, YES, UNKNOWN };

struct searcher {
    struct imap_session *s;
    struct imap_call *c;
    struct imap_search what;
    unsigned char *values;      // NO, YES, UNKNOWN of each node, for the message at hand
    struct imap_sequence *sets; // resolved, of NUMBERS and UIDS
    struct str *needles;        // of HEADER, BODY, TEXT
    uint64_t *keywords;         // of KEYWORD; 0: no message can have it
    struct str header, bytes;   // of the message at hand
    const struct store_entry *entry;
    size_t header_keys, text_keys; // how many there are
    size_t missing;
};

static enum price price_of(enum imap_search_op op)
{
    switch (op) {
    case IMAP_SEARCH_BEFORE:
    case IMAP_SEARCH_ON:
    case IMAP_SEARCH_SINCE:
    case IMAP_SEARCH_LARGER:
    case IMAP_SEARCH_SMALLER:
        return ENTRY;
    case IMAP_SEARCH_SENT_BEFORE:
    case IMAP_SEARCH_SENT_ON:
    case IMAP_SEARCH_SENT_SINCE:
    case IMAP_SEARCH_HEADER:
        return HEADER;
    case IMAP_SEARCH_BODY:
    case IMAP_SEARCH_TEXT:
        return WHOLE;
    default:
        return FREE;
    }
}

// ---- what the program needs once

static bool prepare_needle(struct searcher *f, size_t i, struct str charset)
{
    struct buf needle;
    bool ok;

    buf_init(&needle, NEEDLE_MAX);
    ok = text_put_needle(&needle, charset, f->what.nodes[i].text) && buf_ok(&needle);
    f->needles[i] = arena_str(f->c->arena, buf_str(&needle));
    buf_done(&needle);
    return ok;
}

/// False when a text is longer than we look for.
static bool prepare(struct searcher *f)
{
    struct arena *arena = f->c->arena;
    struct imap_view *view = f->s->view;
    struct str charset = f->what.charset.ptr ? f->what.charset : STR("UTF-8");

    f->values = ARENA_ARRAY(arena, unsigned char, f->what.count);
    f->sets = ARENA_ARRAY(arena, struct imap_sequence, f->what.count);
    f->needles = ARENA_ARRAY(arena, struct str, f->what.count);
    f->keywords = ARENA_ARRAY(arena, uint64_t, f->what.count);
    for (size_t i = 0; i < f->what.count; i++) {
        const struct imap_search_node *node = &f->what.nodes[i];

        f->header_keys += price_of(node->op) == HEADER;
        f->text_keys += price_of(node->op) == WHOLE;
        switch (node->op) {
        case IMAP_SEARCH_NUMBERS:
            f->sets[i] = imap_sequence_resolve(node->numbers, (uint32_t)view->count, arena);
            break;
        case IMAP_SEARCH_UIDS:
            f->sets[i] = imap_sequence_resolve(node->numbers, imap_view_last_uid(view), arena);
            break;
        case IMAP_SEARCH_KEYWORD:
            (void)imap_view_keyword_bits(view, &node->name, 1, &f->keywords[i]);
            break;
        case IMAP_SEARCH_HEADER:
        case IMAP_SEARCH_BODY:
        case IMAP_SEARCH_TEXT:
            if (!prepare_needle(f, i, charset))
                return false;
            break;
        default:
            break;
        }
    }
    return true;
}

// ---- keys

static bool compare_day(enum imap_search_op op, int64_t day, int64_t with)
{
    switch (op) {
    case IMAP_SEARCH_BEFORE:
    case IMAP_SEARCH_SENT_BEFORE:
        return day < with;
    case IMAP_SEARCH_ON:
    case IMAP_SEARCH_SENT_ON:
        return day == with;
    default:
        return day >= with;
    }
}

static bool is_free_key(const struct searcher *f, size_t i, uint32_t index)
{
    const struct imap_search_node *node = &f->what.nodes[i];
    struct imap_view_entry entry = imap_view_at(f->s->view, index);

    switch (node->op) {
    case IMAP_SEARCH_FLAG:
        return (entry.flags & node->set) == node->set && !(entry.flags & node->unset);
    case IMAP_SEARCH_KEYWORD:
        return (entry.keywords & f->keywords[i]) != 0;
    case IMAP_SEARCH_NUMBERS:
        return imap_sequence_has(f->sets[i], index + 1);
    case IMAP_SEARCH_UIDS:
        return imap_sequence_has(f->sets[i], entry.uid);
    default:
        return true; // ALL
    }
}

static bool is_entry_key(const struct imap_search_node *node, const struct store_entry *entry)
{
    struct date date = {entry->internal_date, entry->zone_minutes, false};

    if (node->op == IMAP_SEARCH_LARGER)
        return entry->body.size > node->size;
    if (node->op == IMAP_SEARCH_SMALLER)
        return entry->body.size < node->size;
    return compare_day(node->op, date_day(date), node->day);
}

/// RFC 3501 6.4.4: the Date field, disregarding time and time zone. Without one the mail was sent
/// when it came.
static bool is_sent_key(const struct searcher *f, const struct imap_search_node *node,
                        const struct store_entry *entry)
{
    struct date date = {entry->internal_date, entry->zone_minutes, false};
    struct header_field field;

    if (header_find(f->header, STR("Date"), &field))
        (void)date_parse(field.value, &date);
    return compare_day(node->op, date_day(date), node->day);
}

static bool is_header_key(const struct searcher *f, size_t i, const struct store_entry *entry)
{
    const struct imap_search_node *node = &f->what.nodes[i];

    if (node->op == IMAP_SEARCH_HEADER)
        return text_header_has(f->header, node->name, f->needles[i]);
    return is_sent_key(f, node, entry);
}

/// BODY and TEXT keys, all at once; runs on a worker for large messages.
static int look_through(void *arg)
{
    struct searcher *f = arg;
    struct mime mime;

    mime_parse(&mime, f->bytes);
    for (size_t i = 0; i < f->what.count; i++) {
        enum imap_search_op op = f->what.nodes[i].op;

        if (op == IMAP_SEARCH_BODY)
            f->values[i] = text_body_has(&mime, f->bytes, f->needles[i]) ? YES : NO;
        else if (op == IMAP_SEARCH_TEXT)
            f->values[i] = text_message_has(&mime, f->bytes, f->needles[i]) ? YES : NO;
    }
    mime_done(&mime);
    return 0;
}

// ---- the program

/// Gives the keys of this price their values.
static void set_keys(struct searcher *f, enum price price, uint32_t index,
                     const struct store_entry *entry)
{
    for (size_t i = 0; i < f->what.count; i++) {
        const struct imap_search_node *node = &f->what.nodes[i];
        bool yes;

        if (price_of(node->op) != price || node->op == IMAP_SEARCH_AND ||
            node->op == IMAP_SEARCH_OR || node->op == IMAP_SEARCH_NOT)
            continue;
        yes = price == FREE    ? is_free_key(f, i, index)
              : price == ENTRY ? is_entry_key(node, entry)
                               : is_header_key(f, i, entry);
        f->values[i] = yes ? YES : NO;
    }
}

static int look_at_header(void *arg)
{
    struct searcher *f = arg;

    set_keys(f, HEADER, 0, f->entry);
    return 0;
}

/// Works the operators out; the last node's value is the result.
static unsigned char result(struct searcher *f)
{
    unsigned char *v = f->values;

    for (size_t i = 0; i < f->what.count; i++) {
        const struct imap_search_node *node = &f->what.nodes[i];
        unsigned char a = v[node->left], b = v[node->right];

        if (node->op == IMAP_SEARCH_AND)
            v[i] = a == NO || b == NO ? NO : a == YES && b == YES ? YES : UNKNOWN;
        else if (node->op == IMAP_SEARCH_OR)
            v[i] = a == YES || b == YES ? YES : a == NO && b == NO ? NO : UNKNOWN;
        else if (node->op == IMAP_SEARCH_NOT)
            v[i] = a == UNKNOWN ? UNKNOWN : a == YES ? NO : YES;
    }
    return v[f->what.count - 1];
}

static unsigned char judge_free(struct searcher *f, uint32_t index)
{
    memset(f->values, UNKNOWN, f->what.count);
    set_keys(f, FREE, index, NULL);
    return result(f);
}

/// [await] The result once more is paid. UNKNOWN never; -errno.
static int judge_message(struct searcher *f, uint32_t index, const struct store_entry *entry,
                         struct imap_message *m)
{
    unsigned char value;
    int r;

    (void)judge_free(f, index);
    set_keys(f, ENTRY, index, entry);
    value = result(f);
    if (value != UNKNOWN)
        return value;
    r = imap_message_header(m, &f->header);
    if (r < 0)
        return r;
    f->header = str_head(f->header, HEADER_LOOKED_AT_MAX);
    f->entry = entry;
    r = f->header.len * f->header_keys <= SMALL ? look_at_header(f)
                                                : rt_call(imap_pool(f->s), look_at_header, f);
    if (r < 0)
        return r;
    value = result(f);
    if (value != UNKNOWN)
        return value;
    rt_conn_set_command_ms(f->s->conn, (uint32_t)f->s->config.stall); // work is no silence
    r = imap_message_bytes(m, LOOKED_AT_MAX, &f->bytes);
    if (r < 0)
        return r;
    r = f->bytes.len * f->text_keys <= SMALL ? look_through(f)
                                             : rt_call(imap_pool(f->s), look_through, f);
    return r < 0 ? r : result(f);
}

static int judge(struct searcher *f, uint32_t index, const struct store_entry *entry)
{
    struct imap_message message;
    int r;

    imap_message_init(&message, imap_store(f->s), &entry->body);
    r = judge_message(f, index, entry, &message);
    imap_message_done(&message);
    return r == -EBADMSG || r == -ENOENT ? NO : r; // one damaged message does not end a search
}

static void put_hit(struct searcher *f, uint32_t index)
{
    buf_put_char(f->c->out, ' ');
    buf_put_u64(f->c->out, f->c->is_uid ? imap_view_uid(f->s->view, index) : index + 1);
}

/// Messages [first, last]: those that the view alone cannot decide are read from the store.
static int search_batch(struct searcher *f, uint32_t first, uint32_t last)
{
    const struct imap_view *view = f->s->view;
    unsigned char values[BATCH_MAX];
    struct store_entries stored = {0};
    bool has_unknown = false;
    size_t at = 0;
    int r = 0;

    for (uint32_t n = first; n <= last && r == 0; n++) {
        values[n - first] = judge_free(f, n);
        has_unknown |= values[n - first] == UNKNOWN;
        r = rt_breathe(); // a program may have thousands of keys
    }
    if (r == 0 && has_unknown)
        r = store_entries_get(imap_store(f->s), view->mailbox_id, imap_view_uid(view, first),
                              imap_view_uid(view, last), &stored);
    for (uint32_t n = first; n <= last && r == 0; n++) {
        int value = values[n - first];

        while (at < stored.count && stored.items[at].uid < imap_view_uid(view, n))
            at++;
        if (value == UNKNOWN && at < stored.count && stored.items[at].uid == imap_view_uid(view, n))
            value = judge(f, n, &stored.items[at]);
        else if (value == UNKNOWN)
            f->missing++;
        if (value == YES)
            put_hit(f, n);
        r = value < 0 ? value : rt_breathe();
    }
    store_entries_done(&stored);
    return r;
}

static int search(struct searcher *f)
{
    uint32_t count = (uint32_t)f->s->view->count;

    for (uint32_t n = 0; n < count; n += BATCH_MAX) {
        int r = search_batch(f, n, count - n < BATCH_MAX ? count - 1 : n + BATCH_MAX - 1);

        if (r == 0)
            r = imap_put_out(f->s, f->c, false);
        if (r != 0)
            return r;
        rt_conn_set_command_ms(f->s->conn, (uint32_t)f->s->config.stall);
    }
    return 0;
}

int imap_on_search(struct imap_session *s, struct imap_call *c)
{
    struct searcher f = {.s = s, .c = c};
    int r;

    if (imap_view_sync(s, IMAP_SYNC_KEEP_NUMBERS, c->is_uid, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, "The mailbox was deleted");
    if (!imap_search_parse(&c->in, c->arena, &f.what))
        return imap_bad_syntax(s, c);
    if (f.what.charset.ptr && !charset_is_known(f.what.charset))
        return imap_no(s, c, "[BADCHARSET (UTF-8 US-ASCII)] That charset is unknown here");
    if (!prepare(&f))
        return imap_no(s, c, "[LIMIT] Nobody looks for so long a text");
    buf_put(c->out, STR("* SEARCH"));
    r = search(&f);
    buf_put(c->out, STR("\r\n"));
    if (r != 0)
        return imap_no_store(s, c, "search", r);
    return imap_ok_keeping_numbers(
        s, c, f.missing > 0 ? "[EXPUNGEISSUED] Some messages are gone" : "Searched");
}
