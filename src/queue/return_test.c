// SPDX-License-Identifier: ISC
//
// Mail that aliases and lists pass on to other hosts, and how what comes back finds its way: by our
// own reports and by those of others.
#include "queue/finish.h"
#include "queue/secret.h"
#include "queue/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct people {
    uint64_t ana, owner;
};

static struct people people(struct site *s)
{
    struct people p;

    world_domain(s->w, "example.test", NULL);
    world_domain(s->w, "other.test", NULL);
    p.ana = world_account(s->w, "ana@example.test", NULL);
    p.owner = world_account(s->w, "owner@example.test", NULL);
    world_alias(s->w, "away@example.test", "zoe@far.example", NULL);
    world_alias(s->w, "fans@example.test", "zoe@far.example", "owner@example.test");
    s->route.secret = STR("0123456789abcdef");
    return p;
}

static struct queue_entry send(struct site *s, const char *from, const char *to)
{
    struct queue_entry entry;

    site_begin(s, from, 0x7f3a);
    s->e.identity_id = 0; // a stranger
    CHECK(site_rcpt(s, to, 0).verdict == DONE);
    CHECK(site_hand_in(s, "Subject: x\r\n\r\ny\r\n").verdict == DONE);
    CHECK(site_entries(s, &entry, 1) == 1);
    return entry;
}

static void refuse(struct site *s, const struct queue_entry *entry)
{
    struct queue_result r = {.entry = entry,
                             .outcome = {NEVER, 550, STR("5.7.1"), STR("not here")},
                             .host = STR("mx.far.example"),
                             .dialogue = STR("")};

    CHECK(queue_finish(&s->queue, &r, 1, NULL) == 0);
}

/// RCPT of a stranger with that sender.
static unsigned code_of(struct site *s, const char *from, struct str to)
{
    char text[512];

    snprintf(text, sizeof(text), "%.*s", STR_ARG(to));
    site_begin(s, from, 0x7f40);
    s->e.identity_id = 0;
    return site_rcpt(s, text, 0).code;
}

static void forward_body(struct world *w)
{
    struct queue_entry entry, report;
    struct site s;
    char path[256];

    site_init(&s, w);
    people(&s);
    entry = send(&s, "Carl@sender.example", "away@example.test");
    CHECK(str_starts(entry.sender, STR("SRS0=")));
    CHECK(str_ends(entry.sender, STR("=sender.example=Carl@example.test")));
    snprintf(path, sizeof(path), "%.*s", STR_ARG(entry.sender));

    // what another host reports goes on to Carl, and nothing else does
    CHECK(code_of(&s, "", str_from(path)) == 250);
    CHECK(s.e.recipients[0].is_return && s.e.recipients[0].target_count == 1);
    CHECK(str_eq(s.e.recipients[0].targets[0].address, STR("Carl@sender.example")));
    CHECK(str_eq(s.e.recipients[0].targets[0].lane, STR("sender.example")));
    CHECK(code_of(&s, "mallory@evil.example", str_from(path)) == 550);
    path[5] = path[5] == 'a' ? 'b' : 'a';
    CHECK(code_of(&s, "", str_from(path)) == 550);

    // and so does our own report
    CHECK(site_entries(&s, &entry, 1) == 1);
    refuse(&s, &entry);
    CHECK(site_entries(&s, &report, 1) == 1);
    CHECK(report.sender.len == 0 && report.is_report);
    CHECK(str_eq(report.recipient, STR("Carl@sender.example")));
    refuse(&s, &report);
    CHECK(site_entries(&s, &report, 1) == 0);

    // our own people need no other return path, and no sender has none
    entry = send(&s, "ana@other.test", "away@example.test");
    CHECK(str_eq(entry.sender, STR("ana@other.test")));
    refuse(&s, &entry);
    entry = send(&s, "", "away@example.test");
    CHECK(entry.sender.len == 0);
    site_done(&s);
}

static void what_an_alias_passed_on_comes_back_to_the_sender(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, forward_body);
}

