// SPDX-License-Identifier: ISC
//
// The two tables beside the passwords, with a clock of our own; and documents, read and written.
#include "account/directory.h"
#include "account/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t minute = 60ull * 1000 * 1000;

static void verified_passwords_are_remembered_for_an_hour(void **state)
{
    struct account_cache *cache = account_cache_new(64);
    uint8_t tag[GUARD_TAG_LEN], other[GUARD_TAG_LEN];

    (void)state;
    account_cache_tag(cache, 1, 1, STR("secret"), tag);
    assert_false(account_cache_has(cache, tag, 0));
    account_cache_put(cache, tag, 0);
    assert_true(account_cache_has(cache, tag, 59 * minute));
    assert_false(account_cache_has(cache, tag, 61 * minute));
    account_cache_tag(cache, 1, 1, STR("secre"), other);
    assert_false(account_cache_has(cache, other, 1));
    account_cache_tag(cache, 1, 2, STR("secret"), other);
    assert_false(account_cache_has(cache, other, 1));
    account_cache_tag(cache, 2, 1, STR("secret"), other);
    assert_false(account_cache_has(cache, other, 1));
    account_cache_free(cache);
}

static void the_cache_is_bounded(void **state)
{
    struct account_cache *cache = account_cache_new(16);
    uint8_t tag[GUARD_TAG_LEN];
    size_t kept = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        account_cache_tag(cache, i, 1, STR("secret"), tag);
        account_cache_put(cache, tag, 1 + i);
        assert_true(account_cache_has(cache, tag, 1 + i));
    }
    for (uint64_t i = 0; i < 1000; i++) {
        account_cache_tag(cache, i, 1, STR("secret"), tag);
        kept += account_cache_has(cache, tag, 1000);
    }
    assert_true(kept > 0 && kept <= 16);
    account_cache_free(cache);
}

static void failures_block_longer_and_longer(void **state)
{
    struct account_failures *f = account_failures_new();
    struct str ip = STR("192.0.2.1"), ana = STR("ana@example.test");
    uint64_t now = 5 * minute;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_false(account_failures_is_blocked(f, ana, ip, 3, now));
        assert_int_equal(account_failures_note(f, ana, ip, now), i);
    }
    assert_true(account_failures_is_blocked(f, ana, ip, 3, now));
    assert_false(account_failures_is_blocked(f, ana, STR("192.0.2.2"), 3, now));
    assert_false(account_failures_is_blocked(f, STR("bruno"), ip, 3, now));
    assert_false(account_failures_is_blocked(f, ana, ip, 3, now + minute));
    assert_int_equal(account_failures_note(f, ana, ip, now + minute), 4);
    assert_true(account_failures_is_blocked(f, ana, ip, 3, now + 2 * minute));
    assert_false(account_failures_is_blocked(f, ana, ip, 3, now + 3 * minute));
    account_failures_forget(f, ana, ip, minute);
    assert_int_equal(account_failures_note(f, ana, ip, now + minute), 1);
    assert_int_equal(account_failures_note(f, ana, ip, now + 17 * minute), 1);
    account_failures_free(f);
}

static void a_clock_read_before_anothers_failure_forgets_nothing(void **state)
{
    struct account_failures *f = account_failures_new();
    struct account_cache *cache = account_cache_new(64);
    const struct str ana = STR("ana"), ip = STR("192.0.2.1");
    uint8_t tag[GUARD_TAG_LEN];
    (void)state;

    assert_int_equal(account_failures_note(f, ana, ip, minute), 1);
    assert_int_equal(account_failures_note(f, ana, ip, minute - 1), 2);
    assert_int_equal(account_failures_note(f, ana, ip, minute - 2), 3);
    assert_true(account_failures_is_blocked(f, ana, ip, 3, minute - 3));
    assert_false(account_failures_is_blocked(f, ana, ip, 3, 2 * minute)); // counted from the last
    account_failures_free(f);
    account_cache_tag(cache, 1, 1, STR("secret"), tag);
    account_cache_put(cache, tag, minute);
    assert_true(account_cache_has(cache, tag, minute - 1));
    account_cache_free(cache);
}

