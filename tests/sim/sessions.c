// SPDX-License-Identifier: ISC
//
// Thousands of SMTP and IMAP sessions against the whole server in a simulated world, in which
// connections are cut into single bytes, stall, are reset or die silently, and half of the clients
// talk nonsense. One seed is one history of some dozens of sessions at once. After each:
//  - every mail that was answered with 250 lies in the mailbox exactly once and whole, every other
//    one at most once and whole;
//  - no IMAP client saw its mailbox shrink without being told, or a message number beyond it;
//  - every session has ended, nothing is left waiting (the simulator reports that);
//  - playing the seed again gives the same trace.
//
//   sessions [--sessions N] [--seed S] [--trace]
//
// Each history runs in a process of its own, so that a crash names its seed:
// `sessions --seed S --sessions 1 --trace` plays that one again and prints what happened.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"
#include "receive/receive.h"
#include "serve/imap/imap.h"

#include "../dialog/world.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CLIENTS = 50,      // of one history
    MAILS_MAX = 400,   // of one history
    HEAR_MS = 3600000, // a client's patience, in virtual time
};

struct history {
    struct world world;
    struct receive_config receive_config;
    struct imap_config imap_config;
    struct receive *receive;
    struct imap *imap;
    uint16_t mx_port, imap_port;
    unsigned sent;                // mails whose final dot went out, or was about to
    bool acknowledged[MAILS_MAX]; // 250 was heard
    unsigned acknowledged_count, smtp_sessions, imap_sessions, whole_sessions;
};

struct result { // what the process of a history tells its parent
    uint64_t hash;
    unsigned acknowledged, sent, smtp_sessions, imap_sessions, whole_sessions;
};

static unsigned pick(unsigned below)
{
    return (unsigned)(rt_random() % below);
}

static bool chance(unsigned percent)
{
    return pick(100) < percent;
}

// ---- a client's line by line

static int hear_reply(struct rt_conn *conn, char *out_class)
{
    for (;;) {
        struct str line;
        int r = rt_line(conn, 4096, &line);

        if (r < 0)
            return r;
        CHECK(r == 0 && line.len >= 4); // a server never sends half a line, or a bare LF
        if (line.ptr[3] == ' ') {
            *out_class = line.ptr[0];
            return 0;
        }
        CHECK(line.ptr[3] == '-');
    }
}

static int ask(struct rt_conn *conn, const char *line, char *out_class)
{
    int r = rt_putf(conn, "%s\r\n", line);

    return r < 0 ? r : hear_reply(conn, out_class);
}

static int put_body(struct rt_conn *conn, unsigned number)
{
    unsigned lines = chance(5) ? 30000 : pick(60); // now and then past a megabyte

    rt_putf(conn, "Subject: mail %u\r\nX-Number: %u\r\nX-Lines: %u\r\n\r\n", number, number, lines);
    for (unsigned i = 0; i < lines; i++)
        rt_putf(conn, "%sline %u of mail %u, as it was written\r\n", i % 7 ? "" : "..", i, number);
    return rt_putf(conn, "the end of %u\r\n.\r\n", number);
}

// One mail to ana, with the ledger kept. 1 when the server refused, which it may.
static int send_mail(struct history *h, struct rt_conn *conn)
{
    unsigned number;
    char c;
    int r;

    if (h->sent == MAILS_MAX)
        return 1;
    r = ask(conn, "MAIL FROM:<stranger@elsewhere.test>", &c);
    if (r < 0 || c != '2')
        return r < 0 ? r : 1;
    r = ask(conn, "RCPT TO:<ana@example.test>", &c);
    if (r < 0 || c != '2')
        return r < 0 ? r : 1;
    r = ask(conn, "DATA", &c);
    if (r < 0 || c != '3')
        return r < 0 ? r : 1;
    number = h->sent++;
    put_body(conn, number);
    r = hear_reply(conn, &c);
    if (r == 0 && c == '2') {
        h->acknowledged[number] = true;
        h->acknowledged_count++;
        rt_sim_note(h->world.rt, "acknowledged", number);
    }
    return r < 0 ? r : c != '2';
}

