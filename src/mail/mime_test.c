// SPDX-License-Identifier: ISC
#include "mail/mime.h"

#include "mail/mime_invariants.h"
#include "mail/test.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\n"
#define DIGEST "Content-Type: multipart/digest; boundary=b\n"
#define OUTER "Content-Type: multipart/mixed; boundary=out\n"
#define INNER "Content-Type: multipart/alternative; boundary=in\n"
#define RFC822 "Content-Type: message/rfc822\n"
#define PLAIN "Content-Type: text/plain\n"
#define HTML "Content-Type: text/html\n"

// A leaf is type<body>, a multipart type{parts}, a message type[the message]. Each message is
// tried with LF and with CRLF, whole and cut at every byte.
static const struct {
    const char *name, *message, *shape;
} messages[] = {
    {"empty", "", "text/plain<>"},
    {"only an empty line", "\n", "text/plain<>"},
    {"no header", "\nbody\n", "text/plain<body\n>"},
    {"no body", "Subject: x\n", "text/plain<>"},
    {"header without line end", "Subject: x", "text/plain<>"},
    {"no empty line at the end", "Subject: x\n\n", "text/plain<>"},
    {"plain", "Subject: x\n\nbody\n", "text/plain<body\n>"},
    {"last line without end", "Subject: x\n\nbody", "text/plain<body>"},
    {"html", HTML "\n<p>\n", "text/html<<p>\n>"},
    {"type in odd case", "CONTENT-TYPE: Text/HTML\n\nx", "Text/HTML<x>"},
    {"type folded", "Content-Type:\n text/html;\n charset=utf-8\n\nx", "text/html<x>"},
    {"type with comment", "Content-Type: text/html (it is)\n\nx", "text/html<x>"},
    {"broken type", "Content-Type: html\n\nx", "text/plain<x>"},
    {"empty type", "Content-Type:\n\nx", "text/plain<x>"},
    {"two types: the first", HTML PLAIN "\nx", "text/html<x>"},
    {"blank before the colon", "Content-Type : text/html\n\nx", "text/html<x>"},
    {"mbox line first", "From ana Mon Jan 1\n" HTML "\nx", "text/html<x>"},
    {"broken lines in the header", "what is this\n" HTML "\nx", "text/html<x>"},
    {"continuation first", " odd\n" HTML "\nx", "text/html<x>"},
    {"type in the body is text", "A: b\n\n" HTML "\n", "text/plain<" HTML "\n>"},

    {"two parts", MIXED "\n--b\n\na\n--b\n\nc\n--b--\n",
     "multipart/mixed{text/plain<a>text/plain<c>}"},
    {"types of parts", MIXED "\n--b\n" PLAIN "\na\n--b\n" HTML "\nc\n--b--\n",
     "multipart/mixed{text/plain<a>text/html<c>}"},
    {"preamble and epilogue", MIXED "\nsee\n--b\n\na\n--b--\nbye\n",
     "multipart/mixed{text/plain<a>}"},
    {"the line end belongs to the boundary", MIXED "\n--b\n\na\n\n--b--\n",
     "multipart/mixed{text/plain<a\n>}"},
    {"boundary right behind the header", MIXED "\n--b\n\n--b--\n", "multipart/mixed{text/plain<>}"},
    {"empty part with empty body", MIXED "\n--b\n\n\n--b--\n", "multipart/mixed{text/plain<>}"},
    {"header ended by the boundary", MIXED "\n--b\n" HTML "--b\n\nc\n--b--\n",
     "multipart/mixed{text/html<>text/plain<c>}"},
    {"boundary after boundary", MIXED "\n--b\n--b\n--b--\n",
     "multipart/mixed{text/plain<>text/plain<>}"},
    {"message header ended by its boundary", MIXED "--b\n\na\n--b--\n", "text/plain<a\n--b--\n>"},
    {"first line of the body is the boundary", MIXED "\n--b\n\na\n--b--",
     "multipart/mixed{text/plain<a>}"},
    {"missing close", MIXED "\n--b\n\na\n--b\n\nc\n",
     "multipart/mixed{text/plain<a>text/plain<c\n>}"},
    {"missing close and line end", MIXED "\n--b\n\na", "multipart/mixed{text/plain<a>}"},
    {"ends inside a header", MIXED "\n--b\n" HTML, "multipart/mixed{text/html<>}"},
    {"ends behind the boundary", MIXED "\n--b\n", "multipart/mixed{text/plain<>}"},
    {"ends with the boundary", MIXED "\n--b", "multipart/mixed{text/plain<>}"},
    {"no boundary line", MIXED "\nall\nof it\n", "text/plain<all\nof it\n>"},
    {"only the closing boundary", MIXED "\nx\n--b--\n", "text/plain<x\n--b--\n>"},
    {"no boundary parameter", "Content-Type: multipart/mixed\n\n--b\n\na\n--b--\n",
     "text/plain<--b\n\na\n--b--\n>"},
    {"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\na\n----\n",
     "text/plain<--\n\na\n----\n>"},
    {"quoted boundary", "Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\nx\n--a b--\n",
     "multipart/mixed{text/plain<x>}"},
    {"boundary with specials",
     "Content-Type: multipart/mixed; boundary=\"(=_?:/+'b\"\n\n--(=_?:/+'b\n\nx\n--(=_?:/+'b--\n",
     "multipart/mixed{text/plain<x>}"},
    {"boundary case matters", MIXED "\n--B\n\na\n--b\n\nx\n--b--\n",
     "multipart/mixed{text/plain<x>}"},
    {"blanks behind a boundary", MIXED "\n--b \t\n\na\n--b--  \n",
     "multipart/mixed{text/plain<a>}"},
    {"text behind a boundary is no boundary",
     MIXED "\n--b\n\na\n--bc\n--b c\n--b-\n--b---\n--b--\n",
     "multipart/mixed{text/plain<a\n--bc\n--b c\n--b-\n--b--->}"},
    {"text before a boundary", MIXED "\n--b\n\na\n x--b\n --b\n--b--\n",
     "multipart/mixed{text/plain<a\n x--b\n --b>}"},
    {"boundary again after the close", MIXED "\n--b\n\na\n--b--\n--b\n\nc\n",
     "multipart/mixed{text/plain<a>}"},
    {"boundary that looks like a close",
     "Content-Type: multipart/mixed; boundary=\"b--\"\n\n--b--\n\nx\n--b----\n",
     "multipart/mixed{text/plain<x>}"},
    {"boundary of blanks at the end",
     "Content-Type: multipart/mixed; boundary=\"b  \"\n\n--b\n\nx\n--b--\n",
     "multipart/mixed{text/plain<x>}"},

    {"nested",
     OUTER "\n--out\n" INNER "\n--in\n\na\n--in\n" HTML "\nc\n--in--\n--out\n\nd\n--out--\n",
     "multipart/mixed{multipart/alternative{text/plain<a>text/html<c>}text/plain<d>}"},
    {"inner not closed", OUTER "\n--out\n" INNER "\n--in\n\na\n--out\n\nd\n--out--\n",
     "multipart/mixed{multipart/alternative{text/plain<a>}text/plain<d>}"},
    {"neither closed", OUTER "\n--out\n" INNER "\n--in\n\na\n",
     "multipart/mixed{multipart/alternative{text/plain<a\n>}}"},
    {"outer closed inside the inner", OUTER "\n--out\n" INNER "\n--in\n\na\n--out--\n--in\n\nx\n",
     "multipart/mixed{multipart/alternative{text/plain<a>}}"},
    {"inner epilogue", OUTER "\n--out\n" INNER "\npre\n--in\n\na\n--in--\nepi\n--out--\n",
     "multipart/mixed{multipart/alternative{text/plain<a>}}"},
    {"inner without parts", OUTER "\n--out\n" INNER "\nx\n--out--\n",
     "multipart/mixed{text/plain<x>}"},
    {"inner boundary aborts a header",
     OUTER "\n--out\n" INNER "\n--in\nX-Y: z\n--out\n\nd\n--out--\n",
     "multipart/mixed{multipart/alternative{text/plain<>}text/plain<d>}"},
    {"empty body in the inner, then the outer",
     OUTER "\n--out\n" INNER "\n--in\n\n--out\n\nd\n--out--\n",
     "multipart/mixed{multipart/alternative{text/plain<>}text/plain<d>}"},
    {"inner header aborted by the outer", OUTER "\n--out\n" INNER "--out\n\nd\n--out--\n",
     "multipart/mixed{text/plain<>text/plain<d>}"},
    {"inner boundary starts with the outer",
     MIXED "\n--b\nContent-Type: multipart/related; boundary=bb\n\n--bb\n\na\n--bb--\n--b--\n",
     "multipart/mixed{multipart/related{text/plain<a>}}"},
    {"outer boundary starts with the inner",
     "Content-Type: multipart/mixed; boundary=bb\n\n--bb\n"
     "Content-Type: multipart/related; boundary=b\n\n--b\n\na\n--b--\n--bb--\n",
     "multipart/mixed{multipart/related{text/plain<a>}}"},
    {"same boundary inside: the innermost first",
     MIXED "\n--b\n" MIXED "\n--b\n\na\n--b--\n--b\n\nc\n--b--\n",
     "multipart/mixed{multipart/mixed{text/plain<a>}text/plain<c>}"},
    {"three deep", OUTER "\n--out\n" INNER "\n--in\n" MIXED "\n--b\n\na\n--b--\n--in--\n--out--\n",
     "multipart/mixed{multipart/alternative{multipart/mixed{text/plain<a>}}}"},

    {"message in a message", RFC822 "\nSubject: in\n\nbody\n",
     "message/rfc822[text/plain<body\n>]"},
    {"message with nothing in it", RFC822 "\n", "message/rfc822[text/plain<>]"},
    {"message without a body", RFC822, "message/rfc822[text/plain<>]"},
    {"message in a multipart", MIXED "\n--b\n" RFC822 "\n" HTML "\nx\n--b\n\ny\n--b--\n",
     "multipart/mixed{message/rfc822[text/html<x>]text/plain<y>}"},
    {"message header ended by the boundary", MIXED "\n--b\n" RFC822 "--b\n\ny\n--b--\n",
     "multipart/mixed{message/rfc822[text/plain<>]text/plain<y>}"},
    {"inner header ended by the boundary", MIXED "\n--b\n" RFC822 "\n" HTML "--b\n\ny\n--b--\n",
     "multipart/mixed{message/rfc822[text/html<>]text/plain<y>}"},
    {"multipart in a message in a multipart",
     OUTER "\n--out\n" RFC822 "\n" INNER "\n--in\n\na\n--in--\n\n--out\n\nz\n--out--\n",
     "multipart/mixed{message/rfc822[multipart/alternative{text/plain<a>}]text/plain<z>}"},
    {"message in a message in a message", RFC822 "\n" RFC822 "\n" RFC822 "\nA: b\n\nx",
     "message/rfc822[message/rfc822[message/rfc822[text/plain<x>]]]"},
    {"international message", "Content-Type: message/global\n\n" HTML "\nx",
     "message/global[text/html<x>]"},
    {"other message types are leaves", "Content-Type: message/delivery-status\n\nA: b\n\nC: d\n",
     "message/delivery-status<A: b\n\nC: d\n>"},
    {"digest", DIGEST "\n--b\n\nSubject: 1\n\na\n--b\n\n" HTML "\nc\n--b--\n",
     "multipart/digest{message/rfc822[text/plain<a>]message/rfc822[text/html<c>]}"},
    {"digest with a typed part", DIGEST "\n--b\n" HTML "\nc\n--b--\n",
     "multipart/digest{text/html<c>}"},
    {"digest with a broken type", DIGEST "\n--b\nContent-Type: x\n\nc\n--b--\n",
     "multipart/digest{text/plain<c>}"},
    {"digest of empty parts", DIGEST "\n--b\n--b--\n",
     "multipart/digest{message/rfc822[text/plain<>]}"},
    {"digest only for its own parts", DIGEST "\n--b\n" INNER "\n--in\n\na\n--in--\n--b--\n",
     "multipart/digest{multipart/alternative{text/plain<a>}}"},
    {"report",
     "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
     "--b\n\nsorry\n--b\nContent-Type: message/delivery-status\n\nA: b\n--b\n"
     "Content-Type: text/rfc822-headers\n\nSubject: x\n\n--b--\n",
     "multipart/report{text/plain<sorry>message/delivery-status<A: b>"
     "text/rfc822-headers<Subject: x\n>}"},
    {"base64 body stays as it is",
     MIXED "\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n",
     "multipart/mixed{image/png<AAAA>}"},
    {"header line of two dashes", MIXED "\n--b\n--x\n" HTML "\na\n--b--\n",
     "multipart/mixed{text/html<a>}"},
    {"body of dashes", MIXED "\n--b\n\n--\n---\n----\n-\n--b--\n",
     "multipart/mixed{text/plain<--\n---\n----\n->}"},
    {"parameter without quotes and with blank",
     "Content-Type: multipart/mixed; boundary = b\n\n--b\n\na\n--b--\n",
     "multipart/mixed{text/plain<a>}"},
    {"broken parameters before the boundary",
     "Content-Type: multipart/mixed; ;x; =y; boundary=b\n\n--b\n\na\n--b--\n",
     "multipart/mixed{text/plain<a>}"},
    {"NUL and high bytes are bytes", "A: \xff\n\n\xfe\x01\n", "text/plain<\xfe\x01\n>"},
};

