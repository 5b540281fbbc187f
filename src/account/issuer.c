// SPDX-License-Identifier: ISC
#include "account/issuer.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "trust/jwt.h"
#include "os/file.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>

enum {
    HOUR_S = 3600,
    AGAIN_S = 60,        // between two tries
    OLD_S = 24 * HOUR_S, // so long keys hold that cannot be had again
    FETCH_MS = 10000,
    WAIT_MS = 20,
};

/// Readers hold on to a set while they verify; they do not wait there, but a reload may happen.
struct key_set {
    _Atomic unsigned refs;
    struct jwt_keys *keys;
    int64_t loaded_s;
    char source[]; // that it came from
};

struct account_issuer {
    pthread_mutex_t lock; // of what follows; held for a few instructions
    struct key_set *set;  // the newest, or NULL
    int64_t tried_s;      // when loading was begun last,
    char *tried;          // and from where
    bool is_loading;
};

static void set_drop(struct key_set **set)
{
    if (!*set || atomic_fetch_sub(&(*set)->refs, 1) > 1)
        return;
    jwt_keys_free((*set)->keys);
    free(*set);
}

struct account_issuer *account_issuer_new(void)
{
    struct account_issuer *issuer = calloc(1, sizeof(*issuer));

    CHECK(issuer && pthread_mutex_init(&issuer->lock, NULL) == 0);
    return issuer;
}

void account_issuer_free(struct account_issuer *issuer)
{
    if (!issuer)
        return;
    set_drop(&issuer->set);
    free(issuer->tried);
    pthread_mutex_destroy(&issuer->lock);
    free(issuer);
}

bool account_issuer_is_set(const struct account_config *config)
{
    return config->oauth_issuer.len && config->oauth_audience.len && config->oauth_jwks.len &&
           config->oauth_claim.len;
}

bool account_config_is_valid(const struct account_config *c, struct buf *why)
{
    bool is_url = str_starts(c->oauth_jwks, STR("https://"));

    if (!c->oauth_issuer.len)
        return true;
    if (!c->oauth_audience.len)
        buf_put(why, STR("oauth_audience is empty: tokens for anybody else would do; set it"));
    else if (!c->oauth_jwks.len)
        buf_put(why, STR("oauth_jwks is empty: without the issuer's keys no token can be checked"));
    else if (!is_url && !str_starts(c->oauth_jwks, STR("/")))
        buf_put(why, STR("oauth_jwks is neither an https URL nor a full path"));
    else if (c->oauth_authorities.len && !str_starts(c->oauth_authorities, STR("/")))
        buf_put(why, STR("oauth_authorities is no full path"));
    else if (!c->oauth_claim.len)
        buf_put(why, STR("oauth_claim is empty: no token would name anybody"));
    return why->len == 0;
}

// ---- having the keys

struct loading {
    char *source, *authorities;
    struct buf text, why;
};

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *out = arg;

    buf_put(out, str_of(bytes, size * count));
    return buf_ok(out) ? size * count : 0;
}

static void set_options(CURL *curl, struct loading *l)
{
    curl_easy_setopt(curl, CURLOPT_URL, l->source);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)FETCH_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (l->authorities[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, l->authorities);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &l->text);
}

static int fetch(struct loading *l)
{
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode code;

    if (!curl)
        return -ENOMEM;
    set_options(curl, l);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        buf_put(&l->why, str_from(curl_easy_strerror(code)));
    else if (status != 200)
        buf_putf(&l->why, "status %ld", status);
    return code == CURLE_OK && status == 200 ? 0 : -EIO;
}

/// On a thread of its own.
static int load(void *arg)
{
    struct loading *l = arg;
    int r;

    if (l->source[0] != '/')
        return fetch(l);
    r = os_file_read(l->source, &l->text);
    if (r < 0)
        buf_put(&l->why, str_from(strerror(-r)));
    return r;
}

static void log_loaded(const struct loading *l, const struct jwt_keys *keys)
{
    struct log_line line;

    log_begin(&line, keys ? LOG_INFO : LOG_ERROR, "account/issuer",
              keys ? "keys" : "its keys cannot be had");
    log_text(&line, "from", l->source);
    if (keys)
        log_u64(&line, "count", jwt_keys_count(keys));
    else
        log_str(&line, "why", buf_str(&l->why));
    log_end(&line);
}

static char *copy(struct str text)
{
    char *out = strndup(text.len ? text.ptr : "", text.len);

    CHECK(out);
    return out;
}

