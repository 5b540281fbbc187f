// SPDX-License-Identifier: ISC
#include "proto/smtp/reply.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void replies_are_put(void **state)
{
    struct buf b, text;
    (void)state;

    buf_init(&b, 4096);
    buf_init(&text, 4096);
    smtp_reply_put(&b, 250, "2.1.0", STR("fine"));
    assert_true(str_eq(buf_str(&b), STR("250 2.1.0 fine\r\n")));
    buf_clear(&b);
    smtp_reply_put(&b, 250, NULL, STR("one\ntwo"));
    assert_true(str_eq(buf_str(&b), STR("250-one\r\n250 two\r\n")));
    buf_clear(&b);
    smtp_reply_put(&b, 550, "5.1.1", STR("a\rb\tc\x7f"));
    assert_true(str_eq(buf_str(&b), STR("550 5.1.1 a?b?c?\r\n")));
    buf_clear(&b);
    smtp_reply_put(&b, 250, "", STR(""));
    assert_true(str_eq(buf_str(&b), STR("250 \r\n")));
    buf_clear(&b);
    for (int i = 0; i < 1000; i++)
        buf_put_char(&text, 'x');
    smtp_reply_put(&b, 250, "2.0.0", buf_str(&text));
    assert_int_equal(b.len, SMTP_REPLY_LINE_MAX + 2);
    buf_done(&b);
    buf_done(&text);
}

static void replies_are_read(void **state)
{
    struct smtp_reply r;
    (void)state;

    smtp_reply_init(&r);
    assert_int_equal(smtp_reply_add(&r, STR("250-2.1.5 one")), SMTP_REPLY_MORE);
    assert_int_equal(smtp_reply_add(&r, STR("250 2.1.5 two")), SMTP_REPLY_WHOLE);
    assert_int_equal(r.code, 250);
    assert_true(str_eq(buf_str(&r.text), STR("2.1.5 one\n2.1.5 two")));
    smtp_reply_clear(&r);
    assert_int_equal(smtp_reply_add(&r, STR("354")), SMTP_REPLY_WHOLE);
    smtp_reply_clear(&r);
    assert_int_equal(smtp_reply_add(&r, STR("550 2.1.5 lies")), SMTP_REPLY_WHOLE);
    smtp_reply_done(&r);
}

static void hostile_replies_are_refused(void **state)
{
    static const struct str BAD[] = {STR(""),      STR("25"),    STR("abc x"), STR("250x"),
                                     STR("150 x"), STR("650 x"), STR("-250"),  STR("2500 x")};
    struct smtp_reply r;
    enum smtp_reply_answer answer = SMTP_REPLY_MORE;
    int lines = 0;
    (void)state;

    smtp_reply_init(&r);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(*BAD); i++) {
        smtp_reply_clear(&r);
        assert_int_equal(smtp_reply_add(&r, BAD[i]), SMTP_REPLY_BAD);
    }
    smtp_reply_clear(&r);
    assert_int_equal(smtp_reply_add(&r, STR("250-a")), SMTP_REPLY_MORE);
    assert_int_equal(smtp_reply_add(&r, STR("550 b")), SMTP_REPLY_BAD);
    smtp_reply_clear(&r);
    while (answer == SMTP_REPLY_MORE && lines++ < 10000)
        answer = smtp_reply_add(&r, STR("250-x"));
    assert_int_equal(answer, SMTP_REPLY_BAD);
    assert_int_equal(lines, SMTP_REPLY_LINES_MAX + 1);
    smtp_reply_done(&r);
}

static void offers_are_read(void **state)
{
    struct smtp_reply r;
    struct smtp_offer offer;
    (void)state;

    smtp_reply_init(&r);
    smtp_reply_add(&r, STR("250-mx.test PIPELINING"));
    smtp_reply_add(&r, STR("250-size 1000"));
    smtp_reply_add(&r, STR("250-AUTH PLAIN scram-sha-256"));
    smtp_reply_add(&r, STR("250-AUTH=PLAIN"));
    smtp_reply_add(&r, STR("250-X-OTHER"));
    smtp_reply_add(&r, STR("250 STARTTLS"));
    smtp_offer_parse(&r, &offer);
    assert_int_equal(offer.extensions, SMTP_HAS_SIZE | SMTP_HAS_AUTH | SMTP_HAS_STARTTLS);
    assert_true(offer.size_max == 1000);
    assert_true(smtp_offer_has_mechanism(&offer, STR("SCRAM-SHA-256")));
    assert_false(smtp_offer_has_mechanism(&offer, STR("SCRAM-SHA-256-PLUS")));
    smtp_reply_done(&r);
}

static void limits_are_read(void **state)
{
    struct smtp_reply r;
    struct smtp_offer offer;
    (void)state;

    smtp_reply_init(&r);
    smtp_reply_add(&r, STR("250-mx.test"));
    smtp_reply_add(&r, STR("250-DELIVERBY 240"));
    smtp_reply_add(&r, STR("250-MT-PRIORITY MIXER"));
    smtp_reply_add(
        &r,
        STR("250 LIMITS rcptmax=20  MAILMAX=5 RCPTDOMAINMAX=-1 X= =3 Y MAILMAX=x MAILMAX=9999999"));
    smtp_offer_parse(&r, &offer);
    assert_int_equal(offer.extensions, SMTP_HAS_DELIVERBY | SMTP_HAS_MT_PRIORITY | SMTP_HAS_LIMITS);
    assert_true(offer.by_min_s == 240);
    assert_true(offer.recipients_max == 20);
    assert_true(offer.mails_max == 5);
    assert_true(offer.domains_max == 0);
    smtp_reply_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_put),
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(hostile_replies_are_refused),
        cmocka_unit_test(offers_are_read),
        cmocka_unit_test(limits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
