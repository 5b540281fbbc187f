// SPDX-License-Identifier: ISC
#include "base/buf.h"
#include "proto/imap/search.h"
#include "proto/imap/search_return.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/// One node in prefix form, for comparing.
static void put_node(struct buf *out, const struct imap_search *s, uint32_t i, int depth)
{
    const struct imap_search_node *n = &s->nodes[i];

    assert_true(depth < 20);
    switch (n->op) {
    case IMAP_SEARCH_AND:
    case IMAP_SEARCH_OR:
        buf_put(out, n->op == IMAP_SEARCH_AND ? STR("and(") : STR("or("));
        put_node(out, s, n->left, depth + 1);
        buf_put(out, STR(" "));
        put_node(out, s, n->right, depth + 1);
        buf_put(out, STR(")"));
        return;
    case IMAP_SEARCH_NOT:
        buf_put(out, STR("not("));
        put_node(out, s, n->left, depth + 1);
        buf_put(out, STR(")"));
        return;
    case IMAP_SEARCH_FLAG:
        buf_putf(out, "f%u/%u", n->set, n->unset);
        return;
    case IMAP_SEARCH_HEADER:
        buf_putf(out, "%.*s=%.*s", STR_ARG(n->name), STR_ARG(n->text));
        return;
    case IMAP_SEARCH_BODY:
    case IMAP_SEARCH_TEXT:
        buf_putf(out, "~%.*s", STR_ARG(n->text));
        return;
    case IMAP_SEARCH_KEYWORD:
        buf_putf(out, "k:%.*s", STR_ARG(n->name));
        return;
    case IMAP_SEARCH_NUMBERS:
    case IMAP_SEARCH_UIDS:
        buf_putf(out, "%c%zu:%u", n->op == IMAP_SEARCH_UIDS ? 'u' : 's', n->numbers.count,
                 n->numbers.ranges[0].first);
        return;
    case IMAP_SEARCH_LARGER:
    case IMAP_SEARCH_SMALLER:
        buf_putf(out, "%c%llu", n->op == IMAP_SEARCH_LARGER ? '>' : '<',
                 (unsigned long long)n->size);
        return;
    case IMAP_SEARCH_ALL:
        buf_put(out, STR("all"));
        return;
    case IMAP_SEARCH_RESULT:
        buf_put(out, STR("$"));
        return;
    case IMAP_SEARCH_MODSEQ:
        buf_putf(out, "m%llu", (unsigned long long)n->modseq);
        return;
    case IMAP_SEARCH_OLDER:
    case IMAP_SEARCH_YOUNGER:
        buf_putf(out, "%s%u", n->op == IMAP_SEARCH_OLDER ? "old" : "young", n->seconds);
        return;
    case IMAP_SEARCH_EMAILID:
    case IMAP_SEARCH_THREADID:
        buf_putf(out, "%s:%.*s", n->op == IMAP_SEARCH_EMAILID ? "e" : "t", STR_ARG(n->name));
        return;
    default:
        buf_putf(out, "d%d:%d", (int)n->op - IMAP_SEARCH_BEFORE, (int)n->day);
        return;
    }
}

