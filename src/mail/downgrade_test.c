// SPDX-License-Identifier: ISC
#include "base/cleanup.h"
#include "mail/downgrade.h"
#include "mail/test.h"

#define HEAD "From: a@b\r\nMIME-Version: 1.0\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define SEVEN "Content-Transfer-Encoding: 7bit\r\n"
#define BINARY "Content-Transfer-Encoding: binary\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
#define RAW "ol\xc3\xa1"

static const struct row {
    const char *name;
    enum downgrade_to to;
    enum downgrade_answer answer;
    const char *message;
    const char *expected; // NULL: not put
} ROWS[] = {
    {"ASCII", DOWNGRADE_TO_7BIT, DOWNGRADE_NEEDLESS, HEAD TEXT EIGHT "\r\nx\r\n", NULL},
    {"nothing at all", DOWNGRADE_TO_7BIT, DOWNGRADE_NEEDLESS, "", NULL},
    {"a header beyond ASCII stays", DOWNGRADE_TO_7BIT, DOWNGRADE_NEEDLESS,
     "Subject: " RAW "\r\n\r\nx\r\n", NULL},
    {"text", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE, HEAD TEXT EIGHT "\r\n" RAW " \r\nFrom x\r\n.\r\n",
     HEAD TEXT QP "\r\nol=C3=A1=20\r\n=46rom x\r\n=2E\r\n"},
    {"text of an 8-bit path is left to it", DOWNGRADE_TO_8BIT, DOWNGRADE_NEEDLESS,
     HEAD TEXT EIGHT "\r\n" RAW "\r\n", NULL},
    {"without an encoding", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE, HEAD TEXT "\r\n" RAW,
     HEAD TEXT QP "\r\nol=C3=A1"},
    {"a folded encoding, fields behind it", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD "content-transfer-ENCODING :\r\n  8bit\r\n" TEXT "\r\n" RAW, HEAD TEXT QP "\r\nol=C3=A1"},
    {"no MIME", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE, "From: a@b\r\n\r\n" RAW "\r\n",
     "From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QP
     "\r\nol=C3=A1\r\n"},
    {"a file", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD "Content-Type: image/png\r\n" EIGHT "\r\n\x89PNG\r\n",
     HEAD "Content-Type: image/png\r\n" BASE64 "\r\niVBORw0K\r\n"},
    {"parts, the second of them in another", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD MIXED EIGHT
     "\r\nbefor\xc3\xa9\r\n--b\r\n" TEXT EIGHT "\r\n" RAW "\r\n--b\r\n"
     "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nplain\r\n--c\r\n"
     "Content-Type: text/html\r\n" EIGHT "\r\n<p>" RAW "\r\n--c--\r\n--b--\r\n",
     HEAD MIXED SEVEN
     "\r\nbefor??\r\n--b\r\n" TEXT QP "\r\nol=C3=A1\r\n--b\r\n"
     "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nplain\r\n--c\r\n"
     "Content-Type: text/html\r\n" QP "\r\n<p>ol=C3=A1\r\n--c--\r\n--b--\r\n"},
    {"an attached message", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n" EIGHT "\r\n" HEAD TEXT EIGHT
                "\r\n" RAW "\r\n--b--\r\n",
     HEAD MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n" SEVEN "\r\n" HEAD TEXT QP
                "\r\nol=C3=A1\r\n--b--\r\n"},
    {"a signature over it", DOWNGRADE_TO_7BIT, DOWNGRADE_CANNOT,
     HEAD "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" TEXT EIGHT "\r\n" RAW
          "\r\n--b\r\n\r\nsignature\r\n--b--\r\n",
     NULL},
    {"a signature beside it", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD MIXED "\r\n--b\r\n" TEXT "\r\n" RAW
                "\r\n--b\r\nContent-Type: multipart/signed; boundary=s"
                "\r\n\r\n--s\r\n\r\nx\r\n--s\r\n\r\ny\r\n--s--\r\n--b--\r\n",
     HEAD MIXED "\r\n--b\r\n" TEXT QP
                "\r\nol=C3=A1\r\n--b\r\nContent-Type: multipart/signed; boundary=s"
                "\r\n\r\n--s\r\n\r\nx\r\n--s\r\n\r\ny\r\n--s--\r\n--b--\r\n"},
    {"a part of a message", DOWNGRADE_TO_7BIT, DOWNGRADE_CANNOT,
     HEAD "Content-Type: message/partial; id=x\r\n" EIGHT "\r\n" RAW "\r\n", NULL},
    {"an encoding nobody knows", DOWNGRADE_TO_7BIT, DOWNGRADE_CANNOT,
     HEAD TEXT "Content-Transfer-Encoding: x-mine\r\n\r\n" RAW "\r\n", NULL},
    {"a boundary beyond ASCII", DOWNGRADE_TO_7BIT, DOWNGRADE_CANNOT,
     HEAD "Content-Type: multipart/mixed; boundary=\"\xe9\"\r\n\r\n--\xe9\r\n\r\nx\r\n--\xe9--\r\n",
     NULL},
    {"broken quoted-printable", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD TEXT QP "\r\na=20" RAW "\r\n", HEAD TEXT QP "\r\na=20ol=C3=A1\r\n"},
    {"broken base64", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD "Content-Type: image/png\r\n" BASE64 "\r\niVBO\xe9Rw==\r\n",
     HEAD "Content-Type: image/png\r\n" BASE64 "\r\niVBORw==\r\n"},
    {"binary", DOWNGRADE_TO_8BIT, DOWNGRADE_FINE,
     HEAD "Content-Type: image/png\r\n" BINARY "\r\n\x89PNG\n",
     HEAD "Content-Type: image/png\r\n" BASE64 "\r\niVBORwo=\r\n"},
    {"binary in name only", DOWNGRADE_TO_8BIT, DOWNGRADE_FINE, HEAD TEXT BINARY "\r\n" RAW "\r\n",
     HEAD TEXT EIGHT "\r\n" RAW "\r\n"},
    {"binary in name only, and ASCII", DOWNGRADE_TO_7BIT, DOWNGRADE_FINE,
     HEAD TEXT BINARY "\r\nx\r\n", HEAD TEXT SEVEN "\r\nx\r\n"},
    {"binary text with bare line ends keeps them", DOWNGRADE_TO_8BIT, DOWNGRADE_FINE,
     HEAD TEXT BINARY "\r\na\nb", HEAD TEXT BASE64 "\r\nYQpi\r\n"},
};

