// SPDX-License-Identifier: ISC
//
// What the operator does, also to what is being sent; and all of it at once, in bad weather.
#include "queue/harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- what he does

static void play_deeds(struct world *w)
{
    struct queue_filter all = {.held = -1}, of_b = {.held = -1, .sender = STR("B@")},
                        held = {.held = 1};

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1), 5);
    hand_in_many(w, MAIL("b@near.test", "dead.test", 2), 5);
    rt_sleep(60000);
    CHECK(seen(w, all) == 15 && seen(w, of_b) == 10 && seen(w, held) == 0);
    CHECK(deed(w, of_b, QUEUE_HOLD, true) == 10 && seen(w, held) == 0);
    CHECK(deed(w, of_b, QUEUE_HOLD, false) == 10 && seen(w, held) == 10);
    CHECK(deed(w, held, QUEUE_REMOVE, false) == 10 && left(w) == 5);
    CHECK(deed(w, all, QUEUE_HOLD, false) == 5);
    CHECK(deed(w, all, QUEUE_RETRY, false) == 0); // held ones stay
    rt_sleep(10000000);
    CHECK(left(w) == 5 && w->later <= 2);
    far_start(&w->fars[3], w->rt, "192.0.2.9");
    hand_in(w, MAIL("a@near.test", "dead.test", 1));
    CHECK(deed(w, (struct queue_filter){.held = 1, .max = 3}, QUEUE_RELEASE, false) == 3);
    rt_sleep(5000);
    CHECK(left(w) == 2 && w->done == 4);
    CHECK(deed(w, held, QUEUE_BOUNCE, false) == 2);
    CHECK(left(w) == 0 && w->never == 2);
    // what goes back of one mail goes back in one report
    w->finishes = 0;
    hand_in(w, MAIL("a@near.test", "far3.test", 30, .due_in_s = 1000));
    hand_in(w, MAIL("b@near.test", "far3.test", 20, .due_in_s = 1000));
    CHECK(deed(w, all, QUEUE_BOUNCE, false) == 50 && w->finishes == 2);
    CHECK(left(w) == 0 && w->never == 52);
}

static void the_operator_holds_releases_and_removes(void **state)
{
    (void)state;
    run(new_world(), play_deeds);
}

static void play_in_flight(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].delay_ms = 5000;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 3);
    rt_sleep(1000);
    CHECK(seen(w, (struct queue_filter){.held = -1}) == 1002);
    CHECK(deed(w, (struct queue_filter){.held = -1}, QUEUE_REMOVE, false) == 3);
    rt_sleep(60000);
    CHECK(w->done == 1 && w->fars[0].mail_count == 1 && left(w) == 0);
}

static void what_is_in_flight_is_left_alone(void **state)
{
    (void)state;
    run(new_world(), play_in_flight);
}

static const char *silent_then_full(struct far *far, struct str line)
{
    (void)far;
    if (str_starts(line, STR("MAIL")))
        rt_sleep(10000);
    return str_starts(line, STR("RCPT")) ? "452 4.2.2 full" : NULL;
}

static void play_wishes(struct world *w)
{
    struct queue_filter all = {.held = -1};

    // being sent: held when that came to nothing
    w->fars[0].fn = silent_then_full;
    hand_in(w, MAIL("a@near.test", "far0.test", 2));
    rt_sleep(1000);
    CHECK(deed(w, all, QUEUE_HOLD, false) == 2 && seen(w, (struct queue_filter){.held = 1}) == 0);
    rt_sleep(30000);
    CHECK(w->later == 2 && seen(w, (struct queue_filter){.held = 1}) == 2);
    CHECK(deed(w, all, QUEUE_REMOVE, false) == 2 && left(w) == 0);
    // only looking for a host: removed at once, and nothing is sent
    w->more_hosts = "192.0.2.98";
    hand_in(w, MAIL("a@near.test", "far1.test", 2));
    rt_sleep(0);
    CHECK(deed(w, all, QUEUE_REMOVE, false) == 2 && left(w) == 0);
    rt_sleep(100000);
    CHECK(w->fars[1].mail_count == 0 && w->done == 0 && w->later == 2);
}

static void wishes_for_what_is_in_flight_are_kept(void **state)
{
    (void)state;
    run(new_world(), play_wishes);
}

static const char *slow_and_takes_one(struct far *far, struct str line)
{
    if (str_starts(line, STR("MAIL"))) {
        rt_sleep(10000);
        far->number = 0;
    }
    return str_starts(line, STR("RCPT")) && far->number++ > 0 ? "452 4.5.3 too many" : NULL;
}

static void play_wish_of_rest(struct world *w)
{
    w->fars[0].fn = slow_and_takes_one;
    hand_in(w, MAIL("a@near.test", "far0.test", 3));
    rt_sleep(1000);
    CHECK(deed(w, (struct queue_filter){.held = -1}, QUEUE_REMOVE, false) == 3);
    rt_sleep(100000);
    // one was taken; the others were left for the next transaction, which must not come
    CHECK(w->done == 1 && w->fars[0].rcpt_count == 1 && left(w) == 0);
}

static void wishes_are_kept_for_what_is_given_back(void **state)
{
    (void)state;
    run(new_world(), play_wish_of_rest);
}

static void play_retry_waived(struct world *w)
{
    struct queue_filter all = {.held = -1};

    hand_in_many(w, MAIL("a@near.test", "far3.test", 1, .more = {.waives_tls = true}), 5);
    rt_sleep(60000);
    CHECK(w->later == 1);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    CHECK(deed(w, all, QUEUE_RETRY, false) == 5);
    rt_sleep(2000);
    CHECK(w->done == 5);
}

static void retry_forgets_the_back_off_without_tls_too(void **state)
{
    (void)state;
    run(new_world(), play_retry_waived);
}

