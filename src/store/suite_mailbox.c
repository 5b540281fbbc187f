// SPDX-License-Identifier: ISC
//
// Mailboxes, subscriptions, what changed since, watches.
#include "store/suite.h"

#include <errno.h>

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

const struct suite_test suite_mailbox[] = {
    TEST(mailboxes_are_made_listed_and_removed),
    TEST(a_rename_takes_inferiors_along),
    TEST(special_use_is_kept),
    TEST(subscriptions_are_names),
    TEST(changes_since_tell_all),
    TEST(expunged_uids_have_a_limit),
    TEST(recent_is_claimed_once),
    TEST(a_watch_knows_the_modseq),
    {0},
};
