// SPDX-License-Identifier: ISC
//
// From what came of an attempt to what is kept of it and who is told: one change, one report,
// never a report about a report.
#include "queue/finish.h"

#include "queue/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ENTRIES_MAX = 16 };

static const char message[] = "Subject: Holiday\r\nFrom: ana@example.test\r\n\r\nthe text\r\n";

struct people {
    uint64_t ana, bruno, chief;
};

static struct people people(struct site *s)
{
    struct people p;

    world_domain(s->w, "example.test", NULL);
    p.chief = world_account(s->w, "chief@example.test", NULL); // the oldest: postmaster
    p.ana = world_account(s->w, "ana@example.test", NULL);
    p.bruno = world_account(s->w, "bruno@example.test", NULL);
    world_alias(s->w, "away@example.test", "zoe@far.example", NULL);
    return p;
}

/// One mail from `sender` to zoe@far.example; its entry.
static struct queue_entry mail_to_zoe(struct site *s, const char *sender, unsigned notify)
{
    struct queue_entry entries[ENTRIES_MAX];

    site_begin(s, sender, 0x7f3a);
    CHECK(site_rcpt(s, "zoe@far.example", notify).verdict == DONE);
    CHECK(site_hand_in(s, message).verdict == DONE);
    CHECK(site_entries(s, entries, ENTRIES_MAX) == 1);
    return entries[0];
}

static struct outcome outcome(enum verdict verdict)
{
    switch (verdict) {
    case DONE:
        return (struct outcome){DONE, 250, STR("2.0.0"), STR("ok")};
    case LATER:
        return (struct outcome){LATER, 452, STR("4.2.2"), STR("mailbox full")};
    case NEVER:
        break;
    }
    return (struct outcome){NEVER, 550, STR("5.1.1"), STR("no such user")};
}

static struct queue_result result(const struct queue_entry *entry, enum verdict verdict)
{
    return (struct queue_result){.entry = entry,
                                 .outcome = outcome(verdict),
                                 .due_us = entry->due_us + 1000000,
                                 .host = STR("mx1.far.example (192.0.2.9)"),
                                 .dialogue = STR("C: RCPT TO:<zoe@far.example>\nS: 550 no")};
}

/// What came of one attempt, taken in.
static void finish(struct site *s, const struct queue_entry *entry, enum verdict verdict)
{
    struct queue_result r = result(entry, verdict);

    CHECK(queue_finish(&s->queue, &r, 1, NULL) == 0);
}

/// A mail of `sender` that zoe's host refuses.
static void refuse_mail_of(struct site *s, const char *sender)
{
    struct queue_entry entry = mail_to_zoe(s, sender, 0);

    finish(s, &entry, NEVER);
}

// ---- who is told of what

static const struct {
    enum verdict verdict;
    unsigned notify;
    bool has_dsn, is_lmtp, is_old;
    const char *action; // NULL: no report
    bool stays;
} wishes[] = {
    {DONE, 0, false, false, false, NULL, false},
    {DONE, ENVELOPE_NOTIFY_SUCCESS, false, false, false, "relayed", false},
    {DONE, ENVELOPE_NOTIFY_SUCCESS, true, false, false, NULL, false},
    {DONE, ENVELOPE_NOTIFY_SUCCESS, false, true, false, "delivered", false},
    {DONE, ENVELOPE_NOTIFY_FAILURE, false, false, false, NULL, false},
    {DONE, ENVELOPE_NOTIFY_NEVER, false, false, false, NULL, false},
    {NEVER, 0, false, false, false, "failed", false},
    {NEVER, ENVELOPE_NOTIFY_FAILURE, false, false, false, "failed", false},
    {NEVER, ENVELOPE_NOTIFY_SUCCESS, false, false, false, NULL, false},
    {NEVER, ENVELOPE_NOTIFY_NEVER, false, false, false, NULL, false},
    {LATER, 0, false, false, false, NULL, true},
    {LATER, 0, false, false, true, "delayed", true},
    {LATER, ENVELOPE_NOTIFY_DELAY, false, false, true, "delayed", true},
    {LATER, ENVELOPE_NOTIFY_FAILURE, false, false, true, NULL, true},
    {LATER, ENVELOPE_NOTIFY_NEVER, false, false, true, NULL, true},
};

