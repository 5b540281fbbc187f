// SPDX-License-Identifier: ISC
#include "proto/smtp/command.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/// Says which row of a table failed.
#define ROW(cond, text)                                                                            \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("%s: %.*s", #cond, STR_ARG(text));                                            \
    } while (0)

static void lines_split_into_verb_and_argument(void **state)
{
    static const struct {
        struct str line;
        enum smtp_verb verb;
        struct str argument;
    } ROWS[] = {
        {STR("EHLO a.test"), SMTP_EHLO, STR("a.test")},
        {STR("ehlo  a.test \t"), SMTP_EHLO, STR("a.test")},
        {STR("NoOp"), SMTP_NOOP, STR("")},
        {STR("NOOP\twhat ever"), SMTP_NOOP, STR("what ever")},
        {STR("MAIL FROM:<a@b.test>"), SMTP_MAIL, STR("FROM:<a@b.test>")},
        {STR("MAILFROM:<a@b.test>"), SMTP_UNKNOWN, STR("")},
        {STR("STARTTLS"), SMTP_STARTTLS, STR("")},
        {STR("LHLO x"), SMTP_LHLO, STR("x")},
        {STR(" QUIT"), SMTP_UNKNOWN, STR("QUIT")},
        {STR(""), SMTP_UNKNOWN, STR("")},
        {STR("?"), SMTP_UNKNOWN, STR("")},
        {STR("BDAT 5 LAST"), SMTP_BDAT, STR("5 LAST")},
        {STR("VRFY \xc3\xa3na"), SMTP_VRFY, STR("\xc3\xa3na")},
    };
    static const struct str CONTROL[] = {STR("NOOP\0"), STR("NO\rOP"), STR("NOOP \x7f"),
                                         STR("\x1b[2J"), STR("RCPT TO:<a\0b@c.test>")};
    struct smtp_command c;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        ROW(!smtp_command_parse(ROWS[i].line, &c), ROWS[i].line);
        ROW(c.verb == ROWS[i].verb, ROWS[i].line);
        ROW(str_eq(c.argument, ROWS[i].argument), ROWS[i].line);
    }
    for (size_t i = 0; i < COUNT(CONTROL); i++) {
        const struct smtp_fault *fault = smtp_command_parse(CONTROL[i], &c);

        ROW(fault && fault->code == 500, CONTROL[i]);
    }
    for (int i = SMTP_UNKNOWN + 1; i < SMTP_VERBS; i++) {
        struct str name = str_from(smtp_verb_name((enum smtp_verb)i));

        ROW(!smtp_command_parse(name, &c) && (int)c.verb == i, name);
    }
}

static void senders_are_parsed(void **state)
{
    static const struct {
        struct str argument, path;
        uint64_t size;
        enum smtp_body body;
        bool is_utf8;
    } ROWS[] = {
        {STR("FROM:<>"), STR(""), 0, SMTP_BODY_7BIT, false},
        {STR("from:<ana@example.test>"), STR("ana@example.test"), 0, 0, false},
        {STR("FROM: <ana@example.test>  SIZE=100"), STR("ana@example.test"), 100, 0, false},
        {STR("FROM:<@a.test,@b.test:ana@example.test>"), STR("ana@example.test"), 0, 0, false},
        {STR("FROM:<\"a>b\"@example.test> BODY=8bitmime"), STR("\"a>b\"@example.test"), 0,
         SMTP_BODY_8BITMIME, false},
        {STR("FROM:<ana@[192.0.2.1]> SMTPUTF8"), STR("ana@[192.0.2.1]"), 0, 0, true},
        {STR("FROM:<\xc3\xa3na@example.test> smtputf8 SIZE=0"), STR("\xc3\xa3na@example.test"), 0,
         0, true},
        {STR("FROM:<a@b.test> SIZE=18446744073709551616"), STR("a@b.test"), UINT64_MAX, 0, false},
        {STR("FROM:<a@b.test> SIZE=99999999999999999999"), STR("a@b.test"), UINT64_MAX, 0, false},
        {STR("FROM:<a@b.test> SIZE=000000000000000000000000100"), STR("a@b.test"), 100, 0, false},
        {STR("FROM:<a@b.test> SIZE=18446744073709551615 AUTH=<> RET=HDRS ENVID=x+2By"),
         STR("a@b.test"), UINT64_MAX, 0, false},
        {STR("FROM:<bounce-0123456789-0123456789-0123456789-0123456789-0123456789-x=y.test@v."
             "test>"),
         STR("bounce-0123456789-0123456789-0123456789-0123456789-0123456789-x=y.test@v.test"), 0, 0,
         false},
    };
    struct smtp_mail mail;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        const struct smtp_fault *fault = smtp_mail_parse(ROWS[i].argument, &mail);

        if (fault)
            fail_msg("%.*s: %s", STR_ARG(ROWS[i].argument), fault->text);
        ROW(str_eq(mail.path, ROWS[i].path), ROWS[i].argument);
        ROW(mail.is_null == (ROWS[i].path.len == 0), ROWS[i].argument);
        ROW(mail.size == ROWS[i].size && mail.body == ROWS[i].body, ROWS[i].argument);
        ROW(mail.is_utf8 == ROWS[i].is_utf8, ROWS[i].argument);
    }
}

