// SPDX-License-Identifier: ISC
//
// Talks with a server on the loopback, its store in memory: what needs two clients at once, bytes
// of any size, or a look at what a session costs. Talks of one client are in
// tests/dialog/serve_imap. What must hold inside a task is checked by CHECK: a failed assertion of
// cmocka would jump from one stack to another.
#include "log/log.h"
#include "serve/imap/testing.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct imap_world w;

// ---- the client's side

struct client {
    struct rt_conn *conn;
    struct buf answer; // all lines of the last talk
};

static void say(struct client *c, const char *text)
{
    CHECK(rt_put(c->conn, str_from(text)) == 0);
    CHECK(rt_flush(c->conn) == 0);
}

/// Lines up to the first that begins with `tag`, collected.
static void hear(struct client *c, const char *tag)
{
    buf_clear(&c->answer);
    while (true) {
        struct str line;

        CHECK(rt_line(c->conn, 1 << 20, &line) == 0);
        buf_put(&c->answer, line);
        buf_put_char(&c->answer, '\n');
        if (str_starts(line, str_from(tag)))
            return;
    }
}

static bool heard(const struct client *c, const char *text)
{
    if (str_find_str(buf_str(&c->answer), str_from(text)) >= 0)
        return true;
    print_error("missing: %s\nin: %.*s\n", text, STR_ARG(buf_str(&c->answer)));
    return false;
}

static bool not_heard(const struct client *c, const char *text)
{
    return str_find_str(buf_str(&c->answer), str_from(text)) < 0;
}

/// One command, its answer up to the tagged line.
static void ask(struct client *c, const char *command)
{
    CHECK(rt_putf(c->conn, "t %s\r\n", command) == 0);
    hear(c, "t ");
}

static void call(struct client *c)
{
    *c = (struct client){0};
    buf_init(&c->answer, 64 << 20);
    CHECK(rt_dial("127.0.0.1", w.port, 5000, &c->conn) == 0);
    hear(c, "* OK");
}

static void sign_in(struct client *c)
{
    call(c);
    ask(c, "LOGIN ana@example.test \"tres tigres\"");
    CHECK(heard(c, "t OK [CAPABILITY IMAP4rev1 "));
}

static void hang_up(struct client *c)
{
    rt_hang_up(c->conn);
    buf_done(&c->answer);
}

static void append(struct client *c, const char *mailbox, struct str message)
{
    CHECK(rt_putf(c->conn, "t APPEND %s {%zu+}\r\n", mailbox, message.len) == 0);
    CHECK(rt_put(c->conn, message) == 0);
    CHECK(rt_put(c->conn, STR("\r\n")) == 0);
    hear(c, "t ");
}

// ---- the world

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
    log_set_level(LOG_ERROR);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, &talk), 0);
    imap_world_done(&w);
}

// ---- the talks

#define MAIL "From: Ana <ana@example.test>\r\nSubject: =?utf-8?q?Ol=C3=A1?=\r\n\r\nfirst line\r\n"

static void idle_hears_at_once(void)
{
    struct client a, b;

    sign_in(&a);
    sign_in(&b);
    ask(&a, "SELECT INBOX");
    CHECK(heard(&a, "* 0 EXISTS") && heard(&a, "[PERMANENTFLAGS (") && heard(&a, "[READ-WRITE]"));
    say(&a, "i IDLE\r\n");
    hear(&a, "+ ");
    append(&b, "INBOX", STR(MAIL));
    CHECK(heard(&b, "t OK [APPENDUID "));
    hear(&a, "* 1 RECENT");
    CHECK(heard(&a, "* 1 EXISTS"));
    ask(&b, "SELECT INBOX");
    CHECK(heard(&b, "* 1 EXISTS") && heard(&b, "* 0 RECENT") && heard(&b, "[UNSEEN 1]"));
    ask(&b, "STORE 1 +FLAGS.SILENT (\\Deleted $Later)");
    CHECK(not_heard(&b, "FETCH"));
    hear(&a, "* 1 FETCH");
    CHECK(heard(&a, "* FLAGS (") && heard(&a, "$Later"));
    CHECK(heard(&a, "* 1 FETCH (FLAGS (\\Deleted \\Recent $Later))"));
    ask(&b, "EXPUNGE");
    CHECK(heard(&b, "* 1 EXPUNGE"));
    hear(&a, "* 1 EXPUNGE");
    say(&a, "DONE\r\n");
    hear(&a, "i OK");
    say(&a, "i IDLE\r\nwhat\r\n");
    hear(&a, "i BAD");
    ask(&a, "NOOP");
    hang_up(&a);
    hang_up(&b);
}

