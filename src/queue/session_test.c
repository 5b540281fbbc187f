// SPDX-License-Identifier: ISC
//
// From host to host, and what becomes of a session from mail to mail.
#include "queue/harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- sessions

static void play_kept(struct world *w)
{
    w->config.lane_connections_max = 1;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 10);
    rt_sleep(3000);
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(3000);
    CHECK(w->fars[0].mail_count == 11 && w->fars[0].connections == 1);
    CHECK(w->questions == 1);
    rt_sleep(6000);
    CHECK(w->fars[0].connections_now == 0);
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(3000);
    CHECK(w->done == 12 && w->fars[0].connections == 2);
}

static void sessions_are_kept_for_a_while(void **state)
{
    (void)state;
    run(new_world(), play_kept);
}

static void play_mails_per_connection(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->config.mails_per_connection = 5;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 20);
    rt_sleep(10000);
    CHECK(w->done == 20 && w->fars[0].connections == 4);
}

static void a_session_has_so_many_mails(void **state)
{
    (void)state;
    run(new_world(), play_mails_per_connection);
}

/// Hangs up at the second MAIL of a session.
static const char *second_mail_dies(struct far *far, struct str line)
{
    if (line.len == 0)
        far->number = 0;
    if (str_starts(line, STR("MAIL")) && ++far->number == 2)
        return "!";
    return NULL;
}

static void play_dies_unsent(struct world *w)
{
    w->config.lane_connections_max = 1;
    w->fars[0].fn = second_mail_dies;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 1), 6);
    rt_sleep(20000);
    CHECK(w->done == 6 && w->later == 0 && w->fars[0].mail_count == 6);
}

static void a_kept_session_that_dies_costs_no_attempt(void **state)
{
    (void)state;
    run(new_world(), play_dies_unsent);
}

static const char *dies_after_dot(struct far *far, struct str line)
{
    return str_eq(line, STR(".")) && far->number++ == 0 ? "!" : NULL;
}

static void play_dies_after_dot(struct world *w)
{
    w->fars[0].fn = dies_after_dot;
    hand_in(w, MAIL("a@near.test", "far0.test", 2));
    rt_sleep(60000);
    CHECK(w->done == 0 && w->later == 2 && left(w) == 2);
    rt_sleep(600000);
    CHECK(w->done == 2 && left(w) == 0);
}

static void silence_after_the_dot_means_later(void **state)
{
    (void)state;
    run(new_world(), play_dies_after_dot);
}

static void play_loop(struct world *w)
{
    w->fars[0].name = "near.test";
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(10000);
    CHECK(w->never == 1 && left(w) == 0 && strstr(w->last_text, "loops back"));
}

static void our_own_name_is_a_loop(void **state)
{
    (void)state;
    run(new_world(), play_loop);
}

/// The best host is down, and the next one is us: it comes back.
static void play_loop_behind(struct world *w)
{
    w->more_hosts = "192.0.2.98"; // nobody is there
    w->fars[0].name = "near.test";
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(60000);
    CHECK(w->never == 0 && w->later == 1 && left(w) == 1);
}

static void a_host_that_may_come_back_is_waited_for(void **state)
{
    (void)state;
    run(new_world(), play_loop_behind);
}

static struct order under_tls(void)
{
    struct order o = *MAIL("a@near.test", "far0.test", 1);

    o.more.requires_tls = true;
    return o;
}

/// Under plain text no offer helps; but all hosts are asked before that is said.
static void play_requires_tls(struct world *w)
{
    struct order o = under_tls();

    w->more_hosts = "192.0.2.2"; // far1
    w->fars[0].offer = "250 REQUIRETLS";
    hand_in(w, &o);
    rt_sleep(60000);
    CHECK(w->fars[1].connections == 1 && w->fars[0].connections == 1);
    CHECK(w->never == 1 && left(w) == 0 && w->fars[0].mail_count == 0);
}

static void play_requires_tls_later(struct world *w)
{
    struct order o = under_tls();

    w->more_hosts = "192.0.2.98"; // nobody is there
    hand_in(w, &o);
    rt_sleep(60000);
    CHECK(w->fars[0].connections == 1 && w->never == 0 && w->later == 1 && left(w) == 1);
}

static void all_hosts_are_asked_to_keep_tls(void **state)
{
    (void)state;
    run(new_world(), play_requires_tls);
    run(new_world(), play_requires_tls_later);
}

/// Thirty hosts like these would cost eight hours.
static const char *is_mute(struct far *far, struct str line)
{
    (void)far;
    (void)line;
    rt_sleep(3600000);
    return "!";
}

static void play_mute_hosts(struct world *w)
{
    w->more_hosts = "192.0.2.2";
    w->more_count = 30;
    w->send.greeting = 300000;
    w->fars[1].fn = is_mute;
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(2400000);
    CHECK(w->later == 1 && left(w) == 1);
}

static void hosts_that_keep_us_waiting_are_not_all_waited_for(void **state)
{
    (void)state;
    run(new_world(), play_mute_hosts);
}

static void play_next_host(struct world *w)
{
    w->more_hosts = "192.0.2.98"; // nobody is there
    hand_in(w, MAIL("a@near.test", "far0.test", 1));
    rt_sleep(100000);
    CHECK(w->done == 1 && w->fars[0].mail_count == 1 && w->later == 0);
}

static void the_next_host_is_tried(void **state)
{
    (void)state;
    run(new_world(), play_next_host);
}

static void play_no_domain(struct world *w)
{
    w->no_hosts = true;
    hand_in_many(w, MAIL("a@near.test", "far0.test", 2), 30);
    rt_sleep(1000);
    CHECK(w->never == 60 && left(w) == 0 && w->last_code == 550);
}

static void no_such_domain_ends_all(void **state)
{
    (void)state;
    run(new_world(), play_no_domain);
}

static const char *five_at_once(struct far *far, struct str line)
{
    if (str_starts(line, STR("MAIL")))
        far->number = 0;
    if (str_starts(line, STR("RCPT")) && ++far->number > 5)
        return "452 4.5.3 too many recipients";
    return NULL;
}

static void play_five(struct world *w)
{
    w->fars[0].fn = five_at_once;
    hand_in(w, MAIL("a@near.test", "far0.test", 23));
    rt_sleep(10000);
    CHECK(w->done == 23 && w->later == 0 && w->fars[0].mail_count == 5);
}

static void too_many_recipients_go_in_the_next_transaction(void **state)
{
    (void)state;
    run(new_world(), play_five);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_kept_for_a_while),
        cmocka_unit_test(a_session_has_so_many_mails),
        cmocka_unit_test(a_kept_session_that_dies_costs_no_attempt),
        cmocka_unit_test(silence_after_the_dot_means_later),
        cmocka_unit_test(our_own_name_is_a_loop),
        cmocka_unit_test(a_host_that_may_come_back_is_waited_for),
        cmocka_unit_test(all_hosts_are_asked_to_keep_tls),
        cmocka_unit_test(hosts_that_keep_us_waiting_are_not_all_waited_for),
        cmocka_unit_test(the_next_host_is_tried),
        cmocka_unit_test(no_such_domain_ends_all),
        cmocka_unit_test(too_many_recipients_go_in_the_next_transaction),
    };

    silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
