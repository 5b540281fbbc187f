// SPDX-License-Identifier: ISC
#include "queue/suppress.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "log/log.h"
#include "rt/rt.h"

#include "account/name.h"

#include <errno.h>
#include <pthread.h>

enum { VALUE_MAX = 1024 };

struct suppressed {
    int64_t since_s, until_s;
    uint64_t count;
    size_t key_len, reason_len;
    char text[]; // key, reason
};

struct queue_suppress {
    struct store *store;
    pthread_mutex_t lock; // over the map; held for a few instructions
    struct map map;       // by key: struct suppressed
};

// ---- one of them as text

/// The one form. False when it is no address.
static bool put_key(struct buf *out, struct str address)
{
    struct address a = account_name_split(address);
    size_t begin = out->len;

    if (a.local.len == 0 || a.domain.len == 0)
        return false;
    address_put_local(out, a.local);
    for (size_t i = begin; i < out->len; i++)
        out->ptr[i] = char_lower(out->ptr[i]);
    buf_put_char(out, '@');
    return address_put_domain(out, a.domain) && buf_ok(out);
}

static void put_value(struct buf *out, const struct queue_suppressed *s)
{
    buf_putf(out, "since %lld\nuntil %lld\ncount %llu\nreason ", (long long)s->since_s,
             (long long)s->until_s, (unsigned long long)s->count);
    for (size_t i = 0; i < s->reason.len && i < QUEUE_SUPPRESS_REASON_MAX; i++)
        buf_put_char(out, (unsigned char)s->reason.ptr[i] < 32 ? ' ' : s->reason.ptr[i]);
    buf_put_char(out, '\n');
}

/// Views into `value`.
static bool parse_value(struct str value, struct queue_suppressed *out)
{
    struct str line, name;
    uint64_t number;

    *out = (struct queue_suppressed){.count = 1, .reason = STR("")};
    while (value.ptr && str_split(&value, '\n', &line)) {
        if (!str_split(&line, ' ', &name) || !line.ptr)
            continue;
        if (str_eq(name, STR("reason")))
            out->reason = line;
        else if (!str_to_u64(line, INT64_MAX, &number))
            continue;
        else if (str_eq(name, STR("since")))
            out->since_s = (int64_t)number;
        else if (str_eq(name, STR("until")))
            out->until_s = (int64_t)number;
        else if (str_eq(name, STR("count")))
            out->count = number;
    }
    return out->until_s > 0;
}

// ---- memory

static struct suppressed *suppressed_new(struct str key, const struct queue_suppressed *from)
{
    struct suppressed *s = malloc(sizeof(*s) + key.len + from->reason.len);

    CHECK(s);
    s->since_s = from->since_s;
    s->until_s = from->until_s;
    s->count = from->count;
    s->key_len = key.len;
    s->reason_len = from->reason.len;
    memcpy(s->text, key.ptr, key.len);
    if (from->reason.len > 0)
        memcpy(s->text + key.len, from->reason.ptr, from->reason.len);
    return s;
}

static struct queue_suppressed copy_of(const struct suppressed *s, struct arena *arena)
{
    return (struct queue_suppressed){
        .address = arena_str(arena, str_of(s->text, s->key_len)),
        .since_s = s->since_s,
        .until_s = s->until_s,
        .count = s->count,
        .reason = arena_str(arena, str_of(s->text + s->key_len, s->reason_len)),
    };
}

static bool find(struct queue_suppress *s, struct str key, struct arena *arena,
                 struct queue_suppressed *out)
{
    const struct suppressed *found;

    pthread_mutex_lock(&s->lock);
    found = map_get(&s->map, key);
    if (found && found->until_s <= rt_wall_s())
        found = NULL;
    if (found)
        *out = copy_of(found, arena);
    pthread_mutex_unlock(&s->lock);
    return found != NULL;
}

bool queue_suppress_get(struct queue_suppress *s, struct str address, struct arena *arena,
                        struct queue_suppressed *out)
{
    CLEANUP(buf_drop) struct buf key = {0};

    buf_init(&key, STORE_DOC_KEY_MAX);
    return s && put_key(&key, address) && find(s, buf_str(&key), arena, out);
}

static int by_address(const void *a, const void *b)
{
    return str_cmp(((const struct queue_suppressed *)a)->address,
                   ((const struct queue_suppressed *)b)->address);
}

void queue_suppress_all(struct queue_suppress *s, struct arena *arena,
                        struct queue_suppressed **out, size_t *out_count)
{
    int64_t now_s = rt_wall_s();
    size_t at = 0;
    void *value;

    *out_count = 0;
    pthread_mutex_lock(&s->lock);
    *out = ARENA_ARRAY(arena, struct queue_suppressed, s->map.count + 1);
    while (map_next(&s->map, &at, NULL, &value)) {
        const struct suppressed *found = value;

        if (found->until_s > now_s)
            (*out)[(*out_count)++] = copy_of(found, arena);
    }
    pthread_mutex_unlock(&s->lock);
    qsort(*out, *out_count, sizeof(**out), by_address);
}

