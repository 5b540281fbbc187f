// SPDX-License-Identifier: ISC
//
// Making, changing and removing; what is kept is found again by the next start; readers on other
// loops are never disturbed.
#include "account/account.h"
#include "account/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

struct scratch {
    struct arena arena;
    struct buf why;
};

static void scratch_init(struct scratch *s)
{
    arena_init(&s->arena, 1 << 20);
    buf_init(&s->why, 1024);
}

static void scratch_done(struct scratch *s)
{
    arena_done(&s->arena);
    buf_done(&s->why);
}

/// A second directory over the same store is what the next start would load.
static void check_reload(struct world *w, void (*check)(struct accounts *accounts))
{
    struct accounts *again;

    check(w->accounts);
    CHECK(account_open(w->store, &w->config, &again) == 0);
    check(again);
    // Closing takes the pool down, which a task may not do: the world does it.
    CHECK(!w->second);
    w->second = again;
}

// ---- accounts

static const struct {
    const char *address;
    enum account_answer answer;
} additions[] = {
    {"ana@example.test", ACCOUNT_OK},
    {"Bruno@EXAMPLE.test", ACCOUNT_OK},
    {"ANA@example.test", ACCOUNT_EXISTS},
    {"team@example.test", ACCOUNT_EXISTS}, // an alias
    {"ana@elsewhere.test", ACCOUNT_NOT_FOUND},
    {"ana", ACCOUNT_INVALID},
    {"", ACCOUNT_INVALID},
    {"ana@[192.0.2.1]", ACCOUNT_INVALID},
    {"\"a b\"@example.test", ACCOUNT_INVALID},
    {"a b@example.test", ACCOUNT_INVALID},
    {"ana@example.test\r\n", ACCOUNT_INVALID},
    {"a123456789a123456789a123456789a123456789a123456789a123456789a1234@example.test",
     ACCOUNT_INVALID},
};

static void check_added(struct accounts *a)
{
    struct account_info info, *all;
    struct scratch s;
    size_t count;

    scratch_init(&s);
    account_all(a, STR_NONE, &s.arena, &all, &count);
    CHECK(count == 2);
    CHECK(str_eq(all[0].address, STR("ana@example.test")));
    CHECK(str_eq(all[1].address, STR("bruno@example.test")));
    CHECK(account_get(a, STR("aNa@Example.Test"), &s.arena, &info) == 0);
    CHECK(str_eq(info.name, STR("Ana Lima")) && info.is_enabled && info.has_password);
    CHECK(info.id == all[0].id && info.id != all[1].id && info.id > 0);
    CHECK(info.quota_bytes == 5000 && info.quota_messages == 7);
    CHECK(account_exists(a, info.id) && !account_exists(a, 4711));
    account_all(a, STR("elsewhere.test"), &s.arena, &all, &count);
    CHECK(count == 0);
    scratch_done(&s);
}

static void add_body(struct world *w)
{
    struct account_change change = {.what =
                                        ACCOUNT_SET_NAME | ACCOUNT_SET_PASSWORD | ACCOUNT_SET_QUOTA,
                                    .name = STR("Ana Lima"),
                                    .password = STR("correct horse"),
                                    .quota_bytes = 5000,
                                    .quota_messages = 7};
    struct scratch s;

    scratch_init(&s);
    world_domain(w, "example.test", NULL);
    world_alias(w, "team@example.test", "ana@example.test", NULL);
    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++) {
        int r = account_add(w->accounts, str_from(additions[i].address), &change, NULL, &s.why);

        CHECK(r == (int)additions[i].answer);
        CHECK((r == 0) == (s.why.len == 0));
        buf_clear(&s.why);
    }
    scratch_done(&s);
    check_reload(w, check_added);
}

static void accounts_are_added_once_and_kept(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, add_body);
}

static const struct {
    const char *name;
    unsigned use;
} mailboxes[] = {
    {"Archive", STORE_USE_ARCHIVE}, {"Drafts", STORE_USE_DRAFTS}, {"INBOX", STORE_USE_NONE},
    {"Junk", STORE_USE_JUNK},       {"Sent", STORE_USE_SENT},     {"Trash", STORE_USE_TRASH},
};

