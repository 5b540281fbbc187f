// SPDX-License-Identifier: ISC
//
// For tests of this room: a site with a directory, a store in memory and a queue nothing is sent
// from; mails that come in by the front door.
#pragma once

#include "account/testing.h"
#include "queue/entry.h"
#include "queue/queue.h"

struct site {
    struct world *w;
    struct route_config route_config;
    struct deliver_config deliver_config;
    struct queue_config config;
    struct route route;
    struct queue queue;
    struct arena arena;
    struct envelope e;
    struct store_queue_list list;
};

static inline void site_init(struct site *s, struct world *w)
{
    *s = (struct site){.w = w};
    s->config = (struct queue_config){
        .lifetime = 432000000,
        .bounce_lifetime = 432000000,
        .delay_warning = 14400000,
        .report_language = STR("en"),
    };
    s->route = (struct route){
        .accounts = w->accounts, .config = &s->route_config, .host_name = STR("mx.example.test")};
    s->queue = (struct queue){.store = w->store,
                              .route = &s->route,
                              .deliver = &s->deliver_config,
                              .config = &s->config,
                              .host_name = STR("mx.example.test")};
    arena_init(&s->arena, 4 << 20);
}

static inline void site_done(struct site *s)
{
    store_queue_list_done(&s->list);
    arena_done(&s->arena);
}

static inline void site_begin(struct site *s, const char *sender, uint64_t id)
{
    arena_reset(&s->arena);
    envelope_init(&s->e, &s->arena, str_from(sender));
    s->e.id = id;
    s->e.peer = STR("192.0.2.1");
    s->e.identity_id = 1;
    s->e.arrived = rt_wall_s();
}

static inline struct outcome site_rcpt(struct site *s, const char *to, unsigned notify)
{
    struct address a = {.local = str_from(to), .domain = STR("")};
    struct outcome o;

    if (str_find(a.local, '@') >= 0)
        CHECK(address_parse(str_from(to), ADDRESS_UTF8, &a));
    o = queue_recipient(&s->queue, &s->e, &a);
    if (o.verdict == DONE)
        s->e.recipients[s->e.recipient_count - 1].notify = notify;
    return o;
}

static inline struct outcome site_hand_in(struct site *s, const char *message)
{
    struct queue_mail *mail;

    CHECK(queue_begin(&s->queue, &s->e, &mail) == 0);
    CHECK(queue_append(mail, str_from(message)) == 0);
    return queue_accept(mail);
}

static inline uint32_t site_count(struct site *s, uint64_t account_id)
{
    struct store_mailbox box;

    if (store_mailbox_by_name(s->w->store, account_id, STR("INBOX"), &box) != 0)
        return 0;
    return box.message_count;
}

/// The last message of that INBOX, into *out (cleared).
static inline void site_last(struct site *s, uint64_t account_id, struct buf *out)
{
    struct store_mailbox box;
    struct store_entries entries;

    buf_clear(out);
    CHECK(store_mailbox_by_name(s->w->store, account_id, STR("INBOX"), &box) == 0);
    CHECK(store_entries_get(s->w->store, box.id, 1, UINT32_MAX, &entries) == 0);
    CHECK(entries.count > 0);
    CHECK(store_body_load(s->w->store, &entries.items[entries.count - 1].body, out) == 0);
    store_entries_done(&entries);
}

/// All entries of the queue, into s->list.
static inline size_t site_entries(struct site *s, struct queue_entry *out, size_t max)
{
    struct store_queue_cursor cursor = {INT64_MIN, 0};

    CHECK(store_queue_due(s->w->store, STR_NONE, INT64_MAX - 1, &cursor, max, &s->list) == 0);
    for (size_t i = 0; i < s->list.count; i++)
        CHECK(queue_entry_parse(&s->list.items[i], &out[i]));
    return s->list.count;
}

static inline bool site_has(const struct buf *text, const char *what)
{
    bool has = str_find_str(buf_str(text), str_from(what)) >= 0;

    if (!has)
        fprintf(stderr, "no \"%s\" in\n%.*s\n", what, STR_ARG(buf_str(text)));
    return has;
}
