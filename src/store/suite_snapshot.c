// SPDX-License-Identifier: ISC
//
// Pictures of mailboxes: they are what the mailbox is, share what did not change, and tell how they
// differ. The plain model is what store_entries_get gives.
#include "rt/rt.h"
#include "store/catalog.h"
#include "store/snapshot_inside.h"
#include "store/suite.h"

static struct store_snapshot *picture(uint64_t mailbox)
{
    struct store_snapshot *p;

    OK(store_snapshot_get(s, mailbox, &p));
    return p;
}

/// So many messages, by doubling.
static uint64_t fill_mailbox(const char *name, size_t doublings)
{
    uint64_t mailbox = put_text(ANA, name, "one").in_mailbox_id;

    for (size_t i = 0; i < doublings; i++)
        copy(mailbox, mailbox, RANGE(1, UINT32_MAX), false, 0);
    return mailbox;
}

static void flag_words(uint64_t mailbox, uint32_t first, uint32_t last, enum store_flag_mode mode,
                       uint32_t flags, const char *word)
{
    struct store_range range = {first, last};
    struct str keyword = str_from(word);
    struct store_flagging f = {.mailbox_id = mailbox,
                               .uids = {&range, 1},
                               .mode = mode,
                               .flags = flags,
                               .keywords = &keyword,
                               .keyword_count = keyword.len > 0,
                               .unchanged_since = UINT64_MAX};
    struct store_change *change;

    OK(store_change_new(s, &change));
    store_change_flag(change, &f);
    OK(store_commit(change));
    store_change_free(change);
}

static void check_brief(struct store_brief brief, const struct store_entry *entry)
{
    CHECK(brief.uid == entry->uid && brief.flags == entry->flags);
    CHECK(brief.keywords == entry->keywords && brief.modseq == entry->modseq);
}

/// It is what the store says now, by every way to ask it.
static void check_picture(struct store_snapshot *p, uint64_t mailbox)
{
    struct store_entries all = entries(mailbox);
    uint64_t since = rt_random() % (store_snapshot_mailbox(p)->modseq + 1);
    size_t unseen = all.count, changed = all.count;
    struct store_mailbox now;

    OK(store_mailbox_by_id(s, mailbox, &now));
    CHECK(store_snapshot_mailbox(p)->modseq == now.modseq);
    CHECK(store_snapshot_mailbox(p)->uidnext == now.uidnext);
    CHECK(store_snapshot_count(p) == all.count && now.message_count == all.count);
    for (size_t i = all.count; i-- > 0;) {
        check_brief(store_snapshot_at(p, i), &all.items[i]);
        CHECK(store_snapshot_index(p, all.items[i].uid) == i);
        CHECK(store_snapshot_index(p, all.items[i].uid + 1) == i + 1);
        unseen = all.items[i].flags & STORE_SEEN ? unseen : i;
        changed = all.items[i].modseq > since ? i : changed;
    }
    CHECK(store_snapshot_unseen(p) == unseen);
    CHECK(store_snapshot_changed(p, 0, since) == changed);
    CHECK(store_snapshot_index(p, 0) == 0 && store_snapshot_index(p, UINT32_MAX) == all.count);
    store_entries_done(&all);
}

static struct store_brief nothing(void)
{
    return (struct store_brief){.uid = UINT32_MAX};
}

/// The walk gives what going through both message by message gives.
static void check_walk(const struct store_snapshot *old, const struct store_snapshot *now)
{
    struct store_snapshot_walk walk = {.old = old, .now = now};
    struct store_difference d;
    size_t o = 0, n = 0;

    while (o < store_snapshot_count(old) || n < store_snapshot_count(now)) {
        bool has_old = o < store_snapshot_count(old), has_now = n < store_snapshot_count(now);
        struct store_brief a = has_old ? store_snapshot_at(old, o) : nothing();
        struct store_brief b = has_now ? store_snapshot_at(now, n) : nothing();
        enum store_difference_kind kind = a.uid < b.uid   ? STORE_GONE
                                          : b.uid < a.uid ? STORE_NEW
                                                          : STORE_CHANGED;

        if (kind != STORE_CHANGED || memcmp(&a, &b, sizeof(a)) != 0) {
            CHECK(store_snapshot_walk_next(&walk, &d));
            CHECK(d.kind == kind && d.old_index == o && d.now_index == n);
            CHECK(kind == STORE_NEW || d.old.uid == a.uid);
            CHECK(kind == STORE_GONE || memcmp(&d.now, &b, sizeof(b)) == 0);
        }
        o += kind != STORE_NEW;
        n += kind != STORE_GONE;
    }
    CHECK(!store_snapshot_walk_next(&walk, &d));
}

