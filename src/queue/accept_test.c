// SPDX-License-Identifier: ISC
//
// From RCPT to the mailbox: who is taken, what becomes of the others, one commit for all, and what
// is said when the disk is full.
#include "account/testing.h"
#include "queue/entry.h"
#include "queue/queue.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct site {
    struct world *w;
    struct route_config route_config;
    struct deliver_config deliver_config;
    struct route route;
    struct queue queue;
    struct arena arena;
    struct envelope e;
};

static void site_init(struct site *s, struct world *w)
{
    *s = (struct site){.w = w};
    s->route = (struct route){.accounts = w->accounts, .config = &s->route_config};
    s->queue = (struct queue){.store = w->store, .route = &s->route, .deliver = &s->deliver_config};
    arena_init(&s->arena, 4 << 20);
}

static void begin(struct site *s, const char *sender)
{
    arena_reset(&s->arena);
    envelope_init(&s->e, &s->arena, str_from(sender));
    s->e.id = 0x7f3a;
    s->e.peer = STR("192.0.2.1");
}

static struct outcome rcpt(struct site *s, const char *to)
{
    struct address a = {.local = str_from(to), .domain = STR("")};

    if (str_find(a.local, '@') >= 0)
        CHECK(address_parse(str_from(to), ADDRESS_UTF8, &a));
    return queue_recipient(&s->queue, &s->e, &a);
}

static struct outcome hand_in(struct site *s, const char *message)
{
    struct queue_mail *mail;

    CHECK(queue_begin(&s->queue, &s->e, &mail) == 0);
    CHECK(queue_append(mail, str_from(message)) == 0);
    CHECK(queue_size(mail) == strlen(message));
    return queue_accept(mail);
}

static uint32_t count_in(struct site *s, uint64_t account_id, const char *name)
{
    struct store_mailbox box;

    if (store_mailbox_by_name(s->w->store, account_id, str_from(name), &box) != 0)
        return 0;
    return box.message_count;
}

/// The one message of that mailbox is these bytes.
static void check_message(struct site *s, uint64_t account_id, const char *name, const char *text)
{
    struct store_mailbox box;
    struct store_entries entries;
    struct buf body;

    buf_init(&body, 1 << 20);
    CHECK(store_mailbox_by_name(s->w->store, account_id, str_from(name), &box) == 0);
    CHECK(store_entries_get(s->w->store, box.id, 1, UINT32_MAX, &entries) == 0);
    CHECK(entries.count == 1);
    CHECK(store_body_load(s->w->store, &entries.items[0].body, &body) == 0);
    if (!str_eq(buf_str(&body), str_from(text)))
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&body)));
    CHECK(str_eq(buf_str(&body), str_from(text)));
    store_entries_done(&entries);
    buf_done(&body);
}

// ---- who is taken