static int talk_smtp(struct history *h, struct rt_conn *conn)
{
    char c;
    int r = hear_reply(conn, &c);

    if (r == 0)
        r = ask(conn, "EHLO client.elsewhere.test", &c);
    if (r == 0 && chance(5)) {
        r = ask(conn, "STARTTLS", &c);
        if (r == 0)
            r = rt_start_tls_client(conn, h->world.tls_client, "mail.example.test");
        if (r == 0)
            r = ask(conn, "EHLO client.elsewhere.test", &c);
    }
    for (unsigned left = 1 + pick(4); r == 0 && left > 0; left--) {
        r = send_mail(h, conn);
        if (r == 0 && chance(10))
            r = rt_sleep(pick(120000));
    }
    if (r == 0)
        r = ask(conn, "QUIT", &c);
    return r;
}

// ---- nonsense

static const char *const smtp_words[] = {
    "EHLO x\r\n",
    "HELO x\r\n",
    "MAIL FROM:<>\r\n",
    "MAIL FROM:<a@b> SIZE=9999999999999\r\n",
    "RCPT TO:<bruno@example.test>\r\n",
    "RCPT TO:<bruno@elsewhere.test>\r\n",
    "DATA\r\n",
    ".\r\n",
    "BDAT 5\r\nabcde",
    "BDAT 99999999999999999999\r\n",
    "BDAT 3 LAST\r\nab",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "AUTH PLAIN AGFuYQB3cm9uZw==\r\n",
    "AUTH SCRAM-SHA-256\r\n",
    "*\r\n",
    "STARTTLS\r\n",
    "VRFY ana\r\n",
    "EXPN todos\r\n",
    "HELP\r\n",
    "\n",
    "\r",
    "\r\n.\n",
    "\n.\r\n",
    "\r\n",
    "\xff\xfe",
    "Subject: x\r\n\r\nbody\r\n",
    "MAIL FROM:<",
    "RCPT TO:<@a,@b:c@d>\r\n",
    "AAAAAAAAAAAAAAAAAAAA",
};

static const char *const imap_words[] = {
    "a LOGIN bruno@example.test \"" WORLD_PASSWORD "\"\r\n",
    "b SELECT INBOX\r\n",
    "c EXAMINE Trash\r\n",
    "d FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[1.2.MIME]<5.10>)\r\n",
    "e FETCH 1:*,3 BODY[]\r\n",
    "f SEARCH OR NOT SEEN (TEXT x SINCE 1-Jan-2020)\r\n",
    "g STORE 1:* +FLAGS (\\Deleted k)\r\n",
    "h EXPUNGE\r\n",
    "i APPEND INBOX {10}\r\n",
    "Subject: x",
    "j APPEND Trash (\\Seen) {5+}\r\nhello\r\n",
    "k COPY 1:* Trash\r\n",
    "l MOVE 1 Trash\r\n",
    "m LIST \"\" %/%*%\r\n",
    "n CREATE a/b/c\r\n",
    "o DELETE a/b\r\n",
    "p RENAME a z\r\n",
    "q IDLE\r\n",
    "DONE\r\n",
    "r STATUS INBOX (MESSAGES UNSEEN)\r\n",
    "s UID FETCH 1:999999999 UID\r\n",
    "t LOGOUT\r\n",
    "u {99999999999}\r\n",
    "v LOGIN {4+}\r\nanaa {3}\r\n",
    "(((((((((((((((((((((",
    "\"",
    "\\",
    "w SEARCH CHARSET x ALL\r\n",
    "x UNSELECT\r\n",
    "y CLOSE\r\n",
    "z UID EXPUNGE 1:*\r\n",
    "\r\n",
    "\n",
    "\xff",
    "a AUTHENTICATE PLAIN\r\n",
    "=\r\n",
    "*\r\n",
    "b NOOP\r\n",
    "c LSUB \"\" *\r\n",
    "d SUBSCRIBE x\r\n",
    "e FETCH 1 BODY[HEADER.FIELDS (a b c)]\r\n",
    "f CHECK\r\n",
};

