// SPDX-License-Identifier: ISC
#include "rt/sim/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct rt_file *open_file(struct rt_disk *disk, const char *name, unsigned flags)
{
    struct rt_file *f;

    assert_int_equal(rt_file_open(disk, name, flags, &f), 0);
    return f;
}

static int put(struct rt_file *f, uint64_t offset, const char *text)
{
    struct iovec v = {(void *)(uintptr_t)text, strlen(text)};

    return rt_file_write(f, &v, 1, offset);
}

// What the file holds, or NULL when it is not there.
static const char *content(struct rt_disk *disk, const char *name)
{
    static char text[4096];
    struct rt_file *f;
    ssize_t n;

    if (rt_file_open(disk, name, RT_FILE_READ_ONLY, &f) < 0)
        return NULL;
    n = rt_file_read(f, text, sizeof(text) - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    rt_file_close(f);
    return text;
}

static void check_image(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                        const char *name, const char *want)
{
    struct rt_disk *image;
    const char *got;

    assert_int_equal(rt_sim_disk_crash(disk, how, choice, &image), 0);
    got = content(image, name);
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
    rt_disk_close(image);
}

static void what_was_synced_survives_and_only_that_must(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    put(f, 0, "one");
    assert_int_equal(rt_file_sync(f), 0);
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "a", NULL); // the name was not synced
    rt_disk_sync_dir(disk, "");
    put(f, 3, "two");
    put(f, 6, "six");
    assert_int_equal(rt_sim_disk_pending(disk), 2);
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "a", "one");
    check_image(disk, RT_SIM_CRASH_KEEP, 0, "a", "onetwosix");
    check_image(disk, RT_SIM_CRASH_PREFIX, 1, "a", "onetwo");
    assert_int_equal(rt_file_sync(f), 0);
    for (uint64_t seed = 0; seed < 200; seed++)
        check_image(disk, RT_SIM_CRASH_RANDOM, seed, "a", "onetwosix");
    rt_file_close(f);
    rt_disk_close(disk);
}

static void a_later_write_may_survive_an_earlier_one(void **state)
{
    struct rt_disk *disk, *image;
    struct rt_file *f;
    char bytes[6] = "";
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    rt_disk_sync_dir(disk, "");
    put(f, 0, "one");
    put(f, 3, "two");
    assert_int_equal(rt_sim_disk_crash(disk, RT_SIM_CRASH_SUBSET, 2, &image), 0);
    rt_file_close(f);
    f = open_file(image, "a", 0);
    assert_int_equal(rt_file_read(f, bytes, 6, 0), 6);
    assert_memory_equal(bytes, "\0\0\0two", 6);
    rt_file_close(f);
    rt_disk_close(image);
    rt_disk_close(disk);
}

static void a_write_tears_at_sectors(void **state)
{
    char big[2049];
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    memset(big, 'x', 2048);
    big[2048] = '\0';
    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    rt_disk_sync_dir(disk, "");
    put(f, 0, big);
    big[1024] = '\0';
    check_image(disk, RT_SIM_CRASH_TORN, 0, "a", big);
    rt_file_close(f);
    rt_disk_close(disk);
}

static void a_rename_is_whole(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    assert_int_equal(rt_disk_mkdir(disk, "d"), 0);
    f = open_file(disk, "d/new", RT_FILE_CREATE);
    put(f, 0, "new");
    rt_file_sync(f);
    rt_file_close(f);
    f = open_file(disk, "d/old", RT_FILE_CREATE);
    put(f, 0, "old");
    rt_file_sync(f);
    rt_file_close(f);
    rt_disk_sync_dir(disk, "");
    rt_disk_sync_dir(disk, "d");
    assert_int_equal(rt_disk_rename(disk, "d/new", "d/old"), 0);
    assert_string_equal(content(disk, "d/old"), "new");
    assert_null(content(disk, "d/new"));
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "d/old", "old");
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "d/new", "new");
    check_image(disk, RT_SIM_CRASH_KEEP, 0, "d/old", "new");
    check_image(disk, RT_SIM_CRASH_KEEP, 0, "d/new", NULL);
    rt_disk_sync_dir(disk, "d");
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "d/old", "new");
    rt_disk_close(disk);
}