static enum downgrade_answer run(const struct row *row, size_t piece, struct buf *out)
{
    struct str message = str_from(row->message);
    struct downgrade *d = downgrade_new(row->to);
    enum downgrade_answer answer;

    for (size_t at = 0; at < message.len; at += piece)
        downgrade_learn(d, str_head(str_skip(message, at), piece));
    for (size_t at = 0; at < message.len; at += piece)
        downgrade_look(d, str_head(str_skip(message, at), piece));
    answer = downgrade_decide(d);
    for (size_t at = 0; at < message.len && answer == DOWNGRADE_FINE; at += piece)
        downgrade_put(d, str_head(str_skip(message, at), piece), out);
    if (answer == DOWNGRADE_FINE)
        downgrade_end(d, out);
    downgrade_free(d);
    return answer;
}

static void messages_lose_bits_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const struct row *row = &ROWS[i];

        for (size_t piece = 1; piece < 300; piece = piece * 3 + 1) {
            CLEANUP(buf_drop) struct buf out = {.max = 1 << 20};
            enum downgrade_answer answer = run(row, piece, &out);

            if (answer != row->answer)
                fail_msg("%s: answer %d", row->name, answer);
            if (row->expected && !str_eq(buf_str(&out), str_from(row->expected)))
                fail_msg("%s, by %zu:\n%.*s", row->name, piece, STR_ARG(buf_str(&out)));
        }
    }
}

static void headers_beyond_ascii_are_seen(void **state)
{
    static const struct {
        const char *message;
        bool has;
    } rows[] = {{"Subject: x\r\n\r\n" RAW, false},
                {"Subject: " RAW "\r\n\r\nx", true},
                {HEAD MIXED "\r\n--b\r\nX: " RAW "\r\n\r\nx\r\n--b--\r\n", true}};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct downgrade *d = downgrade_new(DOWNGRADE_TO_7BIT);

        downgrade_learn(d, str_from(rows[i].message));
        downgrade_look(d, str_from(rows[i].message));
        assert_int_equal(downgrade_has_utf8_header(d), rows[i].has);
        downgrade_free(d);
    }
}

static void endless_lines_are_put_in_pieces(void **state)
{
    CLEANUP(buf_drop) struct buf message = {.max = 1 << 20}, out = {.max = 1 << 20};
    struct row row = {.to = DOWNGRADE_TO_7BIT};
    struct str rest, line;
    (void)state;

    buf_put(&message, STR(HEAD TEXT "\r\n"));
    for (int i = 0; i < 20000; i++)
        buf_put(&message, STR(RAW " "));
    row.message = buf_cstr(&message);
    assert_int_equal(run(&row, 1000, &out), DOWNGRADE_FINE);
    rest = buf_str(&out);
    while (str_split(&rest, '\n', &line))
        assert_true(line.len <= 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_lose_bits_and_nothing_else),
        cmocka_unit_test(headers_beyond_ascii_are_seen),
        cmocka_unit_test(endless_lines_are_put_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
