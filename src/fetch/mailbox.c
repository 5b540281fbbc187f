// SPDX-License-Identifier: ISC
//
// Which mailboxes there are, and which messages one of them has.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "proto/imap/flag.h"
#include "fetch/session.h"

#include <errno.h>

// ---- mailboxes

struct listing {
    struct fetch_session *session;
    struct arena *arena;
    struct fetch_mailbox *items;
    size_t count, cap;
    struct map by_name; // wire name -> index + 1
    bool has_subscribed;
    struct str prefix;
};

static int on_list(void *arg)
{
    struct listing *l = arg;
    const struct imap_response *r = &l->session->response;
    struct fetch_mailbox *m;

    if (r->kind != IMAP_SAYS_LIST || r->name.len == 0 || r->name.len > FETCH_NAME_MAX ||
        map_get(&l->by_name, r->name))
        return 0;
    if (l->count == FETCH_MAILBOXES_MAX)
        return -EPROTO;
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->items = realloc(l->items, l->cap * sizeof *l->items);
        CHECK(l->items);
    }
    m = &l->items[l->count++];
    *m = (struct fetch_mailbox){.wire = arena_str(l->arena, r->name),
                                .separator = r->separator,
                                .attributes = r->attributes};
    map_put(&l->by_name, r->name, (void *)(uintptr_t)l->count);
    return 0;
}

static int on_lsub(void *arg)
{
    struct listing *l = arg;
    const struct imap_response *r = &l->session->response;
    uintptr_t at = r->kind == IMAP_SAYS_LIST ? (uintptr_t)map_get(&l->by_name, r->name) : 0;

    l->has_subscribed = l->has_subscribed || r->kind == IMAP_SAYS_LIST;
    if (at)
        l->items[at - 1].is_subscribed = true;
    return 0;
}

static int on_namespace(void *arg)
{
    struct listing *l = arg;
    const struct imap_response *r = &l->session->response;

    if (r->kind == IMAP_SAYS_NAMESPACE && r->name.len <= FETCH_NAME_MAX)
        l->prefix = arena_str(l->arena, r->name);
    return 0;
}

/// LIST "" "PREFIX*", asking for special uses where the server can.
static int list_below(struct listing *l, struct str prefix, const char *verb,
                      int (*each)(void *arg))
{
    struct fetch_session *s = l->session;
    CLEANUP(buf_drop)
    struct buf pattern = {.max = FETCH_NAME_MAX + 1},
               line = {.max = 4 * FETCH_NAME_MAX};
    size_t plain;
    int r;

    buf_put(&pattern, prefix);
    buf_put_char(&pattern, '*');
    buf_putf(&line, "%s \"\" ", verb);
    if (!fetch_put_quoted(&line, buf_str(&pattern)))
        return -EPROTO;
    plain = line.len;
    if (strcmp(verb, "LIST") == 0 && fetch_can(s, "SPECIAL-USE") && fetch_can(s, "LIST-EXTENDED"))
        buf_put(&line, STR(" RETURN (SPECIAL-USE)"));
    r = fetch_command(s, buf_str(&line), each, l);
    return r == FETCH_NO && line.len > plain
               ? fetch_command(s, str_head(buf_str(&line), plain), each, l)
               : r;
}

static int list_all(struct listing *l)
{
    struct fetch_session *s = l->session;
    int r = fetch_can(s, "NAMESPACE") ? fetch_command(s, STR("NAMESPACE"), on_namespace, l) : 0;

    if (r >= 0 && l->prefix.len)
        r = fetch_command(s, STR("LIST \"\" INBOX"), on_list, l);
    if (r >= 0)
        r = list_below(l, l->prefix, "LIST", on_list);
    if (r == 0)
        r = list_below(l, STR(""), "LSUB", on_lsub);
    for (size_t i = 0; r >= 0 && !l->has_subscribed && i < l->count; i++)
        l->items[i].is_subscribed = true; // nobody ever subscribed to anything
    return r < 0 ? r : l->count ? 0 : FETCH_NO;
}

