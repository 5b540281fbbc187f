// SPDX-License-Identifier: ISC
//
// What only store/local promises: recovery, damage that is seen, full disks, failed syncs, space
// given back, backup, restore, rebuilding. The engine's core is called directly, without a runtime.
#include "log/log.h"
#include "store/crc.h"
#include "store/local/harness.h"

// ---- tests

static void both_checksums_agree(void **state)
{
    uint8_t bytes[300];
    (void)state;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + 3);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283); // RFC 3720 B.4 and everywhere
    for (size_t len = 0; len < sizeof(bytes); len++) {
        uint32_t half = crc32c(0, bytes, len / 2);

        assert_int_equal(crc32c(0, bytes, len), crc32c_by_table(0, bytes, len));
        assert_int_equal(crc32c(half, bytes + len / 2, len - len / 2), crc32c(0, bytes, len));
    }
}

static void one_process_at_a_time(void **state)
{
    struct store_local_config config = {.disk = disk, .free_bytes_min = 1};
    struct local *second;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(local_open(&config, NULL, &second), -EWOULDBLOCK);
}

static void damage_is_seen_and_stays_alone(void **state)
{
    struct rt_file *file;
    struct iovec iov = {(char[]){'X'}, 1};
    struct store_entries e;
    struct fsck_report report;
    char text[100];
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("the first mail")), 0);
    assert_int_equal(put("INBOX", STR("the second mail")), 0);
    e = entries("INBOX");
    assert_int_equal(rt_file_open(disk, "segments/000001", 0, &file), 0);
    // the body follows a header of 64 + 4 + 26 + "INBOX", aligned
    assert_int_equal(rt_file_write(file, &iov, 1, message_offset(e.items[0].body.message_id) + 108),
                     0);
    rt_file_close(file);
    assert_int_equal(read_body(&e.items[0].body, text), -EBADMSG);
    assert_int_equal(read_body(&e.items[1].body, text), 15);
    local_close(l);
    l = NULL;
    report = check(disk, true);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(report.entries, 2);
    assert_int_equal(report.repairable, 0);
    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("the third")), 0);
    store_entries_done(&e);
}

static void wrong_numbers_are_counted_again(void **state)
{
    (void)state;
    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("one")), 0);
    assert_int_equal(put("Sent", STR("two")), 0);
    assert_int_equal(sqlite3_exec(l->index.db,
                                  "UPDATE mailbox SET messages=9, bytes=77 WHERE name='INBOX';"
                                  "UPDATE mailbox SET uidnext=1 WHERE name='Sent';"
                                  "UPDATE segment SET live_count=5;"
                                  "INSERT INTO message VALUES(4711, 2, 0, 0)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    local_close(l);
    l = NULL;
    assert_int_equal(check(disk, false).repairable, 5);
    assert_int_equal(check(disk, true).repaired, 5);
    assert_int_equal(check(disk, false).repairable, 0);
    assert_int_equal(check(disk, false).damaged, 0);
}

static void a_full_disk_refuses_mail_but_lets_go(void **state)
{
    static char big[60000];
    struct store_entries e;
    char text[100];
    int r = 0, count;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("before")), 0);
    rt_sim_disk_set_capacity(disk, RESERVE_BYTES + (3 << 20));
    for (count = 0; r == 0 && count < 1000; count++)
        r = put("INBOX", str_of(big, sizeof(big)));
    assert_int_equal(r, -ENOSPC);
    assert_true(count > 5);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put("INBOX", str_of(big, sizeof(big))), -ENOSPC);
    assert_int_equal(flag("INBOX"), 0);
    e = entries("INBOX");
    assert_int_equal(e.count, count);
    assert_int_equal(read_body(&e.items[0].body, text), 6);
    assert_int_equal(expunge("INBOX", 2, UINT32_MAX), 0);
    store_entries_done(&e);
    rt_sim_disk_set_capacity(disk, UINT64_MAX);
    assert_int_equal(put("INBOX", STR("after")), 0);
    local_close(l);
    l = NULL;
    assert_int_equal(check(disk, false).repairable + check(disk, false).damaged, 0);
}

