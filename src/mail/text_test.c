// SPDX-License-Identifier: ISC
#include "mail/text.h"
#include "mail/outcome.h"
#include "mail/header.h"
#include "mail/received.h"
#include "mail/test.h"

static void replies_tell_their_verdict(void **state)
{
    static const struct {
        unsigned code;
        const char *text, *enhanced, *rest;
    } rows[] = {
        {250, "2.1.5 ok", "2.1.5", "ok"},
        {250, "2.1.5", "2.1.5", ""},
        {550, "5.7.1  no", "5.7.1", "no"},
        {450, "5.7.1 no", "", "5.7.1 no"},
        {250, "2.1 ok", "", "2.1 ok"},
        {250, "2.1.5ok", "", "2.1.5ok"},
        {250, "ok", "", "ok"},
        {250, "", "", ""},
        {550, "5.1234.1 x", "", "5.1234.1 x"},
        {554, "5.7.999 x", "5.7.999", "x"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = str_from(rows[i].text);

        ASSERT_STR(outcome_take_enhanced(rows[i].code, &text), str_from(rows[i].enhanced),
                   rows[i].text);
        ASSERT_STR(text, str_from(rows[i].rest), rows[i].text);
    }
    assert_int_equal(outcome_verdict(250), DONE);
    assert_int_equal(outcome_verdict(421), LATER);
    assert_int_equal(outcome_verdict(554), NEVER);
    assert_int_equal(outcome_verdict(0), LATER);
    assert_int_equal(outcome_verdict(700), LATER);
}

static void outcomes_become_replies(void **state)
{
    static const struct {
        struct outcome outcome;
        const char *want;
    } rows[] = {
        {{DONE, 250, STR("2.0.0"), STR("kept")}, "250 2.0.0 kept\r\n"},
        {{DONE, 220, STR(""), STR("hello")}, "220 hello\r\n"},
        {{NEVER, 550, STR("5.1.1"), STR("no\nsuch\nuser")},
         "550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n"},
        {{LATER, 451, STR("4.3.0"), STR("a\r250 ok")}, "451 4.3.0 a 250 ok\r\n"},
        {{LATER, 451, STR_NONE, STR_NONE}, "451 \r\n"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        outcome_put_reply(&out, &rows[i].outcome);
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].want);
    }
}

static void received_lines_tell_the_hop(void **state)
{
    static const struct {
        struct received received;
        const char *want;
    } rows[] = {
        {{.helo = STR("c.example"),
          .client_ip = STR("192.0.2.1"),
          .client_name = STR("n.example"),
          .by = STR("mx.example.test"),
          .with = STR("ESMTPS"),
          .tls = STR("TLS_AES_256_GCM_SHA384"),
          .id = STR("7f3a"),
          .for_whom = STR("ana@example.test")},
         "Received: from c.example (n.example [192.0.2.1])\r\n"
         "\tby mx.example.test with ESMTPS id 7f3a\r\n\tfor <ana@example.test>\r\n"
         "\ttls TLS_AES_256_GCM_SHA384;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {{.helo = STR("[IPv6:2001:db8::1]"),
          .client_ip = STR("2001:db8::1"),
          .by = STR("h"),
          .with = STR("SMTP")},
         "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n\tby h with SMTP;\r\n"
         "\tThu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {{.helo = STR("evil) by x;\r\nBcc: y"), .client_ip = STR("192.0.2.1"), .by = STR("h")},
         "Received: from evil??by?x???Bcc:?y ([192.0.2.1])\r\n\tby h;\r\n"
         "\tThu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {{.by = STR("h"), .with = STR("LMTP"), .id = STR("1")},
         "Received: by h with LMTP id 1;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        received_put(&out, &rows[i].received);
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].want);
        assert_int_equal(header_count(buf_str(&out), STR("Received")), 1);
    }
}

static void html_becomes_text(void **state)
{
    static const struct {
        const char *html, *want;
    } rows[] = {
        {"plain", "plain"},
        {"<p>a</p>b", "\na\nb"},
        {"a<b>bold</b>c", "aboldc"},
        {"a<br/>b<BR>c", "a\nb\nc"},
        {"<script>var a = '<p>';</script>b<style>x</style >c", "\nb\nc"},
        {"a<!-- <p> - > -->b", "ab"},
        {"<!DOCTYPE html><?xml?>x", "\n\nx"},
        {"&lt;a&gt; &amp;amp; &eacute;&Eacute; &#233;&#xE9; &nosuch; & &",
         "<a> &amp; \xc3\xa9\xc3\x89 \xc3\xa9\xc3\xa9 &nosuch; & &"},
        {"&#0;&#xD800;&#x110000;&#;", "&#0;&#xD800;&#x110000;&#;"},
        {"<a title=\"x>y\">link</a>", "link"},
        {"<a title=it's>link</a>", "link"},
        {"1 < 2 <3", "1 < 2 <3"},
        {"<unclosed", "\n"},
        {"<!-- unclosed", ""},
        {"<script>unclosed", "\n"},
        {"", ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        text_put_stripped_html(&out, str_from(rows[i].html));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].html);
    }
}

