// SPDX-License-Identifier: ISC
//
// Talks with a POP3 server over a connection of this process: lines as people write them, "C:" what
// the client says, "S:" what it must hear (with "..." at the end: how that begins), "X:" something
// else happens.
#include "base/cleanup.h"
#include "account/account.h"
#include "serve/pop3/pop3.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#define ADDRESS "ana@example.test"
#define PASSWORD "two words here"
#define SIGN_IN "C: USER " ADDRESS "\nS: +OK...\nC: PASS " PASSWORD "\n"

static const char *const mails[] = {
    "Subject: one\r\n\r\nfirst\r\n.dot\r\n",
    "Subject: two\r\n\r\n1\r\n2\r\n3\r\n",
    "Subject: three\n\nbare\nno end",
};

static const struct {
    const char *name;
    const char *script;
} dialogs[] = {
    {"stat, list, uidl", "S: +OK...\n" SIGN_IN "S: +OK 3 messages\n"
                         "C: STAT\nS: +OK 3 81\n"
                         "C: LIST\nS: +OK...\nS: 1 29\nS: 2 25\nS: 3 27\nS: .\n"
                         "C: LIST 2\nS: +OK 2 25\n"
                         "C: UIDL 3\nS: +OK 3 ...\n"
                         "C: LIST 4\nS: -ERR no such message\n"
                         "C: NOOP\nS: +OK\n"
                         "C: QUIT\nS: +OK...\nS: end\n"},
    {"retr and top", "S: +OK...\n" SIGN_IN "S: +OK 3 messages\n"
                     "C: RETR 1\nS: +OK 29 octets\nS: Subject: one\nS: \nS: first\nS: ..dot\nS: .\n"
                     "C: RETR 3\nS: +OK...\nS: Subject: three\nS: \nS: bare\nS: no end\nS: .\n"
                     "C: TOP 2 1\nS: +OK\nS: Subject: two\nS: \nS: 1\nS: .\n"
                     "C: TOP 2 0\nS: +OK\nS: Subject: two\nS: \nS: .\n"
                     "C: QUIT\nS: +OK...\nS: end\n"},
    {"rset takes dele back", "S: +OK...\n" SIGN_IN "S: +OK 3 messages\n"
                             "C: DELE 1\nS: +OK...\nC: DELE 1\nS: -ERR that message is deleted\n"
                             "C: STAT\nS: +OK 2 52\nC: RSET\nS: +OK...\nC: STAT\nS: +OK 3 81\n"
                             "C: DELE 2\nS: +OK...\n"}, // and no QUIT
    {"nothing was deleted", "S: +OK...\n" SIGN_IN "S: +OK 3 messages\nC: QUIT\nS: +OK...\n"},
    {"order", "S: +OK...\n"
              "C: STAT\nS: -ERR sign in first\nC: PASS x\nS: -ERR USER first\n"
              "C: XYZZY\nS: -ERR no such command\nC: RETR\nS: -ERR wrong arguments\n"
              "C: APOP ana x\nS: -ERR APOP is not offered...\n"
              "C: STLS\nS: -ERR there is no TLS here\n" SIGN_IN
              "S: +OK 3 messages\nC: USER ana\nS: -ERR you have signed in already\n"
              "C: CAPA\nS: +OK\nS: TOP\nS: UIDL\nS: RESP-CODES\nS: AUTH-RESP-CODE\nS: PIPELINING\n"
              "S: EXPIRE NEVER\nS: IMPLEMENTATION Carteiro-...\nS: USER\nS: SASL ...\nS: .\n"
              "C: QUIT\nS: +OK...\nS: end\n"},
    {"wrong passwords",
     "S: +OK...\nC: USER " ADDRESS "\nS: +OK...\nC: PASS nope\nS: -ERR [AUTH]...\n"
     "C: PASS " PASSWORD "\nS: -ERR USER first\n"
     "C: USER nobody@example.test\nS: +OK...\nC: PASS nope\nS: -ERR [AUTH]...\n"
     "C: AUTH PLAIN AHgAeQ==\nS: -ERR [AUTH]...\nS: end\n"},
    {"auth", "S: +OK...\nC: AUTH\nS: +OK\nX: skip to dot\n"
             "C: AUTH XYZ\nS: -ERR no such mechanism...\n"
             "C: AUTH PLAIN\nS: + \nC: *\nS: -ERR given up\n"
             "C: AUTH PLAIN\nS: + \nC: AGFuYUBleGFtcGxlLnRlc3QAdHdvIHdvcmRzIGhlcmU=\n"
             "S: +OK 3 messages\nC: QUIT\nS: +OK...\n"},
    {"auth with initial response",
     "S: +OK...\nC: AUTH PLAIN AGFuYUBleGFtcGxlLnRlc3QAdHdvIHdvcmRzIGhlcmU=\n"
     "S: +OK 3 messages\nX: second session\nC: QUIT\nS: +OK...\n"},
    {"too many bad commands",
     "S: +OK...\nC: A\nC: B\nC: C\nC: D\nC: E\nC: F\nC: G\nC: H\n"
     "S: -ERR no such command\nS: -ERR no such command\nS: -ERR no such command\n"
     "S: -ERR no such command\nS: -ERR no such command\nS: -ERR no such command\n"
     "S: -ERR too many bad commands\nS: end\n"},
    {"removed by another session", "S: +OK...\n" SIGN_IN "S: +OK 3 messages\nX: expunge 1\n"
                                   "C: RETR 1\nS: -ERR another session...\nC: DELE 1\nS: +OK...\n"
                                   "C: QUIT\nS: +OK...\nS: end\n"},
    {"quit deletes", "S: +OK...\n" SIGN_IN "S: +OK 2 messages\nC: DELE 1\nS: +OK...\n"
                     "C: QUIT\nS: +OK...\nS: end\n"},
    {"one is left", "S: +OK...\n" SIGN_IN "S: +OK 1 message\nC: RETR 1\nS: +OK...\n"
                    "S: Subject: three\nX: skip to dot\nC: QUIT\nS: +OK...\nS: end\n"},
};

