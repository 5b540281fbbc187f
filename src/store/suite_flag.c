// SPDX-License-Identifier: ISC
//
// Flags, keywords, expunge, copy and move.
#include "store/suite.h"

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

static void what_is_kept_is_not_replaced(void)
{
    uint64_t mailbox = put_text(ANA, "kept", "x").in_mailbox_id;
    struct store_range range = {1, 1};
    struct str word = STR("$One"), other = STR("$Two");
    struct store_flagging f = {.mailbox_id = mailbox,
                               .uids = {&range, 1},
                               .flags = STORE_SEEN | STORE_DRAFT,
                               .keywords = &word,
                               .keyword_count = 1,
                               .unchanged_since = UINT64_MAX};
    struct store_change *change;
    struct store_entries e;

    for (int i = 0; i < 2; i++) {
        OK(store_change_new(s, &change));
        store_change_flag(change, &f);
        OK(store_commit(change));
        store_change_free(change);
        f.flags = STORE_ANSWERED | STORE_DRAFT;
        f.keep_flags = STORE_SEEN | STORE_DELETED;
        f.keywords = &other;
        f.keep_keywords = true;
    }
    e = entries(mailbox);
    CHECK(e.items[0].flags == (STORE_SEEN | STORE_ANSWERED | STORE_DRAFT));
    CHECK(e.items[0].keywords == 1);
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

const struct suite_test suite_flag[] = {
    TEST(flags_are_set_added_and_taken),   TEST(flags_wait_for_nobody_else_s_change),
    TEST(what_is_kept_is_not_replaced),    TEST(the_same_flags_are_no_change),
    TEST(keywords_have_bits_and_a_limit),  TEST(put_brings_flags_and_keywords),
    TEST(expunge_takes_only_what_it_says), TEST(copies_share_the_body_and_keep_flags),
    TEST(a_move_takes_the_originals),      {0},
};