static void numbers_stay_during_fetch(void)
{
    struct client a, b;

    sign_in(&a);
    sign_in(&b);
    for (int i = 0; i < 3; i++)
        append(&a, "INBOX", STR(MAIL));
    ask(&a, "SELECT INBOX");
    ask(&b, "SELECT INBOX");
    ask(&b, "STORE 1 +FLAGS (\\Deleted)");
    CHECK(heard(&b, "* 1 FETCH (FLAGS (\\Deleted))"));
    ask(&b, "EXPUNGE");
    ask(&a, "FETCH 2 (UID)");
    CHECK(heard(&a, "* 2 FETCH (UID 2)") && not_heard(&a, "EXPUNGE"));
    ask(&a, "FETCH 1 (RFC822.SIZE)");
    CHECK(heard(&a, "t OK [EXPUNGEISSUED]") && not_heard(&a, "EXPUNGE\n"));
    ask(&a, "SEARCH ALL");
    CHECK(heard(&a, "* SEARCH 1 2 3") && not_heard(&a, "EXPUNGE\n"));
    ask(&a, "STORE 3 FLAGS.SILENT (\\Seen)");
    CHECK(not_heard(&a, "* 3 FETCH") && not_heard(&a, "EXPUNGE"));
    ask(&a, "UID FETCH 2 FLAGS"); // UID commands may
    CHECK(heard(&a, "* 1 EXPUNGE\n") && heard(&a, "* 2 FETCH (UID 2 FLAGS (\\Recent))"));
    ask(&a, "FETCH 1:2 (UID FLAGS)");
    CHECK(heard(&a, "* 1 FETCH (UID 2") && heard(&a, "* 2 FETCH (UID 3 FLAGS (\\Seen \\Recent))"));
    ask(&a, "FETCH 3 FLAGS");
    CHECK(heard(&a, "t BAD"));
    ask(&b, "NOOP");
    CHECK(heard(&b, "* 2 FETCH (FLAGS (\\Seen))"));
    hang_up(&a);
    hang_up(&b);
}

static void a_deleted_mailbox_ends_the_session(void)
{
    struct client a, b;

    sign_in(&a);
    sign_in(&b);
    ask(&a, "CREATE gone");
    ask(&a, "SELECT gone");
    ask(&b, "SELECT gone");
    ask(&b, "DELETE gone");
    CHECK(heard(&b, "t OK"));
    ask(&b, "FETCH 1 FLAGS");
    CHECK(heard(&b, "t BAD Select"));
    say(&a, "t NOOP\r\n");
    hear(&a, "* BYE");
    hang_up(&a);
    hang_up(&b);
}

/// A crash in the middle must not leave a new mailbox without the mail.
static void renaming_inbox_is_one_change(void)
{
    struct store_stats before, after;
    struct client c;

    sign_in(&c);
    append(&c, "INBOX", STR(MAIL));
    CHECK(store_stats_get(w.store, &before) == 0);
    ask(&c, "RENAME INBOX old");
    CHECK(heard(&c, "t OK"));
    CHECK(store_stats_get(w.store, &after) == 0);
    CHECK(after.commits == before.commits + 1);
    ask(&c, "STATUS old (MESSAGES)");
    CHECK(heard(&c, "* STATUS old (MESSAGES 1)"));
    ask(&c, "STATUS INBOX (MESSAGES)");
    CHECK(heard(&c, "* STATUS INBOX (MESSAGES 0)"));
    hang_up(&c);
}