static const struct {
    const char *text, *charset, *tree; // tree NULL: refused
} cases[] = {
    {" ALL", NULL, "all"},
    {" all", NULL, "all"},
    {" FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", NULL,
     "and(and(f4/0 d2:8797) not(FROM=Smith))"},
    {" TEXT \"string not in mailbox\"", NULL, "~string not in mailbox"},
    {" CHARSET UTF-8 TEXT {6}\r\nXXXXXX", "UTF-8", "~XXXXXX"},
    {" charset \"us-ascii\" 2,4:7,9", "us-ascii", "s3:2"},
    {" OR SEEN UNSEEN", NULL, "or(f1/0 f0/1)"},
    {" OR OR 1 2 OR 3 4", NULL, "or(or(s1:1 s1:2) or(s1:3 s1:4))"},
    {" NOT NOT NOT 1", NULL, "not(not(not(s1:1)))"},
    {" (1)", NULL, "s1:1"},
    {" ((1 2) (3)) 4", NULL, "and(and(and(s1:1 s1:2) s1:3) s1:4)"},
    {" OR (1 2) NOT (3)", NULL, "or(and(s1:1 s1:2) not(s1:3))"},
    {" UNKEYWORD $Junk KEYWORD a", NULL, "and(not(k:$Junk) k:a)"},
    {" NEW OLD RECENT", NULL, "and(and(f32/1 f0/32) f32/0)"},
    {" HEADER Message-ID <1@x> LARGER 10 SMALLER 4294967295", NULL,
     "and(and(Message-ID=<1@x> >10) <4294967295)"},
    {" HEADER X-A \"\"", NULL, "X-A="},
    {" SENTON \" 1-Feb-1994\"", NULL, NULL},
    {" SENTON \"1-Feb-1994\" ON 01-Feb-1994 BEFORE 1-feb-1994", NULL,
     "and(and(d4:8797 d1:8797) d0:8797)"},
    {" UID 5:* *", NULL, "and(u1:5 s1:0)"},
    // RFC 9738 3.2
    {" UIDAFTER 25000 UIDBEFORE 27000", NULL, "and(u1:25001 u1:1)"},
    {" UIDAFTER 4294967295 UIDBEFORE 1", NULL, "and(u0:0 u0:0)"},
    {" UIDAFTER 5:6", NULL, NULL},
    {" UIDBEFORE *", NULL, NULL},
    {" UIDBEFORE 0", NULL, NULL},
    {" BODY a SUBJECT b TO c CC d BCC e", NULL, "and(and(and(and(~a SUBJECT=b) TO=c) CC=d) BCC=e)"},
    {"", NULL, NULL},
    {" ", NULL, NULL},
    {" ()", NULL, NULL},
    {" (1", NULL, NULL},
    {" 1)", NULL, NULL},
    {" NOT", NULL, NULL},
    {" OR 1", NULL, NULL},
    {" (OR 1) 2", NULL, NULL},
    {" (NOT ) 2", NULL, NULL},
    {" 1  2", NULL, NULL},
    {" 1 ", NULL, NULL},
    {" 0", NULL, NULL},
    {" FOO", NULL, NULL},
    {" FROM", NULL, NULL},
    {" SINCE 31-Feb-1994", NULL, NULL},
    {" LARGER 9223372036854775808", NULL, NULL},
    // RFC 5182, 7162, 5032, 8514, 8474, 6203, from their examples
    {" $ SMALLER 4096", NULL, "and($ <4096)"},
    {" OR $ 1,3000:3021 TEXT \"a\"", NULL, "and(or($ s2:1) ~a)"},
    {" UID $", NULL, "$"},
    {" KEYWORD $", NULL, "k:$"},
    {" $,1", NULL, NULL},
    {" MODSEQ \"/flags/\\\\draft\" all 620162338", NULL, "m620162338"},
    {" MODSEQ 620162338 UNSEEN", NULL, "and(m620162338 f0/1)"},
    {" MODSEQ 0", NULL, "m0"},
    {" MODSEQ \"/flags/\\\\draft\" 1", NULL, NULL},
    {" MODSEQ \"/comment\" all 1", NULL, NULL},
    {" MODSEQ -1", NULL, NULL},
    {" UNSEEN YOUNGER 259200 OLDER 1", NULL, "and(and(f0/1 young259200) old1)"},
    {" OLDER 0", NULL, NULL},
    {" YOUNGER 4294967296", NULL, NULL},
    {" SAVEDSINCE 1-Feb-1994 SAVEDON 1-Feb-1994 SAVEDBEFORE 1-Feb-1994 SAVEDATESUPPORTED", NULL,
     "and(and(and(d8:8797 d7:8797) d6:8797) all)"},
    {" EMAILID M6d99ac3275bb4e THREADID T64b478a75b7ea9", NULL,
     "and(e:M6d99ac3275bb4e t:T64b478a75b7ea9)"},
    {" FUZZY TEXT \"a\" NOT FUZZY (OR 1 FUZZY 2)", NULL, "and(~a not(or(s1:1 s1:2)))"},
    {" ALL FUZZY", NULL, NULL},
    {" (ALL FUZZY)", NULL, NULL},
    {" CHARSET UTF-8", NULL, NULL},
};

