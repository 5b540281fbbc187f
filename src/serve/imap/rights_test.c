// SPDX-License-Identifier: ISC
//
// The table of RFC 4314 4, tried out: each verb by somebody who has every right on a mailbox of
// another's but one, for each right. What needs that right must be refused and change nothing; what
// does not need it must work. And by somebody who has no right at all: then the mailbox does not
// exist, in the very words in which one that is not there does not.
#include "log/log.h"
#include "access/access.h"
#include "serve/imap/testing.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct imap_world w;
static uint64_t bruno_id;

#define BOX "\"Other Users/ana@example.test/%s\""

// ---- the client's side

struct client {
    struct rt_conn *conn;
    struct buf answer; // all lines of the last talk
};

static void ask_line(struct client *c, struct str command)
{
    CHECK(rt_put(c->conn, STR("t ")) == 0 && rt_put(c->conn, command) == 0 &&
          rt_put(c->conn, STR("\r\n")) == 0);
    buf_clear(&c->answer);
    while (true) {
        struct str line;

        CHECK(rt_line(c->conn, 1 << 20, &line) == 0);
        buf_put(&c->answer, line);
        buf_put_char(&c->answer, '\n');
        if (str_starts(line, STR("t ")))
            return;
    }
}

__attribute__((format(printf, 2, 3))) static void ask(struct client *c, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf command;
    va_list args;

    buf_init(&command, 4096);
    va_start(args, format);
    buf_vputf(&command, format, args);
    va_end(args);
    ask_line(c, buf_str(&command));
}

static bool heard(const struct client *c, const char *text)
{
    return str_find_str(buf_str(&c->answer), str_from(text)) >= 0;
}

static void sign_in(struct client *c, const char *who)
{
    struct str line;

    *c = (struct client){0};
    buf_init(&c->answer, 1 << 20);
    CHECK(rt_dial("127.0.0.1", w.port, 5000, &c->conn) == 0);
    CHECK(rt_line(c->conn, 1 << 16, &line) == 0);
    ask(c, "LOGIN %s@example.test \"tres tigres\"", who);
    CHECK(heard(c, "t OK "));
}

static void hang_up(struct client *c)
{
    rt_hang_up(c->conn);
    buf_done(&c->answer);
}

// ---- ana's mailbox

static void look(uint64_t account_id, const char *name, struct store_mailbox *out)
{
    CHECK(store_mailbox_by_name(w.store, account_id, str_from(name), out) == 0);
}

/// A mailbox of that name with one message, which has those flags.
static void make_box(uint64_t account_id, const char *name, uint32_t flags)
{
    struct store_put put = {
        .account_id = account_id, .name = str_from(name), .flags = flags, .internal_date = 1};
    struct store_change *change;

    CHECK(store_body_new(w.store, &put.body) == 0);
    CHECK(store_body_append(put.body, STR("Subject: x\r\n\r\ntext\r\n")) == 0);
    CHECK(store_change_new(w.store, &change) == 0);
    store_change_put(change, &put);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    store_body_free(put.body);
}

static void give(const char *name, unsigned rights)
{
    struct access_entry bruno = {.account_id = bruno_id};
    struct store_mailbox box;

    look(w.account_id, name, &box);
    CHECK(access_set(w.access, &box, &bruno, ACCESS_REPLACE, rights) == 0);
}

// ---- what is tried

struct attempt {
    const char *command; // %s is the name of the mailbox, in it
    bool is_selected;    // after SELECT, which needs a right itself
    unsigned needs;      // all of these
    /// NULL: its tagged answer tells. Else: did it happen to that mailbox of ana's?
    bool (*happened)(const char *name);
};

static struct store_entry entry_of(const char *name, size_t *out_count)
{
    struct store_entry entry = {0};
    struct store_entries entries;
    struct store_mailbox box;

    look(w.account_id, name, &box);
    CHECK(store_entries_get(w.store, box.id, 1, UINT32_MAX, &entries) == 0);
    *out_count = entries.count;
    if (entries.count > 0)
        entry = entries.items[entries.count - 1];
    store_entries_done(&entries);
    return entry;
}

static bool has_flag(const char *name, uint32_t flag)
{
    size_t count;

    return (entry_of(name, &count).flags & flag) != 0;
}

static bool is_seen(const char *name)
{
    return has_flag(name, STORE_SEEN);
}

static bool is_deleted(const char *name)
{
    return has_flag(name, STORE_DELETED);
}

static bool is_flagged(const char *name)
{
    return has_flag(name, STORE_FLAGGED);
}

static bool has_keyword(const char *name)
{
    size_t count;

    return entry_of(name, &count).keywords != 0;
}

static bool is_empty(const char *name)
{
    size_t count;

    entry_of(name, &count);
    return count == 0;
}

