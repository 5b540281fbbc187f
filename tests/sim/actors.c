// SPDX-License-Identifier: ISC
//
// Twenty IMAP clients in one mailbox of a simulated server: each selects it, fetches, stores flags
// and keywords (also under UNCHANGEDSINCE), appends, copies, moves, expunges and idles; the network
// breaks connections, and who was cut off comes back, with QRESYNC where the server has it. Each
// keeps a picture of the mailbox made from untagged responses alone (picture.h). At the end, after
// a NOOP, all pictures are what the store has: uids, flags, keywords, modseqs, and who is gone.
//
//   actors [--acts N] [--seed S] [--deaf N] [--trace]
//
// One seed is one history, in a process of its own. --deaf: the first actor does not believe one
// response in N, which must be found out (the negative control).
#include "base/check.h"
#include "base/cleanup.h"
#include "base/scan.h"
#include "log/log.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"
#include "serve/imap/imap.h"

#include "../dialog/world.h"
#include "picture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ACTORS = 20,
    ACTS = 60,         // of each, in one history
    CROWD = 60,        // messages; past it more are deleted than come
    HEAR_MS = 3600000, // patience, in virtual time
    LINE_MAX_BYTES = 64 * 1024,
    TRIES_MAX = 1000, // to connect
};

struct game;

struct actor {
    struct game *game;
    char name[8];
    struct rt_conn *conn;
    bool is_selected, has_condstore, has_qresync;
    bool is_resyncing;          // VANISHED is collected
    bool keeps_numbers;         // the command must not take messages away (RFC 3501 7.4.1)
    bool has_modified;          // the last answer said MODIFIED
    unsigned deaf, heard, tags; // deaf: one response in so many
    struct picture picture, before;
    struct buf vanished;
};

struct game {
    struct world world;
    struct imap_config config;
    struct imap *imap;
    uint16_t port;
    unsigned deaf;
    unsigned playing; // actors that are not done with their acts
    unsigned acts, cuts, resyncs, conflicts;
    uint64_t mailbox_id;
};

struct result {
    uint64_t hash;
    unsigned acts, cuts, resyncs, conflicts, messages;
};

static unsigned pick(unsigned below)
{
    return (unsigned)(rt_random() % below);
}

static bool chance(unsigned percent)
{
    return pick(100) < percent;
}

// ---- what is heard

static bool scan_number_word(struct str text, uint64_t *number, struct str *rest)
{
    struct scan in = scan_of(text);

    if (!scan_u64(&in, UINT32_MAX, number) || !scan_char(&in, ' '))
        return false;
    *rest = scan_rest(&in);
    return true;
}

static void hear_code(struct actor *a, struct str text, struct str name, uint64_t *out)
{
    ptrdiff_t at = str_find_str(text, name);
    struct scan in = scan_of(str_skip(text, at < 0 ? 0 : (size_t)at + name.len));

    if (at >= 0 && a->is_selected)
        CHECK(scan_u64(&in, UINT64_MAX, out));
}

static void hear_codes(struct actor *a, struct str text)
{
    uint64_t uidvalidity = a->picture.uidvalidity;

    hear_code(a, text, STR("[HIGHESTMODSEQ "), &a->picture.highest);
    hear_code(a, text, STR("[UIDVALIDITY "), &uidvalidity);
    a->picture.uidvalidity = (uint32_t)uidvalidity;
}

static bool is_deaf(struct actor *a)
{
    return a->deaf && ++a->heard % a->deaf == 0;
}

/// All of what was missed has been told.
static void resume(struct actor *a)
{
    a->is_resyncing = false;
    picture_resume(&a->picture, &a->before, buf_str(&a->vanished));
}

