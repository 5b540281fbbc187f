// SPDX-License-Identifier: ISC
//
// Filling. A task reads messages in batches; the filling thread turns each batch into grams and
// commits them together with how far the mailbox is: killed at any moment, it goes on from there.
// It takes its share of a core and no more, and waits while the server has much to do.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "search/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    BATCH_MAX = 200,       // messages,
    BATCH_BYTES = 4 << 20, // and about so many bytes
    WINDOW_MAX = 1 << 20,  // uids asked for at once where few exist
    GRAMS_BYTES_MAX = (GRAMS_MAX + 1000) * (GRAM_BYTES_MAX + 1),
    RETRY_US = 60 * 1000 * 1000, // after the disk was in trouble
    PAUSE_MAX_MS = 2000,
    SWEEP = 200,
    WASTE_MIN = 2000, // messages that were dropped before a file is made anew
};

enum item_state { ITEM_TO_READ, ITEM_KNOWN, ITEM_READ, ITEM_UNREADABLE, ITEM_GONE };

struct item {
    const struct store_entry *entry;
    enum item_state state;
    size_t at, len; // in bytes
};

struct search_filler {
    struct search *search;
    struct search_index index; // db NULL: not open
    uint64_t not_before_us;
    struct grams grams;
    struct buf list;
    // the batch in hand
    struct search_followed *followed;
    struct item items[BATCH_MAX];
    size_t count;
    uint32_t uid_to; // all up to there are in it
    struct buf bytes;
    uint64_t cpu_us; // that it took
    // the sweep in hand
    uint64_t account_id;
    uint64_t ids[SWEEP];
    size_t id_count;
    struct search_index_counts counts;
};

struct search_filler *search_filler_new(struct search *s)
{
    struct search_filler *filler = calloc(1, sizeof(*filler));

    CHECK(filler);
    filler->search = s;
    buf_init(&filler->list, GRAMS_BYTES_MAX);
    buf_init(&filler->bytes, BATCH_BYTES + SEARCH_MESSAGE_MAX);
    return filler;
}

void search_filler_free(struct search_filler *filler)
{
    if (!filler)
        return;
    search_index_close(&filler->index);
    grams_done(&filler->grams);
    buf_done(&filler->list);
    buf_done(&filler->bytes);
    free(filler);
}

// ---- on the filling thread

static int open_index(struct search_filler *f, uint64_t account_id)
{
    int r;

    if (f->index.db && f->index.account_id == account_id)
        return 0;
    search_index_close(&f->index);
    if (rt_now_us() < f->not_before_us)
        return -EAGAIN;
    r = search_index_open(&f->index, f->search->dir, account_id, true);
    return r == -ENOENT ? -EIO : r; // it is made when there is none: that is trouble with the disk
}

static int close_index(void *arg)
{
    struct search_filler *f = arg;

    search_index_close(&f->index);
    return 0;
}

static int remove_index(void *arg)
{
    struct search_filler *f = arg;

    search_index_close(&f->index);
    search_index_remove(f->search->dir, f->account_id);
    atomic_fetch_add(&f->search->generation, 1);
    return 0;
}

/// -errno of a result of SQLite; the file is let go when there is trouble.
static int judge(struct search_filler *f, int r)
{
    if (r == SQLITE_OK)
        return 0;
    search_index_abandon(&f->index);
    search_index_close(&f->index);
    return derived_errno(r) ? derived_errno(r) : -EIO;
}

/// Where the mailbox stands in the file.
static int load(void *arg)
{
    struct search_filler *f = arg;
    struct search_followed *followed = f->followed;
    int r = open_index(f, followed->account_id);

    if (r < 0)
        return r;
    followed->uid = 0;
    r = search_index_mailbox(&f->index, followed->mailbox_id, followed->uidvalidity,
                             &followed->uid);
    if (r == SQLITE_NOTFOUND)
        r = SQLITE_OK;
    followed->is_loaded = r == SQLITE_OK;
    return judge(f, r);
}

static int look_up(void *arg)
{
    struct search_filler *f = arg;
    int r = open_index(f, f->followed->account_id);

    for (size_t i = 0; i < f->count && r >= 0; i++) {
        r = search_index_has(&f->index, f->items[i].entry->body.message_id);
        f->items[i].state = r == 1 ? ITEM_KNOWN : ITEM_TO_READ;
    }
    return r < 0 && f->index.db ? judge(f, -r) : r < 0 ? r : 0;
}

static int add(struct search_filler *f, const struct item *item)
{
    struct str message = str_of(f->bytes.ptr + item->at, item->len), list = STR_NONE;
    uint64_t id = item->entry->body.message_id;
    int has = search_index_has(&f->index, id); // twice in one batch

    if (has != 0)
        return has < 0 ? -has : SQLITE_OK;
    buf_clear(&f->list);
    if (item->state == ITEM_READ && grams_put(&f->grams, message, &f->list) && buf_ok(&f->list))
        list = buf_str(&f->list);
    return search_index_add(&f->index, id, list);
}