static const struct str mail =
    STR("From: =?utf-8?q?Jos=C3=A9?= <jose@example.test>\r\n"
        "Subject: =?iso-8859-1?Q?caf=E9?=\r\n =?iso-8859-1?Q?_da_manh=E3?=\r\n"
        "X-Empty:\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
        "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nma=E7=E3 no soft=\r\nbreak\r\n"
        "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "PHA+UMOjbyBkZSA8Yj5xdWVpam88L2I+PC9wPg==\r\n"
        "--b\r\nContent-Type: image/png\r\n\r\nsecretpixels\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner words\r\n\r\ndeep text\r\n"
        "--b--\r\n");

static bool body_has(const struct mime *m, const char *word)
{
    CLEANUP(buf_drop) struct buf needle = test_buf();

    assert_true(text_put_needle(&needle, STR("utf-8"), str_from(word)));
    return text_body_has(m, mail, buf_str(&needle));
}

static bool header_has(const char *name, const char *word)
{
    CLEANUP(buf_drop) struct buf needle = test_buf();

    assert_true(text_put_needle(&needle, STR("utf-8"), str_from(word)));
    return text_header_has(mail, str_from(name), buf_str(&needle));
}

static void words_are_found_in_bodies(void **state)
{
    CLEANUP(mime_drop) struct mime m = {0};
    CLEANUP(buf_drop) struct buf needle = test_buf();
    (void)state;

    mime_parse(&m, mail);
    assert_true(body_has(&m, "ma\xc3\xa7\xc3\xa3"));
    assert_true(body_has(&m, "MA\xc3\x87\xc3\x83"));
    assert_true(body_has(&m, "softbreak"));
    assert_true(body_has(&m, "p\xc3\xa3o de queijo"));
    assert_true(body_has(&m, "INNER words"));
    assert_true(body_has(&m, "deep text"));
    assert_true(body_has(&m, ""));
    assert_false(body_has(&m, "secretpixels"));
    assert_false(body_has(&m, "caf\xc3\xa9"));
    assert_false(body_has(&m, "<p>"));
    assert_true(text_put_needle(&needle, STR("iso-8859-1"), STR("CAF\xc9 da")));
    assert_true(text_message_has(&m, mail, buf_str(&needle)));
    assert_false(text_put_needle(&needle, STR("x-nobody"), STR("x")));
}

static void words_are_found_in_headers(void **state)
{
    (void)state;
    assert_true(header_has("subject", "caf\xc3\xa9 da manh\xc3\xa3"));
    assert_true(header_has("FROM", "jos\xc3\x89"));
    assert_true(header_has("FROM", "jose@example"));
    assert_true(header_has("X-Empty", ""));
    assert_false(header_has("X-Empty", "x"));
    assert_false(header_has("X-None", ""));
    assert_false(header_has("Subject", "inner"));
}

static void a_small_buffer_gets_what_fits(void **state)
{
    CLEANUP(mime_drop) struct mime m = {0};
    CLEANUP(buf_drop) struct buf whole = test_buf();
    (void)state;

    mime_parse(&m, mail);
    text_put_body(&whole, &m, mail);
    for (size_t max = 1; max <= whole.len; max++) {
        CLEANUP(buf_drop) struct buf out = {0};

        buf_init(&out, max);
        text_put_body(&out, &m, mail);
        assert_true(buf_ok(&out));
        assert_true(str_starts(buf_str(&whole), buf_str(&out)) || out.len + 8 > max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_tell_their_verdict),
        cmocka_unit_test(outcomes_become_replies),
        cmocka_unit_test(received_lines_tell_the_hop),
        cmocka_unit_test(html_becomes_text),
        cmocka_unit_test(words_are_found_in_bodies),
        cmocka_unit_test(words_are_found_in_headers),
        cmocka_unit_test(a_small_buffer_gets_what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