static void hear_vanished(struct actor *a, struct str rest)
{
    bool is_earlier = str_starts(rest, STR("(EARLIER) "));

    CHECK(!a->keeps_numbers || is_earlier);
    if (is_earlier)
        rest = str_skip(rest, 10);
    if (is_deaf(a))
        return;
    if (a->is_resyncing && !is_earlier)
        resume(a); // news of the mailbox as it is open now
    if (a->is_resyncing) {
        if (a->vanished.len)
            buf_put_char(&a->vanished, ',');
        buf_put(&a->vanished, rest);
    } else {
        picture_vanished(&a->picture, rest, is_earlier);
    }
}

static void hear_numbered(struct actor *a, uint64_t number, struct str rest)
{
    if (str_eq(rest, STR("EXISTS"))) {
        picture_exists(&a->picture, number);
    } else if (str_eq(rest, STR("EXPUNGE"))) {
        CHECK(!a->keeps_numbers);
        if (!is_deaf(a))
            picture_expunge(&a->picture, number);
    } else if (str_starts(rest, STR("FETCH ("))) {
        if (!is_deaf(a))
            picture_fetch(&a->picture, number, str_head(str_skip(rest, 7), rest.len - 8));
    } else {
        CHECK(str_eq(rest, STR("RECENT")));
    }
}

static void hear_untagged(struct actor *a, struct str text)
{
    struct str rest;
    uint64_t number;

    if (str_starts(text, STR("VANISHED ")))
        hear_vanished(a, str_skip(text, 9));
    else if (str_starts(text, STR("OK [")))
        hear_codes(a, text);
    else if (str_starts(text, STR("CAPABILITY "))) {
        a->has_condstore = str_find_str(text, STR(" CONDSTORE")) >= 0;
        a->has_qresync = str_find_str(text, STR(" QRESYNC")) >= 0;
    } else if (scan_number_word(text, &number, &rest)) {
        hear_numbered(a, number, rest);
    }
}

/// [await] Up to the tagged answer or, when it may come, the "+". 0 for OK and "+", 1 for NO, or
/// what broke the connection. BAD is a mistake of this program or of the server.
static int hear(struct actor *a, const char *tag, bool may_continue)
{
    struct str line;
    int r;

    while ((r = rt_line(a->conn, LINE_MAX_BYTES, &line)) == 0) {
        if (str_starts(line, STR("* "))) {
            hear_untagged(a, str_skip(line, 2));
        } else if (str_starts(line, STR("+"))) {
            CHECK(may_continue);
            return 0;
        } else {
            CHECK(str_starts(line, str_from(tag)));
            line = str_skip(line, strlen(tag) + 1);
            hear_codes(a, line);
            a->has_modified = str_find_str(line, STR("[MODIFIED ")) >= 0;
            if (str_starts(line, STR("OK")))
                return 0;
            if (!str_starts(line, STR("NO")))
                printf("%s: %.*s\n", a->name, STR_ARG(line));
            CHECK(str_starts(line, STR("NO")));
            return 1;
        }
    }
    CHECK(r < 0);
    return r;
}

__attribute__((format(printf, 2, 3))) static int ask(struct actor *a, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf command = {.max = LINE_MAX_BYTES};
    struct rt_scope scope;
    char tag[16];
    va_list args;
    int r;

    snprintf(tag, sizeof tag, "t%u", ++a->tags);
    buf_putf(&command, "%s ", tag);
    va_start(args, format);
    buf_vputf(&command, format, args);
    va_end(args);
    buf_put(&command, STR("\r\n"));
    rt_within(&scope, HEAR_MS);
    r = rt_put(a->conn, buf_str(&command));
    if (r == 0)
        r = hear(a, tag, false);
    rt_within_end(&scope);
    return r;
}

// ---- connecting

