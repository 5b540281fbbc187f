// SPDX-License-Identifier: ISC
//
// Mails as bodies: small, medium, big, shared, gone.
#include "store/suite.h"

#include <errno.h>

/// The same bytes, a piece behind the end, and one of a body that nobody has.
static void many_at_once(const struct store_body_ref *ref)
{
    struct store_body_ref gone = *ref;
    char a[5], b[5], c[5], d[5];
    struct store_body_piece pieces[] = {
        {ref, 15, a, 5, -1}, {ref, 20, b, 5, -1}, {ref, 22, c, 5, -1}, {&gone, 0, d, 5, 0}};

    gone.message_id += 999983;
    store_bodies_read(s, pieces, 4);
    CHECK(pieces[0].n == 5 && !memcmp(a, "hello", 5));
    CHECK(pieces[1].n == 2 && pieces[2].n == 0 && pieces[3].n < 0);
}

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
    many_at_once(&e.items[0].body);
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

const struct suite_test suite_body[] = {
    TEST(a_mail_is_found_whole),
    TEST(an_empty_mail_is_a_mail),
    TEST(several_recipients_share_one_body),
    TEST(a_big_mail_is_found_whole),
    TEST(an_abandoned_big_mail_leaves_nothing),
    TEST(medium_mails_of_many_sizes),
    TEST(a_body_that_is_gone_cannot_be_read),
    TEST(a_mailbox_is_made_and_filled_at_once),
    {0},
};
