// SPDX-License-Identifier: ISC
//
// NOTIFY with two clients: what one does, the other hears without asking (RFC 5465).
#include "log/log.h"
#include "rt/rt.h"
#include "serve/imap/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAIL "Subject: x\r\n\r\ny\r\n"

static struct imap_world w;

/// Reads to the line that begins with `until`; each line before it must begin with what stands in
/// `seen`, apart by '|', in this order.
static void hear(struct rt_conn *conn, const char *seen, const char *until)
{
    struct str rest = str_from(seen), want, line = STR("");

    while (rest.len > 0 && str_split(&rest, '|', &want)) {
        CHECK(rt_line(conn, 65536, &line) == 0);
        if (!str_starts(line, want)) {
            print_error("wanted: %.*s\nheard: %.*s\n", STR_ARG(want), STR_ARG(line));
            CHECK(str_starts(line, want));
        }
    }
    while (!str_starts(line, str_from(until)))
        CHECK(rt_line(conn, 65536, &line) == 0);
}

static void ask(struct rt_conn *conn, const char *command, const char *answer)
{
    CHECK(rt_putf(conn, "t %s\r\n", command) == 0);
    hear(conn, "", answer);
}

static struct rt_conn *sign_in(void)
{
    struct rt_conn *conn;

    CHECK(rt_dial("127.0.0.1", w.port, 5000, &conn) == 0);
    hear(conn, "", "* OK");
    ask(conn, "LOGIN ana@example.test \"tres tigres\"", "t OK");
    return conn;
}

static void append(struct rt_conn *conn, const char *mailbox)
{
    CHECK(rt_putf(conn, "t APPEND %s {%zu+}\r\n%s\r\n", mailbox, sizeof(MAIL) - 1, MAIL) == 0);
    hear(conn, "", "t OK");
}

static void selected_is_told_at_once(void)
{
    struct rt_conn *a = sign_in(), *b = sign_in();

    ask(a, "SELECT INBOX", "t OK");
    ask(a,
        "NOTIFY SET (selected (MessageNew (UID BODY[TEXT]) MessageExpunge FlagChange)) "
        "(personal (MessageNew MessageExpunge))",
        "t OK");
    append(b, "INBOX");
    hear(a, "* 1 EXISTS|* 1 RECENT|* 1 FETCH (UID 1 BODY[TEXT] {3}|y|)", ")");
    ask(b, "SELECT INBOX", "t OK");
    ask(b, "STORE 1 +FLAGS (\\Flagged)", "t OK");
    hear(a, "* 1 FETCH (FLAGS (\\Flagged \\Recent", "* 1"); // and it was not \Seen
    ask(b, "STORE 1 +FLAGS (\\Deleted)", "t OK");
    hear(a, "", "* 1 FETCH");
    ask(b, "EXPUNGE", "t OK");
    hear(a, "", "* 1 EXPUNGE");
    append(b, "Archive");
    hear(a, "", "* STATUS Archive (MESSAGES 1 UIDNEXT 2 ");
    rt_hang_up(a);
    rt_hang_up(b);
}

static void delayed_expunges_wait_for_a_command(void)
{
    struct rt_conn *a = sign_in(), *b = sign_in();

    append(b, "INBOX");
    ask(a, "SELECT INBOX", "t OK");
    ask(a, "NOTIFY SET (selected-delayed (MessageNew MessageExpunge))", "t OK");
    ask(b, "SELECT INBOX", "t OK");
    ask(b, "STORE 1 +FLAGS (\\Deleted)", "t OK");
    ask(b, "EXPUNGE", "t OK");
    append(b, "INBOX");
    hear(a, "", "* 2 EXISTS"); // the first still counts
    CHECK(rt_put(a, STR("t NOOP\r\n")) == 0);
    hear(a, "", "* 1 EXPUNGE");
    hear(a, "", "t OK");
    rt_hang_up(a);
    rt_hang_up(b);
}

static void what_is_not_asked_for_is_not_told(void)
{
    struct rt_conn *a = sign_in(), *b = sign_in();

    ask(a, "SELECT INBOX", "t OK");
    ask(a, "NOTIFY SET (selected NONE) (mailboxes Archive (MessageNew MessageExpunge))", "t OK");
    append(b, "INBOX");
    append(b, "Archive");
    hear(a, "* STATUS Archive", "* STATUS"); // and nothing before it
    ask(b, "SELECT Archive", "t OK");
    ask(b, "STORE 1 +FLAGS (\\Seen)", "t OK");
    append(b, "Archive");
    hear(a, "* STATUS Archive (MESSAGES 2 ", "* STATUS"); // not for the flag
    ask(a, "NOTIFY NONE", "t OK");
    append(b, "Archive");
    CHECK(rt_put(a, STR("t NOOP\r\n")) == 0);
    hear(a, "t OK", "t OK");
    rt_hang_up(a);
    rt_hang_up(b);
}

static int first(void *arg)
{
    void (*const *talk)(void) = arg;
    struct rt_conn *conn;

    imap_world_open(&w);
    conn = sign_in();
    ask(conn, "CREATE Archive", "t ");
    rt_hang_up(conn);
    (*talk)();
    rt_drain(w.rt, 1000);
    return 0;
}

static void play(void (*talk)(void))
{
    struct rt_config rt_config = {.loops = 1};

    imap_world_init(&w);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, &talk), 0);
    imap_world_done(&w);
}

#define TALK(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        play(name);                                                                                \
    }
TALK(selected_is_told_at_once)
TALK(delayed_expunges_wait_for_a_command)
TALK(what_is_not_asked_for_is_not_told)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selected_is_told_at_once),
        cmocka_unit_test(test_delayed_expunges_wait_for_a_command),
        cmocka_unit_test(test_what_is_not_asked_for_is_not_told),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