static bool has_two(const char *name)
{
    size_t count;

    entry_of(name, &count);
    return count == 2;
}

static bool has_two_seen(const char *name)
{
    return has_two(name) && is_seen(name);
}

static bool has_two_flagged(const char *name)
{
    return has_two(name) && is_flagged(name);
}

static bool has_two_deleted(const char *name)
{
    return has_two(name) && is_deleted(name);
}

// clang-format off
static const struct attempt attempts[] = {
    {"SELECT " BOX,                                 false, ACCESS_READ, NULL},
    {"EXAMINE " BOX,                                false, ACCESS_READ, NULL},
    {"STATUS " BOX " (MESSAGES)",                   false, ACCESS_READ, NULL},
    {"SUBSCRIBE " BOX,                              false, ACCESS_LOOKUP, NULL},
    {"MYRIGHTS " BOX,                               false, 0, NULL},
    {"GETACL " BOX,                                 false, ACCESS_ADMIN, NULL},
    {"LISTRIGHTS " BOX " anyone",                   false, ACCESS_ADMIN, NULL},
    {"SETACL " BOX " anyone s",                     false, ACCESS_ADMIN, NULL},
    {"DELETEACL " BOX " anyone",                    false, ACCESS_ADMIN, NULL},
    {"GETQUOTAROOT " BOX,                           false, ACCESS_READ, NULL},
    {"CREATE \"Other Users/ana@example.test/%s/x\"", false, ACCESS_CREATE, NULL},
    {"DELETE " BOX,                                 false, ACCESS_DELETE, NULL},
    {"APPEND " BOX " {4+}\r\nabcd",                 false, ACCESS_INSERT, has_two},
    {"APPEND " BOX " (\\Seen) {4+}\r\nabcd",        false, ACCESS_INSERT | ACCESS_SEEN, has_two_seen},
    {"APPEND " BOX " (\\Flagged) {4+}\r\nabcd",     false, ACCESS_INSERT | ACCESS_WRITE, has_two_flagged},
    {"APPEND " BOX " (\\Deleted) {4+}\r\nabcd",     false, ACCESS_INSERT | ACCESS_DELETED, has_two_deleted},
    {"STORE 1 +FLAGS (\\Seen)",                     true,  ACCESS_SEEN, is_seen},
    {"STORE 1 FLAGS (\\Seen \\Flagged)",            true,  ACCESS_SEEN, is_seen},
    {"STORE 1 +FLAGS (\\Flagged)",                  true,  ACCESS_WRITE, is_flagged},
    {"STORE 1 +FLAGS (word)",                       true,  ACCESS_WRITE, has_keyword},
    {"STORE 1 +FLAGS (\\Deleted)",                  true,  ACCESS_DELETED, is_deleted},
    {"FETCH 1 BODY[]",                              true,  ACCESS_SEEN, is_seen},
    {"FETCH 1 FLAGS",                               true,  0, NULL},
    {"SEARCH ALL",                                  true,  0, NULL},
};
/// The same on a mailbox whose message has \Deleted.
static const struct attempt removals[] = {
    {"EXPUNGE",                                     true,  ACCESS_EXPUNGE, is_empty},
    {"UID EXPUNGE 1:*",                             true,  ACCESS_EXPUNGE, is_empty},
    {"CLOSE",                                       true,  ACCESS_EXPUNGE, is_empty},
    {"MOVE 1 Trash",                                true,  ACCESS_EXPUNGE | ACCESS_DELETED, is_empty},
};
/// The same from bruno's INBOX, whose message is \Seen, \Flagged and \Deleted.
static const struct attempt filings[] = {
    {"COPY 1 " BOX,                                 false, ACCESS_INSERT, has_two},
    {"COPY 1 " BOX,                                 false, ACCESS_INSERT | ACCESS_SEEN, has_two_seen},
    {"COPY 1 " BOX,                                 false, ACCESS_INSERT | ACCESS_WRITE, has_two_flagged},
    {"COPY 1 " BOX,                                 false, ACCESS_INSERT | ACCESS_DELETED, has_two_deleted},
};
// clang-format on

static unsigned made; // mailboxes, so that each has a name of its own

static void fill_in(const char *command, const char *name, struct buf *out)
{
    struct str text = str_from(command);
    ptrdiff_t at = str_find_str(text, STR("%s"));

    if (at < 0) {
        buf_put(out, text);
        return;
    }
    buf_put(out, str_head(text, (size_t)at));
    buf_put(out, str_from(name));
    buf_put(out, str_skip(text, (size_t)at + 2));
}

