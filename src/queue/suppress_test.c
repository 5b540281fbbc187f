// SPDX-License-Identifier: ISC
//
// Addresses that do not exist: remembered when their host said so, over a restart, until they are
// lifted; left out of lists and refused to who signed in.
#include "queue/finish.h"
#include "queue/suppress.h"
#include "queue/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    enum verdict verdict;
    const char *enhanced;
    bool is_final;
} outcomes[] = {
    {NEVER, "5.1.1", true},  {NEVER, "5.1.2", false}, {NEVER, "5.1.10", false},
    {NEVER, "5.1.6", true},  {NEVER, "5.1.8", false}, {NEVER, "5.7.1", false},
    {NEVER, "5.2.2", false}, {NEVER, "5.2.1", false}, {NEVER, "", false},
    {NEVER, "5.4.7", false}, {LATER, "4.1.1", false}, {LATER, "5.1.1", false},
    {DONE, "2.1.5", false},
};

static void only_what_does_not_exist_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct outcome o = {outcomes[i].verdict, 0, str_from(outcomes[i].enhanced), STR("")};

        if (queue_suppress_is_final(&o) != outcomes[i].is_final)
            fail_msg("%s", outcomes[i].enhanced);
    }
}

static void refuse(struct site *s, const char *enhanced)
{
    struct queue_entry entry;
    struct queue_result r = {.entry = &entry,
                             .outcome = {NEVER, 550, str_from(enhanced), STR("no such user")},
                             .host = STR("mx.far.example"),
                             .dialogue = STR("")};

    CHECK(site_entries(s, &entry, 1) == 1);
    CHECK(queue_finish(&s->queue, &r, 1, NULL) == 0);
}

static void send_and_refuse(struct site *s, const char *to, const char *enhanced)
{
    site_begin(s, "ana@example.test", 0x7f3a);
    CHECK(site_rcpt(s, to, ENVELOPE_NOTIFY_NEVER).verdict == DONE);
    CHECK(site_hand_in(s, "\r\n").verdict == DONE);
    refuse(s, enhanced);
}

static struct outcome ask(struct site *s, const char *to)
{
    site_begin(s, "ana@example.test", 0x7f3b);
    return site_rcpt(s, to, 0);
}

static void story_body(struct world *w)
{
    struct queue_suppressed *all, found;
    struct outcome o;
    struct site s;
    size_t count;

    site_init(&s, w);
    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", NULL);
    world_alias(w, "away@example.test", "zoe@far.example", NULL);
    world_alias(w, "fans@example.test", "zoe@far.example,yan@far.example", "ana@example.test");
    world_alias(w, "fan@example.test", "zoe@far.example", "ana@example.test");
    CHECK(queue_suppress_open(w->store, &s.queue.suppress) == 0);
    send_and_refuse(&s, "zoe@far.example", "5.7.1"); // policy
    CHECK(ask(&s, "zoe@far.example").verdict == DONE);
    send_and_refuse(&s, "zoe@far.example", "5.1.1");
    send_and_refuse(&s, "away@example.test", "5.1.1"); // an alias goes on trying
    o = ask(&s, "ZOE@Far.Example");
    CHECK(o.verdict == NEVER && o.code == 550 && str_eq(o.enhanced, STR("5.1.1")));
    CHECK(str_find_str(o.text, STR("suppress remove zoe@far.example")) > 0);
    CHECK(str_find_str(o.text, STR("550 5.1.1 no such user")) > 0);
    CHECK(s.e.recipient_count == 0 && s.e.target_count == 0);
    CHECK(ask(&s, "fans@example.test").verdict == DONE);
    CHECK(s.e.target_count == 1);
    CHECK(str_eq(s.e.recipients[0].targets[0].address, STR("yan@far.example")));
    CHECK(ask(&s, "fan@example.test").code == 550 && s.e.target_count == 0);

    // over a restart, and what is over is forgotten
    queue_suppress_close(s.queue.suppress);
    CHECK(queue_suppress_open(w->store, &s.queue.suppress) == 0);
    CHECK(ask(&s, "zoe@far.example").verdict == NEVER);
    queue_suppress_all(s.queue.suppress, &s.arena, &all, &count);
    CHECK(count == 1 && str_eq(all[0].address, STR("zoe@far.example")) && all[0].count == 2);
    CHECK(all[0].until_s - rt_wall_s() > 29 * 86400);
    queue_suppress_note(s.queue.suppress, STR("old@far.example"), STR("since 1\nuntil 2\n"));
    CHECK(!queue_suppress_get(s.queue.suppress, STR("old@far.example"), &s.arena, &found));

    // lifted
    CHECK(queue_suppress_remove(s.queue.suppress, STR("Zoe@far.example")) == 0);
    CHECK(queue_suppress_remove(s.queue.suppress, STR("zoe@far.example")) == STORE_NOT_FOUND);
    CHECK(ask(&s, "zoe@far.example").verdict == DONE);
    queue_suppress_close(s.queue.suppress);
    site_done(&s);
}

static void nobody_is_asked_for_again_and_again(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, story_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_does_not_exist_counts),
        cmocka_unit_test(nobody_is_asked_for_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