static const struct {
    const char *to;
    enum { STRANGER, USER } who;
    enum verdict verdict;
    unsigned code;
    const char *enhanced;
    size_t targets;
} recipients[] = {
    {"ana@example.test", STRANGER, DONE, 250, "2.1.5", 1},
    {"postmaster", STRANGER, DONE, 250, "2.1.5", 1},
    {"both@example.test", STRANGER, DONE, 250, "2.1.5", 2},
    {"crew@example.test", STRANGER, DONE, 250, "2.1.5", 2},
    {"nobody@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"nobody", STRANGER, NEVER, 550, "5.1.1", 0},
    {"loop@example.test", STRANGER, NEVER, 550, "5.4.6", 0},
    {"mixed@example.test", STRANGER, DONE, 250, "2.1.5", 2}, // its owner wrote so
    {"away@example.test", STRANGER, DONE, 250, "2.1.5", 1},
    {"away+x@example.test", STRANGER, DONE, 250, "2.1.5", 1},
    {"fans@example.test", STRANGER, DONE, 250, "2.1.5", 2},
    {"round@example.test", STRANGER, NEVER, 550, "5.4.6", 0},
    {"ana@elsewhere.test", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@elsewhere.test", USER, DONE, 250, "2.1.5", 1},
    {"ana@[192.0.2.7]", USER, DONE, 250, "2.1.5", 1},
    {"full@example.test", STRANGER, LATER, 452, "4.2.2", 0},
    {"small@example.test", STRANGER, NEVER, 552, "5.2.2", 0},
    {"some@example.test", STRANGER, DONE, 250, "2.1.5", 2}, // one of the two is full
    {"l2@example.test", STRANGER, DONE, 250, "2.1.5", 1},
    {"l1@example.test", STRANGER, DONE, 250, "2.1.5", 1},
    {"l3@example.test", STRANGER, LATER, 452, "4.5.3", 0}, // too many return paths
    // what strangers try, to send through us to somebody else
    {"victim%far.example@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"far.example!victim@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"\"victim@far.example\"@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"\"@far.example:victim\"@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"away%far.example@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"ana@sub.example.test", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@test", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@xexample.test", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@example.test.far.example", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@[127.0.0.1]", STRANGER, NEVER, 550, "5.7.1", 0},
    {"ana@[IPv6:::1]", STRANGER, NEVER, 550, "5.7.1", 0},
    {"postmaster@[127.0.0.1]", STRANGER, NEVER, 550, "5.7.1", 0},
    {"postmaster@far.example", STRANGER, NEVER, 550, "5.7.1", 0},
    {"SRS0=aaaaaaaa=bb=far.example=victim@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"SRS1=aaaaaaaa=far.example==bb=cc=x=y@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"fans-bounces+0000000000007f3a-aaaaaaaa@example.test", STRANGER, NEVER, 550, "5.1.1", 0},
    {"ANA@EXAMPLE.TEST", STRANGER, DONE, 250, "2.1.5", 1},
};

static void set_quota(struct world *w, const char *address, uint64_t bytes, uint64_t messages)
{
    struct account_change change = {
        .what = ACCOUNT_SET_QUOTA, .quota_bytes = bytes, .quota_messages = messages};
    struct buf why;

    buf_init(&why, 1024);
    CHECK(account_set(w->accounts, str_from(address), &change, &why) == 0);
    buf_done(&why);
}

static void people(struct site *s)
{
    struct world *w = s->w;

    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", NULL);
    world_account(w, "bruno@example.test", NULL);
    world_account(w, "full@example.test", NULL);
    world_account(w, "small@example.test", NULL);
    world_alias(w, "both@example.test", "ana@example.test,bruno@example.test", NULL);
    world_alias(w, "some@example.test", "full@example.test,bruno@example.test", NULL);
    world_alias(w, "mixed@example.test", "ana@example.test,x@far.example", NULL);
    world_alias(w, "loop@example.test", "loop@example.test", NULL);
    world_alias(w, "round@example.test", "about@example.test", NULL);
    world_alias(w, "about@example.test", "round@example.test", NULL);
    world_alias(w, "away@example.test", "Zoe@far.example", NULL);
    world_alias(w, "fans@example.test", "bruno@example.test,zoe@far.example", "boss@x.example");
    world_alias(w, "crew@example.test", "ana@example.test,bruno@example.test", "boss@x.example");
    world_alias(w, "l1@example.test", "ana@example.test", "o1@x.example");
    world_alias(w, "l2@example.test", "ana@example.test", "o2@x.example");
    world_alias(w, "l3@example.test", "ana@example.test", "o3@x.example");
    begin(s, "x@far.example");
    CHECK(rcpt(s, "full@example.test").verdict == DONE);
    CHECK(hand_in(s, "Subject: fill\r\n\r\n").verdict == DONE);
    set_quota(w, "full@example.test", 0, 1);
    set_quota(w, "small@example.test", 1000, 0);
}

static void recipient_body(struct world *w)
{
    struct site s;
    size_t taken = 0, targets = 0;

    site_init(&s, w);
    people(&s);
    begin(&s, "x@far.example");
    s.e.size = 2000;
    for (size_t i = 0; i < sizeof(recipients) / sizeof(recipients[0]); i++) {
        struct outcome o;

        s.e.identity_id = recipients[i].who == USER ? 1 : 0;
        o = rcpt(&s, recipients[i].to);
        if (o.code != recipients[i].code || !str_eq(o.enhanced, str_from(recipients[i].enhanced)))
            fprintf(stderr, "%s: %u %.*s\n", recipients[i].to, o.code, STR_ARG(o.enhanced));
        CHECK(o.verdict == recipients[i].verdict && o.code == recipients[i].code);
        CHECK(str_eq(o.enhanced, str_from(recipients[i].enhanced)) && o.text.len > 0);
        taken += o.verdict == DONE;
        targets += recipients[i].targets;
        CHECK(s.e.recipient_count == taken && s.e.target_count == targets);
    }
    arena_done(&s.arena);
}

static void recipients_get_the_answer_of_the_table(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, recipient_body);
}

static void return_path_body(struct world *w)
{
    struct site s;

    site_init(&s, w);
    people(&s);
    for (int i = 1; i <= 4; i++) {
        char list[] = "m0@example.test", owner[] = "m0@x.example";

        list[1] = owner[1] = (char)('0' + i);
        world_alias(w, list, "full@example.test", owner);
    }
    world_alias(w, "o1@example.test", "bruno@example.test", "p1@x.example");
    world_alias(w, "o2@example.test", "small@example.test", "p2@x.example");
    world_alias(w, "o3@example.test", "full@example.test", "p3@x.example");
    world_alias(w, "many@example.test",
                "l1@example.test,o1@example.test,o2@example.test,o3@example.test", NULL);
    begin(&s, "x@far.example");
    for (int i = 1; i <= 4; i++) {
        char list[] = "m0@example.test";

        list[1] = (char)('0' + i);
        CHECK(rcpt(&s, list).verdict != DONE);
        CHECK(s.e.return_path_count == 1);
    }
    CHECK(rcpt(&s, "l1@example.test").verdict == DONE);
    CHECK(rcpt(&s, "l2@example.test").verdict == DONE);
    CHECK(s.e.return_path_count == 3);
    // too much beside others: later, with a mail of its own; too much by itself: never
    CHECK(rcpt(&s, "many@example.test").code == 452);
    begin(&s, "x@far.example");
    CHECK(rcpt(&s, "many@example.test").code == 550);
    arena_done(&s.arena);
}

static void refused_lists_leave_nothing_in_the_envelope(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, return_path_body);
}

