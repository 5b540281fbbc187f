// SPDX-License-Identifier: ISC
#include "serve/imap/objectid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf a, b;

static int set_up(void **state)
{
    (void)state;
    buf_init(&a, 256);
    buf_init(&b, 256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_done(&a);
    buf_done(&b);
    return 0;
}

static void ids_come_back(void **state)
{
    static const uint64_t ids[] = {1, 15, 16, 0xabcdef, UINT64_MAX};
    (void)state;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        uint64_t id = 0;

        buf_clear(&a);
        imap_put_emailid(&a, ids[i]);
        assert_true(imap_parse_emailid(buf_str(&a), &id) && id == ids[i]);
        assert_false(imap_parse_mailboxid(buf_str(&a), &id));
        buf_clear(&a);
        imap_put_mailboxid(&a, ids[i]);
        assert_true(imap_parse_mailboxid(buf_str(&a), &id) && id == ids[i]);
    }
}

static void what_is_no_id(void **state)
{
    static const char *const texts[] = {"",    "M",   "1",    "m1",   "M0",
                                        "M01", "M1 ", "MABC", "Mx12", "M11111111111111111"};
    uint64_t id;
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(imap_parse_emailid(str_from(texts[i]), &id));
}

static void put_thread(struct buf *out, const char *references, const char *message_id, uint64_t id)
{
    buf_clear(out);
    imap_put_threadid(out, str_from(references), str_from(message_id), id);
    assert_true(out->len > 1 && out->ptr[0] == 'T');
}

static void a_conversation_has_one_name(void **state)
{
    (void)state;

    put_thread(&a, "", "root@x", 1);
    put_thread(&b, "root@x", "reply@x", 2);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    put_thread(&b, "root@x reply@x", "third@x", 3);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    put_thread(&b, "", "other@x", 4);
    assert_false(str_eq(buf_str(&a), buf_str(&b)));
    put_thread(&a, "", "", 5); // nobody refers to it
    put_thread(&b, "", "", 6);
    assert_false(str_eq(buf_str(&a), buf_str(&b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_back),
        cmocka_unit_test(what_is_no_id),
        cmocka_unit_test(a_conversation_has_one_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
