// SPDX-License-Identifier: ISC
//
// Whose turn it is, what lanes learn, and that what waits costs neither memory nor writes.
#include "queue/harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- the plain way

static void play_plain(struct world *w)
{
    hand_in(w, MAIL("ana@near.test", "far0.test", 3, .more = {.skip = 9}));
    rt_sleep(1000);
    CHECK(w->done == 3 && w->finishes == 1 && left(w) == 0);
    CHECK(w->fars[0].mail_count == 1 && w->fars[0].mails[0].rcpts == 3);
    CHECK(w->fars[0].mails[0].size == 15); // "hello" CR LF, empty, "text" CR LF
    CHECK(strcmp(w->fars[0].mails[0].sender, "ana@near.test") == 0);
}

static void one_mail_many_recipients_one_transaction(void **state)
{
    (void)state;
    run(new_world(), play_plain);
}

// ---- lanes

static void play_dead_lane(struct world *w)
{
    hand_in_many(w, MAIL("ana@near.test", "dead.test", 1), 50);
    hand_in_many(w, MAIL("ana@near.test", "far0.test", 1), 50);
    rt_sleep(10000);
    CHECK(w->fars[0].mail_count == 50 && w->done == 50);
    // one attempt told that nobody is there; the others wait without a word
    rt_sleep(60000);
    CHECK(w->later == 1 && w->finishes == 51 && left(w) == 50);
}

static void a_dead_lane_delays_nobody_and_writes_nothing(void **state)
{
    (void)state;
    run(new_world(), play_dead_lane);
}

static void play_full_box(struct world *w)
{
    w->fars[0].fn = full_box;
    hand_in(w, MAIL("ana@near.test", "far0.test", 3));
    hand_in_many(w, MAIL("ana@near.test", "far0.test", 1), 5);
    rt_sleep(5000);
    CHECK(w->later == 1 && w->done == 7 && left(w) == 1);
    w->fars[0].fn = NULL;
    rt_sleep(400000);
    CHECK(w->done == 8 && left(w) == 0);
}

static void a_full_mailbox_blocks_no_lane(void **state)
{
    (void)state;
    run(new_world(), play_full_box);
}

static void play_comes_back(struct world *w)
{
    // nobody is at far3 yet
    hand_in_many(w, MAIL("ana@near.test", "far3.test", 1), 700);
    rt_sleep(10000);
    CHECK(w->later == 1 && left(w) == 700);
    far_start(&w->fars[3], w->rt, "192.0.2.4");
    rt_sleep(1800000);
    CHECK(w->done == 700 && left(w) == 0 && w->later == 1);
    CHECK(w->fars[3].mail_count == 700);
    CHECK(w->fars[3].connections_most == w->config.lane_connections_max);
}

static void a_lane_that_comes_back_is_refilled(void **state)
{
    (void)state;
    run(new_world(), play_comes_back);
}

// ---- turns

static void play_turns(struct world *w)
{
    size_t small_at = 0;

    w->config.lane_connections_max = 1;
    w->config.recipients_per_transaction = 10;
    w->fars[0].delay_ms = 100;
    hand_in(w, MAIL("big@near.test", "far0.test", 300));
    hand_in_many(w, MAIL("many@near.test", "far0.test", 1), 50);
    hand_in(w, MAIL("small@near.test", "far0.test", 1));
    rt_sleep(60000);
    CHECK(left(w) == 0 && w->fars[0].mail_count == 30 + 51);
    while (strcmp(w->fars[0].mails[small_at].sender, "small@near.test") != 0)
        small_at++;
    CHECK(small_at < 4);
    for (size_t i = 0; i < w->fars[0].mail_count; i++)
        CHECK(w->fars[0].mails[i].rcpts <= 10);
}

static void senders_take_turns(void **state)
{
    (void)state;
    run(new_world(), play_turns);
}

static void play_priority(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].delay_ms = 100;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 20);
    hand_in(w, MAIL("low@near.test", "far0.test", 1, .priority = -4));
    hand_in(w, MAIL("high@near.test", "far0.test", 1, .priority = 6));
    rt_sleep(60000);
    CHECK(w->fars[0].mail_count == 22);
    CHECK(strcmp(w->fars[0].mails[0].sender, "high@near.test") == 0 ||
          strcmp(w->fars[0].mails[1].sender, "high@near.test") == 0);
    CHECK(strcmp(w->fars[0].mails[21].sender, "low@near.test") == 0);
}

static void the_higher_priority_goes_first(void **state)
{
    (void)state;
    run(new_world(), play_priority);
}

// ---- what a lane learns

static void play_growth(struct world *w)
{
    w->fars[0].delay_ms = 200;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 200);
    rt_sleep(150);
    CHECK(w->fars[0].connections_most == 1);
    rt_sleep(200);
    CHECK(w->fars[0].connections_most == 2);
    rt_sleep(60000);
    CHECK(w->done == 200 && w->fars[0].connections_most == w->config.lane_connections_max);
}

