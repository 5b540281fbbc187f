// SPDX-License-Identifier: ISC
//
// What only store/local promises of the queue: it is there again, bodies move while they wait, a
// full disk lets entries change and go, old indexes are upgraded, backups and rebuilding.
#include "store/keep.h"
#include "store/local/harness.h"

// ---- short words

static struct store_body *body_of(struct str text)
{
    struct store_body *body;

    assert_int_equal(store_body_new(&l->store, &body), 0);
    assert_int_equal(store_body_append(body, text), 0);
    return body;
}

/// One mail for `count` recipients. 0 or an error; ids grow from *out_first.
static int queue_mail(struct str text, size_t count, int64_t due_us, uint64_t *out_first)
{
    struct store_queue_put *puts = store_alloc(count * sizeof(*puts));
    struct store_change *change = new_change();
    struct store_body *body = body_of(text);
    int r;

    for (size_t i = 0; i < count; i++) {
        puts[i] = (struct store_queue_put){.body = body,
                                           .mail_id = 70 + count,
                                           .due_us = due_us,
                                           .lane = STR("mx:example.org"),
                                           .value = STR("to carla@example.org")};
        store_change_queue_put(change, &puts[i]);
    }
    r = commit(change);
    *out_first = puts[0].id;
    store_body_free(body);
    free(puts);
    return r;
}

static int queue_remove(uint64_t id)
{
    struct store_change *change = new_change();

    store_change_queue_remove(change, id);
    return commit(change);
}

static int queue_set(uint64_t id, int64_t due_us)
{
    struct store_change *change = new_change();

    store_change_queue_set(change, id, due_us, STR("mx:example.org"), STR("another value"));
    return commit(change);
}

static void read_all(struct store_queue_list *out)
{
    struct queue_query query = {
        .kind = QUEUE_DUE, .after = {INT64_MIN, 0}, .due_max_us = INT64_MAX, .max = SIZE_MAX};

    *out = (struct store_queue_list){0};
    buf_init(&out->bytes, SIZE_MAX / 2);
    assert_int_equal(local_queue_read(l, &query, out), 0);
    store_queue_list_settle(out);
}

static void counts_are(uint64_t all, uint64_t held)
{
    uint64_t found_all, found_held;

    catalog_queue(l->store.catalog, &found_all, &found_held);
    assert_int_equal(found_all, all);
    assert_int_equal(found_held, held);
}

static void reopen(uint64_t segment_bytes)
{
    struct fsck_report report;

    local_close(l);
    l = NULL;
    report = check(disk, false);
    assert_int_equal(report.repairable + report.damaged, 0);
    assert_int_equal(open_with(segment_bytes), 0);
}

// ---- tests

static void what_waits_is_there_again(void **state)
{
    struct store_queue_list all;
    uint64_t first, second;
    char text[20];
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(queue_mail(STR("a mail"), 3, 50, &first), 0);
    assert_int_equal(queue_remove(first), 0);
    assert_int_equal(queue_set(first + 1, STORE_QUEUE_HELD), 0);
    reopen(0);
    counts_are(2, 1);
    read_all(&all);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.items[0].id, first + 2);
    assert_int_equal(all.items[1].due_us, STORE_QUEUE_HELD);
    assert_int_equal(read_body(&all.items[0].body, text), 6);
    assert_memory_equal(text, "a mail", 6);
    store_queue_list_done(&all);
    assert_int_equal(queue_remove(first + 2), 0);
    assert_int_equal(queue_remove(first + 1), 0);
    reopen(0);
    counts_are(0, 0);
    assert_int_equal(queue_mail(STR("later"), 1, 1, &second), 0);
    assert_true(second > first + 2);
}

static void fill_disk(void)
{
    static char big[60000];
    uint64_t id;
    int r = 0;

    for (int i = 0; r == 0 && i < 1000; i++)
        r = queue_mail(str_of(big, sizeof(big)), 1, 60, &id);
    assert_int_equal(r, -ENOSPC);
}

