// SPDX-License-Identifier: ISC
#include "mail/structure.h"

#include "mail/test.h"

// Messages are written with LF and parsed with CRLF.
static void with_crlf(struct buf *out, struct str message)
{
    for (size_t i = 0; i < message.len; i++) {
        if (message.ptr[i] == '\n')
            buf_put_char(out, '\r');
        buf_put_char(out, message.ptr[i]);
    }
}

static void strings_are_quoted_where_they_may_be(void **state)
{
    static const struct {
        struct str text, want;
    } rows[] = {
        {STR("abc"), STR("\"abc\"")},
        {STR(""), STR("\"\"")},
        {STR("a\"b\\c"), STR("\"a\\\"b\\\\c\"")},
        {STR("a\tb"), STR("\"a\tb\"")},
        {STR("jos\xc3\xa9"), STR("{5}\r\njos\xc3\xa9")},
        {STR("a\r\nb"), STR("{4}\r\na\r\nb")},
        {STR("a\0b"), STR("{3}\r\na b")},
        {STR_NONE, STR("NIL")},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        structure_put_nstring(&out, rows[i].text);
        ASSERT_STR(buf_str(&out), rows[i].want, rows[i].want.ptr);
    }
}

static void envelopes(void **state)
{
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
        // RFC 3501 8
        {"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\n"
         "From: Terry Gray <gray@cac.washington.edu>\n"
         "Subject: IMAP4rev1 WG mtg summary and minutes\n"
         "To: imap@cac.washington.edu\n"
         "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n"
         "Message-Id: <B27397-0100000@cac.washington.edu>\n",
         "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
         "\"IMAP4rev1 WG mtg summary and minutes\" "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((NIL NIL \"imap\" \"cac.washington.edu\")) "
         "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
         "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
         "\"<B27397-0100000@cac.washington.edu>\")"},
        {"Subject:\nFrom: a@b\nSender: c@d\nReply-To:\nBcc: g:;\nIn-Reply-To: <x>\n <y>\n",
         "(NIL \"\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\")) NIL "
         "NIL "
         "((NIL NIL \"g\" NIL)(NIL NIL NIL NIL)) \"<x> <y>\" NIL)"},
        {"Subject: one\nSubject: two\nTo: <@r:u@h>\n",
         "(NIL \"one\" NIL NIL NIL ((NIL \"@r\" \"u\" \"h\")) NIL NIL NIL NIL)"},
        {"Subject: jos\xc3\xa9\n", "(NIL {5}\r\njos\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)"},
        {"From: \"a \\\"b\\\"\" <x@y>\n",
         "(NIL NIL ((\"a \\\"b\\\"\" NIL \"x\" \"y\")) ((\"a \\\"b\\\"\" NIL \"x\" \"y\")) "
         "((\"a \\\"b\\\"\" NIL \"x\" \"y\")) NIL NIL NIL NIL NIL)"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf header = test_buf(), out = test_buf();

        with_crlf(&header, str_from(rows[i].header));
        structure_put_envelope(&out, buf_str(&header));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].header);
    }
}

#define NO_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
#define MIXED "Content-Type: multipart/mixed; boundary=b\n"
#define US_ASCII "(\"charset\" \"us-ascii\")"

