// SPDX-License-Identifier: ISC
//
// Reports as people and programs read them, and those of others as we read them.
#include "base/buf.h"
#include "mail/mime.h"
#include "mail/report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct report_recipient failed = {
    .action = REPORT_FAILED,
    .address = {"zoe@far.example", 15},
    .original = {"away@example.test", 17},
    .orcpt = {"rfc822;away+2Bx@example.test", 28},
    .status = {"5.1.1", 5},
    .host = {"mx1.far.example (192.0.2.9)", 27},
    .code = 550,
    .text = {"no such user\nnone at all", 24},
    .dialogue = {"C: RCPT\nS: 550", 14},
    .attempt_s = 1700000000,
};

static struct report report_of(const struct report_recipient *recipients, size_t count)
{
    return (struct report){.language = STR("en"),
                           .host = STR("mx.example.test"),
                           .from = STR("postmaster@example.test"),
                           .to = STR("ana@example.test"),
                           .id = 5,
                           .boundary = {1, 2},
                           .mail_id = 0x7f3a,
                           .now_s = 1700000300,
                           .arrived_s = 1699990000,
                           .envid = STR("id+2B7"),
                           .recipients = recipients,
                           .count = count,
                           .original = STR("Subject: Sun\r\nFrom: a\r\n\r\nbody\r\n")};
}

static void compose(struct buf *out, const struct report *report, struct report_kind *kind)
{
    buf_init(out, 4 << 20);
    report_put(out, report, kind);
    assert_true(buf_ok(out));
}

static void has(const struct buf *text, const char *what)
{
    if (str_find_str(buf_str(text), str_from(what)) < 0)
        fail_msg("no \"%s\" in\n%.*s", what, STR_ARG(buf_str(text)));
}

static void lacks(const struct buf *text, const char *what)
{
    if (str_find_str(buf_str(text), str_from(what)) >= 0)
        fail_msg("\"%s\" in\n%.*s", what, STR_ARG(buf_str(text)));
}

static void a_failure_has_all_its_fields(void **state)
{
    struct report report = report_of(&failed, 1);
    struct report_kind kind;
    struct mime m;
    struct buf out;

    (void)state;
    compose(&out, &report, &kind);
    assert_false(kind.is_8bit || kind.is_utf8);
    has(&out, "Content-Type: multipart/report; report-type=delivery-status;\r\n");
    has(&out, "Subject: Your mail could not be delivered\r\n");
    has(&out, "Auto-Submitted: auto-replied\r\n");
    has(&out, "Message-ID: <");
    has(&out, "\r\nReporting-MTA: dns; mx.example.test\r\n"
              "Original-Envelope-Id: id+7\r\n"
              "Arrival-Date: Tue, 14 Nov 2023 19:26:40 +0000\r\n"
              "\r\n"
              "Original-Recipient: rfc822; away+x@example.test\r\n"
              "Final-Recipient: rfc822; zoe@far.example\r\n"
              "Action: failed\r\n"
              "Status: 5.1.1\r\n"
              "Remote-MTA: dns; mx1.far.example\r\n"
              "Diagnostic-Code: smtp; 550 5.1.1 no such user none at all\r\n"
              "Last-Attempt-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    has(&out, "There is no mailbox of that name");
    has(&out, "Subject: Sun");
    has(&out, "text/rfc822-headers\r\n\r\nSubject: Sun\r\nFrom: a\r\n\r\n");
    lacks(&out, "\r\nbody\r\n");
    mime_parse(&m, buf_str(&out));
    assert_int_equal(m.parts[0].child_count, 3);
    mime_done(&m);
    buf_done(&out);
}

static void the_message_comes_back_whole_where_it_may(void **state)
{
    struct report report = report_of(&failed, 1);
    struct report_kind kind;
    struct buf out;

    (void)state;
    report.is_full = true;
    compose(&out, &report, &kind);
    has(&out, "Content-Type: message/rfc822\r\n\r\nSubject: Sun\r\nFrom: a\r\n\r\nbody\r\n");
    buf_done(&out);
    report.original = STR("Subject: Sun\r\n\r\nol\xc3\xa1\r\n");
    compose(&out, &report, &kind);
    assert_true(kind.is_8bit && !kind.is_utf8);
    has(&out, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n");
    buf_done(&out);
}

static void portuguese_is_for_who_wants_it(void **state)
{
    struct report report = report_of(&failed, 1);
    struct report_kind kind;
    struct buf out;

    (void)state;
    report.language = STR("pt-BR");
    compose(&out, &report, &kind);
    assert_false(kind.is_8bit);
    has(&out, "Subject: =?");
    has(&out, "N=C3=A3o existe caixa");
    has(&out, "Action: failed\r\n"); // programs have one language
    buf_done(&out);
}

/// RFC 6533
static void other_alphabets_have_types_of_their_own(void **state)
{
    struct report_recipient r = failed;
    struct report report = report_of(&r, 1);
    struct report_kind kind;
    struct buf out;

    (void)state;
    r.address = STR("zo\xc3\xab@far.example");
    r.orcpt = STR("");
    report.original = STR("Subject: ol\xc3\xa1\r\n\r\n");
    compose(&out, &report, &kind);
    assert_true(kind.is_8bit);
    has(&out, "Content-Type: message/global-delivery-status\r\n");
    has(&out, "Final-Recipient: utf-8; zo\xc3\xab@far.example\r\n");
    has(&out, "Content-Type: message/global-headers\r\n");
    buf_done(&out);
}

static const struct {
    enum report_action action;
    const char *field, *subject, *words;
} actions[] = {
    {REPORT_FAILED, "failed", "could not be delivered", "will not be tried again"},
    {REPORT_DELAYED, "delayed", "is delayed", "You need not do anything"},
    {REPORT_DELIVERED, "delivered", "was delivered", "put into the mailbox"},
    {REPORT_RELAYED, "relayed", "was passed on", "was handed to the server"},
    {REPORT_EXPANDED, "expanded", "was passed on", "stand for several"},
};

static void every_action_has_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        struct report_recipient r = failed;
        struct report report = report_of(&r, 1);
        struct report_kind kind;
        struct buf out;
        char line[64];

        r.action = actions[i].action;
        r.status = STR("");
        r.retry_until_s = 1700009999;
        compose(&out, &report, &kind);
        snprintf(line, sizeof(line), "\r\nAction: %s\r\nStatus: ", actions[i].field);
        has(&out, line);
        has(&out, actions[i].subject);
        has(&out, actions[i].words);
        if (r.action == REPORT_DELAYED)
            has(&out, "Will-Retry-Until: ");
        else
            lacks(&out, "Will-Retry-Until: ");
        buf_done(&out);
    }
}

