// SPDX-License-Identifier: ISC
//
// Where mail goes: one directory, a table of addresses.
#include "base/cleanup.h"
#include "account/resolve.h"
#include "account/testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void build(struct world *w)
{
    world_domain(w, "example.test", NULL);
    world_domain(w, "Catch.Test", "ana@example.test");
    world_domain(w, "round.test", "nobody@round.test");
    world_domain(w,
                 "b\xc3\xbc"
                 "cher.test",
                 NULL);
    world_account(w, "ana@example.test", NULL);
    world_account(w, "bruno@example.test", NULL);
    world_account(w, "a+b@example.test", NULL);
    world_account(w, "zo\xc3\xab@example.test", NULL);
    world_account(w,
                  "ana@b\xc3\xbc"
                  "cher.test",
                  NULL);
    world_account(w, "abuse@catch.test", NULL);
    world_alias(w, "both@example.test", "ana@example.test,bruno@example.test", NULL);
    world_alias(w, "nested@example.test", "both@example.test,ana@example.test", NULL);
    world_alias(w, "far@example.test", "Someone@Far.Example", NULL);
    world_alias(w, "mixed@example.test", "bruno+x@example.test,someone@far.example", NULL);
    world_alias(w, "loop@example.test", "pool@example.test", NULL);
    world_alias(w, "pool@example.test", "loop@example.test", NULL);
    world_alias(w, "loopy@example.test", "loopy@example.test,ana@example.test", NULL);
    world_alias(w, "ghost@example.test", "nobody@example.test", NULL);
    world_alias(w, "crew@example.test", "ana@example.test,bruno@example.test", "boss@x.example");
    world_alias(w, "fans@example.test", "crew@example.test,zo\xc3\xab@example.test", "");
    world_alias(w, "empty@example.test", "", "");
    world_alias(w, "self@catch.test", "unknown1@catch.test,unknown2@catch.test", NULL);
}