static void put_noise(struct rt_conn *conn)
{
    char noise[300];
    size_t len = 1 + pick(sizeof(noise) - 1);

    rt_random_bytes(noise, len);
    rt_put(conn, str_of(noise, len));
}

static void put_endless(struct rt_conn *conn)
{
    char much[2048];

    memset(much, "a ({\""[pick(5)], sizeof(much));
    for (unsigned i = 0; i < 80; i++) {
        if (rt_put(conn, str_of(much, sizeof(much))) < 0)
            return;
    }
}

// Says things without listening, then reads away what came, or just goes.
static int talk_nonsense(struct rt_conn *conn, const char *const *words, unsigned count)
{
    unsigned left = 1 + pick(40);
    int r = 0;

    while (r >= 0 && left-- > 0) {
        if (chance(4))
            put_noise(conn);
        else if (chance(1))
            put_endless(conn);
        else
            rt_put(conn, str_from(words[pick(count)]));
        if (chance(20))
            r = rt_flush(conn);
        if (r >= 0 && chance(3))
            r = rt_sleep(pick(400000)); // longer than the server's patience, sometimes
    }
    while (r >= 0 && chance(95)) {
        struct str some;
        struct rt_scope scope;

        rt_within(&scope, 1000);
        r = rt_peek(conn, &some);
        rt_within_end(&scope);
        if (r == 0)
            rt_eat(conn, some.len);
    }
    return 1;
}

// ---- a reader who counts

struct reader {
    struct rt_conn *conn;
    uint64_t exists;
};

static bool starts_with_number(struct str *line, uint64_t *out)
{
    struct str word;

    return str_split(line, ' ', &word) && str_to_u64(word, UINT32_MAX, out);
}

static void note_untagged(struct reader *reader, struct str line)
{
    uint64_t number;

    line = str_skip(line, 2);
    if (!starts_with_number(&line, &number))
        return;
    if (str_case_eq(line, STR("EXISTS"))) {
        CHECK(number >= reader->exists); // nobody expunges in ana's INBOX
        reader->exists = number;
    } else if (str_case_starts(line, STR("FETCH"))) {
        CHECK(number >= 1 && number <= reader->exists);
    } else {
        CHECK(str_case_eq(line, STR("RECENT")));
    }
}

// Literals are counted, not kept.
static int skip_literal(struct rt_conn *conn, struct str line)
{
    ptrdiff_t open = str_find_last(line, '{');
    uint64_t left;

    if (open < 0 || !str_ends(line, STR("}")))
        return 0;
    if (!str_to_u64(str_of(line.ptr + open + 1, line.len - (size_t)open - 2), UINT32_MAX, &left))
        return 0;
    while (left > 0) {
        struct str some;
        int r = rt_peek(conn, &some);

        if (r < 0)
            return r;
        some = str_head(some, left);
        left -= some.len;
        rt_eat(conn, some.len);
    }
    return 1;
}

// To the end of one response, over its literals; *out_first is what its first line began with.
static int hear_response(struct reader *reader, char *out_first)
{
    bool is_first = true;

    for (;;) {
        struct str line;
        int r = rt_line(reader->conn, 1 << 20, &line);

        if (r < 0)
            return r;
        CHECK(r == 0);
        if (is_first) {
            CHECK(line.len > 1);
            *out_first = line.ptr[0];
            if (line.ptr[0] == '*')
                note_untagged(reader, line);
            is_first = false;
        }
        r = skip_literal(reader->conn, line);
        if (r <= 0)
            return r;
    }
}

// 0 when the tagged answer, or a continuation, has come.
static int imap_ask(struct reader *reader, const char *line)
{
    char first;
    int r = rt_putf(reader->conn, "%s\r\n", line);

    do {
        if (r == 0)
            r = hear_response(reader, &first);
    } while (r == 0 && first == '*');
    return r;
}