static void mailbox_body(struct world *w)
{
    struct store_mailbox box, *boxes;
    struct store_quota quota;
    struct scratch s;
    char **names;
    size_t count;
    uint64_t id, second;

    scratch_init(&s);
    world_domain(w, "example.test", NULL);
    id = world_account(w, "ana@example.test", "correct horse");
    for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
        CHECK(store_mailbox_by_name(w->store, id, str_from(mailboxes[i].name), &box) == 0);
        CHECK(box.special_use == mailboxes[i].use);
    }
    CHECK(store_subscriptions(w->store, id, &names, &count) == 0);
    CHECK(count == sizeof(mailboxes) / sizeof(mailboxes[0]));
    free(names);
    CHECK(account_set(w->accounts, STR("ana@example.test"),
                      &(struct account_change){.what = ACCOUNT_SET_QUOTA, .quota_bytes = 99},
                      &s.why) == 0);
    CHECK(store_quota_get(w->store, id, &quota) == 0 && quota.bytes_max == 99);

    CHECK(account_remove(w->accounts, STR("ana@example.test"), &s.why) == 0);
    CHECK(store_mailboxes(w->store, id, &boxes, &count) == 0 && count == 0);
    free(boxes);
    CHECK(account_remove(w->accounts, STR("ana@example.test"), &s.why) == ACCOUNT_NOT_FOUND);
    second = world_account(w, "ana@example.test", NULL);
    CHECK(second > id); // never the same number again, also not after a start:
    CHECK(account_remove(w->accounts, STR("ana@example.test"), &s.why) == 0);
    CHECK(account_open(w->store, &w->config, &w->second) == 0);
    CHECK(account_add(w->second, STR("ana@example.test"), &(struct account_change){0}, &id,
                      &s.why) == 0);
    CHECK(id > second);
    scratch_done(&s);
}

static void an_account_has_its_mailboxes_and_a_number_of_its_own(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, mailbox_body);
}

static const struct {
    const char *password;
    bool is_good;
} passwords[] = {
    {"correct horse", true},
    {"12345678", true},
    {"1234567", false},
    {"", false},
    {"with\ttabulator", false},
    {"\xff\xfe not utf-8", false},
    {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", false}, // eight bytes, four characters
    {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f 1234", true},
    {"Ana@example.test", false},
};

static void change_body(struct world *w)
{
    struct account_change change = {.what = ACCOUNT_SET_ENABLED};
    struct str ana = STR("ana@example.test");
    struct account_info info;
    struct scratch s;

    scratch_init(&s);
    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", "correct horse");
    CHECK(account_set(w->accounts, ana, &change, &s.why) == 0);
    CHECK(account_get(w->accounts, ana, &s.arena, &info) == 0);
    CHECK(!info.is_enabled && info.has_password && str_eq(info.name, STR("Ana Lima")));
    change = (struct account_change){.what = ACCOUNT_SET_NAME, .name = STR("a\r\nb")};
    CHECK(account_set(w->accounts, ana, &change, &s.why) == ACCOUNT_INVALID);
    change.name = STR("Ana \xc3\x81lvares");
    CHECK(account_set(w->accounts, ana, &change, &s.why) == 0);
    CHECK(account_get(w->accounts, ana, &s.arena, &info) == 0);
    CHECK(str_eq(info.name, change.name) && !info.is_enabled);
    CHECK(account_set(w->accounts, STR("nobody@example.test"), &change, &s.why) ==
          ACCOUNT_NOT_FOUND);
    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        change = (struct account_change){.what = ACCOUNT_SET_PASSWORD,
                                         .password = str_from(passwords[i].password)};
        CHECK((account_set(w->accounts, ana, &change, &s.why) == 0) == passwords[i].is_good);
    }
    scratch_done(&s);
}

static void changes_touch_only_what_they_name(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, change_body);
}

// ---- domains, aliases, lists

