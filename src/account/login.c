// SPDX-License-Identifier: ISC
#include "account/login.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "account/name.h"

enum {
    DELAY_FIRST_MS = 250,
    BARE_NAME_DOMAINS_MAX = 100, // with more domains, users must give their whole address
};

// ---- who is meant

static const struct account_record *find_bare(const struct account_directory *d, struct str user)
{
    const struct account_record *found = NULL;

    if (d->domain_count > BARE_NAME_DOMAINS_MAX)
        return NULL;
    for (size_t i = 0; i < d->domain_count; i++) {
        CLEANUP(buf_drop) struct buf name = {0};
        const struct account_record *r;

        buf_init(&name, ACCOUNT_ADDRESS_MAX);
        if (!account_name_put(&name, user, d->domains[i]->key))
            return NULL;
        r = account_directory_get(d, buf_str(&name));
        if (r && r->type == ACCOUNT_RECORD_ACCOUNT) {
            if (found)
                return NULL;
            found = r;
        }
    }
    return found;
}

static const struct account_record *find_user(const struct account_directory *d, struct str user)
{
    CLEANUP(buf_drop) struct buf name = {0};
    const struct account_record *r;

    if (user.len > ACCOUNT_ADDRESS_MAX)
        return NULL;
    if (str_find(user, '@') < 0)
        return find_bare(d, user);
    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    if (!account_name_parse(user, &name))
        return NULL;
    r = account_directory_get(d, buf_str(&name));
    return r && r->type == ACCOUNT_RECORD_ACCOUNT ? r : NULL;
}

void account_user_put(const struct account_directory *d, struct str user, struct buf *out)
{
    buf_clear(out);
    if (str_find(user, '@') >= 0) {
        if (account_name_parse(user, out))
            return;
    } else if (account_name_put(out, user, d->domain_count == 1 ? d->domains[0]->key : STR("?"))) {
        return;
    }
    buf_clear(out);
    buf_put(out, str_head(user, ACCOUNT_ADDRESS_MAX));
}

/// The salt shown for users who do not exist: always the same for one, however it is spelt.
static void make_up_salt(struct accounts *a, const struct account_directory *d, struct str user,
                         uint8_t salt[ACCOUNT_SALT_LEN])
{
    CLEANUP(buf_drop) struct buf name = {0};
    uint8_t made_up[crypto_auth_hmacsha256_BYTES];

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    account_user_put(d, user, &name);
    crypto_auth_hmacsha256(made_up, (const uint8_t *)buf_str(&name).ptr, name.len, a->secret);
    memcpy(salt, made_up, ACCOUNT_SALT_LEN);
}

static void fill(struct account_credentials *c, const struct account_record *r)
{
    c->is_usable = r->is_enabled;
    c->id = r->id;
    c->version = r->version;
    memcpy(c->address, r->key.ptr, r->key.len);
    c->address[r->key.len] = 0;
    memcpy(c->salt, r->salt, sizeof(c->salt));
    c->iterations = r->iterations;
    c->has_password = r->has_password;
    if (r->has_password) {
        memset(c->argon2id, 0, sizeof(c->argon2id));
        memcpy(c->argon2id, r->password.argon2id.ptr, r->password.argon2id.len);
        c->keys[c->key_count++] = r->password.keys;
    }
    for (size_t i = 0; i < r->app_password_count; i++)
        c->keys[c->key_count++] = r->app_passwords[i].keys;
}

bool account_credentials_find(struct accounts *a, struct str user, struct account_credentials *c)
{
    const struct account_config *config = a->config;
    const struct account_directory *d;
    const struct account_record *r;
    unsigned phase;

    memset(c, 0, sizeof(*c));
    d = account_enter(a, &phase);
    make_up_salt(a, d, user, c->salt);
    c->iterations = (uint32_t)config->scram_iterations;
    memcpy(c->argon2id, a->no_password, sizeof(c->argon2id));
    r = find_user(d, user);
    if (r)
        fill(c, r);
    account_leave(a, phase);
    return r != NULL;
}

// ---- one try

bool account_is_private_enough(struct accounts *a, const struct account_peer *peer)
{
    const struct account_config *config = a->config;

    return peer->is_private || config->plaintext_login;
}

static void log_try(const struct account_try *t, enum log_level level, const char *what,
                    const char *address)
{
    struct log_line line;

    log_begin(&line, level, "account/login", what);
    if (address)
        log_text(&line, "account", address);
    else
        log_str(&line, "user", t->user);
    log_str(&line, "peer", t->peer->ip);
    log_text(&line, "service", t->peer->service);
    log_text(&line, "mechanism", t->mechanism);
    log_end(&line);
}

/// Failures are counted by who is meant, not by how it was spelt; the same way whether there is
/// such a user or not, so that nobody learns from it who exists. Into *out, which gets inited.
static void put_failure_name(const struct account_try *t, struct buf *out)
{
    unsigned phase;

    buf_init(out, ACCOUNT_ADDRESS_MAX);
    account_user_put(account_enter(t->accounts, &phase), t->user, out);
    account_leave(t->accounts, phase);
}

