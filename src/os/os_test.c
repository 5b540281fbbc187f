// SPDX-License-Identifier: ISC
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/terminal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/os_test.XXXXXX";

static const char *at(struct buf *path, const char *name)
{
    buf_clear(path);
    buf_putf(path, "%s/%s", dir, name);
    return buf_cstr(path);
}

static void files_are_made_whole(void **state)
{
    struct buf path, content;
    struct stat st;

    (void)state;
    buf_init(&path, 4096);
    buf_init(&content, 16);
    assert_int_equal(os_file_create(at(&path, "a"), STR("first\r\nsecond"), 0600), 0);
    assert_int_equal(os_file_create(at(&path, "a"), STR("other"), 0600), -EEXIST);
    assert_int_equal(stat(at(&path, "a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(os_file_first_line(at(&path, "a"), &content), 0);
    assert_string_equal(buf_cstr(&content), "first");
    assert_int_equal(os_file_replace(at(&path, "a"), STR("0123456789abcdefg"), 0640), 0);
    buf_clear(&content);
    assert_int_equal(os_file_read(at(&path, "a"), &content), -EFBIG);
    assert_int_equal(os_file_read(at(&path, "none"), &content), -ENOENT);
    assert_int_equal(unlink(at(&path, "a")), 0);
    buf_done(&path);
    buf_done(&content);
}

static void directories_are_made_down_to_the_last(void **state)
{
    struct buf path;
    struct stat st;

    (void)state;
    buf_init(&path, 4096);
    assert_int_equal(os_directories_make(at(&path, "x/y"), 0700), 0);
    assert_int_equal(os_directories_make(at(&path, "x/y"), 0700), 0);
    assert_int_equal(stat(at(&path, "x/y"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(rmdir(at(&path, "x/y")), 0);
    assert_int_equal(rmdir(at(&path, "x")), 0);
    buf_done(&path);
}

static void paths_become_absolute(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(os_path_absolute("/a/b/", &out), 0);
    assert_string_equal(buf_cstr(&out), "/a/b");
    buf_clear(&out);
    assert_int_equal(os_path_absolute("./a", &out), 0);
    assert_true(out.ptr[0] == '/' && str_ends(buf_str(&out), STR("/a")));
    assert_true(str_find_str(buf_str(&out), STR("/./")) < 0);
    buf_done(&out);
}

static void users_are_found(void **state)
{
    struct buf name;
    uid_t uid;
    gid_t gid;

    (void)state;
    buf_init(&name, 256);
    assert_int_equal(os_user_find("root", &uid, &gid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(os_user_find("no-such-user-here", &uid, &gid), -ENOENT);
    assert_int_equal(os_become("no-such-user-here", false), -ENOENT);
    os_user_name(0, &name);
    assert_string_equal(buf_cstr(&name), "root");
    buf_done(&name);
}

static int give_back(void *arg)
{
    return *(int *)arg;
}

static void another_process_gives_its_answer(void **state)
{
    int seven = 7;

    (void)state;
    assert_int_equal(os_apart(give_back, &seven), 7);
}

/// In the child: what is shut off is shut off, what is allowed works. Its exit status names the
/// first thing that was otherwise; 77 when this kernel cannot.
static int live_in_the_sandbox(void)
{
    char *const words[] = {(char *)"/bin/true", NULL};
    const char *writable[] = {dir, "/no/such/directory", NULL};
    const char *readable[] = {"/etc"};
    const struct os_sandbox sandbox = {writable, 3, readable, 1};
    struct buf path;
    int r;

    buf_init(&path, 4096);
    if (os_no_new_privs() < 0)
        return 1;
    r = os_sandbox_files(&sandbox);
    if (r == 0) {
        if (open("/usr", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES)
            return 2;
        if (open("/etc/passwd", O_RDONLY) < 0)
            return 3;
        if (open("/etc/passwd", O_WRONLY) >= 0 || errno != EACCES)
            return 4;
        if (os_file_create(at(&path, "inside"), STR("x"), 0600) < 0 ||
            unlink(at(&path, "inside")) < 0)
            return 5;
    } else if (r != -ENOSYS && r != -EOPNOTSUPP) {
        return 6;
    }
    if (os_sandbox_calls() < 0)
        return 7;
    if (execve(words[0], words, words + 1) == 0 || errno != EPERM)
        return 8;
    return r == 0 ? 0 : 77;
}

static void the_sandbox_shuts_off(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (!os_sandbox_is_possible())
        skip();
    child = fork();
    if (child == 0)
        _exit(live_in_the_sandbox());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        print_message("this kernel has no Landlock\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_made_whole),
        cmocka_unit_test(directories_are_made_down_to_the_last),
        cmocka_unit_test(paths_become_absolute),
        cmocka_unit_test(users_are_found),
        cmocka_unit_test(another_process_gives_its_answer),
        cmocka_unit_test(the_sandbox_shuts_off),
    };
    int failed;

    if (!mkdtemp(dir))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return failed;
}