static int idle_a_while(struct reader *reader)
{
    struct rt_scope scope;
    char first;
    int r = imap_ask(reader, "i IDLE");

    if (r < 0)
        return r;
    rt_within(&scope, pick(60000));
    do
        r = hear_response(reader, &first);
    while (r == 0);
    rt_within_end(&scope);
    return r; // the time-out has ended this connection's awaits
}

static int talk_imap(struct rt_conn *conn)
{
    static const char *const requests[] = {
        "c FETCH 1:* (FLAGS UID RFC822.SIZE)",
        "d FETCH * (ENVELOPE BODYSTRUCTURE)",
        "e FETCH 1:3 BODY.PEEK[]",
        "f SEARCH HEADER X-Number 1",
        "g UID SEARCH UNSEEN",
        "h STORE 1:* +FLAGS (\\Seen $seen)",
        "i NOOP",
        "j STORE 1:2 -FLAGS.SILENT (\\Flagged)",
        "k COPY 1 Archive",
        "l STATUS Archive (MESSAGES)",
        "m CHECK",
        "n FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject X-Number)]",
        "o LIST \"\" *",
        "p FETCH 1:* BODY.PEEK[TEXT]<3.20>",
    };
    struct reader reader = {.conn = conn};
    char first;
    int r = hear_response(&reader, &first);

    if (r == 0)
        r = imap_ask(&reader, "a LOGIN ana@example.test \"" WORLD_PASSWORD "\"");
    if (r == 0)
        r = imap_ask(&reader, "b SELECT INBOX");
    for (unsigned left = 1 + pick(12); r == 0 && left > 0; left--) {
        r = imap_ask(&reader, requests[pick(sizeof(requests) / sizeof(*requests))]);
        if (r == 0 && chance(20))
            r = rt_sleep(pick(20000));
    }
    if (r == 0 && chance(30))
        return idle_a_while(&reader);
    return r == 0 ? imap_ask(&reader, "z LOGOUT") : r;
}

// ---- one history

static int client(void *arg)
{
    struct history *h = arg;
    bool is_smtp = chance(50), is_nonsense = chance(40);
    struct rt_scope scope;
    struct rt_conn *conn;
    int r = rt_sleep(pick(30000));

    if (r == 0)
        r = rt_dial("192.0.2.25", is_smtp ? h->mx_port : h->imap_port, 60000, &conn);
    if (r < 0)
        return 0; // the network would not have it
    *(is_smtp ? &h->smtp_sessions : &h->imap_sessions) += 1;
    rt_within(&scope, HEAR_MS);
    if (is_nonsense && is_smtp)
        r = talk_nonsense(conn, smtp_words, sizeof(smtp_words) / sizeof(*smtp_words));
    else if (is_nonsense)
        r = talk_nonsense(conn, imap_words, sizeof(imap_words) / sizeof(*imap_words));
    else
        r = is_smtp ? talk_smtp(h, conn) : talk_imap(conn);
    rt_within_end(&scope);
    h->whole_sessions += r == 0;
    rt_hang_up(conn);
    return 0;
}

static void open_server(struct history *h)
{
    struct world *w = &h->world;
    struct receive_doors receive = {.config = &h->receive_config,
                                    .host_name = STR("mail.example.test"),
                                    .accounts = w->accounts,
                                    .route = &w->route,
                                    .queue = &w->queue,
                                    .tls = w->tls};
    struct imap_doors imap = {.rt = w->rt,
                              .config = &h->imap_config,
                              .accounts = w->accounts,
                              .store = w->store,
                              .tls = w->tls};
    struct rt_listen listen = {.address = "0.0.0.0", .protocol = &receive_smtp};

    CHECK(receive_new(&receive, &h->receive) == 0 && imap_new(&imap, &h->imap) == 0);
    listen.context = receive_context(h->receive, RECEIVE_MX);
    CHECK(rt_listen(w->rt, &listen, &h->mx_port) == 0);
    listen.protocol = &imap_protocol;
    listen.context = h->imap;
    CHECK(rt_listen(w->rt, &listen, &h->imap_port) == 0);
}

