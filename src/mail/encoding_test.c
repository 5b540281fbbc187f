// SPDX-License-Identifier: ISC
#include "mail/charset.h"
#include "mail/encoding.h"
#include "mail/param.h"
#include "mail/test.h"
#include "mail/utf7.h"
#include "mail/word.h"

static void base64_goes_both_ways(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfd", "//79"},
                {"\xfb\xef\xbe", "++++"}};
    static const char *const bad[] = {
        "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Z g=", "Zm9v\n", "Zm-_", "="};
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf(), back = test_buf();

        encoding_put_base64(&out, str_from(rows[i].bytes));
        ASSERT_STR(buf_str(&out), str_from(rows[i].text), rows[i].bytes);
        assert_true(encoding_decode_base64(&back, buf_str(&out)));
        ASSERT_STR(buf_str(&back), str_from(rows[i].bytes), rows[i].text);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        if (encoding_decode_base64(&out, str_from(bad[i])) || out.len)
            fail_msg("%s was taken", bad[i]);
    }
}

static void bodies_are_decoded_mildly_and_in_any_pieces(void **state)
{
    static const struct {
        enum encoding encoding;
        const char *text, *want;
    } rows[] = {
        {ENCODING_BASE64, "Zm9v\r\nYmFy\r\n", "foobar"},
        {ENCODING_BASE64, "Zm9vYg", "foob"},
        {ENCODING_BASE64, "Zg==Zm8=\r\nZm9v", "ffofoo"},
        {ENCODING_BASE64, "Z*m.9-v", "foo"},
        {ENCODING_BASE64, "Z", ""},
        {ENCODING_QUOTED_PRINTABLE, "a=3Db", "a=b"},
        {ENCODING_QUOTED_PRINTABLE, "a=3db=C3=a9", "a=b\xc3\xa9"},
        {ENCODING_QUOTED_PRINTABLE, "soft=\r\nbreak=\nagain", "softbreakagain"},
        {ENCODING_QUOTED_PRINTABLE, "soft=  \t\r\nbreak", "softbreak"},
        {ENCODING_QUOTED_PRINTABLE, "trailing  \t\r\nblanks \nx  ", "trailing\r\nblanks\nx"},
        {ENCODING_QUOTED_PRINTABLE, "a b\tc", "a b\tc"},
        {ENCODING_QUOTED_PRINTABLE, "=zz =4 =", "=zz =4 "},
        {ENCODING_QUOTED_PRINTABLE, "==41", "=A"},
        {ENCODING_QUOTED_PRINTABLE, "=4=41", "=4A"},
        {ENCODING_QUOTED_PRINTABLE, "=  x", "=  x"},
        {ENCODING_QUOTED_PRINTABLE, "=\rx\ry \r\rz", "=\rx\ry \r\rz"},
        {ENCODING_QUOTED_PRINTABLE, "=4", "=4"},
        {ENCODING_QUOTED_PRINTABLE, "x\r", "x\r"},
        {ENCODING_QUOTED_PRINTABLE, "jos\xe9", "jos\xe9"},
        {ENCODING_7BIT, "=41 \r\n", "=41 \r\n"},
        {ENCODING_UNKNOWN, "Zm9v", "Zm9v"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = str_from(rows[i].text);

        for (size_t cut = 0; cut <= text.len; cut++) {
            CLEANUP(buf_drop) struct buf out = test_buf();
            struct decoder d;

            decoder_init(&d, rows[i].encoding);
            decoder_feed(&d, str_head(text, cut), &out);
            decoder_feed(&d, str_skip(text, cut), &out);
            decoder_end(&d, &out);
            ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].text);
        }
    }
}