static void wish(struct site *s, const struct people *p, size_t i)
{
    uint32_t before = site_count(s, p->ana);
    struct queue_entry entry = mail_to_zoe(s, "ana@example.test", wishes[i].notify), left[1];
    struct queue_result r = result(&entry, wishes[i].verdict);
    char action[64];
    struct buf text;
    uint64_t all, held;

    buf_init(&text, 1 << 20);
    r.has_dsn = wishes[i].has_dsn;
    r.is_lmtp = wishes[i].is_lmtp;
    if (wishes[i].is_old)
        entry.arrived_s -= 5 * 3600;
    CHECK(queue_finish(&s->queue, &r, 1, NULL) == 0);
    store_queue_count(s->w->store, &all, &held);
    if (all != wishes[i].stays || site_count(s, p->ana) != before + (wishes[i].action ? 1 : 0))
        fprintf(stderr, "row %zu\n", i);
    CHECK(all == wishes[i].stays);
    CHECK(site_count(s, p->ana) == before + (wishes[i].action ? 1 : 0));
    if (wishes[i].action) {
        site_last(s, p->ana, &text);
        snprintf(action, sizeof(action), "\r\nAction: %s\r\n", wishes[i].action);
        CHECK(site_has(&text, action) && site_has(&text, "Return-Path: <>\r\n"));
        CHECK((str_find_str(buf_str(&text), STR("the text")) >= 0) == (wishes[i].verdict == NEVER));
    }
    if (all == 1) {
        CHECK(site_entries(s, left, 1) == 1);
        left[0].notify = ENVELOPE_NOTIFY_NEVER;
        finish(s, &left[0], NEVER);
    }
    buf_done(&text);
}

// ---- RFC 2852 4.1.4: who hands over to a host that does not heed BY says so

static const struct {
    enum envelope_by by;
    bool by_trace, has_deliver_by, is_lmtp;
    unsigned notify;
    bool is_told;
} times[] = {
    {ENVELOPE_BY_NOTIFY, false, false, false, 0, true},
    {ENVELOPE_BY_NOTIFY, false, false, false, ENVELOPE_NOTIFY_FAILURE, true},
    {ENVELOPE_BY_NOTIFY, false, false, false, ENVELOPE_NOTIFY_NEVER, false},
    {ENVELOPE_BY_NOTIFY, false, false, true, 0, false},
    {ENVELOPE_BY_NOTIFY, false, true, false, 0, false},
    {ENVELOPE_BY_NOTIFY, true, true, false, 0, true},
    {ENVELOPE_BY_RETURN, true, true, false, 0, true},
    {ENVELOPE_BY_RETURN, true, true, false, ENVELOPE_NOTIFY_NEVER, false},
    {ENVELOPE_BY_RETURN, false, true, false, 0, false},
};

static void time_told(struct site *s, const struct people *p, size_t i)
{
    uint32_t before = site_count(s, p->ana);
    struct queue_entry entry = mail_to_zoe(s, "ana@example.test", times[i].notify);
    struct queue_result r = result(&entry, DONE);
    struct buf text;

    buf_init(&text, 1 << 20);
    entry.by = times[i].by;
    entry.by_s = rt_wall_s() + 3600;
    entry.by_trace = times[i].by_trace;
    r.has_dsn = true;
    r.has_deliver_by = times[i].has_deliver_by;
    r.is_lmtp = times[i].is_lmtp;
    CHECK(queue_finish(&s->queue, &r, 1, NULL) == 0);
    if (site_count(s, p->ana) != before + times[i].is_told)
        fprintf(stderr, "time %zu\n", i);
    CHECK(site_count(s, p->ana) == before + times[i].is_told);
    if (times[i].is_told) {
        site_last(s, p->ana, &text);
        CHECK(site_has(&text, "\r\nAction: relayed\r\n"));
    }
    buf_done(&text);
}

static void wishes_body(struct world *w)
{
    struct people p;
    struct site s;

    site_init(&s, w);
    p = people(&s);
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
        wish(&s, &p, i);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        time_told(&s, &p, i);
    site_done(&s);
}

/// RFC 3461 5.2
static void the_sender_is_told_what_he_asked_for(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, wishes_body);
}

// ---- the report

