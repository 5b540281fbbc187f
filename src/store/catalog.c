// SPDX-License-Identifier: ISC
//
// The committer's side of the catalog: touching, taking back, publishing. Invariants: outside a
// group work equals shown; `names` maps exactly the heads whose work exists, `shown_names` those
// whose shown exists; a head of neither state is freed at the end of the group.
#include "store/catalog.h"

#include "base/check.h"
#include "rt/rt.h"
#include "store/snapshot_inside.h"

enum { NAME_KEY_MAX = 8 + STORE_NAME_MAX };

struct name_key {
    char bytes[NAME_KEY_MAX];
};

static struct str key_of(uint64_t account_id, struct str name, struct name_key *key)
{
    CHECK(name.len <= STORE_NAME_MAX);
    memcpy(key->bytes, &account_id, 8);
    memcpy(key->bytes + 8, name.ptr, name.len);
    return str_of(key->bytes, 8 + name.len);
}

static struct str name_of(const struct head_state *state)
{
    return str_of(state->name->bytes, state->name->len);
}

static struct head_name *add_name(struct head *head, struct str name)
{
    struct head_name *n = store_alloc(sizeof(*n) + name.len);

    n->next = head->names;
    n->len = name.len;
    memcpy(n->bytes, name.ptr, name.len);
    head->names = n;
    return n;
}

/// Frees the names no state points to.
static void trim_names(struct head *head)
{
    struct head_name **at = &head->names;

    while (*at) {
        struct head_name *n = *at;

        if (n == head->shown.name || n == head->work.name) {
            at = &n->next;
        } else {
            *at = n->next;
            free(n);
        }
    }
}

static void name_set_free(struct name_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->names[i]);
    free(set->names);
    free(set);
}

static void trim_sets(struct account *account)
{
    struct name_set **at = &account->sets;

    while (*at) {
        struct name_set *set = *at;

        if (set == account->shown.subscriptions || set == account->work.subscriptions) {
            at = &set->next;
        } else {
            *at = set->next;
            name_set_free(set);
        }
    }
}

static void head_free(struct head *head)
{
    head->shown.name = head->work.name = NULL;
    trim_names(head);
    for (size_t i = 0; head->keywords && i < STORE_KEYWORDS_MAX; i++)
        free(head->keywords[i]);
    free(head->keywords);
    free(head);
}

struct catalog *catalog_new(struct rt *rt)
{
    struct catalog *c = store_alloc(sizeof(*c));
    uint64_t seed[2] = {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03};

    c->rt = rt;
    c->snapshots = snapshots_new();
    if (rt) {
        seed[0] = rt_random();
        seed[1] = rt_random();
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->published, NULL);
    map_init(&c->heads, seed);
    map_init(&c->accounts, seed);
    map_init(&c->names, seed);
    map_init(&c->shown_names, seed);
    map_init(&c->watches, seed);
    map_init(&c->account_watches, seed);
    c->next_mailbox_id = 1;
    c->queue.next_id = 1;
    c->queue_before = c->queue_shown = c->queue;
    return c;
}

void catalog_free(struct catalog *c)
{
    void *value;

    if (!c)
        return;
    snapshots_free(c->snapshots);
    for (size_t at = 0; map_next(&c->heads, &at, NULL, &value);)
        head_free(value);
    for (size_t at = 0; map_next(&c->accounts, &at, NULL, &value);) {
        struct account *account = value;

        account->shown.subscriptions = account->work.subscriptions = NULL;
        trim_sets(account);
        free(account->heads);
        free(account);
    }
    for (size_t at = 0; map_next(&c->watches, &at, NULL, &value);)
        free(value);
    for (size_t at = 0; map_next(&c->account_watches, &at, NULL, &value);)
        free(value);
    map_done(&c->heads);
    map_done(&c->accounts);
    map_done(&c->names);
    map_done(&c->shown_names);
    map_done(&c->watches);
    map_done(&c->account_watches);
    free(c->touched);
    free(c->touched_accounts);
    free(c->undo);
    free(c->account_undo);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->published);
    free(c);
}

// ---- groups and changes

void catalog_group_begin(struct catalog *c)
{
    c->group_mark++;
    c->touched_count = 0;
    c->touched_account_count = 0;
}