static void a_peer_that_tries_all_users_is_blocked(void **state)
{
    struct account_failures *f = account_failures_new();
    struct str ip = STR("192.0.2.1");
    char name[32];

    (void)state;
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        assert_false(account_failures_is_blocked(f, str_from(name), ip, 3, minute));
        account_failures_note(f, str_from(name), ip, minute);
    }
    assert_true(account_failures_is_blocked(f, STR("somebody"), ip, 3, minute));
    assert_false(account_failures_is_blocked(f, STR("somebody"), STR("192.0.2.2"), 3, minute));
    account_failures_free(f);
}

static void guess_from(struct account_failures *f, struct str user, unsigned count, uint64_t at_us)
{
    char ip[32];

    for (unsigned i = 0; i < count; i++) {
        snprintf(ip, sizeof(ip), "198.51.%u.%u", 100 + i / 250, i % 250);
        account_failures_note(f, user, str_from(ip), at_us);
    }
}

static void many_peers_do_not_guess_at_one_user(void **state)
{
    struct account_failures *f = account_failures_new();
    struct str ana = STR("ana"), home = STR("192.0.2.1"), away = STR("192.0.2.2");

    (void)state;
    account_failures_forget(f, ana, home, minute); // signed in there
    guess_from(f, ana, 29, minute);
    account_failures_note(f, ana, away, minute);
    // an attack: a new peer has one guess, the owner's own is as ever
    assert_true(account_failures_is_blocked(f, ana, away, 3, minute));
    assert_false(account_failures_is_blocked(f, ana, STR("192.0.2.3"), 3, minute));
    assert_false(account_failures_is_blocked(f, STR("bruno"), away, 3, minute));
    account_failures_note(f, ana, home, minute);
    assert_false(account_failures_is_blocked(f, ana, home, 3, minute));
    // a heavy one: a new peer has none
    guess_from(f, ana, 269, minute);
    assert_true(account_failures_is_blocked(f, ana, STR("192.0.2.3"), 3, minute));
    assert_false(account_failures_is_blocked(f, ana, home, 3, minute));
    assert_false(account_failures_is_blocked(f, STR("bruno"), STR("192.0.2.3"), 3, minute));
    // it ends: five are forgotten each minute
    assert_false(account_failures_is_blocked(f, ana, STR("192.0.2.3"), 3, 2 * minute));
    assert_true(account_failures_is_blocked(f, ana, away, 3, 15 * minute));
    assert_false(account_failures_is_blocked(f, ana, away, 3, 56 * minute));
    account_failures_free(f);
}

static void a_slow_attack_is_none_for_ever(void **state)
{
    struct account_failures *f = account_failures_new();

    (void)state;
    // four each minute, less than are forgotten
    for (unsigned i = 1; i < 400; i++)
        guess_from(f, STR("ana"), 4, i * minute);
    assert_false(
        account_failures_is_blocked(f, STR("ana"), STR("198.51.100.1"), 1000, 400 * minute));
    assert_false(account_failures_is_blocked(f, STR("ana"), STR("192.0.2.3"), 1, 400 * minute));
    // twenty in each, spread over it
    for (unsigned i = 0; i < 4000; i++)
        account_failures_note(f, STR("ana"), STR("198.51.100.1"), 400 * minute + i * minute / 20);
    assert_true(account_failures_is_blocked(f, STR("ana"), STR("192.0.2.3"), 3, 600 * minute));
    account_failures_free(f);
}

static void a_site_of_ipv6_is_one_peer(void **state)
{
    struct account_failures *f = account_failures_new();

    (void)state;
    account_failures_note(f, STR("ana"), STR("2001:db8::1"), minute);
    assert_true(account_failures_is_blocked(f, STR("ana"), STR("2001:db8::ffff:1"), 1, minute));
    assert_false(account_failures_is_blocked(f, STR("ana"), STR("2001:db8:0:1::1"), 1, minute));
    account_failures_free(f);
}