/// [await] Asks for what no response told: uids and flags of new messages.
static int fill(struct actor *a)
{
    size_t first;
    int r = 0;

    while (r >= 0 && (first = picture_unknown(&a->picture)) > 0) {
        a->keeps_numbers = true;
        r = ask(a, "FETCH %zu:* (UID FLAGS%s)", first, a->has_condstore ? " MODSEQ" : "");
        a->keeps_numbers = false;
        if (r >= 0 && picture_unknown(&a->picture) == first)
            r = ask(a, "NOOP"); // it is gone, which FETCH must not tell
    }
    return r < 0 ? r : 0;
}

static int select_afresh(struct actor *a)
{
    picture_clear(&a->picture);
    return ask(a, "SELECT INBOX%s", a->has_condstore ? " (CONDSTORE)" : "");
}

static int resync(struct actor *a)
{
    struct picture *p = &a->picture, *before = &a->before;
    int r;

    *before = *p;
    picture_clear(p);
    buf_clear(&a->vanished);
    a->is_resyncing = true;
    r = ask(a, "SELECT INBOX (QRESYNC (%u %llu))", before->uidvalidity,
            (unsigned long long)before->highest);
    if (r != 0) {
        a->is_resyncing = false;
        *p = *before;
        return r;
    }
    a->game->resyncs++;
    if (a->is_resyncing)
        resume(a);
    return 0;
}

static int select_mailbox(struct actor *a)
{
    bool may_resync = a->has_qresync && a->picture.highest && !picture_unknown(&a->picture);
    int r;

    a->is_selected = true;
    r = may_resync ? resync(a) : select_afresh(a);
    return r == 0 ? fill(a) : r;
}

static int sign_in(struct actor *a)
{
    struct str greeting;
    int r = rt_line(a->conn, LINE_MAX_BYTES, &greeting);

    a->is_selected = false;
    if (r == 0)
        r = ask(a, "LOGIN ana@example.test \"" WORLD_PASSWORD "\"");
    if (r == 0)
        r = ask(a, "CAPABILITY");
    if (r == 0 && a->has_qresync)
        r = ask(a, "ENABLE QRESYNC");
    return r == 0 ? select_mailbox(a) : r;
}

/// [await] Until it stands; the network has its moods.
static void connect_again(struct actor *a)
{
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        struct rt_scope scope;
        int r;

        if (a->conn)
            rt_hang_up(a->conn);
        a->conn = NULL;
        r = rt_dial("192.0.2.25", a->game->port, 60000, &a->conn);
        if (r == 0) {
            rt_within(&scope, HEAR_MS);
            r = sign_in(a);
            rt_within_end(&scope);
        } else {
            a->conn = NULL;
        }
        if (r == 0)
            return;
        rt_sleep(1000 + pick(10000));
    }
    CHECK(false);
}

// ---- acts

static size_t some(const struct actor *a)
{
    return 1 + pick((unsigned)a->picture.count);
}

static struct str some_flag(void)
{
    static const struct str usable[] = {STR("\\Seen"),  STR("\\Answered"), STR("\\Flagged"),
                                        STR("\\Draft"), STR("$Work"),      STR("Later"),
                                        STR("blue"),    STR("green")};

    return usable[pick(sizeof usable / sizeof *usable)];
}

static const char *modseq_item(const struct actor *a)
{
    return a->has_condstore ? " MODSEQ" : "";
}

static int act_noop(struct actor *a)
{
    int r = ask(a, "NOOP");

    if (r == 0 && a->picture.highest && a->picture.told_highest > a->picture.highest)
        a->picture.highest = a->picture.told_highest; // all up to there was told now
    return r;
}

static int act_fetch(struct actor *a)
{
    size_t first = some(a);
    int r;

    a->keeps_numbers = chance(50);
    if (a->keeps_numbers)
        r = ask(a, "FETCH %zu:%zu (UID FLAGS%s)", first, some(a), modseq_item(a));
    else
        r = ask(a, "UID FETCH %u (FLAGS%s)", a->picture.entries[first - 1].uid, modseq_item(a));
    a->keeps_numbers = false;
    return r;
}

