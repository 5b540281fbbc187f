// SPDX-License-Identifier: ISC
//
// Accounts: made, changed, removed, looked at.
#include "base/check.h"
#include "base/cleanup.h"

#include "account/name.h"
#include "account/state.h"

#include <errno.h>

static const struct {
    struct str name;
    unsigned use;
} first_mailboxes[] = {
    {{"INBOX", 5}, STORE_USE_NONE}, {{"Drafts", 6}, STORE_USE_DRAFTS},
    {{"Sent", 4}, STORE_USE_SENT},  {{"Archive", 7}, STORE_USE_ARCHIVE},
    {{"Junk", 4}, STORE_USE_JUNK},  {{"Trash", 5}, STORE_USE_TRASH},
};

// ---- passwords

struct making {
    struct str prepared;
    const struct account_record *record;
    struct account_cost cost;
    char argon2id[crypto_pwhash_STRBYTES]; // out
    struct account_scram_keys keys;        // out
};

static int make_keys(void *arg)
{
    struct making *m = arg;

    account_scram_derive(m->prepared, m->record->salt, m->record->iterations, &m->keys);
    return 0;
}

static int make_all(void *arg)
{
    struct making *m = arg;

    make_keys(m);
    return account_password_hash(m->prepared, m->cost, m->argon2id);
}

static void wiped_drop(struct buf *b)
{
    if (b->ptr)
        sodium_memzero(b->ptr, b->cap);
    buf_done(b);
}

static bool is_good_password(struct str password, struct str address)
{
    size_t characters = 0;

    for (size_t i = 0; i < password.len; i++)
        characters += ((unsigned char)password.ptr[i] & 0xc0) != 0x80;
    return characters >= ACCOUNT_PASSWORD_MIN && !str_case_eq(password, address);
}

/// [await] Into draft->password, whose texts live in `arena`.
static int set_password(struct accounts *a, struct account_record *draft, struct str password,
                        struct arena *arena, struct buf *why)
{
    CLEANUP(wiped_drop) struct buf prepared = {0};
    const struct account_config *config = a->config;
    struct making m = {.record = draft};
    int r;

    buf_init(&prepared, ACCOUNT_PASSWORD_MAX * 4);
    if (!account_password_prepare(password, true, &prepared) ||
        !is_good_password(buf_str(&prepared), draft->key)) {
        buf_putf(why,
                 "A password has at least %d characters, none of them a control character, and is "
                 "not the address.",
                 ACCOUNT_PASSWORD_MIN);
        return ACCOUNT_INVALID;
    }
    if (!account_cost_parse(config->password_cost, &m.cost))
        return -EINVAL;
    m.prepared = buf_str(&prepared);
    r = rt_call(a->pool, make_all, &m);
    if (r < 0)
        return r;
    draft->has_password = true;
    draft->password.argon2id = arena_str(arena, str_from(m.argon2id));
    draft->password.created = rt_wall_s();
    draft->password.keys = m.keys;
    sodium_memzero(&m, sizeof(m));
    return 0;
}

/// [await] when there is a password in it.
static int put_change(struct accounts *a, struct account_record *draft,
                      const struct account_change *change, struct arena *arena, struct buf *why)
{
    if (change->what & ACCOUNT_SET_NAME) {
        if (!account_text_is_valid(change->name))
            return account_invalid(why, "name", change->name);
        draft->name = change->name;
    }
    if (change->what & ACCOUNT_SET_ENABLED)
        draft->is_enabled = change->is_enabled;
    if (change->what & ACCOUNT_SET_QUOTA) {
        if (change->quota_bytes > INT64_MAX || change->quota_messages > INT64_MAX) {
            buf_put(why, STR("That quota is too large."));
            return ACCOUNT_INVALID;
        }
        draft->quota_bytes = change->quota_bytes;
        draft->quota_messages = change->quota_messages;
    }
    if (change->what & ACCOUNT_SET_PASSWORD)
        return set_password(a, draft, change->password, arena, why);
    return 0;
}

