// SPDX-License-Identifier: ISC
//
// Tasks, deadlines, pools and lanes in the real world. What must hold inside a task is checked by
// CHECK: a failed assertion of cmocka would jump from one stack to another.
#include "base/check.h"

#include "log/log.h"
#include "rt/rt.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

static struct rt *run_loops(unsigned loops, int (*first)(void *arg))
{
    struct rt_config config = {.loops = loops, .tasks_max = 300};
    struct rt *rt;

    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_run(rt, first, rt), 0);
    return rt;
}

static void run_first(unsigned loops, int (*first)(void *arg))
{
    rt_free(run_loops(loops, first));
}

// ---- tasks

static int count_up(void *arg)
{
    int *n = arg;

    CHECK(rt_sleep(1) == 0);
    return ++*n;
}

static int join_many(void *arg)
{
    struct rt_task *tasks[200];
    int n = 0, sum = 0;

    for (int i = 0; i < 200; i++)
        CHECK(rt_spawn(count_up, &n, "count", &tasks[i]) == 0);
    for (int i = 0; i < 200; i++)
        sum += rt_join(tasks[i]);
    CHECK(n == 200 && sum == 200 * 201 / 2);
    rt_stop(arg);
    return 0;
}

static void tasks_are_joined(void **state)
{
    (void)state;
    run_first(1, join_many);
}

static int sleep_long(void *arg)
{
    int r = rt_sleep(3600 * 1000);

    (void)arg;
    CHECK(rt_sleep(1) == r); // and so does every later await
    return r;
}

static int cancel_one(void *arg)
{
    struct rt_task *task;

    CHECK(rt_spawn(sleep_long, NULL, "sleeper", &task) == 0);
    CHECK(rt_sleep(1) == 0);
    rt_cancel(task);
    CHECK(rt_join(task) == -ECANCELED);
    CHECK(rt_spawn(sleep_long, NULL, "left behind", NULL) == 0); // rt_stop ends it
    rt_stop(arg);
    return 0;
}

static void a_cancelled_task_ends(void **state)
{
    (void)state;
    run_first(2, cancel_one);
}

static int too_many(void *arg)
{
    struct rt_task *tasks[300];
    int n = 0;

    while (n < 300 && rt_spawn(sleep_long, NULL, "sleeper", &tasks[n]) == 0)
        n++;
    CHECK(n == 299); // and we
    CHECK(rt_spawn(sleep_long, NULL, "sleeper", NULL) == -EAGAIN);
    for (int i = 0; i < n; i++) {
        rt_cancel(tasks[i]);
        CHECK(rt_join(tasks[i]) == -ECANCELED);
    }
    rt_stop(arg);
    return 0;
}

static void tasks_have_a_limit(void **state)
{
    (void)state;
    run_first(1, too_many);
}

static int first_fails(void *arg)
{
    (void)arg;
    return -EIO;
}

static void a_failed_first_stops_it_all(void **state)
{
    struct rt_config config = {.loops = 2};
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_run(rt, first_fails, NULL), -EIO);
    rt_free(rt);
}

// ---- deadlines

static int nested(void *arg)
{
    struct rt_scope outer, inner;

    rt_within(&outer, 3600 * 1000);
    rt_within(&inner, 2);
    CHECK(rt_sleep(3600 * 1000) == -ETIMEDOUT);
    CHECK(rt_sleep(0) == -ETIMEDOUT); // for as long as the scope lasts
    rt_within_end(&inner);
    CHECK(rt_sleep(1) == 0);
    rt_within_end(&outer);

    rt_within(&outer, 2);
    rt_within(&inner, 3600 * 1000); // the earlier counts
    CHECK(rt_sleep(3600 * 1000) == -ETIMEDOUT);
    rt_within_end(&inner);
    CHECK(rt_sleep(1) == -ETIMEDOUT);
    rt_within_end(&outer);
    CHECK(rt_sleep(1) == 0);
    rt_stop(arg);
    return 0;
}

static void deadlines_nest(void **state)
{
    (void)state;
    run_first(1, nested);
}

// ---- pools and lanes

enum { CALLS = 100 };

static struct {
    struct rt_pool *pool;
    struct rt_lane *lane;
    _Atomic int running, most, done;
    pthread_mutex_t gate;
    size_t batches, jobs, largest;
} work = {.gate = PTHREAD_MUTEX_INITIALIZER};

static int busy(void *arg)
{
    int now = atomic_fetch_add(&work.running, 1) + 1;
    int most = atomic_load(&work.most);

    CHECK(rt_here());
    while (now > most && !atomic_compare_exchange_weak(&work.most, &most, now))
        continue;
    atomic_fetch_sub(&work.running, 1);
    return *(int *)arg;
}

static int call_busy(void *arg)
{
    int i = (int)(intptr_t)arg;

    CHECK(rt_call(work.pool, busy, &i) == i);
    atomic_fetch_add(&work.done, 1);
    return 0;
}

static int call_many(void *arg)
{
    struct rt_task *tasks[CALLS];

    for (int i = 0; i < CALLS; i++)
        CHECK(rt_spawn(call_busy, (void *)(intptr_t)i, "caller", &tasks[i]) == 0);
    for (int i = 0; i < CALLS; i++)
        CHECK(rt_join(tasks[i]) == 0);
    rt_stop(arg);
    return 0;
}

static void calls_wait_for_a_worker(void **state)
{
    struct rt_config config = {.loops = 1};
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_pool_new(rt, "pool", 3, 4, &work.pool), 0);
    assert_int_equal(rt_run(rt, call_many, rt), 0);
    rt_pool_free(work.pool);
    rt_free(rt);
    assert_int_equal(atomic_load(&work.done), CALLS);
    assert_in_range(atomic_load(&work.most), 1, 3);
}