static void with_crlf(struct buf *out, struct str message)
{
    for (size_t i = 0; i < message.len; i++) {
        if (message.ptr[i] == '\n')
            buf_put_char(out, '\r');
        buf_put_char(out, message.ptr[i]);
    }
}

static void put_without_cr(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\r')
            buf_put_char(out, s.ptr[i]);
    }
}

static void put_shape(struct buf *out, const struct mime *m, struct str message)
{
    static const char opens[] = {'<', '{', '['}, closes[] = {'>', '}', ']'};

    for (size_t i = 0; i < m->count; i++) {
        const struct mime_part *part = &m->parts[i];
        unsigned next_depth = i + 1 < m->count ? m->parts[i + 1].depth : 0;

        buf_putf(out, "%.*s/%.*s%c", STR_ARG(part->type), STR_ARG(part->subtype),
                 opens[part->kind]);
        if (part->kind == MIME_LEAF)
            put_without_cr(out, mime_body_of(message, part));
        for (int at = (int)i; at >= 0 && m->parts[at].depth >= next_depth; at = m->parts[at].parent)
            buf_put_char(out, closes[m->parts[at].kind]);
    }
}

static void check_every_cut(const struct mime *whole, struct str message)
{
    for (size_t cut = 0; cut <= message.len; cut++) {
        CLEANUP(mime_drop) struct mime m = {0};

        mime_parse_pieces(&m, message, cut, message.len);
        check_same_mime(whole, &m);
    }
    for (size_t size = 1; size < 4; size++) {
        CLEANUP(mime_drop) struct mime m = {0};

        mime_parse_pieces(&m, message, 0, size);
        check_same_mime(whole, &m);
    }
}

