// SPDX-License-Identifier: ISC
//
// The doors of rt/disk.h, once over real files and once over simulated ones: what a caller sees
// must be the same.
#include "base/check.h"
#include "rt/disk.h"
#include "rt/sim/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    struct rt_disk *disk;
    char path[64]; // "" when simulated
};

static int make_real(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->path, sizeof(place->path), "/tmp/rt_disk_test.XXXXXX");
    *state = place;
    return mkdtemp(place->path) ? rt_disk_open(place->path, &place->disk) : -1;
}

static int make_simulated(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    *state = place;
    return rt_sim_disk_new(&place->disk);
}

// Every test leaves its directory empty.
static int clear_away(void **state)
{
    struct place *place = *state;
    int r = 0;

    rt_disk_close(place->disk);
    if (*place->path)
        r = rmdir(place->path);
    free(place);
    return r;
}

static struct rt_disk *disk_of(void **state)
{
    return ((struct place *)*state)->disk;
}

static struct rt_file *make(struct rt_disk *disk, const char *name)
{
    struct rt_file *file;

    assert_int_equal(rt_file_open(disk, name, RT_FILE_CREATE, &file), 0);
    return file;
}

static void put(struct rt_file *file, const char *text, uint64_t offset)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};

    assert_int_equal(rt_file_write(file, &iov, 1, offset), 0);
}

static void assert_holds(struct rt_file *file, struct str expected)
{
    char got[64];
    uint64_t size;

    assert_int_equal(rt_file_size(file, &size), 0);
    assert_int_equal(size, expected.len);
    assert_int_equal(rt_file_read(file, got, sizeof(got), 0), expected.len);
    assert_memory_equal(got, expected.ptr, expected.len);
}

static void files_hold_what_was_written(void **state)
{
    struct rt_disk *disk = disk_of(state);
    struct rt_file *file = make(disk, "a");
    char words[] = "one two three";
    struct iovec iov[4] = {{words, 4}, {words, 0}, {words + 4, 4}, {words + 8, 5}};
    char got[8];

    assert_int_equal(rt_file_write(file, iov, 4, 0), 0);
    assert_holds(file, STR("one two three"));
    put(file, "TWO", 4);
    put(file, "!", 15);
    assert_holds(file, STR("one TWO three\0\0!"));
    assert_int_equal(rt_file_read(file, got, 3, 4), 3);
    assert_memory_equal(got, "TWO", 3);
    assert_int_equal(rt_file_read(file, got, 8, 14), 2);
    assert_int_equal(rt_file_read(file, got, 8, 100), 0);
    assert_int_equal(rt_file_sync(file), 0);
    rt_file_close(file);
    file = make(disk, "a"); // which exists, so this opens it
    assert_holds(file, STR("one TWO three\0\0!"));
    rt_file_close(file);
    assert_int_equal(rt_disk_remove(disk, "a"), 0);
}

static void sizes_change(void **state)
{
    struct rt_disk *disk = disk_of(state);
    struct rt_file *file = make(disk, "a");
    uint64_t size;
    int r;

    put(file, "0123456789", 0);
    assert_int_equal(rt_file_truncate(file, 4), 0);
    assert_holds(file, STR("0123"));
    assert_int_equal(rt_file_truncate(file, 6), 0);
    assert_holds(file, STR("0123\0\0"));
    r = rt_file_punch(file, 1, 2);
    assert_true(r == 0 || r == -EOPNOTSUPP);
    if (r == 0)
        assert_holds(file, STR("0\0\0003\0\0"));
    assert_int_equal(rt_file_reserve(file, 0, 8192), 0);
    assert_int_equal(rt_file_size(file, &size), 0);
    assert_int_equal(size, 8192);
    rt_file_close(file);
    assert_int_equal(rt_disk_remove(disk, "a"), 0);
}

