// SPDX-License-Identifier: ISC
//
// The suite every engine must pass: each point of the contract in store.h, on the engine in memory,
// on store/local in a real directory and on store/local over the simulated disk. Tests run as a
// task and use CHECK, because cmocka's jumps know nothing of tasks.
#include "rt/sim/disk.h"
#include "store/suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum engine_kind { MEMORY, LOCAL, LOCAL_SIM };

struct run {
    enum engine_kind kind;
    void (*fn)(void);
    struct rt_disk *disk;
};

static int run_one(void *arg)
{
    struct run *run = arg;
    struct store_local_config config = {.disk = run->disk, .free_bytes_min = 1};

    struct fsck_options options = {0};
    struct fsck_report report;

    if (run->kind == MEMORY)
        OK(store_memory_open(the_rt, &s));
    else
        OK(store_local_open(the_rt, &config, &s));
    run->fn();
    store_close(s);
    if (run->kind != MEMORY) { // what was closed is whole, and opens again
        OK(store_fsck(run->disk, &options, &report));
        CHECK(!report.notes && !report.repairable && !report.damaged);
        OK(store_local_open(the_rt, &config, &s));
        store_close(s);
    }
    rt_stop(the_rt);
    return 0;
}

static int remove_name(void *arg, const char *name)
{
    int r = rt_disk_remove(arg, name);

    return r == -EISDIR || r == -ENOTEMPTY || r == -EPERM ? 0 : r;
}

static int remove_segment(void *arg, const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "segments/%s", name);
    return rt_disk_remove(arg, path);
}

static void on_engine(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct run run = *(struct run *)*state;
    char dir[200];

    snprintf(dir, sizeof(dir), "%s/carteiro-store-XXXXXX", tmp ? tmp : "/tmp");
    if (run.kind == LOCAL) {
        assert_non_null(mkdtemp(dir));
        assert_int_equal(rt_disk_open(dir, &run.disk), 0);
    } else if (run.kind == LOCAL_SIM) {
        assert_int_equal(rt_sim_disk_new(&run.disk), 0);
    }
    assert_int_equal(rt_new(&(struct rt_config){.loops = 1}, &the_rt), 0);
    assert_int_equal(rt_run(the_rt, run_one, &run), 0);
    rt_free(the_rt);
    if (run.kind == LOCAL) {
        rt_disk_list(run.disk, "segments", remove_segment, run.disk);
        rt_disk_list(run.disk, "", remove_name, run.disk);
        rt_disk_remove(run.disk, "segments");
        rmdir(dir);
    }
    if (run.disk)
        rt_disk_close(run.disk);
}

static const char *const the_engines[] = {"memory", "local", "local over the simulated disk"};
static const struct suite_test *const the_tables[] = {suite_body,    suite_flag,  suite_mailbox,
                                                      suite_account, suite_queue, suite_snapshot};
enum { TESTS_MAX = 300 };

int main(void)
{
    static struct CMUnitTest tests[TESTS_MAX];
    static struct run runs[TESTS_MAX];
    static char names[TESTS_MAX][100];
    size_t n = 0;

    for (size_t kind = 0; kind < COUNT(the_engines); kind++) {
        for (size_t i = 0; i < COUNT(the_tables); i++) {
            for (const struct suite_test *test = the_tables[i]; test->fn; test++, n++) {
                CHECK(n < TESTS_MAX);
                snprintf(names[n], sizeof(names[n]), "%s: %s", the_engines[kind], test->name);
                runs[n] = (struct run){(enum engine_kind)kind, test->fn, NULL};
                tests[n] = (struct CMUnitTest){names[n], on_engine, NULL, NULL, &runs[n]};
            }
        }
    }
    cmocka_set_test_filter(getenv("STORE_TEST"));
    return _cmocka_run_group_tests("store", tests, n, NULL, NULL);
}