static void relay_body(struct world *w)
{
    struct str networks[] = {STR("192.0.2.0/24")};
    struct site s;

    site_init(&s, w);
    begin(&s, "x@far.example");
    CHECK(!route_may_relay(&s.route, &s.e));
    s.route_config.relay_networks = (struct setting_list){networks, 1};
    CHECK(route_may_relay(&s.route, &s.e));
    s.e.peer = STR("198.51.100.1");
    CHECK(!route_may_relay(&s.route, &s.e));
    s.e.identity_id = 7;
    CHECK(route_may_relay(&s.route, &s.e));
    s.e.identity_id = 0;
    s.e.is_report = true;
    CHECK(route_may_relay(&s.route, &s.e));
    arena_done(&s.arena);
}

static void only_known_ones_may_relay(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, relay_body);
}

// ---- one commit

static void commit_body(struct world *w)
{
    struct store_stats before, after;
    struct site s;
    uint64_t ids[50];
    char address[64];

    site_init(&s, w);
    world_domain(w, "example.test", NULL);
    for (int i = 0; i < 50; i++) {
        snprintf(address, sizeof(address), "u%d@example.test", i);
        ids[i] = world_account(w, address, NULL);
    }
    world_alias(w, "twice@example.test", "u1@example.test,u2@example.test", NULL);
    begin(&s, "x@far.example");
    for (int i = 0; i < 50; i++) {
        snprintf(address, sizeof(address), "U%d@example.test", i);
        CHECK(rcpt(&s, address).verdict == DONE);
    }
    CHECK(rcpt(&s, "twice@example.test").verdict == DONE);
    CHECK(rcpt(&s, "u1+x@example.test").verdict == DONE);
    CHECK(store_stats_get(w->store, &before) == 0);
    CHECK(hand_in(&s, "Subject: one\r\n\r\nHello\r\n").verdict == DONE);
    CHECK(store_stats_get(w->store, &after) == 0);
    CHECK(after.commits == before.commits + 1);
    CHECK(after.bodies == before.bodies + 1);
    for (int i = 0; i < 50; i++)
        check_message(&s, ids[i], "INBOX",
                      "Return-Path: <x@far.example>\r\nSubject: one\r\n\r\nHello\r\n");
    arena_done(&s.arena);
}

