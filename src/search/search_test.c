// SPDX-License-Identifier: ISC
//
// The index against mail/text.h: thousands of words in messages that are hard to read, and never a
// wrong answer; and what may happen to its files, after which searches find the same as before.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/text.h"
#include "log/log.h"
#include "search/inside.h"

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

enum { ANA = 1, BRUNO = 2 };

static struct rt *the_rt;
static struct store *store;
static struct search *the_search;
static char dir[200];
static uint64_t seed = 1;
static struct search_config config = {STR("on use"), 100, 2};

static size_t some(size_t limit)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (size_t)(seed >> 33) % limit;
}

// ---- hard messages

static const char *const words[] = {
    "caf\xc3\xa9",
    "CAF\xc3\x89",
    "stra\xc3\x9f\x65",
    "STRASSE",
    "\xe4\xbc\x9a\xe8\xad\xb0",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\x98\x80\xf0\x9f\x8e\x89",
    "e\xcc\x81t\xc3\xa9",
    "\xc4\xb0stanbul",
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
    "plain",
    "words",
    "invoice",
    "an",
    "a",
    "\"quoted\"",
    "100%",
    "<tag>",
    "x=y",
    "&amp;",
    "\xef\xac\x81sh",
    "\xe1\xba\x9e",
    "\xea\xb0\x80\xea\xb0\x81",
    "it's",
    "end.",
    "\xef\xb7\xba",
    "AND",
    "OR *",
    "(near)",
    "\xcc\x81",
};

static void put_words(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put(out, some(6) ? STR(" ") : some(2) ? STR("\r\n") : STR(""));
        buf_put(out, str_from(words[some(COUNT(words))]));
    }
}

static void put_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_putf(out, "=%02X", (unsigned)(unsigned char)bytes.ptr[i]);
}

static void put_field(struct buf *out, const char *name)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1 << 16};

    buf_putf(out, "%s: ", name);
    put_words(&text, 1 + some(4));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n')
            text.ptr[i] = ' ';
    }
    if (some(2)) {
        buf_put(out, STR("=?utf-8?q?"));
        put_hex(out, str_head(buf_str(&text), 18));
        buf_put(out, STR("?=\r\n =?utf-8?q?"));
        put_hex(out, str_head(str_skip(buf_str(&text), 18), 18));
        buf_put(out, STR("?="));
    } else {
        buf_put(out, buf_str(&text));
    }
    buf_put(out, STR("\r\n"));
}

