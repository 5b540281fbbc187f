// SPDX-License-Identifier: ISC
//
// The suite every engine must pass: each point of the contract in store.h, on the engine in memory,
// on store/local in a real directory and on store/local over the simulated disk. Tests run as a
// task and use CHECK, because cmocka's jumps know nothing of tasks.
#include "base/check.h"
#include "base/cleanup.h"
#include "rt/sim/disk.h"
#include "store/keep.h"
#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OK(call) CHECK((call) == 0)

enum { ANA = 7, BRUNO = 8 };

static struct rt *the_rt;
static struct store *s;

// ---- short words for the tests

static struct store_body *body_of(const char *text)
{
    struct store_body *body;

    OK(store_body_new(s, &body));
    OK(store_body_append(body, str_from(text)));
    return body;
}

/// Puts `text` into the mailbox `name` of the account.
static struct store_put put_text(uint64_t account, const char *name, const char *text)
{
    struct store_put put = {.account_id = account,
                            .name = str_from(name),
                            .internal_date = 1000,
                            .zone_minutes = -180,
                            .body = body_of(text)};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(put.body);
    return put;
}

static uint64_t create(uint64_t account, const char *name)
{
    struct store_change *change;
    uint64_t id = 0;

    OK(store_change_new(s, &change));
    store_change_mailbox_create(change, account, str_from(name), 0, &id);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(id);
    return id;
}

static int create_result(uint64_t account, struct str name)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_mailbox_create(change, account, name, 0, NULL);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static struct store_mailbox look(uint64_t account, const char *name)
{
    struct store_mailbox m;

    OK(store_mailbox_by_name(s, account, str_from(name), &m));
    CHECK(m.account_id == account && strcmp(m.name, name) == 0);
    return m;
}

static struct store_entries entries(uint64_t mailbox)
{
    struct store_entries e;

    OK(store_entries_get(s, mailbox, 1, UINT32_MAX, &e));
    return e;
}

static bool body_is(const struct store_body_ref *ref, struct str text)
{
    CLEANUP(buf_drop) struct buf b = {0};

    buf_init(&b, 1 << 24);
    return store_body_load(s, ref, &b) == 0 && str_eq(buf_str(&b), text);
}

#define RANGE(a, b)                                                                                \
    (struct store_uids)                                                                            \
    {                                                                                              \
        &(struct store_range){a, b}, 1                                                             \
    }

static struct store_flagging flag(uint64_t mailbox, uint32_t first, uint32_t last,
                                  enum store_flag_mode mode, uint32_t flags, uint64_t unchanged)
{
    struct store_range range = {first, last};
    struct store_flagging f = {.mailbox_id = mailbox,
                               .uids = {&range, 1},
                               .mode = mode,
                               .flags = flags,
                               .unchanged_since = unchanged};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_flag(change, &f);
    OK(store_commit(change));
    CHECK(f.conflict_count == 0 || unchanged != UINT64_MAX);
    store_change_free(change);
    return f;
}

static struct store_expunging expunge(uint64_t mailbox, uint32_t first, uint32_t last, bool deleted)
{
    struct store_range range = {first, last};
    struct store_expunging e = {
        .mailbox_id = mailbox, .uids = {&range, 1}, .deleted_only = deleted};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_expunge(change, &e);
    OK(store_commit(change));
    store_change_free(change);
    return e;
}

static int set_quota(uint64_t account, uint64_t bytes, uint64_t messages)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_quota(change, account, bytes, messages);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

/// The numbers of a mailbox are those of its entries.
static void check_numbers(uint64_t mailbox)
{
    struct store_entries e = entries(mailbox);
    struct store_mailbox m;
    uint64_t bytes = 0, deleted_bytes = 0;
    uint32_t unseen = 0, deleted = 0;

    OK(store_mailbox_by_id(s, mailbox, &m));
    for (size_t i = 0; i < e.count; i++) {
        bytes += e.items[i].body.size;
        unseen += !(e.items[i].flags & STORE_SEEN);
        deleted += (e.items[i].flags & STORE_DELETED) != 0;
        deleted_bytes += e.items[i].flags & STORE_DELETED ? e.items[i].body.size : 0;
        CHECK(e.items[i].uid < m.uidnext && e.items[i].modseq <= m.modseq);
        CHECK(i == 0 || e.items[i].uid > e.items[i - 1].uid);
    }
    CHECK(m.message_count == e.count && m.bytes == bytes && m.unseen_count == unseen);
    CHECK(m.deleted_count == deleted && m.deleted_bytes == deleted_bytes);
    store_entries_done(&e);
}

// ---- mail

static void a_mail_is_found_whole(void)
{
    struct store_put put = put_text(ANA, "INBOX", "From: bruno\r\n\r\nhello\r\n");
    struct store_mailbox m = look(ANA, "INBOX");
    struct store_entries e = entries(m.id);
    char part[5];

    CHECK(put.uid == 1 && put.in_mailbox_id == m.id && put.uidvalidity == m.uidvalidity);
    CHECK(m.message_count == 1 && m.unseen_count == 1 && m.uidnext == 2 && m.bytes == 22);
    CHECK(e.count == 1 && e.items[0].uid == 1 && e.items[0].internal_date == 1000);
    CHECK(e.items[0].zone_minutes == -180 && e.items[0].save_date > 1600000000);
    CHECK(e.items[0].body.message_id == put.message_id && put.message_id);
    CHECK(e.items[0].modseq == m.modseq);
    CHECK(body_is(&e.items[0].body, STR("From: bruno\r\n\r\nhello\r\n")));
    CHECK(store_body_read(s, &e.items[0].body, 15, part, 5) == 5 && !memcmp(part, "hello", 5));
    CHECK(store_body_read(s, &e.items[0].body, 20, part, 5) == 2);
    CHECK(store_body_read(s, &e.items[0].body, 22, part, 5) == 0);
    store_entries_done(&e);
    check_numbers(m.id);
}