static void a_full_disk_lets_entries_go(void **state)
{
    uint64_t first;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(queue_mail(STR("before"), 200, 50, &first), 0);
    rt_sim_disk_set_capacity(disk, RESERVE_BYTES + (3 << 20));
    fill_disk();
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(queue_set(first + i, i % 2 ? 1000 : STORE_QUEUE_HELD), 0);
    fill_disk(); // the room that was kept back for this, and what they needed less
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(queue_remove(first + i), 0);
    assert_int_equal(queue_remove(first), STORE_NOT_FOUND);
    rt_sim_disk_set_capacity(disk, UINT64_MAX);
    assert_int_equal(queue_mail(STR("after"), 1, 50, &first), 0);
    reopen(0);
}

/// Of 60 mails (each third for three recipients) the fifth of each five stays: their segments are
/// collected, and moved once more.
static void bodies_move_while_they_wait(void **state)
{
    static char text[3000], got[3000];
    uint64_t firsts[60], mails;
    struct store_queue_list all;
    struct store_stats stats;
    (void)state;

    assert_int_equal(open_with(30000), 0);
    for (size_t i = 0; i < 60; i++) {
        memset(text, 'a' + (int)i % 26, sizeof(text));
        assert_int_equal(
            queue_mail(str_of(text, sizeof(text)), i % 3 ? 1 : 3, (int64_t)i, &firsts[i]), 0);
    }
    for (size_t i = 0; i < 60; i++) {
        for (uint64_t j = 0; i % 5 != 4 && j < (i % 3 ? 1 : 3); j++)
            assert_int_equal(queue_remove(firsts[i] + j), 0);
    }
    for (int round = 0; round < 3; round++) {
        local_punch(l, 1000);
        assert_int_equal(local_collect(l, direct), 0);
        reopen(30000);
        for (int i = 0; i < 12; i++)
            assert_int_equal(put("INBOX", str_of(text, sizeof(text))), 0);
        assert_int_equal(expunge("INBOX", 1, UINT32_MAX), 0);
    }
    local_punch(l, 1000);
    assert_int_equal(local_collect(l, direct), 0);
    local_stats(l, &stats);
    assert_true(stats.segments <= 3);
    read_all(&all);
    assert_int_equal(all.count, 12 + 2 * 4);
    for (size_t i = 0; i < all.count; i++) {
        assert_int_equal(read_body(&all.items[i].body, got), sizeof(got));
        assert_int_equal(got[2999], 'a' + all.items[i].due_us % 26);
    }
    local_close(l);
    l = NULL;
    assert_int_equal(store_rebuild(disk, &mails), 0);
    assert_int_equal(open_with(30000), 0);
    for (size_t i = 0; i < all.count; i++) // their records moved with all that stands in them
        assert_int_equal(queue_remove(all.items[i].id), 0);
    store_queue_list_done(&all);
    reopen(30000);
}