static void low_space_refuses_new_mail_only(void **state)
{
    (void)state;
    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("before")), 0);
    l->config.free_bytes_min = UINT64_MAX;
    assert_int_equal(put("INBOX", STR("more")), -ENOSPC);
    assert_int_equal(flag("INBOX"), 0);
    assert_int_equal(expunge("INBOX", 1, 1), 0);
}

static void after_a_failed_sync_nothing_is_taken(void **state)
{
    (void)state;
    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("good")), 0);
    rt_sim_disk_fail_sync(disk, 1);
    assert_int_equal(put("INBOX", STR("bad")), -EIO);
    assert_int_equal(put("INBOX", STR("also")), -EIO);
    assert_int_equal(flag("INBOX"), -EIO);
    local_close(l);
    l = NULL;
    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("again")), 0);
    {
        struct store_entries e = entries("INBOX");

        assert_int_equal(e.count, 2);
        store_entries_done(&e);
    }
}

static void a_refused_put_costs_others_nothing(void **state)
{
    struct store_put p[3] = {{.account_id = 1, .name = STR("INBOX")},
                             {.account_id = 1, .name = STR("INBOX")},
                             {.mailbox_id = 4711}};
    struct store_change *good, *bad; // the bad one is refused after its first row
    struct local_job a = {.kind = JOB_COMMIT}, b = {.kind = JOB_COMMIT};
    struct local_job *jobs[] = {&b, &a};
    (void)state;

    assert_int_equal(open_with(0), 0);
    a.change = good = new_change();
    b.change = bad = new_change();
    for (int i = 0; i < 3; i++) {
        store_body_new(&l->store, &p[i].body);
        store_change_put(i ? bad : good, &p[i]);
    }
    local_group(l, jobs, 2);
    assert_int_equal(a.result, 0);
    assert_int_equal(b.result, STORE_NOT_FOUND);
    assert_int_equal(p[0].uid, 1);
    for (int i = 0; i < 3; i++)
        store_body_free(p[i].body);
    store_change_free(good);
    store_change_free(bad);
    assert_int_equal(put("INBOX", STR("x")), 0);
}

static void space_comes_back(void **state)
{
    static char text[3000];
    struct store_entries e;
    struct store_stats before, after;
    struct rt_file *lock;
    char got[3000];
    (void)state;

    assert_int_equal(open_with(50000), 0);
    for (int i = 0; i < 100; i++) {
        memset(text, 'a' + i % 26, sizeof(text));
        assert_int_equal(put("INBOX", str_of(text, sizeof(text))), 0);
    }
    e = entries("INBOX");
    for (uint32_t uid = 1; uid <= 90; uid++) {
        if (uid % 17 != 0)
            assert_int_equal(expunge("INBOX", uid, uid), 0);
    }
    local_stats(l, &before);
    // a backup holds everything
    assert_int_equal(rt_file_open(disk, "collect.lock", RT_FILE_CREATE, &lock), 0);
    assert_int_equal(rt_file_lock(lock), 0);
    assert_int_equal(local_punch(l, 1000), 0);
    assert_int_equal(local_collect(l, direct), 0);
    local_stats(l, &after);
    assert_int_equal(after.segments, before.segments);
    rt_file_close(lock);
    assert_int_equal(local_punch(l, 1000), 85);
    assert_int_equal(local_collect(l, direct), 0);
    local_stats(l, &after);
    assert_true(after.segments + 3 < before.segments);
    assert_int_equal(after.bodies, 15);
    for (size_t i = 0; i < e.count; i++) { // with what was known of them before they moved
        bool lives = e.items[i].uid % 17 == 0 || e.items[i].uid > 90;

        ssize_t n = read_body(&e.items[i].body, got);

        assert_true(n == 3000 || (!lives && n == -ENOENT));
        assert_true(!lives || got[2999] == (char)('a' + i % 26));
    }
    assert_int_equal(expunge("INBOX", 1, 90), 0);
    local_close(l);
    l = NULL;
    assert_int_equal(check(disk, false).repairable + check(disk, false).damaged, 0);
    store_entries_done(&e);
}

