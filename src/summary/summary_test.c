// SPDX-License-Identifier: ISC
//
// What a summary says of a message, that its row is checked, and that the file beside the store
// never decides anything: lost, cut off, damaged, of another version, the answers stay the same.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/structure.h"
#include "log/log.h"
#include "derived/derived.h"
#include "rt/disk.h"
#include "summary/db.h"
#include "summary/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct rt *the_rt;
static struct store *store;
static char dir[200];

// ---- what it says

static const char letter[] = "From: =?utf-8?q?Jos=C3=89?= <Jose@Example.test>\r\n"
                             "To: \"Ana, B\" <ANA@example.test>, bruno@example.test\r\n"
                             "Cc: Friends: carla@example.test;\r\n"
                             "Subject: =?iso-8859-1?Q?Caf=E9?=\r\n"
                             "Date: Fri, 20 Nov 2026 12:00:00 +0100\r\n"
                             "Message-ID: < \"one.two\"@example.test >\r\n"
                             "References: <a@x> junk <b@x>\r\n\t<c@x>\r\n"
                             "In-Reply-To: <never@x>\r\n"
                             "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
                             "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n> quoted\r\n"
                             "  Ol\xc3\xa1,\r\n\r\n mundo\xe2\x80\x8b!\r\n"
                             "--b\r\nContent-Type: text/html\r\n\r\n<p>other</p>\r\n--b--\r\n";

static bool is(struct str got, const char *want)
{
    if (str_eq(got, str_from(want)))
        return true;
    print_error("got: %.*s\nwant: %s\n", STR_ARG(got), want);
    return false;
}

static void a_letter_is_summed_up(void **state)
{
    CLEANUP(buf_drop) struct buf envelope = {.max = 1 << 20};
    struct summary s;
    (void)state;

    summary_make(str_from(letter), &s);
    structure_put_envelope(&envelope, str_from(letter));
    assert_true(str_eq(s.envelope, buf_str(&envelope)));
    assert_true(str_starts(s.body, STR("((\"text\" \"plain\" (\"charset\" \"utf-8\")")));
    assert_true(str_ends(s.body, STR(" \"alternative\")")));
    assert_true(
        str_ends(s.body_structure, STR(" \"alternative\" (\"boundary\" \"b\") NIL NIL NIL)")));
    assert_true(is(s.preview, "Ol\xc3\xa1, mundo!"));
    assert_int_equal(s.header_size, str_find_str(str_from(letter), STR("\r\n\r\n")) + (ptrdiff_t)4);
    assert_true(is(s.sort_from, "JOSE"));
    assert_true(is(s.sort_to, "ANA"));
    assert_true(is(s.sort_cc, "FRIENDS"));
    assert_true(is(s.display_from, "JOSE\xcc\x81"));
    assert_true(is(s.display_to, "ANA, B"));
    assert_true(s.sent_s == 1795172400);
    assert_true(is(s.message_id, "one.two@example.test"));
    assert_true(is(s.references, "a@x b@x c@x"));
    summary_done(&s);
}

