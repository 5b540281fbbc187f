// SPDX-License-Identifier: ISC
#include "log/log.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct buf seen;

static void keep(void *arg, struct str line)
{
    (void)arg;
    buf_put(&seen, line);
}

static int64_t noon(void)
{
    return 1700000000123456;
}

static void a_line_has_time_level_room_and_values(void **state)
{
    struct log_line l;
    (void)state;

    buf_clear(&seen);
    log_begin(&l, LOG_INFO, "queue/accept", "kept");
    log_hex(&l, "id", 0x7f3a);
    log_u64(&l, "size", 2210);
    log_str(&l, "from", STR("ana@example.test"));
    log_end(&l);
    assert_string_equal(buf_cstr(&seen), "2023-11-14T22:13:20.123Z info queue/accept kept id=7f3a "
                                         "size=2210 from=ana@example.test\n");
}

static void values_of_strangers_cannot_forge_lines(void **state)
{
    char big[1000];
    struct log_line l;
    (void)state;

    memset(big, 'x', sizeof(big));
    buf_clear(&seen);
    log_begin(&l, LOG_WARN, "a/b", "c");
    log_str(&l, "helo", STR("x\r\n2023 \"\\\x1b\xc3"));
    log_str(&l, "empty", STR(""));
    for (int i = 0; i < 20; i++)
        log_str(&l, "long", str_of(big, sizeof(big)));
    log_errno(&l, -ENOSPC);
    log_end(&l);
    assert_int_equal(seen.len, LOG_LINE_MAX);
    assert_true(str_find_str(buf_str(&seen),
                             STR("helo=\"x\\x0d\\x0a2023 \\\"\\\\\\x1b\\xc3\" empty=\"\"")) > 0);
    assert_true(str_find(buf_str(&seen), '\n') == LOG_LINE_MAX - 1);
}

static void lines_below_the_level_are_left_out(void **state)
{
    enum log_level level;
    (void)state;

    buf_clear(&seen);
    log_event(LOG_DEBUG, "a/b", "quiet");
    assert_int_equal(seen.len, 0);
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "a/b", "loud");
    assert_true(seen.len > 0);
    assert_true(log_level_parse(STR("Warn"), &level) && level == LOG_WARN);
    assert_false(log_level_parse(STR("loud"), &level));
    log_set_level(LOG_INFO);
}

static void the_writer_writes_all_before_it_stops(void **state)
{
    char got[2048];
    int ends[2];
    ssize_t n;
    (void)state;

    log_set_sink(NULL, NULL);
    assert_int_equal(pipe(ends), 0);
    log_start(ends[1], LOG_INFO);
    for (int i = 0; i < 20; i++)
        log_event(LOG_INFO, "a/b", "line");
    log_stop();
    close(ends[1]);
    n = read(ends[0], got, sizeof(got));
    close(ends[0]);
    assert_int_equal(n, 20 * (ssize_t)strlen("2023-11-14T22:13:20.123Z info a/b line\n"));
}

// Reads what comes until the line with `last` is there, or nothing comes for so long.
static bool read_until(int fd, const char *last, int patience_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    static char got[1 << 16];

    while (poll(&wait, 1, patience_ms) == 1) {
        ssize_t n = read(fd, got, sizeof(got));

        assert_true(n > 0);
        if (last && str_find_str(str_of(got, (size_t)n), str_from(last)) >= 0)
            return true;
    }
    return false;
}

static void after_lines_were_dropped_the_next_is_written_at_once(void **state)
{
    char big[LOG_VALUE_MAX];
    int ends[2];
    (void)state;

    memset(big, 'x', sizeof(big));
    log_set_sink(NULL, NULL);
    assert_int_equal(pipe(ends), 0);
    log_start(ends[1], LOG_INFO);
    for (size_t bytes = 0; bytes < 6 << 20; bytes += sizeof(big)) {
        struct log_line l;

        log_begin(&l, LOG_INFO, "a/b", "much");
        log_str(&l, "long", str_of(big, sizeof(big)));
        log_end(&l);
    }
    assert_false(read_until(ends[0], NULL, 100)); // now the writer sleeps
    log_event(LOG_INFO, "a/b", "again");
    assert_true(read_until(ends[0], "again", 60000));
    log_stop();
    close(ends[1]);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_room_and_values),
        cmocka_unit_test(values_of_strangers_cannot_forge_lines),
        cmocka_unit_test(lines_below_the_level_are_left_out),
        cmocka_unit_test(the_writer_writes_all_before_it_stops),
        cmocka_unit_test(after_lines_were_dropped_the_next_is_written_at_once),
    };
    int failed;

    buf_init(&seen, 1 << 16);
    log_set_clock(noon);
    log_set_sink(keep, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&seen);
    return failed;
}
