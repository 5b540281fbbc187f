// SPDX-License-Identifier: ISC
//
// Return paths made here come apart again, in any case of letters; what others made up does not.
#include "mail/return_path.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECRET STR("0123456789abcdef0123456789abcdef")

static struct str domain_of(struct str path)
{
    return str_skip(path, (size_t)str_find_last(path, '@') + 1);
}

static enum return_path_kind parse(struct str path, int64_t day, struct buf *out, uint64_t *id)
{
    buf_clear(out);
    return return_path_parse(str_head(path, (size_t)str_find_last(path, '@')), domain_of(path),
                             SECRET, day, out, id);
}

static void upper(struct buf *b)
{
    ptrdiff_t at = str_find_last(buf_str(b), '@');

    for (size_t i = 0; i < (size_t)at; i++)
        b->ptr[i] = char_upper(b->ptr[i]);
}

static void a_list_finds_its_mail(void **state)
{
    struct buf path, found;
    uint64_t id = 0;

    (void)state;
    buf_init(&path, 1024);
    buf_init(&found, 1024);
    assert_true(return_path_put_list(&path, SECRET, STR("crew@example.test"), 0x7f3a));
    assert_true(str_starts(buf_str(&path), STR("crew-bounces+0000000000007f3a-")));
    assert_int_equal(parse(buf_str(&path), 0, &found, &id), RETURN_PATH_LIST);
    assert_true(str_eq(buf_str(&found), STR("crew@example.test")) && id == 0x7f3a);
    upper(&path);
    assert_int_equal(parse(buf_str(&path), 0, &found, &id), RETURN_PATH_LIST);
    for (size_t i = 0; buf_str(&path).ptr[i] != '@'; i++) { // each byte counts
        char was = path.ptr[i];

        path.ptr[i] = was == 'b' ? 'c' : 'b';
        if (char_lower(was) != 'b' && char_lower(was) != 'c')
            assert_int_not_equal(parse(buf_str(&path), 0, &found, &id), RETURN_PATH_LIST);
        path.ptr[i] = was;
    }
    buf_clear(&path);
    assert_false(return_path_put_list(&path, SECRET, STR("\"a b\"@example.test"), 1));
    assert_int_equal(path.len, 0);
    buf_done(&path);
    buf_done(&found);
}

static const struct {
    const char *sender;
    const char *found; // what it comes back as; NULL: it cannot be rewritten
} senders[] = {
    {"zoe@far.example", "zoe@far.example"},
    {"zoe=x=y@far.example", "zoe=x=y@far.example"},
    {"SRS0=abcd=xy=first.example=zoe@second.example",
     "SRS0=abcd=xy=first.example=zoe@second.example"},
    {"SRS0+abcd=xy=first.example=zoe@second.example",
     "SRS0+abcd=xy=first.example=zoe@second.example"},
    {"SRS1=wxyz=first.example==abcd=xy=far.example=zoe@second.example",
     "SRS0=abcd=xy=far.example=zoe@first.example"},
    {"SRS1=broken@second.example", "SRS1=broken@second.example"},
    {"\"a b\"@far.example", NULL},
    {"zoe@[192.0.2.1]", NULL},
};

static void what_is_passed_on_finds_its_sender(void **state)
{
    struct buf path, found;
    uint64_t id;

    (void)state;
    buf_init(&path, 1024);
    buf_init(&found, 1024);
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        struct address a;
        bool is_done;

        buf_clear(&path);
        assert_true(address_parse(str_from(senders[i].sender), ADDRESS_LONG_LOCAL, &a));
        is_done = return_path_put_forward(&path, SECRET, &a, STR("example.test"), 20000);
        assert_int_equal(is_done, senders[i].found != NULL);
        if (!is_done)
            continue;
        for (int turn = 0; turn < 2; turn++) {
            assert_int_equal(parse(buf_str(&path), 20000 + RETURN_PATH_DAYS, &found, &id),
                             RETURN_PATH_FORWARD);
            if (turn == 0)
                assert_true(str_eq(buf_str(&found), str_from(senders[i].found)));
            assert_true(str_case_eq(buf_str(&found), str_from(senders[i].found)));
            upper(&path);
        }
    }
    buf_done(&path);
    buf_done(&found);
}

static void old_ones_are_no_good(void **state)
{
    struct address a;
    struct buf path, found;
    uint64_t id;

    (void)state;
    buf_init(&path, 1024);
    buf_init(&found, 1024);
    assert_true(address_parse(STR("zoe@far.example"), 0, &a));
    assert_true(return_path_put_forward(&path, SECRET, &a, STR("example.test"), 1023));
    for (int day = 0; day < 1023; day++) // over the end of the cycle, too
        assert_int_equal(parse(buf_str(&path), 1023 + day, &found, &id),
                         day <= RETURN_PATH_DAYS ? RETURN_PATH_FORWARD : RETURN_PATH_INVALID);
    assert_int_equal(found.len, 0);
    buf_done(&path);
    buf_done(&found);
}

static const struct {
    const char *path;
    enum return_path_kind kind;
} foreign[] = {
    {"ana@example.test", RETURN_PATH_NONE},
    {"SRS0@example.test", RETURN_PATH_NONE},
    {"SRS0=@example.test", RETURN_PATH_NONE},
    {"SRS0=a@example.test", RETURN_PATH_INVALID},
    {"SRS0=aaaaaaaa=aa=far.example=zoe@example.test", RETURN_PATH_INVALID},
    {"srs0=aaaaaaaa=aa=far.example=zoe@example.test", RETURN_PATH_INVALID},
    {"SRS0=====@example.test", RETURN_PATH_INVALID},
    {"SRS1=aaaaaaaa=first.example==x@example.test", RETURN_PATH_INVALID},
    {"SRS1====@example.test", RETURN_PATH_INVALID},
    {"SRS2=aaaaaaaa=x=y=z@example.test", RETURN_PATH_NONE},
    {"crew-bounces@example.test", RETURN_PATH_NONE},
    {"crew-bounces+x@example.test", RETURN_PATH_NONE},
    {"-bounces+0000000000007f3a-aaaaaaaa@example.test", RETURN_PATH_NONE},
    {"crew-bounces+0000000000007f3a-aaaaaaaa@example.test", RETURN_PATH_INVALID},
    {"crew-bounces+000000000000xf3a-aaaaaaaa@example.test", RETURN_PATH_NONE},
};

static void made_up_ones_are_no_good(void **state)
{
    struct buf found;
    uint64_t id;

    (void)state;
    buf_init(&found, 1024);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (parse(str_from(foreign[i].path), 20000, &found, &id) != foreign[i].kind)
            fail_msg("%s", foreign[i].path);
        assert_int_equal(found.len, 0);
    }
    buf_done(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_finds_its_mail),
        cmocka_unit_test(what_is_passed_on_finds_its_sender),
        cmocka_unit_test(old_ones_are_no_good),
        cmocka_unit_test(made_up_ones_are_no_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