/// Does the file stand where we think it does? It may have been lost and made anew meanwhile.
static int check_place(struct search_filler *f)
{
    const struct search_followed *to = f->followed;
    uint32_t uid = 0;
    int r = search_index_mailbox(&f->index, to->mailbox_id, to->uidvalidity, &uid);

    if (r == SQLITE_NOTFOUND)
        r = SQLITE_OK;
    return r == SQLITE_OK && uid != to->uid ? SQLITE_MISMATCH : r;
}

static int write_batch(struct search_filler *f)
{
    struct search_followed *to = f->followed;
    int r = search_index_begin(&f->index);

    if (r == SQLITE_OK)
        r = check_place(f);
    for (size_t i = 0; i < f->count && r == SQLITE_OK; i++) {
        if (f->items[i].state == ITEM_READ || f->items[i].state == ITEM_UNREADABLE)
            r = add(f, &f->items[i]);
    }
    if (r == SQLITE_OK)
        r = search_index_set_mailbox(&f->index, to->mailbox_id, to->uidvalidity, f->uid_to);
    return r == SQLITE_OK ? search_index_commit(&f->index) : r;
}

static uint64_t thread_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int write_all(void *arg)
{
    struct search_filler *f = arg;
    uint64_t begun = thread_us();
    int r = open_index(f, f->followed->account_id);

    if (r == 0) {
        r = write_batch(f);
        if (r == SQLITE_MISMATCH) {
            atomic_fetch_add(&f->search->generation, 1);
            f->followed->is_loaded = false;
            search_index_abandon(&f->index);
            r = -EAGAIN;
        } else {
            r = judge(f, r);
        }
    }
    f->cpu_us = thread_us() - begun;
    return r;
}

// ---- in the task

static int call(struct search_filler *f, int (*fn)(void *arg))
{
    return rt_call(f->search->filling, fn, f);
}

void search_fill_rest(struct search_filler *filler)
{
    if (filler->index.db)
        call(filler, close_index);
}

int search_fill_anew(struct search_filler *filler, uint64_t account_id)
{
    CLEANUP(free_drop) struct search_followed *all = NULL;
    size_t count = search_followed_list(filler->search, &all);

    filler->account_id = account_id;
    call(filler, remove_index);
    for (size_t i = 0; i < count; i++) {
        if (all[i].account_id != account_id)
            continue;
        all[i].is_loaded = false;
        search_followed_set(filler->search, &all[i], false);
    }
    return 0;
}

/// What is wrong with the file, and what is done about it.
static int trouble(struct search_filler *f, uint64_t account_id, int r)
{
    if (r == -EAGAIN || r == -ECANCELED)
        return r;
    log_failure("search/fill", "the index of an account", r);
    if (r == -EUCLEAN)
        search_fill_anew(f, account_id);
    else
        f->not_before_us = rt_now_us() + RETRY_US;
    return r;
}

/// Reads what the batch has to read; what does not fit any more is left for the next.
static int read_batch(struct search_filler *f, uint32_t window_to)
{
    struct store *store = f->search->store;

    buf_clear(&f->bytes);
    f->uid_to = window_to;
    for (size_t i = 0; i < f->count; i++) {
        struct item *item = &f->items[i];
        uint64_t size = item->entry->body.size;
        int r;

        if (item->state == ITEM_KNOWN)
            continue;
        if (f->bytes.len > 0 && f->bytes.len + size > BATCH_BYTES) {
            f->count = i;
            f->uid_to = item->entry->uid - 1;
            return 0;
        }
        item->at = f->bytes.len;
        item->state = ITEM_UNREADABLE;
        if (size > SEARCH_MESSAGE_MAX)
            continue;
        r = store_body_load(store, &item->entry->body, &f->bytes);
        item->len = f->bytes.len - item->at;
        if (r == 0)
            item->state = ITEM_READ;
        else if (r == -ENOENT)
            item->state = ITEM_GONE;
        else if (r != -EBADMSG)
            return r; // the store's trouble, or the end
    }
    return 0;
}