static void the_power_goes_at_a_step(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE); // step 1
    rt_disk_sync_dir(disk, "");               // step 2
    rt_sim_disk_cut_at(disk, 4);
    assert_int_equal(put(f, 0, "one"), 0);   // step 3
    assert_int_equal(rt_file_sync(f), -EIO); // step 4
    assert_true(rt_sim_disk_is_cut(disk));
    assert_int_equal(put(f, 0, "two"), -EIO);
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "a", "");
    check_image(disk, RT_SIM_CRASH_KEEP, 0, "a", "one");
    rt_file_close(f);
    rt_disk_close(disk);
}

static void it_fills_up_and_space_comes_back(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    uint64_t left;
    (void)state;

    rt_sim_disk_new(&disk);
    rt_sim_disk_set_capacity(disk, 4 * 4096);
    f = open_file(disk, "a", RT_FILE_CREATE);
    assert_int_equal(rt_file_reserve(f, 0, 3 * 4096), 0);
    assert_int_equal(rt_file_reserve(f, 0, 5 * 4096), -ENOSPC);
    assert_int_equal(put(f, 4 * 4096 - 2, "1234"), -ENOSPC);
    assert_int_equal(rt_disk_free_bytes(disk, &left), 0);
    assert_int_equal(left, 0);
    assert_int_equal(rt_file_punch(f, 0, 2 * 4096), 0);
    rt_disk_free_bytes(disk, &left);
    assert_int_equal(left, 2 * 4096);
    assert_int_equal(rt_disk_remove(disk, "a"), 0);
    rt_disk_free_bytes(disk, &left);
    assert_int_equal(left, 2 * 4096); // the handle still holds it
    rt_file_close(f);
    rt_disk_free_bytes(disk, &left);
    assert_int_equal(left, 4 * 4096);
    rt_disk_close(disk);
}

static void a_failed_sync_loses_for_good(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    rt_disk_sync_dir(disk, "");
    put(f, 0, "x"); // step 3: an odd one
    rt_sim_disk_fail_sync(disk, 1);
    assert_int_equal(rt_file_sync(f), -EIO);
    assert_int_equal(rt_file_sync(f), 0);
    check_image(disk, RT_SIM_CRASH_KEEP, 0, "a", "");
    rt_file_close(f);
    rt_disk_close(disk);
}

static void a_lying_disk_loses_what_it_promised(void **state)
{
    struct rt_disk *disk;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    rt_disk_sync_dir(disk, "");
    rt_sim_disk_set_lying(disk, true);
    put(f, 0, "x");
    assert_int_equal(rt_file_sync(f), 0);
    check_image(disk, RT_SIM_CRASH_LOSE, 0, "a", "");
    rt_file_close(f);
    rt_disk_close(disk);
}

static void clones_share_nothing_that_changes(void **state)
{
    struct rt_disk *disk, *copy;
    struct rt_file *f;
    (void)state;

    rt_sim_disk_new(&disk);
    f = open_file(disk, "a", RT_FILE_CREATE);
    put(f, 0, "one");
    assert_int_equal(rt_file_lock(f), 0);
    rt_sim_disk_clone(disk, &copy);
    assert_true(rt_sim_disk_digest(disk) == rt_sim_disk_digest(copy));
    put(f, 0, "two");
    assert_true(rt_sim_disk_digest(disk) != rt_sim_disk_digest(copy));
    assert_string_equal(content(copy, "a"), "one");
    rt_file_close(f);
    f = open_file(copy, "a", 0);
    assert_int_equal(rt_file_lock(f), 0);
    rt_file_close(f);
    rt_disk_close(copy);
    rt_disk_close(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_survives_and_only_that_must),
        cmocka_unit_test(a_later_write_may_survive_an_earlier_one),
        cmocka_unit_test(a_write_tears_at_sectors),
        cmocka_unit_test(a_rename_is_whole),
        cmocka_unit_test(the_power_goes_at_a_step),
        cmocka_unit_test(it_fills_up_and_space_comes_back),
        cmocka_unit_test(a_failed_sync_loses_for_good),
        cmocka_unit_test(a_lying_disk_loses_what_it_promised),
        cmocka_unit_test(clones_share_nothing_that_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