static const struct {
    const char *to;
    enum account_kind kind;
    const char *targets; // address, "+detail", "<return path" if there is one; apart by ' '
} cases[] = {
    {"ana@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test"},
    {"ANA@EXAMPLE.test", ACCOUNT_KIND_LOCAL, "ana@example.test"},
    {"\"ana\"@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test"},
    {"\"a\\na\"@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test"},
    {"ana+Shop@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test+Shop"},
    {"ana+a+b@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test+a+b"},
    {"ana+@example.test", ACCOUNT_KIND_LOCAL, "ana@example.test"},
    {"+ana@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"a+b@example.test", ACCOUNT_KIND_LOCAL, "a+b@example.test"},
    {"\"ana+x y\"@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"zo\xc3\xab@example.test", ACCOUNT_KIND_LOCAL, "zo\xc3\xab@example.test"},
    {"ZO\xc3\x8b@example.test", ACCOUNT_KIND_LOCAL, "zo\xc3\xab@example.test"},
    {"zoe\xcc\x88@example.test", ACCOUNT_KIND_LOCAL, "zo\xc3\xab@example.test"},
    {"ana@xn--bcher-kva.test", ACCOUNT_KIND_LOCAL, "ana@xn--bcher-kva.test"},
    {"ana@B\xc3\x9c"
     "CHER.test",
     ACCOUNT_KIND_LOCAL, "ana@xn--bcher-kva.test"},
    {"both@example.test", ACCOUNT_KIND_ALIAS, "ana@example.test bruno@example.test"},
    {"both+x@example.test", ACCOUNT_KIND_ALIAS, "ana@example.test bruno@example.test"},
    {"nested@example.test", ACCOUNT_KIND_ALIAS, "ana@example.test bruno@example.test"},
    {"far@example.test", ACCOUNT_KIND_ALIAS, "Someone@far.example"},
    {"mixed@example.test", ACCOUNT_KIND_ALIAS, "bruno@example.test+x someone@far.example"},
    {"loop@example.test", ACCOUNT_KIND_LOOP, ""},
    {"loopy@example.test", ACCOUNT_KIND_ALIAS, "ana@example.test"},
    {"ghost@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"empty@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"crew@example.test", ACCOUNT_KIND_LIST,
     "ana@example.test<boss@x.example bruno@example.test<boss@x.example"},
    {"fans@example.test", ACCOUNT_KIND_LIST,
     "zo\xc3\xab@example.test<postmaster@example.test ana@example.test<boss@x.example "
     "bruno@example.test<boss@x.example"},
    {"nobody@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"nobody@catch.test", ACCOUNT_KIND_ALIAS, "ana@example.test"},
    {"abuse@catch.test", ACCOUNT_KIND_LOCAL, "abuse@catch.test"},
    {"self@catch.test", ACCOUNT_KIND_ALIAS, "ana@example.test"},
    {"nobody@round.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"ana@elsewhere.test", ACCOUNT_KIND_NOT_LOCAL, "ana@elsewhere.test"},
    {"ana@[192.0.2.1]", ACCOUNT_KIND_NOT_LOCAL, "ana@[192.0.2.1]"},
    // RFC 5321 4.5.1
    {"postmaster@example.test", ACCOUNT_KIND_ALIAS, "ana@example.test"},
    {"PostMaster@catch.test", ACCOUNT_KIND_ALIAS, "ana@example.test"},
    // no routing by strangers
    {"ana%elsewhere.test@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"elsewhere.test!ana@example.test", ACCOUNT_KIND_UNKNOWN, ""},
    {"\"ana@example.test\"@example.test", ACCOUNT_KIND_UNKNOWN, ""},
};

static void put_target(struct buf *out, const struct account_target *t)
{
    if (out->len > 0)
        buf_put_char(out, ' ');
    buf_put(out, t->address);
    if (t->detail.len > 0)
        buf_putf(out, "+%.*s", STR_ARG(t->detail));
    if (t->return_path.ptr)
        buf_putf(out, "<%.*s", STR_ARG(t->return_path));
}

static void check_case(struct world *w, size_t i)
{
    struct account_resolved resolved;
    struct address to;
    struct arena arena;
    struct buf got;

    arena_init(&arena, 1 << 20);
    buf_init(&got, 4096);
    CHECK(address_parse(str_from(cases[i].to), ADDRESS_UTF8, &to));
    account_resolve(w->accounts, &to, &arena, &resolved);
    for (size_t k = 0; k < resolved.target_count; k++) {
        CHECK((resolved.targets[k].account_id == 0) ==
              (str_find_str(resolved.targets[k].address, STR("omeone@")) >= 0 ||
               resolved.kind == ACCOUNT_KIND_NOT_LOCAL));
        put_target(&got, &resolved.targets[k]);
    }
    if (resolved.kind != cases[i].kind || !str_eq(buf_str(&got), str_from(cases[i].targets))) {
        fprintf(stderr, "%s: kind %d, \"%.*s\"\n", cases[i].to, (int)resolved.kind,
                STR_ARG(buf_str(&got)));
        CHECK(false);
    }
    buf_done(&got);
    arena_done(&arena);
}

static void table_body(struct world *w)
{
    build(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_case(w, i);
}

static void addresses_go_where_the_table_says(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, table_body);
}

static enum account_kind kind_of(struct world *w, const char *to, struct str *out_first)
{
    static char first[512];
    struct account_resolved resolved;
    struct address address = {.local = str_from(to), .domain = STR("")};
    struct arena arena;

    arena_init(&arena, 4 << 20);
    if (str_find(address.local, '@') >= 0)
        CHECK(address_parse(str_from(to), ADDRESS_UTF8, &address));
    account_resolve(w->accounts, &address, &arena, &resolved);
    *out_first = STR("");
    if (resolved.target_count > 0) {
        memcpy(first, resolved.targets[0].address.ptr, resolved.targets[0].address.len);
        *out_first = str_of(first, resolved.targets[0].address.len);
    }
    arena_done(&arena);
    return resolved.kind;
}

static void bare_body(struct world *w)
{
    struct account_config config = w->config;
    struct str first;

    CHECK(kind_of(w, "postmaster", &first) == ACCOUNT_KIND_UNKNOWN); // nobody is here yet
    build(w);
    CHECK(kind_of(w, "Postmaster", &first) == ACCOUNT_KIND_ALIAS);
    CHECK(str_eq(first, STR("ana@example.test")));
    CHECK(kind_of(w, "ana", &first) == ACCOUNT_KIND_UNKNOWN);
    world_alias(w, "postmaster@example.test", "bruno@example.test", NULL);
    CHECK(kind_of(w, "postmaster", &first) == ACCOUNT_KIND_ALIAS);
    CHECK(str_eq(first, STR("bruno@example.test")));

    config.postmaster = STR("zo\xc3\xab@example.test");
    account_reconfigure(w->accounts, &config);
    CHECK(kind_of(w, "postmaster", &first) == ACCOUNT_KIND_ALIAS);
    CHECK(str_eq(first, STR("zo\xc3\xab@example.test")));
    CHECK(kind_of(w, "postmaster@catch.test", &first) == ACCOUNT_KIND_ALIAS);
    CHECK(str_eq(first, STR("zo\xc3\xab@example.test")));
    config.postmaster = STR("postmaster@catch.test"); // leads to itself
    CHECK(kind_of(w, "postmaster", &first) == ACCOUNT_KIND_ALIAS);
    CHECK(str_eq(first, STR("ana@example.test")));
    account_reconfigure(w->accounts, &w->config);
}

static void postmaster_always_reaches_somebody(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, bare_body);
}

static void add_big_list(struct world *w, const char *address, size_t members)
{
    struct str *items = calloc(members, sizeof(*items));
    struct account_alias list = {.address = str_from(address), .targets = items, .is_list = true};
    struct buf why, text;
    struct arena arena;

    list.target_count = members;
    arena_init(&arena, 1 << 20);
    buf_init(&why, 1024);
    buf_init(&text, 64);
    for (size_t i = 0; i < members; i++) {
        buf_clear(&text);
        buf_putf(&text, "m%zu@far.example", i);
        items[i] = arena_str(&arena, buf_str(&text));
    }
    CHECK(account_alias_add(w->accounts, &list, &why) == 0);
    buf_done(&why);
    buf_done(&text);
    arena_done(&arena);
    free(items);
}

static void bounds_body(struct world *w)
{
    struct str first;
    char name[64], next[64];

    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", NULL);
    add_big_list(w, "thousand@example.test", 1000);
    CHECK(kind_of(w, "thousand@example.test", &first) == ACCOUNT_KIND_LIST);
    add_big_list(w, "more@example.test", 1001);
    CHECK(kind_of(w, "more@example.test", &first) == ACCOUNT_KIND_TOO_BIG);

    for (int i = 0; i <= ACCOUNT_NESTING_MAX + 1; i++) {
        snprintf(name, sizeof(name), "n%d@example.test", i);
        snprintf(next, sizeof(next), "n%d@example.test", i - 1);
        world_alias(w, name, i ? next : "ana@example.test", NULL);
    }
    snprintf(name, sizeof(name), "n%d@example.test", ACCOUNT_NESTING_MAX - 1);
    CHECK(kind_of(w, name, &first) == ACCOUNT_KIND_ALIAS);
    snprintf(name, sizeof(name), "n%d@example.test", ACCOUNT_NESTING_MAX);
    CHECK(kind_of(w, name, &first) == ACCOUNT_KIND_TOO_BIG);
}

static void expansion_has_bounds(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, bounds_body);
}

static void small_arena_body(struct world *w)
{
    struct account_resolved resolved;
    struct address to;
    struct arena arena;

    world_domain(w, "example.test", NULL);
    add_big_list(w, "thousand@example.test", 1000);
    arena_init(&arena, 8192);
    CHECK(address_parse(STR("thousand@example.test"), 0, &to));
    account_resolve(w->accounts, &to, &arena, &resolved);
    CHECK(resolved.kind == ACCOUNT_KIND_TOO_BIG && resolved.target_count == 0);
    arena_done(&arena);
}

static void a_small_arena_is_not_overrun(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, small_arena_body);
}

static bool may_send(struct world *w, const char *account, const char *from)
{
    struct account_info info;
    struct address address;
    struct arena arena;
    bool may;

    arena_init(&arena, 1 << 16);
    CHECK(account_get(w->accounts, str_from(account), &arena, &info) == 0);
    CHECK(address_parse(str_from(from), ADDRESS_UTF8, &address));
    may = account_may_send_as(w->accounts, info.id, &address);
    arena_done(&arena);
    return may;
}

/// An alias before a list makes its members no more than members.
static void add_alias_to_crew(struct world *w)
{
    struct str crew = STR("crew@example.test");
    struct account_alias alias = {
        .address = STR("behind@example.test"), .targets = &crew, .target_count = 1};
    CLEANUP(buf_drop) struct buf why = {.max = 1024};

    CHECK(account_alias_add(w->accounts, &alias, &why) == 0);
}

static void sender_body(struct world *w)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};

    build(w);
    CHECK(may_send(w, "ana@example.test", "Ana@example.test"));
    CHECK(may_send(w, "ana@example.test", "ana+x@example.test"));
    CHECK(may_send(w, "ana@example.test", "both@example.test"));
    CHECK(!may_send(w, "ana@example.test", "bruno@example.test"));
    CHECK(!may_send(w, "ana@example.test", "crew@example.test"));
    add_alias_to_crew(w);
    CHECK(!may_send(w, "ana@example.test", "behind@example.test"));
    CHECK(!may_send(w, "ana@example.test", "ana@elsewhere.test"));
    CHECK(!may_send(w, "bruno@example.test", "postmaster@example.test"));
    CHECK(account_delegate_set(w->accounts, STR("bruno@example.test"), STR("ana@example.test"),
                               true, &why) == 0);
    CHECK(may_send(w, "ana@example.test", "bruno@example.test"));
    CHECK(!may_send(w, "bruno@example.test", "ana@example.test"));
    CHECK(!may_send(w, "ana@example.test", "crew@example.test"));
}

static void senders_are_those_the_mail_comes_to(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, sender_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_go_where_the_table_says),
        cmocka_unit_test(postmaster_always_reaches_somebody),
        cmocka_unit_test(expansion_has_bounds),
        cmocka_unit_test(a_small_arena_is_not_overrun),
        cmocka_unit_test(senders_are_those_the_mail_comes_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