static void bad_senders_are_told_why(void **state)
{
    static const struct {
        struct str argument;
        unsigned code;
        const char *status;
    } ROWS[] = {
        {STR(""), 501, "5.5.4"},
        {STR("<a@b.test>"), 501, "5.5.4"},
        {STR("FROM:a@b.test"), 501, "5.5.4"},
        {STR("FROM:"), 501, "5.5.4"},
        {STR("FROM <a@b.test>"), 501, "5.5.4"},
        {STR("FROM:<ana>"), 501, "5.1.7"},
        {STR("FROM:<@x.test> SIZE=1:ana@example.test>"), 501, "5.1.7"},
        {STR("FROM:<@a.test,b.test:ana@example.test>"), 501, "5.1.7"},
        {STR("FROM:<@:ana@example.test>"), 501, "5.1.7"},
        {STR("FROM:<ana@>"), 501, "5.1.7"},
        {STR("FROM:<@b.test>"), 501, "5.1.7"},
        {STR("FROM:<a@b.test"), 501, "5.1.7"},
        {STR("FROM:< a@b.test>"), 501, "5.1.7"},
        {STR("FROM:<a b@b.test>"), 501, "5.1.7"},
        {STR("FROM:<a@b.test>x"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE=x"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE=-1"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE=18446744073709551616x"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE=1 SIZE=1"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SIZE=1 BODY=9BIT"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> SMTPUTF8=1"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> AUTH=+xx"), 501, "5.5.4"},
        {STR("FROM:<a@b.test> FOO=1"), 555, "5.5.4"},
        {STR("FROM:<a@b.test> FOO"), 555, "5.5.4"},
        {STR("FROM:<a@b.test> ="), 501, "5.5.4"},
        {STR("FROM:<\xc3\xa3na@example.test>"), 553, "5.6.7"},
    };
    struct smtp_mail mail;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        const struct smtp_fault *fault = smtp_mail_parse(ROWS[i].argument, &mail);

        ROW(fault != NULL, ROWS[i].argument);
        ROW(fault->code == ROWS[i].code, ROWS[i].argument);
        assert_string_equal(fault->status, ROWS[i].status);
    }
}

static void times_and_priorities_are_parsed(void **state)
{
    struct smtp_mail mail;
    (void)state;

    assert_null(smtp_mail_parse(STR("FROM:<> BY=+120;nt"), &mail));
    assert_true(mail.by == SMTP_BY_NOTIFY && mail.by_trace && mail.by_seconds == 120);
    assert_null(smtp_mail_parse(STR("FROM:<> BY=-999999999;R"), &mail));
    assert_true(mail.by == SMTP_BY_RETURN && !mail.by_trace && mail.by_seconds == -999999999);
    assert_non_null(smtp_mail_parse(STR("FROM:<> BY=1000000000;R"), &mail));
    assert_non_null(smtp_mail_parse(STR("FROM:<> BY=+-1;R"), &mail));
    assert_null(smtp_mail_parse(STR("FROM:<> HOLDFOR=86400"), &mail));
    assert_true(mail.hold == SMTP_HOLD_FOR && mail.hold_seconds == 86400);
    // the examples of RFC 3339 5.8; a leap second is the one after it
    assert_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=1985-04-12T23:20:50.52Z"), &mail));
    assert_true(mail.hold == SMTP_HOLD_UNTIL && mail.hold_until_s == 482196050);
    assert_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=1996-12-19T16:39:57-08:00"), &mail));
    assert_true(mail.hold_until_s == 851042397);
    assert_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=1990-12-31T15:59:60-08:00"), &mail));
    assert_true(mail.hold_until_s == 662688000);
    assert_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=1937-01-01T12:00:27.87+00:20"), &mail));
    assert_true(mail.hold_until_s == -1041337173);
    assert_non_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=2100-02-29T00:00:00Z"), &mail));
    assert_non_null(smtp_mail_parse(STR("FROM:<> HOLDUNTIL=2024-02-28T24:00:00Z"), &mail));
    assert_null(smtp_mail_parse(STR("FROM:<> MT-PRIORITY=-9 REQUIRETLS"), &mail));
    assert_true(mail.has_priority && mail.priority == -9 && mail.requires_tls);
}

static void proxies_say_who_the_client_is(void **state)
{
    struct smtp_xclient x;
    struct smtp_etrn etrn;
    (void)state;

    assert_null(smtp_xclient_parse(STR("NAME=spike.porcupine.org ADDR=168.100.189.2"), &x));
    assert_true(str_eq(x.name, STR("spike.porcupine.org")) && str_eq(x.addr, STR("168.100.189.2")));
    assert_true(!x.port.ptr && !x.helo.ptr);
    assert_null(smtp_xclient_parse(STR("name=[UNAVAILABLE] LOGIN="), &x));
    assert_true(x.name.ptr && x.name.len == 0 && x.login.ptr && x.login.len == 0);
    assert_non_null(smtp_xclient_parse(STR(""), &x));
    assert_non_null(smtp_xclient_parse(STR("ADDR"), &x));
    assert_non_null(smtp_xclient_parse(STR("ADDR=1.2.3.4 ADDR=1.2.3.5"), &x));
    assert_non_null(smtp_xclient_parse(STR("COLOUR=red"), &x));
    assert_non_null(smtp_xclient_parse(STR("HELO=a+2"), &x));
    assert_null(smtp_etrn_parse(STR("@example.org"), &etrn));
    assert_true(etrn.option == '@' && str_eq(etrn.node, STR("example.org")));
    assert_non_null(smtp_etrn_parse(STR("[192.0.2.1]"), &etrn));
    assert_non_null(smtp_etrn_parse(STR("a b"), &etrn));
}

static void long_paths_are_refused(void **state)
{
    struct buf b;
    struct smtp_mail mail;
    const struct smtp_fault *fault;
    (void)state;

    buf_init(&b, 1000);
    buf_put(&b, STR("FROM:<"));
    for (int i = 0; i < 60; i++)
        buf_put(&b, STR("abcd"));
    buf_put(&b, STR("@abcdefgh.example.test>"));
    fault = smtp_mail_parse(buf_str(&b), &mail);
    assert_non_null(fault);
    assert_int_equal(fault->code, 501);
    assert_string_equal(fault->status, "5.1.7");
    buf_done(&b);
}

static void recipients_are_parsed(void **state)
{
    struct smtp_rcpt rcpt;
    (void)state;

    assert_null(smtp_rcpt_parse(STR("TO:<bruno+x@example.test>"), false, &rcpt));
    assert_true(str_eq(rcpt.recipient.local, STR("bruno+x")));
    assert_true(str_eq(rcpt.recipient.domain, STR("example.test")));
    assert_null(smtp_rcpt_parse(STR("to:<PostMaster>"), false, &rcpt));
    assert_true(rcpt.is_postmaster && str_case_eq(rcpt.recipient.local, STR("postmaster")));
    assert_true(rcpt.recipient.domain.len == 0);
    assert_null(smtp_rcpt_parse(STR("TO:<@a.test:b@c.test>"), false, &rcpt));
    assert_true(str_eq(rcpt.path, STR("b@c.test")));
    assert_null(smtp_rcpt_parse(STR("TO:<b@c.test> NOTIFY=SUCCESS,delay ORCPT=rfc822;b+40c.test"),
                                false, &rcpt));
    assert_true(rcpt.has_dsn && rcpt.notify == (SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY));
    assert_true(str_eq(rcpt.orcpt, STR("rfc822;b+40c.test")));
    assert_null(smtp_rcpt_parse(STR("TO:<\xc3\xa3@c.test>"), true, &rcpt));
}

static void bad_recipients_are_told_why(void **state)
{
    static const struct {
        struct str argument;
        unsigned code;
        const char *status;
    } ROWS[] = {
        {STR("FROM:<a@b.test>"), 501, "5.5.4"},
        {STR("TO:a@b.test"), 501, "5.5.4"},
        {STR("TO:<>"), 501, "5.1.3"},
        {STR("TO:<bruno>"), 501, "5.1.3"},
        {STR("TO:<a@b@c.test>"), 501, "5.1.3"},
        {STR("TO:<a@b..test>"), 501, "5.1.3"},
        {STR("TO:<\xc3\xa3@c.test>"), 553, "5.6.7"},
        {STR("TO:<a@b.test> NOTIFY=NEVER,DELAY"), 501, "5.5.4"},
        {STR("TO:<a@b.test> NOTIFY="), 501, "5.5.4"},
        {STR("TO:<a@b.test> ORCPT=x"), 501, "5.5.4"},
        {STR("TO:<a@b.test> SIZE=1"), 555, "5.5.4"},
    };
    struct smtp_rcpt rcpt;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        const struct smtp_fault *fault = smtp_rcpt_parse(ROWS[i].argument, false, &rcpt);

        ROW(fault != NULL, ROWS[i].argument);
        ROW(fault->code == ROWS[i].code, ROWS[i].argument);
        assert_string_equal(fault->status, ROWS[i].status);
    }
}

