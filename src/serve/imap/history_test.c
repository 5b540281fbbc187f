// SPDX-License-Identifier: ISC
//
// Histories: three clients change one mailbox at random in a simulated world, over networks that
// split, stall and break. Each keeps the picture a client has to keep, from the untagged answers
// alone, and holds the server to it: a message number means the same UID until an EXPUNGE said
// otherwise, EXPUNGE never comes in an answer to FETCH, STORE or SEARCH by number, EXISTS never
// shrinks (RFC 3501 7.3.1, 7.4.1). In the end all three see the same messages with the same flags.
#include "log/log.h"
#include "rt/sim/sim.h"
#include "serve/imap/testing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CLIENTS = 3, STEPS = 60, MESSAGES_MAX = 4096, TRIES_MAX = 2000, PATIENCE_MS = 3600000 };

static uint64_t seed;

/// A promise to the client was broken: the seed plays the history again.
#define EXPECT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            print_error("seed %llu: %s\n", (unsigned long long)seed, #cond);                       \
            CHECK(cond);                                                                           \
        }                                                                                          \
    } while (0)

struct client {
    struct rt_conn *conn;
    uint32_t uids[MESSAGES_MAX]; // 0: not told yet
    size_t count;
    bool may_expunge;   // in the answer that is being read
    bool is_selecting;  // EXISTS counts anew
    struct buf picture; // of the last answer: uid and flags of each message
};

static struct imap_world w;
static struct client clients[CLIENTS];

// ---- the picture

static void on_fetch(struct client *c, uint64_t number, struct str rest)
{
    struct str flags = rest;
    ptrdiff_t at = str_find_str(rest, STR("UID "));
    uint64_t uid = 0;

    EXPECT(number >= 1 && number <= c->count);
    if (at < 0)
        return;
    for (size_t i = (size_t)at + 4; i < rest.len && char_is_digit(rest.ptr[i]); i++)
        uid = uid * 10 + (uint64_t)(rest.ptr[i] - '0');
    EXPECT(c->uids[number - 1] == 0 || c->uids[number - 1] == uid);
    EXPECT(number < 2 || c->uids[number - 2] < uid);
    c->uids[number - 1] = (uint32_t)uid;
    buf_putf(&c->picture, "%llu", (unsigned long long)uid);
    at = str_find_str(rest, STR("FLAGS ("));
    flags = str_skip(flags, at < 0 ? flags.len : (size_t)at);
    for (size_t i = 0; i < 3; i++) {
        static const struct str NAMES[] = {STR("\\Seen"), STR("\\Deleted"), STR("$Own")};

        if (str_find_str(flags, NAMES[i]) >= 0)
            buf_putf(&c->picture, " %zu", i);
    }
    buf_put_char(&c->picture, '\n');
}

static void on_untagged(struct client *c, struct str line)
{
    struct str rest = str_skip(line, 2), word;
    uint64_t number;

    if (!str_split(&rest, ' ', &word) || !str_to_u64(word, UINT32_MAX, &number) || !rest.ptr)
        return;
    if (str_eq(rest, STR("EXPUNGE"))) {
        EXPECT(c->may_expunge && number >= 1 && number <= c->count);
        memmove(&c->uids[number - 1], &c->uids[number], (c->count - number) * sizeof(c->uids[0]));
        c->count--;
    } else if (str_eq(rest, STR("EXISTS"))) {
        EXPECT(c->is_selecting || number >= c->count);
        CHECK(number <= MESSAGES_MAX);
        for (size_t i = c->is_selecting ? 0 : c->count; i < number; i++)
            c->uids[i] = 0;
        c->count = number;
        c->is_selecting = false;
    } else if (str_starts(rest, STR("FETCH "))) {
        on_fetch(c, number, rest);
    }
}

// ---- talking; false: the connection is gone

/// Reads to the line that begins with `until`.
static bool hear(struct client *c, struct str until)
{
    struct str line;

    buf_clear(&c->picture);
    while (rt_line(c->conn, 65536, &line) == 0) {
        if (str_starts(line, until)) {
            EXPECT(!str_starts(line, STR("t BAD")));
            return true;
        }
        if (str_starts(line, STR("* ")))
            on_untagged(c, line);
    }
    return false;
}

static bool ask(struct client *c, bool may_expunge, const char *command)
{
    c->may_expunge = may_expunge;
    return rt_putf(c->conn, "t %s\r\n", command) == 0 && hear(c, STR("t "));
}