static void bodies_come_back_whole(void)
{
    struct buf mail, expected;
    struct client a;

    buf_init(&mail, 1 << 20);
    buf_init(&expected, 1 << 20);
    buf_put(&mail, STR("Subject: big\r\nX-Fold: a\r\n b\r\n\r\n"));
    while (mail.len < 700000)
        buf_putf(&mail, "line %zu\r\n", mail.len);
    sign_in(&a);
    append(&a, "INBOX", buf_str(&mail));
    ask(&a, "EXAMINE INBOX");
    CHECK(heard(&a, "[READ-ONLY]"));
    ask(&a, "FETCH 1 BODY[]");
    buf_putf(&expected, "* 1 FETCH (BODY[] {%zu}\n", mail.len);
    for (size_t i = 0; i < mail.len; i++)
        if (mail.ptr[i] != '\r')
            buf_put_char(&expected, mail.ptr[i]);
    buf_put(&expected, STR(")\nt OK"));
    CHECK(str_starts(buf_str(&a.answer), buf_str(&expected)));
    ask(&a, "FETCH 1 (FLAGS BODY.PEEK[TEXT]<699960.100> BODY.PEEK[HEADER.FIELDS (x-fold)] "
            "RFC822.SIZE)");
    CHECK(heard(&a, "BODY[HEADER.FIELDS (x-fold)] {17}\nX-Fold: a\n b\n\n RFC822.SIZE"));
    CHECK(not_heard(&a, "\\Seen"));              // EXAMINE
    CHECK(heard(&a, "BODY[TEXT]<699960> {12}")); // the last of them
    ask(&a, "FETCH 1 BODY[]<700100.10>");
    CHECK(heard(&a, "BODY[]<700100> {0}"));
    buf_done(&mail);
    buf_done(&expected);
    hang_up(&a);
}

/// A mail whose structure is a hundred times as long as the mail, and one whose first part is
/// large.
static void a_swollen_structure_keeps_the_mailbox_readable(void)
{
    struct buf mail;
    struct client a;

    buf_init(&mail, 1 << 20);
    buf_put(&mail,
            STR("From: a@example.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"));
    for (int part = 0; part < 30; part++) {
        buf_put(&mail, STR("--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b"));
        for (int i = 0; i < 7500; i++)
            buf_put(&mail, STR(",a@b"));
        buf_put(&mail, STR("\r\n\r\n"));
    }
    sign_in(&a);
    append(&a, "INBOX", buf_str(&mail));
    append(&a, "INBOX", STR(MAIL));
    ask(&a, "SELECT INBOX");
    ask(&a, "FETCH 1:2 (BODYSTRUCTURE BODY ENVELOPE)");
    CHECK(heard(&a, "* 1 FETCH (BODYSTRUCTURE (\"application\" \"octet-stream\" NIL NIL NIL"));
    CHECK(heard(&a, " BODY (\"application\" \"octet-stream\" NIL NIL NIL"));
    CHECK(heard(&a, "* 2 FETCH (BODYSTRUCTURE (\"text\" \"plain\""));
    CHECK(heard(&a, "t OK"));
    ask(&a, "FETCH 1 (BODYSTRUCTURE BODY.PEEK[]<0.20> BODY.PEEK[30]<0.10>)");
    CHECK(heard(&a, "BODY[]<0> {20}\nFrom: a@example.test"));
    CHECK(heard(&a, "BODY[30]<0> {10}\nFrom: a@b,"));
    buf_done(&mail);
    hang_up(&a);
}

/// The same large thing, asked for so often that no buffer could hold all of it.
static void many_large_items_do_not_pile_up(void)
{
    struct buf text;
    struct client a;

    buf_init(&text, 1 << 20);
    while (text.len < 700000)
        buf_putf(&text, "X-Line: %zu\r\n", text.len);
    buf_put(&text, STR("\r\nbody\r\n"));
    sign_in(&a);
    append(&a, "INBOX", buf_str(&text));
    ask(&a, "SELECT INBOX");
    buf_clear(&text);
    buf_put(&text, STR("FETCH 1 ("));
    for (int i = 0; i < 110; i++)
        buf_put(&text, STR("BODY.PEEK[HEADER] "));
    buf_put(&text, STR("UID)"));
    ask(&a, buf_cstr(&text));
    ask(&a, "NOOP");
    CHECK(heard(&a, "t OK"));
    buf_done(&text);
    hang_up(&a);
}