static void play_retry(struct world *w)
{
    struct queue_lane_info *lanes;
    struct arena arena;
    size_t count;

    hand_in_many(w, MAIL("a@near.test", "far3.test", 1), 5);
    rt_sleep(60000);
    arena_init(&arena, 1 << 20);
    CHECK(queue_lanes(&w->queue, &arena, &lanes, &count) == 0 && count == 1);
    CHECK(lanes[0].blocked_until_us > rt_wall_us() && lanes[0].waiting == 0);
    CHECK(str_starts(lanes[0].last, STR("4")));
    arena_done(&arena);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    CHECK(deed(w, (struct queue_filter){.held = -1, .lane = STR("far3")}, QUEUE_RETRY, false) == 5);
    rt_sleep(2000);
    CHECK(w->done == 5);
}

static void retry_forgets_the_back_off(void **state)
{
    (void)state;
    run(new_world(), play_retry);
}

static void play_overdue(struct world *w)
{
    struct rt_scope scope;
    uint64_t count;

    hand_in_many(w, MAIL("a@near.test", "dead.test", 1), QUEUE_PAGE + 100);
    rt_sleep(60000);
    store_memory_slow(w->store);
    rt_within(&scope, 3600000);
    count = deed(w, (struct queue_filter){.held = -1}, QUEUE_RETRY, false);
    rt_within_end(&scope);
    CHECK(count > QUEUE_PAGE && count <= QUEUE_PAGE + 100 && left(w) == QUEUE_PAGE + 100);
}

static void retrying_what_is_overdue_comes_to_an_end(void **state)
{
    (void)state;
    run(new_world(), play_overdue);
}

static void play_flush(struct world *w)
{
    hand_in(w, MAIL("a@near.test", "far3.test", 5));
    hand_in(w, MAIL("a@near.test", "far3.test", 5));
    hand_in(w, MAIL("a@near.test", "far3.test", 1, .due_in_s = 86400)); // not before
    rt_sleep(60000);
    CHECK(w->later == 5);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    queue_flush(&w->queue, STR("far3.test"));
    rt_sleep(2000);
    CHECK(w->done == 10 && left(w) == 1);
    // those that fail again are not begun again by the same flush
    w->fars[3].fn = full_box;
    hand_in(w, MAIL("a@near.test", "far3.test", 2));
    queue_flush(&w->queue, STR("far3.test"));
    rt_sleep(10000);
    CHECK(w->done == 11 && w->later == 6 && left(w) == 2);
}

static void a_flush_begins_at_once(void **state)
{
    (void)state;
    run(new_world(), play_flush);
}

// ---- all of it at once

static const char *moody(struct far *far, struct str line)
{
    static const char *const answers[] = {"421 4.3.2 not now", "!", "450 4.2.0 later",
                                          "451 4.3.0 trouble", "452 4.2.2 full"};

    (void)far;
    (void)line;
    return rt_random() % 12 == 0 ? answers[rt_random() % 5] : NULL;
}

/// What may happen at any time.
static void something(struct world *w)
{
    struct queue_filter others = {.held = 0, .max = 10}, held = {.held = 1};
    char lane[16];

    snprintf(lane, sizeof(lane), "far%u.test", (unsigned)(rt_random() % 3));
    switch (rt_random() % 8) {
    case 0:
        queue_stop(&w->queue, (uint32_t)(rt_random() % 3000));
        CHECK(queue_start_with(&w->queue, &world_doors) == 0);
        break;
    case 1:
        deed(w, others, QUEUE_HOLD, false);
        break;
    case 2:
        deed(w, held, QUEUE_RELEASE, false);
        break;
    case 3:
        deed(w, others, QUEUE_RETRY, false);
        break;
    case 4:
        queue_flush(&w->queue, str_from(lane));
        break;
    case 5:
        w->finish_fails = (unsigned)(rt_random() % 3);
        break;
    default:
        hand_in(w, MAIL("a@near.test", lane, 1 + rt_random() % 4));
        break;
    }
}

static void play_history(struct world *w)
{
    uint64_t handed = 0;

    w->config.active_max = 100;
    w->config.connections_max = 5;
    for (int i = 0; i < 3; i++)
        w->fars[i].fn = moody;
    for (int i = 0; i < 150; i++) {
        something(w);
        rt_sleep((uint32_t)(rt_random() % 20000));
    }
    w->finish_fails = 0;
    for (int i = 0; i < 3; i++)
        w->fars[i].fn = NULL;
    for (int day = 0; day < 60 && left(w); day++) {
        deed(w, (struct queue_filter){.held = 1}, QUEUE_RELEASE, false);
        rt_sleep(86400000);
    }
    for (size_t i = 0; i < IDS_MAX; i++)
        handed += w->ended[i];
    CHECK(left(w) == 0 && handed == w->done + w->never && w->never == 0);
    CHECK(w->fars[0].rcpt_count + w->fars[1].rcpt_count + w->fars[2].rcpt_count >= w->done);
}

static void hostile_histories_end_well(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_in(new_world(), play_history, seed, &rt_sim_rough);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operator_holds_releases_and_removes),
        cmocka_unit_test(what_is_in_flight_is_left_alone),
        cmocka_unit_test(wishes_for_what_is_in_flight_are_kept),
        cmocka_unit_test(wishes_are_kept_for_what_is_given_back),
        cmocka_unit_test(retry_forgets_the_back_off_without_tls_too),
        cmocka_unit_test(retry_forgets_the_back_off),
        cmocka_unit_test(retrying_what_is_overdue_comes_to_an_end),
        cmocka_unit_test(a_flush_begins_at_once),
        cmocka_unit_test(hostile_histories_end_well),
    };

    silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
