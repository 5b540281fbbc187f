// SPDX-License-Identifier: ISC
#include "serve/imap/search_text.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/text.h"

enum {
    LOOKED_AT_MAX = 16 << 20, // bytes of a message; what lies behind is not found
    SMALL = 32 * 1024,        // bytes that may be looked through on the loop, all texts together
    NEEDLE_MAX = 64 * 1024,   // bytes of a text to look for; folded it may be 18 times as long
};

static bool is_text(enum imap_search_op op)
{
    return op == IMAP_SEARCH_HEADER || op == IMAP_SEARCH_BODY || op == IMAP_SEARCH_TEXT;
}

static bool add_key(struct imap_text_keys *t, uint32_t node, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf needle = {.max = NEEDLE_MAX};
    struct str charset = t->what->charset.ptr ? t->what->charset : STR("UTF-8");
    enum imap_search_op op = t->what->nodes[node].op;

    if (!text_put_needle(&needle, charset, t->what->nodes[node].text) || !buf_ok(&needle))
        return false;
    t->keys[t->count++] =
        (struct imap_text_key){.node = node, .needle = arena_str(arena, buf_str(&needle))};
    t->header_keys += op == IMAP_SEARCH_HEADER;
    t->body_keys += op != IMAP_SEARCH_HEADER;
    return true;
}

bool imap_text_keys_init(struct imap_text_keys *t, const struct imap_search *what,
                         unsigned char *values, struct arena *arena)
{
    *t = (struct imap_text_keys){.what = what, .values = values};
    for (uint32_t i = 0; i < what->count; i++) {
        if (!is_text(what->nodes[i].op))
            continue;
        if (!t->keys)
            t->keys = ARENA_ARRAY(arena, struct imap_text_key, IMAP_SEARCH_TEXTS_MAX);
        CHECK(t->count < IMAP_SEARCH_TEXTS_MAX);
        if (!add_key(t, i, arena))
            return false;
    }
    return true;
}

void imap_text_keys_done(struct imap_text_keys *t)
{
    for (size_t i = 0; i < t->count; i++)
        search_hits_done(&t->keys[i].hits);
    t->count = 0;
}

int imap_text_keys_ask(struct imap_text_keys *t, struct imap_session *s, uint64_t mailbox_id)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = NULL;
    int r = 0;

    if (t->is_asked || t->count == 0 || !imap_search_index(s))
        return 0;
    t->is_asked = true;
    mailbox = malloc(sizeof(*mailbox));
    CHECK(mailbox);
    if (store_mailbox_by_id(imap_store(s), mailbox_id, mailbox) != 0)
        return 0; // gone: the messages tell
    for (size_t i = 0; i < t->count && r >= 0; i++) {
        struct imap_text_key *key = &t->keys[i];
        const struct imap_search_node *node = &t->what->nodes[key->node];
        struct search_query query = {
            .where = node->op == IMAP_SEARCH_HEADER ? SEARCH_HEADER
                     : node->op == IMAP_SEARCH_BODY ? SEARCH_BODY
                                                    : SEARCH_TEXT,
            .field = node->name,
            .needle = key->needle,
        };

        r = search_find(imap_search_index(s), mailbox, &query, &key->hits);
    }
    return imap_is_gone(r) ? r : 0; // an index in trouble only costs time
}

void imap_text_keys_known(struct imap_text_keys *t, uint32_t uid, uint64_t message_id)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct imap_text_key *key = &t->keys[i];
        enum search_says says = search_says(&key->hits, uid, message_id);

        if (says != SEARCH_READ)
            t->values[key->node] = says == SEARCH_YES ? IMAP_YES : IMAP_NO;
    }
}

static int look_at_header(void *arg)
{
    struct imap_text_keys *t = arg;

    for (size_t i = 0; i < t->count; i++) {
        const struct imap_text_key *key = &t->keys[i];
        const struct imap_search_node *node = &t->what->nodes[key->node];

        if (node->op == IMAP_SEARCH_HEADER && t->values[key->node] == IMAP_UNKNOWN)
            t->values[key->node] =
                text_header_has(t->header, node->name, key->needle) ? IMAP_YES : IMAP_NO;
    }
    return 0;
}

int imap_text_keys_header(struct imap_text_keys *t, struct imap_session *s, struct str header)
{
    t->header = header;
    if (t->header_keys == 0)
        return 0;
    return header.len * t->header_keys <= SMALL ? look_at_header(t)
                                                : rt_call(imap_pool(s), look_at_header, t);
}

static int look_through(void *arg)
{
    struct text_query queries[IMAP_SEARCH_TEXTS_MAX];
    uint32_t nodes[IMAP_SEARCH_TEXTS_MAX];
    struct imap_text_keys *t = arg;
    struct mime mime;
    size_t count = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct imap_text_key *key = &t->keys[i];
        enum imap_search_op op = t->what->nodes[key->node].op;

        if (op == IMAP_SEARCH_HEADER || t->values[key->node] != IMAP_UNKNOWN)
            continue;
        queries[count] =
            (struct text_query){.needle = key->needle, .in_header = op == IMAP_SEARCH_TEXT};
        nodes[count++] = key->node;
    }
    mime_parse(&mime, t->bytes);
    text_find(&mime, t->bytes, queries, count);
    mime_done(&mime);
    for (size_t i = 0; i < count; i++)
        t->values[nodes[i]] = queries[i].found ? IMAP_YES : IMAP_NO;
    return 0;
}

int imap_text_keys_whole(struct imap_text_keys *t, struct imap_session *s, struct imap_message *m)
{
    int r = imap_message_bytes(m, LOOKED_AT_MAX, &t->bytes);

    if (r < 0)
        return r;
    return t->bytes.len <= SMALL ? look_through(t) : rt_call(imap_pool(s), look_through, t);
}