static void too_large_is_refused_in_time(void)
{
    struct buf mail;
    struct client a;

    buf_init(&mail, 4 << 20);
    while (mail.len <= w.config.message_size)
        buf_put(&mail, STR("0123456789abcdef"));
    sign_in(&a);
    say(&a, "t APPEND INBOX {1048577}\r\n");
    hear(&a, "");
    CHECK(heard(&a, "t NO [TOOBIG]"));
    append(&a, "INBOX", buf_str(&mail));
    CHECK(heard(&a, "t NO [TOOBIG]"));
    append(&a, "nowhere", STR(MAIL));
    CHECK(heard(&a, "t NO [TRYCREATE]"));
    append(&a, "{5+}\r\nINBOX (\\Seen $a) \" 7-Feb-1994 21:52:25 -0800\"", STR(MAIL));
    CHECK(heard(&a, "t OK [APPENDUID "));
    say(&a, "t STATUS {65537}\r\n");
    hear(&a, "");
    CHECK(heard(&a, "t BAD [TOOBIG]"));
    say(&a, "t NONSENSE {5}\r\n");
    hear(&a, "");
    CHECK(heard(&a, "t BAD"));
    ask(&a, "NOOP");
    CHECK(heard(&a, "t OK"));
    say(&a, "t STATUS {65537+}\r\n");
    hear(&a, "* BYE");
    buf_done(&mail);
    hang_up(&a);
}

static void strangers_are_kept_short(void)
{
    struct buf line;
    struct client a;

    call(&a);
    ask(&a, "SELECT INBOX");
    CHECK(heard(&a, "t BAD"));
    say(&a, "t LOGIN {5000+}\r\n");
    hear(&a, "* BYE");
    hang_up(&a);
    call(&a);
    ask(&a, "LOGIN ana@example.test wrong");
    CHECK(heard(&a, "t NO [AUTHENTICATIONFAILED]"));
    ask(&a, "LOGIN nobody@example.test wrong");
    say(&a, "t LOGIN ana@example.test wrong\r\n");
    hear(&a, "* BYE");
    hang_up(&a);
    call(&a);
    for (int i = 0; i < 4; i++)
        ask(&a, "WHAT");
    say(&a, "t WHAT\r\n");
    hear(&a, "* BYE");
    hang_up(&a);
    call(&a);
    buf_init(&line, 1 << 20);
    while (line.len < 70000)
        buf_put(&line, STR("t NOOP "));
    buf_put(&line, STR("\r\n"));
    CHECK(rt_put(a.conn, buf_str(&line)) == 0);
    hear(&a, "* BYE");
    buf_done(&line);
    hang_up(&a);
}

/// A byte now and then does not keep a stranger in the middle of a command.
static void strangers_have_no_time_to_dribble(void)
{
    struct imap_config hasty = w.config;
    struct client a;
    int r = 0;

    hasty.stall = 500;
    imap_reconfigure(w.imap, &hasty);
    call(&a);
    say(&a, "t LOGIN {4096+}\r\n");
    for (int i = 0; i < 200 && r == 0; i++) {
        CHECK(rt_sleep(50) == 0);
        (void)rt_put(a.conn, STR("x"));
        r = rt_flush(a.conn);
    }
    CHECK(r < 0);
    hang_up(&a);
    imap_reconfigure(w.imap, &w.config);
}

static struct {
    bool has_error, has_broken_off;
} logged;

static void on_log(void *arg, struct str line)
{
    (void)arg;
    logged.has_error |= str_find_str(line, STR("error")) >= 0;
    logged.has_broken_off |= str_find_str(line, STR("login broken off")) >= 0;
}

/// Whoever hangs up in the middle of signing in is no trouble of ours.
static void a_login_broken_off_is_no_error(void)
{
    struct client a;

    logged.has_error = logged.has_broken_off = false;
    log_set_level(LOG_INFO);
    log_set_sink(on_log, NULL);
    call(&a);
    say(&a, "t AUTHENTICATE PLAIN\r\n");
    hear(&a, "+");
    hang_up(&a);
    for (int i = 0; i < 5000 && !logged.has_broken_off; i++)
        CHECK(rt_sleep(1) == 0);
    log_set_sink(NULL, NULL);
    log_set_level(LOG_ERROR);
    CHECK(logged.has_broken_off && !logged.has_error);
}

static void deliver_many(size_t count)
{
    struct store_put *puts = calloc(count, sizeof(*puts));
    struct store_change *change;
    struct store_body *body;

    CHECK(puts && store_body_new(w.store, &body) == 0);
    CHECK(store_body_append(body, STR(MAIL)) == 0);
    CHECK(store_change_new(w.store, &change) == 0);
    for (size_t i = 0; i < count; i++) {
        puts[i] = (struct store_put){.account_id = w.account_id,
                                     .name = STR("INBOX"),
                                     .body = body,
                                     .flags = i % 2 ? STORE_SEEN : 0};
        store_change_put(change, &puts[i]);
    }
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    store_body_free(body);
    free(puts);
}

