// SPDX-License-Identifier: ISC
#include "account/account.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "account/issuer.h"
#include "account/login.h"
#include "account/name.h"
#include "account/state.h"

#include <errno.h>
#include <gsasl.h>

// clang-format off
static const struct setting items[] = {
    SETTING(struct account_config, subaddress, SETTING_TEXT, "+", 0, 0,
        "Characters of which the first in a local part begins the detail: mail for ana+shop@ goes to ana@. Empty: no subaddresses."),
    SETTING(struct account_config, postmaster, SETTING_TEXT, "", 0, 0,
        "Address that gets the mail for postmaster of every domain that has none of its own. Empty: the oldest account."),
    SETTING(struct account_config, password_cost, SETTING_TEXT, "interactive", 0, 0,
        "What a password costs to check, with Argon2id: interactive (64 MiB), moderate (256 MiB), or minimal, which is for tests only."),
    SETTING(struct account_config, scram_iterations, SETTING_COUNT, "10000", 4096, ACCOUNT_ITERATIONS_MAX,
        "Rounds of SCRAM-SHA-256 for accounts made from now on; clients must do them too."),
    SETTING(struct account_config, password_threads, SETTING_COUNT, "2", 1, 64,
        "Passwords checked at the same time; each takes the memory of password_cost."),
    SETTING(struct account_config, password_queue, SETTING_COUNT, "256", 1, 100000,
        "Checks that may wait for a thread; further ones wait before they are read."),
    SETTING(struct account_config, password_cache, SETTING_COUNT, "10000", 0, 10000000,
        "Checked passwords remembered (as keyed hashes, for an hour), so that reconnecting is cheap. 0: none."),
    SETTING(struct account_config, login_failures_max, SETTING_COUNT, "10", 1, 1000000,
        "Wrong passwords for one account from one peer, after which it must wait a minute and longer."),
    SETTING(struct account_config, login_delay_max, SETTING_DURATION, "8s", 0, 60000,
        "The answer to a wrong password comes later each time, at most by this much."),
    SETTING(struct account_config, plaintext_login, SETTING_BOOL, "no", 0, 0,
        "Let passwords be sent without TLS. Whoever listens on the way learns them."),
    SETTING(struct account_config, expansion_max, SETTING_COUNT, "10000", 1, 100000,
        "Places that one recipient may be expanded to through aliases and lists."),
    SETTING(struct account_config, oauth_issuer, SETTING_TEXT, "", 0, 0,
        "Whose bearer tokens let people sign in (OAUTHBEARER and XOAUTH2, over TLS only): the issuer as its tokens name it, by custom a URL. Empty: no tokens."),
    SETTING(struct account_config, oauth_audience, SETTING_TEXT, "", 0, 0,
        "Whom a token must be for: what the issuer writes into \"aud\" for this mail server."),
    SETTING(struct account_config, oauth_jwks, SETTING_TEXT, "", 0, 0,
        "The issuer's public keys, a JSON Web Key Set: an https URL, read again every hour and when a token names an unknown key, or the full path of a file."),
    SETTING(struct account_config, oauth_claim, SETTING_TEXT, "email", 0, 0,
        "The claim of a token that names the account. Choose one that the issuer lets nobody choose for himself; an email_verified that is false is refused."),
    SETTING(struct account_config, oauth_skew, SETTING_DURATION, "1m", 0, 600000,
        "So much may the issuer's clock differ from ours."),
    SETTING(struct account_config, oauth_authorities, SETTING_TEXT, "", 0, 0,
        "PEM file of the authorities that may vouch for the URL of oauth_jwks. Empty: those of the system."),
};
// clang-format on

const struct settings account_settings = {
    .title = "account",
    .help = "Who has mail here, and how they sign in.",
    .items = items,
    .count = sizeof(items) / sizeof(items[0]),
    .size = sizeof(struct account_config),
};

// ---- readers

const struct account_directory *account_enter(struct accounts *a, unsigned *phase)
{
    *phase = a->phase & 1;
    a->readers[*phase]++;
    return a->directory;
}

void account_leave(struct accounts *a, unsigned phase)
{
    a->readers[phase]--;
}