static void pictures_are_the_mailbox(void)
{
    uint64_t mailbox = create(ANA, "empty");
    struct store_snapshot *p = picture(mailbox), *q;
    struct store_words *words;

    CHECK(store_snapshot_count(p) == 0 && store_snapshot_unseen(p) == 0);
    check_picture(p, mailbox);
    store_snapshot_drop(p);
    mailbox = fill_mailbox("full", 10);
    p = picture(mailbox);
    CHECK(store_snapshot_count(p) == 1024);
    check_picture(p, mailbox);
    q = picture(mailbox);
    CHECK(p == q); // nothing happened: the same one
    store_snapshot_drop(q);
    flag_words(mailbox, 300, 300, STORE_FLAGS_ADD, STORE_SEEN, "$Own");
    q = picture(mailbox);
    CHECK(p != q && !(store_snapshot_at(p, 299).flags & STORE_SEEN));
    check_picture(q, mailbox);
    check_walk(p, q);
    for (size_t i = 0; i < p->part_count; i++) // uid 300 is in the second block
        CHECK((p->parts[i].chunk == q->parts[i].chunk) == (i != 1));
    words = store_snapshot_words(q);
    CHECK(words->count == 1 && str_eq(words->names[0], STR("$Own")));
    store_words_drop(words);
    store_snapshot_drop(p);
    store_snapshot_drop(q);
    CHECK(store_snapshot_get(s, 999, &p) == STORE_NOT_FOUND);
}

static void change_something(uint64_t mailbox)
{
    struct store_mailbox now;
    uint32_t first, last;

    OK(store_mailbox_by_id(s, mailbox, &now));
    first = (uint32_t)(rt_random() % now.uidnext) + 1;
    last = first + (uint32_t)(rt_random() % 8 ? rt_random() % 8 : rt_random() % 600);
    switch (rt_random() % 6) {
    case 0:
        copy(mailbox, mailbox, RANGE(first, last), rt_random() % 2, 0);
        break;
    case 1:
        expunge(mailbox, first, last, false);
        break;
    case 2:
        flag_words(mailbox, first, last, STORE_FLAGS_REMOVE, STORE_SEEN, "$One");
        break;
    case 3:
        flag_words(mailbox, first, last, STORE_FLAGS_ADD, STORE_DELETED, "$Two");
        break;
    default:
        flag_words(mailbox, first, last, STORE_FLAGS_REPLACE, rt_random() % 32, "");
        break;
    }
}

/// What a reader has who may not be told yet what went: nothing of `old` is missing, all of `now`
/// is there.
static void check_kept(struct store_snapshot *old, struct store_snapshot *now)
{
    size_t kept, missing = 0;
    struct store_snapshot *both = store_snapshot_keep(old, now, &kept);
    struct store_snapshot_walk walk = {.old = both, .now = now};
    struct store_difference d;

    while (store_snapshot_walk_next(&walk, &d)) {
        struct store_brief was;

        CHECK(d.kind == STORE_GONE);
        was = store_snapshot_at(old, store_snapshot_index(old, d.old.uid));
        CHECK(memcmp(&was, &d.old, sizeof(was)) == 0);
        missing++;
    }
    CHECK(missing == kept && (kept > 0 || both == now));
    walk = (struct store_snapshot_walk){.old = old, .now = both};
    while (store_snapshot_walk_next(&walk, &d))
        CHECK(d.kind != STORE_GONE);
    store_snapshot_drop(both);
}

static void random_changes_give_the_same_as_a_plain_model(void)
{
    uint64_t mailbox = fill_mailbox("random", 9);
    struct store_snapshot *older[4] = {0}, *now;

    for (unsigned step = 0; step < 150; step++) {
        for (uint64_t i = rt_random() % 4; i-- > 0;)
            change_something(mailbox);
        now = picture(mailbox);
        check_picture(now, mailbox);
        for (size_t i = 0; i < 4; i++) {
            if (!older[i])
                continue;
            check_walk(older[i], now);
            check_kept(older[i], now);
        }
        store_snapshot_drop(older[step % 4]);
        older[step % 4] = now;
        if (rt_random() % 10 == 0) // and from nothing
            snapshots_set_idle_max(s->catalog->snapshots, rt_random() % 2 ? 0 : 1 << 20);
    }
    for (size_t i = 0; i < 4; i++)
        store_snapshot_drop(older[i]);
}