static void little_is_summed_up_too(void **state)
{
    struct summary s;
    (void)state;

    summary_make(STR("In-Reply-To: text <p@x> <q@x>\r\nReferences: none\r\nDate: soon\r\n"
                     "From: ana@example.test\r\n\r\n"),
                 &s);
    assert_true(is(s.references, "p@x"));
    assert_true(is(s.message_id, ""));
    assert_true(is(s.display_from, "ANA@EXAMPLE.TEST"));
    assert_true(is(s.preview, ""));
    assert_true(s.sent_s == INT64_MIN);
    summary_done(&s);
    summary_make(STR(""), &s);
    assert_true(is(s.envelope, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
    summary_done(&s);
}

static void previews_are_words(void **state)
{
    static const struct {
        const char *message, *want;
    } rows[] = {
        {"\r\nplain words\r\n", "plain words"},
        {"\r\n> a\r\n> b\r\nmine\r\n>c", "mine"},
        {"Content-Type: text/html\r\n\r\n<style>x{}</style><p>a</p><p>b &amp; c</p>", "a b & c"},
        {"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile", ""},
        {"Content-Type: image/png\r\n\r\npixels", ""},
        {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n \r\n--b\r\n\r\nsecond\r\n"
         "--b--",
         "second"},
        {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
         "quoted-printable\r\n\r\nma=E7=E3=\r\nzinha",
         "ma\xc3\xa7\xc3\xa3zinha"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct summary s;

        summary_make(str_from(rows[i].message), &s);
        assert_true(is(s.preview, rows[i].want));
        summary_done(&s);
    }
}

static void a_preview_has_200_characters(void **state)
{
    char text[3000] = "\r\n";
    struct summary s;
    size_t chars = 0;
    (void)state;

    for (size_t i = 0; i < 700; i++)
        memcpy(text + 2 + 4 * i, "\xc3\xa9\xc3\xa8", 5);
    summary_make(str_from(text), &s);
    for (size_t i = 0; i < s.preview.len; i++)
        chars += ((unsigned char)s.preview.ptr[i] & 0xc0) != 0x80;
    assert_int_equal(chars, 200);
    summary_done(&s);
}

static void many_references_keep_the_first_and_the_last(void **state)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1 << 20};
    struct summary s;
    (void)state;

    buf_put(&text, STR("References:"));
    for (int i = 0; i < 20000; i++)
        buf_putf(&text, " <%d@x>", i);
    buf_put(&text, STR("\r\n\r\n"));
    summary_make(buf_str(&text), &s);
    assert_true(s.references.len <= SUMMARY_REFERENCES_MAX && s.references.len > 60000);
    assert_true(str_starts(s.references, STR("0@x 1@x ")));
    assert_true(str_ends(s.references, STR(" 19998@x 19999@x")));
    assert_int_equal(str_find_str(s.references, STR("  ")), -1);
    summary_done(&s);
}

static void a_damaged_row_is_refused(void **state)
{
    CLEANUP(buf_drop) struct buf row = {.max = 1 << 20};
    struct summary s, back;
    (void)state;

    summary_make(str_from(letter), &s);
    summary_row_put(&row, 9, 100, &s);
    assert_true(summary_row_parse(buf_str(&row), 9, 100, &back));
    assert_true(str_eq(back.references, s.references) && back.sent_s == s.sent_s);
    assert_true(back.header_size == s.header_size);
    summary_done(&back);
    assert_false(summary_row_parse(buf_str(&row), 10, 100, &back));
    assert_false(summary_row_parse(buf_str(&row), 9, 101, &back));
    for (size_t i = 0; i < row.len; i++) {
        row.ptr[i] ^= 4;
        assert_false(summary_row_parse(buf_str(&row), 9, 100, &back));
        row.ptr[i] ^= 4;
        assert_false(summary_row_parse(str_head(buf_str(&row), i), 9, 100, &back));
    }
    summary_done(&s);
}

// ---- beside a store

static int run_first(void *arg)
{
    void (*const *fn)(void) = arg;

    CHECK(store_memory_open(the_rt, &store) == 0);
    (*fn)();
    store_close(store);
    rt_stop(the_rt);
    return 0;
}

static struct summaries *kept;

static void with_store(void (*fn)(void))
{
    const char *tmp = getenv("TMPDIR");
    char path[300];

    snprintf(dir, sizeof(dir), "%s/carteiro-summary-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    log_set_level(LOG_ERROR + 1);
    assert_int_equal(rt_new(&(struct rt_config){.loops = 1}, &the_rt), 0);
    assert_int_equal(rt_run(the_rt, run_first, &fn), 0);
    summaries_free(kept);
    kept = NULL;
    rt_free(the_rt);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/summary.db%s", dir,
                 (const char *[]){"", "-wal", "-shm"}[i]);
        remove(path);
    }
    remove(dir);
}

static struct store_put put(struct str message)
{
    struct store_put p = {.account_id = 1, .name = STR("INBOX")};
    struct store_change *change;

    CHECK(store_body_new(store, &p.body) == 0);
    CHECK(store_body_append(p.body, message) == 0);
    CHECK(store_change_new(store, &change) == 0);
    store_change_put(change, &p);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    store_body_free(p.body);
    return p;
}

static struct store_entries all(const struct store_put *p)
{
    struct store_entries entries;

    CHECK(store_entries_get(store, p->in_mailbox_id, 1, UINT32_MAX, &entries) == 0);
    return entries;
}

static bool same(struct summary *a, struct summary *b)
{
    for (unsigned i = 0; i < SUMMARY_TEXTS; i++) {
        if (!str_eq(*summary_text(a, i), *summary_text(b, i)))
            return false;
    }
    return a->sent_s == b->sent_s && a->header_size == b->header_size;
}