static void check_shape(const char *name, struct str message, const char *shape)
{
    CLEANUP(mime_drop) struct mime m = {0};
    CLEANUP(buf_drop) struct buf got = test_buf();

    mime_parse(&m, message);
    check_mime(&m, message);
    put_shape(&got, &m, message);
    ASSERT_STR(buf_str(&got), str_from(shape), name);
    check_every_cut(&m, message);
}

static void messages_have_their_shape(void **state)
{
    (void)state;
    assert_true(COUNT_OF(messages) >= 60);
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        CLEANUP(buf_drop) struct buf crlf = test_buf();

        check_shape(messages[i].name, str_from(messages[i].message), messages[i].shape);
        with_crlf(&crlf, str_from(messages[i].message));
        check_shape(messages[i].name, buf_str(&crlf), messages[i].shape);
    }
}

static void fields_of_a_part_are_kept(void **state)
{
    static const struct str message =
        STR("Content-Type: text/plain; charset=\"utf-8\"; name*0=a; name*1=b\r\n"
            "Content-Transfer-Encoding: Base64 (c)\r\n"
            "Content-ID: <x@y>\r\n"
            "Content-Description: two\r\n  words \r\n"
            "Content-Disposition: attachment; filename=\"a b.txt\"\r\n"
            "Content-Language: en, pt\r\n"
            "Content-Location: http://example.test/\r\n"
            "Content-MD5: Q2hlY2s=\r\n"
            "Content-Unknown: x\r\n"
            "\r\nbody");
    CLEANUP(mime_drop) struct mime m = {0};
    (void)state;

    mime_parse(&m, message);
    ASSERT_STR(m.parts[0].encoding, STR("Base64"), "encoding");
    ASSERT_STR(m.parts[0].id, STR("<x@y>"), "id");
    ASSERT_STR(m.parts[0].description, STR("two  words"), "description");
    ASSERT_STR(m.parts[0].disposition, STR("attachment"), "disposition");
    ASSERT_STR(param_find(&m.parts[0].disposition_params, STR("FILENAME")), STR("a b.txt"), "file");
    ASSERT_STR(m.parts[0].language, STR("en, pt"), "language");
    ASSERT_STR(m.parts[0].location, STR("http://example.test/"), "location");
    ASSERT_STR(m.parts[0].md5, STR("Q2hlY2s="), "md5");
    assert_int_equal(m.parts[0].params.count, 2);
    ASSERT_STR(param_find(&m.parts[0].params, STR("name")), STR("ab"), "pieces");
    assert_int_equal(m.parts[0].header_lines, 11);
    assert_int_equal(m.parts[0].body_lines, 0);
}