static void many_flags(void)
{
    struct client a;

    deliver_many(5000);
    sign_in(&a);
    ask(&a, "SELECT INBOX");
    CHECK(heard(&a, "* 5000 EXISTS"));
    ask(&a, "FETCH 1:* (UID FLAGS)");
    CHECK(heard(&a, "* 5000 FETCH (UID 5000 FLAGS (\\Seen \\Recent))\nt OK"));
    ask(&a, "UID SEARCH UNSEEN UID 4990:*");
    CHECK(heard(&a, "* SEARCH 4991 4993 4995 4997 4999\n"));
    ask(&a, "SEARCH SUBJECT \"ol\xc3\xa1\" 4999:5000");
    CHECK(heard(&a, "* SEARCH 4999 5000\n"));
    ask(&a, "UID MOVE 2:4999 Archive");
    CHECK(heard(&a, "[COPYUID ") && heard(&a, " 2:4999 1:4998]") && heard(&a, "* 2 EXPUNGE\n"));
    ask(&a, "FETCH 1:* UID");
    CHECK(heard(&a, "* 1 FETCH (UID 1)\n* 2 FETCH (UID 5000)\nt OK"));
    hang_up(&a);
}

/// More than the store remembers (10,000): the view finds out by itself which are gone.
static void more_expunges_than_are_remembered(void)
{
    enum { COUNT = 13000 };
    struct client a, b;
    size_t told = 0;
    struct str rest, line;

    deliver_many(COUNT);
    sign_in(&a);
    sign_in(&b);
    ask(&a, "SELECT INBOX");
    ask(&b, "SELECT INBOX");
    for (unsigned round = 0; round < 13; round++) { // each its own change
        CHECK(rt_putf(b.conn, "t UID STORE %u:%u +FLAGS.SILENT (\\Deleted)\r\n", 2 + round * 1000,
                      1001 + round * 1000) == 0);
        hear(&b, "t OK");
        ask(&b, "EXPUNGE");
    }
    ask(&a, "NOOP");
    for (rest = buf_str(&a.answer); str_split(&rest, '\n', &line);)
        told += str_eq(line, STR("* 2 EXPUNGE"));
    CHECK(told == COUNT - 1);
    ask(&a, "FETCH 1:* UID");
    CHECK(heard(&a, "* 1 FETCH (UID 1)\nt OK"));
    ask(&a, "FETCH 2 UID");
    CHECK(heard(&a, "t BAD"));
    hang_up(&a);
    hang_up(&b);
}

#define TALK(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        play(name);                                                                                \
    }
TALK(idle_hears_at_once)
TALK(numbers_stay_during_fetch)
TALK(a_deleted_mailbox_ends_the_session)
TALK(renaming_inbox_is_one_change)
TALK(bodies_come_back_whole)
TALK(a_swollen_structure_keeps_the_mailbox_readable)
TALK(many_large_items_do_not_pile_up)
TALK(too_large_is_refused_in_time)
TALK(strangers_are_kept_short)
TALK(strangers_have_no_time_to_dribble)
TALK(a_login_broken_off_is_no_error)
TALK(many_flags)
TALK(more_expunges_than_are_remembered)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_hears_at_once),
        cmocka_unit_test(test_numbers_stay_during_fetch),
        cmocka_unit_test(test_a_deleted_mailbox_ends_the_session),
        cmocka_unit_test(test_renaming_inbox_is_one_change),
        cmocka_unit_test(test_bodies_come_back_whole),
        cmocka_unit_test(test_a_swollen_structure_keeps_the_mailbox_readable),
        cmocka_unit_test(test_many_large_items_do_not_pile_up),
        cmocka_unit_test(test_too_large_is_refused_in_time),
        cmocka_unit_test(test_strangers_are_kept_short),
        cmocka_unit_test(test_strangers_have_no_time_to_dribble),
        cmocka_unit_test(test_a_login_broken_off_is_no_error),
        cmocka_unit_test(test_many_flags),
        cmocka_unit_test(test_more_expunges_than_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