static const struct {
    const char *message, *body, *bodystructure;
} bodies[] = {
    {"Subject: x\n\none\ntwo\n", "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 10 2)",
     "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)"},
    {"Content-Type: TEXT/PLAIN; CHARSET=UTF-8; format=flowed\nContent-Transfer-Encoding: "
     "8bit\n\nx\n",
     "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\" \"format\" \"flowed\") NIL NIL \"8bit\" 3 1)",
     "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\" \"format\" \"flowed\") NIL NIL \"8bit\" 3 1 NIL "
     "NIL "
     "NIL NIL)"},
    {"Content-Type: text/plain\n\n", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)",
     "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"},
    {"Content-Type: image/png; name=\"a b.png\"\nContent-Transfer-Encoding: base64\n"
     "Content-ID: <i@d>\nContent-Description: a picture\nContent-MD5: Q==\n"
     "Content-Disposition: attachment; filename=\"a b.png\"; size=4\n"
     "Content-Language: en, pt\nContent-Location: here\n\nAAAA\n",
     "(\"image\" \"png\" (\"name\" \"a b.png\") \"<i@d>\" \"a picture\" \"base64\" 6)",
     "(\"image\" \"png\" (\"name\" \"a b.png\") \"<i@d>\" \"a picture\" \"base64\" 6 \"Q==\" "
     "(\"attachment\" (\"filename\" \"a b.png\" \"size\" \"4\")) (\"en\" \"pt\") \"here\")"},
    {MIXED
     "\n--b\n\na\n--b\nContent-Type: text/html\nContent-Disposition: inline\n\n<p>\n\n--b--\n",
     "((\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 1 0)"
     "(\"text\" \"html\" NIL NIL NIL \"7bit\" 5 1) \"mixed\")",
     "((\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL)"
     "(\"text\" \"html\" NIL NIL NIL \"7bit\" 5 1 NIL (\"inline\" NIL) NIL NIL) "
     "\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"Content-Type: message/rfc822\n\nSubject: in\n\nbody\n",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 "
     "(NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
     "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 6 1) 3)",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 "
     "(NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
     "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"},
    {"Content-Type: multipart/digest; boundary=b\n\n--b\n\n" MIXED "\n--b\n\na\n--b--\n--b--\n",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 60 " NO_ENVELOPE
     " ((\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 1 0) \"mixed\") 5) \"digest\")",
     NULL},
    {MIXED "\nno part\n", "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 9 1)", NULL},
    {"Content-Type: text\n\nx", "(\"text\" \"plain\" " US_ASCII " NIL NIL \"7bit\" 1 0)", NULL},
};

static void body_structures(void **state)
{
    (void)state;

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        CLEANUP(buf_drop) struct buf message = test_buf(), out = test_buf();
        CLEANUP(mime_drop) struct mime m = {0};

        with_crlf(&message, str_from(bodies[i].message));
        mime_parse(&m, buf_str(&message));
        structure_put_body(&out, &m, buf_str(&message), false);
        ASSERT_STR(buf_str(&out), str_from(bodies[i].body), bodies[i].message);
        if (!bodies[i].bodystructure)
            continue;
        buf_clear(&out);
        structure_put_body(&out, &m, buf_str(&message), true);
        ASSERT_STR(buf_str(&out), str_from(bodies[i].bodystructure), bodies[i].message);
    }
}

