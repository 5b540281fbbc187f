// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "trace/day.h"
#include "trace/trace.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char place[] = "/tmp/carteiro-trace-XXXXXX";
static struct trace *trace;
static struct arena arena;

static void swallow(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

static int set_up(void **state)
{
    struct trace_config config = {.keep_days = 30};
    (void)state;

    arena_init(&arena, 16 << 20);
    log_set_sink(swallow, NULL);
    memcpy(place + sizeof place - 7, "XXXXXX", 6);
    CHECK(mkdtemp(place));
    return trace_open(place, &config, &trace);
}

static int tear_down(void **state)
{
    char path[TRACE_PATH_MAX];
    DIR *dir = opendir(place);
    struct dirent *file;
    (void)state;

    trace_close(TAKE(trace));
    while (dir && (file = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", place, file->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(place);
    log_set_sink(NULL, NULL);
    arena_done(&arena);
    return 0;
}

static void say(uint64_t id, const char *where, const char *what, const char *key,
                const char *value)
{
    struct log_line l;

    log_begin(&l, LOG_INFO, where, what);
    log_mail(&l, id);
    log_text(&l, key, value);
    log_end(&l);
}

static void a_story_is_found_by_id_address_and_message_id(void **state)
{
    struct trace_mail *mails;
    struct trace_event *events;
    size_t count;
    (void)state;

    say(0xabc, "receive/data", "taken", "from", "Ana@Example.test");
    say(0xabc, "queue/accept", "kept", "message_id", "<x=1@example.test>");
    say(0xdef, "receive/data", "taken", "from", "bruno@example.test");
    log_story(0xabc, "queue/attempt", "dialogue", STR("C: QUIT\nS: 221 bye"));
    trace_flush(trace);

    for (size_t i = 0; i < 4; i++) {
        const char *words[] = {"abc", "ana@example.TEST", "<X=1@example.test>", "x=1@example.test"};

        assert_int_equal(trace_find(place, str_from(words[i]), 10, &arena, &mails, &count), 0);
        assert_int_equal(count, 1);
        assert_true(mails[0].id == 0xabc);
    }
    assert_int_equal(trace_find(place, STR("nobody@example.test"), 10, &arena, &mails, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(trace_story(place, 0xabc, &arena, &events, &count), 0);
    assert_int_equal(count, 3);
    assert_true(str_eq(events[0].where, STR("receive/data")));
    assert_true(str_eq(events[2].text, STR("dialogue\nC: QUIT\nS: 221 bye")));
    assert_true(
        str_eq(trace_value(events[1].text, "message_id", &arena), STR("<x=1@example.test>")));
}

static void lines_below_the_level_are_in_the_story(void **state)
{
    struct trace_event *events;
    struct log_line l;
    size_t count;
    (void)state;

    log_begin(&l, LOG_DEBUG, "route/hosts", "asked");
    log_mail(&l, 7);
    log_end(&l);
    log_event(LOG_DEBUG, "route/hosts", "of no mail");
    trace_flush(trace);
    assert_int_equal(trace_story(place, 7, &arena, &events, &count), 0);
    assert_int_equal(count, 1);
}

static void a_thousand_mails_cost_less_than_a_kilobyte_each(void **state)
{
    char path[TRACE_PATH_MAX];
    struct stat file;
    (void)state;

    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t id = i * UINT64_C(0x9e3779b97f4a7c15);
        char to[64], message_id[64];

        snprintf(to, sizeof to, "user%llu@example.org", (unsigned long long)i);
        snprintf(message_id, sizeof message_id, "<%llx.1@example.test>", (unsigned long long)id);
        say(id, "route/recipient", "remote", "to", to);
        say(id, "queue/accept", "kept", "from", "ana@example.test");
        say(id, "queue/accept", "header", "message_id", message_id);
        log_story(id, "route/hosts", "dns",
                  STR("example.org. 3600 IN MX 10 mx1.example.org.\n"
                      "mx1.example.org. 3600 IN A 192.0.2.1\n10 mx1.example.org (192.0.2.1): TLS "
                      "if offered, any certificate: no TLSA records, no MTA-STS"));
        log_story(
            id, "queue/attempt", "dialogue",
            STR("S: 220 mx1.example.org ESMTP\nC: EHLO mail.example.test\nS: "
                "250-mx1.example.org\nS: 250-PIPELINING\nS: 250-STARTTLS\nS: 250 8BITMIME\n"
                "C: STARTTLS\nS: 220 go ahead\nN: TLSv1.3 TLS_AES_256_GCM_SHA384\nC: EHLO "
                "mail.example.test\nS: 250-mx1.example.org\nS: 250 PIPELINING\nC: MAIL "
                "FROM:<ana@example.test>\nC: RCPT TO:<user@example.org>\nC: DATA\nS: 250 2.1.0 "
                "Ok\nS: 250 2.1.5 Ok\nS: 354 go\nN: the message, 2210 bytes\nS: 250 2.0.0 Ok"));
        say(id, "queue/attempt", "done", "host", "mx1.example.org (192.0.2.1)");
    }
    trace_close(TAKE(trace));
    assert_int_equal(trace_day_path(place, trace_day_of(time(NULL) * INT64_C(1000000)), path), 0);
    assert_int_equal(stat(path, &file), 0);
    assert_true(file.st_size < 1000 * 1024);
}

static void old_days_go_and_others_stay(void **state)
{
    int64_t days[8], today = trace_day_of(time(NULL) * INT64_C(1000000));
    char path[TRACE_PATH_MAX];
    (void)state;

    for (int i = 29; i <= 31; i++) {
        assert_int_equal(trace_day_path(place, today - i, path), 0);
        fclose(fopen(path, "w"));
    }
    snprintf(path, sizeof path, "%s/notes.txt", place);
    fclose(fopen(path, "w"));
    say(1, "queue/accept", "kept", "from", "a@b");
    trace_flush(trace);
    assert_int_equal(trace_days(place, days, 8), 2);
    assert_true(days[0] == today && days[1] == today - 29);
    assert_int_equal(access(path, F_OK), 0);
}

static void a_damaged_day_costs_that_day_only(void **state)
{
    int64_t yesterday = trace_day_of(time(NULL) * INT64_C(1000000)) - 1;
    struct trace_event *events;
    char path[TRACE_PATH_MAX];
    size_t count;
    FILE *file;
    (void)state;

    assert_int_equal(trace_day_path(place, yesterday, path), 0);
    file = fopen(path, "w");
    fputs("this is no database, and longer than a header of one would be, to be sure of it", file);
    fclose(file);
    say(5, "queue/accept", "kept", "from", "a@b");
    trace_flush(trace);
    assert_int_equal(trace_story(place, 5, &arena, &events, &count), 0);
    assert_int_equal(count, 1);
}

static void values_are_taken_out_of_lines(void **state)
{
    static const struct {
        const char *text, *key, *value;
    } cases[] = {
        {"kept size=2210 from=ana@x", "size", "2210"},
        {"kept size=2210 from=ana@x", "from", "ana@x"},
        {"kept why=\"no from=b@x here\" from=ana@x", "from", "ana@x"},
        {"kept to=\"a \\\" b\\\\\\x3d\"", "to", "a \" b\\="},
        {"kept to=", "to", ""},
        {"from=x", "from", NULL}, // no line begins with a value
        {"kept tofrom=x", "from", NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str value = trace_value(str_from(cases[i].text), cases[i].key, &arena);

        assert_true(cases[i].value ? str_eq(value, str_from(cases[i].value)) : !value.ptr);
    }
}

int main(void)
{
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_DISK(a_story_is_found_by_id_address_and_message_id),
        ON_DISK(lines_below_the_level_are_in_the_story),
        ON_DISK(a_thousand_mails_cost_less_than_a_kilobyte_each),
        ON_DISK(old_days_go_and_others_stay),
        ON_DISK(a_damaged_day_costs_that_day_only),
        ON_DISK(values_are_taken_out_of_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
