// SPDX-License-Identifier: ISC
#include "mail/header.h"
#include "mail/test.h"

// "name=value@offset+len" per field, with "|" between, then "#" and the length of the header
static void show(struct buf *out, struct str header)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    while (header_next(&it, &f))
        buf_putf(out, "%.*s=%.*s@%zu+%zu|", STR_ARG(f.name), STR_ARG(f.value), f.offset, f.raw.len);
    buf_putf(out, "#%zu", header_len(header));
}

static void fields_cover_every_byte(void **state)
{
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"A: 1\r\nB:2\r\n\r\nbody", "A= 1@0+6|B=2@6+5|#13"},
        {"A: 1\nB:2\n\nbody", "A= 1@0+5|B=2@5+4|#10"},
        {"A: 1\r\n 2\r\n\t3\r\nB: 4\r\n", "A= 1\r\n 2\r\n\t3@0+14|B= 4@14+6|#20"},
        {"A: 1", "A= 1@0+4|#4"},
        {"A:", "A=@0+2|#2"},
        {"A :x\r\n", "A=x@0+6|#6"},
        {"A B:x\r\n", "=A B:x@0+7|#7"},
        {":x\r\n", "=:x@0+4|#4"},
        {"From ana Mon\r\nA: 1\r\n", "=From ana Mon@0+14|A= 1@14+6|#20"},
        {" first\r\nA: 1\r\n", "= first@0+8|A= 1@8+6|#14"},
        {"A: 1\r\n \r\nB: 2\r\n", "A= 1\r\n @0+9|B= 2@9+6|#15"},
        {"\r\nbody", "#2"},
        {"\nbody", "#1"},
        {"", "#0"},
        {"A: 1\r\r\n\r\n", "A= 1\r@0+7|#9"},
        {"A\xe9: 1\r\n", "=A\xe9: 1@0+7|#7"},
        {"A: 1\rB: 2\n", "A= 1\rB: 2@0+10|#10"},
        {"\r", "=\r@0+1|#1"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        show(&out, str_from(rows[i].header));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].header);
    }
}

static void fields_are_found_by_name(void **state)
{
    struct str header = STR("To: a\r\nSUBJECT: x\r\nsubject: y\r\n\r\nSubject: in the body\r\n");
    struct header_field f;
    (void)state;

    assert_true(header_find(header, STR("Subject"), &f));
    ASSERT_STR(f.value, STR(" x"), "first");
    assert_int_equal(header_count(header, STR("subject")), 2);
    assert_false(header_find(header, STR("Sub"), &f));
    assert_false(header_find(header, STR("Subjects"), &f));
    assert_false(header_find(header, STR(""), &f));
}

static void folds_are_taken_out(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {" x", "x"},
        {" a\r\n b\r\n\tc ", "a b\tc"},
        {"\r\n a", "a"},
        {" a\n b", "a b"},
        {" \r\n ", ""},
        {"", ""},
        {"a\rb\r\n c", "a\rb c"},
        {"a\r\n", "a"},
    };
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        ASSERT_STR(header_unfold(&arena, str_from(rows[i].value)), str_from(rows[i].want),
                   rows[i].value);
        header_put_unfolded(&out, str_from(rows[i].value));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].value);
    }
    arena_done(&arena);
}

static void fields_are_put(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"x", "N: x\r\n"},
        {"", "N:\r\n"},
        {"a\r\nBcc: b", "N: a Bcc: b\r\n"},
        {"a\r\n b", "N: a b\r\n"},
        {"a\r\n\r\nb", "N: a b\r\n"},
        {"a\rb", "N: a b\r\n"},
        {"  two  blanks  ", "N: two  blanks\r\n"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890 12345",
         "N: 1234567890123456789012345678901234567890123456789012345678901234567890\r\n 12345\r\n"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890 1234",
         "N: 1234567890123456789012345678901234567890123456789012345678901234567890 1234\r\n"},
        {"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
         "N: "
         "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "\r\n"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        header_put(&out, STR("N"), str_from(rows[i].value));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].value);
        assert_int_equal(header_count(buf_str(&out), STR("N")), 1);
        assert_int_equal(header_len(buf_str(&out)), out.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_cover_every_byte),
        cmocka_unit_test(fields_are_found_by_name),
        cmocka_unit_test(folds_are_taken_out),
        cmocka_unit_test(fields_are_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