static void one_acceptance_is_one_commit_and_one_body(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, commit_body);
}

static void list_body(struct world *w)
{
    struct outcome o;
    struct site s;
    uint64_t ana, bruno;

    site_init(&s, w);
    world_domain(w, "example.test", NULL);
    ana = world_account(w, "ana@example.test", NULL);
    bruno = world_account(w, "bruno@example.test", NULL);
    world_alias(w, "crew@example.test", "ana@example.test,bruno@example.test", "boss@x.example");
    begin(&s, "");
    CHECK(rcpt(&s, "ana@example.test").verdict == DONE);
    CHECK(rcpt(&s, "crew@example.test").verdict == DONE);
    o = hand_in(&s, "\r\nx\r\n");
    CHECK(o.verdict == DONE && o.code == 250 && str_eq(o.text, STR("kept as 7f3a")));
    check_message(&s, ana, "INBOX", "Return-Path: <>\r\n\r\nx\r\n");
    check_message(&s, bruno, "INBOX", "Return-Path: <boss@x.example>\r\n\r\nx\r\n");
    arena_done(&s.arena);
}

/// RFC 5321 3.9.2, 4.4
static void members_of_a_list_see_its_owner(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, list_body);
}

static void detail_body(struct world *w)
{
    struct site s;
    uint64_t ana;

    site_init(&s, w);
    world_domain(w, "example.test", NULL);
    ana = world_account(w, "ana@example.test", NULL);
    for (int on = 0; on < 2; on++) {
        s.deliver_config.detail_mailbox = on;
        begin(&s, "x@far.example");
        CHECK(rcpt(&s, "ana+archive@example.test").verdict == DONE);
        CHECK(hand_in(&s, "\r\n").verdict == DONE);
    }
    CHECK(count_in(&s, ana, "INBOX") == 1 && count_in(&s, ana, "Archive") == 1);
    begin(&s, "x@far.example");
    CHECK(rcpt(&s, "ana+nowhere@example.test").verdict == DONE);
    CHECK(hand_in(&s, "\r\n").verdict == DONE);
    CHECK(count_in(&s, ana, "INBOX") == 2 && count_in(&s, ana, "nowhere") == 0);
    arena_done(&s.arena);
}

static void details_name_mailboxes_where_that_is_wanted(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, detail_body);
}

static void removed_body(struct world *w)
{
    struct store_mailbox *boxes;
    struct outcome o;
    struct site s;
    struct buf why;
    size_t count;
    uint64_t ana;

    site_init(&s, w);
    buf_init(&why, 1024);
    world_domain(w, "example.test", NULL);
    ana = world_account(w, "ana@example.test", NULL);
    begin(&s, "x@far.example");
    CHECK(rcpt(&s, "ana@example.test").verdict == DONE);
    CHECK(account_remove(w->accounts, STR("ana@example.test"), &why) == 0);
    o = hand_in(&s, "\r\n");
    CHECK(o.verdict == LATER);
    CHECK(store_mailboxes(w->store, ana, &boxes, &count) == 0 && count == 0);
    free(boxes);
    buf_done(&why);
    arena_done(&s.arena);
}

static void nothing_is_filed_for_a_removed_account(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, removed_body);
}

// ---- what goes on to other hosts

/// The entries of the last mail as text, by id; lines apart by LF, entries by an empty line.
static void put_entries(struct site *s, struct buf *out)
{
    struct store_queue_list list = {0};

    buf_clear(out);
    CHECK(store_queue_of_mail(s->w->store, s->e.id, &list) == 0);
    for (size_t i = 0; i < list.count; i++) {
        struct queue_entry e;

        CHECK(queue_entry_parse(&list.items[i], &e));
        CHECK(e.arrived_s == s->e.arrived);
        buf_putf(out, "%.*s to %.*s by %.*s notify %u%s%.*s\n", STR_ARG(e.sender),
                 STR_ARG(e.recipient), STR_ARG(e.lane), e.notify, e.original.len ? " for " : "",
                 STR_ARG(e.original));
    }
    store_queue_list_done(&list);
}

