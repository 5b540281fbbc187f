// SPDX-License-Identifier: ISC
//
// Short words for the tests of the suite.
#include "store/suite.h"

struct rt *the_rt;
struct store *s;

struct store_body *body_of(const char *text)
{
    struct store_body *body;

    OK(store_body_new(s, &body));
    OK(store_body_append(body, str_from(text)));
    return body;
}

/// Puts `text` into the mailbox `name` of the account.
struct store_put put_text(uint64_t account, const char *name, const char *text)
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

uint64_t create(uint64_t account, const char *name)
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

int create_result(uint64_t account, struct str name)
{
    struct store_change *change;
    int r;

    OK(store_change_new(s, &change));
    store_change_mailbox_create(change, account, name, 0, NULL);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

struct store_mailbox look(uint64_t account, const char *name)
{
    struct store_mailbox m;

    OK(store_mailbox_by_name(s, account, str_from(name), &m));
    CHECK(m.account_id == account && strcmp(m.name, name) == 0);
    return m;
}

struct store_entries entries(uint64_t mailbox)
{
    struct store_entries e;

    OK(store_entries_get(s, mailbox, 1, UINT32_MAX, &e));
    return e;
}

bool body_is(const struct store_body_ref *ref, struct str text)
{
    CLEANUP(buf_drop) struct buf b = {0};

    buf_init(&b, 1 << 24);
    return store_body_load(s, ref, &b) == 0 && str_eq(buf_str(&b), text);
}

struct store_flagging flag(uint64_t mailbox, uint32_t first, uint32_t last,
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

struct store_expunging expunge(uint64_t mailbox, uint32_t first, uint32_t last, bool deleted)
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

int set_quota(uint64_t account, uint64_t bytes, uint64_t messages)
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
void check_numbers(uint64_t mailbox)
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

struct store_copying copy(uint64_t from, uint64_t to, struct store_uids uids, bool move, int want)
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

void fill(char *to, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = (char)(seed >> 56);
    }
}

void subscribe(uint64_t account, const char *name, bool on)
{
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_subscribe(change, account, str_from(name), on);
    OK(store_commit(change));
    store_change_free(change);
}

int doc(const char *key, const char *before, const char *value, bool conditional)
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