static uint64_t number_after(struct str text, struct str word)
{
    ptrdiff_t at = str_find_str(text, word);
    struct str rest = str_skip(text, (size_t)at + word.len), digits;
    uint64_t number;

    CHECK(at >= 0 && str_split(&rest, '\r', &digits));
    CHECK(str_to_u64(digits, UINT32_MAX, &number));
    return number;
}

// The mail is what put_body wrote, byte for byte.
static void check_body(struct str body, uint64_t number)
{
    CLEANUP(buf_drop) struct buf want = {.max = 8 << 20};
    uint64_t lines = number_after(body, STR("X-Lines: "));
    ptrdiff_t header_end = str_find_str(body, STR("\r\n\r\n"));

    for (uint64_t i = 0; i < lines; i++)
        buf_putf(&want, "%sline %u of mail %u, as it was written\r\n", i % 7 ? "" : ".",
                 (unsigned)i, (unsigned)number);
    buf_putf(&want, "the end of %u\r\n", (unsigned)number);
    CHECK(str_eq(str_skip(body, (size_t)header_end + 4), buf_str(&want)));
}

static void check_ledger(struct history *h)
{
    CLEANUP(buf_drop) struct buf body = {.max = 64 << 20};
    unsigned found[MAILS_MAX] = {0};
    struct store_mailbox inbox;
    struct store_entries entries;
    struct account_info ana;

    CHECK(account_get(h->world.accounts, STR("ana@example.test"), &h->world.arena, &ana) == 0);
    CHECK(store_mailbox_by_name(h->world.store, ana.id, STR("INBOX"), &inbox) == 0);
    CHECK(store_entries_get(h->world.store, inbox.id, 1, UINT32_MAX, &entries) == 0);
    for (size_t i = 0; i < entries.count; i++) {
        uint64_t number;

        buf_clear(&body);
        CHECK(store_body_load(h->world.store, &entries.items[i].body, &body) == 0);
        number = number_after(buf_str(&body), STR("X-Number: "));
        CHECK(number < h->sent);
        check_body(buf_str(&body), number);
        found[number]++;
    }
    store_entries_done(&entries);
    for (unsigned i = 0; i < h->sent; i++)
        CHECK(found[i] == 1 || (found[i] == 0 && !h->acknowledged[i]));
}

