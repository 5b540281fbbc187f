// SPDX-License-Identifier: ISC
//
// Messages on their way in and out, over a connection: bytes of any size and kind, what is left of
// a command that is broken off, and URLs that let others read. Talks that need neither are in
// tests/dialog/serve_imap.
#include "mail/encoding.h"
#include "log/log.h"
#include "serve/imap/client_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct imap_world w;

static int first(void *arg)
{
    void (*const *talk)(void) = arg;

    imap_world_open(&w);
    (*talk)();
    rt_drain(w.rt, 1000);
    return 0;
}

static void play(void (*talk)(void))
{
    struct rt_config rt_config = {.loops = 1};

    imap_world_init(&w);
    w.config.message_size = 16 << 20;
    log_set_level(LOG_ERROR);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, &talk), 0);
    imap_world_done(&w);
}

// ---- large ones

/// Bytes that are not each other's neighbours by chance, NULs among them.
static void put_noise(struct buf *out, size_t len)
{
    uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        buf_put_char(out, (char)(x >> 24));
    }
}

static void large_parts_are_decoded_as_they_pass_by(void)
{
    struct buf noise, message, got;
    struct imap_client c;

    buf_init(&noise, 4 << 20);
    buf_init(&message, 8 << 20);
    buf_init(&got, 8 << 20);
    put_noise(&noise, 1500000);
    buf_put(&message, STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                          "Content-Transfer-Encoding: base64\r\n\r\n"));
    encoding_put_base64_lines(&message, buf_str(&noise));
    buf_put(&message, STR("--b--\r\n"));
    client_sign_in(&w, &c, "ana@example.test");
    client_append(&c, "INBOX", buf_str(&message));
    client_ask(&c, "SELECT INBOX");
    client_ask(&c, "FETCH 1 BINARY.SIZE[1]");
    CHECK(client_heard(&c, "BINARY.SIZE[1] 1500000)"));
    client_say(&c, STR("t FETCH 1 BINARY.PEEK[1]\r\n"));
    client_literal(&c, &got);
    CHECK(client_heard(&c, "BINARY[1] ~{1500000}") && str_eq(buf_str(&got), buf_str(&noise)));
    client_hear(&c, "t OK");
    client_say(&c, STR("t FETCH 1 BINARY.PEEK[1]<1000000.400000>\r\n"));
    client_literal(&c, &got);
    CHECK(str_eq(buf_str(&got), str_of(noise.ptr + 1000000, 400000)));
    client_hear(&c, "t OK");
    client_say(&c, STR("t FETCH 1 BODY.PEEK[]\r\n"));
    client_literal(&c, &got);
    CHECK(str_eq(buf_str(&got), buf_str(&message)));
    client_hear(&c, "t OK");
    client_hang_up(&c);
    buf_done(&noise);
    buf_done(&message);
    buf_done(&got);
}

