// SPDX-License-Identifier: ISC
#include "mail/casemap.h"
#include "mail/subject.h"
#include "mail/test.h"

static const struct {
    const char *value, *base;
    bool is_reply;
} subjects[] = {
    {"", "", false},
    {"hello", "hello", false},
    {"Re: hello", "hello", true},
    {"re:hello", "hello", true},
    {"RE :  hello", "hello", true},
    {"Fw: hello", "hello", true},
    {"FWD: hello", "hello", true},
    {"Fwdx: hello", "Fwdx: hello", false},
    {"Re[2]: hello", "hello", true},
    {"Re [2] : hello", "hello", true},
    {"Re: Fwd: Re[1]: hello", "hello", true},
    {"hello (fwd)", "hello", true},
    {"hello (fwd) (FWD)  ", "hello", true},
    {"hello (fwd", "hello (fwd", false},
    {"(fwd)", "", true},
    {"[list] hello", "hello", false},
    {"[list] Re: hello", "hello", true},
    {"Re: [list] hello", "hello", true},
    {"[a] [b][c] Re: [d] hello", "hello", true},
    {"[a][b] hello", "hello", false},
    {"[list]", "[list]", false},
    {"[a] [b]", "[b]", false},
    {"Re: [list]", "[list]", true},
    {"[fwd: hello]", "hello", true},
    {"[Fwd: Re: hello (fwd)]", "hello", true},
    {"[fwd: [list] hello]", "hello", true},
    {"[fwd: hello] more", "more", false},
    {"Re: [fwd: [fwd: hello]]", "hello", true},
    {"[fwd:]", "", true},
    {"[open", "[open", false},
    {"[a[b] hello", "[a[b] hello", false},
    {"hello [list]", "hello [list]", false},
    {"Re", "Re", false},
    {"Re:", "", true},
    {"Re: Re:\r\n \tRe:", "", true},
    {"a\r\n\tb   c", "a b c", false},
    {"=?utf-8?q?Re:_Ol=C3=A1?=", "Ol\xc3\xa1", true},
    {"=?utf-8?q?Re:?= =?utf-8?q?_x?=", "x", true},
    {"Regarding: x", "Regarding: x", false},
};

static void base_subjects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        struct buf out;
        bool is_reply;

        buf_init(&out, 1024);
        is_reply = subject_put_base(&out, str_from(subjects[i].value));
        if (is_reply != subjects[i].is_reply)
            print_error("%s\n", subjects[i].value);
        assert_string_equal(buf_cstr(&out), subjects[i].base);
        assert_int_equal(is_reply, subjects[i].is_reply);
        buf_done(&out);
    }
}

/// A base subject has no other base subject; long hostile ones take a moment, not minutes.
static void is_its_own_base(void **state)
{
    static const char *const pieces[] = {"[]", "[a] ", "re:", "[fwd:", "[a]re:", "(fwd)", "["};

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        struct buf value = {.max = 1 << 20}, once = {.max = 1 << 20}, twice = {.max = 1 << 20};

        for (int n = 0; n < 100000; n++)
            buf_put(&value, str_from(pieces[i]));
        (void)subject_put_base(&once, buf_str(&value));
        (void)subject_put_base(&twice, buf_str(&once));
        assert_true(str_eq(buf_str(&once), buf_str(&twice)));
        buf_done(&value);
        buf_done(&once);
        buf_done(&twice);
    }
}

static const struct {
    const char *a, *b; // equal by i;unicode-casemap, when is_equal
    bool is_equal;
} maps[] = {
    {"abc", "ABC", true},
    {"a_b", "A_B", true},
    {"ol\xc3\xa1", "OL\xc3\x81", true},
    {"\xc3\xa9", "e\xcc\x81", true}, // composed and decomposed
    {"\xef\xac\x81", "fi", false},   // a ligature is title-cased as it is, then taken apart
    {"\xef\xac\x81", "\xef\xac\x81", true},
    {"\xc7\x86", "\xc7\x84", true}, // dz with caron: both have the title case U+01C5
    {"a", "b", false},
};

static void casemap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
        struct buf a = {.max = 100}, b = {.max = 100};

        casemap_put(&a, str_from(maps[i].a));
        casemap_put(&b, str_from(maps[i].b));
        if (str_eq(buf_str(&a), buf_str(&b)) != maps[i].is_equal)
            print_error("%zu\n", i);
        assert_int_equal(str_eq(buf_str(&a), buf_str(&b)), maps[i].is_equal);
        buf_done(&a);
        buf_done(&b);
    }
}

/// RFC 5051: letters sort as capitals, so "_" comes behind them; broken bytes do no harm.
static void casemap_order(void **state)
{
    struct buf a = {.max = 100}, b = {.max = 100};

    (void)state;
    casemap_put(&a, STR("a"));
    casemap_put(&b, STR("_"));
    assert_true(str_cmp(buf_str(&a), buf_str(&b)) < 0);
    buf_clear(&a);
    casemap_put(&a, STR("x\xff\xc3"));
    assert_true(str_eq(buf_str(&a), STR("X\xef\xbf\xbd\xef\xbf\xbd")));
    buf_done(&a);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_subjects),
        cmocka_unit_test(is_its_own_base),
        cmocka_unit_test(casemap),
        cmocka_unit_test(casemap_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