/// The far side's words: no line of theirs becomes a field, a part, or a recipient.
static void hostile_words_stay_words(void **state)
{
    struct report_recipient r = failed;
    struct report report = report_of(&r, 1);
    struct report_found found[4];
    struct report_kind kind;
    struct arena arena;
    struct buf out;
    size_t count;

    (void)state;
    r.text = STR("no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; evil@x\r\n"
                 "Action: failed\r\n\xff\xfe\x01");
    r.host = STR("mx\r\nAction: relayed");
    r.orcpt = STR("rfc822;a+0D+0AAction:+20delivered");
    r.dialogue = STR("S: \r\n--=_x--\r\n\xff");
    compose(&out, &report, &kind);
    assert_false(kind.is_8bit);
    arena_init(&arena, 1 << 20);
    assert_true(report_parse(&arena, buf_str(&out), found, 4, &count));
    assert_int_equal(count, 1);
    assert_int_equal(found[0].action, REPORT_FAILED);
    assert_true(str_eq(found[0].address, r.address));
    arena_done(&arena);
    buf_done(&out);
}

static void many_recipients_are_told_and_counted(void **state)
{
    static struct report_recipient many[1000];
    struct report report = report_of(many, 1000);
    static struct report_found found[1000];
    struct report_kind kind;
    struct arena arena;
    struct buf out;
    size_t count;

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        many[i] = failed;
    compose(&out, &report, &kind);
    has(&out, "... and 900 more recipients.");
    arena_init(&arena, 16 << 20);
    assert_true(report_parse(&arena, buf_str(&out), found, 1000, &count));
    assert_int_equal(count, 1000); // a program reads of all of them
    arena_done(&arena);
    buf_done(&out);
}

// ---- those of others

#define HEAD                                                                                       \
    "Content-Type: multipart/report; report-type=delivery-status; "                                \
    "boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
#define STATUS                                                                                     \
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; far.example\r\n\r\n"

static const struct {
    const char *message;
    size_t count;
    const char *address, *original, *status;
} messages[] = {
    {HEAD STATUS
     "Final-Recipient: rfc822; zoe@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
     1, "zoe@far.example", "", "5.1.1"},
    {HEAD STATUS
     "final-recipient: RFC822;<zoe@far.example>\r\naction: Failed\r\nstatus: 5.1.1 (gone)\r\n",
     1, "zoe@far.example", "", "5.1.1"},
    {HEAD STATUS
     "Original-Recipient: rfc822;\r\n away@example.test\r\nAction: failed\r\nStatus: x\r\n",
     1, "", "away@example.test", ""},
    {HEAD STATUS "Final-Recipient: rfc822; zoe@far.example\r\n", 0, "", "", ""},
    {HEAD STATUS "Final-Recipient: rfc822; zoe@far.example\r\nAction: eaten\r\n", 0, "", "", ""},
    {HEAD "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
          "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IHpvZUBmYXIKQWN0aW9uOiBmYWlsZWQK\n",
     1, "zoe@far", "", ""},
    {HEAD "Content-Type: text/plain\r\n\r\nFinal-Recipient: rfc822; zoe@far\r\nAction: failed\r\n",
     0, "", "", ""},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" STATUS
     "Final-Recipient: rfc822; zoe@far\r\nAction: failed\r\n",
     0, "", "", ""},
    {"Subject: I am away\r\n\r\nback soon\r\n", 0, "", "", ""},
    {"", 0, "", "", ""},
};

static void reports_of_others_are_read_mildly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct report_found found[2];
        struct arena arena;
        size_t count;

        arena_init(&arena, 1 << 20);
        report_parse(&arena, str_from(messages[i].message), found, 2, &count);
        if (count != messages[i].count)
            fail_msg("row %zu: %zu", i, count);
        if (count > 0 && (!str_eq(found[0].address, str_from(messages[i].address)) ||
                          !str_eq(found[0].original, str_from(messages[i].original)) ||
                          !str_eq(found[0].status, str_from(messages[i].status))))
            fail_msg("row %zu: %.*s %.*s", i, STR_ARG(found[0].address), STR_ARG(found[0].status));
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_has_all_its_fields),
        cmocka_unit_test(the_message_comes_back_whole_where_it_may),
        cmocka_unit_test(portuguese_is_for_who_wants_it),
        cmocka_unit_test(other_alphabets_have_types_of_their_own),
        cmocka_unit_test(every_action_has_its_words),
        cmocka_unit_test(hostile_words_stay_words),
        cmocka_unit_test(many_recipients_are_told_and_counted),
        cmocka_unit_test(reports_of_others_are_read_mildly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