/// A header larger than what is looked at: told to its end where it is shown, and where fields are
/// chosen from it, those at its beginning are found.
static void a_large_header_is_no_trouble(void)
{
    struct buf message, got;
    struct imap_client c;
    size_t header;

    buf_init(&message, 8 << 20);
    buf_init(&got, 8 << 20);
    buf_put(&message, STR("Subject: near\r\n"));
    while (message.len < (2 << 20))
        buf_putf(&message, "X-%zu: %0900d\r\n", message.len, 7);
    buf_put(&message, STR("\r\n"));
    header = message.len;
    buf_put(&message, STR("text\r\n"));
    client_sign_in(&w, &c, "ana@example.test");
    client_append(&c, "INBOX", buf_str(&message));
    client_ask(&c, "SELECT INBOX");
    client_say(&c, STR("t FETCH 1 BODY.PEEK[HEADER]\r\n"));
    client_literal(&c, &got);
    CHECK(str_eq(buf_str(&got), str_of(message.ptr, header)));
    client_hear(&c, "t OK");
    client_ask(&c, "FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    CHECK(client_heard(&c, "BODY[TEXT] {6}\ntext\n") && client_heard(&c, "Subject: near\n\n"));
    client_ask(&c, "FETCH 1 ENVELOPE");
    CHECK(client_heard(&c, "(ENVELOPE (NIL \"near\" NIL"));
    client_hang_up(&c);
    buf_done(&message);
    buf_done(&got);
}

/// Seven long URLs and the head of one more byte.
static void put_long_urls(struct buf *out)
{
    for (int url = 0; url < 7; url++) {
        buf_put(out, STR(" URL \"/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(a"));
        for (int i = 0; i < 1990; i++)
            buf_put(out, STR("%20a"));
        buf_put(out, STR(")\""));
    }
    buf_put(out, STR(" TEXT {1+}\r\nx"));
}

/// Lines of long URLs take of the command's memory what they may, and then one line has a thousand
/// messages: however full it was before, there is an answer.
static void a_crowded_append_is_answered(void)
{
    struct imap_client c;
    struct buf command;

    buf_init(&command, 8 << 20);
    client_sign_in(&w, &c, "ana@example.test");
    client_append(&c, "INBOX", STR("a: b\r\n\r\ntext\r\n"));
    for (int lines = 10; lines < 30; lines++) {
        buf_clear(&command);
        buf_put(&command, STR("t APPEND Drafts CATENATE (TEXT {1+}\r\nx"));
        for (int i = 0; i < lines; i++)
            put_long_urls(&command);
        buf_put(&command, STR(")"));
        for (int i = 0; i < 990; i++)
            buf_put(&command, STR(" (x) CATENATE (URL \"/INBOX/;UID=1\")"));
        buf_put(&command, STR(" CATENATE (TEXT {1+}\r\nx)\r\n"));
        client_say(&c, buf_str(&command));
        client_hear(&c, "t ");
    }
    CHECK(client_heard(&c, "t NO [LIMIT]"));
    client_ask(&c, "NOOP");
    client_hang_up(&c);
    buf_done(&command);
}

// ---- broken off

/// [await] Until the server has seen that a client is gone, and has told all it did meanwhile.
static void look(struct imap_client *c, const char *count)
{
    client_ask(c, "STATUS INBOX (MESSAGES)");
    CHECK(client_heard(c, count));
}

static void what_is_broken_off_leaves_nothing(void)
{
    static const char *const commands[] = {
        "x APPEND INBOX {3+}\r\nabc {3+}\r\nab",
        "x APPEND INBOX {3+}\r\nabc {3+}\r\nabc",
        "x APPEND INBOX CATENATE (URL \";UID=1\" TEXT {3+}\r\nabc",
        "x REPLACE 1 INBOX {3+}\r\nab",
        "x UID REPLACE 1 INBOX {3+}\r\nabc",
    };
    struct imap_client a, b;

    client_sign_in(&w, &a, "ana@example.test");
    client_append(&a, "INBOX", STR("Subject: stays\r\n\r\n"));
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        client_sign_in(&w, &b, "ana@example.test");
        client_ask(&b, "SELECT INBOX");
        client_say(&b, str_from(commands[i]));
        client_hang_up(&b);
        look(&a, "(MESSAGES 1)");
    }
    client_ask(&a, "SELECT INBOX");
    client_ask(&a, "FETCH 1 (UID RFC822.SIZE)");
    CHECK(client_heard(&a, "UID 1 RFC822.SIZE 18)"));
    client_hang_up(&a);
}

// ---- URLs for others

static void add_account(const char *address)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct account_change change = {.what = ACCOUNT_SET_PASSWORD, .password = STR("tres tigres")};
    uint64_t id;

    CHECK(account_add(w.accounts, str_from(address), &change, &id, &why) == 0);
}

/// GENURLAUTH; the URL it gives, without quotes.
static void authorize(struct imap_client *c, const char *rump, struct buf *out)
{
    struct str answer, url;

    CHECK(rt_putf(c->conn, "t GENURLAUTH \"%s\" INTERNAL\r\n", rump) == 0);
    client_hear(c, "t ");
    CHECK(client_heard(c, "t OK") && client_heard(c, ":internal:01"));
    answer = buf_str(&c->answer);
    CHECK(str_split(&answer, '"', &url) && str_split(&answer, '"', &url));
    buf_clear(out);
    buf_put(out, url);
}

static bool can_fetch(struct imap_client *c, struct str url)
{
    CHECK(rt_putf(c->conn, "t URLFETCH \"%.*s\"\r\n", STR_ARG(url)) == 0);
    client_hear(c, "t ");
    CHECK(client_heard(c, "t OK"));
    if (client_heard_not(c, " NIL\n"))
        return client_heard(c, " {5}\nolive\n");
    return false;
}

#define URL_OF_ANA "imap://ana%40example.test@h/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=2.5"