static void put_leaf(struct buf *out)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1 << 20};

    put_words(&text, some(30));
    switch (some(6)) {
    case 0:
        buf_put(out, STR("Content-Type: text/html; charset=utf-8\r\n\r\n<p>a<b>b</b>"));
        buf_put(out, buf_str(&text));
        buf_put(out, STR("<style>hidden</style><br>&eacute;&#x4F1A;</p>"));
        break;
    case 1:
        buf_put(out, STR("Content-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
        put_hex(out, buf_str(&text));
        break;
    case 2:
        buf_put(out, STR("Content-Type: text/plain; charset=iso-8859-1\r\n\r\n"));
        buf_put(out, buf_str(&text));
        break;
    case 3:
        buf_put(out, STR("Content-Type: image/png\r\n\r\n"));
        buf_put(out, buf_str(&text));
        break;
    case 4:
        buf_put(out, STR("Content-Type: text/plain; charset=gb2312\r\n\r\n"
                         "\xbb\xe1\xd2\xe9 ok \x81 broken \xff\r\n"));
        buf_put_char(out, '\0');
        break;
    default:
        buf_put(out, STR("Content-Type: text/plain; charset=utf-8\r\n\r\n"));
        buf_put(out, buf_str(&text));
    }
    buf_put(out, STR("\r\n"));
}

static void put_message(struct buf *out, unsigned depth)
{
    char boundary[20];

    put_field(out, "From");
    put_field(out, "To");
    if (some(2))
        put_field(out, "cc");
    put_field(out, "Subject");
    if (some(3) == 0)
        put_field(out, "SUBJECT");
    put_field(out, "X-Words");
    if (depth > 2 || some(3) == 0) {
        put_leaf(out);
        return;
    }
    snprintf(boundary, sizeof boundary, "b%u-%zu", depth, some(1000));
    buf_putf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\npreamble\r\n", boundary);
    for (size_t parts = 1 + some(3); parts > 0; parts--) {
        buf_putf(out, "--%s\r\n", boundary);
        if (some(4) == 0) {
            buf_put(out, STR("Content-Type: message/rfc822\r\n\r\n"));
            put_message(out, depth + 1);
        } else {
            put_leaf(out);
        }
    }
    if (some(3))
        buf_putf(out, "--%s--\r\nepilogue\r\n", boundary);
}

// ---- the world

static int run_first(void *arg)
{
    void (*const *fn)(void) = arg;

    CHECK(store_memory_open(the_rt, &store) == 0);
    (*fn)();
    store_close(store);
    rt_stop(the_rt);
    return 0;
}

static void open_search(void)
{
    CHECK(search_open(the_rt, dir, store, &config, &the_search) == 0);
}

static int free_search(void *arg)
{
    (void)arg;
    search_free(the_search);
    the_search = NULL;
    return 0;
}

static void reopen_search(void)
{
    rt_call_aside(free_search, NULL);
    open_search();
}

static void remove_files(uint64_t account)
{
    char path[300];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/search/%d.db%s", dir, (int)account,
                 (const char *[]){"", "-wal", "-shm"}[i]);
        remove(path);
    }
}

static void with_store(void (*fn)(void))
{
    const char *tmp = getenv("TMPDIR");
    char path[300];

    snprintf(dir, sizeof(dir), "%s/carteiro-search-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    log_set_level(LOG_ERROR + 1);
    assert_int_equal(rt_new(&(struct rt_config){.loops = 1}, &the_rt), 0);
    assert_int_equal(rt_run(the_rt, run_first, &fn), 0);
    search_free(the_search);
    the_search = NULL;
    rt_free(the_rt);
    remove_files(ANA);
    remove_files(BRUNO);
    snprintf(path, sizeof path, "%s/search", dir);
    remove(path);
    assert_int_equal(remove(dir), 0);
}

static struct store_mailbox put_in(uint64_t account, const char *name, struct str message)
{
    struct store_put p = {.account_id = account, .name = str_from(name)};
    struct store_change *change;
    struct store_mailbox mailbox;

    CHECK(store_body_new(store, &p.body) == 0);
    CHECK(store_body_append(p.body, message) == 0);
    CHECK(store_change_new(store, &change) == 0);
    store_change_put(change, &p);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    store_body_free(p.body);
    CHECK(store_mailbox_by_id(store, p.in_mailbox_id, &mailbox) == 0);
    return mailbox;
}

static struct store_mailbox put(struct str message)
{
    return put_in(ANA, "INBOX", message);
}

static struct store_mailbox put_hard(size_t count)
{
    struct store_mailbox mailbox = {0};

    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf message = {.max = 1 << 20};

        put_message(&message, 0);
        mailbox = put(buf_str(&message));
    }
    return mailbox;
}

// ---- asking

struct tally {
    size_t no, yes, read;
};

static bool truth(const struct search_query *q, const struct mime *m, struct str message)
{
    if (q->where == SEARCH_HEADER)
        return text_header_has(mime_header_of(message, &m->parts[0]), q->field, q->needle);
    return q->where == SEARCH_BODY ? text_body_has(m, message, q->needle)
                                   : text_message_has(m, message, q->needle);
}

/// Every answer about every message of the mailbox, against the message itself.
static struct tally check_query(const struct store_mailbox *mailbox, const struct search_query *q)
{
    struct store_entries entries;
    struct search_hits hits;
    struct tally tally = {0};
    int r = search_find(the_search, mailbox, q, &hits);