// ---- making, changing, removing

static int apply_new(struct accounts *a, const struct account_record *draft, struct buf *why)
{
    struct store_change *change;
    char next[24];
    int len = snprintf(next, sizeof(next), "%llu", (unsigned long long)draft->id + 1);
    int r;

    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof(first_mailboxes) / sizeof(first_mailboxes[0]); i++) {
        store_change_mailbox_create(change, draft->id, first_mailboxes[i].name,
                                    first_mailboxes[i].use, NULL);
        store_change_subscribe(change, draft->id, first_mailboxes[i].name, true);
    }
    store_change_quota(change, draft->id, draft->quota_bytes, draft->quota_messages);
    store_change_doc_put(change, "account-counter", STR("next"), str_of(next, (size_t)len));
    return account_apply(a, change, NULL, draft, why);
}

static int add(struct accounts *a, struct str address, const struct account_change *what,
               struct arena *arena, uint64_t *out_id, struct buf *why)
{
    const struct account_config *config = a->config;
    CLEANUP(buf_drop) struct buf name = {0};
    struct account_record draft = {.type = ACCOUNT_RECORD_ACCOUNT, .is_enabled = true};
    int r;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    r = account_find_free(account_turn_directory(a), address, &name, why);
    if (r != 0)
        return r;
    draft.key = buf_str(&name);
    draft.id = a->next_id;
    draft.created = rt_wall_s();
    draft.iterations = (uint32_t)config->scram_iterations;
    rt_random_bytes(draft.salt, sizeof(draft.salt));
    r = put_change(a, &draft, what, arena, why);
    if (r != 0)
        return r;
    // Used up even when the commit fails: its result might be unknown.
    a->next_id++;
    r = apply_new(a, &draft, why);
    if (r == 0 && out_id)
        *out_id = draft.id;
    return r;
}

int account_add(struct accounts *a, struct str address, const struct account_change *what,
                uint64_t *out_id, struct buf *why)
{
    CLEANUP(arena_done) struct arena arena = {0};
    int r;

    arena_init(&arena, 4096);
    account_turn_take(a);
    r = add(a, address, what, &arena, out_id, why);
    account_turn_give(a);
    return r;
}

static int set(struct accounts *a, struct str address, const struct account_change *what,
               struct arena *arena, struct buf *why)
{
    struct account_record *old, draft;
    struct store_change *change;
    int r;

    r = account_find(account_turn_directory(a), address, ACCOUNT_RECORD_ACCOUNT, &old, why);
    if (r != 0)
        return r;
    draft = *old;
    r = put_change(a, &draft, what, arena, why);
    if (r != 0)
        return r;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    if (what->what & ACCOUNT_SET_QUOTA)
        store_change_quota(change, draft.id, draft.quota_bytes, draft.quota_messages);
    return account_apply(a, change, old, &draft, why);
}

int account_set(struct accounts *a, struct str address, const struct account_change *what,
                struct buf *why)
{
    CLEANUP(arena_done) struct arena arena = {0};
    int r;

    arena_init(&arena, 4096);
    account_turn_take(a);
    r = set(a, address, what, &arena, why);
    account_turn_give(a);
    return r;
}

static int remove_record(struct accounts *a, struct str address, struct buf *why)
{
    struct store_change *change;
    struct account_record *old;
    int r;

    r = account_find(account_turn_directory(a), address, ACCOUNT_RECORD_ACCOUNT, &old, why);
    if (r != 0)
        return r;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    store_change_account_remove(change, old->id);
    return account_apply(a, change, old, NULL, why);
}

int account_remove(struct accounts *a, struct str address, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = remove_record(a, address, why);
    account_turn_give(a);
    return r;
}

// ---- app passwords

/// 24 of 32 letters and digits that are not mistaken for each other: 120 bits.
static void invent_password(struct buf *out)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t random[24];

    rt_random_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        buf_put_char(out, letters[random[i] % (sizeof(letters) - 1)]);
    sodium_memzero(random, sizeof(random));
}

