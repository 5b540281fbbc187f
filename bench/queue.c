// SPDX-License-Identifier: ISC
//
// What the queue costs in store/local, without a runtime: the CPU of an entry that is put and
// removed, in groups as the committer makes them; and a queue of many entries: how long it takes to
// fill, to open, to read the first that are due, and the memory then.
//
//   bench_queue pairs DIRECTORY [MAILS [GROUP]]     default 100000 in groups of 50
//   bench_queue many DIRECTORY [ENTRIES]            default 1000000; the directory may be kept:
//                                                   what is there is not made again
#include "base/check.h"
#include "store/local/local.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { GROUP_MAX = 1000, VALUE_BYTES = 300 };

static const struct engine the_engine = {.name = "local", .body_free = local_body_free};

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct local *open_store(struct rt_disk *disk)
{
    struct store_local_config config = {.disk = disk, .free_bytes_min = 1};
    struct local *l;

    CHECK(local_open(&config, NULL, &l) == 0);
    l->store.engine = &the_engine;
    return l;
}

// ---- a group of changes, each with one thing in it

struct group {
    struct local *l;
    size_t count;
    struct store_change *changes[GROUP_MAX];
    struct store_body *bodies[GROUP_MAX];
    struct store_put filed[GROUP_MAX];
    struct store_queue_put puts[GROUP_MAX];
    struct local_job jobs[GROUP_MAX];
};

static struct store_change *next_change(struct group *g, size_t i)
{
    CHECK(store_change_new(&g->l->store, &g->changes[i]) == 0);
    g->changes[i]->now_s = 1700000000;
    g->jobs[i] = (struct local_job){.kind = JOB_COMMIT, .change = g->changes[i]};
    return g->changes[i];
}

static void run(struct group *g)
{
    struct local_job *jobs[GROUP_MAX];

    for (size_t i = 0; i < g->count; i++)
        jobs[i] = &g->jobs[i];
    local_group(g->l, jobs, g->count);
    for (size_t i = 0; i < g->count; i++) {
        CHECK(g->jobs[i].result == 0);
        store_change_free(g->changes[i]);
    }
}

static void make_bodies(struct group *g)
{
    static char bytes[5000];

    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < g->count; i++) {
        CHECK(store_body_new(&g->l->store, &g->bodies[i]) == 0);
        CHECK(store_body_append(g->bodies[i], str_of(bytes, sizeof(bytes))) == 0);
        store_body_seal(g->bodies[i]);
    }
}

static void free_bodies(struct group *g)
{
    for (size_t i = 0; i < g->count; i++)
        store_body_free(g->bodies[i]);
}

static struct store_queue_put entry_of(struct store_body *body, uint64_t n)
{
    static char lanes[100][24], value[VALUE_BYTES];

    if (!value[0])
        memset(value, 'v', sizeof(value));
    snprintf(lanes[n % 100], sizeof(lanes[0]), "mx:host%02u.example.org", (unsigned)(n % 100));
    return (struct store_queue_put){.body = body,
                                    .mail_id = n * 0x9e3779b97f4a7c15,
                                    .due_us = 1700000000000000 + (int64_t)n,
                                    .lane = str_from(lanes[n % 100]),
                                    .value = str_of(value, sizeof(value))};
}

// ---- pairs

static double put_group(struct group *g, uint64_t n)
{
    double before;

    make_bodies(g);
    for (size_t i = 0; i < g->count; i++) {
        g->puts[i] = entry_of(g->bodies[i], n + i);
        store_change_queue_put(next_change(g, i), &g->puts[i]);
    }
    before = seconds(CLOCK_THREAD_CPUTIME_ID);
    run(g);
    before = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    free_bodies(g);
    return before;
}

static double remove_group(struct group *g)
{
    double before;

    for (size_t i = 0; i < g->count; i++)
        store_change_queue_remove(next_change(g, i), g->puts[i].id);
    before = seconds(CLOCK_THREAD_CPUTIME_ID);
    run(g);
    return seconds(CLOCK_THREAD_CPUTIME_ID) - before;
}