static void a_closed_part_is_an_octet_stream(void **state)
{
    CLEANUP(buf_drop) struct buf message = test_buf(), out = test_buf();
    CLEANUP(mime_drop) struct mime m = {0};
    (void)state;

    for (int i = 0; i < 150; i++)
        buf_putf(&message, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    mime_parse(&m, buf_str(&message));
    structure_put_body(&out, &m, buf_str(&message), false);
    assert_true(str_find_str(buf_str(&out), STR("(\"application\" \"octet-stream\" NIL")) > 0);
    assert_true(str_starts(buf_str(&out), STR("((((((")));
    assert_true(str_ends(buf_str(&out), STR("\"mixed\") \"mixed\")")));
}

// The example of RFC 3501 6.4.5: 1 text, 2 image, 3 message (text, octets), 4 multipart (image,
// message (text, multipart (text, richtext))).
static const char tree[] =
    "Subject: tree\nContent-Type: multipart/mixed; boundary=1\n\n"
    "--1\n\none\n"
    "--1\nContent-Type: image/gif\n\ntwo\n"
    "--1\nContent-Type: message/rfc822\n\n"
    "Subject: three\nContent-Type: multipart/mixed; boundary=3\nX: y\n\n"
    "--3\n\nthree.one\n--3\nContent-Type: application/octet-stream\n\nthree.two\n--3--\n\n"
    "--1\nContent-Type: multipart/mixed; boundary=4\n\n"
    "--4\nContent-Type: image/gif\nContent-ID: <41>\n\nfour.one\n"
    "--4\nContent-Type: message/rfc822\n\n"
    "Subject: four.two\nContent-Type: multipart/mixed; boundary=42\n\n"
    "--42\n\n421\n"
    "--42\nContent-Type: multipart/alternative; boundary=422\n\n"
    "--422\n\n4221\n--422\nContent-Type: text/richtext\n\n4222\n--422--\n--42--\n--4--\n--1--\n";

static const struct {
    const char *section, *want; // NULL: no such part
} tree_sections[] = {
    {"1", "one"},
    {"1.MIME", "\n"},
    {"2", "two"},
    {"2.MIME", "Content-Type: image/gif\n\n"},
    {"3.HEADER", "Subject: three\nContent-Type: multipart/mixed; boundary=3\nX: y\n\n"},
    {"3.MIME", "Content-Type: message/rfc822\n\n"},
    {"3.TEXT", "--3\n\nthree.one\n--3\nContent-Type: application/octet-stream\n\nthree.two\n"
               "--3--\n"},
    {"3.1", "three.one"},
    {"3.2", "three.two"},
    {"3.2.mime", "Content-Type: application/octet-stream\n\n"},
    {"4.1", "four.one"},
    {"4.1.MIME", "Content-Type: image/gif\nContent-ID: <41>\n\n"},
    {"4.2.HEADER", "Subject: four.two\nContent-Type: multipart/mixed; boundary=42\n\n"},
    {"4.2.1", "421"},
    {"4.2.2.1", "4221"},
    {"4.2.2.2", "4222"},
    {"4.2.2", "--422\n\n4221\n--422\nContent-Type: text/richtext\n\n4222\n--422--"},
    {"HEADER", "Subject: tree\nContent-Type: multipart/mixed; boundary=1\n\n"},
    {"", tree},
    {"5", NULL},
    {"1.1", NULL},
    {"1.HEADER", NULL},
    {"1.TEXT", NULL},
    {"3.3", NULL},
    {"3.1.1", NULL},
    {"4.HEADER", NULL},
    {"4.2.2.3", NULL},
    {"2.MIME.1", NULL},
};

static bool find(const char *message, const char *section, struct buf *out)
{
    CLEANUP(buf_drop) struct buf crlf = test_buf(), found = test_buf();
    CLEANUP(mime_drop) struct mime m = {0};
    struct section s;
    bool is_there;

    with_crlf(&crlf, str_from(message));
    mime_parse(&m, buf_str(&crlf));
    if (!section_parse(str_from(section), &s))
        return false;
    is_there = section_put(&found, &m, buf_str(&crlf), &s);
    for (size_t i = 0; i < found.len; i++) {
        if (found.ptr[i] != '\r')
            buf_put_char(out, found.ptr[i]);
    }
    return is_there;
}

static void sections_of_a_tree(void **state)
{
    (void)state;

    for (size_t i = 0; i < COUNT_OF(tree_sections); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();
        bool is_there = find(tree, tree_sections[i].section, &out);

        if (is_there != (tree_sections[i].want != NULL))
            fail_msg("%s: got %d", tree_sections[i].section, is_there);
        if (is_there)
            ASSERT_STR(buf_str(&out), str_from(tree_sections[i].want), tree_sections[i].section);
    }
}

static void sections_of_simple_messages(void **state)
{
    static const struct {
        const char *message, *section, *want;
    } rows[] = {
        {"A: b\n\nbody\n", "", "A: b\n\nbody\n"},
        {"A: b\n\nbody\n", "1", "body\n"},
        {"A: b\n\nbody\n", "TEXT", "body\n"},
        {"A: b\n\nbody\n", "HEADER", "A: b\n\n"},
        {"A: b\n\nbody\n", "1.MIME", "A: b\n\n"},
        {"A: b\n\nbody\n", "2", NULL},
        {"A: b\n\nbody\n", "1.1", NULL},
        {"A: b\n\nbody\n", "1.HEADER", NULL},
        {"A: b", "HEADER", "A: b"},
        {"A: b", "TEXT", ""},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1", "S: in\n\nx\n"},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1.HEADER", "S: in\n\n"},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1.TEXT", "x\n"},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1.1", "x\n"},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1.1.MIME", "S: in\n\n"},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "1.1.1", NULL},
        {"Content-Type: message/rfc822\n\nS: in\n\nx\n", "HEADER",
         "Content-Type: message/rfc822\n\n"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();
        bool is_there = find(rows[i].message, rows[i].section, &out);

        if (is_there != (rows[i].want != NULL))
            fail_msg("%s: got %d", rows[i].section, is_there);
        if (is_there)
            ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].section);
    }
}

