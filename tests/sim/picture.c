// SPDX-License-Identifier: ISC
#include "picture.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/scan.h"

#include <stdio.h>

const struct str picture_flag_names[PICTURE_FLAGS] = {
    STR("\\Seen"), STR("\\Answered"), STR("\\Flagged"), STR("\\Deleted"), STR("\\Draft"),
    STR("$Work"),  STR("Later"),      STR("blue"),      STR("green"),
};

void picture_clear(struct picture *p)
{
    p->count = p->gone_count = 0;
    p->highest = p->told_highest = 0;
}

void picture_exists(struct picture *p, uint64_t count)
{
    CHECK(count >= p->count && count <= PICTURE_MAX);
    while (p->count < count)
        p->entries[p->count++] = (struct picture_entry){0};
}

static void leave(struct picture *p, size_t index)
{
    uint32_t uid = p->entries[index].uid;

    p->count--;
    memmove(p->entries + index, p->entries + index + 1, (p->count - index) * sizeof(p->entries[0]));
    if (uid == 0)
        return;
    CHECK(p->gone_count < PICTURE_GONE_MAX);
    p->gone[p->gone_count++] = uid;
}

void picture_expunge(struct picture *p, uint64_t number)
{
    CHECK(number >= 1 && number <= p->count);
    leave(p, number - 1);
}

static bool next_range(struct str *uids, uint64_t *first, uint64_t *last)
{
    struct str part, word;

    if (!str_split(uids, ',', &part))
        return false;
    CHECK(str_split(&part, ':', &word) && str_to_u64(word, UINT32_MAX, first));
    *last = *first;
    CHECK(!part.ptr || str_to_u64(part, UINT32_MAX, last));
    CHECK(*first <= *last);
    return true;
}

// Where a message whose uid was never asked for can stand.
static bool fits(const struct picture *p, size_t index, uint32_t uid)
{
    for (size_t i = 0; i < p->count; i++) {
        uint32_t other = p->entries[i].uid;

        if (other && (i < index ? other >= uid : other <= uid))
            return false;
    }
    return p->entries[index].uid == 0;
}

static void vanish(struct picture *p, uint32_t uid, bool is_earlier)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->entries[i].uid == uid) {
            leave(p, i);
            return;
        }
    }
    if (is_earlier)
        return;
    for (size_t i = 0; i < p->count; i++) {
        if (fits(p, i, uid)) {
            p->entries[i].uid = uid;
            leave(p, i);
            return;
        }
    }
    CHECK(false); // it was never there
}

void picture_vanished(struct picture *p, struct str uids, bool is_earlier)
{
    uint64_t first, last;

    while (next_range(&uids, &first, &last)) {
        for (uint64_t uid = first; uid <= last; uid++)
            vanish(p, (uint32_t)uid, is_earlier);
    }
}

// ---- FETCH

static unsigned flag_bit(struct str name)
{
    for (unsigned i = 0; i < PICTURE_FLAGS; i++) {
        if (str_case_eq(name, picture_flag_names[i]))
            return 1u << i;
    }
    CHECK(str_case_eq(name, STR("\\Recent"))); // nobody sets others
    return 0;
}

static void read_flags(struct picture_entry *e, struct str list)
{
    struct str name;

    e->flags = 0;
    e->has_flags = true;
    while (str_split(&list, ' ', &name)) {
        if (name.len)
            e->flags |= flag_bit(name);
    }
}

static void read_uid(struct picture *p, size_t index, uint64_t uid)
{
    struct picture_entry *e = &p->entries[index];

    CHECK(e->uid == 0 || e->uid == uid);
    e->uid = 0;
    CHECK(fits(p, index, (uint32_t)uid));
    e->uid = (uint32_t)uid;
    for (size_t i = 0; i < p->gone_count; i++)
        CHECK(p->gone[i] != uid);
}

static void read_modseq(struct picture *p, struct picture_entry *e, uint64_t modseq)
{
    CHECK(modseq >= e->modseq);
    e->modseq = modseq;
    if (modseq > p->told_highest)
        p->told_highest = modseq;
}