static void check_entries(struct site *s, const char *text)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    put_entries(s, &out);
    if (!str_eq(buf_str(&out), str_from(text)))
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
    CHECK(str_eq(buf_str(&out), str_from(text)));
    buf_done(&out);
}

static void outward_body(struct world *w)
{
    struct store_stats before, after;
    struct site s;

    site_init(&s, w);
    people(&s);
    begin(&s, "ana@example.test");
    s.e.identity_id = 1;
    s.e.id = 0x7f3b;
    CHECK(rcpt(&s, "bruno@example.test").verdict == DONE);
    CHECK(rcpt(&s, "Zoe@Far.Example").verdict == DONE);
    s.e.recipients[1].notify = ENVELOPE_NOTIFY_SUCCESS;
    CHECK(rcpt(&s, "away@example.test").verdict == DONE); // is Zoe, too
    CHECK(rcpt(&s, "zoe@FAR.example").verdict == DONE);   // is perhaps another
    CHECK(rcpt(&s, "ana@[192.0.2.7]").verdict == DONE);
    CHECK(store_stats_get(w->store, &before) == 0);
    CHECK(hand_in(&s, "Subject: one\r\n\r\nHello\r\n").verdict == DONE);
    CHECK(store_stats_get(w->store, &after) == 0);
    CHECK(after.commits == before.commits + 1);
    CHECK(after.bodies == before.bodies + 1);
    check_entries(&s, "ana@example.test to Zoe@Far.Example by far.example notify 2\n"
                      "ana@example.test to zoe@FAR.example by far.example notify 0\n"
                      "ana@example.test to ana@[192.0.2.7] by [192.0.2.7] notify 0\n");
    arena_done(&s.arena);
}

static void other_hosts_get_entries_in_the_same_commit(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, outward_body);
}

static void behind_body(struct world *w)
{
    struct site s;

    site_init(&s, w);
    people(&s);
    begin(&s, "");
    s.e.id = 0x7f3c;
    CHECK(rcpt(&s, "mixed@example.test").verdict == DONE);
    s.e.recipients[0].notify = ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE;
    CHECK(rcpt(&s, "fans@example.test").verdict == DONE);
    s.e.recipients[1].notify = ENVELOPE_NOTIFY_NEVER;
    CHECK(rcpt(&s, "away@example.test").verdict == DONE);
    s.e.recipients[2].notify = ENVELOPE_NOTIFY_SUCCESS;
    CHECK(hand_in(&s, "\r\n").verdict == DONE);
    // an alias with several places says "expanded"; a list begins anew; a plain alias passes on
    check_entries(&s, " to x@far.example by far.example notify 4 for mixed@example.test\n"
                      "boss@x.example to zoe@far.example by far.example notify 0 for "
                      "fans@example.test\n"
                      " to Zoe@far.example by far.example notify 2 for away@example.test\n");
    arena_done(&s.arena);
}

/// RFC 3461 5.2.7
static void wishes_go_on_behind_aliases_and_end_at_lists(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, behind_body);
}