struct world {
    struct rt *rt;
    struct store *store;
    struct accounts *accounts;
    struct pop3 *pop3;
    uint64_t account_id;
    uint16_t port;
};

static const struct account_config account_config = {
    .subaddress = STR("+"),
    .password_cost = STR("minimal"),
    .scram_iterations = 4096,
    .password_threads = 1,
    .password_queue = 16,
    .password_cache = 0,
    .login_failures_max = 100,
    .plaintext_login = true,
    .expansion_max = 100,
};

static const struct pop3_config pop3_config = {
    .idle = 600000,
    .login_idle = 60000,
    .stall = 60000,
    .login_failures = 3,
    .bad_commands = 7,
    .mark_seen = true,
};

static void put_mail(struct world *w, struct str bytes)
{
    struct store_body *body = NULL;
    struct store_change *change = NULL;
    struct store_put put = {.account_id = w->account_id, .name = STR("INBOX")};

    assert_int_equal(store_body_new(w->store, &body), 0);
    assert_int_equal(store_body_append(body, bytes), 0);
    assert_int_equal(store_change_new(w->store, &change), 0);
    put.body = body;
    store_change_put(change, &put);
    assert_int_equal(store_commit(change), 0);
    store_change_free(change);
    store_body_free(body);
}

static void expunge(struct world *w, uint32_t uid)
{
    struct store_range range = {uid, uid};
    struct store_expunging expunging = {.uids = {&range, 1}};
    struct store_change *change = NULL;
    struct store_mailbox inbox;

    assert_int_equal(store_mailbox_by_name(w->store, w->account_id, STR("INBOX"), &inbox), 0);
    expunging.mailbox_id = inbox.id;
    assert_int_equal(store_change_new(w->store, &change), 0);
    store_change_expunge(change, &expunging);
    assert_int_equal(store_commit(change), 0);
    assert_int_equal(expunging.count, 1);
    store_change_free(change);
}