/// One try without the rights in `missing`; true: it was as it must be.
static bool try_once(struct client *c, const struct attempt *t, uint32_t flags, unsigned missing)
{
    CLEANUP(buf_drop) struct buf command;
    char name[24];
    bool happened, must;

    (void)snprintf(name, sizeof(name), "box%u", ++made);
    make_box(w.account_id, name, flags);
    give(name, ACCESS_ALL & ~missing);
    buf_init(&command, 1024);
    fill_in(t->command, name, &command);
    if (t->is_selected) {
        ask(c, "SELECT " BOX, name);
        if (missing & ACCESS_READ)
            return heard(c, "t NO ");
        CHECK(heard(c, "t OK "));
    }
    ask_line(c, buf_str(&command));
    happened = t->happened ? t->happened(name) : heard(c, "t OK ");
    must = !(t->needs & missing);
    if (happened != must)
        print_error("%s without 0x%x: %.*s\n", buf_cstr(&command), missing,
                    STR_ARG(buf_str(&c->answer)));
    return happened == must;
}

static bool try_all(struct client *c, const struct attempt *table, size_t count, uint32_t flags)
{
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        all &= try_once(c, &table[i], flags, 0);
        for (unsigned right = 1; right < ACCESS_ALL; right <<= 1)
            all &= try_once(c, &table[i], flags, right);
    }
    return all;
}

static void each_verb_asks_for_its_right(void)
{
    struct client bruno;
    bool all = true;

    sign_in(&bruno, "bruno");
    all &= try_all(&bruno, attempts, sizeof(attempts) / sizeof(*attempts), 0);
    all &= try_all(&bruno, removals, sizeof(removals) / sizeof(*removals), STORE_DELETED);
    make_box(bruno_id, "INBOX", STORE_SEEN | STORE_FLAGGED | STORE_DELETED);
    ask(&bruno, "SELECT INBOX");
    all &= try_all(&bruno, filings, sizeof(filings) / sizeof(*filings), 0);
    hang_up(&bruno);
    CHECK(all);
}

/// RFC 4314 6: the answers for ana's mailbox and for one that is not there differ in nothing.
static void what_is_not_given_does_not_exist(void)
{
    struct client bruno;

    sign_in(&bruno, "bruno");
    make_box(w.account_id, "secret", 0);
    for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
        CLEANUP(buf_drop) struct buf there = {.max = 1024}, nowhere = {.max = 1024};
        CLEANUP(buf_drop) struct buf answer = {.max = 4096};

        if (attempts[i].is_selected)
            continue;
        fill_in(attempts[i].command, "secret", &there);
        fill_in(attempts[i].command, "nowhere", &nowhere);
        ask_line(&bruno, buf_str(&there));
        CHECK(heard(&bruno, "t NO "));
        buf_put(&answer, buf_str(&bruno.answer));
        ask_line(&bruno, buf_str(&nowhere));
        if (!str_eq(buf_str(&answer), buf_str(&bruno.answer)))
            print_error("%s tells\n", buf_cstr(&there));
        CHECK(str_eq(buf_str(&answer), buf_str(&bruno.answer)));
    }
    ask(&bruno, "LIST \"\" *");
    CHECK(!heard(&bruno, "Other Users"));
    hang_up(&bruno);
}

/// Whoever watches a mailbox of another's hears of what happens there.
static void idle_hears_of_others_mailboxes(void)
{
    struct client bruno;
    struct str line;

    make_box(w.account_id, "watched", 0);
    give("watched", ACCESS_LOOKUP | ACCESS_READ);
    sign_in(&bruno, "bruno");
    ask(&bruno, "SELECT " BOX, "watched");
    CHECK(heard(&bruno, "t OK [READ-ONLY]"));
    CHECK(rt_put(bruno.conn, STR("i IDLE\r\n")) == 0 && rt_flush(bruno.conn) == 0);
    CHECK(rt_line(bruno.conn, 1 << 16, &line) == 0 && str_starts(line, STR("+ ")));
    make_box(w.account_id, "watched", 0);
    CHECK(rt_line(bruno.conn, 1 << 16, &line) == 0 && str_eq(line, STR("* 2 EXISTS")));
    hang_up(&bruno);
}

static void next_line_is(struct client *c, const char *start)
{
    struct str line;

    CHECK(rt_line(c->conn, 1 << 16, &line) == 0);
    if (!str_starts(line, str_from(start)))
        print_error("not \"%s\" but: %.*s\n", start, STR_ARG(line));
    CHECK(str_starts(line, str_from(start)));
}

static void idle(struct client *c)
{
    CHECK(rt_put(c->conn, STR("i IDLE\r\n")) == 0 && rt_flush(c->conn) == 0);
    next_line_is(c, "+ ");
}