void queue_suppress_note(struct queue_suppress *s, struct str key, struct str value)
{
    struct queue_suppressed from;
    struct suppressed *old = NULL;

    if (!parse_value(value, &from))
        return;
    pthread_mutex_lock(&s->lock);
    if (s->map.count < QUEUE_SUPPRESS_MAX || map_get(&s->map, key))
        old = map_put(&s->map, key, suppressed_new(key, &from));
    pthread_mutex_unlock(&s->lock);
    free(old);
}

// ---- the store

struct loading {
    struct queue_suppress *s;
    struct store_change *over; // removes what is over
    struct arena arena;        // its keys
    size_t over_count;
    int64_t now_s;
};

static int load_one(void *arg, struct str key, struct str value)
{
    struct loading *l = arg;
    struct queue_suppressed from;

    if (parse_value(value, &from) && from.until_s > l->now_s) {
        queue_suppress_note(l->s, key, value);
    } else if (arena_has_room(&l->arena, key.len + 64)) {
        store_change_doc_remove(l->over, "suppress", arena_str(&l->arena, key));
        l->over_count++;
    }
    return 0;
}

/// [await]
static int load(struct queue_suppress *s)
{
    struct loading l = {.s = s, .now_s = rt_wall_s()};
    int r;

    arena_init(&l.arena, 64 << 20);
    r = store_change_new(s->store, &l.over);
    if (r == 0)
        r = store_doc_each(s->store, "suppress", load_one, &l);
    // that they are over is known without this, too
    if (r == 0 && l.over_count > 0)
        store_commit(l.over);
    store_change_free(l.over);
    arena_done(&l.arena);
    return r;
}

int queue_suppress_open(struct store *store, struct queue_suppress **out)
{
    struct queue_suppress *s = calloc(1, sizeof(*s));
    uint64_t seed[2] = {rt_random(), rt_random()};
    int r;

    CHECK(s && pthread_mutex_init(&s->lock, NULL) == 0);
    s->store = store;
    map_init(&s->map, seed);
    r = load(s);
    if (r < 0) {
        queue_suppress_close(s);
        return r;
    }
    *out = s;
    return 0;
}

void queue_suppress_close(struct queue_suppress *s)
{
    size_t at = 0;
    void *value;

    if (!s)
        return;
    while (map_next(&s->map, &at, NULL, &value))
        free(value);
    map_done(&s->map);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int queue_suppress_remove(struct queue_suppress *s, struct str address)
{
    CLEANUP(buf_drop) struct buf key = {0}, value = {0};
    struct store_change *change;
    struct suppressed *old;
    int r;

    buf_init(&key, STORE_DOC_KEY_MAX);
    buf_init(&value, STORE_DOC_MAX);
    if (!put_key(&key, address))
        return STORE_NOT_FOUND;
    r = store_doc_get(s->store, "suppress", buf_str(&key), &value);
    if (r != 0)
        return r;
    r = store_change_new(s->store, &change);
    if (r < 0)
        return r;
    store_change_doc_remove(change, "suppress", buf_str(&key));
    r = store_commit(change);
    store_change_free(change);
    if (r != 0)
        return r;
    pthread_mutex_lock(&s->lock);
    old = map_take(&s->map, buf_str(&key));
    pthread_mutex_unlock(&s->lock);
    free(old);
    return 0;
}

// ---- what hosts say

bool queue_suppress_is_final(const struct outcome *o)
{
    static const char *const codes[] = {"5.1.1", "5.1.6"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (o->verdict == NEVER && str_eq(o->enhanced, str_from(codes[i])))
            return true;
    return false;
}

bool queue_suppress_put(struct queue_suppress *s, struct store_change *change, struct str address,
                        const struct outcome *o, struct arena *arena, struct str *key,
                        struct str *value)
{
    CLEANUP(buf_drop) struct buf form = {0}, reason = {0}, text = {0};
    struct queue_suppressed now = {.count = 0};

    buf_init(&form, STORE_DOC_KEY_MAX);
    buf_init(&reason, 4096);
    buf_init(&text, VALUE_MAX);
    if (!put_key(&form, address))
        return false;
    if (!find(s, buf_str(&form), arena, &now))
        now.since_s = rt_wall_s();
    now.until_s = rt_wall_s() + QUEUE_SUPPRESS_DAYS * INT64_C(86400);
    now.count++;
    if (o->code != 0)
        buf_putf(&reason, "%u ", o->code);
    buf_putf(&reason, "%.*s %.*s", STR_ARG(o->enhanced),
             STR_ARG(str_head(o->text, QUEUE_SUPPRESS_REASON_MAX)));
    now.reason = buf_str(&reason);
    put_value(&text, &now);
    *key = arena_str(arena, buf_str(&form));
    *value = arena_str(arena, buf_str(&text));
    store_change_doc_put(change, "suppress", *key, *value);
    return true;
}