/// summary_get and summary_get_many say what summary_make says of the whole message.
static void check_all(const struct store_put *p)
{
    struct store_entries entries = all(p);
    const struct store_body_ref *refs[64];
    struct summary many[64], one, made;
    int results[64];

    CHECK(entries.count <= 64);
    for (size_t i = 0; i < entries.count; i++) // not by id
        refs[i] = &entries.items[entries.count - 1 - i].body;
    CHECK(summary_get_many(kept, store, refs, entries.count, many, results) == 0);
    for (size_t i = 0; i < entries.count; i++) {
        CLEANUP(buf_drop) struct buf body = {.max = 64 << 20};

        CHECK(store_body_load(store, refs[i], &body) == 0);
        summary_make(buf_str(&body), &made);
        CHECK(summary_get(kept, store, refs[i], &one) == 0);
        CHECK(results[i] == 0 && same(&many[i], &made) && same(&one, &made));
        summary_done(&many[i]);
        summary_done(&one);
        summary_done(&made);
    }
    store_entries_done(&entries);
}

static struct summaries_stats stats(void)
{
    struct summaries_stats out;

    summaries_flush(kept);
    summaries_stats_get(kept, &out);
    return out;
}

static void open_kept(void)
{
    CHECK(summaries_open(the_rt, dir, &kept) == 0);
}

static int free_kept(void *arg)
{
    (void)arg;
    summaries_free(kept);
    kept = NULL;
    return 0;
}

static void reopen_kept(void)
{
    rt_call_aside(free_kept, NULL);
    open_kept();
}

static struct store_put put_some(int count)
{
    struct store_put last = {0};

    for (int i = 0; i < count; i++) {
        char text[sizeof(letter) + 100];

        snprintf(text, sizeof text, "X-Number: %d\r\n%s", i, letter);
        last = put(str_from(text));
    }
    return last;
}

static void found_the_second_time(void)
{
    struct store_put p = put_some(20);

    open_kept();
    check_all(&p);
    CHECK(stats().made <= 40 && stats().written == stats().made);
    reopen_kept();
    check_all(&p);
    CHECK(stats().made == 0 && stats().found == 40);
}

/// Small ones come with one reading for many, whatever stands between them; one that is gone is
/// told, and those behind it are still the right ones.
static void the_small_are_read_together(void)
{
    CLEANUP(buf_drop) struct buf middle = {.max = 64 << 20};
    struct store_put p = put_some(20);
    struct store_body_ref gone;
    const struct store_body_ref *refs[64];
    struct summary outs[64];
    struct store_entries entries;
    int results[64];

    buf_put(&middle, STR("Subject: middle\r\n\r\n"));
    for (int i = 0; i < 1000; i++)
        buf_put(&middle, STR("a line as long as anybody likes a line to be, and then one more\n"));
    put(buf_str(&middle));
    put_some(20);
    open_kept();
    check_all(&p);
    CHECK(stats().readings == 2);
    rt_call_aside(free_kept, NULL);
    entries = all(&p);
    gone = entries.items[5].body;
    gone.message_id = UINT64_MAX / 2;
    for (size_t i = 0; i < entries.count; i++)
        refs[i] = i == 5 ? &gone : &entries.items[i].body;
    CHECK(summary_get_many(NULL, store, refs, entries.count, outs, results) == 0);
    for (size_t i = 0; i < entries.count; i++) {
        CHECK(results[i] == (i == 5 ? -ENOENT : 0));
        CHECK(i == 5 || outs[i].preview.len > 0);
        summary_done(&outs[i]);
    }
    store_entries_done(&entries);
}