static int pass_gate(void *arg)
{
    pthread_mutex_lock(&work.gate);
    pthread_mutex_unlock(&work.gate);
    return *(int *)arg;
}

static int call_gate(void *arg)
{
    (void)arg;
    return rt_call(work.pool, pass_gate, &(int){7});
}

static int cancel_call(void *arg)
{
    struct rt_task *task;

    pthread_mutex_lock(&work.gate);
    CHECK(rt_spawn(call_gate, NULL, "caller", &task) == 0);
    CHECK(rt_sleep(1) == 0);
    rt_cancel(task);
    pthread_mutex_unlock(&work.gate);
    CHECK(rt_join(task) == 7); // it ran to its end all the same
    rt_stop(arg);
    return 0;
}

static void a_call_survives_cancellation(void **state)
{
    struct rt_config config = {.loops = 1};
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_pool_new(rt, "pool", 1, 1, &work.pool), 0);
    assert_int_equal(rt_run(rt, cancel_call, rt), 0);
    rt_pool_free(work.pool);
    rt_free(rt);
}

static void do_jobs(void *context, struct rt_job *const *jobs, size_t count)
{
    CHECK(context == &work && count <= 40);
    pthread_mutex_lock(&work.gate);
    pthread_mutex_unlock(&work.gate);
    work.batches++;
    work.jobs += count;
    if (count > work.largest)
        work.largest = count;
    for (size_t i = 0; i < count; i++)
        jobs[i]->result = (int)count;
}

static int submit(void *arg)
{
    struct rt_job job = {0};
    int r = rt_lane_run(work.lane, &job);

    (void)arg;
    CHECK(r == job.result && r >= 1);
    return 0;
}

static int submit_many(void *arg)
{
    struct rt_task *tasks[CALLS];

    pthread_mutex_lock(&work.gate); // the first batch is held up, the others gather
    for (int i = 0; i < CALLS; i++)
        CHECK(rt_spawn(submit, NULL, "submitter", &tasks[i]) == 0);
    CHECK(rt_sleep(1) == 0);
    pthread_mutex_unlock(&work.gate);
    for (int i = 0; i < CALLS; i++)
        CHECK(rt_join(tasks[i]) == 0);
    rt_stop(arg);
    return 0;
}

static void a_lane_takes_what_waits(void **state)
{
    struct rt_config config = {.loops = 1};
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_lane_new(rt, "lane", do_jobs, &work, 40, &work.lane), 0);
    assert_int_equal(rt_run(rt, submit_many, rt), 0);
    rt_lane_free(work.lane);
    rt_free(rt);
    assert_int_equal(work.jobs, CALLS);
    assert_int_equal(work.largest, 40);
    assert_true(work.batches < CALLS / 2);
}

// ---- posts, signals, watchdog

static _Atomic unsigned posts;

static void on_post(void *arg)
{
    struct rt *rt = arg;

    CHECK(rt_loop_here() == rt_loop_at(rt, atomic_fetch_add(&posts, 1)));
    if (atomic_load(&posts) < rt_loop_count(rt))
        rt_post(rt_loop_at(rt, atomic_load(&posts)), on_post, rt);
    else
        rt_stop(rt);
}

static int post_round(void *arg)
{
    rt_post(rt_loop_at(arg, 0), on_post, arg);
    return 0;
}

static void posts_reach_every_loop(void **state)
{
    (void)state;
    run_first(3, post_round);
    assert_int_equal(atomic_load(&posts), 3);
}

static int on_usr1(void *arg)
{
    rt_stop(arg);
    return 0;
}

static int raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
    return 0;
}

static void signals_run_tasks(void **state)
{
    struct rt_config config = {.loops = 1};
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&config, &rt), 0);
    assert_int_equal(rt_on_signal(rt, SIGUSR1, on_usr1, rt), 0);
    assert_int_equal(rt_run(rt, raise_usr1, rt), 0);
    rt_free(rt);
}

static _Atomic int hot_seen, was_hot_seen;

static void on_line(void *arg, struct str line)
{
    (void)arg;
    if (str_find_str(line, STR("task=burner")) < 0)
        return;
    if (str_find_str(line, STR("is hot")) >= 0)
        atomic_fetch_add(&hot_seen, 1);
    if (str_find_str(line, STR("was hot")) >= 0)
        atomic_fetch_add(&was_hot_seen, 1);
}

static int burn(void *arg)
{
    (void)arg;
    while (!atomic_load(&hot_seen)) // no await: the loop stands still until somebody notices
        continue;
    return 0;
}

static int watch_burner(void *arg)
{
    struct rt_task *task;

    CHECK(rt_spawn(burn, NULL, "burner", &task) == 0);
    CHECK(rt_join(task) == 0);
    CHECK(rt_sleep(1) == 0);
    rt_stop(arg);
    return 0;
}

static void the_watchdog_names_the_task(void **state)
{
    (void)state;
    log_set_sink(on_line, NULL);
    run_first(1, watch_burner);
    log_set_sink(NULL, NULL);
    assert_int_equal(atomic_load(&hot_seen), 1);
    assert_int_equal(atomic_load(&was_hot_seen), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_joined),
        cmocka_unit_test(a_cancelled_task_ends),
        cmocka_unit_test(tasks_have_a_limit),
        cmocka_unit_test(a_failed_first_stops_it_all),
        cmocka_unit_test(deadlines_nest),
        cmocka_unit_test(calls_wait_for_a_worker),
        cmocka_unit_test(a_call_survives_cancellation),
        cmocka_unit_test(a_lane_takes_what_waits),
        cmocka_unit_test(posts_reach_every_loop),
        cmocka_unit_test(signals_run_tasks),
        cmocka_unit_test(the_watchdog_names_the_task),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
