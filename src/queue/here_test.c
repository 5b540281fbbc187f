// SPDX-License-Identifier: ISC
//
// Mail that is held for users of this server (RFC 4865): nobody sees it before its time, everybody
// gets it once, and the sender hears of what went wrong.
#include "queue/here.h"

#include "queue/finish.h"
#include "queue/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ENTRIES_MAX = 16, HOLD_S = 1000 };

static const char message[] =
    "Subject: Birthday\r\nFrom: ana@example.test\r\n\r\nmany happy returns\r\n";

struct held {
    struct site s;
    uint64_t ana, bruno, chief;
    struct queue_entry entries[ENTRIES_MAX];
    size_t count;
};

static void held_init(struct held *h, struct world *w)
{
    site_init(&h->s, w);
    world_domain(w, "example.test", NULL);
    h->chief = world_account(w, "chief@example.test", NULL);
    h->ana = world_account(w, "ana@example.test", NULL);
    h->bruno = world_account(w, "bruno@example.test", NULL);
    world_alias(w, "both@example.test", "ana@example.test,bruno@example.test,zoe@far.example",
                NULL);
}

static void begin(struct held *h)
{
    site_begin(&h->s, "chief@example.test", 0x4865);
    h->s.e.hold_until_s = rt_wall_s() + HOLD_S;
}

static void hand_in(struct held *h, size_t entries)
{
    CHECK(site_hand_in(&h->s, message).verdict == DONE);
    h->count = site_entries(&h->s, h->entries, ENTRIES_MAX);
    CHECK(h->count == entries);
}

/// One attempt at all entries that are filed here, as the schedule makes it; how many are left.
static size_t attempt(struct held *h)
{
    for (size_t i = 0; i < h->count; i++) {
        struct queue_result r = {
            .entry = &h->entries[i], .due_us = h->entries[i].due_us + 1000000, .is_lmtp = true};

        if (!str_eq(h->entries[i].lane, QUEUE_LANE_HERE))
            continue;
        r.outcome = queue_here(&h->s.queue, &h->entries[i]);
        CHECK(queue_finish(&h->s.queue, &r, 1, NULL) == 0);
    }
    h->count = site_entries(&h->s, h->entries, ENTRIES_MAX);
    return h->count;
}

static void once_body(struct world *w)
{
    struct queue_result again;
    struct queue_entry entry;
    struct buf text;
    struct held h;
    size_t gone;

    held_init(&h, w);
    buf_init(&text, 1 << 20);
    begin(&h);
    CHECK(site_rcpt(&h.s, "ana@example.test", ENVELOPE_NOTIFY_SUCCESS).verdict == DONE);
    CHECK(site_rcpt(&h.s, "ana+again@example.test", 0).verdict == DONE); // the same mailbox
    hand_in(&h, 1);
    CHECK(site_count(&h.s, h.ana) == 0);
    CHECK(site_count(&h.s, h.chief) == 0); // "delivered" would not be true yet
    CHECK(str_eq(h.entries[0].lane, QUEUE_LANE_HERE));
    CHECK(h.entries[0].due_us == h.s.e.hold_until_s * 1000000);
    CHECK(str_eq(h.entries[0].sender, STR("chief@example.test")));
    entry = h.entries[0];
    again = (struct queue_result){.entry = &entry, .outcome = {.verdict = DONE}, .is_lmtp = true};
    again.outcome = queue_here(&h.s.queue, &entry);
    CHECK(queue_finish(&h.s.queue, &again, 1, NULL) == 0);
    CHECK(site_count(&h.s, h.ana) == 1);
    site_last(&h.s, h.ana, &text);
    CHECK(str_starts(buf_str(&text), STR("Return-Path: <chief@example.test>\r\n")));
    CHECK(str_ends(buf_str(&text), str_from(message)));
    site_last(&h.s, h.chief, &text);
    CHECK(site_has(&text, "\r\nAction: delivered\r\n"));
    // what ended once does not end again
    CHECK(queue_finish(&h.s.queue, &again, 1, &gone) == 0 && gone == 1);
    CHECK(site_count(&h.s, h.ana) == 1);
    buf_done(&text);
    site_done(&h.s);
}

static void held_mail_is_filed_once_and_not_before(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, once_body);
}

static void alias_body(struct world *w)
{
    struct held h;

    held_init(&h, w);
    begin(&h);
    CHECK(site_rcpt(&h.s, "both@example.test", 0).verdict == DONE);
    hand_in(&h, 3);
    CHECK(attempt(&h) == 1); // the one of another host
    CHECK(site_count(&h.s, h.ana) == 1 && site_count(&h.s, h.bruno) == 1);
    site_done(&h.s);
}

static void behind_an_alias_each_gets_one(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, alias_body);
}

static void trouble_body(struct world *w)
{
    struct account_change small = {.what = ACCOUNT_SET_QUOTA, .quota_bytes = 190};
    struct account_change large = {.what = ACCOUNT_SET_QUOTA, .quota_bytes = 1 << 20};
    struct buf text;
    struct held h;

    held_init(&h, w);
    buf_init(&text, 1 << 20);
    site_begin(&h.s, "chief@example.test", 0x4864);
    CHECK(site_rcpt(&h.s, "ana@example.test", 0).verdict == DONE);
    hand_in(&h, 0); // so that there is room for one, not for two
    begin(&h);
    CHECK(site_rcpt(&h.s, "ana@example.test", 0).verdict == DONE);
    CHECK(site_rcpt(&h.s, "bruno@example.test", 0).verdict == DONE);
    hand_in(&h, 2);
    CHECK(account_remove(w->accounts, STR("bruno@example.test"), &text) == 0);
    CHECK(account_set(w->accounts, STR("ana@example.test"), &small, &text) == 0);
    CHECK(queue_here(&h.s.queue, &h.entries[0]).verdict == LATER);
    (void)attempt(&h);
    site_last(&h.s, h.chief, &text);
    CHECK(site_has(&text, "Final-Recipient: rfc822; bruno@example.test\r\n"));
    CHECK(site_has(&text, "Status: 5.1.1\r\n"));
    CHECK(account_set(w->accounts, STR("ana@example.test"), &large, &text) == 0);
    CHECK(attempt(&h) == 0);
    CHECK(site_count(&h.s, h.ana) == 2);
    buf_done(&text);
    site_done(&h.s);
}

static void full_mailboxes_wait_and_removed_accounts_are_told_of(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, trouble_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_mail_is_filed_once_and_not_before),
        cmocka_unit_test(behind_an_alias_each_gets_one),
        cmocka_unit_test(full_mailboxes_wait_and_removed_accounts_are_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
