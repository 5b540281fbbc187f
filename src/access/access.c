// SPDX-License-Identifier: ISC
//
// The lists in memory and their changes. A list is replaced as a whole: the store first, where the
// change says what it replaces, then memory. So of two changes at once one fails and is tried again
// on what the other made, and memory never goes back in time.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include "access/inside.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES_MAX = 8 };

// ---- the arrays; with the lock held

/// Index of the list of that mailbox, or where it would stand.
static size_t list_place(const struct access *a, uint64_t mailbox_id)
{
    size_t low = 0, high = a->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (a->lists[middle]->mailbox_id < mailbox_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct access_list *list_find(const struct access *a, uint64_t mailbox_id)
{
    size_t at = list_place(a, mailbox_id);

    return at < a->count && a->lists[at]->mailbox_id == mailbox_id ? a->lists[at] : NULL;
}

static size_t grant_place(const struct access *a, struct access_grant grant)
{
    size_t low = 0, high = a->grant_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct access_grant there = a->grants[middle];

        if (there.account_id < grant.account_id ||
            (there.account_id == grant.account_id && there.mailbox_id < grant.mailbox_id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_grant(const struct access *a, size_t at, struct access_grant grant)
{
    return at < a->grant_count && a->grants[at].account_id == grant.account_id &&
           a->grants[at].mailbox_id == grant.mailbox_id;
}

static void grant_add(struct access *a, struct access_grant grant)
{
    size_t at = grant_place(a, grant);

    if (has_grant(a, at, grant))
        return;
    if (a->grant_count == a->grant_cap) {
        a->grant_cap = 2 * a->grant_cap + 16;
        a->grants = realloc(a->grants, a->grant_cap * sizeof(*a->grants));
        CHECK(a->grants);
    }
    memmove(a->grants + at + 1, a->grants + at, (a->grant_count - at) * sizeof(*a->grants));
    a->grants[at] = grant;
    a->grant_count++;
}

static void grant_remove(struct access *a, struct access_grant grant)
{
    size_t at = grant_place(a, grant);

    if (!has_grant(a, at, grant))
        return;
    a->grant_count--;
    memmove(a->grants + at, a->grants + at + 1, (a->grant_count - at) * sizeof(*a->grants));
}

static void list_remove(struct access *a, uint64_t mailbox_id)
{
    size_t at = list_place(a, mailbox_id);
    struct access_list *list = list_find(a, mailbox_id);

    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        grant_remove(a, (struct access_grant){list->entries[i].account_id, mailbox_id});
    a->count--;
    memmove(a->lists + at, a->lists + at + 1, (a->count - at) * sizeof(*a->lists));
    access_list_free(list);
}

/// Takes it.
static void list_add(struct access *a, struct access_list *list)
{
    size_t at = list_place(a, list->mailbox_id);

    if (a->count == a->cap) {
        a->cap = 2 * a->cap + 16;
        a->lists = realloc(a->lists, a->cap * sizeof(struct access_list *));
        CHECK(a->lists);
    }
    memmove(a->lists + at + 1, a->lists + at, (a->count - at) * sizeof(*a->lists));
    a->lists[at] = list;
    a->count++;
    for (size_t i = 0; i < list->count; i++)
        if (!list->entries[i].is_negative)
            grant_add(a, (struct access_grant){list->entries[i].account_id, list->mailbox_id});
}

/// Takes `list`; NULL: there is none any more.
static void show(struct access *a, uint64_t mailbox_id, struct access_list *list)
{
    CHECK(pthread_rwlock_wrlock(&a->lock) == 0);
    list_remove(a, mailbox_id);
    if (list)
        list_add(a, list);
    pthread_rwlock_unlock(&a->lock);
}

// ---- opening

static int load_one(void *arg, struct str key, struct str value)
{
    struct access *a = arg;
    struct access_list *list;
    struct log_line line;
    uint64_t mailbox_id;
    int r = -EBADMSG;

    if (str_to_u64(key, UINT64_MAX, &mailbox_id))
        r = access_list_parse(mailbox_id, value, &list);
    if (r == 0) {
        list_add(a, list);
        return 0;
    }
    log_begin(&line, LOG_ERROR, "access/open", "a list cannot be read: it gives no rights");
    log_str(&line, "mailbox", key);
    log_end(&line);
    return 0;
}

int access_open(struct store *store, struct accounts *accounts, struct access **out)
{
    struct access *a = calloc(1, sizeof(*a));
    int r;

    if (!a)
        return -ENOMEM;
    a->store = store;
    a->accounts = accounts;
    CHECK(pthread_rwlock_init(&a->lock, NULL) == 0);
    r = store_doc_each(store, STORE_DOC_ACL, load_one, a);
    if (r < 0) {
        access_close(a);
        return r;
    }
    *out = a;
    return 0;
}

void access_close(struct access *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++)
        access_list_free(a->lists[i]);
    free(a->lists);
    free(a->grants);
    pthread_rwlock_destroy(&a->lock);
    free(a);
}

// ---- asking

unsigned access_rights_in(struct access *a, uint64_t account_id, uint64_t owner_id,
                          uint64_t mailbox_id)
{
    const struct access_list *list;
    unsigned rights = 0;
    bool is_anyone;

    if (owner_id == account_id)
        return ACCESS_ALL;
    if (!a)
        return 0;
    is_anyone = account_share_domain(a->accounts, account_id, owner_id);
    CHECK(pthread_rwlock_rdlock(&a->lock) == 0);
    list = list_find(a, mailbox_id);
    if (list)
        rights = access_list_rights(list, account_id, is_anyone);
    pthread_rwlock_unlock(&a->lock);
    return rights;
}

unsigned access_rights(struct access *a, uint64_t account_id, const struct store_mailbox *mailbox)
{
    return access_rights_in(a, account_id, mailbox->account_id, mailbox->id);
}

/// Appends the mailboxes of others that name `account_id` (0: anyone). With the lock held.
static size_t collect(const struct access *a, uint64_t account_id, uint64_t *to, size_t count)
{
    size_t at = grant_place(a, (struct access_grant){account_id, 0});

    for (; at < a->grant_count && a->grants[at].account_id == account_id; at++)
        if (count < ACCESS_SHARED_MAX)
            to[count++] = a->grants[at].mailbox_id;
    return count;
}

static int by_id(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

void access_candidates(struct access *a, uint64_t account_id, struct arena *arena,
                       uint64_t **out_mailbox_ids, size_t *out_count)
{
    CLEANUP(free_drop) uint64_t *ids = NULL;
    size_t count = 0, kept = 0;

    *out_count = 0;
    *out_mailbox_ids = NULL;
    if (!a)
        return;
    ids = malloc(ACCESS_SHARED_MAX * sizeof(*ids));
    CHECK(ids);
    CHECK(pthread_rwlock_rdlock(&a->lock) == 0);
    count = collect(a, account_id, ids, count);
    count = collect(a, 0, ids, count);
    pthread_rwlock_unlock(&a->lock);
    qsort(ids, count, sizeof(*ids), by_id);
    *out_mailbox_ids = ARENA_ARRAY(arena, uint64_t, count + 1);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || (*out_mailbox_ids)[kept - 1] != ids[i])
            (*out_mailbox_ids)[kept++] = ids[i];
    *out_count = kept;
}

void access_list_get(struct access *a, uint64_t mailbox_id, struct arena *arena,
                     struct access_entry **out, size_t *out_count)
{
    const struct access_list *list;

    *out = ARENA_ARRAY(arena, struct access_entry, ACCESS_ENTRIES_MAX);
    *out_count = 0;
    if (!a)
        return;
    CHECK(pthread_rwlock_rdlock(&a->lock) == 0);
    list = list_find(a, mailbox_id);
    if (list && list->count > 0) {
        memcpy(*out, list->entries, list->count * sizeof(**out));
        *out_count = list->count;
    }
    pthread_rwlock_unlock(&a->lock);
}

// ---- changing

/// A copy of the mailbox's list; NULL when there is none.
static struct access_list *copy_of(struct access *a, uint64_t mailbox_id)
{
    const struct access_list *list;
    struct access_list *copy = NULL;

    CHECK(pthread_rwlock_rdlock(&a->lock) == 0);
    list = list_find(a, mailbox_id);
    if (list)
        CHECK(access_list_parse(mailbox_id, list->document, &copy) == 0);
    pthread_rwlock_unlock(&a->lock);
    return copy;
}

static bool is_gone(struct access *a, const struct access_entry *entry)
{
    return entry->account_id && !account_exists(a->accounts, entry->account_id);
}

/// The entries with that change, without those of accounts that are gone. False: too many.
static bool edit(struct access *a, const struct access_list *old, const struct access_entry *who,
                 enum access_mode mode, unsigned rights, struct access_entry *to, size_t *out_count)
{
    struct access_entry changed = {who->account_id, who->is_negative, 0};
    size_t count = 0;

    for (size_t i = 0; old && i < old->count; i++) {
        const struct access_entry *entry = &old->entries[i];

        if (entry->account_id == who->account_id && entry->is_negative == who->is_negative)
            changed.rights |= entry->rights;
        else if (!is_gone(a, entry))
            to[count++] = *entry;
    }
    if (mode == ACCESS_REPLACE)
        changed.rights = rights;
    else if (mode == ACCESS_ADD)
        changed.rights |= rights;
    else
        changed.rights &= ~rights;
    if (changed.rights && count == ACCESS_ENTRIES_MAX)
        return false;
    if (changed.rights)
        to[count++] = changed;
    *out_count = count;
    return true;
}

static void list_drop(struct access_list **list)
{
    access_list_free(*list);
}

static void change_drop(struct store_change **change)
{
    store_change_free(*change);
}

/// [await] STORE_CONFLICT: somebody was faster.
static int try_set(struct access *a, const struct store_mailbox *mailbox,
                   const struct access_entry *who, enum access_mode mode, unsigned rights)
{
    CLEANUP(free_drop) struct access_entry *entries = calloc(ACCESS_ENTRIES_MAX, sizeof(*entries));
    CLEANUP(list_drop) struct access_list *old = copy_of(a, mailbox->id);
    CLEANUP(list_drop) struct access_list *new = NULL;
    CLEANUP(change_drop) struct store_change *change = NULL;
    size_t count;
    int r;

    CHECK(entries);
    if (!edit(a, old, who, mode, rights, entries, &count))
        return STORE_LIMIT;
    if (count > 0)
        new = access_list_new(mailbox->id, mailbox->account_id, entries, count);
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    store_change_mailbox_doc(change, STORE_DOC_ACL, &mailbox->id, old ? old->document : STR_NONE,
                             new ? new->document : STR_NONE);
    r = store_commit(change);
    if (r == 0)
        show(a, mailbox->id, TAKE(new));
    else if (r == STORE_NOT_FOUND)
        show(a, mailbox->id, NULL);
    return r;
}

int access_set(struct access *a, const struct store_mailbox *mailbox,
               const struct access_entry *who, enum access_mode mode, unsigned rights)
{
    int r = STORE_CONFLICT;

    for (int i = 0; i < TRIES_MAX && r == STORE_CONFLICT; i++)
        r = try_set(a, mailbox, who, mode, rights);
    return r;
}

void access_forget(struct access *a, uint64_t mailbox_id)
{
    if (a)
        show(a, mailbox_id, NULL);
}

void access_inherit(struct access *a, uint64_t parent_id, struct store_change *change,
                    const uint64_t *mailbox_id, struct access_list **list)
{
    *list = a ? copy_of(a, parent_id) : NULL;
    if (*list)
        store_change_mailbox_doc(change, STORE_DOC_ACL, mailbox_id, STR_NONE, (*list)->document);
}

void access_inherited(struct access *a, struct access_list *list, uint64_t mailbox_id, int answer)
{
    if (!list)
        return;
    list->mailbox_id = mailbox_id;
    if (answer == 0)
        show(a, mailbox_id, list);
    else
        access_list_free(list);
}

// ---- who

bool access_entry_parse(struct access *a, struct str identifier, struct access_entry *out)
{
    struct access_entry entry = {0};

    if (identifier.len > 0 && identifier.ptr[0] == '-') {
        entry.is_negative = true;
        identifier = str_skip(identifier, 1);
    }
    if (!str_eq(identifier, STR("anyone"))) {
        entry.account_id = account_id_of(a->accounts, identifier);
        if (!entry.account_id)
            return false;
    }
    *out = entry;
    return true;
}

bool access_entry_put(struct access *a, const struct access_entry *entry, struct buf *out)
{
    CLEANUP(buf_drop) struct buf address;

    buf_init(&address, ACCOUNT_ADDRESS_MAX);
    if (entry->account_id && !account_address_of(a->accounts, entry->account_id, &address))
        return false;
    if (entry->is_negative)
        buf_put_char(out, '-');
    buf_put(out, entry->account_id ? buf_str(&address) : STR("anyone"));
    return true;
}
