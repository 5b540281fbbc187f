// SPDX-License-Identifier: ISC
//
// Two servers on one store, one with the full-text index and one without: every search finds the
// same there and here, whether a message is in the index, came after, or can never be in it.
#include "log/log.h"
#include "search/search.h"

#include "serve/imap/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct imap_world w;
static struct search *the_search;
static char dir[200];

struct client {
    struct rt_conn *conn;
    struct buf answer;
};

static void hear(struct client *c, const char *tag)
{
    buf_clear(&c->answer);
    while (true) {
        struct str line;

        CHECK(rt_line(c->conn, 1 << 20, &line) == 0);
        buf_put(&c->answer, line);
        buf_put_char(&c->answer, '\n');
        if (str_starts(line, str_from(tag)))
            return;
    }
}

static void ask(struct client *c, const char *command)
{
    CHECK(rt_putf(c->conn, "t %s\r\n", command) == 0);
    hear(c, "t ");
    CHECK(str_find_str(buf_str(&c->answer), STR("t OK")) >= 0);
}

static void sign_in(struct client *c, uint16_t port)
{
    *c = (struct client){0};
    buf_init(&c->answer, 1 << 20);
    CHECK(rt_dial("127.0.0.1", port, 5000, &c->conn) == 0);
    hear(c, "* OK");
    ask(c, "LOGIN ana@example.test \"tres tigres\"");
}

static void hang_up(struct client *c)
{
    rt_hang_up(c->conn);
    buf_done(&c->answer);
}

// ---- messages and questions

static uint64_t seed = 5;

static size_t some(size_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % limit;
}

static const char *const words[] = {
    "invoice", "Caf\xc3\xa9",      "cafe", "STRASSE", "stra\xc3\xa7o",
    "x",       "na\xc3\xafve way", "100%", "a\"b",    "budget"};
enum { WORDS = sizeof(words) / sizeof(*words) };

static const char *word(void)
{
    return words[some(WORDS)];
}

static void append_some(struct client *c, int count)
{
    static const char *const heads[] = {
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
        "Content-Type: application/pdf\r\n",
    };

    for (int i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf m = {.max = 4096};

        buf_putf(&m,
                 "From: %s <p%d@example.net>\r\nSubject: %s and %s\r\n%s\r\n%s <b>%s</b>\r\n%s\r\n",
                 word(), i, word(), word(), heads[some(4)], word(), word(), word());
        CHECK(rt_putf(c->conn, "t APPEND INBOX {%zu+}\r\n", m.len) == 0);
        CHECK(rt_put(c->conn, buf_str(&m)) == 0);
        CHECK(rt_put(c->conn, STR("\r\n")) == 0);
        hear(c, "t ");
    }
}

static void put_key(struct buf *out)
{
    static const char *const names[] = {"BODY", "TEXT", "SUBJECT", "FROM", "HEADER Subject", "BCC"};
    struct str text = str_from(word());

    text = str_head(text, 1 + some(text.len));
    while (text.len > 0 && ((unsigned char)text.ptr[text.len - 1] & 0x80))
        text.len--; // whole characters
    buf_putf(out, "%s%s {%zu+}\r\n%.*s", some(4) ? "" : "NOT ", names[some(6)], text.len,
             STR_ARG(text));
}

static void same_answers(struct client *without, struct client *with, int count)
{
    for (int i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf command = {.max = 4096};
        bool is_or = some(2);

        buf_put(&command, STR("SEARCH CHARSET UTF-8 "));
        buf_put(&command, is_or ? STR("OR ") : STR(""));
        put_key(&command);
        buf_put_char(&command, ' ');
        put_key(&command);
        ask(without, buf_cstr(&command));
        ask(with, buf_cstr(&command));
        if (!str_eq(buf_str(&without->answer), buf_str(&with->answer)))
            print_error("%s\nwithout: %.*s\nwith: %.*s\n", buf_cstr(&command),
                        STR_ARG(buf_str(&without->answer)), STR_ARG(buf_str(&with->answer)));
        CHECK(str_eq(buf_str(&without->answer), buf_str(&with->answer)));
    }
}

static void talk(uint16_t port)
{
    struct client without, with;

    sign_in(&without, w.port);
    sign_in(&with, port);
    append_some(&without, 100);
    ask(&without, "SELECT INBOX");
    ask(&with, "SELECT INBOX");
    same_answers(&without, &with, 20); // asked, and so followed
    CHECK(search_catch_up(the_search) == 0);
    same_answers(&without, &with, 60);
    append_some(&without, 50);
    ask(&with, "NOOP");
    same_answers(&without, &with, 60);
    CHECK(search_catch_up(the_search) == 0);
    same_answers(&without, &with, 60);
    hang_up(&without);
    hang_up(&with);
}

static int first(void *arg)
{
    static const struct search_config config = {STR("on use"), 100, 2};
    struct imap_doors doors = {.rt = w.rt, .config = &w.config};
    struct rt_listen listen = {.address = "127.0.0.1", .protocol = &imap_protocol};
    struct imap *imap;
    uint16_t port;

    imap_world_open(&w);
    CHECK(search_open(w.rt, dir, w.store, &config, &the_search) == 0);
    doors.store = w.store;
    doors.accounts = w.accounts;
    doors.access = w.access;
    doors.search = the_search;
    CHECK(imap_new(&doors, &imap) == 0);
    listen.context = imap;
    CHECK(rt_listen(w.rt, &listen, &port) == 0);
    talk(port);
    *(struct imap **)arg = imap;
    rt_drain(w.rt, 1000);
    return 0;
}

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[300];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/search/%d.db%s", dir, (int)w.account_id, ends[i]);
        remove(path);
    }
    snprintf(path, sizeof(path), "%s/search", dir);
    remove(path);
    remove(dir);
}

static void an_index_changes_no_answer(void **state)
{
    struct rt_config rt_config = {.loops = 1};
    const char *tmp = getenv("TMPDIR");
    struct imap *imap = NULL;

    (void)state;
    snprintf(dir, sizeof(dir), "%s/carteiro-imap-search-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    imap_world_init(&w);
    log_set_level(LOG_ERROR);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, &imap), 0);
    imap_free(imap);
    search_free(the_search);
    imap_world_done(&w);
    remove_files();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_index_changes_no_answer)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