static void offsets_are_exact(void **state)
{
    static const struct str message = STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                                          "pre\r\n--b\r\nA: b\r\n\r\nbody\r\n\r\n--b--\r\nepi\r\n");
    CLEANUP(mime_drop) struct mime m = {0};
    (void)state;

    mime_parse(&m, message);
    assert_int_equal(m.count, 2);
    assert_int_equal(m.parts[0].body, 45);
    assert_int_equal(m.parts[0].end, 83);
    assert_int_equal(m.parts[0].body_lines, 8);
    assert_int_equal(m.parts[1].header, 55);
    assert_int_equal(m.parts[1].body, 63);
    assert_int_equal(m.parts[1].end, 69);
    assert_int_equal(m.parts[1].header_lines, 2);
    assert_int_equal(m.parts[1].body_lines, 1);
    assert_int_equal(mime_child(&m, 0, 1), 1);
    assert_int_equal(mime_child(&m, 0, 2), -1);
    assert_int_equal(mime_child(&m, 0, 0), -1);
    assert_int_equal(mime_child(&m, 1, 1), -1);
}

static void too_many_parts_are_one_leaf(void **state)
{
    CLEANUP(buf_drop) struct buf message = test_buf();
    CLEANUP(mime_drop) struct mime m = {0}, pieces = {0};
    (void)state;

    buf_put(&message, STR("Content-Type: multipart/mixed; boundary=b\n\n"));
    for (int i = 0; i < 3000; i++)
        buf_put(&message, STR("--b\n\nx\n"));
    buf_put(&message, STR("--b--\n"));
    mime_parse(&m, buf_str(&message));
    check_mime(&m, buf_str(&message));
    assert_int_equal(m.count, MIME_PART_MAX);
    assert_int_equal(m.parts[MIME_PART_MAX - 1].end, message.len);
    mime_parse_pieces(&pieces, buf_str(&message), 5, 7);
    check_same_mime(&m, &pieces);
}

