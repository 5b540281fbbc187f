// SPDX-License-Identifier: ISC
#include "base/buf.h"
#include "proto/imap/mailbox_filter.h"
#include "proto/imap/sort.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text, *want; // NULL: refused
} filters[] = {
    {" SUBJECT x", ""},
    {" IN (selected)", "3"},
    {" in (Personal subscribed inboxes)", "2 5 0"},
    {" IN (mailboxes a)", "1:a"},
    {" IN (mailboxes (a \"b c\") subtree {1}\r\nd subtree-one (e))", "1:a,b c 6:d 7:e"},
    {" IN ()", NULL},
    {" IN (selected", NULL},
    {" IN (selected )", NULL},
    {" IN (selected-delayed)", NULL},
    {" IN (mailboxes)", NULL},
    {" IN (mailboxes ())", NULL},
    {" IN (mailboxes (a)", NULL},
    {" IN (personal (depth 1))", NULL},
    {" IN (everywhere)", NULL},
};

static void put_filter(struct buf *out, const struct imap_mailbox_filter *f)
{
    buf_putf(out, "%s%d", out->len ? " " : "", (int)f->kind);
    for (size_t i = 0; i < f->count; i++)
        buf_putf(out, "%c%.*s", i ? ',' : ':', STR_ARG(f->names[i]));
}

static void search_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        struct scan in = scan_of(str_from(filters[i].text));
        struct imap_mailbox_filter *found;
        struct arena arena;
        struct buf out;
        size_t count;
        bool ok;

        arena_init(&arena, 1 << 20);
        buf_init(&out, 1000);
        ok = imap_scan_search_in(&in, &arena, &found, &count);
        if (ok != !!filters[i].want)
            print_error("%s\n", filters[i].text);
        assert_int_equal(ok, !!filters[i].want);
        for (size_t n = 0; ok && n < count; n++)
            put_filter(&out, &found[n]);
        if (ok)
            assert_string_equal(buf_cstr(&out), filters[i].want);
        buf_done(&out);
        arena_done(&arena);
    }
}

static const struct {
    const char *text, *want;
} sorts[] = {
    {" (SUBJECT) UTF-8 ALL", "8"},
    {" (subject reverse date) us-ascii ALL", "8 -2"},
    {" (ARRIVAL CC DATE DISPLAYFROM DISPLAYTO FROM RELEVANCY SIZE SUBJECT TO) UTF-8 ALL",
     "0 1 2 3 4 5 6 7 8 9"},
    {" (REVERSE REVERSE DATE) UTF-8 ALL", NULL},
    {" (REVERSE) UTF-8 ALL", NULL},
    {" () UTF-8 ALL", NULL},
    {" (DATE ) UTF-8 ALL", NULL},
    {" (DATE) UTF-8", NULL},
    {" (DATE) ALL", NULL},
    {" (DATE)UTF-8 ALL", NULL},
    {" (TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO) UTF-8 ALL", NULL},
};

static void sort_criteria(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
        struct scan in = scan_of(str_from(sorts[i].text));
        struct imap_search search;
        struct imap_sort sort;
        struct arena arena;
        struct buf out;
        bool ok;

        arena_init(&arena, 1 << 20);
        buf_init(&out, 1000);
        ok = imap_sort_parse(&in, &arena, &sort, &search);
        if (ok != !!sorts[i].want)
            print_error("%s\n", sorts[i].text);
        assert_int_equal(ok, !!sorts[i].want);
        for (size_t n = 0; ok && n < sort.count; n++)
            buf_putf(&out, "%s%s%d", n ? " " : "", sort.keys[n].is_reverse ? "-" : "",
                     (int)sort.keys[n].by);
        if (ok)
            assert_string_equal(buf_cstr(&out), sorts[i].want);
        buf_done(&out);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_in),
        cmocka_unit_test(sort_criteria),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
