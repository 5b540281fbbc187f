// SPDX-License-Identifier: ISC
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/scan.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void str_splits_and_trims(void **state)
{
    struct str rest = STR("a,,b "), piece;
    (void)state;

    assert_true(str_split(&rest, ',', &piece) && str_eq(piece, STR("a")));
    assert_true(str_split(&rest, ',', &piece) && piece.len == 0);
    assert_true(str_split(&rest, ',', &piece) && str_eq(str_trim(piece), STR("b")));
    assert_false(str_split(&rest, ',', &piece));
    assert_true(str_case_eq(STR("Ab"), STR("aB")));
    assert_false(str_case_eq(STR("Ab"), STR("aBc")));
    assert_int_equal(str_cmp(STR("a"), STR("ab")), -1);
    assert_int_equal(str_find_str(STR("abcabd"), STR("abd")), 3);
    assert_true(str_ends(STR("example.test"), STR(".test")));
}

static void str_numbers_are_bounded(void **state)
{
    uint64_t n = 7;
    (void)state;

    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &n));
    assert_true(str_to_u64(STR("10"), 10, &n) && n == 10);
    assert_false(str_to_u64(STR("11"), 10, &n));
    assert_false(str_to_u64(STR("9"), 5, &n));
    assert_false(str_to_u64(STR(""), 10, &n));
    assert_false(str_to_u64(STR("-1"), 10, &n));
    assert_false(str_to_u64(STR("1 "), 10, &n));
}

static void str_distance_counts_typos(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("serve"), STR("serve")), 0);
    assert_int_equal(str_distance(STR("sevre"), STR("serve")), 1);
    assert_int_equal(str_distance(STR("sere"), STR("serve")), 1);
    assert_int_equal(str_distance(STR("xyz"), STR("serve")), 5);
}

static void buf_refuses_past_its_maximum(void **state)
{
    struct buf b;
    (void)state;

    buf_init(&b, 5);
    buf_put(&b, STR("abc"));
    buf_put(&b, STR("def"));
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 3);
    buf_put(&b, STR("d"));
    assert_int_equal(b.len, 3);
    buf_clear(&b);
    buf_putf(&b, "%d-%s", 12, "ab");
    assert_true(buf_ok(&b) && str_eq(buf_str(&b), STR("12-ab")));
    assert_string_equal(buf_cstr(&b), "12-ab");
    buf_eat(&b, 3);
    assert_true(str_eq(buf_str(&b), STR("ab")));
    buf_done(&b);
}

static void scan_eats_all_or_nothing(void **state)
{
    struct scan in = scan_of(STR("MAIL FROM:<a@b> 123"));
    struct str path;
    uint64_t n;
    (void)state;

    assert_false(scan_case_word(&in, STR("rcpt")));
    assert_true(scan_case_word(&in, STR("mail")) && scan_blank(&in));
    assert_true(scan_word(&in, STR("FROM:")) && scan_char(&in, '<'));
    assert_false(scan_until(&in, '>', 2, &path));
    assert_true(scan_until(&in, '>', 3, &path) && str_eq(path, STR("a@b")));
    assert_true(scan_char(&in, '>') && scan_blank(&in));
    assert_false(scan_u64(&in, 122, &n));
    assert_true(scan_u64(&in, 123, &n) && scan_is_end(&in));
}

static void arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 1 << 20);
    for (size_t i = 1; i < 300; i++) {
        unsigned char *p = arena_alloc(&a, i);

        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, i);
        if (i % 100 == 0)
            arena_reset(&a);
    }
    assert_true(str_eq(arena_str(&a, STR("x y")), STR("x y")));
    assert_false(arena_has_room(&a, 2 << 20));
    arena_done(&a);
}

static void map_holds_what_was_put(void **state)
{
    static char values[1000];
    struct map m;
    size_t at = 0, seen = 0;
    void *value;
    (void)state;

    map_init(&m, (uint64_t[2]){1, 2});
    assert_null(map_get_u64(&m, 5));
    for (uint64_t i = 0; i < 1000; i++)
        assert_null(map_put_u64(&m, i, &values[i]));
    for (uint64_t i = 0; i < 1000; i += 2)
        assert_ptr_equal(map_take_u64(&m, i), &values[i]);
    for (uint64_t i = 0; i < 1000; i++)
        assert_ptr_equal(map_get_u64(&m, i), i % 2 ? &values[i] : NULL);
    assert_ptr_equal(map_put_u64(&m, 1, &values[0]), &values[1]);
    while (map_next(&m, &at, NULL, &value))
        seen++;
    assert_int_equal(seen, 500);
    for (int round = 0; round < 5000; round++) { // tombstones must not fill it
        map_put(&m, STR("again"), &values[2]);
        map_take(&m, STR("again"));
    }
    assert_true(m.cap <= 4096);
    map_done(&m);
}

static void list_links_in_order(void **state)
{
    struct list head, a = {0}, b = {0};
    (void)state;

    list_init(&head);
    assert_null(list_take_first(&head));
    list_remove(&a);
    list_put_last(&head, &a);
    list_put_first(&head, &b);
    assert_ptr_equal(list_take_first(&head), &b);
    assert_true(list_is_in(&a) && !list_is_in(&b));
    list_remove(&a);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_splits_and_trims),
        cmocka_unit_test(str_numbers_are_bounded),
        cmocka_unit_test(str_distance_counts_typos),
        cmocka_unit_test(buf_refuses_past_its_maximum),
        cmocka_unit_test(scan_eats_all_or_nothing),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(map_holds_what_was_put),
        cmocka_unit_test(list_links_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