static void small_arguments_are_parsed(void **state)
{
    struct smtp_bdat bdat;
    struct smtp_auth auth;
    struct str name;
    (void)state;

    assert_null(smtp_bdat_parse(STR("86 LAST"), &bdat));
    assert_true(bdat.size == 86 && bdat.is_last);
    assert_null(smtp_bdat_parse(STR("0 last"), &bdat));
    assert_null(smtp_bdat_parse(STR("12"), &bdat));
    assert_true(bdat.size == 12 && !bdat.is_last);
    assert_non_null(smtp_bdat_parse(STR(""), &bdat));
    assert_non_null(smtp_bdat_parse(STR("-1"), &bdat));
    assert_non_null(smtp_bdat_parse(STR("1 LASTX"), &bdat));
    assert_non_null(smtp_bdat_parse(STR("99999999999999999999"), &bdat));

    assert_null(smtp_auth_parse(STR("PLAIN"), &auth));
    assert_false(auth.has_initial);
    assert_null(smtp_auth_parse(STR("PLAIN ="), &auth));
    assert_true(auth.has_initial && auth.initial.len == 0);
    assert_null(smtp_auth_parse(STR("SCRAM-SHA-256 biws"), &auth));
    assert_true(str_eq(auth.initial, STR("biws")));
    assert_int_equal(smtp_auth_parse(STR("PLAIN a b"), &auth)->code, 501);
    assert_int_equal(smtp_auth_parse(STR("PLAIN *"), &auth)->code, 501);
    assert_int_equal(smtp_auth_parse(STR(""), &auth)->code, 501);

    assert_null(smtp_helo_parse(STR("[IPv6:::1]"), &name));
    assert_non_null(smtp_helo_parse(STR(""), &name));
    assert_non_null(smtp_helo_parse(STR("a b"), &name));
}

static void xtext_is_decoded(void **state)
{
    struct buf back;
    struct str wild = STR("a+b=c d\0\xff");
    (void)state;

    buf_init(&back, 100);
    assert_true(smtp_xtext_decode(STR("a+2Bb+3Dc+20d+00+FF"), &back));
    assert_true(str_eq(buf_str(&back), wild));
    assert_false(smtp_xtext_decode(STR("+2"), &back));
    assert_false(smtp_xtext_decode(STR("+2b"), &back));
    assert_false(smtp_xtext_decode(STR("a b"), &back));
    buf_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_split_into_verb_and_argument),
        cmocka_unit_test(senders_are_parsed),
        cmocka_unit_test(bad_senders_are_told_why),
        cmocka_unit_test(times_and_priorities_are_parsed),
        cmocka_unit_test(proxies_say_who_the_client_is),
        cmocka_unit_test(long_paths_are_refused),
        cmocka_unit_test(recipients_are_parsed),
        cmocka_unit_test(bad_recipients_are_told_why),
        cmocka_unit_test(small_arguments_are_parsed),
        cmocka_unit_test(xtext_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