static void an_empty_mail_is_a_mail(void)
{
    struct store_put put = put_text(ANA, "INBOX", "");
    struct store_entries e = entries(put.in_mailbox_id);

    CHECK(e.count == 1 && e.items[0].body.size == 0 && body_is(&e.items[0].body, STR("")));
    store_entries_done(&e);
}

static void several_recipients_share_one_body(void)
{
    struct store_body *body = body_of("to both");
    struct store_put puts[3] = {{.account_id = ANA, .name = STR("INBOX"), .body = body},
                                {.account_id = BRUNO, .name = STR("INBOX"), .body = body},
                                {.account_id = BRUNO, .name = STR("Lists/x"), .body = body}};
    struct store_change *change;
    struct store_stats stats;
    struct store_entries e;

    OK(store_change_new(s, &change));
    for (size_t i = 0; i < 3; i++)
        store_change_put(change, &puts[i]);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(body);
    CHECK(puts[0].message_id == puts[1].message_id && puts[1].message_id == puts[2].message_id);
    OK(store_stats_get(s, &stats));
    CHECK(stats.bodies == 1);
    e = entries(puts[2].in_mailbox_id);
    expunge(puts[0].in_mailbox_id, 1, 1, false);
    expunge(puts[1].in_mailbox_id, 1, 1, false);
    CHECK(body_is(&e.items[0].body, STR("to both")));
    expunge(puts[2].in_mailbox_id, 1, 1, false);
    OK(store_stats_get(s, &stats));
    CHECK(stats.bodies == 0);
    store_entries_done(&e);
}

static void fill(char *to, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = (char)(seed >> 56);
    }
}

static void a_big_mail_is_found_whole(void)
{
    enum { SIZE = 3 * 1024 * 1024 + 12345 };
    char *bytes = malloc(SIZE), part[1000];
    struct store_put put = {.account_id = ANA, .name = STR("INBOX")};
    struct store_change *change;
    struct store_entries e;

    fill(bytes, SIZE, 1);
    OK(store_body_new(s, &put.body));
    for (size_t at = 0; at < SIZE; at += 70001)
        OK(store_body_append(put.body, str_of(bytes + at, SIZE - at < 70001 ? SIZE - at : 70001)));
    CHECK(store_body_size(put.body) == SIZE);
    CHECK(store_body_head(put.body).len >= 65536);
    CHECK(!memcmp(store_body_head(put.body).ptr, bytes, store_body_head(put.body).len));
    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(put.body);
    e = entries(put.in_mailbox_id);
    CHECK(body_is(&e.items[0].body, str_of(bytes, SIZE)));
    for (uint64_t at = 0; at < SIZE; at += 99991) {
        ssize_t n = store_body_read(s, &e.items[0].body, at, part, sizeof(part));

        CHECK(n > 0 && !memcmp(part, bytes + at, (size_t)n));
    }
    store_entries_done(&e);
    expunge(put.in_mailbox_id, 1, 1, false);
    check_numbers(put.in_mailbox_id);
    free(bytes);
}

static void an_abandoned_big_mail_leaves_nothing(void)
{
    char *bytes = calloc(1, 2 << 20);
    struct store_body *body;
    struct store_stats stats;

    OK(store_body_new(s, &body));
    OK(store_body_append(body, str_of(bytes, 2 << 20)));
    store_body_free(body);
    put_text(ANA, "INBOX", "x");
    OK(store_stats_get(s, &stats));
    CHECK(stats.bodies == 1 && stats.bytes_live <= 1);
    free(bytes);
}

static void medium_mails_of_many_sizes(void)
{
    static const size_t sizes[] = {1,     7,     8,      9,      4095,    4096,         65535,
                                   65536, 65537, 131072, 200000, 1 << 20, (1 << 20) - 1};
    char *bytes = malloc(1 << 20);

    fill(bytes, 1 << 20, 2);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct store_put put = {.account_id = ANA, .name = STR("INBOX")};
        struct store_change *change;
        struct store_entries e;

        OK(store_body_new(s, &put.body));
        store_body_set_envelope(put.body, STR("From: x"));
        OK(store_body_append(put.body, str_of(bytes, sizes[i])));
        OK(store_change_new(s, &change));
        store_change_put(change, &put);
        OK(store_commit(change));
        OK(store_entries_get(s, put.in_mailbox_id, put.uid, put.uid, &e));
        CHECK(e.count == 1 && body_is(&e.items[0].body, str_of(bytes, sizes[i])));
        store_entries_done(&e);
        store_change_free(change);
        store_body_free(put.body);
    }
    free(bytes);
}

static void a_body_that_is_gone_cannot_be_read(void)
{
    struct store_put put = put_text(ANA, "INBOX", "short life");
    struct store_entries e = entries(put.in_mailbox_id);
    char part[10];
    ssize_t n;

    expunge(put.in_mailbox_id, 1, 1, false);
    OK(store_collect(s));
    n = store_body_read(s, &e.items[0].body, 0, part, sizeof(part));
    CHECK(n == -ENOENT || (n == 10 && !memcmp(part, "short life", 10)));
    store_entries_done(&e);
}

/// What RENAME of INBOX needs.
static void a_mailbox_is_made_and_filled_at_once(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    struct store_copying copying = {
        .from_mailbox_id = put.in_mailbox_id, .uids = RANGE(1, UINT32_MAX), .move = true};
    struct store_change *change;
    struct store_mailbox new;

    put_text(ANA, "INBOX", "two");
    for (int i = 0; i < 2; i++) { // the second time it exists, and nothing is moved
        OK(store_change_new(s, &change));
        store_change_mailbox_create(change, ANA, STR("Old"), 0, &copying.to_mailbox_id);
        store_change_copy(change, &copying);
        CHECK(store_commit(change) == (i == 0 ? 0 : STORE_EXISTS));
        store_change_free(change);
        new = look(ANA, "Old");
        CHECK(new.message_count == 2 && new.uidnext == 3);
        CHECK(look(ANA, "INBOX").message_count == (uint32_t)i);
        put_text(ANA, "INBOX", "three");
    }
    check_numbers(new.id);
    check_numbers(put.in_mailbox_id);
}