static int play(void *arg)
{
    struct history *h = arg;
    struct rt_task *clients[CLIENTS];

    world_open(&h->world);
    open_server(h);
    for (unsigned i = 0; i < CLIENTS; i++)
        CHECK(rt_spawn(client, h, "client", &clients[i]) == 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        rt_join(clients[i]);
    check_ledger(h);
    rt_drain(h->world.rt, 600000); // those whose client died silently are told goodbye
    return 0;
}

static void print_trace(void *arg, struct str line)
{
    (void)arg;
    printf("%.*s%s", STR_ARG(line), str_ends(line, STR("\n")) ? "" : "\n");
}

// Some seeds have a kind network, others every fault.
static struct rt_sim_config network_of(uint64_t seed, bool with_trace)
{
    struct rt_sim_config config = seed % 4 == 0 ? rt_sim_calm : rt_sim_rough;

    if (seed % 4 == 1)
        config.bytewise = RT_SIM_PPM / 2;
    if (with_trace)
        config.trace = print_trace;
    return config;
}

static struct result play_history(uint64_t seed, bool with_trace)
{
    struct history *h = calloc(1, sizeof(*h));
    struct rt_sim_config config = network_of(seed, with_trace);
    struct result result;
    int r;

    CHECK(h);
    world_init(&h->world);
    world_defaults(&h->world, &receive_settings, &h->receive_config);
    world_defaults(&h->world, &imap_settings, &h->imap_config);
    h->world.account.plaintext_login = true;
    h->world.account.scram_iterations = 4096;
    log_set_level(LOG_ERROR);
    CHECK(rt_sim_new(seed, &config, &h->world.rt) == 0);
    r = rt_run(h->world.rt, play, h);
    if (r < 0)
        fprintf(stderr, "the history ended with %s\n", strerror(-r));
    CHECK(r == 0);
    result = (struct result){rt_sim_trace_hash(h->world.rt),
                             h->acknowledged_count,
                             h->sent,
                             h->smtp_sessions,
                             h->imap_sessions,
                             h->whole_sessions};
    receive_free(h->receive);
    imap_free(h->imap);
    account_close(h->world.accounts);
    store_close(h->world.store);
    rt_free(h->world.rt);
    world_done(&h->world);
    free(h);
    return result;
}

// In a process of its own. False when that did not end well.
static bool play_apart(uint64_t seed, bool with_trace, struct result *out)
{
    int ends[2], status;
    pid_t child;
    ssize_t n;

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        *out = play_history(seed, with_trace);
        CHECK(write(ends[1], out, sizeof(*out)) == (ssize_t)sizeof(*out));
        exit(0); // so that leaks are looked for
    }
    close(ends[1]);
    n = read(ends[0], out, sizeof(*out));
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return n == (ssize_t)sizeof(*out) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_repeatable(uint64_t seed, const struct result *before)
{
    struct result again;

    if (!play_apart(seed, false, &again) || again.hash != before->hash) {
        printf("seed %llu: the second playing was another history\n", (unsigned long long)seed);
        return false;
    }
    return true;
}

static int play_all(uint64_t seed, unsigned sessions, bool with_trace)
{
    struct result sum = {0}, one;
    unsigned histories = 0, repeated = 0;

    for (; sum.smtp_sessions + sum.imap_sessions < sessions; seed++, histories++) {
        if (!play_apart(seed, with_trace, &one)) {
            printf("FAILED in the history of seed %llu; play it again: --seed %llu --sessions 1 "
                   "--trace\n",
                   (unsigned long long)seed, (unsigned long long)seed);
            return 1;
        }
        if (histories % 16 == 0) {
            if (!is_repeatable(seed, &one))
                return 1;
            repeated++;
        }
        sum.smtp_sessions += one.smtp_sessions;
        sum.imap_sessions += one.imap_sessions;
        sum.whole_sessions += one.whole_sessions;
        sum.acknowledged += one.acknowledged;
        sum.sent += one.sent;
    }
    printf(
        "%u histories, %u SMTP and %u IMAP sessions, %u of them to their good end; %u mails begun, "
        "%u acknowledged, all found once and whole; %u histories played twice, the same both "
        "times\n",
        histories, sum.smtp_sessions, sum.imap_sessions, sum.whole_sessions, sum.sent,
        sum.acknowledged, repeated);
    // A test in which nothing good ever happens proves nothing.
    if (sessions >= 1000 &&
        (sum.whole_sessions < sessions / 20 || sum.acknowledged < sessions / 20)) {
        puts("FAILED: too few sessions came to a good end");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, sessions = 10000;
    bool with_trace = false;

    for (int i = 1; i < argc; i++) {
        struct str option = str_from(argv[i]);

        if (str_eq(option, STR("--trace"))) {
            with_trace = true;
        } else if (i + 1 < argc && str_eq(option, STR("--seed"))) {
            CHECK(str_to_u64(str_from(argv[++i]), UINT64_MAX, &seed));
        } else if (i + 1 < argc && str_eq(option, STR("--sessions"))) {
            CHECK(str_to_u64(str_from(argv[++i]), 100000000, &sessions));
        } else {
            fprintf(stderr, "usage: sessions [--sessions N] [--seed S] [--trace]\n");
            return 64;
        }
    }
    return play_all(seed, (unsigned)sessions, with_trace);
}