static void too_deep_is_a_leaf(void **state)
{
    CLEANUP(buf_drop) struct buf multiparts = test_buf(), nested = test_buf();
    CLEANUP(mime_drop) struct mime m = {0}, n = {0};
    (void)state;

    for (int i = 0; i < 300; i++) {
        buf_putf(&multiparts, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
        buf_put(&nested, STR(RFC822 "\n"));
    }
    mime_parse(&m, buf_str(&multiparts));
    check_mime(&m, buf_str(&multiparts));
    assert_int_equal(m.count, MIME_DEPTH_MAX);
    assert_true(m.parts[m.count - 1].is_opaque);
    mime_parse(&n, buf_str(&nested));
    check_mime(&n, buf_str(&nested));
    assert_int_equal(n.count, MIME_DEPTH_MAX);
    assert_true(n.parts[n.count - 1].is_opaque && n.parts[n.count - 1].kind == MIME_LEAF);
}

static void long_lines_and_headers_are_bounded(void **state)
{
    static const size_t lengths[] = {MIME_LINE_MAX - 1, MIME_LINE_MAX, MIME_LINE_MAX + 1,
                                     3 * MIME_LINE_MAX};
    (void)state;

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        CLEANUP(buf_drop) struct buf message = test_buf();
        CLEANUP(mime_drop) struct mime m = {0}, pieces = {0};

        buf_put(&message, STR("Content-Description: "));
        for (size_t n = 21; n < lengths[i]; n++)
            buf_put_char(&message, 'x');
        buf_put(&message, STR("\r\n" HTML "\r\nx"));
        mime_parse(&m, buf_str(&message));
        check_mime(&m, buf_str(&message));
        assert_int_equal(m.parts[0].end - m.parts[0].body, 1);
        assert_true(m.parts[0].description.len < MIME_LINE_MAX);
        mime_parse_pieces(&pieces, buf_str(&message), 100, 1000);
        check_same_mime(&m, &pieces);
    }
}