/// [await] Until nobody reads what was replaced before this call. -ECANCELED: not known.
static int wait_for_readers(struct accounts *a)
{
    int r;

    for (int round = 0; round < 2; round++) {
        unsigned old = a->phase++ & 1;

        while (a->readers[old] > 0) {
            r = rt_sleep(1);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

// ---- writers

struct turn_waiter {
    struct turn_waiter *next;
    struct rt_waiter waiter;
};

void account_turn_take(struct accounts *a)
{
    struct turn_waiter me = {0};
    bool mine;

    rt_waiter_init(&me.waiter);
    pthread_mutex_lock(&a->turn_lock);
    mine = !a->turn_taken;
    a->turn_taken = true;
    if (!mine) {
        if (a->turn_last)
            a->turn_last->next = &me;
        else
            a->turn_first = &me;
        a->turn_last = &me;
    }
    pthread_mutex_unlock(&a->turn_lock);
    if (!mine)
        rt_wait(&me.waiter, false);
}

void account_turn_give(struct accounts *a)
{
    struct turn_waiter *next;

    pthread_mutex_lock(&a->turn_lock);
    next = a->turn_first;
    if (next) {
        a->turn_first = next->next;
        if (!a->turn_first)
            a->turn_last = NULL;
    } else {
        a->turn_taken = false;
    }
    pthread_mutex_unlock(&a->turn_lock);
    if (next)
        rt_wake_up(&next->waiter, 0);
}

const struct account_directory *account_turn_directory(struct accounts *a)
{
    return a->directory;
}

static void show(struct accounts *a, struct account_record *old, struct account_record *new)
{
    struct account_garbage *garbage;

    a->directory = account_directory_change(a->directory, old, new, &garbage);
    garbage->next = a->garbage;
    a->garbage = garbage;
    if (wait_for_readers(a) == 0)
        account_garbage_free(TAKE(a->garbage));
}

static int answer_of(int r, struct buf *why)
{
    if (r <= 0)
        return r;
    if (r == STORE_CONFLICT || r == STORE_EXISTS) {
        buf_put(why, STR("It was changed by somebody else in the same moment: try again."));
        return ACCOUNT_CONFLICT;
    }
    buf_put(why, STR("The store says that a limit is reached."));
    return ACCOUNT_LIMIT;
}

static void change_drop(struct store_change **change)
{
    store_change_free(*change);
}

static void wiped_drop(struct buf *b)
{
    if (b->ptr)
        sodium_memzero(b->ptr, b->cap);
    buf_done(b);
}

int account_apply(struct accounts *a, struct store_change *change, struct account_record *old,
                  const struct account_record *draft, struct buf *why)
{
    CLEANUP(change_drop) struct store_change *mine = change;
    CLEANUP(wiped_drop) struct buf document = {0};
    struct account_record *new = NULL;
    const char *kind = account_record_kind(draft ? draft->type : old->type);
    int r;

    buf_init(&document, STORE_DOC_MAX);
    if (draft) {
        account_record_put(&document, draft);
        if (!buf_ok(&document)) {
            buf_put(why, STR("That is more than one entry can hold."));
            return ACCOUNT_LIMIT;
        }
        r = account_record_parse(draft->key, buf_str(&document), &new);
        CHECK(r == 0);
        store_change_doc_put_if(mine, kind, new->key, old ? old->document : STR_NONE,
                                new->document);
    } else {
        store_change_doc_remove(mine, kind, old->key);
    }
    r = store_commit(mine);
    if (r != 0) {
        account_record_free(new);
        return answer_of(r, why);
    }
    show(a, old, new);
    return 0;
}

// ---- opening

struct loading {
    struct account_directory *directory;
    uint64_t id_max;
};

static int load_one(void *arg, struct str key, struct str value)
{
    struct loading *l = arg;
    struct account_garbage *garbage;
    struct account_record *record;

    if (account_record_parse(key, value, &record) < 0) {
        struct log_line line;

        log_begin(&line, LOG_ERROR, "account/open", "an entry of the directory cannot be read");
        log_str(&line, "key", key);
        log_end(&line);
        return -EBADMSG;
    }
    if (record->id > l->id_max)
        l->id_max = record->id;
    l->directory = account_directory_change(l->directory, NULL, record, &garbage);
    account_garbage_free(garbage);
    return 0;
}

static int load_next_id(struct accounts *a, uint64_t id_max)
{
    CLEANUP(buf_drop) struct buf text = {0};
    uint64_t next = 1;
    int r;

    buf_init(&text, 32);
    r = store_doc_get(a->store, "account-counter", STR("next"), &text);
    if (r < 0)
        return r;
    if (r == 0 && !str_to_u64(buf_str(&text), UINT64_MAX, &next))
        return -EBADMSG;
    if (store_account_max(a->store) > id_max) // mailboxes outlive a directory that was lost
        id_max = store_account_max(a->store);
    a->next_id = next > id_max ? next : id_max + 1;
    return 0;
}

/// Kept in the store: if the salt shown for a user changed with each start, that would tell that
/// there is no such user.
static int load_secret(struct accounts *a)
{
    CLEANUP(change_drop) struct store_change *change = NULL;
    CLEANUP(wiped_drop) struct buf secret = {0};
    int r;

    buf_init(&secret, 64);
    r = store_doc_get(a->store, "account-secret", STR("salt"), &secret);
    if (r < 0)
        return r;
    if (r == 0 && secret.len == sizeof(a->secret)) {
        memcpy(a->secret, secret.ptr, sizeof(a->secret));
        return 0;
    }
    rt_random_bytes(a->secret, sizeof(a->secret));
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    store_change_doc_put(change, "account-secret", STR("salt"),
                         str_of(a->secret, sizeof(a->secret)));
    r = store_commit(change);
    return r > 0 ? -EIO : r;
}

static int load(struct accounts *a)
{
    struct loading l = {.directory = account_directory_new()};
    int r;

    r = store_doc_each(a->store, "domain", load_one, &l);
    if (r == 0)
        r = store_doc_each(a->store, "address", load_one, &l);
    a->directory = l.directory;
    if (r == 0)
        r = load_next_id(a, l.id_max);
    if (r == 0)
        r = load_secret(a);
    return r;
}

struct hashing {
    struct account_cost cost;
    char *to;
};

static int hash_nothing(void *arg)
{
    struct hashing *h = arg;
    char random[32];

    randombytes_buf(random, sizeof(random));
    return account_password_hash(str_of(random, sizeof(random)), h->cost, h->to);
}

static int start(struct accounts *a, const struct account_config *config)
{
    struct hashing h = {.to = a->no_password};
    Gsasl *gsasl;
    int r;

    if (!account_cost_parse(config->password_cost, &h.cost))
        return -EINVAL;
    if (sodium_init() < 0 || gsasl_init(&gsasl) != GSASL_OK)
        return -ENOSYS;
    a->gsasl = gsasl;
    account_auth_prepare(a);
    a->cache = account_cache_new(config->password_cache);
    a->failures = account_failures_new();
    a->issuer = account_issuer_new();
    r = load(a);
    if (r < 0)
        return r;
    // Last of all: a pool cannot be taken down again from a task.
    r = rt_pool_new(rt_here(), "password", (unsigned)config->password_threads,
                    (unsigned)config->password_queue, &a->pool);
    if (r < 0)
        return r;
    return rt_call(a->pool, hash_nothing, &h);
}

int account_open(struct store *store, const struct account_config *config, struct accounts **out)
{
    struct accounts *a = NULL;
    int r;

    if (posix_memalign((void **)&a, _Alignof(struct accounts), sizeof(*a)) != 0)
        return -ENOMEM;
    memset(a, 0, sizeof(*a));
    a->store = store;
    a->config = config;
    CHECK(pthread_mutex_init(&a->turn_lock, NULL) == 0);
    r = start(a, config);
    if (r < 0) {
        if (!a->pool)
            account_close(a);
        return r;
    }
    *out = a;
    return 0;
}

void account_close(struct accounts *a)
{
    if (!a)
        return;
    rt_pool_free(a->pool);
    account_garbage_free(a->garbage);
    account_directory_free(a->directory);
    account_cache_free(a->cache);
    account_failures_free(a->failures);
    account_issuer_free(a->issuer);
    gsasl_done(a->gsasl);
    sodium_memzero(a->secret, sizeof(a->secret));
    pthread_mutex_destroy(&a->turn_lock);
    free(a);
}

void account_reconfigure(struct accounts *a, const struct account_config *config)
{
    a->config = config;
}