/// The i-th of many mails that arrive at once, in pieces.
static void append_some(struct store_body *body, size_t i, size_t len)
{
    static char text[10000];

    memset(text, (int)('a' + i), sizeof(text));
    for (size_t at = 0; at < len; at += sizeof(text)) {
        text[0] = (char)('0' + at / sizeof(text) % 10);
        assert_int_equal(store_body_append(body, str_of(text, sizeof(text))), 0);
    }
}

static void check_some(const struct store_entry *e, size_t i)
{
    static char got[700000];

    assert_true(e->body.size <= sizeof(got));
    assert_int_equal(read_body(&e->body, got), e->body.size);
    for (size_t at = 0; at < e->body.size; at++) {
        char c = at % 10000 ? (char)('a' + i) : (char)('0' + at / 10000 % 10);

        if (got[at] != c)
            fail_msg("mail %zu: byte %zu", i, at);
    }
}

static void many_at_once_cost_little_memory(void **state)
{
    enum { COUNT = 20, LEN = 600000, MEMORY = 1 << 20 };
    struct store_put p[COUNT] = {0};
    struct store_entries e;
    struct store_stats stats;
    (void)state;

    assert_int_equal(open_with(1 << 20), 0);
    l->store.bodies_memory = MEMORY;
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = (struct store_put){.account_id = 1, .name = STR("INBOX")};
        assert_int_equal(store_body_new(&l->store, &p[i].body), 0);
    }
    for (size_t i = 0; i < COUNT; i++)
        append_some(p[i].body, i, LEN);
    assert_true(l->store.bodies_held < 2 * MEMORY + COUNT * 2 * STORE_BODY_MEMORY_MIN);
    assert_false(p[0].body->big); // there was room for the first
    assert_true(p[COUNT - 1].body->big);
    assert_int_equal(store_body_head(p[COUNT - 1].body).len, STORE_BODY_MEMORY_MIN);
    for (size_t i = 0; i < COUNT; i++) {
        struct store_change *change = new_change();

        store_change_put(change, &p[i]);
        assert_int_equal(p[i].body->big ? spill(p[i].body) : 0, 0);
        assert_int_equal(commit(change), 0);
        store_body_free(p[i].body);
    }
    assert_int_equal(l->store.bodies_held, 0);
    e = entries("INBOX");
    assert_int_equal(e.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        check_some(&e.items[i], i);
    store_entries_done(&e);
    assert_int_equal(expunge("INBOX", 2, COUNT - 1), 0);
    local_stats(l, &stats);
    assert_int_equal(stats.bytes_live, 2 * LEN);
    assert_int_equal(expunge("INBOX", 1, COUNT), 0);
    local_stats(l, &stats);
    assert_int_equal(stats.bytes_live, 0);
    local_close(l);
    l = NULL;
    assert_int_equal(check(disk, false).repairable + check(disk, false).damaged, 0);
}