static void exec(const char *sql)
{
    assert_int_equal(sqlite3_exec(l->index.db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void wrong_numbers_are_counted_again(void **state)
{
    uint64_t first;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(queue_mail(STR("a mail"), 3, STORE_QUEUE_HELD, &first), 0);
    exec("UPDATE meta SET value=7 WHERE key IN('queue_count', 'queue_held')");
    exec("UPDATE meta SET value=2 WHERE key='queue_next'");
    exec("UPDATE message SET refs=4");
    local_close(l);
    l = NULL;
    assert_int_equal(check(disk, false).repairable, 4);
    assert_int_equal(check(disk, true).repaired, 4);
    assert_int_equal(check(disk, false).repairable, 0);
    assert_int_equal(open_with(0), 0);
    counts_are(3, 3);
}

static void an_index_of_version_1_is_upgraded(void **state)
{
    uint64_t first;
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("old mail")), 0);
    exec("DROP TABLE queue; DELETE FROM meta WHERE key LIKE 'queue%'; PRAGMA user_version=1");
    reopen(0);
    counts_are(0, 0);
    assert_int_equal(queue_mail(STR("a mail"), 2, 5, &first), 0);
    exec("PRAGMA user_version=99");
    local_close(l);
    l = NULL;
    assert_int_equal(open_with(0), -EPROTO);
    l = NULL;
}

static void a_backup_has_the_queue(void **state)
{
    char backup[260], restored[260];
    struct backup_report copied;
    struct fsck_report report;
    struct store_queue_list all;
    uint64_t first, second;
    char text[20];

    snprintf(backup, sizeof(backup), "%s/backup", dir);
    snprintf(restored, sizeof(restored), "%s/restored", dir);
    assert_int_equal(open_with(2000), 0);
    assert_int_equal(queue_mail(STR("for two"), 2, 5, &first), 0);
    assert_int_equal(queue_mail(STR("for one"), 1, 6, &second), 0);
    assert_int_equal(store_backup(disk, backup, &copied), 0);
    assert_int_equal(queue_remove(first), 0);
    tear_down(state);
    assert_int_equal(store_restore(backup, restored, &report), 0);
    assert_int_equal(report.queued, 3);
    assert_int_equal(report.damaged + report.repairable, 0);
    assert_int_equal(rt_disk_open(restored, &disk), 0);
    assert_int_equal(open_with(2000), 0);
    counts_are(3, 0);
    read_all(&all);
    assert_int_equal(read_body(&all.items[2].body, text), 7);
    assert_memory_equal(text, "for one", 7);
    store_queue_list_done(&all);
}

static void a_rebuilt_index_holds_what_waited(void **state)
{
    static char big[9000];
    struct store_queue_list all;
    uint64_t one, two, large, next, mails;
    char text[20];
    (void)state;

    assert_int_equal(open_with(0), 0);
    assert_int_equal(put("INBOX", STR("here")), 0);
    assert_int_equal(queue_mail(STR("for one"), 1, 5, &one), 0);
    assert_int_equal(queue_mail(STR("for two"), 2, 6, &two), 0);
    memset(big, 'b', sizeof(big));
    assert_int_equal(queue_mail(str_of(big, sizeof(big)), 1, 7, &large), 0);
    assert_int_equal(queue_remove(large), 0);
    local_punch(l, 100); // of what has gone on nothing comes back
    local_close(l);
    l = NULL;
    assert_int_equal(store_rebuild(disk, &mails), 0);
    assert_int_equal(mails, 3);
    assert_int_equal(open_with(0), 0);
    counts_are(3, 3);
    read_all(&all);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.items[0].id, one);
    assert_int_equal(all.items[0].mail_id, 71);
    assert_int_equal(all.items[2].mail_id, 72);
    assert_true(str_eq(all.items[2].lane, STR("mx:example.org")));
    assert_true(str_eq(all.items[2].value, STR("to carla@example.org")));
    assert_int_equal(read_body(&all.items[1].body, text), 7);
    assert_memory_equal(text, "for two", 7);
    store_queue_list_done(&all);
    assert_int_equal(queue_mail(STR("next"), 1, 5, &next), 0);
    assert_true(next > two + 1);
    assert_int_equal(store_account_max(&l->store), 1); // of the mailbox that was found
    reopen(0);
}

int main(void)
{
#define SIM(fn) cmocka_unit_test_setup_teardown(fn, set_up_sim, tear_down)
    const struct CMUnitTest tests[] = {
        SIM(what_waits_is_there_again),
        SIM(a_full_disk_lets_entries_go),
        SIM(bodies_move_while_they_wait),
        SIM(wrong_numbers_are_counted_again),
        SIM(an_index_of_version_1_is_upgraded),
        SIM(a_rebuilt_index_holds_what_waited),
        cmocka_unit_test_setup_teardown(a_backup_has_the_queue, set_up_dir, tear_down_dir),
    };

    return cmocka_run_group_tests_name("store/local queue", tests, NULL, NULL);
}
