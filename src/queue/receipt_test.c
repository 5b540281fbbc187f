// SPDX-License-Identifier: ISC
//
// What is said at once to a sender who asked for it, and what is left to the next host.
#include "queue/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *to;
    unsigned notify;
    const char *action; // NULL: nothing is said now
} wishes[] = {
    {"bruno@example.test", ENVELOPE_NOTIFY_SUCCESS, "delivered"},
    {"bruno@example.test", ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE, "delivered"},
    {"bruno@example.test", ENVELOPE_NOTIFY_FAILURE, NULL},
    {"bruno@example.test", ENVELOPE_NOTIFY_NEVER, NULL},
    {"bruno@example.test", 0, NULL},
    {"one@example.test", ENVELOPE_NOTIFY_SUCCESS, "delivered"}, // an alias for bruno
    {"away@example.test", ENVELOPE_NOTIFY_SUCCESS, NULL},       // the other host will say
    {"zoe@far.example", ENVELOPE_NOTIFY_SUCCESS, NULL},
    {"both@example.test", ENVELOPE_NOTIFY_SUCCESS, "expanded"},
    {"both@example.test", ENVELOPE_NOTIFY_FAILURE, NULL},
    {"fans@example.test", ENVELOPE_NOTIFY_SUCCESS, "delivered"}, // a list
};

static void wishes_body(struct world *w)
{
    struct buf text;
    struct site s;
    uint64_t ana;

    site_init(&s, w);
    buf_init(&text, 1 << 20);
    world_domain(w, "example.test", NULL);
    ana = world_account(w, "ana@example.test", NULL);
    world_account(w, "bruno@example.test", NULL);
    world_alias(w, "one@example.test", "bruno@example.test", NULL);
    world_alias(w, "away@example.test", "zoe@far.example", NULL);
    world_alias(w, "both@example.test", "bruno@example.test,zoe@far.example", NULL);
    world_alias(w, "fans@example.test", "zoe@far.example", "bruno@example.test");
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        uint32_t before = site_count(&s, ana);
        struct store_stats stats, after;
        char line[128];

        site_begin(&s, "ana@example.test", 0x7f00 + i);
        CHECK(site_rcpt(&s, wishes[i].to, wishes[i].notify).verdict == DONE);
        CHECK(store_stats_get(w->store, &stats) == 0);
        CHECK(site_hand_in(&s, "Subject: x\r\n\r\nsecret text\r\n").verdict == DONE);
        CHECK(store_stats_get(w->store, &after) == 0 && after.commits == stats.commits + 1);
        if (site_count(&s, ana) != before + (wishes[i].action ? 1 : 0))
            fprintf(stderr, "row %zu\n", i);
        CHECK(site_count(&s, ana) == before + (wishes[i].action ? 1 : 0));
        if (!wishes[i].action)
            continue;
        site_last(&s, ana, &text);
        snprintf(line, sizeof(line), "Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: 2.",
                 wishes[i].to, wishes[i].action);
        CHECK(site_has(&text, line) && site_has(&text, "text/rfc822-headers\r\n\r\nSubject: x"));
        CHECK(str_find_str(buf_str(&text), STR("secret text")) < 0);
        CHECK(str_find_str(buf_str(&text), STR("zoe@")) < 0); // the owner's business
    }
    // nobody is there who could be told
    site_begin(&s, "", 0x7fff);
    CHECK(site_rcpt(&s, "bruno@example.test", ENVELOPE_NOTIFY_SUCCESS).verdict == DONE);
    CHECK(site_hand_in(&s, "\r\n").verdict == DONE);
    buf_done(&text);
    site_done(&s);
}

/// RFC 3461 5.2.3, 5.2.7
static void success_is_told_where_it_is_known(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, wishes_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_told_where_it_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