static void an_endless_header_costs_bounded_memory(void **state)
{
    CLEANUP(buf_drop) struct buf message = test_buf();
    CLEANUP(mime_drop) struct mime m = {0};
    (void)state;

    for (int i = 0; i < 300000; i++)
        buf_put(&message, STR("Content-Type: text/html; a=b; c=d\n"));
    mime_parse(&m, buf_str(&message));
    check_mime(&m, buf_str(&message));
    assert_true(m.arena.used < 4 * MIME_FIELDS_MAX);
    ASSERT_STR(m.parts[0].subtype, STR("html"), "still read");
}

static void a_parser_can_be_given_up(void **state)
{
    struct mime_parser *p = mime_parser_new();
    (void)state;

    mime_parser_feed(p, STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nhalf a li"));
    mime_parser_free(p);
    mime_parser_free(NULL);
    mime_done(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_their_shape),
        cmocka_unit_test(fields_of_a_part_are_kept),
        cmocka_unit_test(offsets_are_exact),
        cmocka_unit_test(too_many_parts_are_one_leaf),
        cmocka_unit_test(too_deep_is_a_leaf),
        cmocka_unit_test(long_lines_and_headers_are_bounded),
        cmocka_unit_test(an_endless_header_costs_bounded_memory),
        cmocka_unit_test(a_parser_can_be_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
