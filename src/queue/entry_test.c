// SPDX-License-Identifier: ISC
//
// An entry as text and back: every field, what is cut and what is left out, lines nobody knows.
#include "base/buf.h"
#include "base/check.h"
#include "queue/entry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char full_text[] = "sender ana@example.test\n"
                                "recipient \"a b\"@example.org\n"
                                "original crew@example.test\n"
                                "orcpt rfc822;crew+40example.test\n"
                                "notify 14\n"
                                "envid QQ314159\n"
                                "ret headers\n"
                                "content 8bit\n"
                                "utf8\n"
                                "requires-tls\n"
                                "waives-tls\n"
                                "report\n"
                                "list\n"
                                "by return\n"
                                "by-trace\n"
                                "by-time 1790000000\n"
                                "priority -3\n"
                                "identity 2a\n"
                                "skip 31\n"
                                "arrived 1780000000\n"
                                "expires 1780432000\n"
                                "attempts 4\n"
                                "warned\n"
                                "code 452\n"
                                "text 4.2.2 mailbox full\n"
                                "host mx1.example.org (192.0.2.1)\n"
                                "tried 1780000300\n";

static struct queue_entry parsed(const char *text, bool *out_is_entry)
{
    struct store_queue_entry row = {.id = 5,
                                    .mail_id = 0x7f3a,
                                    .due_us = 99,
                                    .lane = STR("example.org"),
                                    .body = {3, 700, {0}}};
    struct queue_entry e;
    bool is_entry;

    row.value = str_from(text);
    is_entry = queue_entry_parse(&row, &e);
    if (out_is_entry)
        *out_is_entry = is_entry;
    assert_true(e.id == 5 && e.mail_id == 0x7f3a && e.due_us == 99 && e.body.message_id == 3);
    assert_true(str_eq(e.lane, STR("example.org")));
    return e;
}

static void every_field_is_read_and_written(void **state)
{
    struct queue_entry e = parsed(full_text, NULL);
    struct buf out;

    (void)state;
    assert_true(str_eq(e.recipient, STR("\"a b\"@example.org")));
    assert_int_equal(e.notify, 14);
    assert_int_equal(e.ret, ENVELOPE_RET_HDRS);
    assert_int_equal(e.content, ENVELOPE_BODY_8BITMIME);
    assert_int_equal(e.by, ENVELOPE_BY_RETURN);
    assert_int_equal(e.by_s, 1790000000);
    assert_int_equal(e.priority, -3);
    assert_int_equal(e.identity_id, 42);
    assert_int_equal(e.skip, 31);
    assert_true(e.is_utf8 && e.requires_tls && e.waives_tls && e.is_report && e.is_list && e.by_trace &&
                e.is_warned);
    assert_true(str_eq(e.last_text, STR("4.2.2 mailbox full")));
    buf_init(&out, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(&out, &e);
    if (!str_eq(buf_str(&out), str_from(full_text)))
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
    assert_true(str_eq(buf_str(&out), str_from(full_text)));
    buf_done(&out);
}

static const struct {
    const char *text;
    bool is_entry;
    const char *written;
} texts[] = {
    {"", false, ""},
    {"recipient a@b\n", true, "recipient a@b\n"},
    {"recipient a@b", true, "recipient a@b\n"},
    {"sender x@y\n", false, "sender x@y\n"},
    {"recipient\n", false, ""},
    {"recipient a@b\nfuture thing\n\n \nx\n", true, "recipient a@b\n"},
    {"recipient a@b\nnotify 16\nattempts -1\ncode 1000\n", true, "recipient a@b\n"},
    {"recipient a@b\nret nonsense\npriority 10\nby-time x\n", true, "recipient a@b\n"},
    {"recipient a@b\nidentity ffffffffffffffff\n", true,
     "recipient a@b\nidentity ffffffffffffffff\n"},
    {"recipient a@b\nidentity 10000000000000000\n", true, "recipient a@b\n"},
    {"recipient a@b\nby-time -5\n", true, "recipient a@b\nby-time -5\n"},
    {"recipient a@b\nby-time -9223372036854775808\n", true, "recipient a@b\n"},
};

static void odd_values_are_read_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct queue_entry e;
        struct buf out;
        bool is_entry;

        e = parsed(texts[i].text, &is_entry);
        buf_init(&out, QUEUE_ENTRY_BYTES_MAX);
        queue_entry_put(&out, &e);
        if (is_entry != texts[i].is_entry || !str_eq(buf_str(&out), str_from(texts[i].written)))
            fail_msg("row %zu: %.*s", i, STR_ARG(buf_str(&out)));
        buf_done(&out);
    }
}

/// The other side decides what it says: no line end of it makes a field, no length a failure.
static void what_others_said_is_cut_and_stays_on_its_line(void **state)
{
    static char a[3000], e_acute[1000];
    struct queue_entry e = {0}, again;
    struct store_queue_entry row = {.id = 1};
    struct buf out;

    (void)state;
    memset(a, 'a', sizeof(a));
    for (size_t i = 0; i < sizeof(e_acute); i += 2)
        memcpy(e_acute + i, "\xc3\xa9", 2);
    e.recipient = STR("b@example.org");
    e.sender = e.original = str_of(a, 1024);
    e.orcpt = str_of(a, 3000); // as if never given
    e.envid = str_of(a, 400);
    e.last_host = str_of(a, 3000);
    e.last_text = STR("no\r\nrecipient evil@example.net\x7f");
    buf_init(&out, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(&out, &e);
    assert_true(buf_ok(&out));
    row.value = buf_str(&out);
    assert_true(queue_entry_parse(&row, &again));
    assert_true(str_eq(again.recipient, e.recipient));
    assert_true(str_eq(again.last_text, STR("no  recipient evil@example.net ")));
    assert_int_equal(again.sender.len, 1024);
    assert_int_equal(again.orcpt.len, 0);
    assert_int_equal(again.last_host.len, 400);
    buf_clear(&out);
    e.last_text = str_of(e_acute + 1, 999); // a character would be cut in two
    queue_entry_put(&out, &e);
    row.value = buf_str(&out);
    assert_true(queue_entry_parse(&row, &again));
    assert_int_equal(again.last_text.len, 499);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read_and_written),
        cmocka_unit_test(odd_values_are_read_as_the_table_says),
        cmocka_unit_test(what_others_said_is_cut_and_stays_on_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