static int act_store(struct actor *a)
{
    static const char *const signs[] = {"+", "-", ""};
    struct str one = some_flag(), two = some_flag();
    const char *sign = signs[pick(3)];
    bool is_silent = chance(40);
    size_t first = some(a), last = some(a);
    int r;

    a->keeps_numbers = true;
    r = ask(a, "STORE %zu:%zu %sFLAGS%s (%.*s %.*s)", first, last, sign, is_silent ? ".SILENT" : "",
            STR_ARG(one), STR_ARG(two));
    if (r >= 0 && is_silent) // what it made of others' changes at that moment need not be guessed
        r = ask(a, "FETCH %zu:%zu (UID FLAGS%s)", first, last, modseq_item(a));
    a->keeps_numbers = false;
    return r;
}

/// With the modseq it knows, or the one before, which must not succeed (RFC 7162 3.1.3).
static int act_store_unchanged(struct actor *a)
{
    struct picture_entry e = a->picture.entries[some(a) - 1];
    bool is_stale = chance(40);
    int r;

    if (e.modseq < 2)
        return 0;
    r = ask(a, "UID STORE %u (UNCHANGEDSINCE %llu) +FLAGS (\\Flagged)", e.uid,
            (unsigned long long)(e.modseq - is_stale));
    a->game->conflicts += r >= 0 && a->has_modified;
    if (r < 0 || !is_stale || a->has_modified)
        return r;
    r = ask(a, "NOOP"); // then it is gone
    for (size_t i = 0; r == 0 && i < a->picture.count; i++)
        CHECK(a->picture.entries[i].uid != e.uid);
    return r;
}

static int act_append(struct actor *a)
{
    struct str flag = some_flag();
    int r = ask(a, "APPEND INBOX (%.*s) {20+}\r\nSubject: x\r\n\r\nabcdef", STR_ARG(flag));

    return r >= 0 ? fill(a) : r;
}

static int act_copy(struct actor *a)
{
    int r = ask(a, "COPY %zu %s", some(a), chance(60) ? "INBOX" : "Archive");

    return r >= 0 ? fill(a) : r;
}

static int act_move(struct actor *a)
{
    return ask(a, "MOVE %zu Archive", some(a));
}

static int act_delete(struct actor *a)
{
    size_t first = some(a), last = a->picture.count > CROWD ? some(a) : first;
    int r;

    a->keeps_numbers = true;
    r = ask(a, "STORE %zu:%zu +FLAGS (\\Deleted)", first, last);
    a->keeps_numbers = false;
    return r >= 0 && chance(60) ? ask(a, "EXPUNGE") : r;
}

static int act_uid_expunge(struct actor *a)
{
    return ask(a, "UID EXPUNGE %u:%u", a->picture.entries[0].uid,
               a->picture.entries[some(a) - 1].uid);
}

static int act_idle(struct actor *a)
{
    struct rt_scope scope;
    char tag[16];
    int r;

    snprintf(tag, sizeof tag, "t%u", ++a->tags);
    rt_within(&scope, HEAR_MS);
    r = rt_putf(a->conn, "%s IDLE\r\n", tag);
    if (r == 0)
        r = hear(a, tag, true);
    if (r == 0)
        r = rt_sleep(pick(60000));
    if (r == 0)
        r = rt_put(a->conn, STR("DONE\r\n"));
    if (r == 0)
        r = hear(a, tag, false);
    rt_within_end(&scope);
    return r >= 0 ? fill(a) : r;
}

static int act_reselect(struct actor *a)
{
    int r = ask(a, "UNSELECT");

    return r == 0 ? select_mailbox(a) : r;
}

static int act_cut(struct actor *a)
{
    (void)a;
    return -ECONNRESET; // its own wish
}