static void check_domains(struct accounts *a)
{
    struct account_domain *all;
    struct scratch s;
    size_t count;

    scratch_init(&s);
    account_domain_all(a, &s.arena, &all, &count);
    CHECK(count == 3);
    CHECK(str_eq(all[0].name, STR("alpha.test")) && str_eq(all[1].name, STR("example.test")));
    CHECK(str_eq(all[2].name, STR("xn--bcher-kva.test")));
    CHECK(all[1].account_count == 1 && all[1].alias_count == 1 && all[1].list_count == 1);
    CHECK(str_eq(all[1].catch_all, STR("ana@example.test")));
    CHECK(account_domain_is_local(a, STR("B\xc3\xbc"
                                         "cher.TEST")));
    CHECK(!account_domain_is_local(a, STR("other.test")));
    scratch_done(&s);
}

static void domain_body(struct world *w)
{
    struct account_domain domain = {.name = STR("example.test"), .catch_all = STR("nonsense")};
    struct scratch s;

    scratch_init(&s);
    world_domain(w, "Example.Test", NULL);
    world_domain(w,
                 "b\xc3\xbc"
                 "cher.test",
                 NULL);
    world_domain(w, "alpha.test", NULL);
    world_account(w, "ana@example.test", NULL);
    world_alias(w, "a@example.test", "ana@example.test", NULL);
    world_alias(w, "l@example.test", "ana@example.test", "");
    CHECK(account_domain_add(w->accounts, &domain, &s.why) == ACCOUNT_EXISTS);
    CHECK(account_domain_set(w->accounts, &domain, &s.why) == ACCOUNT_INVALID);
    domain.catch_all = STR("ana@example.test");
    CHECK(account_domain_set(w->accounts, &domain, &s.why) == 0);
    domain.name = STR("not a domain");
    CHECK(account_domain_add(w->accounts, &domain, &s.why) == ACCOUNT_INVALID);
    domain.name = STR("missing.test");
    CHECK(account_domain_set(w->accounts, &domain, &s.why) == ACCOUNT_NOT_FOUND);
    CHECK(account_domain_remove(w->accounts, STR("example.test"), &s.why) == ACCOUNT_IN_USE);
    world_domain(w, "short.test", NULL);
    CHECK(account_domain_remove(w->accounts, STR("short.test"), &s.why) == 0);
    CHECK(account_domain_remove(w->accounts, STR("short.test"), &s.why) == ACCOUNT_NOT_FOUND);
    scratch_done(&s);
    check_reload(w, check_domains);
}

static void domains_are_kept_while_they_are_used(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, domain_body);
}

static void check_aliases(struct accounts *a)
{
    struct account_alias alias, *all;
    struct scratch s;
    size_t count;

    scratch_init(&s);
    CHECK(account_alias_get(a, STR("TEAM@example.test"), false, &s.arena, &alias) == 0);
    CHECK(alias.target_count == 2 && !alias.is_list);
    CHECK(str_eq(alias.targets[0], STR("Bruno@far.example")));
    CHECK(str_eq(alias.targets[1], STR("ana@example.test")));
    CHECK(account_alias_get(a, STR("team@example.test"), true, &s.arena, &alias) ==
          ACCOUNT_NOT_FOUND);
    CHECK(account_alias_get(a, STR("crew@example.test"), true, &s.arena, &alias) == 0);
    CHECK(str_eq(alias.owner, STR("boss@x.example")) && str_eq(alias.name, STR("Crew")));
    account_alias_all(a, true, STR_NONE, &s.arena, &all, &count);
    CHECK(count == 1);
    account_alias_all(a, false, STR("Example.test"), &s.arena, &all, &count);
    CHECK(count == 1);
    scratch_done(&s);
}