static uint64_t process_us(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/// So long that filling takes its share, and a little longer while others are busy: a while, not
/// for ever.
static int pause_for(struct search_filler *f)
{
    uint64_t share = atomic_load(&f->search->share), ms = f->cpu_us * (100 - share) / share / 1000;
    uint64_t cpu_us, begun_us;
    int r;

    if (atomic_load(&f->search->hurried_by))
        return rt_breathe();
    cpu_us = process_us();
    begun_us = rt_now_us();
    r = rt_sleep((uint32_t)(ms < PAUSE_MAX_MS ? ms + 1 : PAUSE_MAX_MS));
    if (r == 0 && (process_us() - cpu_us) * 2 > rt_now_us() - begun_us)
        r = rt_sleep((uint32_t)(ms < PAUSE_MAX_MS / 4 ? 4 * ms + 1 : PAUSE_MAX_MS));
    return r;
}

/// Messages [uid + 1, to] of the mailbox, as far as they fit in one batch.
static int fill_batch(struct search_filler *f, uint32_t to)
{
    struct store_entries entries;
    int r = store_entries_get(f->search->store, f->followed->mailbox_id, f->followed->uid + 1, to,
                              &entries);

    if (r != 0)
        return r < 0 ? r : -ENOENT;
    f->count = entries.count < BATCH_MAX ? entries.count : BATCH_MAX;
    if (f->count < entries.count)
        to = entries.items[f->count - 1].uid;
    for (size_t i = 0; i < f->count; i++)
        f->items[i] = (struct item){.entry = &entries.items[i]};
    r = call(f, look_up);
    if (r == 0)
        r = read_batch(f, to);
    if (r == 0)
        r = call(f, write_all);
    if (r == 0) {
        f->followed->uid = f->uid_to;
        search_followed_set(f->search, f->followed, false);
    }
    f->count = r == 0 ? entries.count : 0;
    store_entries_done(&entries);
    return r;
}

static int fill_up(struct search_filler *f, uint32_t last)
{
    uint32_t window = BATCH_MAX;
    int r = 0;

    while (f->followed->uid < last && r == 0) {
        uint32_t left = last - f->followed->uid;

        r = fill_batch(f, f->followed->uid + (left < window ? left : window));
        window = f->count > 0 ? BATCH_MAX : window < WINDOW_MAX ? window * 4 : window;
        if (r == 0)
            r = pause_for(f);
    }
    return r;
}

static int forget(void *arg)
{
    struct search_filler *f = arg;
    int r = open_index(f, f->followed->account_id);

    if (r < 0)
        return r;
    return judge(f, search_index_set_mailbox(&f->index, f->followed->mailbox_id, 0, UINT32_MAX));
}

static bool has_mailboxes(struct store *store, uint64_t account_id)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;

    return store_mailboxes(store, account_id, &mailboxes, &count) != 0 || count > 0;
}

/// The last mailbox takes the file along, which nobody would look at any more.
static int fill_gone(struct search_filler *f)
{
    search_followed_set(f->search, f->followed, true);
    if (!has_mailboxes(f->search->store, f->followed->account_id))
        return search_fill_anew(f, f->followed->account_id);
    return call(f, forget);
}

int search_fill(struct search_filler *filler, struct search_followed *f)
{
    struct store_mailbox mailbox;
    int r = store_mailbox_by_id(filler->search->store, f->mailbox_id, &mailbox);

    filler->followed = f;
    if (r == STORE_NOT_FOUND)
        return fill_gone(filler);
    if (r < 0)
        return r;
    if (f->uidvalidity != mailbox.uidvalidity || f->uid >= mailbox.uidnext)
        f->is_loaded = false;
    f->uidvalidity = mailbox.uidvalidity;
    if (!f->is_loaded)
        r = call(filler, load);
    search_followed_set(filler->search, f, false);
    if (r == 0 && f->uid >= mailbox.uidnext)
        f->uid = 0;
    if (r == 0)
        r = fill_up(filler, mailbox.uidnext - 1);
    if (r < 0)
        search_followed_set(filler->search, f, false);
    if (r == -ENOENT)
        return 0; // gone meanwhile: seen next time
    return r < 0 ? trouble(filler, f->account_id, r) : 0;
}

// ---- what is gone

static int list_some(void *arg)
{
    struct search_filler *f = arg;
    int r = open_index(f, f->account_id);

    if (r < 0)
        return r;
    r = search_index_list(&f->index, f->ids[0], f->ids, SWEEP, &f->id_count);
    return judge(f, r);
}

static int drop_some(void *arg)
{
    struct search_filler *f = arg;
    int r = open_index(f, f->account_id);

    if (r < 0)
        return r;
    r = search_index_begin(&f->index);
    for (size_t i = 0; i < f->id_count && r == SQLITE_OK; i++)
        r = f->ids[i] ? search_index_drop(&f->index, f->ids[i]) : SQLITE_OK;
    if (r == SQLITE_OK)
        r = search_index_commit(&f->index);
    if (r == SQLITE_OK)
        r = search_index_counts(&f->index, &f->counts);
    return judge(f, r);
}

static bool is_gone(struct store *store, uint64_t message_id)
{
    struct store_body_ref ref = {.message_id = message_id, .size = 1};
    char byte;

    return store_body_read(store, &ref, 0, &byte, 1) == -ENOENT;
}

int search_sweep(struct search_filler *filler, uint64_t account_id, uint64_t *after)
{
    int r;

    filler->account_id = account_id;
    filler->ids[0] = *after;
    r = call(filler, list_some);
    if (r < 0)
        return r;
    *after = filler->id_count == SWEEP ? filler->ids[SWEEP - 1] : 0;
    for (size_t i = 0; i < filler->id_count; i++) {
        if (!is_gone(filler->search->store, filler->ids[i]))
            filler->ids[i] = 0; // stays
        r = rt_breathe();
        if (r < 0)
            return r;
    }
    r = call(filler, drop_some);
    if (r < 0)
        return r;
    return filler->counts.ever > 2 * filler->counts.messages + WASTE_MIN;
}