    CHECK(r == 0 || r == SEARCH_UNKNOWN);
    CHECK(store_entries_get(store, mailbox->id, 1, UINT32_MAX, &entries) == 0);
    for (size_t i = 0; i < entries.count; i++) {
        const struct store_entry *e = &entries.items[i];
        enum search_says says = search_says(&hits, e->uid, e->body.message_id);
        CLEANUP(buf_drop) struct buf message = {.max = 32 << 20};
        CLEANUP(mime_drop) struct mime m = {0};
        bool is_right;

        tally.read += says == SEARCH_READ;
        tally.no += says == SEARCH_NO;
        tally.yes += says == SEARCH_YES;
        if (says == SEARCH_READ)
            continue;
        CHECK(store_body_load(store, &e->body, &message) == 0);
        mime_parse(&m, buf_str(&message));
        is_right = truth(q, &m, buf_str(&message)) == (says == SEARCH_YES);
        if (!is_right)
            print_error("where %d field %.*s needle \"%.*s\" says %d of\n%.*s\n", (int)q->where,
                        STR_ARG(q->field), STR_ARG(q->needle), (int)says,
                        STR_ARG(buf_str(&message)));
        CHECK(is_right);
    }
    store_entries_done(&entries);
    search_hits_done(&hits);
    return tally;
}

static struct tally check_word(const struct store_mailbox *mailbox, const char *word)
{
    CLEANUP(buf_drop) struct buf needle = {.max = 1 << 16};
    struct search_query q = {.where = SEARCH_TEXT};

    CHECK(text_put_needle(&needle, STR("utf-8"), str_from(word)));
    q.needle = buf_str(&needle);
    return check_query(mailbox, &q);
}

/// A piece of what stands in some message, perhaps not where it is looked for; or nearly so.
static void put_needle(struct buf *out, struct str text)
{
    CLEANUP(buf_drop) struct buf folded = {.max = 8 << 20};
    size_t at, len = some(4) ? 1 + some(6) : 1 + some(60);

    charset_put_folded(&folded, text);
    at = some(folded.len);
    while (at < folded.len && (folded.ptr[at] & 0xc0) == 0x80)
        at++;
    while (at + len < folded.len && (folded.ptr[at + len] & 0xc0) == 0x80)
        len++;
    buf_put(out, str_head(str_skip(buf_str(&folded), at), len));
    if (out->len && some(5) == 0)
        out->ptr[some(out->len)] = 'q'; // rarely there; broken UTF-8 is no needle
    if (!charset_is_utf8(buf_str(out)) || out->len == 0) {
        buf_clear(out);
        buf_put_char(out, 'a');
    }
}

static void thousands_of_words(void)
{
    static const char *const names[] = {"From",    "to",           "Cc",  "SUBJECT",
                                        "X-Words", "Content-Type", "Bcc", "Nowhere"};
    struct store_mailbox mailbox = put_hard(60);
    struct store_entries entries;
    struct tally all = {0};

    open_search();
    check_word(&mailbox, "plain");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(store_entries_get(store, mailbox.id, 1, UINT32_MAX, &entries) == 0);
    for (int i = 0; i < 2000; i++) {
        CLEANUP(buf_drop)
        struct buf needle = {.max = 8 << 20}, message = {.max = 1 << 20}, text = {.max = 4 << 20};
        struct search_query q = {.where = (enum search_where)some(3),
                                 .field = str_from(names[some(COUNT(names))])};
        CLEANUP(mime_drop) struct mime m = {0};
        struct tally tally;

        CHECK(store_body_load(store, &entries.items[some(entries.count)].body, &message) == 0);
        mime_parse(&m, buf_str(&message));
        text_put_body(&text, &m, buf_str(&message));
        put_needle(&needle, some(2) && text.len ? buf_str(&text) : buf_str(&message));
        q.needle = buf_str(&needle);
        if (q.where == SEARCH_HEADER && some(20) == 0)
            q.needle = STR("");
        tally = check_query(&mailbox, &q);
        all.no += tally.no;
        all.yes += tally.yes;
        all.read += tally.read;
    }
    store_entries_done(&entries);
    // it is of use: of all these answers few are "read it"
    CHECK(all.read * 5 < all.no + all.yes && all.yes > 10000);
}