static void list_body(struct world *w)
{
    struct queue_entry entry, left;
    struct people p;
    struct buf text;
    struct site s;
    char path[256];

    site_init(&s, w);
    buf_init(&text, 1 << 20);
    p = people(&s);
    entry = send(&s, "carl@sender.example", "fans@example.test");
    CHECK(entry.is_list);
    CHECK(str_starts(entry.sender, STR("fans-bounces+0000000000007f3a-")));
    snprintf(path, sizeof(path), "%.*s", STR_ARG(entry.sender));
    CHECK(code_of(&s, "", str_from(path)) == 250);
    CHECK(s.e.recipients[0].is_return && s.e.recipients[0].about_id == 0x7f3a);
    CHECK(s.e.recipients[0].targets[0].account_id == p.owner);
    CHECK(code_of(&s, "carl@sender.example", str_from(path)) == 550);
    path[0] = 'x';
    CHECK(code_of(&s, "", str_from(path)) == 550);
    CHECK(site_entries(&s, &entry, 1) == 1);
    refuse(&s, &entry);
    CHECK(site_entries(&s, &left, 1) == 0 && site_count(&s, p.owner) == 1);
    site_last(&s, p.owner, &text);
    CHECK(site_has(&text, "Original-Recipient: rfc822; fans@example.test\r\n"));
    buf_done(&text);
    site_done(&s);
}

/// RFC 5321 3.9.2
static void a_list_hears_of_its_members_by_its_owner(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, list_body);
}

// ---- the story of the mail it is about

struct story {
    uint64_t mail_id;
    struct buf lines;
};

static void keep_story(void *arg, uint64_t mail_id, int64_t wall_us, const char *where,
                       struct str text)
{
    struct story *story = arg;

    (void)wall_us;
    if (mail_id == story->mail_id)
        buf_putf(&story->lines, "%s %.*s\n", where, STR_ARG(text));
}

static void story_body(struct world *w)
{
    static const char report[] = "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
                                 "Content-Type: message/delivery-status\r\n\r\n"
                                 "Reporting-MTA: dns; far.example\r\n\r\n"
                                 "Final-Recipient: rfc822; zoe@far.example\r\n"
                                 "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n";
    struct story story = {.mail_id = 0x7f3a};
    struct queue_entry entry;
    struct people p;
    struct site s;
    char path[256];

    site_init(&s, w);
    buf_init(&story.lines, 1 << 20);
    p = people(&s);
    entry = send(&s, "carl@sender.example", "fans@example.test");
    snprintf(path, sizeof(path), "%.*s", STR_ARG(entry.sender));
    CHECK(code_of(&s, "", str_from(path)) == 250);
    log_set_story_sink(keep_story, &story);
    CHECK(site_hand_in(&s, report).verdict == DONE);
    log_set_story_sink(NULL, NULL);
    CHECK(site_has(&story.lines, "queue/report came back"));
    CHECK(site_has(&story.lines, "action=failed rcpt=zoe@far.example status=5.1.1"));
    CHECK(site_count(&s, p.owner) == 1);
    buf_done(&story.lines);
    site_done(&s);
}

static void a_report_enters_the_story_of_its_mail(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, story_body);
}

static void secret_body(struct world *w)
{
    struct buf first, second;

    buf_init(&first, 1024);
    buf_init(&second, 1024);
    CHECK(queue_secret_load(w->store, &first) == 0);
    CHECK(queue_secret_load(w->store, &second) == 0);
    CHECK(first.len == 64 && str_eq(buf_str(&first), buf_str(&second)));
    buf_done(&first);
    buf_done(&second);
}

static void the_secret_is_made_once(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, secret_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_alias_passed_on_comes_back_to_the_sender),
        cmocka_unit_test(a_list_hears_of_its_members_by_its_owner),
        cmocka_unit_test(a_report_enters_the_story_of_its_mail),
        cmocka_unit_test(the_secret_is_made_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