static void time_body(struct world *w)
{
    const struct queue_config config = {.lifetime = 86400000, .bounce_lifetime = 3600000};
    struct store_queue_list list = {0};
    struct queue_entry e;
    struct site s;

    site_init(&s, w);
    people(&s);
    s.queue.config = &config;
    for (int i = 0; i < 4; i++) {
        int64_t now = rt_wall_s();

        begin(&s, "ana@example.test");
        s.e.id = 0x8000 + (uint64_t)i;
        s.e.identity_id = 1;
        s.e.is_report = i == 1;
        s.e.hold_until_s = i == 2 ? now + 1000 : 0;
        s.e.by = i == 3 ? ENVELOPE_BY_RETURN : ENVELOPE_BY_NONE;
        s.e.by_s = now + 60;
        CHECK(rcpt(&s, "x@far.example").verdict == DONE);
        CHECK(hand_in(&s, "\r\n").verdict == DONE);
        CHECK(store_queue_of_mail(w->store, s.e.id, &list) == 0 && list.count == 1);
        CHECK(queue_entry_parse(&list.items[0], &e));
        CHECK(e.skip == strlen("Return-Path: <ana@example.test>\r\n"));
        if (i == 0)
            CHECK(e.expires_s >= now + 86400 && e.expires_s < now + 86500);
        if (i == 1)
            CHECK(e.expires_s >= now + 3600 && e.expires_s < now + 3700);
        if (i == 2)
            CHECK(e.due_us == (now + 1000) * 1000000 && e.expires_s == now + 1000 + 86400);
        if (i == 3)
            CHECK(e.expires_s == now + 60);
        if (i != 2)
            CHECK(e.due_us >= now * 1000000 && e.due_us < (now + 100) * 1000000);
    }
    store_queue_list_done(&list);
    arena_done(&s.arena);
}

/// RFC 4865, RFC 2852
static void entries_know_when_they_begin_and_end(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, time_body);
}

// ---- VRFY and EXPN

static const struct {
    bool is_expn;
    const char *text;
    unsigned code;
    const char *lines; // apart by '|'
} questions[] = {
    {false, "ana@example.test", 250, "Ana Lima <ana@example.test>"},
    {false, "<Ana@Example.test>", 250, "Ana Lima <ana@example.test>"},
    {false, "ana", 553, ""},
    {false, "bruno", 250, "Ana Lima <bruno@example.test>"},
    {false, "both@example.test", 250, "<both@example.test>"},
    {false, "crew@example.test", 250, "Crew <crew@example.test>"},
    {false, "nobody@example.test", 550, ""},
    {false, "nobody", 550, ""},
    {false, "x@far.example", 252, ""},
    {false, "", 553, ""},
    {false, "a b c", 553, ""},
    {true, "crew@example.test", 250, "<ana@example.test>|<bruno@example.test>"},
    {true, "Crew", 250, "<ana@example.test>|<bruno@example.test>"},
    {true, "both@example.test", 550, ""},
    {true, "ana@example.test", 550, ""},
    {true, "x@far.example", 550, ""},
};

static void question_body(struct world *w)
{
    struct route_lines lines;
    struct buf all;
    struct site s;

    site_init(&s, w);
    buf_init(&all, 4096);
    world_domain(w, "example.test", NULL);
    world_domain(w, "other.test", NULL);
    world_account(w, "ana@example.test", NULL);
    world_account(w, "ana@other.test", NULL);
    world_account(w, "bruno@example.test", NULL);
    world_alias(w, "both@example.test", "ana@example.test,bruno@example.test", NULL);
    world_alias(w, "crew@example.test", "ana@example.test,bruno@example.test", "boss@x.example");
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct outcome o = (questions[i].is_expn ? route_expn : route_vrfy)(
            &s.route, str_from(questions[i].text), &s.arena, &lines);

        buf_clear(&all);
        for (size_t k = 0; k < lines.count; k++)
            buf_putf(&all, "%s%.*s", k ? "|" : "", STR_ARG(lines.items[k]));
        if (o.code != questions[i].code || !str_eq(buf_str(&all), str_from(questions[i].lines)))
            fprintf(stderr, "question %zu: %u %.*s\n", i, o.code, STR_ARG(buf_str(&all)));
        CHECK(o.code == questions[i].code);
        CHECK(str_eq(buf_str(&all), str_from(questions[i].lines)));
    }
    buf_done(&all);
    arena_done(&s.arena);
}