static struct account_secret *find_app(const struct account_record *r, struct str name)
{
    for (size_t i = 0; i < r->app_password_count; i++)
        if (str_eq(r->app_passwords[i].name, name))
            return &r->app_passwords[i];
    return NULL;
}

static int app_add(struct accounts *a, struct str address, struct str name, struct buf *password,
                   struct buf *why)
{
    struct account_secret apps[ACCOUNT_APP_PASSWORDS_MAX] = {0};
    struct account_record *old, draft;
    struct store_change *change;
    struct making m = {0};
    int r;

    r = account_find(account_turn_directory(a), address, ACCOUNT_RECORD_ACCOUNT, &old, why);
    if (r != 0)
        return r;
    if (name.len == 0 || !account_text_is_valid(name))
        return account_invalid(why, "name", name);
    if (find_app(old, name)) {
        buf_putf(why, "There is an app password \"%.*s\" already.", STR_ARG(name));
        return ACCOUNT_EXISTS;
    }
    if (old->app_password_count == ACCOUNT_APP_PASSWORDS_MAX) {
        buf_putf(why, "An account has at most %d app passwords.", ACCOUNT_APP_PASSWORDS_MAX);
        return ACCOUNT_LIMIT;
    }
    buf_clear(password);
    invent_password(password);
    if (!buf_cstr(password))
        return -ENOBUFS;
    m = (struct making){.record = old, .prepared = buf_str(password)};
    r = rt_call(a->pool, make_keys, &m);
    if (r < 0)
        return r;
    draft = *old;
    if (old->app_password_count > 0)
        memcpy(apps, old->app_passwords, old->app_password_count * sizeof(apps[0]));
    apps[draft.app_password_count++] =
        (struct account_secret){.name = name, .created = rt_wall_s(), .keys = m.keys};
    draft.app_passwords = apps;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, &draft, why);
}

int account_app_password_add(struct accounts *a, struct str address, struct str name,
                             struct buf *password, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = app_add(a, address, name, password, why);
    account_turn_give(a);
    return r;
}

static int app_remove(struct accounts *a, struct str address, struct str name, struct buf *why)
{
    struct account_secret apps[ACCOUNT_APP_PASSWORDS_MAX], *gone;
    struct account_record *old, draft;
    struct store_change *change;
    int r;

    r = account_find(account_turn_directory(a), address, ACCOUNT_RECORD_ACCOUNT, &old, why);
    if (r != 0)
        return r;
    gone = find_app(old, name);
    if (!gone) {
        buf_putf(why, "There is no app password \"%.*s\".", STR_ARG(str_head(name, 256)));
        return ACCOUNT_NOT_FOUND;
    }
    draft = *old;
    draft.app_password_count = 0;
    draft.app_passwords = apps;
    for (size_t i = 0; i < old->app_password_count; i++)
        if (&old->app_passwords[i] != gone)
            apps[draft.app_password_count++] = old->app_passwords[i];
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, &draft, why);
}

int account_app_password_remove(struct accounts *a, struct str address, struct str name,
                                struct buf *why)
{
    int r;

    account_turn_take(a);
    r = app_remove(a, address, name, why);
    account_turn_give(a);
    return r;
}

// ---- looking

static void describe(const struct account_directory *d, const struct account_record *r,
                     struct arena *arena, struct account_info *out)
{
    *out = (struct account_info){
        .id = r->id,
        .address = arena_str(arena, r->key),
        .name = arena_str(arena, r->name),
        .is_enabled = r->is_enabled,
        .has_password = r->has_password,
        .created = r->created,
        .quota_bytes = r->quota_bytes,
        .quota_messages = r->quota_messages,
        .app_password_count = r->app_password_count,
    };
    out->app_passwords = ARENA_ARRAY(arena, struct account_app_password, r->app_password_count);
    for (size_t i = 0; i < r->app_password_count; i++) {
        out->app_passwords[i].name = arena_str(arena, r->app_passwords[i].name);
        out->app_passwords[i].created = r->app_passwords[i].created;
    }
    out->delegates = ARENA_ARRAY(arena, struct str, r->delegate_count);
    for (size_t i = 0; i < r->delegate_count; i++) {
        const struct account_record *who = account_directory_get_id(d, r->delegates[i]);

        if (who)
            out->delegates[out->delegate_count++] = arena_str(arena, who->key);
    }
}