static void short_words_are_exact(void)
{
    static const char *const short_words[] = {"a",
                                              "\xe4\xbc\x9a",
                                              "\xe4\xbc\x9a\xe8\xad\xb0",
                                              "an",
                                              "\xf0\x9f\x98\x80",
                                              "e\xcc\x81",
                                              "pla",
                                              "%",
                                              "\""};
    struct store_mailbox mailbox = put_hard(40);

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    for (size_t i = 0; i < COUNT(short_words); i++) {
        struct tally tally = check_word(&mailbox, short_words[i]);

        CHECK(tally.read == 0 && tally.yes > 0);
    }
}

// ---- following

static void a_mailbox_is_followed_once_asked_for(void)
{
    struct store_mailbox mailbox = put(STR("Subject: one\r\n\r\nzebra\r\n")), other;

    other = put_in(ANA, "Other", STR("Subject: two\r\n\r\nzebra\r\n"));
    open_search();
    CHECK(check_word(&mailbox, "zebra").read == 1); // not yet
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "lion").no == 1);
    CHECK(check_word(&other, "lion").read == 1);
    mailbox = put(STR("Subject: three\r\n\r\nlion\r\n"));
    CHECK(check_word(&mailbox, "lion").read == 1 && check_word(&mailbox, "zebra").no == 0);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "gnu").no == 2);
    CHECK(check_word(&other, "gnu").no == 1);
    reopen_search(); // as after a restart
    mailbox = put(STR("\r\ngnu"));
    CHECK(check_word(&mailbox, "gnu").no == 2);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "elk").no == 3);
}

static void accounts_do_not_see_each_other(void)
{
    struct store_mailbox ana = put_in(ANA, "INBOX", STR("\r\nsecret\r\n"));
    struct store_mailbox bruno = put_in(BRUNO, "INBOX", STR("\r\nother\r\n"));
    struct search_query q = {.where = SEARCH_BODY, .needle = STR("sec")};
    struct search_hits hits;

    open_search();
    check_word(&ana, "x");
    check_word(&bruno, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(search_find(the_search, &bruno, &q, &hits) == 0 && hits.count == 0);
    search_hits_done(&hits);
    CHECK(search_find(the_search, &ana, &q, &hits) == 0 && hits.count == 1);
    search_hits_done(&hits);
}

static void put_random(struct buf *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t c = 0x4e00 + (uint32_t)some(20000);

        buf_put_char(out, (char)(0xe0 | c >> 12));
        buf_put_char(out, (char)(0x80 | (c >> 6 & 63)));
        buf_put_char(out, (char)(0x80 | (c & 63)));
    }
}

static void what_is_too_much_is_read(void)
{
    CLEANUP(buf_drop) struct buf many = {.max = 32 << 20}, header = {.max = 1 << 20};
    struct store_mailbox mailbox;

    buf_put(&many, STR("Content-Type: text/plain; charset=utf-8\r\n\r\n"));
    put_random(&many, 400 * 1000);
    put(buf_str(&many));
    buf_put(&header, STR("Subject: "));
    while (header.len < 150 * 1024)
        buf_put(&header, STR("long words\r\n "));
    buf_put(&header, STR("\r\n\r\nbody\r\n"));
    put(buf_str(&header));
    mailbox = put(STR("\r\nsmall\r\n"));
    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "zebra").read == 2);
    CHECK(check_word(&mailbox, "zebra").no == 1);
}