static void alias_body(struct world *w)
{
    struct str targets[] = {STR("ana@example.test"), STR("not an address")};
    struct account_alias alias = {.address = STR("x@example.test"), .targets = targets};
    struct scratch s;

    scratch_init(&s);
    world_domain(w, "example.test", NULL);
    world_alias(w, "team@example.test", "ana@example.test,Bruno@FAR.example,ana@example.test",
                NULL);
    world_alias(w, "crew@example.test", "ana@example.test", "boss@x.example");
    CHECK(account_alias_add(w->accounts, &alias, &s.why) == ACCOUNT_INVALID); // no target
    alias.target_count = 2;
    CHECK(account_alias_add(w->accounts, &alias, &s.why) == ACCOUNT_INVALID);
    CHECK(account_alias_set(w->accounts, &alias, &s.why) == ACCOUNT_NOT_FOUND);
    alias.target_count = 1;
    CHECK(account_alias_add(w->accounts, &alias, &s.why) == 0);
    CHECK(account_alias_add(w->accounts, &alias, &s.why) == ACCOUNT_EXISTS);
    CHECK(account_alias_remove(w->accounts, alias.address, true, &s.why) == ACCOUNT_NOT_FOUND);
    CHECK(account_alias_remove(w->accounts, alias.address, false, &s.why) == 0);
    alias.target_count = ACCOUNT_MEMBERS_MAX + 1;
    CHECK(account_alias_add(w->accounts, &alias, &s.why) == ACCOUNT_LIMIT);
    scratch_done(&s);
    check_reload(w, check_aliases);
}

static void aliases_and_lists_are_kept(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, alias_body);
}

// ---- many at once

enum { READERS = 3, WRITERS = 4, CHANGES = 25 };

struct crowd {
    struct world *w;
    atomic_int left;
    atomic_bool is_over;
    struct rt_waiter done;
};

static void leave(struct crowd *crowd)
{
    if (--crowd->left == 0)
        rt_wake_up(&crowd->done, 0);
}

static void read_once(struct accounts *accounts)
{
    struct account_info info;
    struct scratch s;

    scratch_init(&s);
    CHECK(account_get(accounts, STR("ana@example.test"), &s.arena, &info) == 0);
    CHECK(str_starts(info.name, STR("Ana")));
    scratch_done(&s);
}

static int read_on(void *arg)
{
    struct crowd *crowd = arg;

    while (!crowd->is_over) {
        for (int i = 0; i < 300; i++)
            read_once(crowd->w->accounts);
        CHECK(rt_sleep(1) == 0);
    }
    leave(crowd);
    return 0;
}

static int write_on(void *arg)
{
    struct crowd *crowd = arg;
    struct account_change change = {.what = ACCOUNT_SET_NAME};
    struct scratch s;
    char name[32];

    for (int i = 0; i < CHANGES; i++) {
        scratch_init(&s);
        snprintf(name, sizeof(name), "Ana %d", i);
        change.name = str_from(name);
        CHECK(account_set(crowd->w->accounts, STR("ana@example.test"), &change, &s.why) == 0);
        scratch_done(&s);
    }
    if (--crowd->left == READERS)
        crowd->is_over = true;
    return 0;
}

static void start_reader(void *arg)
{
    CHECK(rt_spawn(read_on, arg, "reader", NULL) == 0);
}

static void start_writer(void *arg)
{
    CHECK(rt_spawn(write_on, arg, "writer", NULL) == 0);
}

static void crowd_body(struct world *w)
{
    struct crowd crowd = {.w = w, .left = READERS + WRITERS};

    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", NULL);
    rt_waiter_init(&crowd.done);
    for (unsigned i = 0; i < READERS; i++)
        rt_post(rt_loop_at(w->rt, i), start_reader, &crowd);
    for (unsigned i = 0; i < WRITERS; i++)
        rt_post(rt_loop_at(w->rt, i % 3), start_writer, &crowd);
    CHECK(rt_wait(&crowd.done, false) == 0);
}

static void readers_and_writers_on_all_loops(void **state)
{
    struct world w = {.loops = 3};

    (void)state;
    world_run(&w, crowd_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_added_once_and_kept),
        cmocka_unit_test(an_account_has_its_mailboxes_and_a_number_of_its_own),
        cmocka_unit_test(changes_touch_only_what_they_name),
        cmocka_unit_test(domains_are_kept_while_they_are_used),
        cmocka_unit_test(aliases_and_lists_are_kept),
        cmocka_unit_test(readers_and_writers_on_all_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