static void a_lost_index_is_made_again(void **state)
{
    static char big[(1 << 20) + 300000];
    struct store_entries e;
    uint64_t mails = 0;
    char text[100];
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("one")), 0);
    assert_int_equal(put("Lists/x", STR("two")), 0);
    memset(big, 'b', sizeof(big));
    assert_int_equal(put("INBOX", str_of(big, sizeof(big))), 0);
    local_close(l);
    l = NULL;
    assert_int_equal(rt_disk_remove(disk, "index.db"), 0);
    assert_int_equal(open_with(0), -EUCLEAN);
    assert_int_equal(rt_disk_remove(disk, "index.db"), 0); // the empty one of the attempt
    assert_int_equal(store_rebuild(disk, &mails), 0);
    assert_int_equal(mails, 3);
    assert_int_equal(check(disk, false).repairable + check(disk, false).damaged, 0);
    assert_int_equal(open_with(0), 0);
    e = entries("INBOX");
    assert_int_equal(e.count, 2);
    assert_int_equal(read_body(&e.items[0].body, text), 3);
    assert_memory_equal(text, "one", 3);
    assert_int_equal(read_body(&e.items[1].body, big), sizeof(big));
    store_entries_done(&e);
    assert_int_equal(put("Lists/x", STR("three")), 0);
}

static void an_index_older_than_the_mail_is_refused(void **state)
{
    struct rt_file *file;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("one")), 0);
    local_close(l);
    l = NULL;
    assert_int_equal(rt_file_open(disk, "segments/000002", RT_FILE_CREATE, &file), 0);
    rt_file_close(file);
    assert_int_equal(open_with(0), 0); // a crash can leave one
    local_close(l);
    l = NULL;
    for (int i = 2; i < 4; i++) {
        char name[32];

        segment_name((uint32_t)i, name);
        assert_int_equal(rt_file_open(disk, name, RT_FILE_CREATE, &file), 0);
        rt_file_close(file);
    }
    assert_int_equal(open_with(0), -EUCLEAN);
    l = NULL;
}

static void a_backup_is_restored_whole(void **state)
{
    char backup[260], restored[260];
    struct backup_report copied;
    struct fsck_report report;
    struct store_entries e;
    char text[100];
    (void)state;

    snprintf(backup, sizeof(backup), "%s/backup", dir);
    snprintf(restored, sizeof(restored), "%s/restored", dir);
    assert_int_equal(open_with(2000), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(put("INBOX", STR("a mail of fifty")), 0);
    assert_int_equal(store_backup(disk, backup, &copied), 0); // while it is open
    assert_true(copied.segments > 2);
    assert_int_equal(store_backup(disk, backup, &copied), -ENOTEMPTY);
    assert_int_equal(expunge("INBOX", 1, 50), 0);
    local_punch(l, 1000);
    assert_int_equal(local_collect(l, direct), 0);
    tear_down(state);
    log_set_sink(silence, NULL);
    assert_int_equal(store_restore(backup, restored, &report), 0);
    assert_int_equal(report.entries, 50);
    assert_int_equal(report.damaged + report.repairable, 0);
    assert_int_equal(rt_disk_open(restored, &disk), 0);
    assert_int_equal(open_with(2000), 0);
    e = entries("INBOX");
    assert_int_equal(e.count, 50);
    assert_int_equal(read_body(&e.items[49].body, text), 15);
    store_entries_done(&e);
    assert_int_equal(put("INBOX", STR("goes on")), 0);
}

int main(void)
{
#define SIM(fn) cmocka_unit_test_setup_teardown(fn, set_up_sim, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_checksums_agree),
        SIM(damage_is_seen_and_stays_alone),
        SIM(wrong_numbers_are_counted_again),
        SIM(a_full_disk_refuses_mail_but_lets_go),
        SIM(low_space_refuses_new_mail_only),
        SIM(after_a_failed_sync_nothing_is_taken),
        SIM(a_refused_put_costs_others_nothing),
        SIM(space_comes_back),
        SIM(many_at_once_cost_little_memory),
        SIM(a_lost_index_is_made_again),
        SIM(an_index_older_than_the_mail_is_refused),
        cmocka_unit_test_setup_teardown(one_process_at_a_time, set_up_dir, tear_down_dir),
        cmocka_unit_test_setup_teardown(a_backup_is_restored_whole, set_up_dir, tear_down_dir),
    };

    return cmocka_run_group_tests_name("store/local", tests, NULL, NULL);
}