static void edits_are_one_s_own(void)
{
    uint64_t mailbox = fill_mailbox("edited", 10);
    struct store_snapshot *p = picture(mailbox), *mine = store_snapshot_hold(p), *kept;

    for (size_t i = 0; i < 1024; i += 3) {
        struct store_brief brief = store_snapshot_at(mine, i);

        brief.flags |= STORE_SEEN;
        brief.keywords = i % 2 ? 5 : 0;
        brief.modseq += 1000;
        mine = store_snapshot_edit(mine, i, &brief);
    }
    check_picture(p, mailbox);
    CHECK(store_snapshot_unseen(p) == 0 && store_snapshot_unseen(mine) == 1);
    for (size_t i = 0; i < 1024; i++) {
        struct store_brief was = store_snapshot_at(p, i), is = store_snapshot_at(mine, i);

        CHECK(was.uid == is.uid && (is.flags == STORE_SEEN) == (i % 3 == 0));
        CHECK(is.keywords == (i % 3 == 0 && i % 2 ? 5 : 0));
        CHECK(is.modseq == was.modseq + (i % 3 ? 0 : 1000));
    }
    check_walk(p, mine);
    kept = store_snapshot_hold(mine); // whoever holds the edited one keeps it as it was
    mine = store_snapshot_edit(mine, 0, &(struct store_brief){.uid = 1, .modseq = 1});
    CHECK(store_snapshot_at(kept, 0).flags == STORE_SEEN && store_snapshot_at(mine, 0).flags == 0);
    store_snapshot_drop(kept);
    store_snapshot_drop(mine);
    store_snapshot_drop(p);
}

static void expunges_the_store_forgot_are_found(void)
{
    uint64_t mailbox = fill_mailbox("forgotten", 14);
    struct store_snapshot *old = picture(mailbox), *now;

    expunge(mailbox, 100, 16000, false);
    expunge(mailbox, 16100, 16200, false);
    now = picture(mailbox);
    CHECK(store_snapshot_mailbox(now)->expunge_modseq > store_snapshot_mailbox(old)->modseq);
    check_picture(now, mailbox);
    CHECK(now->parts[now->part_count - 1].chunk == old->parts[old->part_count - 1].chunk);
    check_walk(old, now);
    store_snapshot_drop(old);
    store_snapshot_drop(now);
}

static void what_nobody_holds_is_bounded(void)
{
    struct snapshots *cache = s->catalog->snapshots;
    uint64_t one = fill_mailbox("one", 8), two = fill_mailbox("two", 8);
    struct store_snapshot *p = picture(one), *q;
    size_t bytes = p->bytes;

    CHECK(snapshots_idle_bytes(cache) == 0);
    store_snapshot_drop(p);
    CHECK(snapshots_idle_bytes(cache) == bytes);
    q = picture(one);
    CHECK(p == q && snapshots_idle_bytes(cache) == 0); // it was still there
    store_snapshot_drop(q);
    store_snapshot_drop(picture(two));
    CHECK(snapshots_idle_bytes(cache) == 2 * bytes);
    snapshots_set_idle_max(cache, bytes);
    p = picture(two);
    store_snapshot_drop(p);
    CHECK(snapshots_idle_bytes(cache) == bytes); // `one` was older
    q = picture(two);
    CHECK(p == q);
    store_snapshot_drop(q);
}

static void pictures_go_with_their_mailbox(void)
{
    struct snapshots *cache = s->catalog->snapshots;
    uint64_t mailbox = fill_mailbox("going", 8);
    struct store_snapshot *p = picture(mailbox), *q;
    struct store_change *change;

    store_snapshot_drop(store_snapshot_hold(p));
    OK(store_change_new(s, &change));
    store_change_mailbox_delete(change, mailbox);
    OK(store_commit(change));
    store_change_free(change);
    CHECK(store_snapshot_get(s, mailbox, &q) == STORE_NOT_FOUND);
    CHECK(store_snapshot_count(p) == 256); // who has it may go on looking
    store_snapshot_drop(p);
    CHECK(snapshots_idle_bytes(cache) == 0);
}

struct asking {
    uint64_t mailbox;
    struct store_snapshot *got;
};

static int ask(void *arg)
{
    struct asking *a = arg;

    a->got = picture(a->mailbox);
    return 0;
}

static void who_asks_together_gets_the_same(void)
{
    struct asking asking[20];
    struct rt_task *tasks[20];
    uint64_t mailbox = fill_mailbox("asked", 11);

    for (size_t i = 0; i < 20; i++) {
        asking[i].mailbox = mailbox;
        OK(rt_spawn(ask, &asking[i], "ask", &tasks[i]));
    }
    for (size_t i = 0; i < 20; i++) {
        OK(rt_join(tasks[i]));
        CHECK(asking[i].got == asking[0].got);
    }
    check_picture(asking[0].got, mailbox);
    for (size_t i = 0; i < 20; i++)
        store_snapshot_drop(asking[i].got);
}

const struct suite_test suite_snapshot[] = {
    TEST(pictures_are_the_mailbox),
    TEST(random_changes_give_the_same_as_a_plain_model),
    TEST(edits_are_one_s_own),
    TEST(expunges_the_store_forgot_are_found),
    TEST(what_nobody_holds_is_bounded),
    TEST(pictures_go_with_their_mailbox),
    TEST(who_asks_together_gets_the_same),
    {0},
};