static void quoted_printable_comes_back(void **state)
{
    CLEANUP(buf_drop) struct buf text = test_buf(), coded = test_buf(), back = test_buf();
    struct str rest, line;
    (void)state;

    buf_put(&text, STR("From me\r\n.\r\ntrailing \r\n\r\nlone\rCR = jos\xc3\xa9\tx\t\r\n"));
    for (int i = 0; i < 300; i++)
        buf_putf(&text, "%c%s", i % 7 ? 'x' : ' ', i % 11 ? "" : "\xe9");
    encoding_put_quoted_printable(&coded, buf_str(&text));
    encoding_decode(&back, ENCODING_QUOTED_PRINTABLE, buf_str(&coded));
    ASSERT_STR(buf_str(&back), buf_str(&text), "round");
    assert_true(str_starts(buf_str(&coded), STR("=46rom me\r\n=2E\r\n")));
    rest = buf_str(&coded);
    while (str_split(&rest, '\n', &line)) {
        assert_true(line.len <= 77);
        assert_false(str_ends(line, STR(" \r")));
    }
}

static void encodings_have_names(void **state)
{
    (void)state;
    assert_int_equal(encoding_of(STR(" Base64 ")), ENCODING_BASE64);
    assert_int_equal(encoding_of(STR("QUOTED-PRINTABLE")), ENCODING_QUOTED_PRINTABLE);
    assert_int_equal(encoding_of(STR("")), ENCODING_7BIT);
    assert_int_equal(encoding_of(STR("x-uuencode")), ENCODING_UNKNOWN);
}

static void charsets_become_utf8(void **state)
{
    static const struct {
        const char *charset;
        struct str bytes;
        const char *want;
        bool is_known;
    } rows[] = {
        {"utf-8", STR("jos\xc3\xa9"), "jos\xc3\xa9", true},
        {"UTF8", STR("x\xff\xfey"), "x\xef\xbf\xbd\xef\xbf\xbdy", true},
        {"utf-8", STR("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd", true},
        {"iso-8859-1", STR("jos\xe9"), "jos\xc3\xa9", true},
        {"ISO-8859-1*pt", STR("jos\xe9"), "jos\xc3\xa9", true},
        {"iso-8859-1", STR("\x80"), "\xe2\x82\xac", true},
        {"windows-1252", STR("\x81"), "\xef\xbf\xbd", true},
        {"iso-8859-15", STR("\xa4"), "\xe2\x82\xac", true},
        {"koi8-r", STR("\xd0\xd2\xc9"), "\xd0\xbf\xd1\x80\xd0\xb8", true},
        {"gb2312", STR("\xc4\xe3"), "\xe4\xbd\xa0", true},
        {"shift_jis", STR("\x93\xfa\x96\x7b"), "\xe6\x97\xa5\xe6\x9c\xac", true},
        {"iso-2022-jp", STR("\x1b$BF|\x1b(B"), "\xe6\x97\xa5", true},
        {"big5", STR("\xa7"), "\xef\xbf\xbd", true},
        {"us-ascii", STR("plain"), "plain", true},
        {"us-ascii", STR("jos\xc3\xa9"), "jos\xc3\xa9", true},
        {"us-ascii", STR("jos\xe9"), "jos\xc3\xa9", true},
        {"", STR("jos\xe9"), "jos\xc3\xa9", false},
        {"x-nobody-knows", STR("jos\xc3\xa9"), "jos\xc3\xa9", false},
        {"UTF-8//TRANSLIT", STR("x"), "x", false},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();
        bool is_known = charset_put_utf8(&out, str_from(rows[i].charset), rows[i].bytes);

        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].charset);
        assert_int_equal(is_known, rows[i].is_known);
        assert_int_equal(charset_is_known(str_from(rows[i].charset)), rows[i].is_known);
    }
}

static void long_texts_are_converted_in_bounds(void **state)
{
    CLEANUP(buf_drop) struct buf bytes = test_buf(), out = test_buf(), small = {0};
    (void)state;

    for (int i = 0; i < 5000; i++)
        buf_put(&bytes, STR("\xa4x"));
    charset_put_utf8(&out, STR("iso-8859-15"), buf_str(&bytes));
    assert_int_equal(out.len, 20000);
    assert_true(charset_is_utf8(buf_str(&out)));
    buf_init(&small, 3000);
    charset_put_utf8(&small, STR("iso-8859-15"), buf_str(&bytes));
    assert_false(buf_ok(&small));
    assert_true(small.len > 1000);
}