// ---- documents

static const struct {
    const char *key, *document;
    bool is_good;
} documents[] = {
    {"example.test", "{\"type\":\"domain\",\"catch_all\":\"\"}", true},
    {"example.test", "{\"type\":\"domain\"}", true},
    {"Example.test", "{\"type\":\"domain\"}", false}, // not in its one form
    {"example.test", "{\"type\":\"domain\",\"catch_all\":1}", false},
    {"example.test", "{\"type\":\"alias\",\"targets\":[]}", false},
    {"a@example.test", "{\"type\":\"alias\",\"targets\":[\"b@example.test\"]}", true},
    {"a@example.test", "{\"type\":\"alias\",\"targets\":[1]}", false},
    {"a@example.test", "{\"type\":\"alias\"}", false},
    {"a@example.test", "{\"type\":\"list\",\"targets\":[],\"owner\":\"b@x.test\"}", true},
    {"a@example.test", "{\"type\":\"account\"}", false},
    {"a@example.test", "{\"type\":\"other\"}", false},
    {"a@example.test", "[]", false},
    {"a@example.test", "{", false},
    {"a@example.test", "", false},
    {"a@example.test",
     "{\"type\":\"account\",\"id\":1,\"enabled\":true,\"iterations\":4096,"
     "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
     true},
    {"a@example.test",
     "{\"type\":\"account\",\"id\":0,\"enabled\":true,\"iterations\":4096,"
     "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
     false},
    {"a@example.test",
     "{\"type\":\"account\",\"id\":1,\"enabled\":true,\"iterations\":1,"
     "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
     false},
    {"a@example.test",
     "{\"type\":\"account\",\"id\":1,\"enabled\":true,\"iterations\":4096,\"salt\":\"AAAA\"}",
     false},
};

static void documents_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct account_record *r = NULL;
        int answer =
            account_record_parse(str_from(documents[i].key), str_from(documents[i].document), &r);

        assert_int_equal(answer, documents[i].is_good ? 0 : -EBADMSG);
        account_record_free(r);
    }
}

static struct account_record *alias_of(const char *key)
{
    struct account_record *r;

    assert_int_equal(
        account_record_parse(str_from(key), STR("{\"type\":\"alias\",\"targets\":[]}"), &r), 0);
    return r;
}

static void an_old_directory_does_not_see_a_change(void **state)
{
    struct account_directory *empty = account_directory_new(), *one, *two, *none;
    struct account_garbage *g[3];
    struct str key = STR("a@example.test");

    (void)state;
    one = account_directory_change(empty, NULL, alias_of("a@example.test"), &g[0]);
    two = account_directory_change(one, NULL, alias_of("b@example.test"), &g[1]);
    assert_null(account_directory_get(empty, key));
    assert_non_null(account_directory_get(one, key));
    assert_null(account_directory_get(one, STR("b@example.test")));
    assert_non_null(account_directory_get(two, STR("b@example.test")));
    none = account_directory_change(two, account_directory_get(two, key), NULL, &g[2]);
    assert_null(account_directory_get(none, key));
    assert_non_null(account_directory_get(two, key));
    for (int i = 0; i < 3; i++)
        account_garbage_free(g[i]);
    account_directory_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_passwords_are_remembered_for_an_hour),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(failures_block_longer_and_longer),
        cmocka_unit_test(a_clock_read_before_anothers_failure_forgets_nothing),
        cmocka_unit_test(a_peer_that_tries_all_users_is_blocked),
        cmocka_unit_test(many_peers_do_not_guess_at_one_user),
        cmocka_unit_test(a_slow_attack_is_none_for_ever),
        cmocka_unit_test(a_site_of_ipv6_is_one_peer),
        cmocka_unit_test(documents_are_read_strictly),
        cmocka_unit_test(an_old_directory_does_not_see_a_change),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