int account_try_begin(const struct account_try *t)
{
    const struct account_config *config = t->accounts->config;
    CLEANUP(buf_drop) struct buf name = {0};

    put_failure_name(t, &name);
    if (!account_failures_is_blocked(t->accounts->failures, buf_str(&name), t->peer->ip,
                                     config->login_failures_max, rt_now_us()))
        return ACCOUNT_AUTH_OK;
    log_try(t, LOG_WARN, "too many failures", NULL);
    return ACCOUNT_AUTH_LATER;
}

int account_try_succeeded(const struct account_try *t, const struct account_credentials *c,
                          struct account_identity *out)
{
    CLEANUP(buf_drop) struct buf name = {0};

    put_failure_name(t, &name);
    account_failures_forget(t->accounts->failures, buf_str(&name), t->peer->ip, rt_now_us());
    out->account_id = c->id;
    out->actor_id = c->id;
    memcpy(out->address, c->address, sizeof(out->address));
    log_try(t, LOG_INFO, "signed in", c->address);
    return ACCOUNT_AUTH_OK;
}

int account_try_become(const struct account_try *t, struct str authzid, int answer,
                       struct account_identity *identity)
{
    struct log_line line;

    if (answer != ACCOUNT_AUTH_OK || authzid.len == 0)
        return answer;
    if (!account_find_principal(t->accounts, authzid, identity->account_id, identity))
        return account_try_failed(t);
    if (identity->actor_id != identity->account_id) {
        log_begin(&line, LOG_INFO, "account/auth", "a delegate acts for another");
        log_str(&line, "user", t->user);
        log_text(&line, "account", identity->address);
        log_end(&line);
    }
    return ACCOUNT_AUTH_OK;
}

int account_try_failed(const struct account_try *t)
{
    const struct account_config *config = t->accounts->config;
    CLEANUP(buf_drop) struct buf name = {0};
    uint64_t delay = DELAY_FIRST_MS, count;
    int r;

    put_failure_name(t, &name);
    count = account_failures_note(t->accounts->failures, buf_str(&name), t->peer->ip, rt_now_us());
    log_try(t, LOG_WARN, "refused", NULL);
    for (; count > 1 && delay < config->login_delay_max; count--)
        delay *= 2;
    if (delay > config->login_delay_max)
        delay = config->login_delay_max;
    if (delay > 0) {
        r = rt_sleep((uint32_t)delay);
        if (r < 0)
            return r;
    }
    return ACCOUNT_AUTH_REFUSED;
}

// ---- a plain password

struct verifying {
    struct account_credentials credentials;
    struct buf prepared;
    bool fits; // out
};

static int verify(void *arg)
{
    struct verifying *v = arg;

    v->fits = account_password_verify(&v->credentials, buf_str(&v->prepared));
    return 0;
}

static struct verifying *verifying_new(void)
{
    struct verifying *v = calloc(1, sizeof(*v));

    CHECK(v);
    buf_init(&v->prepared, ACCOUNT_PASSWORD_MAX * 4);
    return v;
}

static void verifying_drop(struct verifying **v)
{
    if ((*v)->prepared.ptr)
        sodium_memzero((*v)->prepared.ptr, (*v)->prepared.cap);
    buf_done(&(*v)->prepared);
    sodium_memzero(*v, sizeof(**v));
    free(*v);
}

/// [await] 1: it fits, 0: it does not, or -errno.
static int check_password(struct accounts *a, struct verifying *v, struct str password)
{
    const struct account_config *config = a->config;
    bool is_text = account_password_prepare(password, false, &v->prepared);
    uint8_t tag[GUARD_TAG_LEN];
    int r;

    if (!is_text) {
        // Nobody's password, but it must not be told by its speed.
        buf_clear(&v->prepared);
        buf_put(&v->prepared, STR("x"));
        CHECK(buf_cstr(&v->prepared));
        v->credentials.is_usable = false;
    }
    account_cache_tag(a->cache, v->credentials.id, v->credentials.version, buf_str(&v->prepared),
                      tag);
    if (v->credentials.is_usable && config->password_cache > 0 &&
        account_cache_has(a->cache, tag, rt_now_us()))
        return 1;
    r = rt_call(a->pool, verify, v);
    if (r < 0)
        return r;
    if (v->fits)
        account_cache_put(a->cache, tag, rt_now_us());
    return v->fits;
}

int account_try_password(const struct account_try *t, struct str password,
                         struct account_identity *out)
{
    CLEANUP(verifying_drop) struct verifying *v = verifying_new();
    int r;

    r = account_try_begin(t);
    if (r != ACCOUNT_AUTH_OK)
        return r;
    account_credentials_find(t->accounts, t->user, &v->credentials);
    r = check_password(t->accounts, v, password);
    if (r < 0)
        return r;
    return r ? account_try_succeeded(t, &v->credentials, out) : account_try_failed(t);
}

int account_login(struct accounts *a, const struct account_peer *peer, struct str user,
                  struct str password, struct account_identity *out)
{
    struct account_try t = {a, peer, user, "password"};

    if (!account_is_private_enough(a, peer))
        return ACCOUNT_AUTH_NEEDS_TLS;
    return account_try_password(&t, password, out);
}
