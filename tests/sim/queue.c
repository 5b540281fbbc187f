// SPDX-License-Identifier: ISC
//
// The invariant of the way out: several mail servers in one simulated world send each other, and a
// far side that is none of ours, a hundred thousand mails, while connections break, DNS fails, and
// any of them dies at any step and comes back with what its store had kept. In the end every
// recipient of every acknowledged mail has it, or its sender has a report; local recipients have it
// once, others at most once more for each crash (tests/sim/ledger.h).
//
//   queue [--mails N] [--seed S] [--disks] [--trace]
//
// Each history runs in a process of its own, so that a crash of the test names its seed:
// `queue --seed S --mails 1 --trace` plays that one again and prints what happened.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/resolve.h"
#include "rt/sim/sim.h"

#include "client.h"
#include "far.h"
#include "operator.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NODES_MIN = 3,
    NODES_MAX = 5,
    MAILS = 300,     // of one history
    MINUTES = 120,   // in which they are handed in
    CRASHES_MAX = 6, // of one history
    DEEDS = 20,      // of the operator, in a rough world
    FAILED_MAX = 5,  // then it is enough
    DISK_EVERY = 10, // one history of so many has store/local on simulated disks
};
_Static_assert((int)MAILS <= (int)LEDGER_MAILS_MAX && (int)NODES_MAX <= (int)LEDGER_NODES_MAX,
               "room");

struct history {
    struct rt *rt;
    uint64_t seed;
    enum ledger_rule rule;
    struct node_settings settings;
    struct rt_resolver *resolver;
    struct node nodes[NODES_MAX];
    unsigned node_count;
    struct far_side far;
    struct ledger ledger;
    struct clients clients;
    struct operator operator;
    unsigned crashes;
    bool is_right;
    bool has_disks;
};

struct options {
    uint64_t seed, mails;
    bool with_trace;
    bool only_disks; // every history
};

struct result { // what the process of a history tells its parent
    uint64_t hash;
    unsigned mails, acknowledged, delivered, bounced, crashes, again;
};

static unsigned pick(unsigned below)
{
    return (unsigned)(rt_random() % below);
}

// ---- crashes

/// For a while its disk is full; or it fails, and somebody has to start the server again.
static void trouble_disk(struct history *h, struct node *n)
{
    bool is_full = pick(2);

    rt_sim_note(h->rt, is_full ? "disk full" : "disk fails", n->number);
    if (is_full)
        node_fill_disk(n, true);
    else
        node_fail_disk(n);
    rt_sleep(pick(600000));
    if (is_full)
        node_fill_disk(n, false);
}

/// Until something happens to a mail: an attempt has ended and that is to be kept, a mail was kept
/// and that is to be said.
static void wait_for_work(const struct history *h)
{
    unsigned seen = h->ledger.stories, more = pick(5);

    for (int i = 0; i < 120000 && h->ledger.stories <= seen + more; i++)
        rt_sleep(1);
    rt_sleep(pick(30));
}

static int reaper(void *arg)
{
    struct history *h = arg;
    unsigned left = h->rule == LEDGER_EXACT ? 0 : 1 + pick(CRASHES_MAX);

    for (; left > 0; left--) {
        struct node *n = &h->nodes[pick(h->node_count)];

        rt_sleep(pick(2 * 60000 * MINUTES / CRASHES_MAX));
        if (n->disk && pick(2))
            trouble_disk(h, n);
        if (pick(4))
            wait_for_work(h);
        node_crash(n);
        h->crashes++;
        rt_sleep(pick(600000));
        node_start(n);
    }
    return 0;
}

// ---- one history

static const char *const zones[] = {
    "d1.test. MX 10 mx.d1.test.",     "mx.d1.test. A 192.0.2.1",
    "d2.test. MX 5 old.d2.test.", // a host that is no more, before the one that is
    "d2.test. MX 10 mx.d2.test.",     "old.d2.test. A 203.0.113.97",      "mx.d2.test. A 192.0.2.2",
    "d3.test. A 192.0.2.3", // no MX: its address
    "mx.d3.test. A 192.0.2.3",
    "d4.test. MX 10 mx.d4.test.", // the best one is not there, and so is one of two equals
    "d4.test. MX 10 old.d2.test.",    "d4.test. MX 1 nx.d4.test.",        "mx.d4.test. A 192.0.2.4",
    "d5.test. CNAME other.d5.test.",  "other.d5.test. MX 10 mx.d5.test.", "mx.d5.test. A 192.0.2.5",
    "far.test. MX 10 mx.far.test.",   "mx.far.test. A 203.0.113.1",       "null.test. MX 0 .",
    "dead.test. MX 10 mx.dead.test.", "mx.dead.test. A 203.0.113.98",     NULL,
};