static void section_texts(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        size_t depth;
        enum section_text what;
    } rows[] = {
        {"", true, 0, SECTION_ALL},
        {"1", true, 1, SECTION_ALL},
        {"1.2.3", true, 3, SECTION_ALL},
        {"HEADER", true, 0, SECTION_HEADER},
        {"header.fields", true, 0, SECTION_HEADER_FIELDS},
        {"1.HEADER.FIELDS.NOT", true, 1, SECTION_HEADER_FIELDS_NOT},
        {"12.TEXT", true, 1, SECTION_TEXT},
        {"4294967295", true, 1, SECTION_ALL},
        {"MIME", false, 0, SECTION_ALL},
        {"0", false, 0, SECTION_ALL},
        {"01", false, 0, SECTION_ALL},
        {"1.", false, 0, SECTION_ALL},
        {".1", false, 0, SECTION_ALL},
        {"1..2", false, 0, SECTION_ALL},
        {"1.0", false, 0, SECTION_ALL},
        {"4294967296", false, 0, SECTION_ALL},
        {"HEADERS", false, 0, SECTION_ALL},
        {"HEADER.1", false, 0, SECTION_ALL},
        {"1TEXT", false, 0, SECTION_ALL},
        {"1 ", false, 0, SECTION_ALL},
    };
    CLEANUP(buf_drop) struct buf deep = test_buf();
    struct section s;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_good = section_parse(str_from(rows[i].text), &s);

        if (is_good != rows[i].is_good ||
            (is_good && (s.depth != rows[i].depth || s.text != rows[i].what)))
            fail_msg("%s: got %d", rows[i].text, is_good);
    }
    for (int i = 0; i < SECTION_DEPTH_MAX; i++)
        buf_put(&deep, STR("1."));
    buf_put(&deep, STR("1"));
    assert_false(section_parse(buf_str(&deep), &s));
    assert_true(section_parse(str_head(buf_str(&deep), deep.len - 2), &s));
}

static void header_fields_are_selected(void **state)
{
    static const struct str header =
        STR("To: a\r\nfrom: b\r\n c\r\nbroken\r\nX: y\r\nTO: d\r\n\r\n");
    static const struct str names[] = {STR("TO"), STR("From"), STR("Missing"), STR("")};
    CLEANUP(buf_drop) struct buf out = test_buf();
    struct section s = {.text = SECTION_HEADER_FIELDS, .fields = names, .field_count = 4};
    (void)state;

    section_put_fields(&out, header, &s);
    ASSERT_STR(buf_str(&out), STR("To: a\r\nfrom: b\r\n c\r\nTO: d\r\n\r\n"), "FIELDS");
    buf_clear(&out);
    s.text = SECTION_HEADER_FIELDS_NOT;
    section_put_fields(&out, header, &s);
    ASSERT_STR(buf_str(&out), STR("broken\r\nX: y\r\n\r\n"), "FIELDS.NOT");
    buf_clear(&out);
    section_put_fields(&out, STR("X: y"), &s);
    ASSERT_STR(buf_str(&out), STR("X: y\r\n\r\n"), "no line end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_quoted_where_they_may_be),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(body_structures),
        cmocka_unit_test(a_closed_part_is_an_octet_stream),
        cmocka_unit_test(sections_of_a_tree),
        cmocka_unit_test(sections_of_simple_messages),
        cmocka_unit_test(section_texts),
        cmocka_unit_test(header_fields_are_selected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