/// A bare local part is looked for in 1,000 domains, not in however many there are.
static void many_domains_body(struct world *w)
{
    struct route_lines lines;
    char name[32];
    struct site s;

    site_init(&s, w);
    world_domain(w, "a.test", NULL);
    world_account(w, "ana@a.test", NULL);
    for (int i = 1; i < 1000; i++) {
        snprintf(name, sizeof name, "d%d.test", i);
        world_domain(w, name, NULL);
    }
    CHECK(route_vrfy(&s.route, STR("ana"), &s.arena, &lines).code == 250 && lines.count == 1);
    CHECK(route_vrfy(&s.route, STR("nobody"), &s.arena, &lines).code == 550);
    world_domain(w, "one-more.test", NULL);
    CHECK(route_vrfy(&s.route, STR("ana"), &s.arena, &lines).code == 553 && lines.count == 0);
    CHECK(route_expn(&s.route, STR("ana"), &s.arena, &lines).code == 553);
    CHECK(route_vrfy(&s.route, STR("ana@a.test"), &s.arena, &lines).code == 250);
    arena_done(&s.arena);
}

static void a_bare_name_among_many_domains_is_not_searched(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, many_domains_body);
}

static void vrfy_and_expn_answer(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, question_body);
}

// ---- a full disk

static char disk_dir[] = "/tmp/carteiro-accept-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void open_local(struct world *w, struct rt_disk *disk, uint64_t free_bytes_min)
{
    struct store_local_config config = {.disk = disk, .free_bytes_min = free_bytes_min};

    CHECK(store_local_open(w->rt, &config, &w->store) == 0);
}

static int full_first(void *arg)
{
    struct world *w = arg;
    struct rt_disk *disk;
    struct outcome o;
    struct site s;
    uint64_t ana;

    CHECK(rt_disk_open(disk_dir, &disk) == 0);
    open_local(w, disk, 1);
    CHECK(account_open(w->store, &w->config, &w->accounts) == 0);
    world_domain(w, "example.test", NULL);
    ana = world_account(w, "ana@example.test", NULL);
    site_init(&s, w);
    begin(&s, "x@far.example");
    CHECK(rcpt(&s, "ana@example.test").verdict == DONE);
    CHECK(hand_in(&s, "Subject: one\r\n\r\n").verdict == DONE);
    store_close(w->store);

    open_local(w, disk, UINT64_C(1) << 62); // no disk has as much left
    CHECK(account_open(w->store, &w->config, &w->second) == 0);
    s.route.accounts = w->second;
    s.queue.store = w->store;
    begin(&s, "x@far.example");
    CHECK(rcpt(&s, "ana@example.test").verdict == DONE);
    o = hand_in(&s, "Subject: two\r\n\r\n");
    CHECK(o.verdict == LATER && o.code == 452 && str_eq(o.enhanced, STR("4.3.1")));
    check_message(&s, ana, "INBOX", "Return-Path: <x@far.example>\r\nSubject: one\r\n\r\n");
    store_close(w->store);
    rt_disk_close(disk);
    arena_done(&s.arena);
    rt_stop(w->rt);
    return 0;
}

static void a_full_disk_is_said_and_loses_nothing(void **state)
{
    struct rt_config config = {.loops = 1};
    struct world w = {.config = world_config()};

    (void)state;
    log_set_sink(world_silence, NULL);
    assert_non_null(mkdtemp(disk_dir));
    assert_int_equal(rt_new(&config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, full_first, &w), 0);
    account_close(w.accounts);
    account_close(w.second);
    rt_free(w.rt);
    assert_int_equal(nftw(disk_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients_get_the_answer_of_the_table),
        cmocka_unit_test(refused_lists_leave_nothing_in_the_envelope),
        cmocka_unit_test(only_known_ones_may_relay),
        cmocka_unit_test(one_acceptance_is_one_commit_and_one_body),
        cmocka_unit_test(members_of_a_list_see_its_owner),
        cmocka_unit_test(details_name_mailboxes_where_that_is_wanted),
        cmocka_unit_test(nothing_is_filed_for_a_removed_account),
        cmocka_unit_test(other_hosts_get_entries_in_the_same_commit),
        cmocka_unit_test(wishes_go_on_behind_aliases_and_end_at_lists),
        cmocka_unit_test(entries_know_when_they_begin_and_end),
        cmocka_unit_test(vrfy_and_expn_answer),
        cmocka_unit_test(a_bare_name_among_many_domains_is_not_searched),
        cmocka_unit_test(a_full_disk_is_said_and_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
