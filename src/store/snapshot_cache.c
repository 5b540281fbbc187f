// SPDX-License-Identifier: ISC
//
// The newest picture of each mailbox. Whoever finds it out of date makes the next, for all who ask
// meanwhile: by what changed since, or, the first time, by reading the whole mailbox in steps.
//
// The order in which reading a whole mailbox makes the picture complete: the modseq first, then the
// entries, then what changed after that modseq. A change between two of these is among the last.
//
// The lock guards the slots, who holds which picture, and the ring of pictures nobody holds; it is
// never held across an await, and nothing else is locked under it.
#include "base/check.h"
#include "rt/rt.h"
#include "store/catalog.h"
#include "store/snapshot_inside.h"

#include <errno.h>

enum {
    UIDS_AT_ONCE = 20000, // read from the store in one go
    LOAD_TRIES_MAX = 5, // of a mailbox in which more is expunged meanwhile than the store remembers
};

/// A mailbox that somebody looked at; there is one as long as it has a picture or gets one.
struct snapshot_slot {
    uint64_t mailbox_id;
    struct store_snapshot *newest; // held by the slot; NULL: none
    bool is_loading;
    bool is_forgotten; // the mailbox went while its picture was made
    struct list waiters;
    struct list idle; // in snapshots.idle when nobody but the slot holds `newest`
};

struct waiter {
    struct list link;
    struct rt_waiter waiter;
};

struct snapshots {
    pthread_mutex_t lock;
    struct map slots;
    struct list idle; // the one that nobody wanted for the longest time first
    size_t idle_bytes, idle_max;
};

struct snapshots *snapshots_new(void)
{
    struct snapshots *cache = store_alloc(sizeof(*cache));

    pthread_mutex_init(&cache->lock, NULL);
    map_init(&cache->slots, (const uint64_t[2]){0, 0});
    list_init(&cache->idle);
    cache->idle_max = STORE_SNAPSHOTS_IDLE_BYTES;
    return cache;
}