static void who_may_use_a_url(void)
{
    static const struct {
        const char *rump;
        bool ana, bruno, postman;
    } cases[] = {
        {URL_OF_ANA ";URLAUTH=user+bruno%40example.test", false, true, false},
        {URL_OF_ANA ";URLAUTH=authuser", true, true, true},
        {URL_OF_ANA ";URLAUTH=anonymous", true, true, true},
        {URL_OF_ANA ";URLAUTH=submit+ana%40example.test", false, false, true},
        {URL_OF_ANA ";EXPIRE=2001-01-01T00:00:00Z;URLAUTH=anonymous", false, false, false},
        {URL_OF_ANA ";EXPIRE=2999-01-01T00:00:00Z;URLAUTH=anonymous", true, true, true},
    };
    struct str postman = STR("postman@example.test");
    struct imap_client a, b, p;
    struct buf url;

    add_account("bruno@example.test");
    add_account("postman@example.test");
    w.config.submitters = (struct setting_list){&postman, 1};
    imap_reconfigure(w.imap, &w.config);
    buf_init(&url, 8192);
    client_sign_in(&w, &a, "ana@example.test");
    client_sign_in(&w, &b, "bruno@example.test");
    client_sign_in(&w, &p, "postman@example.test");
    client_append(&a, "INBOX", STR("Subject: s\r\n\r\n  olive tree\r\n"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        authorize(&a, cases[i].rump, &url);
        CHECK(can_fetch(&a, buf_str(&url)) == cases[i].ana);
        CHECK(can_fetch(&b, buf_str(&url)) == cases[i].bruno);
        CHECK(can_fetch(&p, buf_str(&url)) == cases[i].postman);
    }
    client_hang_up(&a);
    client_hang_up(&b);
    client_hang_up(&p);
    buf_done(&url);
}

static void what_ends_a_url(void)
{
    struct imap_client a, b;
    struct buf url, other;

    add_account("bruno@example.test");
    buf_init(&url, 8192);
    buf_init(&other, 8192);
    client_sign_in(&w, &a, "ana@example.test");
    client_sign_in(&w, &b, "bruno@example.test");
    client_append(&a, "INBOX", STR("Subject: s\r\n\r\n  olive tree\r\n"));
    authorize(&a, URL_OF_ANA ";URLAUTH=anonymous", &url);
    CHECK(can_fetch(&b, buf_str(&url)));
    // another byte anywhere: another URL, and this one was never authorized
    for (size_t i = strlen("imap://"); i < url.len; i++) {
        url.ptr[i] ^= 1;
        CHECK(!can_fetch(&b, buf_str(&url)));
        url.ptr[i] ^= 1;
    }
    CHECK(!can_fetch(&b, STR(URL_OF_ANA ";URLAUTH=anonymous")));
    CHECK(!can_fetch(&b, STR("imap://ana%40example.test@h/INBOX")));
    CHECK(!can_fetch(&b, STR("nonsense")));
    client_ask(&a, "RESETKEY INBOX");
    CHECK(client_heard(&a, "t OK [URLMECH INTERNAL]") && !can_fetch(&b, buf_str(&url)));
    authorize(&a, URL_OF_ANA ";URLAUTH=anonymous", &other);
    CHECK(can_fetch(&b, buf_str(&other)));
    client_ask(&a, "RESETKEY");
    CHECK(!can_fetch(&b, buf_str(&other)));
    authorize(&a, URL_OF_ANA ";URLAUTH=anonymous", &other);
    client_ask(&b, "RESETKEY"); // one's own, and nobody else's
    CHECK(can_fetch(&b, buf_str(&other)));
    client_ask(&a, "SELECT INBOX");
    client_ask(&a, "STORE 1 +FLAGS (\\Deleted)");
    client_ask(&a, "EXPUNGE");
    CHECK(!can_fetch(&b, buf_str(&other)));
    client_hang_up(&a);
    client_hang_up(&b);
    buf_done(&url);
    buf_done(&other);
}

static void what_cannot_be_authorized(void)
{
    static const char *const urls[] = {
        "imap://ana%40example.test@h/INBOX/;UID=1",
        "imap://h/INBOX/;UID=1;URLAUTH=anonymous",
        "imap://bruno%40example.test@h/INBOX/;UID=1;URLAUTH=anonymous",
        "imap://nobody%40example.test@h/INBOX/;UID=1;URLAUTH=anonymous",
        "imap://ana%40example.test@h/Nowhere/;UID=1;URLAUTH=anonymous",
        "imap://ana%40example.test@h/INBOX;URLAUTH=anonymous",
        "/INBOX/;UID=1;URLAUTH=anonymous",
        "imap://ana%40example.test@h/INBOX/;UID=1;URLAUTH=anonymous:internal:01",
    };
    struct imap_client a;

    add_account("bruno@example.test");
    client_sign_in(&w, &a, "ana@example.test");
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        CHECK(rt_putf(a.conn, "n NOOP\r\nt GENURLAUTH \"%s\" INTERNAL\r\n", urls[i]) == 0);
        client_hear(&a, "t ");
        CHECK(client_heard(&a, "t BAD"));
    }
    client_ask(&a, "NOOP");
    client_ask(&a, "GENURLAUTH \"" URL_OF_ANA ";URLAUTH=anonymous\" XSAMPLE");
    CHECK(client_heard(&a, "t BAD"));
    client_hang_up(&a);
}

#define TALK(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        play(name);                                                                                \
    }

TALK(large_parts_are_decoded_as_they_pass_by)
TALK(a_large_header_is_no_trouble)
TALK(a_crowded_append_is_answered)
TALK(what_is_broken_off_leaves_nothing)
TALK(who_may_use_a_url)
TALK(what_ends_a_url)
TALK(what_cannot_be_authorized)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_parts_are_decoded_as_they_pass_by),
        cmocka_unit_test(test_a_large_header_is_no_trouble),
        cmocka_unit_test(test_a_crowded_append_is_answered),
        cmocka_unit_test(test_what_is_broken_off_leaves_nothing),
        cmocka_unit_test(test_who_may_use_a_url),
        cmocka_unit_test(test_what_ends_a_url),
        cmocka_unit_test(test_what_cannot_be_authorized),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