static void create(uint64_t account, const char *name)
{
    struct store_change *change;

    CHECK(store_change_new(store, &change) == 0);
    store_change_mailbox_create(change, account, str_from(name), 0, NULL);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
}

static void expunge(const struct store_mailbox *mailbox, uint32_t first, uint32_t last)
{
    struct store_range range = {first, last};
    struct store_expunging e = {.mailbox_id = mailbox->id, .uids = {&range, 1}};
    struct store_change *change;

    CHECK(store_change_new(store, &change) == 0);
    store_change_expunge(change, &e);
    CHECK(store_commit(change) == 0 && e.count == last - first + 1);
    store_change_free(change);
}

static void the_gone_leave(void)
{
    struct store_mailbox mailbox = put_hard(50);
    struct search_status status;
    uint64_t after = 0;

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    expunge(&mailbox, 11, 30);
    CHECK(search_sweep(the_search->filler, ANA, &after) == 0 && after == 0);
    search_fill_rest(the_search->filler);
    CHECK(search_status(the_search, ANA, &status) == 0);
    CHECK(status.messages == 30 && status.mailboxes == 1 && status.waiting == 0);
    CHECK(check_word(&mailbox, "plain").no + check_word(&mailbox, "plain").read == 30);
}

static void a_mailbox_that_is_gone_is_forgotten(void)
{
    struct store_mailbox other = put_in(ANA, "Other", STR("\r\nbye\r\n"));
    struct store_mailbox mailbox = put(STR("\r\nstays\r\n"));
    struct store_change *change;
    struct search_status status;

    open_search();
    check_word(&mailbox, "x");
    check_word(&other, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(store_change_new(store, &change) == 0);
    store_change_mailbox_delete(change, other.id);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(search_status(the_search, ANA, &status) == 0 && status.mailboxes == 1);
}

/// Of an account that was removed nothing stays.
static void the_last_mailbox_takes_the_file_along(void)
{
    struct store_mailbox mailboxes[] = {put(STR("\r\nhere\r\n")),
                                        put_in(ANA, "Other", STR("\r\nthere\r\n"))};
    struct store_change *change;
    struct stat st;
    char path[300];

    open_search();
    CHECK(search_rebuild(the_search, ANA) == 0 && search_catch_up(the_search) == 0);
    snprintf(path, sizeof path, "%s/search/%d.db", dir, ANA);
    CHECK(stat(path, &st) == 0);
    CHECK(store_change_new(store, &change) == 0);
    for (size_t i = 0; i < COUNT(mailboxes); i++)
        store_change_mailbox_delete(change, mailboxes[i].id);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(stat(path, &st) < 0);
}

static void a_rebuild_begins_anew(void)
{
    struct store_mailbox mailbox = put_hard(30);
    struct search_status status;

    put_in(ANA, "Other", STR("\r\nmore\r\n"));
    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(search_rebuild(the_search, ANA) == 0);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(search_status(the_search, ANA, &status) == 0);
    CHECK(status.messages == 31 && status.mailboxes == 2 && status.waiting == 0);
    CHECK(check_word(&mailbox, "zebra").read == 0);
}

/// Asked for before the filler looks: neither makes it forget the other.
static void rebuilds_of_several_accounts(void)
{
    static const uint64_t accounts[] = {ANA, BRUNO};
    struct store_mailbox mailboxes[COUNT(accounts)];
    struct search_status status;

    open_search();
    for (size_t i = 0; i < COUNT(accounts); i++) {
        put_in(accounts[i], "INBOX", STR("\r\ngoes\r\n"));
        mailboxes[i] = put_in(accounts[i], "INBOX", STR("\r\nstays\r\n"));
        CHECK(search_rebuild(the_search, accounts[i]) == 0);
    }
    CHECK(search_catch_up(the_search) == 0);
    for (size_t i = 0; i < COUNT(accounts); i++) {
        expunge(&mailboxes[i], 1, 1);
        CHECK(search_status(the_search, accounts[i], &status) == 0 && status.messages == 2);
        CHECK(search_rebuild(the_search, accounts[i]) == 0);
    }
    CHECK(search_catch_up(the_search) == 0);
    for (size_t i = 0; i < COUNT(accounts); i++)
        CHECK(search_status(the_search, accounts[i], &status) == 0 && status.messages == 1);
}

static void all_is_thrown_away(void)
{
    struct store_mailbox mailbox = put_hard(10);
    struct stat st;
    char path[300];

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    rt_call_aside(free_search, NULL);
    snprintf(path, sizeof path, "%s/search/%d.db", dir, ANA);
    CHECK(stat(path, &st) == 0);
    search_remove(dir);
    CHECK(stat(path, &st) < 0);
    open_search();
    CHECK(check_word(&mailbox, "zebra").read == 10);
}

/// An older store beside a newer index: its uids are given again, to other messages.
static void uids_given_twice_are_read(void)
{
    struct store_mailbox mailbox = put_hard(10), older;
    struct search_query q = {.where = SEARCH_BODY, .needle = STR("zebra")};
    struct search_hits hits;

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    older = mailbox;
    older.uidnext = 5;
    CHECK(search_find(the_search, &older, &q, &hits) == 0);
    CHECK(search_says(&hits, 3, 3) == SEARCH_READ);
    search_hits_done(&hits);
    older = mailbox;
    older.uidvalidity++;
    CHECK(search_find(the_search, &older, &q, &hits) == 0);
    CHECK(search_says(&hits, 3, 3) == SEARCH_READ);
    search_hits_done(&hits);
}

static void switched_off_it_knows_nothing(void)
{
    struct store_mailbox mailbox = put(STR("\r\nwords\r\n"));
    struct search_hits hits;

    CHECK(search_find(NULL, &mailbox, &(struct search_query){0}, &hits) == SEARCH_UNKNOWN);
    CHECK(search_says(&hits, 1, 1) == SEARCH_READ);
    config.index = STR("off");
    open_search();
    config.index = STR("on use");
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "x").read == 1);
}