// ---- flags

static void flags_are_set_added_and_taken(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    struct store_entries e;

    put_text(ANA, "INBOX", "two");
    flag(put.in_mailbox_id, 1, 2, STORE_FLAGS_ADD, STORE_SEEN | STORE_DELETED, UINT64_MAX);
    flag(put.in_mailbox_id, 2, 9, STORE_FLAGS_REMOVE, STORE_DELETED, UINT64_MAX);
    flag(put.in_mailbox_id, 1, 1, STORE_FLAGS_REPLACE, STORE_DRAFT, UINT64_MAX);
    e = entries(put.in_mailbox_id);
    CHECK(e.items[0].flags == STORE_DRAFT && e.items[1].flags == STORE_SEEN);
    CHECK(e.items[0].modseq > e.items[1].modseq);
    store_entries_done(&e);
    check_numbers(put.in_mailbox_id);
}

static void flags_wait_for_nobody_else_s_change(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    struct store_change *change;
    struct store_range range = {1, 2};
    struct store_flagging f = {.mailbox_id = put.in_mailbox_id,
                               .uids = {&range, 1},
                               .mode = STORE_FLAGS_ADD,
                               .flags = STORE_FLAGGED};
    struct store_entries e;

    put_text(ANA, "INBOX", "two");
    f.unchanged_since = look(ANA, "INBOX").modseq;
    flag(put.in_mailbox_id, 2, 2, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    OK(store_change_new(s, &change));
    store_change_flag(change, &f);
    OK(store_commit(change));
    CHECK(f.conflict_count == 1 && f.conflicts[0] == 2);
    CHECK(f.modseq == look(ANA, "INBOX").modseq);
    store_change_free(change);
    e = entries(put.in_mailbox_id);
    CHECK(e.items[0].flags == STORE_FLAGGED && e.items[1].flags == STORE_SEEN);
    store_entries_done(&e);
}

static void the_same_flags_are_no_change(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    uint64_t modseq;

    flag(put.in_mailbox_id, 1, 1, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    modseq = look(ANA, "INBOX").modseq;
    flag(put.in_mailbox_id, 1, 1, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    CHECK(look(ANA, "INBOX").modseq == modseq);
}

static int add_keywords(uint64_t mailbox, const struct str *words, size_t count)
{
    struct store_range range = {1, 1};
    struct store_flagging f = {.mailbox_id = mailbox,
                               .uids = {&range, 1},
                               .mode = STORE_FLAGS_ADD,
                               .keywords = words,
                               .keyword_count = count,
                               .unchanged_since = UINT64_MAX};
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_flag(change, &f);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static void keywords_have_bits_and_a_limit(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    struct store_keywords *k = malloc(sizeof(*k));
    char word[STORE_KEYWORD_LEN_MAX + 2];
    struct store_entries e;

    OK(add_keywords(put.in_mailbox_id, (struct str[]){STR("$Work"), STR("Later")}, 2));
    OK(add_keywords(put.in_mailbox_id, (struct str[]){STR("$work")}, 1)); // the same, in any case
    OK(store_keywords_get(s, put.in_mailbox_id, k));
    CHECK(k->count == 2 && !strcmp(k->names[0], "$Work") && !strcmp(k->names[1], "Later"));
    e = entries(put.in_mailbox_id);
    CHECK(e.items[0].keywords == 3);
    store_entries_done(&e);
    for (int i = 2; i < STORE_KEYWORDS_MAX; i++) {
        snprintf(word, sizeof(word), "w%d", i);
        OK(add_keywords(put.in_mailbox_id, (struct str[]){str_from(word)}, 1));
    }
    CHECK(add_keywords(put.in_mailbox_id, (struct str[]){STR("more")}, 1) == STORE_LIMIT);
    OK(add_keywords(put.in_mailbox_id, (struct str[]){STR("w9")}, 1));
    memset(word, 'x', sizeof(word));
    CHECK(add_keywords(put.in_mailbox_id, (struct str[]){str_of(word, sizeof(word) - 1)}, 1) ==
          STORE_LIMIT);
    OK(store_keywords_get(s, put.in_mailbox_id, k));
    CHECK(k->count == STORE_KEYWORDS_MAX && !strcmp(k->names[63], "w63"));
    e = entries(put.in_mailbox_id);
    CHECK(e.items[0].keywords == UINT64_MAX);
    store_entries_done(&e);
    free(k);
}

static void put_brings_flags_and_keywords(void)
{
    struct str words[] = {STR("$Junk")};
    struct store_put put = {.account_id = ANA,
                            .name = STR("Sent"),
                            .flags = STORE_SEEN | STORE_ANSWERED,
                            .keywords = words,
                            .keyword_count = 1,
                            .body = body_of("x")};
    struct store_change *change;
    struct store_entries e;

    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(put.body);
    e = entries(put.in_mailbox_id);
    CHECK(e.items[0].flags == (STORE_SEEN | STORE_ANSWERED) && e.items[0].keywords == 1);
    store_entries_done(&e);
    CHECK(look(ANA, "Sent").unseen_count == 0);
}

// ---- expunge, copy, move

static void expunge_takes_only_what_it_says(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    struct store_expunging x;
    struct store_entries e;

    put_text(ANA, "INBOX", "two");
    put_text(ANA, "INBOX", "three");
    flag(put.in_mailbox_id, 2, 2, STORE_FLAGS_ADD, STORE_DELETED, UINT64_MAX);
    x = expunge(put.in_mailbox_id, 1, UINT32_MAX, true);
    CHECK(x.count == 1 && x.modseq == look(ANA, "INBOX").modseq);
    e = entries(put.in_mailbox_id);
    CHECK(e.count == 2 && e.items[0].uid == 1 && e.items[1].uid == 3);
    CHECK(body_is(&e.items[1].body, STR("three")));
    store_entries_done(&e);
    x = expunge(put.in_mailbox_id, 3, 3, false);
    CHECK(x.count == 1);
    CHECK(put_text(ANA, "INBOX", "four").uid == 4); // never 3 again
    check_numbers(put.in_mailbox_id);
    CHECK(expunge(put.in_mailbox_id, 77, 99, false).count == 0);
}

static struct store_copying copy(uint64_t from, uint64_t to, struct store_uids uids, bool move,
                                 int want)
{
    struct store_copying c = {
        .from_mailbox_id = from, .to_mailbox_id = to, .uids = uids, .move = move, .check_quota = 1};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_copy(change, &c);
    CHECK(store_commit(change) == want);
    if (want == 0 && c.count) {
        CHECK(c.from_uids[0] >= uids.ranges[0].first);
        CHECK(c.to_uids[c.count - 1] > 0);
    }
    store_change_free(change);
    return c;
}

static void copies_share_the_body_and_keep_flags(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    uint64_t to = create(ANA, "Copies");
    struct store_entries a, b;
    struct store_copying c;

    put_text(ANA, "INBOX", "two");
    put_text(ANA, "INBOX", "three");
    OK(add_keywords(put.in_mailbox_id, (struct str[]){STR("k0"), STR("k1")}, 2));
    flag(put.in_mailbox_id, 1, 1, STORE_FLAGS_ADD, STORE_FLAGGED, UINT64_MAX);
    c = copy(put.in_mailbox_id, to, (struct store_uids){(struct store_range[]){{1, 1}, {3, 3}}, 2},
             false, 0);
    CHECK(c.count == 2 && c.uidvalidity == look(ANA, "Copies").uidvalidity);
    a = entries(put.in_mailbox_id);
    b = entries(to);
    CHECK(a.count == 3 && b.count == 2 && b.items[0].flags == STORE_FLAGGED);
    CHECK(b.items[0].keywords == 3 && b.items[0].internal_date == 1000);
    CHECK(a.items[2].body.message_id == b.items[1].body.message_id);
    expunge(put.in_mailbox_id, 1, 3, false);
    CHECK(body_is(&b.items[0].body, STR("one")) && body_is(&b.items[1].body, STR("three")));
    store_entries_done(&a);
    store_entries_done(&b);
    check_numbers(to);
    copy(to, 999999, RANGE(1, 1), false, STORE_NOT_FOUND);
}

static void a_move_takes_the_originals(void)
{
    struct store_put put = put_text(ANA, "INBOX", "one");
    uint64_t to = create(ANA, "Archive");
    struct store_copying c;
    struct store_entries e;
    struct store_changes changes;
    uint64_t since;

    put_text(ANA, "INBOX", "two");
    since = look(ANA, "INBOX").modseq;
    c = copy(put.in_mailbox_id, to, RANGE(1, 2), true, 0);
    CHECK(c.count == 2);
    e = entries(to);
    CHECK(e.count == 2 && body_is(&e.items[1].body, STR("two")));
    store_entries_done(&e);
    CHECK(look(ANA, "INBOX").message_count == 0);
    OK(store_changes_get(s, put.in_mailbox_id, since, &changes));
    CHECK(changes.expunged_count == 2 && changes.expunged[0] == 1 && changes.expunged[1] == 2);
    store_changes_done(&changes);
    c = copy(to, to, RANGE(1, 2), true, 0); // within one mailbox: new uids
    e = entries(to);
    CHECK(e.count == 2 && e.items[0].uid == 3 && body_is(&e.items[0].body, STR("one")));
    store_entries_done(&e);
    check_numbers(to);
    expunge(to, 1, 99, false);
    {
        struct store_stats stats;

        OK(store_stats_get(s, &stats));
        CHECK(stats.bodies == 0);
    }
}

// ---- mailboxes

static void mailboxes_are_made_listed_and_removed(void)
{
    struct store_mailbox *all, m;
    uint64_t b = create(ANA, "b"), a = create(ANA, "a/x");
    struct store_change *change;
    char name[STORE_NAME_MAX + 2];
    size_t count;
    uint32_t validity;

    CHECK(create_result(ANA, STR("b")) == STORE_EXISTS);
    CHECK(create_result(ANA, STR("")) == -EINVAL);
    memset(name, 'n', sizeof(name));
    CHECK(create_result(ANA, str_of(name, STORE_NAME_MAX + 1)) == STORE_LIMIT);
    OK(create_result(ANA, str_of(name, STORE_NAME_MAX)));
    memset(name, '/', STORE_DEPTH_MAX);
    CHECK(create_result(ANA, str_of(name, STORE_DEPTH_MAX + 4)) == STORE_LIMIT);
    OK(create_result(BRUNO, STR("b")));
    OK(store_mailboxes(s, ANA, &all, &count));
    CHECK(count == 3 && all[0].id == a && all[1].id == b && strlen(all[2].name) == STORE_NAME_MAX);
    free(all);
    validity = look(ANA, "b").uidvalidity;
    put_text(ANA, "b", "goes too");
    OK(store_change_new(s, &change));
    store_change_mailbox_delete(change, b);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(store_mailbox_by_id(s, b, &m) == STORE_NOT_FOUND);
    CHECK(store_mailbox_by_name(s, ANA, STR("b"), &m) == STORE_NOT_FOUND);
    CHECK(create(ANA, "b") != b);
    CHECK(look(ANA, "b").uidvalidity != validity && look(ANA, "b").message_count == 0);
    OK(store_change_new(s, &change));
    store_change_mailbox_delete(change, b);
    CHECK(store_commit(change) == STORE_NOT_FOUND);
    store_change_free(change);
}

static int rename_to(uint64_t id, const char *name)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_mailbox_rename(change, id, str_from(name));
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static void a_rename_takes_inferiors_along(void)
{
    struct store_put put = put_text(ANA, "old", "mail");
    uint64_t below = create(ANA, "old/below"), deeper = create(ANA, "old/below/it");
    uint64_t other = create(ANA, "older");
    uint32_t validity = look(ANA, "old").uidvalidity;
    struct store_mailbox m;

    OK(rename_to(put.in_mailbox_id, "new"));
    CHECK(look(ANA, "new").id == put.in_mailbox_id && look(ANA, "new").uidvalidity == validity);
    CHECK(look(ANA, "new/below").id == below && look(ANA, "new/below/it").id == deeper);
    CHECK(look(ANA, "older").id == other && look(ANA, "new").message_count == 1);
    CHECK(store_mailbox_by_name(s, ANA, STR("old"), &m) == STORE_NOT_FOUND);
    CHECK(rename_to(put.in_mailbox_id, "older") == STORE_EXISTS);
    create(ANA, "taken/below");
    CHECK(rename_to(put.in_mailbox_id, "taken") == STORE_EXISTS); // an inferior's name is taken
    CHECK(look(ANA, "new/below").id == below && look(ANA, "new").id == put.in_mailbox_id);
    CHECK(rename_to(put.in_mailbox_id, "new/sub") == -EINVAL);
    CHECK(rename_to(424242, "x") == STORE_NOT_FOUND);
    CHECK(put_text(ANA, "new", "more").uid == 2);
}

static void special_use_is_kept(void)
{
    struct store_change *change;
    uint64_t id;

    OK(store_change_new(s, &change));
    store_change_mailbox_create(change, ANA, STR("Trash"), STORE_USE_TRASH, &id);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(look(ANA, "Trash").special_use == STORE_USE_TRASH);
    OK(store_change_new(s, &change));
    store_change_special_use(change, id, STORE_USE_JUNK);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(look(ANA, "Trash").special_use == STORE_USE_JUNK);
}

static void subscribe(uint64_t account, const char *name, bool on)
{
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_subscribe(change, account, str_from(name), on);
    OK(store_commit(change));
    store_change_free(change);
}

static void subscriptions_are_names(void)
{
    char **names;
    size_t count;

    subscribe(ANA, "b", true);
    subscribe(ANA, "not/there", true);
    subscribe(ANA, "a", true);
    subscribe(ANA, "b", true);
    subscribe(ANA, "never", false);
    OK(store_subscriptions(s, ANA, &names, &count));
    CHECK(count == 3 && !strcmp(names[0], "a") && !strcmp(names[2], "not/there"));
    free(names);
    subscribe(ANA, "b", false);
    OK(store_subscriptions(s, ANA, &names, &count));
    CHECK(count == 2 && !strcmp(names[1], "not/there"));
    free(names);
    OK(store_subscriptions(s, BRUNO, &names, &count));
    CHECK(count == 0);
    free(names);
}

// ---- changes, recent, watches

static void changes_since_tell_all(void)
{
    struct store_put put = put_text(ANA, "INBOX", "1");
    struct store_changes c;
    uint64_t since;

    for (int i = 2; i <= 5; i++)
        put_text(ANA, "INBOX", "x");
    since = look(ANA, "INBOX").modseq;
    OK(store_changes_get(s, put.in_mailbox_id, since, &c));
    CHECK(c.changed.count == 0 && c.expunged_count == 0 && c.mailbox.modseq == since);
    CHECK(c.mailbox.expunge_modseq <= 1 && !strcmp(c.mailbox.name, "INBOX"));
    store_changes_done(&c);
    flag(put.in_mailbox_id, 2, 2, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    expunge(put.in_mailbox_id, 3, 4, false);
    put_text(ANA, "INBOX", "6");
    flag(put.in_mailbox_id, 6, 6, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    OK(store_changes_get(s, put.in_mailbox_id, since, &c));
    CHECK(c.changed.count == 2 && c.changed.items[0].uid == 2 && c.changed.items[1].uid == 6);
    CHECK(c.expunged_count == 2 && c.expunged[0] == 3 && c.expunged[1] == 4);
    CHECK(c.mailbox.message_count == 4 && c.mailbox.modseq == look(ANA, "INBOX").modseq);
    store_changes_done(&c);
    OK(store_changes_get(s, put.in_mailbox_id, 0, &c));
    CHECK(c.changed.count == 4);
    store_changes_done(&c);
    CHECK(store_changes_get(s, 999, 0, &c) == STORE_NOT_FOUND);
}

static void expunged_uids_have_a_limit(void)
{
    struct store_put put = put_text(ANA, "INBOX", "x");
    struct store_changes c;

    for (int i = 0; i < 13; i++) { // 13 rounds of 1000 copies, expunged
        for (int j = 0; j < 10; j++)
            copy(put.in_mailbox_id, put.in_mailbox_id, RANGE(1, 1), false, 0);
    }
    OK(store_changes_get(s, put.in_mailbox_id, 0, &c));
    CHECK(c.changed.count == 131);
    store_changes_done(&c);
    for (int i = 0; i < 7; i++) // 131 * 2^7 = 16768
        copy(put.in_mailbox_id, put.in_mailbox_id, RANGE(1, UINT32_MAX), false, 0);
    for (uint32_t i = 0; i < 14; i++) // the last ones first
        expunge(put.in_mailbox_id, 15001 - i * 1000, 16000 - i * 1000, false);
    OK(store_changes_get(s, put.in_mailbox_id, 0, &c));
    CHECK(c.expunged_count <= 12500 && c.expunged_count >= 9000);
    CHECK(c.mailbox.expunge_modseq > 1 && c.mailbox.expunge_modseq < c.mailbox.modseq);
    CHECK(c.expunged[0] == 2001);
    store_changes_done(&c);
    check_numbers(put.in_mailbox_id);
}

static void recent_is_claimed_once(void)
{
    struct store_put put = put_text(ANA, "INBOX", "1");
    uint32_t first;

    put_text(ANA, "INBOX", "2");
    OK(store_recent(s, put.in_mailbox_id, false, &first));
    CHECK(first == 1);
    OK(store_recent(s, put.in_mailbox_id, true, &first));
    CHECK(first == 1);
    OK(store_recent(s, put.in_mailbox_id, true, &first));
    CHECK(first == 3);
    put_text(ANA, "INBOX", "3");
    OK(store_recent(s, put.in_mailbox_id, true, &first));
    CHECK(first == 3);
    OK(store_recent(s, put.in_mailbox_id, false, &first));
    CHECK(first == 4);
    CHECK(store_recent(s, 999, true, &first) == STORE_NOT_FOUND);
}

static void a_watch_knows_the_modseq(void)
{
    struct store_put put = put_text(ANA, "INBOX", "1");
    struct rt_handle nobody = {0};
    struct store_watch *watch, *all, *gone;
    struct store_change *change;

    OK(store_watch_new(s, ANA, put.in_mailbox_id, nobody, &watch));
    OK(store_watch_new(s, ANA, 0, nobody, &all));
    OK(store_watch_new(s, ANA, 4711, nobody, &gone));
    CHECK(store_watch_modseq(watch) == look(ANA, "INBOX").modseq && !store_watch_modseq(gone));
    put_text(ANA, "INBOX", "2");
    CHECK(store_watch_modseq(watch) == look(ANA, "INBOX").modseq);
    OK(store_change_new(s, &change));
    store_change_mailbox_delete(change, put.in_mailbox_id);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(store_watch_modseq(watch) == 0);
    store_watch_free(watch);
    store_watch_free(all);
    store_watch_free(gone);
}

// ---- quota, documents, accounts

static int put_checked(const char *text)
{
    struct store_put put = {
        .account_id = ANA, .name = STR("INBOX"), .body = body_of(text), .check_quota = true};
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    r = store_commit(change);
    store_change_free(change);
    store_body_free(put.body);
    return r;
}

static void quota_counts_and_refuses(void)
{
    struct store_quota q;
    uint64_t other = create(ANA, "other");

    OK(set_quota(ANA, 20, 3));
    OK(put_checked("0123456789"));
    CHECK(put_checked("01234567890") == STORE_OVER_QUOTA);
    OK(put_checked("0123456789"));
    put_text(ANA, "INBOX", "accepted before, may pass");
    OK(store_quota_get(s, ANA, &q));
    CHECK(q.bytes == 45 && q.messages == 3 && q.bytes_max == 20 && q.messages_max == 3);
    OK(set_quota(ANA, 0, 3));
    CHECK(put_checked("x") == STORE_OVER_QUOTA);
    copy(look(ANA, "INBOX").id, other, RANGE(1, 1), false, STORE_OVER_QUOTA);
    copy(look(ANA, "INBOX").id, other, RANGE(1, 1), true, 0); // a move adds nothing
    expunge(other, 1, 1, false);
    OK(put_checked("x"));
    OK(store_quota_get(s, ANA, &q));
    CHECK(q.bytes == 36 && q.messages == 3);
    OK(store_quota_get(s, 12345, &q));
    CHECK(q.bytes == 0 && q.bytes_max == 0);
}

static int doc(const char *key, const char *before, const char *value, bool conditional)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    if (!value)
        store_change_doc_remove(change, "account", str_from(key));
    else if (conditional)
        store_change_doc_put_if(change, "account", str_from(key), str_from(before),
                                str_from(value));
    else
        store_change_doc_put(change, "account", str_from(key), str_from(value));
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static int note_doc(void *arg, struct str key, struct str value)
{
    buf_putf(arg, "%.*s=%.*s ", STR_ARG(key), STR_ARG(value));
    return str_eq(key, STR("c")) ? 5 : 0;
}

static void documents_are_kept(void)
{
    CLEANUP(buf_drop) struct buf b = {0};
    static char big[STORE_DOC_MAX + 1];
    struct store_change *change;

    buf_init(&b, STORE_DOC_MAX);
    CHECK(store_doc_get(s, "account", STR("a"), &b) == STORE_NOT_FOUND);
    OK(doc("c", NULL, "3", false));
    OK(doc("a", NULL, "1", true));
    CHECK(doc("a", NULL, "2", true) == STORE_CONFLICT);
    CHECK(doc("a", "0", "2", true) == STORE_CONFLICT);
    CHECK(doc("nobody", "0", "2", true) == STORE_CONFLICT);
    OK(doc("a", "1", "2", true));
    OK(doc("b", NULL, "", false));
    OK(doc("d", NULL, "4", false));
    OK(store_doc_get(s, "account", STR("a"), &b));
    CHECK(str_eq(buf_str(&b), STR("2")));
    CHECK(store_doc_get(s, "alias", STR("a"), &b) == STORE_NOT_FOUND);
    buf_clear(&b);
    CHECK(store_doc_each(s, "account", note_doc, &b) == 5);
    CHECK(str_eq(buf_str(&b), STR("a=2 b= c=3 ")));
    OK(doc("c", NULL, NULL, false));
    CHECK(doc("c", NULL, NULL, false) == STORE_NOT_FOUND);
    buf_clear(&b);
    OK(store_doc_each(s, "account", note_doc, &b));
    CHECK(str_eq(buf_str(&b), STR("a=2 b= d=4 ")));
    memset(big, 'v', sizeof(big));
    OK(store_change_new(s, &change));
    store_change_doc_put(change, "account", STR("big"), str_of(big, STORE_DOC_MAX));
    OK(store_commit(change));
    store_change_free(change);
    buf_clear(&b);
    OK(store_doc_get(s, "account", STR("big"), &b));
    CHECK(b.len == STORE_DOC_MAX);
    OK(store_change_new(s, &change));
    store_change_doc_put(change, "account", STR("big"), str_of(big, STORE_DOC_MAX + 1));
    CHECK(store_commit(change) == STORE_LIMIT);
    store_change_free(change);
}

static void an_account_goes_with_all_it_has(void)
{
    struct store_change *change;
    struct store_mailbox *all;
    struct store_quota q;
    struct store_stats stats;
    char **names;
    size_t count;

    put_text(ANA, "INBOX", "a");
    put_text(ANA, "Sent", "b");
    put_text(BRUNO, "INBOX", "c");
    subscribe(ANA, "x", true);
    OK(set_quota(ANA, 100, 100));
    OK(store_change_new(s, &change));
    store_change_account_remove(change, ANA);
    OK(store_commit(change));
    store_change_free(change);
    OK(store_mailboxes(s, ANA, &all, &count));
    CHECK(count == 0);
    free(all);
    OK(store_subscriptions(s, ANA, &names, &count));
    CHECK(count == 0);
    free(names);
    OK(store_quota_get(s, ANA, &q));
    CHECK(!q.bytes && !q.bytes_max && !q.messages);
    OK(store_stats_get(s, &stats));
    CHECK(stats.bodies == 1);
    CHECK(look(BRUNO, "INBOX").message_count == 1);
}

// ---- changes as a whole

static void a_refused_change_leaves_nothing(void)
{
    struct store_put put = put_text(ANA, "INBOX", "there"), more = {0};
    struct store_mailbox before = look(ANA, "INBOX"), after, m;
    struct store_range range = {1, 1};
    struct store_expunging x = {.mailbox_id = before.id, .uids = {&range, 1}};
    struct store_change *change;
    struct store_entries e;
    struct store_stats stats;

    more = (struct store_put){.mailbox_id = before.id, .body = body_of("more")};
    OK(store_change_new(s, &change));
    store_change_put(change, &more);
    store_change_expunge(change, &x);
    store_change_mailbox_create(change, ANA, STR("made"), 0, NULL);
    store_change_subscribe(change, ANA, STR("made"), true);
    store_change_doc_put(change, "k", STR("made"), STR("1"));
    store_change_mailbox_rename(change, before.id, STR("renamed"));
    store_change_mailbox_delete(change, 31337);
    CHECK(store_commit(change) == STORE_NOT_FOUND);
    store_change_free(change);
    store_body_free(more.body);
    after = look(ANA, "INBOX");
    CHECK(memcmp(&before, &after, sizeof(before)) == 0 || before.modseq == after.modseq);
    CHECK(after.uidnext == before.uidnext && after.message_count == 1);
    CHECK(store_mailbox_by_name(s, ANA, STR("made"), &m) == STORE_NOT_FOUND);
    CHECK(store_mailbox_by_name(s, ANA, STR("renamed"), &m) == STORE_NOT_FOUND);
    CHECK(doc("made", NULL, NULL, false) == STORE_NOT_FOUND);
    e = entries(before.id);
    CHECK(e.count == 1 && body_is(&e.items[0].body, STR("there")));
    store_entries_done(&e);
    OK(store_stats_get(s, &stats));
    CHECK(stats.bodies == 1);
    CHECK(put_text(ANA, "INBOX", "next").uid == put.uid + 1);
    check_numbers(before.id);
}

static void one_change_may_do_many_things(void)
{
    struct store_put put = {.account_id = ANA, .name = STR("INBOX"), .body = body_of("m")};
    struct store_change *change;
    uint64_t id = 0;
    struct store_range range = {1, 9};
    struct store_flagging f = {.uids = {&range, 1},
                               .flags = STORE_SEEN,
                               .unchanged_since = UINT64_MAX,
                               .mailbox_id = put_text(ANA, "INBOX", "before").in_mailbox_id};

    OK(store_change_new(s, &change));
    store_change_mailbox_create(change, ANA, STR("x"), 0, &id);
    store_change_put(change, &put);
    store_change_flag(change, &f);
    store_change_doc_put(change, "k", STR("a"), STR("1"));
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(put.body);
    CHECK(look(ANA, "x").id == id && look(ANA, "INBOX").unseen_count == 0);
    CHECK(look(ANA, "INBOX").message_count == 2);
    check_numbers(put.in_mailbox_id);
}

static void a_token_tells_whether(void)
{
    uint8_t known[16], other[16] = {0};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_doc_put(change, "k", STR("a"), STR("1"));
    store_change_token(change, known);
    CHECK(store_commit_known(s, known) == STORE_NOT_FOUND);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(store_commit_known(s, known) == STORE_OK);
    CHECK(store_commit_known(s, other) == STORE_NOT_FOUND);
}

// ---- many at once

enum { TASKS = 32, MAILS = 20 };

static int deliver_many(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    for (uintptr_t i = 0; i < MAILS; i++) {
        char text[64], name[16];
        struct store_put put;
        struct store_entries e;

        snprintf(text, sizeof(text), "mail %zu of task %zu", (size_t)i, (size_t)me);
        snprintf(name, sizeof(name), "box%zu", (size_t)(me % 4));
        if (i % 5 == 4) { // one that is refused, in the middle of everyone else's
            struct store_change *change;

            OK(store_change_new(s, &change));
            put = (struct store_put){.account_id = ANA, .name = STR("INBOX")};
            put.body = body_of(text);
            store_change_put(change, &put);
            store_change_mailbox_delete(change, 31337);
            CHECK(store_commit(change) == STORE_NOT_FOUND);
            store_change_free(change);
            store_body_free(put.body);
            continue;
        }
        put = put_text(ANA, name, text);
        OK(store_entries_get(s, put.in_mailbox_id, put.uid, put.uid, &e));
        CHECK(e.count == 1 && body_is(&e.items[0].body, str_from(text)));
        store_entries_done(&e);
        if (i % 3 == 0)
            flag(put.in_mailbox_id, put.uid, put.uid, STORE_FLAGS_ADD, STORE_SEEN, UINT64_MAX);
    }
    return 0;
}

static void many_deliver_at_once(void)
{
    struct rt_task *tasks[TASKS];
    struct store_mailbox m;
    char name[16];

    for (uintptr_t i = 0; i < TASKS; i++)
        OK(rt_spawn(deliver_many, (void *)i, "deliver", &tasks[i]));
    for (int i = 0; i < TASKS; i++)
        OK(rt_join(tasks[i]));
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "box%d", i);
        CHECK(look(ANA, name).message_count == TASKS / 4 * MAILS * 4 / 5);
        CHECK(look(ANA, name).uidnext == TASKS / 4 * MAILS * 4 / 5 + 1);
        check_numbers(look(ANA, name).id);
    }
    CHECK(store_mailbox_by_name(s, ANA, STR("INBOX"), &m) == STORE_NOT_FOUND);
}

// ---- the table

static const struct {
    const char *name;
    void (*fn)(void);
} the_tests[] = {
#define TEST(fn)                                                                                   \
    {                                                                                              \
#fn, fn                                                                                    \
    }
    TEST(a_mail_is_found_whole),
    TEST(an_empty_mail_is_a_mail),
    TEST(several_recipients_share_one_body),
    TEST(a_big_mail_is_found_whole),
    TEST(an_abandoned_big_mail_leaves_nothing),
    TEST(medium_mails_of_many_sizes),
    TEST(a_body_that_is_gone_cannot_be_read),
    TEST(a_mailbox_is_made_and_filled_at_once),
    TEST(flags_are_set_added_and_taken),
    TEST(flags_wait_for_nobody_else_s_change),
    TEST(the_same_flags_are_no_change),
    TEST(keywords_have_bits_and_a_limit),
    TEST(put_brings_flags_and_keywords),
    TEST(expunge_takes_only_what_it_says),
    TEST(copies_share_the_body_and_keep_flags),
    TEST(a_move_takes_the_originals),
    TEST(mailboxes_are_made_listed_and_removed),
    TEST(a_rename_takes_inferiors_along),
    TEST(special_use_is_kept),
    TEST(subscriptions_are_names),
    TEST(changes_since_tell_all),
    TEST(expunged_uids_have_a_limit),
    TEST(recent_is_claimed_once),
    TEST(a_watch_knows_the_modseq),
    TEST(quota_counts_and_refuses),
    TEST(documents_are_kept),
    TEST(an_account_goes_with_all_it_has),
    TEST(a_refused_change_leaves_nothing),
    TEST(one_change_may_do_many_things),
    TEST(a_token_tells_whether),
    TEST(many_deliver_at_once),
};

enum engine_kind { MEMORY, LOCAL, LOCAL_SIM };

struct run {
    enum engine_kind kind;
    void (*fn)(void);
    struct rt_disk *disk;
};

static int run_one(void *arg)
{
    struct run *run = arg;
    struct store_local_config config = {.disk = run->disk, .free_bytes_min = 1};

    if (run->kind == MEMORY)
        OK(store_memory_open(the_rt, &s));
    else
        OK(store_local_open(the_rt, &config, &s));
    run->fn();
    store_close(s);
    if (run->kind != MEMORY) { // what was closed opens again
        OK(store_local_open(the_rt, &config, &s));
        store_close(s);
    }
    rt_stop(the_rt);
    return 0;
}

static int remove_name(void *arg, const char *name)
{
    int r = rt_disk_remove(arg, name);

    return r == -EISDIR || r == -ENOTEMPTY || r == -EPERM ? 0 : r;
}

static int remove_segment(void *arg, const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "segments/%s", name);
    return rt_disk_remove(arg, path);
}

static void on_engine(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct run run = *(struct run *)*state;
    char dir[200];

    snprintf(dir, sizeof(dir), "%s/carteiro-store-XXXXXX", tmp ? tmp : "/tmp");
    if (run.kind == LOCAL) {
        assert_non_null(mkdtemp(dir));
        assert_int_equal(rt_disk_open(dir, &run.disk), 0);
    } else if (run.kind == LOCAL_SIM) {
        assert_int_equal(rt_sim_disk_new(&run.disk), 0);
    }
    assert_int_equal(rt_new(&(struct rt_config){.loops = 1}, &the_rt), 0);
    assert_int_equal(rt_run(the_rt, run_one, &run), 0);
    rt_free(the_rt);
    if (run.kind == LOCAL) {
        rt_disk_list(run.disk, "segments", remove_segment, run.disk);
        rt_disk_list(run.disk, "", remove_name, run.disk);
        rt_disk_remove(run.disk, "segments");
        rmdir(dir);
    }
    if (run.disk)
        rt_disk_close(run.disk);
}

int main(void)
{
    static struct CMUnitTest tests[3 * COUNT(the_tests)];
    static struct run runs[3 * COUNT(the_tests)];
    static char names[3 * COUNT(the_tests)][80];
    static const char *const engines[] = {"memory", "local", "local over the simulated disk"};

    for (size_t i = 0; i < COUNT(tests); i++) {
        size_t test = i % COUNT(the_tests), kind = i / COUNT(the_tests);

        snprintf(names[i], sizeof(names[i]), "%s: %s", engines[kind], the_tests[test].name);
        runs[i] = (struct run){(enum engine_kind)kind, the_tests[test].fn, NULL};
        tests[i] = (struct CMUnitTest){names[i], on_engine, NULL, NULL, &runs[i]};
    }
    cmocka_set_test_filter(getenv("STORE_TEST"));
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
