// SPDX-License-Identifier: ISC
//
// The room as a whole: what is followed, the task that tends the files, opening and closing.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "search/inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FOLLOWED_MAX = 1000 * 1000, // mailboxes
    TICK_MS = 1000,
    TICKS_TO_SWEEP = 60,
    TICKS_TO_LOOK_ROUND = 60, // for new mailboxes, when all are indexed
    CATCH_UP_MS = 20,
    ACCOUNTS_MAX = 1 << 20,
};

// ---- what is followed

void search_follow(struct search *s, uint64_t account_id, uint64_t mailbox_id)
{
    pthread_mutex_lock(&s->lock);
    if (!map_get_u64(&s->followed, mailbox_id) && s->followed.count < FOLLOWED_MAX) {
        struct search_followed *f = calloc(1, sizeof(*f));

        CHECK(f);
        f->account_id = account_id;
        f->mailbox_id = mailbox_id;
        map_put_u64(&s->followed, mailbox_id, f);
    }
    pthread_mutex_unlock(&s->lock);
}

size_t search_followed_list(struct search *s, struct search_followed **out)
{
    size_t count = 0;
    void *value;

    pthread_mutex_lock(&s->lock);
    *out = calloc(s->followed.count + 1, sizeof(**out));
    CHECK(*out);
    for (size_t at = 0; map_next(&s->followed, &at, NULL, &value);)
        (*out)[count++] = *(struct search_followed *)value;
    pthread_mutex_unlock(&s->lock);
    return count;
}

void search_followed_set(struct search *s, const struct search_followed *f, bool remove)
{
    struct search_followed *there;

    pthread_mutex_lock(&s->lock);
    there = map_get_u64(&s->followed, f->mailbox_id);
    if (there && remove)
        free(map_take_u64(&s->followed, f->mailbox_id));
    else if (there)
        *there = *f;
    pthread_mutex_unlock(&s->lock);
}

void search_condemn(struct search *s, uint64_t account_id)
{
    pthread_mutex_lock(&s->lock);
    map_put_u64(&s->damaged, account_id, s);
    pthread_mutex_unlock(&s->lock);
}

/// One of the condemned, which is no longer among them; 0: there is none.
static uint64_t take_condemned(struct search *s)
{
    uint64_t account_id = 0;
    struct str key;
    size_t at = 0;
    void *value;

    pthread_mutex_lock(&s->lock);
    if (map_next(&s->damaged, &at, &key, &value)) {
        memcpy(&account_id, key.ptr, sizeof(account_id));
        map_take_u64(&s->damaged, account_id);
    }
    pthread_mutex_unlock(&s->lock);
    return account_id;
}

// ---- tending

static int tend_damage(struct search *s)
{
    unsigned asked = atomic_load(&s->rebuilds_asked);
    uint64_t account_id;
    int r = 0;

    while (r == 0 && (account_id = take_condemned(s)))
        r = search_fill_anew(s->filler, account_id);
    atomic_store(&s->rebuilds_done, asked);
    return r;
}

int search_fill_all(struct search *s)
{
    CLEANUP(free_drop) struct search_followed *all = NULL;
    size_t count;
    int r = tend_damage(s), worst = r;

    count = search_followed_list(s, &all);
    for (size_t i = 0; i < count && !atomic_load(&s->is_stopping); i++) {
        r = search_fill(s->filler, &all[i]);
        if (r == -ECANCELED)
            break;
        worst = r < 0 ? r : worst;
    }
    search_fill_rest(s->filler);
    return worst;
}

/// All mailboxes of an account are followed. How many there are, or -errno.
static int follow_account(struct search *s, uint64_t account_id)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(s->store, account_id, &mailboxes, &count);

    if (r != 0)
        return r < 0 ? r : 0;
    for (size_t i = 0; i < count; i++)
        search_follow(s, account_id, mailboxes[i].id);
    return (int)count;
}

static void look_round(struct search *s)
{
    uint64_t last = store_account_max(s->store);

    for (uint64_t account = 1; account <= last && !atomic_load(&s->is_stopping); account++) {
        if (follow_account(s, account) < 0 || rt_breathe() < 0)
            return;
    }
}