void catalog_change_begin(struct catalog *c)
{
    c->change_mark++;
    c->undo_count = 0;
    c->account_undo_count = 0;
    c->queue_before = c->queue;
}

static bool same_name(const struct head_state *a, const struct head_state *b)
{
    return a->exists == b->exists && a->name == b->name;
}

static void unmap_name(struct map *names, const struct head *head, const struct head_state *state)
{
    struct name_key key;

    if (state->exists && map_get(names, key_of(head->account->id, name_of(state), &key)) == head)
        map_take(names, key_of(head->account->id, name_of(state), &key));
}

static void map_name(struct map *names, struct head *head, const struct head_state *state)
{
    struct name_key key;

    if (state->exists)
        map_put(names, key_of(head->account->id, name_of(state), &key), head);
}

void catalog_change_abort(struct catalog *c)
{
    for (size_t i = 0; i < c->undo_count; i++) {
        if (!same_name(&c->undo[i].head->work, &c->undo[i].before))
            unmap_name(&c->names, c->undo[i].head, &c->undo[i].head->work);
    }
    for (size_t i = 0; i < c->undo_count; i++) {
        struct head *head = c->undo[i].head;

        if (!same_name(&head->work, &c->undo[i].before))
            map_name(&c->names, head, &c->undo[i].before);
        head->work = c->undo[i].before;
    }
    for (size_t i = 0; i < c->account_undo_count; i++)
        c->account_undo[i].account->work = c->account_undo[i].before;
    c->queue = c->queue_before;
    catalog_change_begin(c);
}

/// Under the lock. Takes a head of neither state out of everything.
static void forget_head(struct catalog *c, struct head *head)
{
    struct account *account = head->account;

    snapshots_forget(c->snapshots, head->id);
    map_take_u64(&c->heads, head->id);
    account->heads[head->at] = account->heads[--account->count];
    account->heads[head->at]->at = head->at;
    head_free(head);
}

static void settle(struct catalog *c)
{
    for (size_t i = 0; i < c->touched_count; i++) {
        struct head *head = c->touched[i];

        trim_names(head);
        if (!head->shown.exists)
            forget_head(c, head);
    }
    for (size_t i = 0; i < c->touched_account_count; i++)
        trim_sets(c->touched_accounts[i]);
    c->touched_count = 0;
    c->touched_account_count = 0;
}

static void publish_names(struct catalog *c)
{
    for (size_t i = 0; i < c->touched_count; i++) {
        if (!same_name(&c->touched[i]->shown, &c->touched[i]->work))
            unmap_name(&c->shown_names, c->touched[i], &c->touched[i]->shown);
    }
    for (size_t i = 0; i < c->touched_count; i++) {
        if (!same_name(&c->touched[i]->shown, &c->touched[i]->work))
            map_name(&c->shown_names, c->touched[i], &c->touched[i]->work);
    }
}

void catalog_publish(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    publish_names(c);
    for (size_t i = 0; i < c->touched_count; i++) {
        c->touched[i]->shown = c->touched[i]->work;
        catalog_wake(c, c->touched[i]);
    }
    for (size_t i = 0; i < c->touched_account_count; i++) {
        c->touched_accounts[i]->shown = c->touched_accounts[i]->work;
        catalog_wake_account(c, c->touched_accounts[i]);
    }
    c->queue_shown = c->queue;
    settle(c);
    pthread_cond_broadcast(&c->published);
    pthread_mutex_unlock(&c->lock);
}

void catalog_abort(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->touched_count; i++) {
        if (!same_name(&c->touched[i]->shown, &c->touched[i]->work))
            unmap_name(&c->names, c->touched[i], &c->touched[i]->work);
    }
    for (size_t i = 0; i < c->touched_count; i++) {
        if (!same_name(&c->touched[i]->shown, &c->touched[i]->work))
            map_name(&c->names, c->touched[i], &c->touched[i]->shown);
        c->touched[i]->work = c->touched[i]->shown;
    }
    for (size_t i = 0; i < c->touched_account_count; i++)
        c->touched_accounts[i]->work = c->touched_accounts[i]->shown;
    c->queue = c->queue_shown;
    settle(c);
    pthread_mutex_unlock(&c->lock);
    catalog_change_begin(c);
}