/// The task that does it in a server.
static void the_tending_task_fills(void)
{
    struct store_mailbox mailbox = put_hard(20);

    open_search();
    CHECK(search_start(the_search) == 0);
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "zebra").read == 0);
    create(ANA, "Empty");
    CHECK(search_rebuild(the_search, ANA) == 0);
    CHECK(search_catch_up(the_search) == 0);
    CHECK(check_word(&mailbox, "zebra").read == 0);
    search_stop(the_search);
}

/// Nobody waits for what is not going to happen.
static void switched_off_it_does_not_catch_up(void)
{
    struct rt_scope scope;

    put_hard(5);
    open_search();
    search_reconfigure(the_search, &(struct search_config){STR("off"), 100, 2});
    CHECK(search_start(the_search) == 0);
    CHECK(search_rebuild(the_search, ANA) == 0);
    rt_within(&scope, 20 * 1000);
    CHECK(search_catch_up(the_search) == 0);
    rt_within_end(&scope);
    search_stop(the_search);
}

// ---- files in trouble

static void put_path(char path[300], const char *suffix)
{
    snprintf(path, 300, "%s/search/%d.db%s", dir, ANA, suffix);
}

static void spoil_removed(void)
{
    char path[300];

    put_path(path, "");
    remove(path);
}

static void spoil_all_removed(void)
{
    remove_files(ANA);
}

static void spoil_cut(void)
{
    char path[300];
    struct stat st;

    put_path(path, "");
    CHECK(stat(path, &st) == 0 && truncate(path, st.st_size / 2) == 0);
}

static void spoil_empty(void)
{
    char path[300];

    put_path(path, "");
    CHECK(truncate(path, 0) == 0);
}