/// [await] The set from there, NULL when it cannot be had; logged.
static struct key_set *have(const struct account_config *config)
{
    struct loading l = {
        .source = copy(config->oauth_jwks),
        .authorities = copy(config->oauth_authorities),
        .text = {.max = JWT_KEYS_BYTES_MAX},
        .why = {.max = 512},
    };
    const char *broken = NULL;
    struct key_set *set = NULL;
    struct jwt_keys *keys = NULL;

    if (rt_call_aside(load, &l) == 0) {
        keys = jwt_keys_parse(buf_str(&l.text), &broken);
        if (!keys)
            buf_put(&l.why, str_from(broken));
    }
    log_loaded(&l, keys);
    if (keys) {
        set = calloc(1, sizeof(*set) + strlen(l.source) + 1);
        CHECK(set);
        *set = (struct key_set){.refs = 1, .keys = keys, .loaded_s = rt_wall_s()};
        memcpy(set->source, l.source, strlen(l.source) + 1);
    }
    free(l.source);
    free(l.authorities);
    buf_done(&l.text);
    buf_done(&l.why);
    return set;
}

// ---- those at hand

/// The newest set, held for the caller; NULL when there is none from that source that still holds.
static struct key_set *at_hand(struct account_issuer *issuer, struct str source)
{
    struct key_set *set;

    pthread_mutex_lock(&issuer->lock);
    set = issuer->set;
    if (set && str_eq(str_from(set->source), source) && set->loaded_s + OLD_S > rt_wall_s())
        atomic_fetch_add(&set->refs, 1);
    else
        set = NULL;
    pthread_mutex_unlock(&issuer->lock);
    return set;
}

/// May the caller load now? Else somebody does, or did a moment ago.
static bool begin_loading(struct account_issuer *issuer, struct str source)
{
    bool is_mine;

    pthread_mutex_lock(&issuer->lock);
    is_mine = !issuer->is_loading && (!issuer->tried || !str_eq(str_from(issuer->tried), source) ||
                                      issuer->tried_s + AGAIN_S <= rt_wall_s());
    if (is_mine) {
        issuer->is_loading = true;
        issuer->tried_s = rt_wall_s();
        free(issuer->tried);
        issuer->tried = copy(source);
    }
    pthread_mutex_unlock(&issuer->lock);
    return is_mine;
}

static void end_loading(struct account_issuer *issuer, struct key_set *set)
{
    struct key_set *old = NULL;

    pthread_mutex_lock(&issuer->lock);
    issuer->is_loading = false;
    if (set) {
        old = issuer->set;
        issuer->set = set;
    }
    pthread_mutex_unlock(&issuer->lock);
    set_drop(&old);
}

static bool is_loading(struct account_issuer *issuer)
{
    bool is;

    pthread_mutex_lock(&issuer->lock);
    is = issuer->is_loading;
    pthread_mutex_unlock(&issuer->lock);
    return is;
}

/// [await] Loads; when somebody else does, waits for him if it must.
static void refresh(struct account_issuer *issuer, const struct account_config *config, bool must)
{
    if (begin_loading(issuer, config->oauth_jwks))
        end_loading(issuer, have(config));
    else
        while (must && is_loading(issuer) && rt_sleep(WAIT_MS) == 0)
            ;
}

/// [await] Keys that are not too old, held for the caller; NULL: there are none to be had.
static struct key_set *keys_now(struct account_issuer *issuer, const struct account_config *config)
{
    struct key_set *set = at_hand(issuer, config->oauth_jwks);

    if (set && set->loaded_s + HOUR_S > rt_wall_s())
        return set;
    refresh(issuer, config, !set);
    set_drop(&set);
    return at_hand(issuer, config->oauth_jwks);
}

int account_issuer_verify(struct accounts *a, struct str token, struct buf *address,
                          const char **why)
{
    const struct account_config *config = a->config;
    struct jwt_wish wish = {
        .issuer = config->oauth_issuer,
        .audience = config->oauth_audience,
        .claim = config->oauth_claim,
        .now_s = rt_wall_s(),
        .skew_s = (int64_t)config->oauth_skew / 1000,
    };

    for (int round = 0;; round++) {
        CLEANUP(set_drop) struct key_set *set = keys_now(a->issuer, config);
        enum jwt_verdict verdict;

        *why = "the issuer's keys cannot be had";
        if (!set)
            return -EIO;
        verdict = jwt_verify(token, set->keys, &wish, address, why);
        if (verdict != JWT_UNKNOWN_KEY || round > 0)
            return (int)verdict;
        refresh(a->issuer, config, true); // the issuer may have a new one
    }
}