static void opening_has_manners(void **state)
{
    static const char *const bad[] = {"", ".", "..", "../a", "a/", "/a", "a/b/c", "a/..", "a//b"};
    struct rt_disk *disk = disk_of(state);
    struct rt_file *file, *other;
    char x = 'x';
    struct iovec iov = {&x, 1};

    assert_int_equal(rt_file_open(disk, "a", 0, &file), -ENOENT);
    assert_int_equal(rt_file_open(disk, "d/a", RT_FILE_CREATE, &file), -ENOENT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(rt_file_open(disk, bad[i], RT_FILE_CREATE, &file), -EINVAL);
    file = make(disk, "a");
    assert_int_equal(rt_file_open(disk, "a", RT_FILE_CREATE | RT_FILE_EXCLUSIVE, &other), -EEXIST);
    assert_int_equal(rt_file_open(disk, "a", RT_FILE_READ_ONLY, &other), 0);
    assert_int_equal(rt_file_write(other, &iov, 1, 0), -EBADF);
    assert_int_equal(rt_file_lock(file), 0);
    assert_int_equal(rt_file_lock(other), -EWOULDBLOCK);
    rt_file_close(file); // and with it its lock
    assert_int_equal(rt_file_lock(other), 0);
    rt_file_close(other);
    assert_int_equal(rt_disk_remove(disk, "a"), 0);
}

static int count_name(void *arg, const char *name)
{
    unsigned *seen = arg;

    *seen |= strcmp(name, "d") == 0 ? 1 : strcmp(name, "b") == 0 ? 2 : 4;
    return 0;
}

static int stop_at_first(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return 42;
}

static void names_come_and_go(void **state)
{
    struct rt_disk *disk = disk_of(state);
    unsigned seen = 0;

    assert_int_equal(rt_disk_mkdir(disk, "d"), 0);
    assert_int_equal(rt_disk_mkdir(disk, "d"), -EEXIST);
    rt_file_close(make(disk, "a"));
    rt_file_close(make(disk, "d/x"));
    assert_int_equal(rt_disk_rename(disk, "a", "b"), 0);
    assert_int_equal(rt_disk_rename(disk, "a", "c"), -ENOENT);
    assert_int_equal(rt_disk_list(disk, "", count_name, &seen), 0);
    assert_int_equal(seen, 1 | 2);
    assert_int_equal(rt_disk_list(disk, "", stop_at_first, NULL), 42);
    assert_int_equal(rt_disk_list(disk, "nowhere", count_name, &seen), -ENOENT);
    assert_int_equal(rt_disk_remove(disk, "d"), -ENOTEMPTY);
    assert_int_equal(rt_disk_rename(disk, "b", "d/x"), 0); // over what stood there
    seen = 0;
    assert_int_equal(rt_disk_list(disk, "d", count_name, &seen), 0);
    assert_int_equal(seen, 4);
    assert_int_equal(rt_disk_sync_dir(disk, "d"), 0);
    assert_int_equal(rt_disk_sync_dir(disk, ""), 0);
    assert_int_equal(rt_disk_remove(disk, "d/x"), 0);
    assert_int_equal(rt_disk_remove(disk, "d/x"), -ENOENT);
    assert_int_equal(rt_disk_remove(disk, "d"), 0);
}

static void a_removed_file_lives_while_open(void **state)
{
    struct rt_disk *disk = disk_of(state);
    struct rt_file *file = make(disk, "a");

    put(file, "still here", 0);
    assert_int_equal(rt_disk_remove(disk, "a"), 0);
    assert_holds(file, STR("still here"));
    rt_file_close(file);
}

static void space_is_told(void **state)
{
    struct place *place = *state;
    uint64_t bytes = 0;

    assert_int_equal(rt_disk_free_bytes(place->disk, &bytes), 0);
    assert_true(bytes > 0);
    if (*place->path)
        assert_string_equal(rt_disk_path(place->disk), place->path);
    else
        assert_null(rt_disk_path(place->disk));
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, make_real, clear_away),                                  \
        cmocka_unit_test_setup_teardown(test, make_simulated, clear_away)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(files_hold_what_was_written),
        BOTH(sizes_change),
        BOTH(opening_has_manners),
        BOTH(names_come_and_go),
        BOTH(a_removed_file_lives_while_open),
        BOTH(space_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
