// SPDX-License-Identifier: ISC
//
// Memory is bounded, and nothing is lost by a start, a stop, or a store that fails.
#include "queue/harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- memory

static void play_many_lanes(struct world *w)
{
    w->config.active_max = 200;
    w->config.connections_max = 4;
    for (int i = 0; i < 1500; i++) {
        char lane[32];

        snprintf(lane, sizeof(lane), "far%d.x%d.test", i % 3, i);
        hand_in(w, MAIL("a@near.test", lane, 1));
        CHECK(w->queue.schedule->active <= 200);
    }
    for (int i = 0; i < 600 && left(w); i++) {
        CHECK(w->queue.schedule->active <= 200 + QUEUE_PAGE);
        CHECK(w->queue.schedule->connections <= 4);
        rt_sleep(1000);
    }
    CHECK(w->done == 1500 && left(w) == 0);
    CHECK(w->queue.schedule->shards[0].lanes.count <= QUEUE_LANES_IDLE + 1);
}

static void memory_and_connections_are_bounded(void **state)
{
    (void)state;
    run(new_world(), play_many_lanes);
}

static void play_resume(struct world *w)
{
    hand_in_many(w, MAIL("a@near.test", "far0.test", 3, .silent = true), 500);
    hand_in_many(w, MAIL("b@near.test", "far1.test", 1, .silent = true), 500);
    CHECK(queue_start_with(&w->queue, &world_doors) == 0);
    rt_sleep(60000);
    CHECK(w->done == 2000 && left(w) == 0);
    CHECK(w->fars[0].rcpt_count == 1500 && w->fars[1].rcpt_count == 500);
}

static void what_was_kept_is_sent_after_a_start(void **state)
{
    struct world *w = new_world();
    (void)state;

    w->no_start = true;
    run(w, play_resume);
}

static void play_stop(struct world *w)
{
    w->fars[0].delay_ms = 300;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 100);
    rt_sleep(2000);
    queue_stop(&w->queue, 5000);
    CHECK(w->done > 0 && w->done < 100 && left(w) == 100 - w->done && w->later == 0);
    CHECK(w->fars[0].mail_count == w->done);
    // a mail that hangs is cut off when the grace is over
    w->fars[0].delay_ms = 30000;
    CHECK(queue_start_with(&w->queue, &world_doors) == 0);
    rt_sleep(1000);
    queue_stop(&w->queue, 100);
    CHECK(w->later == 1 && left(w) == 100 - w->done);
    w->fars[0].delay_ms = 0;
    CHECK(queue_start_with(&w->queue, &world_doors) == 0);
    rt_sleep(700000);
    CHECK(w->done == 100 && left(w) == 0);
}

static void a_stop_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    run(new_world(), play_stop);
}

static void play_unkept(struct world *w)
{
    w->finish_fails = 6;
    hand_in(w, MAIL("a@near.test", "far0.test", 4));
    rt_sleep(300000);
    CHECK(w->done == 4 && w->fars[0].mail_count == 1 && w->finishes == 7 && left(w) == 0);
}

static void results_that_cannot_be_kept_are_kept_later(void **state)
{
    (void)state;
    run(new_world(), play_unkept);
}

static void play_broken_store(struct world *w)
{
    w->finish_error = -EIO;
    w->finish_fails = 100;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 50);
    rt_sleep(5000);
    hand_in_many(w, MAIL("a@near.test", "far1.test", 1), 50);
    rt_sleep(60000);
    // what was under way when it broke, and no more: all of it would be sent again
    CHECK(w->done == 0 && w->fars[0].mail_count == 1 && w->fars[1].mail_count == 0);
    w->finish_fails = 0;
    rt_sleep(60000);
    CHECK(w->done == 100 && left(w) == 0);
    CHECK(w->fars[0].mail_count == 50 && w->fars[1].mail_count == 50);
}

static void a_store_that_fails_stops_the_sending(void **state)
{
    (void)state;
    run(new_world(), play_broken_store);
}

static void play_unkept_at_stop(struct world *w)
{
    w->finish_fails = 3;
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(500);
    CHECK(w->fars[0].mail_count == 1 && left(w) == 1);
    queue_stop(&w->queue, 30000);
    CHECK(w->done == 1 && left(w) == 0);
}

static void results_are_kept_while_the_server_stops(void **state)
{
    (void)state;
    run(new_world(), play_unkept_at_stop);
}

static void play_unkept_sweep(struct world *w)
{
    struct queue_entry soon = {.by = ENVELOPE_BY_RETURN, .by_s = rt_wall_s() + 9};

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1, .more = soon), 9);
    rt_sleep(60000);
    CHECK(w->later == 1 && left(w) == 9);
    // this one is tried first, and finds nobody; the others are only told that they are too late
    hand_in(w, MAIL("a@near.test", "dead.test", 1, .priority = 5));
    w->fail_lane = "dead.test"; // no room for its reports
    rt_sleep(900000);
    hand_in_many(w, MAIL("b@near.test", "far1.test", 1), 3 * QUEUE_PAGE);
    rt_sleep(60000);
    CHECK(w->done == 3 * QUEUE_PAGE && left(w) == 10);
    w->fail_lane = NULL;
    rt_sleep(3600 * 1000);
    CHECK(w->never == 9 && left(w) == 1);
}

static void reports_that_cannot_be_kept_hold_up_nobody(void **state)
{
    (void)state;
    run(new_world(), play_unkept_sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_and_connections_are_bounded),
        cmocka_unit_test(what_was_kept_is_sent_after_a_start),
        cmocka_unit_test(a_stop_in_the_middle_loses_nothing),
        cmocka_unit_test(results_that_cannot_be_kept_are_kept_later),
        cmocka_unit_test(a_store_that_fails_stops_the_sending),
        cmocka_unit_test(results_are_kept_while_the_server_stops),
        cmocka_unit_test(reports_that_cannot_be_kept_hold_up_nobody),
    };

    silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
