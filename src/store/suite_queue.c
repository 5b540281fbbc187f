// SPDX-License-Identifier: ISC
//
// The queue: entries put, changed, removed; found by time and lane; bodies that live for them.
#include "store/suite.h"

// ---- short words

static struct store_queue_put entry_of(struct store_body *body, uint64_t mail, int64_t due,
                                       const char *lane, const char *value)
{
    return (struct store_queue_put){.body = body,
                                    .mail_id = mail,
                                    .due_us = due,
                                    .lane = str_from(lane),
                                    .value = str_from(value)};
}

static int commit_put(struct store_queue_put *put)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_queue_put(change, put);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

/// A mail of its own with one entry.
static struct store_queue_put queue_text(uint64_t mail, int64_t due, const char *lane,
                                         const char *text)
{
    struct store_body *body = body_of(text);
    struct store_queue_put put = entry_of(body, mail, due, lane, text);

    OK(commit_put(&put));
    store_body_free(body);
    put.body = NULL;
    CHECK(put.id && put.out_body.message_id);
    return put;
}

static int queue_remove(uint64_t id)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_queue_remove(change, id);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static int queue_set(uint64_t id, int64_t due, const char *lane, const char *value)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_queue_set(change, id, due, str_from(lane), str_from(value));
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static void counts_are(uint64_t all, uint64_t held)
{
    uint64_t found_all, found_held;

    store_queue_count(s, &found_all, &found_held);
    CHECK(found_all == all && found_held == held);
}

/// The values of what is due, one after the other, `page` at a time.
static const char *due(const char *lane, int64_t max_us, size_t page)
{
    static char text[200];
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    struct store_queue_list list = {0};
    size_t len = 0;

    do {
        OK(store_queue_due(s, str_from(lane), max_us, &cursor, page, &list));
        CHECK(list.count <= page);
        for (size_t i = 0; i < list.count; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s ",
                                    STR_ARG(list.items[i].value));
    } while (list.count);
    store_queue_list_done(&list);
    text[len ? len - 1 : 0] = '\0';
    return text;
}

static bool is_there(uint64_t id)
{
    struct store_queue_list list = {0};
    int r = store_queue_get(s, id, &list);

    CHECK((r == 0 && list.count == 1) || (r == STORE_NOT_FOUND && list.count == 0));
    store_queue_list_done(&list);
    return r == 0;
}

/// Of mails, and of pieces of big ones, that somebody holds.
static uint64_t bodies(void)
{
    struct store_stats stats;

    OK(store_stats_get(s, &stats));
    return stats.bodies;
}

// ---- entries

static void an_entry_is_found_as_it_was_put(void)
{
    struct store_queue_put put = queue_text(77, 5000, "mx:example.org", "to carla");
    struct store_queue_list list = {0};

    OK(store_queue_get(s, put.id, &list));
    CHECK(list.count == 1 && list.items[0].id == put.id && list.items[0].mail_id == 77);
    CHECK(list.items[0].due_us == 5000 && str_eq(list.items[0].lane, STR("mx:example.org")));
    CHECK(str_eq(list.items[0].value, STR("to carla")));
    CHECK(list.items[0].body.message_id == put.out_body.message_id);
    CHECK(body_is(&list.items[0].body, STR("to carla")));
    CHECK(store_queue_get(s, put.id + 1, &list) == STORE_NOT_FOUND && list.count == 0);
    counts_are(1, 0);
    store_queue_list_done(&list);
}

static void entries_come_by_time_then_id(void)
{
    queue_text(1, 300, "a", "third");
    queue_text(1, 100, "b", "first");
    queue_text(1, 200, "a", "second");
    queue_text(1, 200, "b", "second-too");
    queue_text(1, -5, "b", "before-all");
    for (size_t page = 1; page < 7; page++) {
        CHECK(strcmp(due(NULL, 1000, page), "before-all first second second-too third") == 0);
        CHECK(strcmp(due(NULL, 200, page), "before-all first second second-too") == 0);
        CHECK(strcmp(due("a", 1000, page), "second third") == 0);
        CHECK(strcmp(due("b", 199, page), "before-all first") == 0);
        CHECK(strcmp(due("c", 1000, page), "") == 0);
        CHECK(strcmp(due("", 1000, page), "") == 0);
    }
}