static void folding_finds_what_people_mean(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"Hello World", "hello world"},
        {"JOS\xc3\x89", "jose\xcc\x81"},
        {"jos\xc3\xa9", "jose\xcc\x81"},
        {"jose\xcc\x81", "jose\xcc\x81"},
        {"Stra\xc3\x9f"
         "e",
         "strasse"},
        {"\xce\xa3\xce\xa3", "\xcf\x83\xcf\x83"},
        {"\xcf\x82", "\xcf\x83"}, // final sigma
        {"\xef\xbc\xa1", "a"},    // fullwidth A
        {"\xef\xac\x81", "fi"},   // ligature
        {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"", ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        charset_put_folded(&out, str_from(rows[i].text));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].text);
    }
}

static void encoded_words_are_decoded(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"plain text", "plain text"},
        {"  folded\r\n\ttext ", "folded text"},
        {"a\ttab", "a\ttab"},
        {"=?utf-8?q?why?_so?=", "why? so"},
        {"=?utf-8?q?cut =?utf-8?q?b?=", "=?utf-8?q?cut b"},
        {"=?utf-8?b?QQ==?=", "A"},
        {"=?utf-8?b?Q?Q=?=", "=?utf-8?b?Q?Q=?="},
        {"=?utf-8?Q?Jos=C3=A9?=", "Jos\xc3\xa9"},
        {"=?UTF-8?b?Sm9zw6k=?=", "Jos\xc3\xa9"},
        {"=?iso-8859-1?q?a_b=5F=E9?= x", "a b_\xc3\xa9 x"},
        {"=?us-ascii*en?q?hi?=", "hi"},
        {"(=?utf-8?q?a?=)", "(a)"},
        {"=?utf-8?q?a?= b", "a b"},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?=  \r\n  =?iso-8859-1?q?=E9?=", "a\xc3\xa9"},
        {"=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9"}, // one character over two words
        {"=?utf-8?q?=C3?=", "\xef\xbf\xbd"},
        {"=?utf-8?q?a b?=", "a b"}, // blanks inside, as senders write
        {"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
        {"=?utf-8?q?abc", "=?utf-8?q?abc"},
        {"=?utf-8?q?", "=?utf-8?q?"},
        {"=?", "=?"},
        {"=?=?utf-8?q?a?=", "=?a"},
        {"=??q?abc?=", "=??q?abc?="},
        {"=?utf-8?q?"
         "?=",
         ""},
        {"=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"}, // no line end comes out
        {"=?utf-8?q?a=zz=?=", "a=zz="},
        {"=?x-nobody?q?=E9?=", "\xc3\xa9"},
        {"raw jos\xe9", "raw jos\xc3\xa9"},
        {"raw jos\xc3\xa9", "raw jos\xc3\xa9"},
        {"\"=?utf-8?q?a?=\" <x@y>", "\"a\" <x@y>"},
        {"", ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        word_put_decoded(&out, str_from(rows[i].value));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].value);
    }
}