/// Accounts that have a file in `dir`: malloc. How many, or -errno.
static ssize_t list_files(const char *dir, uint64_t **out)
{
    DIR *files = opendir(dir);
    uint64_t *accounts = NULL;
    struct dirent *entry;
    size_t count = 0, cap = 0;

    if (!files)
        return -errno;
    while ((entry = readdir(files)) && count < ACCOUNTS_MAX) {
        struct str name = str_from(entry->d_name);
        uint64_t account;

        if (!str_ends(name, STR(".db")) ||
            !str_to_u64(str_head(name, name.len - 3), UINT64_MAX, &account))
            continue;
        if (count == cap) {
            cap = cap ? cap * 2 : 64;
            accounts = realloc(accounts, cap * sizeof(*accounts));
            CHECK(accounts);
        }
        accounts[count++] = account;
    }
    closedir(files);
    *out = accounts;
    return (ssize_t)count;
}

void search_remove(const char *dir)
{
    CLEANUP(free_drop) uint64_t *accounts = NULL;
    CLEANUP(free_drop) char *path = NULL;
    ssize_t count;

    CHECK(asprintf(&path, "%s/search", dir) > 0);
    count = list_files(path, &accounts);
    for (ssize_t i = 0; i < count; i++)
        search_index_remove(path, accounts[i]);
}

/// Files of accounts that have no mailboxes any more.
struct leftovers {
    const char *dir;
    uint64_t *accounts;
    ssize_t count;
};

static int look_for_files(void *arg)
{
    struct leftovers *l = arg;

    l->count = list_files(l->dir, &l->accounts);
    return 0;
}

static void remove_leftovers(struct search *s)
{
    struct leftovers l = {.dir = s->dir};

    rt_call(s->filling, look_for_files, &l);
    for (ssize_t i = 0; i < l.count; i++) {
        CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
        size_t count = 0;

        if (store_mailboxes(s->store, l.accounts[i], &mailboxes, &count) == 0 && count == 0)
            search_fill_anew(s->filler, l.accounts[i]);
        if (rt_breathe() < 0)
            break;
    }
    free(l.accounts);
}

/// Of each account that is followed a little; *after is where in its turn the next begins.
static void sweep(struct search *s, uint64_t *account_id, uint64_t *after)
{
    CLEANUP(free_drop) struct search_followed *all = NULL;
    size_t count = search_followed_list(s, &all);
    uint64_t next = UINT64_MAX, first = UINT64_MAX;
    int r;

    for (size_t i = 0; i < count; i++) {
        uint64_t id = all[i].account_id;

        first = id < first ? id : first;
        next = id > *account_id && id < next ? id : next;
    }
    if (count == 0)
        return;
    if (*after == 0) // that account is done
        *account_id = next != UINT64_MAX ? next : first;
    r = search_sweep(s->filler, *account_id, after);
    if (r < 0)
        *after = 0;
    if (r == 1)
        search_fill_anew(s->filler, *account_id);
    search_fill_rest(s->filler);
}

static int tend(void *arg)
{
    struct search *s = arg;
    uint64_t account_id = 0, after = 0;

    remove_leftovers(s);
    for (uint64_t tick = 0; !atomic_load(&s->is_stopping); tick++) {
        enum search_mode mode = atomic_load(&s->mode);

        if (mode == SEARCH_ALL && tick % TICKS_TO_LOOK_ROUND == 0)
            look_round(s);
        if (mode != SEARCH_OFF)
            search_fill_all(s);
        if (mode != SEARCH_OFF && tick % TICKS_TO_SWEEP == TICKS_TO_SWEEP - 1)
            sweep(s, &account_id, &after);
        if (rt_sleep(TICK_MS) < 0)
            break;
    }
    return 0;
}

// ---- keeping

static bool is_up_to_date(struct search *s)
{
    CLEANUP(free_drop) struct search_followed *all = NULL;
    size_t count = search_followed_list(s, &all);

    if (atomic_load(&s->rebuilds_asked) != atomic_load(&s->rebuilds_done))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct store_mailbox mailbox;

        if (store_mailbox_by_id(s->store, all[i].mailbox_id, &mailbox) == 0 &&
            (!all[i].is_loaded || all[i].uid + 1 < mailbox.uidnext))
            return false;
    }
    return true;
}

/// Until all is filled, or nothing is any more; the server's end is not kept waiting. 0 or -errno.
static int wait_for_filler(struct search *s)
{
    int r = 0;

    while (r == 0 && atomic_load(&s->mode) != SEARCH_OFF && !is_up_to_date(s))
        r = rt_is_draining(s->rt) ? -ECANCELED : rt_sleep(CATCH_UP_MS);
    return r;
}

