// SPDX-License-Identifier: ISC
//
// Quota, documents, accounts; changes as a whole; many at once.
#include "store/suite.h"

#include <errno.h>

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

static int mailbox_doc(uint64_t mailbox, const char *before, const char *value)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_mailbox_doc(change, STORE_DOC_ACL, &mailbox, before ? str_from(before) : STR_NONE,
                             value ? str_from(value) : STR_NONE);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static int mailbox_doc_get(uint64_t mailbox, struct buf *out)
{
    char key[24];

    buf_clear(out);
    return store_doc_get(
        s, STORE_DOC_ACL,
        str_of(key, (size_t)snprintf(key, sizeof(key), "%llu", (unsigned long long)mailbox)), out);
}

static void a_document_of_a_mailbox_goes_with_it(void)
{
    CLEANUP(buf_drop) struct buf b = {.max = 100};
    struct store_change *change;
    uint64_t box = create(ANA, "a"), other = create(ANA, "b"), made;

    OK(mailbox_doc(box, NULL, "1"));
    OK(mailbox_doc(other, NULL, "2"));
    CHECK(mailbox_doc(box, NULL, "3") == STORE_CONFLICT);
    CHECK(mailbox_doc(box, "2", "3") == STORE_CONFLICT);
    CHECK(mailbox_doc(4711, NULL, "3") == STORE_NOT_FOUND);
    CHECK(mailbox_doc_get(4711, &b) == STORE_NOT_FOUND);
    OK(mailbox_doc(box, "1", "3"));
    OK(mailbox_doc_get(box, &b));
    CHECK(str_eq(buf_str(&b), STR("3")));
    OK(store_change_new(s, &change)); // of a mailbox that the same change makes
    store_change_mailbox_create(change, ANA, STR("c"), 0, &made);
    store_change_mailbox_doc(change, STORE_DOC_ACL, &made, STR_NONE, STR("4"));
    store_change_mailbox_rename(change, box, STR("d"));
    OK(store_commit(change));
    store_change_free(change);
    OK(mailbox_doc_get(made, &b));
    OK(mailbox_doc_get(box, &b)); // a rename changes no id
    OK(store_change_new(s, &change));
    store_change_mailbox_delete(change, box);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(mailbox_doc_get(box, &b) == STORE_NOT_FOUND);
    CHECK(mailbox_doc(box, NULL, "5") == STORE_NOT_FOUND);
    OK(mailbox_doc_get(other, &b));
    OK(mailbox_doc(other, "2", NULL));
    CHECK(mailbox_doc_get(other, &b) == STORE_NOT_FOUND);
    OK(store_change_new(s, &change));
    store_change_doc_put(change, STORE_DOC_ACCOUNT_METADATA, STR("7"), STR("x"));
    store_change_account_remove(change, ANA);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(mailbox_doc_get(made, &b) == STORE_NOT_FOUND);
    CHECK(store_doc_get(s, STORE_DOC_ACCOUNT_METADATA, STR("7"), &b) == STORE_NOT_FOUND);
}

/// Its id is not given again, whoever forgot it.
static void the_highest_account_is_known(void)
{
    CHECK(store_account_max(s) == 0);
    put_text(BRUNO, "INBOX", "x");
    put_text(ANA, "INBOX", "x");
    CHECK(store_account_max(s) == BRUNO);
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

const struct suite_test suite_account[] = {
    TEST(quota_counts_and_refuses),
    TEST(documents_are_kept),
    TEST(a_document_of_a_mailbox_goes_with_it),
    TEST(the_highest_account_is_known),
    TEST(an_account_goes_with_all_it_has),
    TEST(a_refused_change_leaves_nothing),
    TEST(one_change_may_do_many_things),
    TEST(a_token_tells_whether),
    TEST(many_deliver_at_once),
    {0},
};