static void texts_become_encoded_words_and_come_back(void **state)
{
    static const struct {
        const char *text, *word, *phrase;
    } rows[] = {
        {"Hello", "Hello", "Hello"},
        {"Ana Silva", "Ana Silva", "Ana Silva"},
        {"Silva, Ana", "Silva, Ana", "\"Silva, Ana\""},
        {"a \"b\" \\", "a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
        {"Jos\xc3\xa9 S", "=?UTF-8?Q?Jos=C3=A9_S?=", "=?UTF-8?Q?Jos=C3=A9_S?="},
        {"\xe6\x97\xa5\xe6\x9c\xac", "=?UTF-8?B?5pel5pys?=", "=?UTF-8?B?5pel5pys?="},
        {"=?x", "=?UTF-8?B?PT94?=", "=?UTF-8?B?PT94?="},
        {"", "", "\"\""},
    };
    CLEANUP(buf_drop) struct buf text = test_buf(), coded = test_buf(), back = test_buf();
    struct str rest, word;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf a = test_buf(), b = test_buf();

        word_put(&a, str_from(rows[i].text));
        ASSERT_STR(buf_str(&a), str_from(rows[i].word), rows[i].text);
        word_put_phrase(&b, str_from(rows[i].text));
        ASSERT_STR(buf_str(&b), str_from(rows[i].phrase), rows[i].text);
    }
    for (int i = 0; i < 200; i++)
        buf_put(&text, i % 3 ? STR("\xc3\xa9") : STR("x y"));
    word_put(&coded, buf_str(&text));
    rest = buf_str(&coded);
    while (str_split(&rest, ' ', &word))
        assert_true(word.len <= WORD_MAX);
    word_put_decoded(&back, buf_str(&coded));
    ASSERT_STR(buf_str(&back), buf_str(&text), "round");
}

static void show_params(struct buf *out, struct str text, struct str wanted)
{
    struct arena arena;
    struct param_list list;
    struct str type = STR("-"), subtype = STR("-");

    arena_init(&arena, 1 << 20);
    param_parse(&arena, text, &type, &subtype, &list);
    buf_putf(out, "%.*s/%.*s", STR_ARG(type), STR_ARG(subtype));
    for (size_t i = 0; i < list.count; i++)
        buf_putf(out, "|%.*s=%.*s", STR_ARG(list.params[i].name), STR_ARG(list.params[i].value));
    if (wanted.len) {
        buf_put(out, STR(" > "));
        if (!param_put_decoded(out, &list, wanted))
            buf_put(out, STR("none"));
    }
    arena_done(&arena);
}

static void parameters_are_read_mildly(void **state)
{
    static const struct {
        const char *text, *wanted, *want;
    } rows[] = {
        {"text/plain", "", "text/plain"},
        {"Text/PLAIN; Charset=utf-8", "charset", "Text/PLAIN|Charset=utf-8 > utf-8"},
        {"text/plain;charset=\"a b\"", "charset", "text/plain|charset=a b > a b"},
        {"text / plain ; charset = us-ascii (Plain text)", "", "text/plain|charset=us-ascii"},
        {"multipart/mixed; boundary=\"a;b\\\"c\"; x=y", "", "multipart/mixed|boundary=a;b\"c|x=y"},
        {"multipart/mixed;\r\n boundary=\"a\r\n b\"", "", "multipart/mixed|boundary=a b"},
        {"text/plain; charset=\"unclosed", "", "text/plain|charset=unclosed"},
        {"text/plain; charset", "charset", "text/plain > none"},
        {"text/plain; =x; y=z", "", "text/plain|y=z"},
        {"text/plain; x=", "", "text/plain|x="},
        {"text/plain;;; x=y;", "", "text/plain|x=y"},
        {"text", "", "-/-"},
        {"text; charset=utf-8", "", "-/-|charset=utf-8"},
        {"", "", "-/-"},
        {"text/", "", "-/-"},
        {"/plain", "", "-/-"},
        {"(comment (nested)) text/plain", "", "text/plain"},
        {"text/plain; name=foo bar.txt", "name", "text/plain|name=foo > foo"},
        {"a/b; name=\"=?utf-8?q?Jos=C3=A9?=.txt\"", "name",
         "a/b|name==?utf-8?q?Jos=C3=A9?=.txt > Jos\xc3\xa9.txt"},
        {"a/b; name*=iso-8859-1'pt'Jos%E9", "name", "a/b|name*=iso-8859-1'pt'Jos%E9 > Jos\xc3\xa9"},
        {"a/b; name*=utf-8''x; name=y", "name", "a/b|name*=utf-8''x|name=y > x"},
        {"a/b; name*0=ab; name*1=cd", "name", "a/b|name=abcd > abcd"},
        {"a/b; name*1=cd; name*0=ab", "name", "a/b|name=abcd > abcd"},
        {"a/b; name*0*=utf-8''Jos%C3; name*1*=%A9; name*2=\"%41\"", "name",
         "a/b|name*=utf-8''Jos%C3%A9%2541 > Jos\xc3\xa9%41"},
        {"a/b; name*0=a; name*2=c", "name", "a/b|name=a|name*2=c > a"},
        {"a/b; x=1; name*0=a'; y=2; NAME*1*=%C3%A9; z=3", "name",
         "a/b|x=1|name*=''a%27%C3%A9|y=2|z=3 > a'\xc3\xa9"},
        {"a/b; name*0=a; name*0=b; name*1=c", "name", "a/b|name=ac|name*0=b > ac"},
        {"a/b; name*1=b", "name", "a/b|name*1=b > none"},
        {"a/b; name*=broken%4", "name", "a/b|name*=broken%4 > broken%4"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        show_params(&out, str_from(rows[i].text), str_from(rows[i].wanted));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].text);
    }
}