static void many_due_at_once_come_page_by_page(void)
{
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    struct store_queue_list list = {0};
    struct store_body *body = body_of("one body");
    static struct store_queue_put puts[250];
    struct store_change *change;
    uint64_t last = 0;
    size_t count = 0;

    OK(store_change_new(s, &change));
    for (size_t i = 0; i < COUNT(puts); i++) {
        puts[i] = entry_of(body, 9, 42, i % 2 ? "odd" : "even", "v");
        store_change_queue_put(change, &puts[i]);
    }
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(body);
    do {
        OK(store_queue_due(s, STR_NONE, 42, &cursor, 7, &list));
        for (size_t i = 0; i < list.count; i++, count++) {
            CHECK(list.items[i].id > last);
            last = list.items[i].id;
        }
    } while (list.count);
    CHECK(count == COUNT(puts) && cursor.id == last && cursor.due_us == 42);
    cursor = (struct store_queue_cursor){42, puts[100].id};
    OK(store_queue_due(s, STR("odd"), 42, &cursor, 1000, &list));
    CHECK(list.count == 75 && list.items[0].id == puts[101].id);
    OK(store_queue_of_mail(s, 9, &list));
    CHECK(list.count == COUNT(puts) && list.items[0].id == puts[0].id);
    for (size_t i = 1; i < list.count; i++)
        CHECK(list.items[i].id > list.items[i - 1].id && str_eq(list.items[i].value, STR("v")));
    CHECK(body_is(&list.items[249].body, STR("one body")));
    OK(store_queue_of_mail(s, 10, &list));
    CHECK(list.count == 0);
    store_queue_list_done(&list);
    counts_are(COUNT(puts), 0);
}

static void the_next_one_is_known(void)
{
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    int64_t next = 1;
    struct store_queue_put held;

    OK(store_queue_next(s, &cursor, &next));
    CHECK(next == INT64_MAX);
    held = queue_text(1, STORE_QUEUE_HELD, "a", "held");
    OK(store_queue_next(s, &cursor, &next));
    CHECK(next == INT64_MAX);
    queue_text(1, 500, "a", "x");
    queue_text(1, 700, "b", "y");
    OK(store_queue_next(s, &cursor, &next));
    CHECK(next == 500);
    cursor = (struct store_queue_cursor){500, UINT32_MAX};
    OK(store_queue_next(s, &cursor, &next));
    CHECK(next == 700);
    OK(queue_set(held.id, 600, "a", "released"));
    OK(store_queue_next(s, &cursor, &next));
    CHECK(next == 600);
}

static void set_moves_an_entry(void)
{
    struct store_queue_put put = queue_text(1, 100, "a", "x");

    queue_text(1, 150, "a", "y");
    OK(queue_set(put.id, 200, "b", "later"));
    CHECK(strcmp(due(NULL, 1000, 10), "y later") == 0);
    CHECK(strcmp(due("a", 1000, 10), "y") == 0);
    CHECK(strcmp(due("b", 1000, 10), "later") == 0);
    OK(queue_set(put.id, STORE_QUEUE_HELD, "b", "held"));
    counts_are(2, 1);
    CHECK(strcmp(due(NULL, INT64_MAX - 1, 10), "y") == 0);
    CHECK(strcmp(due(NULL, INT64_MAX, 10), "y held") == 0);
    OK(queue_set(put.id, 50, "b", "released"));
    counts_are(2, 0);
    CHECK(strcmp(due(NULL, 1000, 1), "released y") == 0);
    CHECK(body_is(&put.out_body, STR("x")));
}

