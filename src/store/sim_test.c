// SPDX-License-Identifier: ISC
//
// Both engines in the simulator, in one history with crashes of their node: store/memory whose
// commits take time, and store/local over the simulated disk whose power is cut. Writers accept
// mails for a mailbox and the queue in one change and finish entries with a report; after each
// crash what was acknowledged is there and nothing is there by half.
#include "log/log.h"
#include "rt/sim/disk.h"
#include "rt/sim/sim.h"
#include "store/suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WRITERS = 6, MAILS = 400, ROUNDS = 6 };

enum state {
    UNKNOWN, // its commit was not answered
    WAITING, // acknowledged: in the mailbox and in the queue
    ENDING,  // its end was begun, and not answered
    ENDED,   // acknowledged: a report more, and no entry
};

struct node {
    struct rt_disk *disk; // NULL: store/memory
    bool is_down;
    unsigned mails;
    enum state states[MAILS];
    uint64_t ids[MAILS]; // of the entry; 0: not known
    unsigned ended;      // acknowledged
};

static struct node the_node;
static unsigned the_fates[2]; // of unanswered commits: did not happen, happened

static struct str number(uint64_t n, char room[24])
{
    int len = snprintf(room, 24, "%llu", (unsigned long long)n);

    return str_of(room, (size_t)len);
}

static bool chance(unsigned percent)
{
    return rt_random() % 100 < percent;
}

// ---- writers

/// One change: the mail in ana's mailbox and an entry of the queue, mail id n + 1.
static void accept_mail(unsigned n)
{
    char room[24];
    struct str text = number(n, room);
    struct store_change *change;
    struct store_body *body;
    struct store_put put = {.account_id = ANA, .name = STR("INBOX")};
    struct store_queue_put queued = {
        .mail_id = n + 1, .due_us = (int64_t)n, .lane = STR("mx:a"), .value = text};

    OK(store_body_new(s, &body));
    OK(store_body_append(body, text));
    put.body = queued.body = body;
    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    store_change_queue_put(change, &queued);
    if (store_commit(change) == 0) {
        the_node.states[n] = WAITING;
        the_node.ids[n] = queued.id;
    }
    store_change_free(change);
    store_body_free(body);
}

/// One change: the entry goes and bruno gets a report.
static void finish_mail(unsigned n)
{
    struct store_change *change;
    struct store_put put = {.account_id = BRUNO, .name = STR("INBOX"), .body = body_of("report")};
    int r;

    the_node.states[n] = ENDING;
    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    store_change_queue_remove(change, the_node.ids[n]);
    r = store_commit(change);
    CHECK(r == 0 || r == -EIO);
    if (r == 0)
        the_node.states[n] = ENDED;
    the_node.ended += r == 0;
    store_change_free(change);
    store_body_free(put.body);
}

static int writer(void *arg)
{
    (void)arg;
    while (!the_node.is_down && the_node.mails < MAILS) {
        unsigned n = the_node.mails, old = (unsigned)(rt_random() % (n + 1));

        if (n && old < n && the_node.states[old] == WAITING && chance(40)) {
            finish_mail(old);
        } else {
            the_node.mails++;
            accept_mail(n);
        }
        rt_sleep((uint32_t)(rt_random() % 3));
    }
    return 0;
}

// ---- the node

static void open_node(void)
{
    struct store_local_config config = {.disk = the_node.disk, .free_bytes_min = 1};

    OK(store_local_open(the_rt, &config, &s));
}

/// Somewhere in what the next commits do to the disk.
static void cut_power(void)
{
    uint64_t steps = rt_sim_disk_steps(the_node.disk);

    rt_sim_disk_cut_at(the_node.disk, steps + 1 + rt_random() % 20);
    for (int i = 0; i < 1000 && !rt_sim_disk_is_cut(the_node.disk); i++)
        rt_sleep(1);
}

static void crash(void)
{
    if (the_node.disk)
        cut_power();
    else
        store_memory_crash(s);
    the_node.is_down = true;
}

static void start_again(void)
{
    struct store *old = s;
    struct rt_disk *image;

    the_node.is_down = false;
    if (!the_node.disk) {
        OK(store_memory_reopen(old, &s));
        store_close(old);
        return;
    }
    store_close(old);
    OK(rt_sim_disk_crash(the_node.disk, RT_SIM_CRASH_RANDOM, rt_random(), &image));
    rt_disk_close(the_node.disk);
    the_node.disk = image;
    open_node();
}

// ---- what must hold after a crash