static int act(struct actor *a)
{
    static const struct {
        int (*fn)(struct actor *a);
        unsigned weight;
        bool needs_messages;
    } acts[] = {
        {act_noop, 12, false},      {act_fetch, 10, true},    {act_store, 25, true},
        {act_append, 16, false},    {act_copy, 6, true},      {act_move, 3, true},
        {act_delete, 8, true},      {act_idle, 8, false},     {act_store_unchanged, 5, true},
        {act_uid_expunge, 2, true}, {act_reselect, 3, false}, {act_cut, 2, false},
    };
    unsigned at = pick(100), i = 0;
    int r = fill(a);

    if (r < 0)
        return r;
    while (at >= acts[i].weight)
        at -= acts[i++].weight;
    a->game->acts++;
    if (acts[i].needs_messages && a->picture.count == 0)
        return act_append(a);
    return acts[i].fn(a);
}

// ---- the end

/// [await] All that is to be told, told; over a network that may still break.
static void settle(struct actor *a)
{
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        if (ask(a, "NOOP") == 0 && fill(a) == 0 && ask(a, "NOOP") == 0)
            return;
        connect_again(a);
    }
    CHECK(false);
}

static int play_actor(void *arg)
{
    struct actor *a = arg;
    struct game *g = a->game;

    connect_again(a);
    for (unsigned left = ACTS; left > 0; left--) {
        if (act(a) < 0) {
            g->cuts++;
            connect_again(a);
        }
        if (chance(20))
            rt_sleep(pick(5000));
    }
    g->playing--;
    while (g->playing > 0)
        rt_sleep(1000);
    settle(a);
    CHECK(picture_is(&a->picture, g->world.store, g->mailbox_id, a->has_condstore, a->name));
    rt_hang_up(a->conn);
    return 0;
}

static void find_mailbox(struct game *g)
{
    struct account_info ana;
    struct store_mailbox inbox;

    CHECK(account_get(g->world.accounts, STR("ana@example.test"), &g->world.arena, &ana) == 0);
    CHECK(store_mailbox_by_name(g->world.store, ana.id, STR("INBOX"), &inbox) == 0);
    g->mailbox_id = inbox.id;
}

static void open_server(struct game *g)
{
    struct world *w = &g->world;
    struct imap_doors doors = {.rt = w->rt,
                               .config = &g->config,
                               .accounts = w->accounts,
                               .store = w->store,
                               .tls = w->tls};
    struct rt_listen listen = {.address = "0.0.0.0", .protocol = &imap_protocol};

    CHECK(imap_new(&doors, &g->imap) == 0);
    listen.context = g->imap;
    CHECK(rt_listen(w->rt, &listen, &g->port) == 0);
}

static int play(void *arg)
{
    struct game *g = arg;
    struct rt_task *tasks[ACTORS];
    struct actor *actors = calloc(ACTORS, sizeof *actors);

    CHECK(actors);
    world_open(&g->world);
    find_mailbox(g);
    open_server(g);
    g->playing = ACTORS;
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];

        a->game = g;
        a->deaf = i == 0 ? g->deaf : 0;
        buf_init(&a->vanished, 1 << 20);
        snprintf(a->name, sizeof a->name, "a%u", i);
        CHECK(rt_spawn(play_actor, a, "actor", &tasks[i]) == 0);
    }
    for (unsigned i = 0; i < ACTORS; i++) {
        rt_join(tasks[i]);
        buf_done(&actors[i].vanished);
    }
    free(actors);
    rt_drain(g->world.rt, 600000);
    return 0;
}

static void print_trace(void *arg, struct str line)
{
    (void)arg;
    printf("%.*s%s", STR_ARG(line), str_ends(line, STR("\n")) ? "" : "\n");
}

// Every other seed has a kind network.
static struct rt_sim_config network_of(uint64_t seed, bool with_trace)
{
    struct rt_sim_config config = seed % 2 == 0 ? rt_sim_calm : rt_sim_rough;

    config.bytewise = 0; // it only costs time here
    if (with_trace)
        config.trace = print_trace;
    return config;
}