void snapshots_free(struct snapshots *cache)
{
    void *value;

    for (size_t at = 0; map_next(&cache->slots, &at, NULL, &value);) {
        struct snapshot_slot *slot = value;

        CHECK(!slot->is_loading && slot->newest->holders == 1);
        snapshot_free(slot->newest);
        free(slot);
    }
    map_done(&cache->slots);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

// ---- under the lock

/// The slot has no picture and gets none.
static void slot_free(struct snapshots *cache, struct snapshot_slot *slot)
{
    map_take_u64(&cache->slots, slot->mailbox_id);
    free(slot);
}

static void no_longer_idle(struct snapshots *cache, struct snapshot_slot *slot)
{
    if (!list_is_in(&slot->idle))
        return;
    list_remove(&slot->idle);
    cache->idle_bytes -= slot->newest->bytes;
}

/// Takes the picture out of the slot; the slot's hold on it is the caller's now.
static struct store_snapshot *take_newest(struct snapshots *cache, struct snapshot_slot *slot)
{
    no_longer_idle(cache, slot);
    if (slot->newest)
        slot->newest->slot = NULL;
    return TAKE(slot->newest);
}

static struct store_snapshot *hold_newest(struct snapshots *cache, struct snapshot_slot *slot)
{
    no_longer_idle(cache, slot);
    slot->newest->holders++;
    return slot->newest;
}

/// One holder less. What is to be freed when the lock is open again, or NULL.
static struct store_snapshot *let_go(struct snapshots *cache, struct store_snapshot *snapshot)
{
    struct snapshot_slot *slot = snapshot->slot;

    if (--snapshot->holders == 0)
        return snapshot;
    if (snapshot->holders > 1 || !slot)
        return NULL;
    list_put_last(&cache->idle, &slot->idle);
    cache->idle_bytes += snapshot->bytes;
    return NULL;
}

/// As let_go, for the oldest picture nobody holds, while all of those are too large together.
static struct store_snapshot *let_oldest_go(struct snapshots *cache)
{
    struct snapshot_slot *slot;
    struct store_snapshot *gone;

    if (cache->idle_bytes <= cache->idle_max)
        return NULL;
    slot = LIST_OF(cache->idle.next, struct snapshot_slot, idle);
    gone = take_newest(cache, slot);
    if (!slot->is_loading)
        slot_free(cache, slot);
    return let_go(cache, gone);
}

// ---- holding

struct store_snapshot *store_snapshot_hold(struct store_snapshot *snapshot)
{
    pthread_mutex_lock(&snapshot->cache->lock);
    snapshot->holders++;
    pthread_mutex_unlock(&snapshot->cache->lock);
    return snapshot;
}

void store_snapshot_drop(struct store_snapshot *snapshot)
{
    struct store_snapshot *gone;
    struct snapshots *cache;

    if (!snapshot)
        return;
    cache = snapshot->cache;
    pthread_mutex_lock(&cache->lock);
    for (gone = let_go(cache, snapshot); gone || cache->idle_bytes > cache->idle_max;
         gone = let_oldest_go(cache)) {
        if (!gone)
            continue;
        pthread_mutex_unlock(&cache->lock);
        snapshot_free(gone);
        pthread_mutex_lock(&cache->lock);
    }
    pthread_mutex_unlock(&cache->lock);
}

bool snapshots_is_own(const struct store_snapshot *snapshot)
{
    bool is_own;

    pthread_mutex_lock(&snapshot->cache->lock);
    is_own = snapshot->holders == 1 && !snapshot->slot;
    pthread_mutex_unlock(&snapshot->cache->lock);
    return is_own;
}

void snapshots_forget(struct snapshots *cache, uint64_t mailbox_id)
{
    struct store_snapshot *gone = NULL;
    struct snapshot_slot *slot;

    pthread_mutex_lock(&cache->lock);
    slot = map_get_u64(&cache->slots, mailbox_id);
    if (slot) {
        gone = take_newest(cache, slot);
        if (gone)
            gone = let_go(cache, gone);
        if (slot->is_loading)
            slot->is_forgotten = true;
        else
            slot_free(cache, slot);
    }
    pthread_mutex_unlock(&cache->lock);
    if (gone)
        snapshot_free(gone);
}

size_t snapshots_idle_bytes(struct snapshots *cache)
{
    size_t bytes;

    pthread_mutex_lock(&cache->lock);
    bytes = cache->idle_bytes;
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}

void snapshots_set_idle_max(struct snapshots *cache, size_t bytes)
{
    pthread_mutex_lock(&cache->lock);
    cache->idle_max = bytes;
    pthread_mutex_unlock(&cache->lock);
}

// ---- making the next one

static struct store_words *words_new(const struct store_keywords *names)
{
    struct store_words *words;
    size_t bytes = 0;
    char *text;

    for (size_t i = 0; i < names->count; i++)
        bytes += sizeof(struct str) + strlen(names->names[i]);
    words = store_alloc(sizeof(*words) + bytes);
    words->holders = 1;
    words->count = names->count;
    text = (char *)(words->names + names->count);
    for (size_t i = 0; i < names->count; i++) {
        size_t len = strlen(names->names[i]);

        memcpy(text, names->names[i], len);
        words->names[i] = str_of(text, len);
        text += len;
    }
    return words;
}

/// The keywords' names as they are now, shared with `base` when it has as many.
static int read_words(struct store *store, uint64_t mailbox_id, const struct store_snapshot *base,
                      struct store_words **out)
{
    CLEANUP(free_drop) struct store_keywords *names = store_alloc(sizeof(*names));
    int r = store_keywords_get(store, mailbox_id, names);

    if (r != 0)
        return r;
    if (base && base->words->count == names->count) {
        *out = store_snapshot_words(base);
        return 0;
    }
    *out = words_new(names);
    return 0;
}

static int read_entries(struct store *store, const struct store_mailbox *mailbox,
                        struct snapshot_builder *b)
{
    for (uint64_t uid = 1; uid < mailbox->uidnext; uid += UIDS_AT_ONCE) {
        uint64_t last = uid + UIDS_AT_ONCE - 1;
        struct store_entries entries;
        int r;

        if (last >= mailbox->uidnext)
            last = mailbox->uidnext - 1; // the rest is among the changes
        r = store_entries_get(store, mailbox->id, (uint32_t)uid, (uint32_t)last, &entries);
        if (r != 0)
            return r;
        for (size_t i = 0; i < entries.count; i++) {
            const struct store_entry *entry = &entries.items[i];
            struct store_brief brief = {entry->uid, entry->flags, entry->keywords, entry->modseq};

            snapshot_builder_add(b, &brief);
        }
        store_entries_done(&entries);
        r = rt_breathe();
        if (r < 0)
            return r;
    }
    return 0;
}

/// `base` with what changed since. -ESTALE: the store has forgotten what was expunged since.
static int make_next(struct store *store, struct store_snapshot *base, struct store_snapshot **out)
{
    CLEANUP(free_drop) struct store_changes *changes = store_alloc(sizeof(*changes));
    struct store_words *words;
    int r = store_changes_get(store, base->mailbox.id, base->mailbox.modseq, changes);

    if (r != 0)
        return r;
    if (changes->mailbox.expunge_modseq > base->mailbox.modseq)
        r = -ESTALE;
    if (r == 0)
        r = read_words(store, base->mailbox.id, base, &words);
    if (r == 0)
        *out = snapshot_apply(base, changes, words);
    store_changes_done(changes);
    return r;
}

static int make_whole_once(struct store *store, uint64_t mailbox_id,
                           const struct store_snapshot *like, struct store_snapshot **out)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = store_alloc(sizeof(*mailbox));
    struct store_words *words = NULL;
    struct store_snapshot *rough;
    struct snapshot_builder *b;
    int r = store_mailbox_by_id(store, mailbox_id, mailbox);

    if (r != 0)
        return r;
    b = snapshot_builder_new(like);
    r = read_entries(store, mailbox, b);
    if (r == 0)
        r = read_words(store, mailbox_id, like, &words);
    if (r != 0) {
        snapshot_builder_free(b);
        return r;
    }
    rough = snapshot_builder_end(b, store->catalog->snapshots, mailbox, words);
    r = make_next(store, rough, out);
    snapshot_free(rough);
    return r;
}