void catalog_touch(struct catalog *c, struct head *head)
{
    if (head->change_mark != c->change_mark) {
        head->change_mark = c->change_mark;
        STORE_GROW(c->undo, c->undo_count, c->undo_cap);
        c->undo[c->undo_count++] = (struct head_undo){head, head->work};
    }
    if (head->group_mark != c->group_mark) {
        head->group_mark = c->group_mark;
        STORE_GROW(c->touched, c->touched_count, c->touched_cap);
        c->touched[c->touched_count++] = head;
    }
    catalog_touch_account(c, head->account);
}

void catalog_touch_account(struct catalog *c, struct account *account)
{
    if (account->change_mark != c->change_mark) {
        account->change_mark = c->change_mark;
        STORE_GROW(c->account_undo, c->account_undo_count, c->account_undo_cap);
        c->account_undo[c->account_undo_count++] = (struct account_undo){account, account->work};
    }
    if (account->group_mark != c->group_mark) {
        account->group_mark = c->group_mark;
        STORE_GROW(c->touched_accounts, c->touched_account_count, c->touched_account_cap);
        c->touched_accounts[c->touched_account_count++] = account;
    }
}

// ---- mailboxes

struct head *catalog_head(struct catalog *c, uint64_t id)
{
    struct head *head = map_get_u64(&c->heads, id);

    return head && head->work.exists ? head : NULL;
}

struct head *catalog_find(struct catalog *c, uint64_t account_id, struct str name)
{
    struct name_key key;

    if (name.len > STORE_NAME_MAX)
        return NULL;
    return map_get(&c->names, key_of(account_id, name, &key));
}

struct account *catalog_account(struct catalog *c, uint64_t id)
{
    struct account *account = map_get_u64(&c->accounts, id);

    if (account)
        return account;
    account = store_alloc(sizeof(*account));
    account->id = id;
    pthread_mutex_lock(&c->lock);
    map_put_u64(&c->accounts, id, account);
    pthread_mutex_unlock(&c->lock);
    return account;
}

static struct head *new_head(struct catalog *c, uint64_t id, struct account *account)
{
    struct head *head = store_alloc(sizeof(*head));

    head->id = id;
    head->account = account;
    pthread_mutex_lock(&c->lock);
    map_put_u64(&c->heads, id, head);
    STORE_GROW(account->heads, account->count, account->cap);
    head->at = account->count;
    account->heads[account->count++] = head;
    pthread_mutex_unlock(&c->lock);
    return head;
}

struct head *catalog_add(struct catalog *c, struct account *account, struct str name, int64_t now_s)
{
    struct head *head = new_head(c, c->next_mailbox_id++, account);
    uint32_t now = now_s > 0 && now_s < UINT32_MAX ? (uint32_t)now_s : 1;

    catalog_touch(c, head);
    c->last_uidvalidity = now > c->last_uidvalidity ? now : c->last_uidvalidity + 1;
    head->work = (struct head_state){.exists = true,
                                     .uidvalidity = c->last_uidvalidity,
                                     .uidnext = 1,
                                     .recent_uid = 1,
                                     .modseq = 1,
                                     .expunge_modseq = 1,
                                     .name = add_name(head, name)};
    map_name(&c->names, head, &head->work);
    account->work.mailbox_count++;
    return head;
}

void catalog_rename(struct catalog *c, struct head *head, struct str name)
{
    catalog_touch(c, head);
    unmap_name(&c->names, head, &head->work);
    head->work.name = add_name(head, name);
    map_name(&c->names, head, &head->work);
}

void catalog_remove(struct catalog *c, struct head *head)
{
    catalog_touch(c, head);
    unmap_name(&c->names, head, &head->work);
    head->work.exists = false;
    head->account->work.mailbox_count--;
}

int catalog_keyword(struct catalog *c, struct head *head, struct str word, bool add)
{
    unsigned count = head->work.keyword_count;

    for (unsigned i = 0; i < count; i++) {
        if (str_case_eq(str_from(head->keywords[i]), word))
            return (int)i;
    }
    if (!add || count == STORE_KEYWORDS_MAX || word.len == 0 || word.len > STORE_KEYWORD_LEN_MAX)
        return -1;
    catalog_touch(c, head);
    if (!head->keywords)
        head->keywords = store_alloc(STORE_KEYWORDS_MAX * sizeof(char *));
    free(head->keywords[count]);
    head->keywords[count] = store_alloc(word.len + 1);
    memcpy(head->keywords[count], word.ptr, word.len);
    head->work.keyword_count++;
    return (int)count;
}