static void build(struct world *w)
{
    struct account_domain domain = {.name = STR("example.test"), .catch_all = STR("")};
    struct account_change change = {.what = ACCOUNT_SET_PASSWORD, .password = STR(PASSWORD)};
    struct pop3_doors doors = {.config = &pop3_config};
    struct rt_listen where = {.address = "127.0.0.1", .protocol = &pop3_protocol};
    CLEANUP(buf_drop) struct buf why;

    buf_init(&why, 1000);
    w->rt = rt_here();
    assert_int_equal(store_memory_open(w->rt, &w->store), 0);
    assert_int_equal(account_open(w->store, &account_config, &w->accounts), 0);
    assert_int_equal(account_domain_add(w->accounts, &domain, &why), 0);
    assert_int_equal(account_add(w->accounts, STR(ADDRESS), &change, &w->account_id, &why), 0);
    for (size_t i = 0; i < sizeof(mails) / sizeof(*mails); i++)
        put_mail(w, str_from(mails[i]));
    doors.accounts = w->accounts;
    doors.store = w->store;
    assert_int_equal(pop3_new(&doors, &w->pop3), 0);
    where.context = w->pop3;
    assert_int_equal(rt_listen(w->rt, &where, &w->port), 0);
}

static void hear(struct rt_conn *conn, struct str expected, const char *dialog)
{
    struct str line;
    int r = rt_line(conn, 1000, &line);
    bool good;

    if (str_eq(expected, STR("end"))) {
        assert_int_equal(r, -ECONNRESET);
        return;
    }
    assert_int_equal(r, 0);
    if (str_ends(expected, STR("...")))
        good = str_starts(line, str_head(expected, expected.len - 3));
    else
        good = str_eq(line, expected);
    if (!good)
        print_error("%s: expected \"%.*s\", heard \"%.*s\"\n", dialog, STR_ARG(expected),
                    STR_ARG(line));
    assert_true(good);
}

static void skip_to_dot(struct rt_conn *conn)
{
    struct str line;

    do
        assert_int_equal(rt_line(conn, 1000, &line), 0);
    while (!str_eq(line, STR(".")));
}

/// The same account once more, while the first session has it.
static void try_second_session(struct world *w)
{
    struct rt_conn *conn;

    assert_int_equal(rt_dial("127.0.0.1", w->port, 10000, &conn), 0);
    hear(conn, STR("+OK..."), "second");
    (void)rt_put(conn, STR("USER " ADDRESS "\r\nPASS " PASSWORD "\r\n"));
    hear(conn, STR("+OK..."), "second");
    hear(conn, STR("-ERR [IN-USE]..."), "second");
    rt_hang_up(conn);
}

static void play(struct world *w, const char *name, const char *script)
{
    struct str rest = str_from(script), line;
    struct rt_conn *conn;

    assert_int_equal(rt_dial("127.0.0.1", w->port, 10000, &conn), 0);
    while (str_split(&rest, '\n', &line)) {
        struct str text = str_skip(line, 3);

        if (str_starts(line, STR("C: ")))
            (void)rt_putf(conn, "%.*s\r\n", STR_ARG(text));
        else if (str_starts(line, STR("S: ")))
            hear(conn, text, name);
        else if (str_eq(text, STR("skip to dot")))
            skip_to_dot(conn);
        else if (str_eq(text, STR("second session")))
            try_second_session(w);
        else if (str_eq(text, STR("expunge 1")))
            expunge(w, 1);
    }
    rt_hang_up(conn);
    // Until the server has seen that we are gone, the maildrop stays held
    while (!pop3_is_idle(w->pop3))
        assert_int_equal(rt_sleep(1), 0);
}

static void check_flags(struct world *w)
{
    struct store_mailbox inbox;
    struct store_entries entries;

    assert_int_equal(store_mailbox_by_name(w->store, w->account_id, STR("INBOX"), &inbox), 0);
    assert_int_equal(store_entries_get(w->store, inbox.id, 1, UINT32_MAX, &entries), 0);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.items[0].uid, 3);
    assert_int_equal(entries.items[0].flags, STORE_SEEN);
    store_entries_done(&entries);
}

static int first(void *arg)
{
    struct world *w = arg;

    build(w);
    for (size_t i = 0; i < sizeof(dialogs) / sizeof(*dialogs); i++)
        play(w, dialogs[i].name, dialogs[i].script);
    check_flags(w);
    rt_stop(w->rt);
    return 0;
}

static void talks_go_as_written(void **state)
{
    struct rt_config config = {.loops = 1};
    struct world w = {0};
    struct rt *rt;
    (void)state;

    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_run(rt, first, &w), 0);
    pop3_free(w.pop3);
    account_close(w.accounts);
    store_close(w.store); // the engine in memory does not wait
    rt_free(rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(talks_go_as_written)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