static void ids_grow_and_are_not_used_again(void)
{
    struct store_queue_put a = queue_text(1, 1, "a", "x"), b = queue_text(1, 1, "a", "y"), c;

    CHECK(b.id > a.id);
    OK(queue_remove(b.id));
    c = queue_text(1, 1, "a", "z");
    CHECK(c.id > b.id && !is_there(b.id));
    counts_are(2, 0);
}

static void what_is_gone_is_refused_and_nothing_happens(void)
{
    struct store_queue_put a = queue_text(1, 100, "a", "x"), b = queue_text(1, 200, "a", "y");
    struct store_queue_put extra = {.ref = &a.out_body, .lane = STR("a"), .value = STR("extra")};
    struct store_change *change;

    OK(queue_remove(b.id));
    CHECK(queue_remove(b.id) == STORE_NOT_FOUND);
    CHECK(queue_set(b.id, 1, "a", "back") == STORE_NOT_FOUND);
    OK(store_change_new(s, &change));
    store_change_queue_put(change, &extra);
    store_change_queue_set(change, a.id, STORE_QUEUE_HELD, STR("q"), STR("changed"));
    store_change_queue_remove(change, b.id);
    CHECK(store_commit(change) == STORE_NOT_FOUND);
    store_change_free(change);
    CHECK(strcmp(due(NULL, INT64_MAX, 10), "x") == 0);
    counts_are(1, 0);
    OK(store_change_new(s, &change));
    store_change_queue_remove(change, a.id);
    store_change_queue_remove(change, a.id); // twice is once too often
    CHECK(store_commit(change) == STORE_NOT_FOUND);
    store_change_free(change);
    CHECK(is_there(a.id) && body_is(&a.out_body, STR("x")));
}

static void texts_have_limits(void)
{
    static char lane[STORE_QUEUE_LANE_MAX + 2], value[STORE_QUEUE_VALUE_MAX + 2];
    struct store_queue_put put = queue_text(1, 1, "a", "x"), more = {.ref = &put.out_body};
    struct store_queue_list list = {0};

    memset(lane, 'l', sizeof(lane) - 1);
    memset(value, 'v', sizeof(value) - 1);
    CHECK(queue_set(put.id, 1, lane, "") == STORE_LIMIT);
    CHECK(queue_set(put.id, 1, "", value) == STORE_LIMIT);
    more.lane = str_from(lane);
    CHECK(commit_put(&more) == STORE_LIMIT);
    more.lane = str_of(lane, STORE_QUEUE_LANE_MAX);
    more.value = str_of(value, STORE_QUEUE_VALUE_MAX);
    OK(commit_put(&more));
    OK(store_queue_get(s, more.id, &list));
    CHECK(str_eq(list.items[0].lane, more.lane) && str_eq(list.items[0].value, more.value));
    store_queue_list_done(&list);
    counts_are(2, 0);
}

// ---- bodies

static void mailboxes_and_entries_share_a_body(void)
{
    struct store_body *body = body_of("for all");
    struct store_put put = {.account_id = ANA, .name = STR("INBOX"), .body = body};
    struct store_queue_put a = entry_of(body, 1, 1, "a", "x"), b = entry_of(body, 1, 2, "b", "y");
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_queue_put(change, &a);
    store_change_put(change, &put);
    store_change_queue_put(change, &b);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(body);
    CHECK(bodies() == 1);
    CHECK(a.out_body.message_id == put.message_id && b.out_body.message_id == put.message_id);
    OK(queue_remove(a.id));
    expunge(put.in_mailbox_id, 1, 1, false);
    CHECK(body_is(&b.out_body, STR("for all")));
    OK(queue_remove(b.id));
    CHECK(bodies() == 0);
}

static void an_entry_alone_holds_its_body(void)
{
    struct store_queue_put a = queue_text(1, 1, "a", "alone");

    CHECK(body_is(&a.out_body, STR("alone")));
    OK(queue_set(a.id, 2, "b", "w"));
    CHECK(body_is(&a.out_body, STR("alone")));
    OK(queue_remove(a.id));
    CHECK(bodies() == 0);
}