__attribute__((format(printf, 3, 4))) static bool askf(struct client *c, bool may_expunge,
                                                       const char *format, ...)
{
    char command[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return ask(c, may_expunge, command);
}

static bool select_inbox(struct client *c)
{
    c->is_selecting = true;
    c->count = 0;
    return ask(c, false, "SELECT INBOX");
}

static void hang_up(struct client *c)
{
    if (c->conn)
        rt_hang_up(TAKE(c->conn));
}

/// A try has an end also when the other end vanished without a word.
static bool within(struct client *c, bool (*fn)(struct client *c))
{
    struct rt_scope scope;
    bool is_fine;

    rt_within(&scope, PATIENCE_MS);
    is_fine = fn(c);
    rt_within_end(&scope);
    return is_fine;
}

static bool connect_once(struct client *c)
{
    if (rt_dial("127.0.0.1", w.port, PATIENCE_MS, &c->conn) < 0) {
        c->conn = NULL;
        return false;
    }
    return hear(c, STR("* OK")) && ask(c, false, "LOGIN ana@example.test \"tres tigres\"") &&
           select_inbox(c);
}

/// Until a mailbox is selected, however often the network breaks.
static void connect_again(struct client *c)
{
    bool is_through = false;

    for (int i = 0; i < TRIES_MAX && !is_through; i++) {
        hang_up(c);
        is_through = within(c, connect_once);
    }
    EXPECT(is_through);
}

static bool append(struct client *c)
{
    static const char mail[] = "Subject: x\r\n\r\ny\r\n";

    c->may_expunge = true;
    return rt_putf(c->conn, "t APPEND INBOX {%zu+}\r\n%s\r\n", sizeof(mail) - 1, mail) == 0 &&
           hear(c, STR("t "));
}

static bool idle(struct client *c)
{
    c->may_expunge = true;
    return rt_put(c->conn, STR("t IDLE\r\n")) == 0 && hear(c, STR("+ ")) &&
           rt_flush(c->conn) == 0 && rt_sleep(50) == 0 && rt_put(c->conn, STR("DONE\r\n")) == 0 &&
           hear(c, STR("t "));
}

static bool step(struct client *c)
{
    static const char *const FLAGS[] = {"\\Seen", "\\Deleted", "$Own"};
    unsigned n = c->count > 0 ? (unsigned)(rt_random() % c->count) + 1 : 0;
    uint32_t uid = n > 0 ? c->uids[n - 1] : 0;
    char sign = rt_random() % 2 ? '+' : '-';
    const char *flag = FLAGS[rt_random() % 3], *silent = rt_random() % 2 ? ".SILENT" : "";

    switch (n > 0 ? rt_random() % 14 : 13) {
    case 0:
    case 1:
        return askf(c, false, "STORE %u %cFLAGS%s (%s)", n, sign, silent, flag);
    case 2:
        return askf(c, true, "UID STORE %u:* %cFLAGS%s (%s)", uid ? uid : 1, sign, silent, flag);
    case 3:
        return askf(c, false, "FETCH %u:* (UID FLAGS)", n);
    case 4:
        return askf(c, false, "FETCH %u (UID RFC822.SIZE BODY[])", n);
    case 5:
        return askf(c, true, "UID FETCH %u:* (FLAGS)", uid ? uid : 1);
    case 6:
        return ask(c, false, "SEARCH SUBJECT x UNSEEN");
    case 7:
        return ask(c, true, "EXPUNGE");
    case 8:
        return askf(c, true, "COPY 1:%u INBOX", n > 4 ? 4 : n);
    case 9:
        return askf(c, true, "MOVE %u Archive", n);
    case 10:
        return idle(c);
    case 11:
        return rt_random() % 4 ? ask(c, true, "NOOP") : select_inbox(c);
    default:
        return append(c);
    }
}

static int run_client(void *arg)
{
    struct client *c = arg;

    buf_init(&c->picture, 1 << 20);
    connect_again(c);
    for (int i = 0; i < STEPS; i++)
        if (!within(c, step))
            connect_again(c);
    return 0;
}

static bool look_once(struct client *c)
{
    return ask(c, true, "NOOP") && (c->count == 0 || ask(c, false, "FETCH 1:* (UID FLAGS)"));
}

/// What this client sees when all is quiet.
static void look(struct client *c)
{
    while (!within(c, look_once))
        connect_again(c);
}

static int first(void *arg)
{
    struct rt_task *tasks[CLIENTS];

    (void)arg;
    imap_world_open(&w);
    for (size_t i = 0; i < CLIENTS; i++)
        CHECK(rt_spawn(run_client, &clients[i], "client", &tasks[i]) == 0);
    for (size_t i = 0; i < CLIENTS; i++)
        CHECK(rt_join(tasks[i]) == 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        look(&clients[i]);
        EXPECT(str_eq(buf_str(&clients[i].picture), buf_str(&clients[0].picture)));
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        hang_up(&clients[i]);
        buf_done(&clients[i].picture);
    }
    rt_drain(w.rt, 1000);
    return 0;
}

/// Plays one history; its trace as a number.
static uint64_t play(uint64_t with_seed, const struct rt_sim_config *sim)
{
    uint64_t hash;

    seed = with_seed;
    memset(clients, 0, sizeof(clients));
    imap_world_init(&w);
    w.config.login_failures = 100;
    w.config.bad_commands = 1000;
    CHECK(rt_sim_new(seed, sim, &w.rt) == 0);
    EXPECT(rt_run(w.rt, first, NULL) == 0);
    hash = rt_sim_trace_hash(w.rt);
    imap_world_done(&w);
    return hash;
}

static void clients_see_the_same(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        play(i, &rt_sim_calm);
}

static void broken_networks_break_no_promise(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        play(1000 + i, &rt_sim_rough);
}

static void a_seed_is_a_history(void **state)
{
    (void)state;
    assert_true(play(7, &rt_sim_rough) == play(7, &rt_sim_rough));
    assert_true(play(7, &rt_sim_rough) != play(8, &rt_sim_rough));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_see_the_same),
        cmocka_unit_test(broken_networks_break_no_promise),
        cmocka_unit_test(a_seed_is_a_history),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