static void open_world(struct history *h)
{
    struct rt_sim_resolver_config dns = {.lines = zones};

    if (h->rule == LEDGER_ALL) {
        dns.failed = RT_SIM_PPM / 20;
        dns.silent = RT_SIM_PPM / 50;
        dns.slow = RT_SIM_PPM / 20;
        dns.slow_max_us = 30u * 1000000;
    }
    CHECK(rt_sim_resolver_new(h->rt, &dns, &h->resolver) == 0);
    h->far = (struct far_side){.ledger = &h->ledger, .is_rude = h->rule == LEDGER_ALL};
    far_side_open(&h->far, h->rt, "203.0.113.1");
    for (unsigned i = 0; i < h->node_count; i++) {
        node_init(&h->nodes[i], h->rt, &h->settings, h->resolver, i + 1, h->node_count);
        if (h->has_disks)
            node_give_disk(&h->nodes[i]);
        node_start(&h->nodes[i]);
    }
}

static bool is_quiet(struct history *h)
{
    for (unsigned i = 0; i < h->node_count; i++) {
        if (node_queued(&h->nodes[i]) > 0)
            return false;
    }
    return true;
}

/// Until nothing is on its way any more: a lifetime and some.
static void wait_for_quiet(struct history *h)
{
    unsigned hours = 0;

    for (unsigned quiet = 0; quiet < 2 && hours < 10 * 24; hours++) {
        rt_sleep(3600 * 1000);
        quiet = is_quiet(h) ? quiet + 1 : 0;
    }
    CHECK(hours < 10 * 24); // what waits longer than that waits for ever
}

static int play(void *arg)
{
    struct history *h = arg;
    struct rt_task *tasks[CLIENTS + 2];

    open_world(h);
    h->clients = (struct clients){.ledger = &h->ledger,
                                  .nodes = h->nodes,
                                  .node_count = h->node_count,
                                  .mails = MAILS,
                                  .time_ms = MINUTES * 60000,
                                  .rt = h->rt};
    for (unsigned i = 0; i < CLIENTS; i++)
        CHECK(rt_spawn(client, &h->clients, "client", &tasks[i]) == 0);
    h->operator=(struct operator){.nodes = h->nodes,
                                  .node_count = h->node_count,
                                  .time_ms = MINUTES * 60000,
                                  .deeds = h->rule == LEDGER_ALL ? DEEDS : 0};
    CHECK(rt_spawn(reaper, h, "reaper", &tasks[CLIENTS]) == 0);
    CHECK(rt_spawn(operator_work, &h->operator, "operator", &tasks[CLIENTS + 1]) == 0);
    for (unsigned i = 0; i < CLIENTS + 2; i++)
        rt_join(tasks[i]);
    operator_leave(&h->operator);
    wait_for_quiet(h);
    for (unsigned i = 0; i < h->node_count; i++)
        ledger_read(&h->ledger, &h->nodes[i]);
    h->is_right = ledger_check(&h->ledger, h->rule, h->crashes);
    for (unsigned i = 0; i < h->node_count; i++)
        node_stop(&h->nodes[i]);
    rt_drain(h->rt, 600000);
    return 0;
}

/// Servers that die complain; the seed's trace shows it.
static void hush(void *arg, struct str line)
{
    (void)arg, (void)line;
}

static void print_trace(void *arg, struct str line)
{
    (void)arg;
    printf("%.*s%s", STR_ARG(line), str_ends(line, STR("\n")) ? "" : "\n");
}

static struct rt_sim_config network_of(const struct history *h, bool with_trace)
{
    struct rt_sim_config config = h->rule == LEDGER_ALL ? rt_sim_rough : rt_sim_calm;

    config.call_max_us = 20000;
    if (with_trace)
        config.trace = print_trace;
    return config;
}

static struct result result_of(const struct history *h)
{
    struct result r = {.hash = rt_sim_trace_hash(h->rt),
                       .mails = h->ledger.count,
                       .acknowledged = h->clients.acknowledged,
                       .crashes = h->crashes};

    for (unsigned i = 0; i < h->ledger.count; i++) {
        for (size_t k = 0; k < h->ledger.mails[i].count; k++) {
            const struct ledger_recipient *to = &h->ledger.mails[i].recipients[k];

            r.delivered += to->delivered > 0;
            r.bounced += to->failed > 0;
            r.again += to->delivered > 1 ? to->delivered - 1 : 0;
        }
    }
    return r;
}