static void parameters_are_put_as_they_need(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"plain.txt", "; filename=plain.txt"},
        {"a b.txt", "; filename=\"a b.txt\""},
        {"a\"b", "; filename=\"a\\\"b\""},
        {"", "; filename=\"\""},
        {"jos\xc3\xa9.txt", "; filename*=utf-8''jos%C3%A9.txt"},
        {"a\r\nb", "; filename*=utf-8''a%0D%0Ab"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        param_put(&out, STR("filename"), str_from(rows[i].value));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].value);
    }
}

static void mailbox_names_have_one_utf7_form(void **state)
{
    static const struct {
        const char *utf8, *name;
    } good[] = {
        {"INBOX", "INBOX"},
        {"a&b", "a&-b"},
        {"&", "&-"},
        {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
        {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
         "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"\xf0\x9f\x93\xac", "&2D3c7A-"},
        {"\xc3\xa9&\xc3\xa9", "&AOk-&-&AOk-"},
        {"\t", "&AAk-"},
        {"", ""},
    };
    static const char *const bad[] = {
        "&",           "&AOk",       "&A-",   "&AO-",     "&AOl-",    "&AGE-",
        "jos\xc3\xa9", "&AOk-&AOk-", "&2D0-", "&3Kw-",    "a\tb",     "&AO k-",
        "&AOkA-",      "&AOk=-",     "&AAA",  "&2D0AYQ-", "&AOkAYQ-",
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(good); i++) {
        CLEANUP(buf_drop) struct buf name = test_buf(), back = test_buf();

        assert_true(utf7_put(&name, str_from(good[i].utf8)));
        ASSERT_STR(buf_str(&name), str_from(good[i].name), good[i].utf8);
        if (!utf7_put_decoded(&back, buf_str(&name)))
            fail_msg("%s refused", good[i].name);
        ASSERT_STR(buf_str(&back), str_from(good[i].utf8), good[i].name);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        if (utf7_put_decoded(&out, str_from(bad[i])) || out.len)
            fail_msg("%s was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(bodies_are_decoded_mildly_and_in_any_pieces),
        cmocka_unit_test(quoted_printable_comes_back),
        cmocka_unit_test(encodings_have_names),
        cmocka_unit_test(charsets_become_utf8),
        cmocka_unit_test(long_texts_are_converted_in_bounds),
        cmocka_unit_test(folding_finds_what_people_mean),
        cmocka_unit_test(encoded_words_are_decoded),
        cmocka_unit_test(texts_become_encoded_words_and_come_back),
        cmocka_unit_test(parameters_are_read_mildly),
        cmocka_unit_test(parameters_are_put_as_they_need),
        cmocka_unit_test(mailbox_names_have_one_utf7_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
