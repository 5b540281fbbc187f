// SPDX-License-Identifier: ISC
#include "app/command.h"
#include "app/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/// What would make a command unreachable or its page wrong.
static void check_command(const struct command *command, unsigned depth)
{
    assert_non_null(command->name);
    assert_true(command->summary && command->summary[0]);
    assert_true(depth < 4);
    assert_true((command->run != NULL) != (command->child_count != 0));
    assert_true(command->args_min <= command->args_max);
    assert_true((command->args_max > 0) == (command->args != NULL));
    for (size_t i = 0; i < command->option_count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(command->options[i].name, command->options[k].name);
            assert_true(!command->options[i].letter ||
                        command->options[i].letter != command->options[k].letter);
        }
        for (size_t k = 0; k < command_global_count; k++) {
            assert_string_not_equal(command->options[i].name, command_globals[k].name);
            assert_true(!command->options[i].letter ||
                        command->options[i].letter != command_globals[k].letter);
        }
    }
    for (size_t i = 0; i < command->child_count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(command_child(command, i)->name,
                                    command_child(command, k)->name);
        check_command(command_child(command, i), depth + 1);
    }
}

static void the_tables_are_sound(void **state)
{
    (void)state;
    check_command(&command_root, 0);
}

static void options_are_found_as_given(void **state)
{
    struct call call = {.path = {&command_root}, .depth = 1, .command = &command_root};
    uint64_t number;
    size_t at = 0;

    (void)state;
    call.options[0].name = call.options[1].name = "to";
    call.options[0].value = "a";
    call.options[1].value = "7";
    call.option_count = 2;
    assert_string_equal(call_option(&call, "to"), "7");
    assert_null(call_option(&call, "cc"));
    assert_string_equal(call_each(&call, "to", &at), "a");
    assert_string_equal(call_each(&call, "to", &at), "7");
    assert_null(call_each(&call, "to", &at));
    assert_true(call_number(&call, "to", 9, 0, &number));
    assert_int_equal(number, 7);
    assert_true(call_number(&call, "port", 9, 5, &number));
    assert_int_equal(number, 5);
}

static void tables_are_for_people(void **state)
{
    static const struct table_column columns[] = {
        {"NAME", "name", TABLE_TEXT}, {"SIZE", "size", TABLE_BYTES}, {"ON", "on", TABLE_BOOL}};
    json_t *rows = json_pack("[{s:s, s:i, s:b}, {s:s, s:i, s:b}]", "name", "jos\xc3\xa9\x1b[2J",
                             "size", 1536, "on", 1, "name", "a", "size", 5, "on", 0);
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    table_put(&out, rows, columns, 3, "none");
    assert_string_equal(buf_cstr(&out), "NAME      SIZE    ON\n"
                                        "jos\xc3\xa9?[2J  1.5 KB  yes\n"
                                        "a         5 B     no\n");
    buf_clear(&out);
    table_put(&out, NULL, columns, 3, "none");
    assert_string_equal(buf_cstr(&out), "none\n");
    buf_done(&out);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(options_are_found_as_given),
        cmocka_unit_test(tables_are_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