/// Two hundred kilobytes of nothing between the parts that matter.
static void put_giant(struct buf *out, size_t mib)
{
    buf_put(out, STR("Subject: giant\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                     "--b\r\nContent-Type: application/octet-stream\r\n\r\n"));
    for (size_t i = 0; i < mib << 14; i++)
        buf_put(out, STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"));
    buf_put(out,
            STR("--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n"
                "From: far@example.test\r\nContent-Type: text/html\r\n\r\n<b>deep</b> words\r\n"
                "--b--\r\nthe end\r\n"));
}

static void a_giant_is_told_whole(void)
{
    CLEANUP(buf_drop) struct buf giant = {.max = 64 << 20}, middle = {.max = 64 << 20};
    struct store_put p;

    put_giant(&giant, 3);
    put_giant(&middle, 0);
    for (int i = 0; i < 1000; i++) // not looked at on the loop, but held in memory
        buf_put(&middle,
                STR("epilogue, which nobody sees, is as long as anybody likes it to be\n"));
    put(buf_str(&giant));
    p = put(buf_str(&middle));
    check_all(&p);
    open_kept();
    check_all(&p);
    check_all(&p);
}

static void what_is_gone_is_swept(void)
{
    struct store_put p = put_some(30);
    struct store_range range = {11, 20};
    struct store_expunging e = {.mailbox_id = p.in_mailbox_id, .uids = {&range, 1}};
    struct store_change *change;
    struct summary_known known[64];
    struct summary_db *db;

    open_kept();
    check_all(&p);
    CHECK(store_change_new(store, &change) == 0);
    store_change_expunge(change, &e);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    summaries_flush(kept);
    CHECK(summaries_sweep(kept, store, 15) == 5);
    CHECK(summaries_sweep(kept, store, 100) == 5);
    summaries_flush(kept);
    CHECK(summaries_sweep(kept, store, 100) == 0); // from the beginning again
    rt_call_aside(free_kept, NULL);
    CHECK(summary_db_open(dir, &db) == 0);
    CHECK(summary_db_list(db, 0, known, 64) == 20);
    summary_db_close(db);
}

// ---- a file in trouble

static void put_path(char path[300])
{
    snprintf(path, 300, "%s/summary.db", dir);
}

static void overwrite(off_t at, size_t len, int byte)
{
    char path[300], bytes[4096];
    int fd;

    put_path(path);
    fd = open(path, O_RDWR);
    CHECK(fd >= 0 && len <= sizeof bytes);
    memset(bytes, byte, len);
    CHECK(pwrite(fd, bytes, len, at) == (ssize_t)len);
    close(fd);
}

static void spoil_removed(void)
{
    char path[300];

    put_path(path);
    remove(path);
}

static void spoil_empty(void)
{
    char path[300];

    put_path(path);
    CHECK(truncate(path, 0) == 0);
}

static void spoil_cut(void)
{
    char path[300];
    struct stat st;

    put_path(path);
    CHECK(stat(path, &st) == 0 && truncate(path, st.st_size / 2 + 100) == 0);
}

static void spoil_head(void)
{
    overwrite(0, 100, 'x');
}

static void spoil_rows(void)
{
    overwrite(8192 * 3 + 4000, 4096, 'y');
}

static void spoil_all_pages(void)
{
    char path[300];
    struct stat st;

    put_path(path);
    CHECK(stat(path, &st) == 0);
    for (off_t at = 8192; at + 100 < st.st_size; at += 8192)
        overwrite(at, 100, 0xff);
}

static void spoil_version(void)
{
    char path[300];
    sqlite3 *db;

    put_path(path);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void (*spoil)(void);

static void spoilt_between_runs(void)
{
    struct store_put p = put_some(40);

    open_kept();
    check_all(&p);
    summaries_flush(kept);
    rt_call_aside(free_kept, NULL);
    spoil();
    for (int i = 0; i < 3; i++) { // the second may find what is wrong, the third has it whole again
        open_kept();
        check_all(&p);
        if (i == 2)
            CHECK(stats().made == 0);
        rt_call_aside(free_kept, NULL);
    }
}

static void spoilt_while_it_runs(void)
{
    struct store_put p = put_some(40);

    open_kept();
    check_all(&p);
    summaries_flush(kept);
    spoil();
    check_all(&p);
    summaries_flush(kept);
    check_all(&p);
}

static void no_directory(void)
{
    struct store_put p = put_some(10);

    CHECK(summaries_open(the_rt, "/nowhere/at/all", &kept) == 0);
    check_all(&p);
    CHECK(stats().found == 0 && stats().written == 0);
}

static void is_found_the_second_time(void **state)
{
    (void)state;
    with_store(found_the_second_time);
}

static void small_ones_are_read_together(void **state)
{
    (void)state;
    with_store(the_small_are_read_together);
}

static void giants_are_told_whole(void **state)
{
    (void)state;
    with_store(a_giant_is_told_whole);
}

static void the_gone_are_swept(void **state)
{
    (void)state;
    with_store(what_is_gone_is_swept);
}

static void no_trouble_of_the_file_changes_an_answer(void **state)
{
    static void (*const spoils[])(void) = {spoil_removed, spoil_empty,     spoil_cut,    spoil_head,
                                           spoil_rows,    spoil_all_pages, spoil_version};
    (void)state;

    for (size_t i = 0; i < COUNT(spoils); i++) {
        spoil = spoils[i];
        with_store(spoilt_between_runs);
        with_store(spoilt_while_it_runs);
    }
    with_store(no_directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_is_summed_up),
        cmocka_unit_test(little_is_summed_up_too),
        cmocka_unit_test(previews_are_words),
        cmocka_unit_test(a_preview_has_200_characters),
        cmocka_unit_test(many_references_keep_the_first_and_the_last),
        cmocka_unit_test(a_damaged_row_is_refused),
        cmocka_unit_test(is_found_the_second_time),
        cmocka_unit_test(small_ones_are_read_together),
        cmocka_unit_test(giants_are_told_whole),
        cmocka_unit_test(the_gone_are_swept),
        cmocka_unit_test(no_trouble_of_the_file_changes_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