/// A big body, a small one and an empty one, each for an entry and for two.
static void bodies_of_all_sizes_can_wait(void)
{
    static char bytes[(1 << 20) + 300000];
    static const size_t sizes[] = {0, 700, 70000, sizeof(bytes)};

    fill(bytes, sizeof(bytes), 5);
    for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
        struct store_queue_put a, b;
        struct store_change *change;
        struct store_body *body;
        struct str text = str_of(bytes, sizes[i / 2]);

        OK(store_body_new(s, &body));
        OK(store_body_append(body, text));
        OK(store_change_new(s, &change));
        a = entry_of(body, i, 1, "a", "x");
        b = entry_of(body, i, 1, "a", "y");
        store_change_queue_put(change, &a);
        if (i % 2)
            store_change_queue_put(change, &b);
        OK(store_commit(change));
        store_change_free(change);
        store_body_free(body);
        CHECK(body_is(&a.out_body, text));
        OK(queue_remove(a.id));
        if (i % 2) {
            CHECK(body_is(&b.out_body, text));
            OK(queue_remove(b.id));
        }
        CHECK(bodies() == 0);
    }
    counts_are(0, 0);
}

static void an_entry_may_take_a_body_that_is_there(void)
{
    struct store_put put = put_text(ANA, "INBOX", "in a mailbox");
    struct store_entries e = entries(put.in_mailbox_id);
    struct store_body_ref ref = e.items[0].body;
    struct store_queue_put a = {.ref = &ref, .lane = STR("a"), .due_us = 1}, b = a;
    struct store_change *change;

    store_entries_done(&e);
    OK(commit_put(&a));
    CHECK(a.out_body.message_id == ref.message_id);
    expunge(put.in_mailbox_id, 1, 1, false);
    CHECK(body_is(&ref, STR("in a mailbox")));
    OK(store_change_new(s, &change)); // the body goes from hand to hand
    store_change_queue_put(change, &b);
    store_change_queue_remove(change, a.id);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(body_is(&ref, STR("in a mailbox")));
    OK(queue_remove(b.id));
    CHECK(bodies() == 0);
    CHECK(commit_put(&a) == STORE_NOT_FOUND);
    a = queue_text(1, 1, "a", "alone");
    b = (struct store_queue_put){.ref = &a.out_body, .lane = STR("b")};
    OK(commit_put(&b)); // of an entry that stands in its record only
    OK(queue_remove(a.id));
    CHECK(body_is(&a.out_body, STR("alone")));
    OK(queue_remove(b.id));
    CHECK(commit_put(&b) == STORE_NOT_FOUND);
    counts_are(0, 0);
}

/// The end of one that waited for a mailbox here: filed and removed in one change.
static int file_and_remove(struct store_queue_put *a, struct store_put *put)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_put(change, put);
    store_change_queue_remove(change, a->id);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

static void an_entry_goes_into_a_mailbox(void)
{
    struct store_queue_put a = queue_text(1, 100, "=here", "for ana"), b;
    struct store_put put = {.account_id = ANA, .name = STR("INBOX"), .ref = &a.out_body};
    struct store_body *body = body_of("for both");
    struct store_change *change;

    OK(file_and_remove(&a, &put));
    CHECK(put.uid == 1 && put.message_id == a.out_body.message_id && !is_there(a.id));
    CHECK(look(ANA, "INBOX").message_count == 1 && look(ANA, "INBOX").unseen_count == 1);
    CHECK(look(ANA, "INBOX").bytes == 7 && body_is(&a.out_body, STR("for ana")));
    // again: it is gone, and nobody gets it twice
    CHECK(file_and_remove(&a, &put) == STORE_NOT_FOUND);
    CHECK(look(ANA, "INBOX").message_count == 1 && bodies() == 1);
    expunge(put.in_mailbox_id, 1, 1, false);
    CHECK(bodies() == 0);
    CHECK(file_and_remove(&a, &put) == STORE_NOT_FOUND && bodies() == 0);
    // two entries of one body, one after the other
    a = entry_of(body, 2, 1, "=here", "x");
    b = entry_of(body, 2, 1, "=here", "y");
    OK(store_change_new(s, &change));
    store_change_queue_put(change, &a);
    store_change_queue_put(change, &b);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(body);
    OK(file_and_remove(&a, &put));
    CHECK(bodies() == 1 && is_there(b.id));
    put = (struct store_put){.account_id = BRUNO, .name = STR("INBOX"), .ref = &b.out_body};
    OK(file_and_remove(&b, &put));
    CHECK(bodies() == 1 && look(BRUNO, "INBOX").message_count == 1);
    expunge(put.in_mailbox_id, 1, 1, false);
    CHECK(bodies() == 1 && body_is(&a.out_body, STR("for both")));
    counts_are(0, 0);
}