static void report_body(struct world *w)
{
    struct store_stats before, after;
    struct queue_entry entries[ENTRIES_MAX];
    struct queue_result results[3];
    struct people p;
    struct buf text;
    struct site s;

    site_init(&s, w);
    p = people(&s);
    buf_init(&text, 1 << 20);
    site_begin(&s, "ana@example.test", 0x7f3b);
    s.e.envid = STR("QQ+2B1");
    CHECK(site_rcpt(&s, "a@far.example", 0).verdict == DONE);
    s.e.recipients[0].orcpt = STR("rfc822;a+40far.example");
    CHECK(site_rcpt(&s, "b@far.example", 0).verdict == DONE);
    CHECK(site_rcpt(&s, "away@example.test", 0).verdict == DONE);
    CHECK(site_hand_in(&s, message).verdict == DONE);
    CHECK(site_entries(&s, entries, ENTRIES_MAX) == 3);
    for (int i = 0; i < 3; i++)
        results[i] = result(&entries[i], i == 1 ? LATER : NEVER);
    CHECK(store_stats_get(w->store, &before) == 0);
    CHECK(queue_finish(&s.queue, results, 3, NULL) == 0);
    CHECK(store_stats_get(w->store, &after) == 0);
    CHECK(after.commits == before.commits + 1);
    CHECK(site_count(&s, p.ana) == 1); // one for both
    site_last(&s, p.ana, &text);
    CHECK(site_has(&text, "From: Mail Delivery System <postmaster@example.test>\r\n"));
    CHECK(site_has(&text, "To: <ana@example.test>\r\n"));
    CHECK(site_has(&text, "Auto-Submitted: auto-replied\r\n"));
    CHECK(site_has(&text, "Reporting-MTA: dns; mx.example.test\r\n"));
    CHECK(site_has(&text, "Original-Envelope-Id: QQ+1\r\n"));
    CHECK(site_has(&text, "Original-Recipient: rfc822; a@far.example\r\n"
                          "Final-Recipient: rfc822; a@far.example\r\n"));
    CHECK(site_has(&text, "Original-Recipient: rfc822; away@example.test\r\n"
                          "Final-Recipient: rfc822; zoe@far.example\r\n"));
    CHECK(site_has(&text, "Remote-MTA: dns; mx1.far.example\r\n"));
    CHECK(site_has(&text, "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"));
    CHECK(site_has(&text, "S: 550 no"));
    CHECK(str_find_str(buf_str(&text), STR("b@far.example")) < 0);
    CHECK(site_entries(&s, entries, ENTRIES_MAX) == 1);
    CHECK(entries[0].attempts == 1 && entries[0].last_code == 452);
    CHECK(str_eq(entries[0].last_text, STR("4.2.2 mailbox full")));
    CHECK(str_eq(entries[0].last_host, STR("mx1.far.example (192.0.2.9)")));
    buf_done(&text);
    site_done(&s);
}

static void several_failures_are_one_report_in_one_change(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, report_body);
}

static void time_body(struct world *w)
{
    struct queue_entry entry, left[1];
    struct queue_result r;
    struct people p;
    struct buf text;
    struct site s;

    site_init(&s, w);
    p = people(&s);
    buf_init(&text, 1 << 20);
    // told of the delay once, and by DELIVERBY once
    entry = mail_to_zoe(&s, "ana@example.test", 0);
    entry.arrived_s -= 5 * 3600;
    entry.by = ENVELOPE_BY_NOTIFY;
    entry.by_s = rt_wall_s() - 1;
    finish(&s, &entry, LATER);
    CHECK(site_count(&s, p.ana) == 1);
    CHECK(site_entries(&s, left, 1) == 1 && left[0].is_warned && left[0].by == ENVELOPE_BY_NONE);
    finish(&s, &left[0], LATER);
    CHECK(site_count(&s, p.ana) == 1);
    // never later than its time, and then it is over
    CHECK(site_entries(&s, left, 1) == 1 && left[0].attempts == 2);
    r = result(&left[0], LATER);
    r.due_us = INT64_MAX - 1;
    CHECK(queue_finish(&s.queue, &r, 1, NULL) == 0);
    CHECK(site_entries(&s, left, 1) == 1 && left[0].due_us == left[0].expires_s * 1000000);
    left[0].expires_s = rt_wall_s();
    finish(&s, &left[0], LATER);
    CHECK(site_entries(&s, left, 1) == 0);
    site_last(&s, p.ana, &text);
    CHECK(site_has(&text, "Status: 5.4.7\r\n") && site_has(&text, "452 4.2.2 mailbox full"));
    // who does not want to be told is not, and the sweep of a blocked lane need not ask again
    entry = mail_to_zoe(&s, "ana@example.test", ENVELOPE_NOTIFY_FAILURE);
    entry.arrived_s -= 5 * 3600;
    finish(&s, &entry, LATER);
    CHECK(site_count(&s, p.ana) == 2);
    CHECK(site_entries(&s, left, 1) == 1 && left[0].is_warned);
    buf_done(&text);
    site_done(&s);
}