// ---- subscriptions

static struct name_set *changed_set(struct account *account, struct str name, bool on)
{
    const struct name_set *old = account->work.subscriptions;
    struct name_set *set = store_alloc(sizeof(*set));
    size_t count = old ? old->count : 0;
    bool placed = !on;

    set->names = store_alloc((count + 1) * sizeof(char *));
    for (size_t i = 0; i <= count; i++) {
        int order = i < count ? str_cmp(str_from(old->names[i]), name) : 1;

        if (!placed && order >= 0) {
            set->names[set->count] = store_alloc(name.len + 1);
            memcpy(set->names[set->count++], name.ptr, name.len);
            placed = true;
        }
        if (i < count && order != 0)
            set->names[set->count++] = strdup(old->names[i]);
    }
    set->next = account->sets;
    account->sets = set;
    return set;
}

void catalog_subscribe(struct catalog *c, struct account *account, struct str name, bool on)
{
    catalog_touch_account(c, account);
    account->work.subscriptions = on || name.ptr ? changed_set(account, name, on) : NULL;
}

// ---- filling it

struct account *catalog_load_account(struct catalog *c, uint64_t id)
{
    return catalog_account(c, id);
}

struct head *catalog_load_head(struct catalog *c, uint64_t id, uint64_t account_id, struct str name,
                               const struct head_state *state)
{
    struct account *account = catalog_account(c, account_id);
    struct head *head = new_head(c, id, account);

    head->work = *state;
    head->work.exists = true;
    head->work.keyword_count = 0;
    head->work.name = add_name(head, name);
    head->shown = head->work;
    map_name(&c->names, head, &head->work);
    map_name(&c->shown_names, head, &head->shown);
    account->work.mailbox_count++;
    account->work.bytes += state->bytes;
    account->work.messages += state->message_count;
    account->shown = account->work;
    return head;
}

void catalog_load_queue(struct catalog *c, const struct queue_numbers *numbers)
{
    c->queue = c->queue_before = c->queue_shown = *numbers;
}

void catalog_load_keyword(struct head *head, struct str word)
{
    if (!head->keywords)
        head->keywords = store_alloc(STORE_KEYWORDS_MAX * sizeof(char *));
    CHECK(head->work.keyword_count < STORE_KEYWORDS_MAX);
    head->keywords[head->work.keyword_count] = store_alloc(word.len + 1);
    memcpy(head->keywords[head->work.keyword_count], word.ptr, word.len);
    head->shown.keyword_count = ++head->work.keyword_count;
}

void catalog_load_subscription(struct catalog *c, uint64_t account_id, struct str name)
{
    struct account *account = catalog_account(c, account_id);

    account->work.subscriptions = changed_set(account, name, true);
    account->shown = account->work;
    trim_sets(account);
}

static void copy_account(struct catalog *c, const struct account *from)
{
    const struct name_set *subscribed = from->shown.subscriptions;
    struct account *account = catalog_account(c, from->id);

    account->work.bytes_max = from->shown.bytes_max;
    account->work.messages_max = from->shown.messages_max;
    account->shown = account->work;
    for (size_t i = 0; subscribed && i < subscribed->count; i++)
        catalog_load_subscription(c, from->id, str_from(subscribed->names[i]));
}

static void copy_head(struct catalog *c, const struct head *from)
{
    struct head *head =
        catalog_load_head(c, from->id, from->account->id, name_of(&from->shown), &from->shown);

    for (unsigned i = 0; i < from->shown.keyword_count; i++)
        catalog_load_keyword(head, str_from(from->keywords[i]));
}

void catalog_copy(struct catalog *c, const struct catalog *from)
{
    void *value;

    for (size_t at = 0; map_next(&from->heads, &at, NULL, &value);)
        copy_head(c, value);
    for (size_t at = 0; map_next(&from->accounts, &at, NULL, &value);)
        copy_account(c, value);
    c->next_mailbox_id = from->next_mailbox_id;
    c->last_uidvalidity = from->last_uidvalidity;
    catalog_load_queue(c, &from->queue_shown);
}