/// The same mails into a mailbox, for comparison.
static double file_group(struct group *g)
{
    double before;

    make_bodies(g);
    for (size_t i = 0; i < g->count; i++) {
        g->filed[i] =
            (struct store_put){.account_id = 1 + i, .name = STR("INBOX"), .body = g->bodies[i]};
        store_change_put(next_change(g, i), &g->filed[i]);
    }
    before = seconds(CLOCK_THREAD_CPUTIME_ID);
    run(g);
    before = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    free_bodies(g);
    return before;
}

static void pairs(struct rt_disk *disk, uint64_t mails, size_t group)
{
    static struct group g;
    double put = 0, taken = 0, filed = 0;

    g = (struct group){.l = open_store(disk), .count = group};
    for (uint64_t n = 0; n < mails; n += group) {
        put += put_group(&g, n);
        taken += remove_group(&g);
        filed += file_group(&g);
    }
    local_close(g.l);
    printf("%llu mails of 5000 bytes in groups of %zu, CPU of the committer per mail: put %.1f us, "
           "remove %.1f us; into a mailbox %.1f us\n",
           (unsigned long long)mails, group, put / (double)mails * 1e6, taken / (double)mails * 1e6,
           filed / (double)mails * 1e6);
}

// ---- many

/// Mails for a thousand recipients each.
static void fill(struct local *l, uint64_t entries)
{
    static struct group g;
    static struct store_queue_put puts[GROUP_MAX];

    g = (struct group){.l = l, .count = 1};
    for (uint64_t n = 0; n < entries; n += GROUP_MAX) {
        struct store_change *change = next_change(&g, 0);

        make_bodies(&g);
        for (size_t i = 0; i < GROUP_MAX; i++) {
            puts[i] = entry_of(g.bodies[0], n + i);
            store_change_queue_put(change, &puts[i]);
        }
        run(&g);
        free_bodies(&g);
    }
}

static long resident_kb(void)
{
    long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%ld %ld", &all, &resident) == 2);
    fclose(f);
    return resident * 4;
}

static void many(struct rt_disk *disk, uint64_t entries)
{
    struct queue_query query = {
        .kind = QUEUE_DUE, .after = {INT64_MIN, 0}, .due_max_us = INT64_MAX, .max = 100};
    struct store_queue_list list = {0};
    struct local *l = open_store(disk);
    double at = seconds(CLOCK_MONOTONIC);
    uint64_t all, held;

    catalog_queue(l->store.catalog, &all, &held);
    if (all < entries)
        fill(l, entries - all);
    local_close(l);
    printf("filled in %.1f s; ", seconds(CLOCK_MONOTONIC) - at);
    at = seconds(CLOCK_MONOTONIC);
    l = open_store(disk);
    catalog_queue(l->store.catalog, &all, &held);
    printf("%llu entries opened in %.1f ms, ", (unsigned long long)all,
           (seconds(CLOCK_MONOTONIC) - at) * 1e3);
    at = seconds(CLOCK_MONOTONIC);
    buf_init(&list.bytes, SIZE_MAX / 2);
    CHECK(local_queue_read(l, &query, &list) == 0 && list.count == 100);
    query.lane = STR("mx:host42.example.org");
    CHECK(local_queue_read(l, &query, &list) == 0);
    printf("the first 200 read in %.1f ms, %ld KB resident\n",
           (seconds(CLOCK_MONOTONIC) - at) * 1e3, resident_kb());
    store_queue_list_done(&list);
    local_close(l);
}

int main(int count, char **words)
{
    struct rt_disk *disk;
    uint64_t n = 0, group = 50;

    if (count < 3 || (count > 3 && !str_to_u64(str_from(words[3]), 100000000, &n)) ||
        (count > 4 && !str_to_u64(str_from(words[4]), GROUP_MAX, &group)) || !group) {
        fprintf(stderr, "usage: bench_queue pairs|many DIRECTORY [COUNT [GROUP]]\n");
        return 64;
    }
    mkdir(words[2], 0700);
    CHECK(rt_disk_open(words[2], &disk) == 0);
    if (strcmp(words[1], "pairs") == 0)
        pairs(disk, n ? n : 100000, (size_t)group);
    else
        many(disk, n ? n : 1000000);
    rt_disk_close(disk);
    return 0;
}
