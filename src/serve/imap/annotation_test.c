// SPDX-License-Identifier: ISC
#include "serve/imap/annotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static void sets_and_removes(void **state)
{
    static const struct {
        uint64_t account_id;
        const char *entry, *value, *then;
    } steps[] = {
        {0, "/shared/b", "1", "0 9 1\n/shared/b1\n"},
        {7, "/private/a", "2", "0 9 1\n/shared/b1\n7 10 1\n/private/a2\n"},
        {0, "/shared/a", "3", "0 9 1\n/shared/a3\n0 9 1\n/shared/b1\n7 10 1\n/private/a2\n"},
        {0, "/shared/b", "44", "0 9 1\n/shared/a3\n0 9 2\n/shared/b44\n7 10 1\n/private/a2\n"},
        {8, "/private/a", NULL, "0 9 1\n/shared/a3\n0 9 2\n/shared/b44\n7 10 1\n/private/a2\n"},
        {0, "/shared/a", NULL, "0 9 2\n/shared/b44\n7 10 1\n/private/a2\n"},
        {7, "/private/a", "", "0 9 2\n/shared/b44\n7 10 0\n/private/a\n"},
        {7, "/private/a", NULL, "0 9 2\n/shared/b44\n"},
        {0, "/shared/b", NULL, ""},
    };
    struct imap_annotations all;
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    assert_int_equal(imap_annotations_parse(STR(""), &arena, &all), 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct imap_annotation one = {steps[i].account_id, str_from(steps[i].entry), STR_NONE};

        if (steps[i].value)
            one.value = str_from(steps[i].value);
        assert_int_equal(imap_annotations_set(&all, &one), IMAP_ANNOTATION_OK);
        buf_clear(&out);
        imap_annotations_put(&all, &out);
        assert_string_equal(buf_cstr(&out), steps[i].then);
        assert_int_equal(imap_annotations_parse(arena_str(&arena, buf_str(&out)), &arena, &all), 0);
    }
    buf_done(&out);
}

/// Each account has so many and no more; another's do not count.
static void has_limits(void **state)
{
    static char large[IMAP_ANNOTATION_MAX + 1];
    struct imap_annotation one = {.account_id = 7, .value = str_of(large, sizeof(large))};
    struct imap_annotations all;
    char names[IMAP_ANNOTATIONS_MAX + 1][24];
    (void)state;

    assert_int_equal(imap_annotations_parse(STR(""), &arena, &all), 0);
    one.entry = STR("/private/large");
    assert_int_equal(imap_annotations_set(&all, &one), IMAP_ANNOTATION_TOO_LARGE);
    one.value = STR("x");
    for (int i = 0; i <= IMAP_ANNOTATIONS_MAX; i++) {
        one.entry = str_of(names[i], (size_t)snprintf(names[i], 24, "/private/%d", i));
        assert_int_equal(imap_annotations_set(&all, &one),
                         i < IMAP_ANNOTATIONS_MAX ? IMAP_ANNOTATION_OK : IMAP_ANNOTATION_TOO_MANY);
    }
    one.account_id = 8;
    assert_int_equal(imap_annotations_set(&all, &one), IMAP_ANNOTATION_OK);
    one.value = str_of(large, IMAP_ANNOTATION_MAX);
    for (int i = 0; i < 5; i++) {
        one.entry = str_from(names[i]);
        assert_int_equal(imap_annotations_set(&all, &one),
                         i < 3 ? IMAP_ANNOTATION_OK : IMAP_ANNOTATION_TOO_MANY);
    }
}

static void depth_counts_levels(void **state)
{
    (void)state;
    assert_true(imap_annotation_matches(STR("/shared/a"), STR("/shared/a"), 0));
    assert_false(imap_annotation_matches(STR("/shared/a/b"), STR("/shared/a"), 0));
    assert_true(imap_annotation_matches(STR("/shared/a/b"), STR("/shared/a"), 1));
    assert_false(imap_annotation_matches(STR("/shared/a/b/c"), STR("/shared/a"), 1));
    assert_true(imap_annotation_matches(STR("/shared/a/b/c"), STR("/shared/a"), 255));
    assert_false(imap_annotation_matches(STR("/shared/ab"), STR("/shared/a"), 255));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_removes),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(depth_counts_levels),
    };
    int r;

    arena_init(&arena, 64 << 20);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return r;
}