void picture_fetch(struct picture *p, uint64_t number, struct str items)
{
    struct scan in = scan_of(items);
    struct picture_entry *e;
    struct str list;
    uint64_t value;

    CHECK(number >= 1 && number <= p->count);
    e = &p->entries[number - 1];
    while (!scan_is_end(&in)) {
        if (scan_word(&in, STR("UID ")) && scan_u64(&in, UINT32_MAX, &value)) {
            read_uid(p, number - 1, value);
        } else if (scan_word(&in, STR("FLAGS ("))) {
            CHECK(scan_until(&in, ')', SIZE_MAX, &list) && scan_char(&in, ')'));
            read_flags(e, list);
        } else {
            CHECK(scan_word(&in, STR("MODSEQ (")) && scan_u64(&in, UINT64_MAX, &value) &&
                  scan_char(&in, ')'));
            read_modseq(p, e, value);
        }
        scan_blank(&in);
    }
}

// ---- coming back

static bool is_in(struct str uids, uint32_t uid)
{
    uint64_t first, last;

    while (next_range(&uids, &first, &last)) {
        if (uid >= first && uid <= last)
            return true;
    }
    return false;
}

void picture_resume(struct picture *p, const struct picture *before, struct str vanished)
{
    size_t at = 0;

    memcpy(p->gone, before->gone, before->gone_count * sizeof(p->gone[0]));
    p->gone_count = before->gone_count;
    for (size_t i = 0; i < before->count; i++) {
        const struct picture_entry *old = &before->entries[i];
        struct picture_entry *now = &p->entries[at];

        if (vanished.len && is_in(vanished, old->uid)) {
            p->gone[p->gone_count++] = old->uid;
            continue;
        }
        CHECK(at < p->count);
        if (now->uid == 0) { // nothing was said of it: it is as it was
            CHECK(!now->has_flags);
            *now = *old;
        }
        CHECK(now->uid == old->uid && now->has_flags);
        at++;
    }
    for (; at < p->count; at++) // what is new stands behind
        CHECK(p->entries[at].uid == 0 || before->count == 0 ||
              p->entries[at].uid > before->entries[before->count - 1].uid);
}

size_t picture_unknown(const struct picture *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->entries[i].uid == 0 || !p->entries[i].has_flags)
            return i + 1;
    }
    return 0;
}

// ---- the store

static unsigned flags_of(const struct store_entry *e, const struct store_keywords *words)
{
    unsigned flags = 0;

    for (size_t i = 0; i < words->count; i++) {
        if (e->keywords >> i & 1)
            flags |= flag_bit(str_from(words->names[i]));
    }
    flags |= e->flags & STORE_SEEN ? flag_bit(STR("\\Seen")) : 0;
    flags |= e->flags & STORE_ANSWERED ? flag_bit(STR("\\Answered")) : 0;
    flags |= e->flags & STORE_FLAGGED ? flag_bit(STR("\\Flagged")) : 0;
    flags |= e->flags & STORE_DELETED ? flag_bit(STR("\\Deleted")) : 0;
    flags |= e->flags & STORE_DRAFT ? flag_bit(STR("\\Draft")) : 0;
    return flags;
}

static bool is_entry(const struct picture_entry *mine, const struct store_entry *real,
                     const struct store_keywords *words, bool has_modseq, const char *whose)
{
    unsigned flags = flags_of(real, words);

    if (mine->uid == real->uid && mine->flags == flags &&
        (!has_modseq || mine->modseq == real->modseq))
        return true;
    printf("%s thinks uid %u flags %x modseq %llu, the store has uid %u flags %x modseq %llu\n",
           whose, mine->uid, mine->flags, (unsigned long long)mine->modseq, real->uid, flags,
           (unsigned long long)real->modseq);
    return false;
}

bool picture_is(const struct picture *p, struct store *store, uint64_t mailbox_id, bool has_modseq,
                const char *whose)
{
    struct store_entries entries;
    struct store_keywords words;
    bool is_same;

    CHECK(store_keywords_get(store, mailbox_id, &words) == 0);
    CHECK(store_entries_get(store, mailbox_id, 1, UINT32_MAX, &entries) == 0);
    is_same = entries.count == p->count;
    if (!is_same)
        printf("%s thinks of %zu messages, the store has %zu\n", whose, p->count, entries.count);
    for (size_t i = 0; is_same && i < p->count; i++)
        is_same = is_entry(&p->entries[i], &entries.items[i], &words, has_modseq, whose);
    for (size_t g = 0; is_same && g < p->gone_count; g++) {
        for (size_t i = 0; i < entries.count; i++)
            is_same &= entries.items[i].uid != p->gone[g];
    }
    store_entries_done(&entries);
    return is_same;
}