static int make_whole(struct store *store, uint64_t mailbox_id, const struct store_snapshot *like,
                      struct store_snapshot **out)
{
    int r = -ESTALE;

    for (int i = 0; i < LOAD_TRIES_MAX && r == -ESTALE; i++)
        r = make_whole_once(store, mailbox_id, like, out);
    return r == -ESTALE ? -EAGAIN : r;
}

static int make(struct store *store, uint64_t mailbox_id, struct store_snapshot *base,
                struct store_snapshot **out)
{
    int r = base ? make_next(store, base, out) : -ESTALE;

    return r == -ESTALE ? make_whole(store, mailbox_id, base, out) : r;
}

// ---- one makes it for all

enum claim { THERE, WAIT, MAKE };

/// THERE: *out is held. WAIT: `waiter` stands in the row. MAKE: the caller makes the next, from
/// *out if that is not NULL (held).
static enum claim claim(struct snapshots *cache, uint64_t mailbox_id, uint64_t modseq,
                        struct waiter *waiter, struct store_snapshot **out)
{
    struct snapshot_slot *slot;
    enum claim answer = MAKE;

    pthread_mutex_lock(&cache->lock);
    slot = map_get_u64(&cache->slots, mailbox_id);
    if (!slot) {
        slot = store_alloc(sizeof(*slot));
        slot->mailbox_id = mailbox_id;
        list_init(&slot->waiters);
        map_put_u64(&cache->slots, mailbox_id, slot);
    }
    if (slot->newest && slot->newest->mailbox.modseq >= modseq)
        answer = THERE;
    else if (slot->is_loading)
        answer = WAIT;
    *out = slot->newest && answer != WAIT ? hold_newest(cache, slot) : NULL;
    if (answer == WAIT) {
        rt_waiter_init(&waiter->waiter);
        list_put_last(&slot->waiters, &waiter->link);
    }
    slot->is_loading |= answer == MAKE;
    pthread_mutex_unlock(&cache->lock);
    return answer;
}

/// The picture was made (or, NULL, was not): it is the newest from now on, and who waits looks
/// again.
static void settle(struct snapshots *cache, uint64_t mailbox_id, struct store_snapshot *made)
{
    struct store_snapshot *old = NULL;
    struct snapshot_slot *slot;
    struct list waiters;

    list_init(&waiters);
    pthread_mutex_lock(&cache->lock);
    slot = map_get_u64(&cache->slots, mailbox_id);
    slot->is_loading = false;
    while (!list_is_empty(&slot->waiters))
        list_put_last(&waiters, list_take_first(&slot->waiters));
    if (made && !slot->is_forgotten) {
        old = take_newest(cache, slot);
        slot->newest = made;
        made->slot = slot;
        made->holders++;
    }
    if (old)
        old = let_go(cache, old);
    if (!slot->newest)
        slot_free(cache, slot);
    pthread_mutex_unlock(&cache->lock);
    if (old)
        snapshot_free(old);
    while (!list_is_empty(&waiters)) {
        struct waiter *waiter = LIST_OF(list_take_first(&waiters), struct waiter, link);

        rt_wake_up(&waiter->waiter, 0);
    }
}

int store_snapshot_get(struct store *store, uint64_t mailbox_id, struct store_snapshot **out)
{
    struct snapshots *cache = store->catalog->snapshots;
    struct store_snapshot *base, *made = NULL;
    struct waiter waiter;
    uint64_t modseq;
    int r = catalog_modseq(store->catalog, mailbox_id, &modseq);

    if (r != 0)
        return r;
    for (;;) {
        switch (claim(cache, mailbox_id, modseq, &waiter, &base)) {
        case THERE:
            *out = base;
            return 0;
        case WAIT:
            (void)rt_wait(&waiter.waiter, false); // whoever makes it ends, and says so
            break;
        case MAKE:
            r = make(store, mailbox_id, base, &made);
            settle(cache, mailbox_id, made);
            store_snapshot_drop(base);
            if (r == 0)
                *out = made;
            return r;
        }
    }
}