int fetch_mailboxes(struct fetch_session *session, struct arena *arena, struct fetch_mailbox **out,
                    size_t *out_count, struct str *prefix)
{
    uint64_t seed[2] = {rt_random(), rt_random()};
    struct listing l = {.session = session, .arena = arena, .prefix = STR("")};
    int r;

    map_init(&l.by_name, seed);
    r = list_all(&l);
    map_done(&l.by_name);
    if (r == 0) {
        *out = ARENA_ARRAY(arena, struct fetch_mailbox, l.count);
        memcpy(*out, l.items, l.count * sizeof *l.items);
        *out_count = l.count;
        *prefix = l.prefix;
    }
    free(l.items);
    return r;
}

// ---- messages

struct examining {
    struct fetch_session *session;
    struct fetch_listing *out;
};

static int on_examine(void *arg)
{
    struct examining *e = arg;
    const struct imap_response *r = &e->session->response;

    if (r->kind == IMAP_SAYS_CONDITION)
        imap_response_code_number(r->code, STR("UIDVALIDITY"), &e->out->uidvalidity);
    return 0;
}

static uint64_t keyword_bit(struct fetch_listing *l, struct str word)
{
    for (size_t i = 0; i < l->keyword_count; i++)
        if (str_case_eq(word, str_from(l->keywords[i])))
            return 1ULL << i;
    if (l->keyword_count == FETCH_KEYWORDS_MAX || word.len > 256) {
        l->has_lost_keywords = true;
        return 0;
    }
    l->keywords[l->keyword_count] = strndup(word.ptr, word.len);
    CHECK(l->keywords[l->keyword_count]);
    return 1ULL << l->keyword_count++;
}

static int on_entry(void *arg)
{
    struct examining *e = arg;
    const struct imap_response *r = &e->session->response;
    struct fetch_listing *l = e->out;
    struct fetch_entry *entry;

    if (r->kind != IMAP_SAYS_FETCH || r->uid == 0 || !r->has_flags)
        return 0;
    if (l->count == FETCH_MESSAGES_MAX)
        return -EPROTO;
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->items = realloc(l->items, l->cap * sizeof *l->items);
        CHECK(l->items);
    }
    entry = &l->items[l->count++];
    *entry = (struct fetch_entry){.uid = r->uid,
                                  .flags = r->flags & IMAP_FLAGS_SETTABLE,
                                  .date = r->date.seconds,
                                  .zone_minutes = r->date.zone_minutes,
                                  .has_date = r->has_date};
    for (size_t i = 0; i < r->keyword_count; i++)
        entry->keywords |= keyword_bit(l, r->keywords[i]);
    return 0;
}

static int by_uid(const void *a, const void *b)
{
    const struct fetch_entry *x = a, *y = b;

    return (x->uid > y->uid) - (x->uid < y->uid);
}

/// In order, each once: servers may tell flags that changed meanwhile.
static void tidy(struct fetch_listing *l)
{
    size_t kept = 0;

    if (l->count)
        qsort(l->items, l->count, sizeof *l->items, by_uid);
    for (size_t i = 0; i < l->count; i++) {
        if (kept == 0 || l->items[kept - 1].uid != l->items[i].uid)
            l->items[kept++] = l->items[i];
    }
    l->count = kept;
}

int fetch_list(struct fetch_session *session, struct str wire, struct fetch_listing *out)
{
    CLEANUP(buf_drop) struct buf line = {.max = 4 * FETCH_NAME_MAX};
    struct examining e = {session, out};
    int r;

    buf_put(&line, STR("EXAMINE "));
    if (!fetch_put_quoted(&line, wire))
        return FETCH_NO;
    r = fetch_command(session, buf_str(&line), on_examine, &e);
    if (r == 0)
        r = fetch_command(session, STR("UID FETCH 1:* (UID FLAGS INTERNALDATE)"), on_entry, &e);
    // an empty mailbox: some say that 1:* is wrong then
    if (r == FETCH_NO && out->count == 0 && session->response.condition == IMAP_BAD)
        r = 0;
    tidy(out);
    return r;
}

void fetch_listing_done(struct fetch_listing *l)
{
    free(l->items);
    for (size_t i = 0; i < l->keyword_count; i++)
        free(l->keywords[i]);
    *l = (struct fetch_listing){0};
}