/// A right that is taken away is gone where the mailbox is selected, too; without "r" nothing more
/// of it is told.
static void what_is_taken_away_is_gone_at_once(void)
{
    struct client bruno;

    make_box(w.account_id, "lent", 0);
    give("lent", ACCESS_ALL);
    sign_in(&bruno, "bruno");
    ask(&bruno, "SELECT " BOX, "lent");
    CHECK(heard(&bruno, "t OK [READ-WRITE]"));
    give("lent", ACCESS_ALL & ~ACCESS_WRITE & ~ACCESS_EXPUNGE);
    ask(&bruno, "STORE 1 +FLAGS (\\Flagged)");
    CHECK(heard(&bruno, "t NO [NOPERM]") && !is_flagged("lent"));
    ask(&bruno, "EXPUNGE");
    CHECK(heard(&bruno, "t NO [NOPERM]"));
    give("lent", 0);
    CHECK(rt_put(bruno.conn, STR("f FETCH 1 BODY.PEEK[]\r\n")) == 0);
    next_line_is(&bruno, "* BYE ");
    hang_up(&bruno);
}

static void who_may_not_read_is_told_nothing_by_idle(void)
{
    struct client bruno;

    make_box(w.account_id, "lent", 0);
    give("lent", ACCESS_LOOKUP | ACCESS_READ);
    sign_in(&bruno, "bruno");
    ask(&bruno, "SELECT " BOX, "lent");
    idle(&bruno);
    give("lent", ACCESS_LOOKUP);
    make_box(w.account_id, "lent", 0);
    next_line_is(&bruno, "* BYE ");
    hang_up(&bruno);
}

static void the_end_of_idle_tells_a_closed_account_nothing(void)
{
    struct account_change off = {.what = ACCOUNT_SET_ENABLED, .is_enabled = false};
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct client bruno;

    sign_in(&bruno, "bruno");
    ask(&bruno, "SELECT INBOX");
    idle(&bruno);
    CHECK(account_set(w.accounts, STR("bruno@example.test"), &off, &why) == 0);
    CHECK(rt_put(bruno.conn, STR("DONE\r\n")) == 0);
    next_line_is(&bruno, "* BYE ");
    hang_up(&bruno);
}

/// Names that are not in NFC are looked through for each name that is not found: 40 KB of them, 250
/// times.
static void many_names_that_are_not_there_are_no_trouble(void)
{
    CLEANUP(buf_drop) struct buf name = {.max = 1024}, command = {.max = 64 * 1024};
    struct client bruno;

    for (size_t i = 0; i < 100; i++) {
        buf_clear(&name);
        buf_putf(&name, "%zu", i);
        for (size_t k = 0; k < 130; k++)
            buf_put(&name, STR("e\xcc\x81"));
        make_box(w.account_id, buf_cstr(&name), 0);
    }
    sign_in(&bruno, "bruno");
    ask(&bruno, "ENABLE UTF8=ACCEPT");
    buf_put(&command, STR("ESEARCH IN (mailboxes ("));
    for (size_t i = 0; i < 400; i++)
        buf_putf(&command, "\"Other Users/ana@example.test/\xc3\xa9%zu\" ", i);
    buf_put(&command, STR("a)) ALL"));
    ask_line(&bruno, buf_str(&command));
    CHECK(heard(&bruno, "t OK"));
    hang_up(&bruno);
}

// ---- the world

static int first(void *arg)
{
    struct account_change change = {.what = ACCOUNT_SET_PASSWORD, .password = STR("tres tigres")};
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    void (*const *talk)(void) = arg;

    imap_world_open(&w);
    CHECK(account_add(w.accounts, STR("bruno@example.test"), &change, &bruno_id, &why) == 0);
    (*talk)();
    rt_drain(w.rt, 1000);
    return 0;
}

static void play(void (*talk)(void))
{
    struct rt_config rt_config = {.loops = 1};

    imap_world_init(&w);
    log_set_level(LOG_ERROR);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, &talk), 0);
    imap_world_done(&w);
}

#define TALK(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        play(name);                                                                                \
    }
TALK(each_verb_asks_for_its_right)
TALK(what_is_not_given_does_not_exist)
TALK(idle_hears_of_others_mailboxes)
TALK(what_is_taken_away_is_gone_at_once)
TALK(who_may_not_read_is_told_nothing_by_idle)
TALK(the_end_of_idle_tells_a_closed_account_nothing)
TALK(many_names_that_are_not_there_are_no_trouble)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_verb_asks_for_its_right),
        cmocka_unit_test(test_what_is_not_given_does_not_exist),
        cmocka_unit_test(test_idle_hears_of_others_mailboxes),
        cmocka_unit_test(test_what_is_taken_away_is_gone_at_once),
        cmocka_unit_test(test_who_may_not_read_is_told_nothing_by_idle),
        cmocka_unit_test(test_the_end_of_idle_tells_a_closed_account_nothing),
        cmocka_unit_test(test_many_names_that_are_not_there_are_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
