// SPDX-License-Identifier: ISC
#include "proto/pop3/command.h"
#include "proto/pop3/stuff.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void commands_are_read(void **state)
{
    static const struct {
        struct str line;
        enum pop3_verb verb;
        struct str name, response;
        uint32_t number, lines;
    } good[] = {
        {STR("UTF8"), POP3_UTF8, STR_NONE, STR_NONE, 0, 0},
        {STR("lang"), POP3_LANG, STR_NONE, STR_NONE, 0, 0},
        {STR("LANG pt-BR"), POP3_LANG, STR("pt-BR"), STR_NONE, 0, 0},
        {STR("LANG *"), POP3_LANG, STR("*"), STR_NONE, 0, 0},
        {STR("USER ana@example.test"), POP3_USER, STR("ana@example.test"), STR_NONE, 0, 0},
        {STR("user ana"), POP3_USER, STR("ana"), STR_NONE, 0, 0},
        {STR("PASS two words "), POP3_PASS, STR("two words "), STR_NONE, 0, 0},
        {STR("PASS  x"), POP3_PASS, STR(" x"), STR_NONE, 0, 0},
        {STR("STAT"), POP3_STAT, STR_NONE, STR_NONE, 0, 0},
        {STR("STAT "), POP3_STAT, STR_NONE, STR_NONE, 0, 0},
        {STR("LIST"), POP3_LIST, STR_NONE, STR_NONE, 0, 0},
        {STR("LIST 4294967295"), POP3_LIST, STR_NONE, STR_NONE, UINT32_MAX, 0},
        {STR("retr 12 "), POP3_RETR, STR_NONE, STR_NONE, 12, 0},
        {STR("TOP 3 0"), POP3_TOP, STR_NONE, STR_NONE, 3, 0},
        {STR("TOP 3 10"), POP3_TOP, STR_NONE, STR_NONE, 3, 10},
        {STR("UIDL 1"), POP3_UIDL, STR_NONE, STR_NONE, 1, 0},
        {STR("AUTH"), POP3_AUTH, STR_NONE, STR_NONE, 0, 0},
        {STR("AUTH PLAIN"), POP3_AUTH, STR("PLAIN"), STR_NONE, 0, 0},
        {STR("AUTH PLAIN ="), POP3_AUTH, STR("PLAIN"), STR("="), 0, 0},
        {STR("AUTH PLAIN AGEAYg=="), POP3_AUTH, STR("PLAIN"), STR("AGEAYg=="), 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct pop3_command c;

        assert_int_equal(pop3_command_parse(good[i].line, &c), POP3_PARSED);
        assert_int_equal(c.verb, good[i].verb);
        assert_true(str_eq(c.name, good[i].name));
        assert_true(str_eq(c.response, good[i].response));
        assert_int_equal(c.has_response, good[i].response.ptr != NULL);
        assert_int_equal(c.number, good[i].number);
        assert_int_equal(c.has_number, good[i].number != 0);
        assert_int_equal(c.lines, good[i].lines);
    }
}

static void bad_commands_are_refused(void **state)
{
    static const struct {
        struct str line;
        enum pop3_parse result;
    } bad[] = {
        {STR(""), POP3_NO_SUCH_VERB},
        {STR(" STAT"), POP3_NO_SUCH_VERB},
        {STR("\tSTAT"), POP3_NO_SUCH_VERB},
        {STR("HELO x"), POP3_NO_SUCH_VERB},
        {STR("USERana"), POP3_NO_SUCH_VERB},
        {STR("ST\0T"), POP3_NO_SUCH_VERB},
        {STR("USER a\0b"), POP3_NO_SUCH_VERB},
        {STR("USER"), POP3_BAD_ARGUMENT},
        {STR("USER "), POP3_BAD_ARGUMENT},
        {STR("STAT 1"), POP3_BAD_ARGUMENT},
        {STR("RETR"), POP3_BAD_ARGUMENT},
        {STR("RETR 0"), POP3_BAD_ARGUMENT},
        {STR("RETR -1"), POP3_BAD_ARGUMENT},
        {STR("RETR 1x"), POP3_BAD_ARGUMENT},
        {STR("RETR 1 2"), POP3_BAD_ARGUMENT},
        {STR("RETR 4294967296"), POP3_BAD_ARGUMENT},
        {STR("RETR 99999999999999999999999"), POP3_BAD_ARGUMENT},
        {STR("TOP 1"), POP3_BAD_ARGUMENT},
        {STR("TOP 1 -1"), POP3_BAD_ARGUMENT},
        {STR("AUTH PLAIN a b"), POP3_BAD_ARGUMENT},
        {STR("AUTH ABCDEFGHIJKLMNOPQRSTU"), POP3_BAD_ARGUMENT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct pop3_command c;

        assert_int_equal(pop3_command_parse(bad[i].line, &c), bad[i].result);
    }
}

static const struct {
    struct str message;
    uint32_t lines;
    struct str sent;
} stuffed[] = {
    {STR(""), POP3_ALL_LINES, STR(".\r\n")},
    {STR("A: b\r\n\r\nx\r\n"), POP3_ALL_LINES, STR("A: b\r\n\r\nx\r\n.\r\n")},
    {STR("A: b\r\n\r\n.\r\n..x\r\ny.\r\n"), POP3_ALL_LINES,
     STR("A: b\r\n\r\n..\r\n...x\r\ny.\r\n.\r\n")},
    {STR(".A: b\n\nno end"), POP3_ALL_LINES, STR("..A: b\r\n\r\nno end\r\n.\r\n")},
    {STR("a\rb\r\r\nc\n\r"), POP3_ALL_LINES, STR("a\r\nb\r\n\r\nc\r\n\r\n.\r\n")},
    {STR("A: b\r\n\r\n1\r\n2\r\n3\r\n"), 0, STR("A: b\r\n\r\n.\r\n")},
    {STR("A: b\r\n\r\n1\r\n2\r\n3\r\n"), 2, STR("A: b\r\n\r\n1\r\n2\r\n.\r\n")},
    {STR("A: b\r\n\r\n1\r\n2\r\n3"), 9, STR("A: b\r\n\r\n1\r\n2\r\n3\r\n.\r\n")},
    {STR("A: b\r\n"), 0, STR("A: b\r\n.\r\n")},
    {STR("\r\n.\r\n2"), 1, STR("\r\n..\r\n.\r\n")},
};

/// However the message is cut into pieces, what is sent is the same.
static void stuffing_does_not_depend_on_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stuffed) / sizeof(*stuffed); i++) {
        for (size_t step = 1; step <= stuffed[i].message.len + 1; step++) {
            struct str rest = stuffed[i].message;
            struct pop3_stuff stuff;
            struct buf out;

            buf_init(&out, 1000);
            pop3_stuff_init(&stuff, stuffed[i].lines);
            for (; rest.len > 0; rest = str_skip(rest, step))
                pop3_stuff_put(&stuff, str_head(rest, step), &out);
            pop3_stuff_end(&stuff, &out);
            assert_true(str_eq(buf_str(&out), stuffed[i].sent));
            buf_done(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_read),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(stuffing_does_not_depend_on_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