int account_get(struct accounts *a, struct str address, struct arena *arena,
                struct account_info *out)
{
    CLEANUP(buf_drop) struct buf nothing = {0};
    const struct account_directory *d;
    struct account_record *record;
    unsigned phase;
    int r;

    buf_init(&nothing, 1024);
    d = account_enter(a, &phase);
    r = account_find(d, address, ACCOUNT_RECORD_ACCOUNT, &record, &nothing);
    if (r == 0)
        describe(d, record, arena, out);
    account_leave(a, phase);
    return r == 0 ? 0 : ACCOUNT_NOT_FOUND;
}

bool account_exists(struct accounts *a, uint64_t id)
{
    const struct account_record *record;
    unsigned phase;

    record = account_directory_get_id(account_enter(a, &phase), id);
    account_leave(a, phase);
    return record != NULL;
}

bool account_is_enabled(struct accounts *a, uint64_t id)
{
    const struct account_record *record;
    bool is_enabled;
    unsigned phase;

    record = account_directory_get_id(account_enter(a, &phase), id);
    is_enabled = record && record->is_enabled;
    account_leave(a, phase);
    return is_enabled;
}

uint64_t account_id_of(struct accounts *a, struct str address)
{
    CLEANUP(buf_drop) struct buf name = {0};
    const struct account_record *record = NULL;
    uint64_t id = 0;
    unsigned phase;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    if (!account_name_parse(address, &name))
        return 0;
    record = account_directory_get(account_enter(a, &phase), buf_str(&name));
    if (record && record->type == ACCOUNT_RECORD_ACCOUNT)
        id = record->id;
    account_leave(a, phase);
    return id;
}

bool account_address_of(struct accounts *a, uint64_t id, struct buf *out)
{
    const struct account_record *record;
    unsigned phase;

    record = account_directory_get_id(account_enter(a, &phase), id);
    if (record)
        buf_put(out, record->key);
    account_leave(a, phase);
    return record != NULL;
}

bool account_share_domain(struct accounts *a, uint64_t id, uint64_t other_id)
{
    const struct account_record *record, *other;
    const struct account_directory *d;
    bool is_same;
    unsigned phase;

    d = account_enter(a, &phase);
    record = account_directory_get_id(d, id);
    other = account_directory_get_id(d, other_id);
    is_same = record && other &&
              str_eq(account_name_split(record->key).domain, account_name_split(other->key).domain);
    account_leave(a, phase);
    return is_same;
}

static int by_address(const void *a, const void *b)
{
    return str_cmp(((const struct account_info *)a)->address,
                   ((const struct account_info *)b)->address);
}

static bool is_wanted(const struct account_record *r, struct str domain)
{
    return r->type == ACCOUNT_RECORD_ACCOUNT &&
           (!domain.ptr || str_case_eq(account_name_split(r->key).domain, domain));
}

void account_all(struct accounts *a, struct str domain, struct arena *arena,
                 struct account_info **out, size_t *out_count)
{
    const struct account_directory *d;
    const struct account_record *r;
    size_t slice = 0, at = 0, n = 0;
    unsigned phase;

    d = account_enter(a, &phase);
    while ((r = account_directory_next(d, &slice, &at)))
        n += is_wanted(r, domain);
    *out = ARENA_ARRAY(arena, struct account_info, n);
    n = slice = at = 0;
    while ((r = account_directory_next(d, &slice, &at)))
        if (is_wanted(r, domain))
            describe(d, r, arena, &(*out)[n++]);
    account_leave(a, phase);
    if (n > 0)
        qsort(*out, n, sizeof(**out), by_address);
    *out_count = n;
}