static struct result play_history(uint64_t seed, unsigned deaf, bool with_trace)
{
    struct game *g = calloc(1, sizeof *g);
    struct rt_sim_config config = network_of(seed, with_trace);
    struct result result;
    int r;

    CHECK(g);
    g->deaf = deaf;
    world_init(&g->world);
    world_defaults(&g->world, &imap_settings, &g->config);
    g->world.account.plaintext_login = true;
    g->world.account.scram_iterations = 4096;
    log_set_level(LOG_ERROR);
    CHECK(rt_sim_new(seed, &config, &g->world.rt) == 0);
    r = rt_run(g->world.rt, play, g);
    if (r < 0)
        fprintf(stderr, "the history ended with %s\n", strerror(-r));
    CHECK(r == 0);
    result = (struct result){.hash = rt_sim_trace_hash(g->world.rt),
                             .acts = g->acts,
                             .cuts = g->cuts,
                             .resyncs = g->resyncs,
                             .conflicts = g->conflicts};
    imap_free(g->imap);
    account_close(g->world.accounts);
    store_close(g->world.store);
    rt_free(g->world.rt);
    world_done(&g->world);
    free(g);
    return result;
}

// In a process of its own. False when that did not end well.
static bool play_apart(uint64_t seed, unsigned deaf, bool with_trace, struct result *out)
{
    int ends[2], status;
    pid_t child;
    ssize_t n;

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        *out = play_history(seed, deaf, with_trace);
        CHECK(write(ends[1], out, sizeof(*out)) == (ssize_t)sizeof(*out));
        exit(0); // so that leaks are looked for
    }
    close(ends[1]);
    n = read(ends[0], out, sizeof(*out));
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return n == (ssize_t)sizeof(*out) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int play_all(uint64_t seed, uint64_t acts, unsigned deaf, bool with_trace)
{
    struct result sum = {0}, one, again;
    unsigned histories = 0;

    for (; sum.acts < acts; seed++, histories++) {
        bool is_good = play_apart(seed, deaf, with_trace, &one);

        if (is_good && histories == 0)
            is_good = play_apart(seed, deaf, false, &again) && again.hash == one.hash;
        if (!is_good) {
            printf(
                "FAILED in the history of seed %llu; play it again: --seed %llu --acts 1 --trace\n",
                (unsigned long long)seed, (unsigned long long)seed);
            return 1;
        }
        sum.acts += one.acts;
        sum.cuts += one.cuts;
        sum.resyncs += one.resyncs;
        sum.conflicts += one.conflicts;
    }
    printf("%u histories of %d actors, %u acts, %u times cut off, %u resynchronised, %u conflicts; "
           "all pictures were the mailbox\n",
           histories, ACTORS, sum.acts, sum.cuts, sum.resyncs, sum.conflicts);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, acts = 10000, deaf = 0;
    bool with_trace = false;

    setvbuf(stdout, NULL, _IOLBF, 0); // so that what a CHECK cuts short has been said
    for (int i = 1; i < argc; i++) {
        struct str option = str_from(argv[i]);

        if (str_eq(option, STR("--trace"))) {
            with_trace = true;
        } else if (i + 1 < argc && str_eq(option, STR("--seed"))) {
            CHECK(str_to_u64(str_from(argv[++i]), UINT64_MAX, &seed));
        } else if (i + 1 < argc && str_eq(option, STR("--acts"))) {
            CHECK(str_to_u64(str_from(argv[++i]), 100000000, &acts));
        } else if (i + 1 < argc && str_eq(option, STR("--deaf"))) {
            CHECK(str_to_u64(str_from(argv[++i]), 1000000, &deaf));
        } else {
            fprintf(stderr, "usage: actors [--acts N] [--seed S] [--deaf N] [--trace]\n");
            return 64;
        }
    }
    return play_all(seed, acts, (unsigned)deaf, with_trace);
}
