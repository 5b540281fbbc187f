// SPDX-License-Identifier: ISC
#include "base/cleanup.h"
#include "mail/binary.h"
#include "mail/encoding.h"
#include "mail/mime.h"
#include "mail/test.h"

#define HEAD "From: a@b\r\nMIME-Version: 1.0\r\n"
#define IMAGE "Content-Type: image/png\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define BINARY "Content-Transfer-Encoding: binary\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
#define SIGNED "Content-Type: multipart/signed; boundary=b\r\n"

#define T(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct row {
    const char *name;
    struct str message, expected; // expected empty: as it was
} ROWS[] = {
    {"nothing", T(""), T("")},
    {"what is labelled otherwise", T(HEAD EIGHT "\r\nol\xc3\xa1\r\n"), T("")},
    {"one part", T(HEAD BINARY IMAGE "\r\n\x89PNG\r\n\0\n\r"),
     T(HEAD BASE64 IMAGE "\r\niVBORw0KAAoN\r\n")},
    {"text, too", T(HEAD BINARY "Content-Type: text/plain; charset=utf-16\r\n\r\n\0o\0l"),
     T(HEAD BASE64 "Content-Type: text/plain; charset=utf-16\r\n\r\nAG8AbA==\r\n")},
    {"a folded label, in any case, and a second one",
     T(HEAD "content-transfer-ENCODING :\r\n (raw) BINARY\r\nX: y\r\n" EIGHT "\r\n\0"),
     T(HEAD BASE64 "X: y\r\n" EIGHT "\r\nAA==\r\n")},
    {"the header does not end", T(HEAD BINARY), T("")},
    {"an empty body", T(HEAD BINARY "\r\n"), T(HEAD BASE64 "\r\n")},
    {"parts: the line end before a boundary is its own",
     T(HEAD MIXED BINARY "\r\npreamble\r\n--b\r\n" BINARY IMAGE "\r\n\0\r\n\r\n--b\r\n\r\ntext\r\n"
                         "--b\r\n" BINARY "\r\n--b--\r\nepilogue\r\n"),
     T(HEAD MIXED EIGHT "\r\npreamble\r\n--b\r\n" BASE64 IMAGE
                        "\r\nAA0K\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" BASE64
                        "\r\n--b--\r\nepilogue\r\n")},
    {"something like a boundary", T(HEAD MIXED "\r\n--b\r\n" BINARY "\r\n--bb\r\n--b--"),
     T(HEAD MIXED "\r\n--b\r\n" BASE64 "\r\nLS1iYg==\r\n\r\n--b--")},
    {"the closing boundary does not come", T(HEAD MIXED "\r\n--b\r\n" BINARY "\r\nx\r\n"),
     T(HEAD MIXED "\r\n--b\r\n" BASE64 "\r\neA0K\r\n")},
    {"a message in it",
     T(HEAD MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n" BINARY "\r\n" HEAD BINARY
                  "\r\n\0\r\n--b--\r\n"),
     T(HEAD MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n" EIGHT "\r\n" HEAD BASE64
                  "\r\nAA==\r\n\r\n--b--\r\n")},
    {"what is signed stays",
     T(HEAD SIGNED "\r\n--b\r\n" BINARY "\r\nx\r\n--b\r\n\r\ns\r\n--b--\r\n"), T("")},
    {"composite types are not encoded",
     T(HEAD "Content-Type: message/partial; id=x; number=1\r\n" BINARY "\r\nx\r\n"),
     T(HEAD "Content-Type: message/partial; id=x; number=1\r\n" EIGHT "\r\nx\r\n")},
};

static void convert(struct str message, size_t piece, struct buf *out)
{
    struct binary *b = binary_new();

    for (size_t at = 0; at < message.len; at += piece)
        binary_put(b, str_head(str_skip(message, at), piece), out);
    binary_end(b, out);
    binary_free(b);
}

static void parts_labelled_binary_become_base64(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const struct row *row = &ROWS[i];
        struct str want = row->expected.len ? row->expected : row->message;

        for (size_t piece = 1; piece <= row->message.len + 1; piece++) {
            CLEANUP(buf_drop) struct buf out = test_buf();

            convert(row->message, piece, &out);
            ASSERT_STR(buf_str(&out), want, row->name);
        }
    }
}

/// Lines of all lengths around the one that is held, of all bytes.
static void put_noise(struct buf *out, unsigned seed)
{
    for (size_t i = 0; i < 70000; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_put_char(out, (char)(seed >> 24));
        if (i % 7000 < 3)
            buf_put(out, STR("\r\n--x\r"));
    }
}

static void nothing_is_lost(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        CLEANUP(buf_drop) struct buf noise = test_buf(), in = test_buf(), out = test_buf();
        CLEANUP(buf_drop) struct buf back = test_buf();
        CLEANUP(mime_drop) struct mime mime;

        put_noise(&noise, seed);
        buf_put(&in, STR(HEAD MIXED "\r\n--b\r\n" BINARY IMAGE "\r\n"));
        buf_put(&in, buf_str(&noise));
        buf_put(&in, STR("\r\n--b--\r\n"));
        convert(buf_str(&in), 1 + seed * 977, &out);
        mime_parse(&mime, buf_str(&out));
        assert_int_equal(mime.count, 2);
        encoding_decode(&back, encoding_of(mime.parts[1].encoding),
                        mime_body_of(buf_str(&out), &mime.parts[1]));
        assert_true(str_eq(buf_str(&back), buf_str(&noise)));
        assert_true(str_find(buf_str(&out), 0) < 0);
    }
}

static void a_header_too_long_keeps_its_label(void **state)
{
    CLEANUP(buf_drop) struct buf in = test_buf(), out = test_buf();

    (void)state;
    buf_put(&in, STR(HEAD BINARY));
    while (in.len < 200000)
        buf_put(&in,
                STR("X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"));
    buf_put(&in, STR("\r\nx\r\n"));
    convert(buf_str(&in), 5000, &out);
    assert_true(str_eq(buf_str(&in), buf_str(&out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_labelled_binary_become_base64),
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(a_header_too_long_keeps_its_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