/// How many mails of ana's have that text.
static void count_filed(unsigned counts[MAILS])
{
    struct store_mailbox m;
    struct store_entries e;

    memset(counts, 0, MAILS * sizeof(counts[0]));
    if (store_mailbox_by_name(s, ANA, STR("INBOX"), &m) != 0)
        return;
    e = entries(m.id);
    for (size_t i = 0; i < e.count; i++) {
        CLEANUP(buf_drop) struct buf text = {0};
        uint64_t n;

        buf_init(&text, 100);
        OK(store_body_load(s, &e.items[i].body, &text));
        CHECK(str_to_u64(buf_str(&text), MAILS - 1, &n));
        counts[n]++;
    }
    store_entries_done(&e);
}

/// Is the entry of mail n there, whole? Its id goes to the node.
static bool is_queued(unsigned n)
{
    struct store_queue_list list = {0};
    char room[24];
    bool there;

    OK(store_queue_of_mail(s, n + 1, &list));
    CHECK(list.count <= 1);
    there = list.count == 1;
    if (there) {
        CHECK(str_eq(list.items[0].value, number(n, room)));
        CHECK(body_is(&list.items[0].body, number(n, room)));
        CHECK(!the_node.ids[n] || the_node.ids[n] == list.items[0].id);
        the_node.ids[n] = list.items[0].id;
    }
    store_queue_list_done(&list);
    return there;
}

static void check_mail(unsigned n, unsigned filed, unsigned *ended, uint64_t *queued)
{
    enum state *state = &the_node.states[n];
    bool there = is_queued(n);

    if (*state == UNKNOWN)
        the_fates[there]++;
    CHECK(filed <= 1);
    CHECK(*state == UNKNOWN || filed == 1);
    CHECK(*state != UNKNOWN || there == (filed == 1)); // both or none
    CHECK(*state != WAITING || there);
    CHECK(*state != ENDED || !there);
    if (*state == ENDING)
        *state = there ? WAITING : ENDED;
    else if (*state == UNKNOWN && there)
        *state = WAITING;
    *ended += *state == ENDED;
    *queued += there;
}

static void check_all(void)
{
    static unsigned counts[MAILS];
    struct store_mailbox m = {0};
    uint64_t queued = 0, all, held;
    unsigned ended = 0;

    count_filed(counts);
    for (unsigned n = 0; n < the_node.mails; n++)
        check_mail(n, counts[n], &ended, &queued);
    store_mailbox_by_name(s, BRUNO, STR("INBOX"), &m);
    CHECK(m.message_count == ended); // a report for each end, and none else
    store_queue_count(s, &all, &held);
    CHECK(all == queued && held == 0);
}

static void life(unsigned round)
{
    struct rt_task *tasks[WRITERS];

    for (int i = 0; i < WRITERS; i++)
        OK(rt_spawn(writer, NULL, "writer", &tasks[i]));
    rt_sleep((uint32_t)(5 + rt_random() % 40));
    crash();
    for (int i = 0; i < WRITERS; i++)
        rt_join(tasks[i]);
    rt_sim_note(the_rt, "crash", round);
    start_again();
    check_all();
}

static int lives(void *arg)
{
    (void)arg;
    if (the_node.disk) {
        open_node();
    } else {
        OK(store_memory_open(the_rt, &s));
        store_memory_slow(s);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        life(round);
    store_close(s);
    rt_stop(the_rt);
    return 0;
}

// ---- histories

static void silence(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

static uint64_t history(uint64_t seed, bool on_disk)
{
    struct fsck_options options = {0};
    struct fsck_report report;
    uint64_t hash;

    the_node = (struct node){0};
    if (on_disk)
        OK(rt_sim_disk_new(&the_node.disk));
    OK(rt_sim_new(seed, &rt_sim_calm, &the_rt));
    OK(rt_run(the_rt, lives, NULL));
    hash = rt_sim_trace_hash(the_rt);
    rt_free(the_rt);
    CHECK(the_node.ended > 10);
    if (on_disk) {
        OK(store_fsck(the_node.disk, &options, &report));
        CHECK(!report.repairable && !report.damaged && report.queued);
        rt_disk_close(the_node.disk);
    }
    return hash;
}

static void memory_survives_its_node(void **state)
{
    (void)state;
    memset(the_fates, 0, sizeof(the_fates));
    for (uint64_t seed = 1; seed <= 20; seed++)
        CHECK(history(seed, false) == history(seed, false));
    CHECK(the_fates[0] && the_fates[1]);
}

static void local_survives_power_cuts(void **state)
{
    (void)state;
    memset(the_fates, 0, sizeof(the_fates));
    for (uint64_t seed = 1; seed <= 10; seed++)
        history(seed, true);
    CHECK(history(3, true) == history(3, true));
    CHECK(the_fates[0]); // the other needs a whole WAL frame that was not synced: rare
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_survives_its_node),
        cmocka_unit_test(local_survives_power_cuts),
    };

    log_set_sink(silence, NULL);
    return cmocka_run_group_tests_name("store in the simulator", tests, NULL, NULL);
}