static bool play_history(const struct options *o, uint64_t seed, struct result *out)
{
    struct history *h = calloc(1, sizeof(*h));
    struct rt_sim_config config;
    bool is_right;
    int r;

    CHECK(h);
    h->node_count = NODES_MIN + (unsigned)(seed % (NODES_MAX - NODES_MIN + 1));
    h->rule = seed % 4 == 0 ? LEDGER_EXACT : seed % 4 == 1 ? LEDGER_CRASHES : LEDGER_ALL;
    h->has_disks = h->ledger.has_bad_disks = o->only_disks || seed % DISK_EVERY == 0;
    config = network_of(h, o->with_trace);
    node_settings_init(&h->settings);
    ledger_init(&h->ledger);
    log_set_level(o->with_trace ? LOG_INFO : LOG_ERROR);
    log_set_sink(o->with_trace ? NULL : hush, NULL);
    log_set_story_sink(ledger_story, &h->ledger);
    CHECK(rt_sim_new(seed, &config, &h->rt) == 0);
    r = rt_run(h->rt, play, h);
    if (r < 0)
        fprintf(stderr, "the history ended with %s\n", strerror(-r));
    *out = result_of(h);
    is_right = r == 0 && h->is_right;
    for (unsigned i = 0; i < h->node_count; i++)
        node_done(&h->nodes[i]);
    rt_resolver_free(h->resolver);
    rt_free(h->rt);
    ledger_done(&h->ledger);
    node_settings_done(&h->settings);
    free(h);
    return is_right;
}

/// In a process of its own. False when that did not end well.
static bool play_apart(const struct options *o, uint64_t seed, struct result *out)
{
    int ends[2], status;
    pid_t child;
    ssize_t n;

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        bool is_right = play_history(o, seed, out);

        CHECK(write(ends[1], out, sizeof(*out)) == (ssize_t)sizeof(*out));
        exit(is_right ? 0 : 1); // so that leaks are looked for
    }
    close(ends[1]);
    n = read(ends[0], out, sizeof(*out));
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return n == (ssize_t)sizeof(*out) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void add_result(struct result *sum, const struct result *one)
{
    sum->mails += one->mails;
    sum->acknowledged += one->acknowledged;
    sum->delivered += one->delivered;
    sum->bounced += one->bounced;
    sum->crashes += one->crashes;
    sum->again += one->again;
}

static bool is_repeatable(const struct options *o, uint64_t seed, const struct result *before)
{
    struct result again;

    if (play_apart(o, seed, &again) && again.hash == before->hash)
        return true;
    printf("seed %llu: the second playing was another history\n", (unsigned long long)seed);
    return false;
}

static bool play_one(const struct options *o, uint64_t seed, bool twice, struct result *out)
{
    if (play_apart(o, seed, out))
        return !twice || is_repeatable(o, seed, out);
    printf("FAILED in the history of seed %llu; play it again: --seed %llu --mails 1 --trace%s\n",
           (unsigned long long)seed, (unsigned long long)seed, o->only_disks ? " --disks" : "");
    return false;
}

/// Did what the histories are about happen often enough?
static bool is_enough(const struct result *sum, unsigned histories)
{
    return sum->acknowledged >= sum->mails / 2 && sum->bounced >= sum->mails / 20 &&
           sum->delivered >= sum->mails / 2 && sum->crashes >= histories / 2 &&
           sum->again >= histories / 4; // a crash or a cut hit what was in flight
}

/// 0 when all went well, 1 when it did not, 2 when nothing was proved.
static int play_all(const struct options *o)
{
    struct result sum = {0};
    unsigned histories = 0, failed = 0;

    for (; sum.mails < o->mails && failed < FAILED_MAX; histories++) {
        bool twice = o->mails > 1 && histories % 64 < 4;
        struct result one = {0};

        failed += !play_one(o, o->seed + histories, twice, &one);
        add_result(&sum, &one);
    }
    printf("%u histories, %u crashes; %u mails, %u acknowledged; recipients: %u have it, of %u the "
           "sender was told; %u copies too many after crashes and broken connections\n",
           histories, sum.crashes, sum.mails, sum.acknowledged, sum.delivered, sum.bounced,
           sum.again);
    if (failed == 0 && o->mails >= 1000 && !is_enough(&sum, histories)) {
        puts("FAILED: too little happened");
        return 2;
    }
    return failed ? 1 : 0;
}

static bool parse_options(int argc, char **argv, struct options *out)
{
    for (int i = 1; i < argc; i++) {
        struct str option = str_from(argv[i]);

        if (str_eq(option, STR("--trace")))
            out->with_trace = true;
        else if (str_eq(option, STR("--disks")))
            out->only_disks = true;
        else if (i + 1 < argc && str_eq(option, STR("--seed")))
            CHECK(str_to_u64(str_from(argv[++i]), UINT64_MAX, &out->seed));
        else if (i + 1 < argc && str_eq(option, STR("--mails")))
            CHECK(str_to_u64(str_from(argv[++i]), 100000000, &out->mails));
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .mails = 100000};

    if (!parse_options(argc, argv, &o)) {
        fprintf(stderr, "usage: queue [--mails N] [--seed S] [--disks] [--trace]\n");
        return 64;
    }
    return play_all(&o);
}