static void spoil_head(void)
{
    char path[300], bytes[100];
    int fd;

    put_path(path, "");
    fd = open(path, O_RDWR);
    memset(bytes, 'x', sizeof bytes);
    CHECK(fd >= 0 && pwrite(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    close(fd);
}

static void spoil_version(void)
{
    char path[300];
    sqlite3 *db;

    put_path(path, "");
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void (*spoil)(void);

static void check_some(const struct store_mailbox *mailbox)
{
    for (size_t i = 0; i < COUNT(words); i++)
        check_word(mailbox, words[i]);
}

static void spoilt_between_runs(void)
{
    struct store_mailbox mailbox = put_hard(30);

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    rt_call_aside(free_search, NULL);
    spoil();
    open_search();
    check_some(&mailbox);
    mailbox = put(STR("\r\nnew zebra\r\n"));
    search_catch_up(the_search);
    check_some(&mailbox);
    CHECK(search_catch_up(the_search) == 0);
    check_some(&mailbox);
    CHECK(check_word(&mailbox, "zebra").no == 30);
}

static void spoilt_while_it_runs(void)
{
    struct store_mailbox mailbox = put_hard(30);

    open_search();
    check_word(&mailbox, "x");
    CHECK(search_catch_up(the_search) == 0);
    spoil();
    check_some(&mailbox);
    mailbox = put(STR("\r\nnew zebra\r\n"));
    for (int i = 0; i < 4; i++) { // it may take a look to see it, and one to make it anew
        search_catch_up(the_search);
        check_some(&mailbox);
    }
    CHECK(check_word(&mailbox, "zebra").no == 30);
}

static void files_in_trouble_change_no_answer(void **state)
{
    static void (*const spoils[])(void) = {spoil_removed, spoil_all_removed, spoil_cut,
                                           spoil_empty,   spoil_head,        spoil_version};
    (void)state;

    for (size_t i = 0; i < COUNT(spoils); i++) {
        spoil = spoils[i];
        with_store(spoilt_between_runs);
        with_store(spoilt_while_it_runs);
    }
}

#define TEST(fn)                                                                                   \
    static void test_##fn(void **state)                                                            \
    {                                                                                              \
        (void)state;                                                                               \
        with_store(fn);                                                                            \
    }
TEST(thousands_of_words)
TEST(short_words_are_exact)
TEST(a_mailbox_is_followed_once_asked_for)
TEST(accounts_do_not_see_each_other)
TEST(what_is_too_much_is_read)
TEST(the_gone_leave)
TEST(a_mailbox_that_is_gone_is_forgotten)
TEST(the_last_mailbox_takes_the_file_along)
TEST(a_rebuild_begins_anew)
TEST(rebuilds_of_several_accounts)
TEST(all_is_thrown_away)
TEST(uids_given_twice_are_read)
TEST(switched_off_it_knows_nothing)
TEST(the_tending_task_fills)
TEST(switched_off_it_does_not_catch_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_words_are_exact),
        cmocka_unit_test(test_thousands_of_words),
        cmocka_unit_test(test_a_mailbox_is_followed_once_asked_for),
        cmocka_unit_test(test_accounts_do_not_see_each_other),
        cmocka_unit_test(test_what_is_too_much_is_read),
        cmocka_unit_test(test_the_gone_leave),
        cmocka_unit_test(test_a_mailbox_that_is_gone_is_forgotten),
        cmocka_unit_test(test_the_last_mailbox_takes_the_file_along),
        cmocka_unit_test(test_a_rebuild_begins_anew),
        cmocka_unit_test(test_rebuilds_of_several_accounts),
        cmocka_unit_test(test_all_is_thrown_away),
        cmocka_unit_test(test_uids_given_twice_are_read),
        cmocka_unit_test(test_switched_off_it_knows_nothing),
        cmocka_unit_test(test_the_tending_task_fills),
        cmocka_unit_test(test_switched_off_it_does_not_catch_up),
        cmocka_unit_test(files_in_trouble_change_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