static void connections_grow_with_success(void **state)
{
    (void)state;
    run(new_world(), play_growth);
}

/// More than two connections are not welcome.
static const char *two_at_most(struct far *far, struct str line)
{
    return line.len == 0 && far->connections_now > 2 ? "421 4.3.2 too many connections" : NULL;
}

static void play_two(struct world *w)
{
    w->fars[0].fn = two_at_most;
    w->fars[0].delay_ms = 200;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 200);
    rt_sleep(120000);
    CHECK(w->done == 200 && w->later == 0);
    CHECK(w->fars[0].connections < 60);
}

static void a_limit_of_connections_is_learnt(void **state)
{
    (void)state;
    run(new_world(), play_two);
}

static const char *always_421(struct far *far, struct str line)
{
    (void)far;
    return str_starts(line, STR("MAIL")) ? "421 4.3.2 not now" : NULL;
}

static void play_421(struct world *w)
{
    w->fars[0].fn = always_421;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 100);
    rt_sleep(60000);
    CHECK(w->later >= 1 && w->later <= 6 && left(w) == 100);
    w->fars[0].fn = NULL;
    rt_sleep(3600000);
    CHECK(w->done == 100 && left(w) == 0);
}

static void trouble_after_trouble_blocks(void **state)
{
    (void)state;
    run(new_world(), play_421);
}

static const char *slow_down(struct far *far, struct str line)
{
    static uint64_t last_us;
    uint64_t now_us = rt_now_us();

    if (!str_starts(line, STR("MAIL")))
        return NULL;
    if (far->number && now_us - last_us < 900000)
        return "450 4.7.1 you are sending too fast, slow down";
    far->number = 1;
    last_us = now_us;
    return NULL;
}

static void play_slow(struct world *w)
{
    w->fars[0].fn = slow_down;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 40);
    rt_sleep(3600000);
    CHECK(w->done == 40 && left(w) == 0 && w->later < 30);
}

static void too_fast_is_learnt(void **state)
{
    (void)state;
    run(new_world(), play_slow);
}

// ---- time

static void play_times(struct world *w)
{
    int64_t now_s = rt_wall_s();

    hand_in(w, MAIL("a@near.test", "far0.test", 1, .due_in_s = 3600)); // FUTURERELEASE
    hand_in(w, MAIL("b@near.test", "dead.test", 1,
                    .more = {.by = ENVELOPE_BY_RETURN, .by_s = now_s + 400}));
    rt_sleep(3000000);
    CHECK(w->done == 0 && w->never == 1 && w->last_code == 554);
    rt_sleep(700000);
    CHECK(w->done == 1 && left(w) == 0);
}

static void mail_of_the_future_and_deadlines(void **state)
{
    (void)state;
    run(new_world(), play_times);
}

static void back_off_doubles_and_is_bounded(void **state)
{
    struct queue_back_off b = {300000, 14400000};
    struct queue_entry e = {.attempts = 20, .expires_s = 5000};
    (void)state;

    for (unsigned n = 1; n < 80; n++) {
        uint64_t ms = n < 7 ? 300000ull << (n - 1) : 14400000;

        if (ms > 14400000)
            ms = 14400000;
        for (uint64_t random = 0; random < 5; random++) {
            uint64_t us = queue_back_off(&b, n, random * 1000003 * 77777);

            assert_in_range(us, ms * 750, ms * 1250);
        }
        assert_int_equal(queue_back_off(&b, n, 0), ms * 750);
    }
    assert_int_equal(queue_due_again(&e, &b, 4000000000, 7), 5000000000); // the end
    e.by = ENVELOPE_BY_NOTIFY;
    e.by_s = 4500;
    assert_int_equal(queue_due_again(&e, &b, 4000000000, 7), 4500000000);
    assert_true(queue_due_again(&e, &b, 6000000000, 7) > 6000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_mail_many_recipients_one_transaction),
        cmocka_unit_test(a_dead_lane_delays_nobody_and_writes_nothing),
        cmocka_unit_test(a_full_mailbox_blocks_no_lane),
        cmocka_unit_test(a_lane_that_comes_back_is_refilled),
        cmocka_unit_test(senders_take_turns),
        cmocka_unit_test(the_higher_priority_goes_first),
        cmocka_unit_test(connections_grow_with_success),
        cmocka_unit_test(a_limit_of_connections_is_learnt),
        cmocka_unit_test(trouble_after_trouble_blocks),
        cmocka_unit_test(too_fast_is_learnt),
        cmocka_unit_test(mail_of_the_future_and_deadlines),
        cmocka_unit_test(back_off_doubles_and_is_bounded),
    };

    silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
