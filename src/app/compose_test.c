// SPDX-License-Identifier: ISC
#include "mail/header.h"
#include "mail/param.h"
#include "mail/word.h"

#include "app/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct str field(struct str message, const char *name, struct buf *out)
{
    struct header_field found;

    buf_clear(out);
    if (!header_find(message, str_from(name), &found))
        return STR_NONE;
    header_put_unfolded(out, found.value);
    return buf_str(out);
}

static struct compose one(struct compose_person *to)
{
    struct compose c = {.from = {STR(""), STR("ana@example.test")},
                        .to = {to, 1},
                        .text = STR("Hello\nthere"),
                        .subject = STR("Hi"),
                        .date = 1795000000,
                        .zone_minutes = -180};

    *to = (struct compose_person){STR(""), STR("bruno@example.test")};
    for (size_t i = 0; i < sizeof c.random; i++)
        c.random[i] = (uint8_t)(i + 1);
    return c;
}

static void a_plain_mail_byte_for_byte(void **state)
{
    struct compose_person to;
    struct compose c = one(&to);
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_true(compose_put(&c, &out));
    assert_string_equal(buf_cstr(&out), "From: ana@example.test\r\n"
                                        "To: bruno@example.test\r\n"
                                        "Subject: Hi\r\n"
                                        "Date: Wed, 18 Nov 2026 08:06:40 -0300\r\n"
                                        "Message-ID: <0102030405060708090a0b0c@example.test>\r\n"
                                        "MIME-Version: 1.0\r\n"
                                        "Content-Type: text/plain; charset=utf-8\r\n"
                                        "Content-Transfer-Encoding: 7bit\r\n"
                                        "\r\n"
                                        "Hello\r\nthere\r\n");
    buf_done(&out);
}

/// RFC 2047 in names and subject, RFC 2045 in texts: ASCII and short lines whatever goes in.
static void everything_is_ascii_in_short_lines(void **state)
{
    static const struct {
        const char *subject, *text, *encoding;
    } rows[] = {
        {"Ol\xc3\xa1 mundo", "A\xc3\xa7\xc3\xa3o com muitas letras simples\n", "quoted-printable"},
        {"\xd0\x9f\xd1\x80\xd0\xb8", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n",
         "base64"},
        {"plain", "plain\n", "7bit"},
        {"plain", "a lone \r return\n", "quoted-printable"},
        {"a\r\nBcc: evil@example.test", "x\n", "7bit"},
    };
    struct buf out, value, plain;

    (void)state;
    buf_init(&out, 1 << 20);
    buf_init(&value, 1 << 16);
    buf_init(&plain, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct compose_person to;
        struct compose c = one(&to);
        struct str rest, line;

        c.subject = str_from(rows[i].subject);
        c.text = str_from(rows[i].text);
        to.name = STR("Jos\xc3\xa9 \"o\" Carteiro, Jr.");
        buf_clear(&out);
        assert_true(compose_put(&c, &out));
        rest = buf_str(&out);
        while (str_split(&rest, '\n', &line)) {
            assert_true(line.len <= HEADER_FOLD_COLUMNS + 2);
            assert_true(!rest.ptr || str_ends(line, STR("\r")));
            for (size_t k = 0; k < line.len; k++)
                assert_false(line.ptr[k] & 0x80);
        }
        assert_true(str_eq(field(buf_str(&out), "Content-Transfer-Encoding", &value),
                           str_from(rows[i].encoding)));
        buf_clear(&plain);
        word_put_decoded(&plain, field(buf_str(&out), "To", &value));
        assert_true(str_find_str(buf_str(&plain), STR("Jos\xc3\xa9")) >= 0);
        assert_int_equal(header_count(buf_str(&out), STR("Bcc")), 0);
    }
    buf_done(&out);
    buf_done(&value);
    buf_done(&plain);
}

static void attachments_carry_their_names(void **state)
{
    struct compose_attachment a[] = {
        {STR("relat\xc3\xb3rio.pdf"), STR("application/pdf"), STR("%PDF\0\xff")},
        {STR("b.txt"), STR("text/plain; charset=utf-8"), STR("b")},
    };
    struct compose_person to;
    struct compose c = one(&to);
    struct buf out;

    (void)state;
    c.attachments = a;
    c.attachment_count = 2;
    buf_init(&out, 1 << 20);
    assert_true(compose_put(&c, &out));
    assert_non_null(strstr(buf_cstr(&out),
                           "boundary=\"=_0d0e0f101112131415161718\"\r\n\r\n"
                           "--=_0d0e0f101112131415161718\r\nContent-Type: text/plain"));
    assert_non_null(strstr(buf_cstr(&out), "filename*=utf-8''relat%C3%B3rio.pdf"));
    assert_non_null(strstr(buf_cstr(&out), "JVBERgD/"));
    assert_non_null(strstr(buf_cstr(&out), "filename=b.txt"));
    assert_true(str_ends(buf_str(&out), STR("\r\n--=_0d0e0f101112131415161718--\r\n")));
    buf_done(&out);
}

static void people_are_read_from_what_was_typed(void **state)
{
    static const struct {
        const char *text, *address, *name; // address NULL: refused
        size_t count;
    } rows[] = {
        {"ana@example.test", "ana@example.test", "", 1},
        {"Ana Lima <ana@Example.Test>", "ana@example.test", "Ana Lima", 1},
        {"\"Lima, Ana\" <ana@example.test>, b@example.test", "ana@example.test", "Lima, Ana", 2},
        {"ana@b\xc3\xbc"
         "cher.example",
         "ana@xn--bcher-kva.example", "", 1},
        {"\"a b\"@example.test", "\"a b\"@example.test", "", 1},
        {"ana", NULL, NULL, 0},
        {"", NULL, NULL, 0},
        {"ana@", NULL, NULL, 0},
        {"a b@example.test", NULL, NULL, 0},
        {"x@example.test, nobody", NULL, NULL, 0},
        {"a@b\r\nRCPT TO:<c@d>", NULL, NULL, 0},
    };
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct compose_people people = {0};
        struct str bad;
        bool ok;

        arena_init(&arena, 1 << 20);
        ok = compose_people_add(&arena, &people, str_from(rows[i].text), &bad);
        if (ok != (rows[i].address != NULL))
            print_error("%s\n", rows[i].text);
        assert_int_equal(ok, rows[i].address != NULL);
        if (ok) {
            assert_int_equal(people.count, rows[i].count);
            assert_true(str_eq(people.items[0].address, str_from(rows[i].address)));
            assert_true(str_eq(people.items[0].name, str_from(rows[i].name)));
        }
        arena_done(&arena);
    }
    assert_true(compose_is_utf8(STR("jos\xc3\xa9@example.test")));
    assert_false(compose_is_utf8(STR("jose@example.test")));
    assert_true(str_eq(compose_type_of(STR("a.PNG")), STR("image/png")));
    assert_true(str_eq(compose_type_of(STR(".png")), STR("application/octet-stream")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_mail_byte_for_byte),
        cmocka_unit_test(everything_is_ascii_in_short_lines),
        cmocka_unit_test(attachments_carry_their_names),
        cmocka_unit_test(people_are_read_from_what_was_typed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