int search_catch_up(struct search *search)
{
    int r;

    atomic_fetch_add(&search->hurried_by, 1);
    r = search->task ? wait_for_filler(search) : search_fill_all(search);
    atomic_fetch_sub(&search->hurried_by, 1);
    return r;
}

int search_rebuild(struct search *search, uint64_t account_id)
{
    int r = follow_account(search, account_id);

    search_condemn(search, account_id);
    atomic_fetch_add(&search->rebuilds_asked, 1);
    return r < 0 ? r : 0;
}

struct counting {
    struct search *search;
    uint64_t account_id;
    struct search_index_counts counts;
    uint64_t bytes;
};

static int count(void *arg)
{
    struct counting *c = arg;
    CLEANUP(free_drop) char *path = NULL;
    struct search_reader *reader;
    struct stat st;
    int r = search_reader_take(c->search, c->account_id, &reader);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = search_index_counts(&reader->index, &c->counts);
    CHECK(asprintf(&path, "%s/%s", c->search->dir, reader->index.name) > 0);
    c->bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    search_reader_give(c->search, reader, r);
    return derived_errno(r);
}

int search_status(struct search *search, uint64_t account_id, struct search_status *out)
{
    CLEANUP(free_drop) struct search_followed *all = NULL;
    struct counting c = {.search = search, .account_id = account_id};
    int r = rt_call(search->pool, count, &c);
    size_t followed = search_followed_list(search, &all);

    *out = (struct search_status){c.counts.mailboxes, c.counts.messages, c.counts.unindexed, 0,
                                  c.bytes};
    for (size_t i = 0; i < followed; i++) {
        struct store_mailbox mailbox;
        uint64_t left;

        if (all[i].account_id != account_id ||
            store_mailbox_by_id(search->store, all[i].mailbox_id, &mailbox) != 0)
            continue;
        left = mailbox.uidnext - 1 - (all[i].uid < mailbox.uidnext ? all[i].uid : 0);
        out->waiting += left < mailbox.message_count ? left : mailbox.message_count;
    }
    return r;
}

// ---- opening

void search_reconfigure(struct search *search, const struct search_config *config)
{
    enum search_mode mode = str_case_eq(config->index, STR("all"))   ? SEARCH_ALL
                            : str_case_eq(config->index, STR("off")) ? SEARCH_OFF
                                                                     : SEARCH_ON_USE;

    if (!search)
        return;
    atomic_store(&search->mode, mode);
    atomic_store(&search->share, config->share ? config->share : 1);
}

static int make_directory(void *arg)
{
    return mkdir(arg, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int search_open(struct rt *rt, const char *dir, struct store *store,
                const struct search_config *config, struct search **out)
{
    struct search *s = calloc(1, sizeof(*s));
    uint64_t seed[2] = {0};
    int r;

    CHECK(s);
    s->rt = rt;
    s->store = store;
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->followed, seed);
    map_init(&s->damaged, seed);
    CHECK(asprintf(&s->dir, "%s/search", dir) > 0);
    search_reconfigure(s, config);
    s->filler = search_filler_new(s);
    r = rt_call_aside(make_directory, s->dir);
    if (r < 0)
        log_failure("search/search", "no directory for the index", r); // then nothing is known
    r = rt_pool_new(rt, "search", config->threads ? (unsigned)config->threads : 1, 64, &s->pool);
    if (r == 0)
        r = rt_pool_new(rt, "search-fill", 1, 8, &s->filling);
    if (r < 0)
        search_free(s);
    else
        *out = s;
    return r;
}

int search_start(struct search *search)
{
    return rt_spawn(tend, search, "search-tend", &search->task);
}

void search_stop(struct search *search)
{
    if (!search || !search->task)
        return;
    atomic_store(&search->is_stopping, true);
    rt_cancel(search->task);
    rt_join(search->task);
    search->task = NULL;
}

void search_free(struct search *search)
{
    void *value;

    if (!search)
        return;
    CHECK(!search->task);
    rt_pool_free(search->pool);
    rt_pool_free(search->filling);
    search_readers_close(search);
    search_filler_free(search->filler);
    for (size_t at = 0; map_next(&search->followed, &at, NULL, &value);)
        free(value);
    map_done(&search->followed);
    map_done(&search->damaged);
    pthread_mutex_destroy(&search->lock);
    free(search->dir);
    free(search);
}