static void a_mail_is_late_once_and_over_in_time(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, time_body);
}

// ---- no report about a report

static void no_sender_body(struct world *w)
{
    struct queue_entry left[1];
    struct people p;
    struct site s;

    site_init(&s, w);
    p = people(&s);
    // a report to another host, which refuses it
    refuse_mail_of(&s, "boss@elsewhere.example");
    CHECK(site_entries(&s, left, 1) == 1);
    CHECK(left[0].sender.len == 0 && left[0].is_report);
    CHECK(str_eq(left[0].recipient, STR("boss@elsewhere.example")));
    CHECK(str_eq(left[0].lane, STR("elsewhere.example")));
    finish(&s, &left[0], NEVER);
    CHECK(site_entries(&s, left, 1) == 0);
    CHECK(site_count(&s, p.chief) == 0);
    // the postmaster reads what nobody else would, where that is wanted
    s.config.notify_postmaster = true;
    refuse_mail_of(&s, "");
    CHECK(site_entries(&s, left, 1) == 0 && site_count(&s, p.chief) == 1);
    // but not at another host: that would be a mail that can fail again
    w->config.postmaster = STR("chief@elsewhere.example");
    refuse_mail_of(&s, "");
    CHECK(site_entries(&s, left, 1) == 0 && site_count(&s, p.chief) == 1);
    // a sender of ours who does not exist
    refuse_mail_of(&s, "nobody@example.test");
    CHECK(site_entries(&s, left, 1) == 0);
    site_done(&s);
}

/// RFC 5321 6.1
static void nothing_is_reported_about_reports(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, no_sender_body);
}

// ---- somebody was faster

static void gone_body(struct world *w)
{
    struct queue_entry entries[ENTRIES_MAX];
    struct queue_result results[3];
    struct store_change *change;
    struct people p;
    struct buf text;
    size_t gone;
    struct site s;

    site_init(&s, w);
    p = people(&s);
    buf_init(&text, 1 << 20);
    site_begin(&s, "ana@example.test", 0x7f3b);
    CHECK(site_rcpt(&s, "a@far.example", 0).verdict == DONE);
    CHECK(site_rcpt(&s, "b@far.example", 0).verdict == DONE);
    CHECK(site_rcpt(&s, "c@far.example", 0).verdict == DONE);
    CHECK(site_hand_in(&s, message).verdict == DONE);
    CHECK(site_entries(&s, entries, ENTRIES_MAX) == 3);
    CHECK(store_change_new(w->store, &change) == 0);
    store_change_queue_remove(change, entries[1].id);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    for (int i = 0; i < 3; i++)
        results[i] = result(&entries[i], i == 2 ? DONE : NEVER);
    CHECK(queue_finish(&s.queue, results, 3, &gone) == 0);
    CHECK(gone == 1);
    CHECK(site_count(&s, p.ana) == 1);
    site_last(&s, p.ana, &text);
    CHECK(site_has(&text, "Final-Recipient: rfc822; a@far.example\r\n"));
    CHECK(str_find_str(buf_str(&text), STR("Final-Recipient: rfc822; b@")) < 0);
    CHECK(queue_finish(&s.queue, results, 3, &gone) == 0 && gone == 3); // again: nothing twice
    CHECK(site_count(&s, p.ana) == 1);
    buf_done(&text);
    site_done(&s);
}

static void what_is_gone_already_is_left_out(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, gone_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_is_told_what_he_asked_for),
        cmocka_unit_test(several_failures_are_one_report_in_one_change),
        cmocka_unit_test(a_mail_is_late_once_and_over_in_time),
        cmocka_unit_test(nothing_is_reported_about_reports),
        cmocka_unit_test(what_is_gone_already_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