static void search_programs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan in = scan_of(str_from(cases[i].text));
        struct imap_search search;
        struct arena arena;
        struct buf out;
        bool ok;

        arena_init(&arena, 1 << 20);
        buf_init(&out, 4096);
        ok = imap_search_parse(&in, &arena, &search);
        if (ok != !!cases[i].tree)
            print_error("%s\n", cases[i].text);
        assert_int_equal(ok, !!cases[i].tree);
        if (ok) {
            put_node(&out, &search, (uint32_t)search.count - 1, 0);
            assert_string_equal(buf_cstr(&out), cases[i].tree);
            assert_true(str_eq(search.charset, str_from(cases[i].charset)));
        }
        buf_done(&out);
        arena_done(&arena);
    }
}

/// Deep and wide programs end in a tree or a refusal, at once, on a small stack.
static void search_depth_is_bounded(void **state)
{
    static const struct {
        const char *piece, *last;
        size_t times;
        bool ok;
    } deep[] = {
        {" NOT", " 1", 4000, true},   {" NOT", " 1", 9000, false}, {" OR 1", " 1", 4000, true},
        {" OR 1", " 1", 5000, false}, {" 1", " 1", 4000, true},    {" 1", " 1", 5000, false},
        {" (1", "", 100, false},      {" TEXT a", "", 64, true},   {" TEXT a", "", 65, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
        struct imap_search search;
        struct arena arena;
        struct scan in;
        struct buf text;

        arena_init(&arena, 4 << 20);
        buf_init(&text, 1 << 20);
        for (size_t n = 0; n < deep[i].times; n++)
            buf_put(&text, str_from(deep[i].piece));
        buf_put(&text, str_from(deep[i].last));
        in = scan_of(buf_str(&text));
        assert_int_equal(imap_search_parse(&in, &arena, &search), deep[i].ok);
        buf_done(&text);
        arena_done(&arena);
    }
}

static const struct {
    const char *text;
    unsigned options; // 0: refused
    const char *range;
} returns[] = {
    {"", IMAP_RETURN_ALL, NULL},
    {" ALL", IMAP_RETURN_ALL, NULL},
    {" RETURN ()", IMAP_RETURN_ALL, NULL},
    {" RETURN (MIN COUNT)", IMAP_RETURN_MIN | IMAP_RETURN_COUNT, NULL},
    {" return (min max all count)",
     IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_ALL | IMAP_RETURN_COUNT, NULL},
    {" RETURN (SAVE)", IMAP_RETURN_SAVE, NULL},
    {" RETURN (UPDATE CONTEXT)", IMAP_RETURN_ALL | IMAP_RETURN_UPDATE | IMAP_RETURN_CONTEXT, NULL},
    {" RETURN (RELEVANCY)", IMAP_RETURN_ALL | IMAP_RETURN_RELEVANCY, NULL},
    {" RETURN (PARTIAL 500:400)", IMAP_RETURN_PARTIAL, "400:500"},
    {" RETURN (PARTIAL -1:-100 COUNT)", IMAP_RETURN_PARTIAL | IMAP_RETURN_COUNT, "-1:-100"},
    {" RETURN (PARTIAL 1:*)", 0, NULL},
    {" RETURN (PARTIAL -1:100)", 0, NULL},
    {" RETURN (PARTIAL 1:-100)", 0, NULL},
    {" RETURN (PARTIAL 0:1)", 0, NULL},
    {" RETURN (PARTIAL 1)", 0, NULL},
    {" RETURN (PARTIAL 1:2 ALL)", 0, NULL},
    {" RETURN (PARTIAL 1:2 PARTIAL 3:4)", 0, NULL},
    {" RETURN (FOO)", 0, NULL},
    {" RETURN (MIN", 0, NULL},
    {" RETURN ( MIN)", 0, NULL},
    {" RETURN MIN", IMAP_RETURN_ALL, NULL},
};

static void return_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(returns) / sizeof(*returns); i++) {
        struct scan in = scan_of(str_from(returns[i].text));
        struct imap_search_return what;
        struct buf out;
        bool ok = imap_scan_search_return(&in, &what);

        if (ok != (returns[i].options != 0))
            print_error("%s\n", returns[i].text);
        assert_int_equal(ok, returns[i].options != 0);
        if (!ok)
            continue;
        assert_int_equal(what.options, returns[i].options);
        buf_init(&out, 100);
        imap_put_partial_range(&out, &what);
        if (returns[i].range)
            assert_string_equal(buf_cstr(&out), returns[i].range);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_programs),
        cmocka_unit_test(return_options),
        cmocka_unit_test(search_depth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
