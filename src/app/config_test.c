// SPDX-License-Identifier: ISC
#include "base/arena.h"

#include "app/config.h"
#include "app/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int parse(const char *text, struct app_config **out, struct buf *why)
{
    buf_clear(why);
    return app_config_parse(str_from(text), "/etc/c.conf", out, why);
}

static void five_lines_suffice_and_none_too(void **state)
{
    struct app_config *config;
    const struct server_config *server;
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_int_equal(parse("", &config, &why), 0);
    server = APP_CONFIG(config, server_config, server_settings);
    assert_true(str_eq(server->data, STR("/var/lib/carteiro")));
    assert_int_equal(server->grace, 30000);
    assert_int_equal(server->certificate.count, 0);
    app_config_free(config);

    assert_int_equal(parse("# all\nhostname = mail.example.test # ours\n"
                           "certificate = {\"a.pem\", b.pem}\nkey = 'k#.pem'\r\n"
                           "key += \"l\\\".pem\"\ngrace=2m\nsandbox = off",
                           &config, &why),
                     0);
    server = APP_CONFIG(config, server_config, server_settings);
    assert_true(str_eq(server->hostname, STR("mail.example.test")));
    assert_int_equal(server->certificate.count, 2);
    assert_true(str_eq(server->certificate.items[1], STR("b.pem")));
    assert_int_equal(server->key.count, 2);
    assert_true(str_eq(server->key.items[0], STR("k#.pem")));
    assert_true(str_eq(server->key.items[1], STR("l\".pem")));
    assert_int_equal(server->grace, 120000);
    assert_false(server->sandbox);
    app_config_free(config);
    buf_done(&why);
}

static void what_is_wrong_is_told_with_line_and_cure(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"\n\nhostnme = a", "/etc/c.conf:3: there is no setting \"hostnme\" here; did you mean "
                            "\"hostname\"?\n"},
        {"xyzzyxyzzy = a", "/etc/c.conf:1: there is no setting \"xyzzyxyzzy\" here; see "
                           "carteiro.conf(5)\n"},
        {"# a\n# b\nloops = many", "/etc/c.conf:3: loops = many: is not a number; write digits, "
                                   "like 100\n"},
        {"loops = 257", "/etc/c.conf:1: loops = 257: must be at most 256\n"},
        {"connections_max = 0", "/etc/c.conf:1: connections_max = 0: must be at least 1\n"},
        {"grace = 2h", "/etc/c.conf:1: grace = 2h: must be at most 1h\n"},
        {"grace = 30", "/etc/c.conf:1: grace = 30: is not a duration; write 250ms, 30s, 5m, 2h or "
                       "1d\n"},
        {"sandbox = perhaps", "/etc/c.conf:1: sandbox = perhaps: is neither yes nor no\n"},
        {"loops = 1\n\nloops = 2", "/etc/c.conf:3: loops is set twice; it was set in line 1 "
                                   "already\n"},
        {"loops = 999\ngrace = x", "/etc/c.conf:1: loops = 999: must be at most 256\n"
                                   "/etc/c.conf:2: grace = x: is not a duration; write 250ms, 30s, "
                                   "5m, 2h or 1d\n"},
        {"loops = 1;", "/etc/c.conf:1: no ; is needed at the end of a line\n"},
        {"a\n// no", "/etc/c.conf:2: comments begin with #\n"},
        {"user = a*", "/etc/c.conf:1: put text with *, |, $ or + between quotes\n"},
        {"key = {\"a\n", "/etc/c.conf:1: this quote is never closed\n"},
        {"\nlisten {\n", "/etc/c.conf:2: this { is never closed\n"},
        {"key = {a, ", "/etc/c.conf:1: this { is never closed\n"},
        {"key =", "/etc/c.conf:1: the file ends in the middle; is a } or a quote missing?\n"},
        {"}", "/etc/c.conf:1: unexpected closing brace\n"},
        {"loops 4", "/etc/c.conf:1: missing equal sign after option 'loops'\n"},
    };
    struct app_config *config;
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(parse(rows[i].text, &config, &why), -EINVAL);
        assert_string_equal(buf_cstr(&why), rows[i].why);
    }
    assert_int_equal(app_config_load("/nowhere/c.conf", &config, &why), -ENOENT);
    buf_done(&why);
}

static void values_come_with_units_and_go_back(void **state)
{
    static const struct {
        enum setting_type type;
        const char *text;
        uint64_t value; // UINT64_MAX: refused
        const char *shown;
    } rows[] = {
        {SETTING_SIZE, "0", 0, "0"},
        {SETTING_SIZE, "10485760", 10485760, "10M"},
        {SETTING_SIZE, "512k", 524288, "512K"},
        {SETTING_SIZE, "2MB", 2097152, "2M"},
        {SETTING_SIZE, "2MiB", 2097152, "2M"},
        {SETTING_SIZE, "1025", 1025, "1025"},
        {SETTING_SIZE, "20000000T", UINT64_MAX, NULL},
        {SETTING_SIZE, "-1", UINT64_MAX, NULL},
        {SETTING_SIZE, "M", UINT64_MAX, NULL},
        {SETTING_SIZE, "1 M", UINT64_MAX, NULL},
        {SETTING_DURATION, "90s", 90000, "90s"},
        {SETTING_DURATION, "120s", 120000, "2m"},
        {SETTING_DURATION, "250ms", 250, "250ms"},
        {SETTING_DURATION, "1w", 604800000, "1w"},
        {SETTING_DURATION, "0", 0, "0"},
        {SETTING_DURATION, "5", UINT64_MAX, NULL},
        {SETTING_COUNT, "5K", UINT64_MAX, NULL},
        {SETTING_COUNT, "", UINT64_MAX, NULL},
        {SETTING_COUNT, "18446744073709551616", UINT64_MAX, NULL},
    };
    struct arena arena;
    struct buf out;

    (void)state;
    arena_init(&arena, 4096);
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct setting setting = {.name = "x", .type = rows[i].type};
        uint64_t value = 7;
        bool ok;

        buf_clear(&out);
        ok = app_config_set(&value, &setting, str_from(rows[i].text), &arena, &out);
        assert_int_equal(ok, rows[i].value != UINT64_MAX);
        if (!ok) {
            assert_int_equal(value, 7);
            assert_true(out.len > 0);
            continue;
        }
        assert_int_equal(value, rows[i].value);
        app_config_put_value(&out, &setting, &value);
        assert_string_equal(buf_cstr(&out), rows[i].shown);
    }
    buf_done(&out);
    arena_done(&arena);
}

/// Names are what people type: they must be unique in their room and its title unique in the file.
static void the_tables_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < app_config_room_count; i++) {
        const struct settings *room = app_config_rooms[i];

        assert_string_not_equal(room->title, "root");
        assert_true(room->count > 0 && room->help[0]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(room->title, app_config_rooms[k]->title);
        for (size_t a = 0; a < room->count; a++) {
            assert_true(room->items[a].help && room->items[a].help[0]);
            assert_true(room->items[a].offset < room->size);
            for (size_t b = 0; b < a; b++)
                assert_string_not_equal(room->items[a].name, room->items[b].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_lines_suffice_and_none_too),
        cmocka_unit_test(what_is_wrong_is_told_with_line_and_cure),
        cmocka_unit_test(values_come_with_units_and_go_back),
        cmocka_unit_test(the_tables_are_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