/// A full mailbox refuses all of the change: the entry is still there.
static void an_entry_finds_a_full_mailbox(void)
{
    struct store_queue_put a = queue_text(1, 100, "=here", "too long");
    struct store_put put = {
        .account_id = ANA, .name = STR("INBOX"), .ref = &a.out_body, .check_quota = true};
    struct store_change *change;

    for (uint64_t max = 7; max <= 8; max++) {
        OK(store_change_new(s, &change));
        store_change_quota(change, ANA, max, 0);
        OK(store_commit(change));
        store_change_free(change);
        CHECK(file_and_remove(&a, &put) == (max == 7 ? STORE_OVER_QUOTA : STORE_OK));
        CHECK(is_there(a.id) == (max == 7) && bodies() == 1);
    }
    CHECK(look(ANA, "INBOX").message_count == 1);
}

static void an_account_goes_and_the_queue_stays(void)
{
    struct store_body *body = body_of("from ana");
    struct store_put put = {.account_id = ANA, .name = STR("Sent"), .body = body};
    struct store_queue_put a = entry_of(body, 1, 1, "a", "x");
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_put(change, &put);
    store_change_queue_put(change, &a);
    OK(store_commit(change));
    store_change_free(change);
    store_body_free(body);
    OK(store_change_new(s, &change));
    store_change_account_remove(change, ANA);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(is_there(a.id) && body_is(&a.out_body, STR("from ana")));
    OK(queue_remove(a.id));
    CHECK(bodies() == 0);
}

/// A report is put and the entry it is about removed: one change.
static void an_entry_ends_with_a_report(void)
{
    struct store_queue_put a = queue_text(1, 100, "a", "to nobody");
    struct store_body *body = body_of("it failed");
    struct store_put report = {.account_id = BRUNO, .name = STR("INBOX"), .body = body};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_put(change, &report);
    store_change_queue_remove(change, a.id);
    OK(store_commit(change));
    store_change_free(change);
    OK(store_change_new(s, &change)); // somebody else comes to the same end
    store_change_put(change, &report);
    store_change_queue_remove(change, a.id);
    CHECK(store_commit(change) == STORE_NOT_FOUND);
    store_change_free(change);
    store_body_free(body);
    CHECK(look(BRUNO, "INBOX").message_count == 1 && bodies() == 1);
}

const struct suite_test suite_queue[] = {
    TEST(an_entry_is_found_as_it_was_put),
    TEST(entries_come_by_time_then_id),
    TEST(many_due_at_once_come_page_by_page),
    TEST(the_next_one_is_known),
    TEST(set_moves_an_entry),
    TEST(ids_grow_and_are_not_used_again),
    TEST(what_is_gone_is_refused_and_nothing_happens),
    TEST(texts_have_limits),
    TEST(mailboxes_and_entries_share_a_body),
    TEST(an_entry_alone_holds_its_body),
    TEST(bodies_of_all_sizes_can_wait),
    TEST(an_entry_may_take_a_body_that_is_there),
    TEST(an_entry_goes_into_a_mailbox),
    TEST(an_entry_finds_a_full_mailbox),
    TEST(an_account_goes_and_the_queue_stays),
    TEST(an_entry_ends_with_a_report),
    {0},
};
