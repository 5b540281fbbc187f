// SPDX-License-Identifier: ISC
#include "app/import_state.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "crypto/hmac.h"
#include "rt/rt.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#define HEAD_KIND "import"
#define CHUNK_KIND "import-taken"

enum { ID_MAX = 128, HEAD_MAX = 2 * IMPORT_SOURCE_MAX };

static void put_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_putf(out, "%02x", bytes[i]);
}

/// Keys of chunks sort by number.
static struct str chunk_key(struct import_state *s, uint64_t number)
{
    buf_clear(&s->chunk_key);
    buf_putf(&s->chunk_key, "%.*s/%08" PRIx64, STR_ARG(buf_str(&s->id)), number);
    return buf_str(&s->chunk_key);
}

// ---- reading

static int read_head(struct import_state *s)
{
    int r = store_doc_get(s->store, HEAD_KIND, buf_str(&s->id), &s->head);
    json_t *head;

    if (r != 0)
        return r == STORE_NOT_FOUND ? 0 : r;
    head = json_loadb(s->head.ptr, s->head.len, 0, NULL);
    s->chunks = (uint64_t)json_integer_value(json_object_get(head, "chunks"));
    s->taken = (uint64_t)json_integer_value(json_object_get(head, "taken"));
    json_decref(head);
    return head ? 0 : -EBADMSG;
}

int import_state_open(struct import_state *s, struct store *store, uint64_t account_id,
                      struct str source)
{
    uint8_t hash[HMAC_BYTES];
    int r;

    *s = (struct import_state){.store = store};
    buf_init(&s->id, ID_MAX);
    buf_init(&s->source, IMPORT_SOURCE_MAX);
    buf_init(&s->head, HEAD_MAX);
    buf_init(&s->next, HEAD_MAX);
    buf_init(&s->tail, STORE_DOC_MAX);
    buf_init(&s->chunk_key, ID_MAX);
    buf_init(&s->old_keys, 64 << 20);
    hmac_sha256(STR("carteiro import"), source, hash);
    buf_putf(&s->id, "%" PRIu64 "/", account_id);
    put_hex(&s->id, hash, IMPORT_KEY_BYTES);
    buf_put(&s->source, source);
    if (!buf_ok(&s->source))
        return -ENAMETOOLONG;
    r = read_head(s);
    if (r == 0)
        r = store_doc_get(store, CHUNK_KIND, chunk_key(s, s->chunks), &s->tail);
    return r == STORE_NOT_FOUND ? 0 : r;
}

void import_state_done(struct import_state *s)
{
    buf_done(&s->id);
    buf_done(&s->source);
    buf_done(&s->head);
    buf_done(&s->next);
    buf_done(&s->tail);
    buf_done(&s->chunk_key);
    buf_done(&s->old_keys);
}

int import_state_each(struct import_state *s, int (*each)(void *arg, struct str keys), void *arg)
{
    CLEANUP(buf_drop) struct buf chunk = {.max = STORE_DOC_MAX};
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < s->chunks; i++) {
        buf_clear(&chunk);
        r = store_doc_get(s->store, CHUNK_KIND, chunk_key(s, i), &chunk);
        if (r == STORE_NOT_FOUND)
            r = -EBADMSG;
        if (r == 0)
            r = each(arg, buf_str(&chunk));
    }
    return r == 0 && s->tail.len ? each(arg, buf_str(&s->tail)) : r;
}

// ---- writing

static void make_next(struct import_state *s)
{
    json_t *head = json_pack("{s:s%, s:I, s:I, s:I, s:I}", "source", s->source.ptr, s->source.len,
                             "run", (json_int_t)(s->run >> 1), "chunks", (json_int_t)s->chunks,
                             "taken", (json_int_t)s->taken, "at", (json_int_t)rt_wall_s());
    char *text;

    if (!head) // a name that is no UTF-8: only for people to read
        head = json_pack("{s:I, s:I, s:I, s:I}", "run", (json_int_t)(s->run >> 1), "chunks",
                         (json_int_t)s->chunks, "taken", (json_int_t)s->taken, "at",
                         (json_int_t)rt_wall_s());
    text = json_dumps(head, JSON_COMPACT);
    CHECK(text);
    buf_clear(&s->next);
    buf_put(&s->next, str_from(text));
    free(text);
    json_decref(head);
}

static void put_head(struct import_state *s, struct store_change *change)
{
    make_next(s);
    store_change_doc_put_if(change, HEAD_KIND, buf_str(&s->id),
                            s->head.len ? buf_str(&s->head) : STR_NONE, buf_str(&s->next));
}

/// One after the other in one buffer: they must live until the commit.
static void forget_chunks(struct import_state *s, struct store_change *change, uint64_t count)
{
    size_t len = chunk_key(s, 0).len;
    char *keys = buf_room(&s->old_keys, len * (size_t)(count + 1));

    CHECK(keys);
    for (uint64_t i = 0; i < count; i++) {
        char *at = keys + i * len;

        memcpy(at, chunk_key(s, i).ptr, len);
        store_change_doc_remove(change, CHUNK_KIND, str_of(at, len));
    }
}

int import_state_claim(struct import_state *s, bool again)
{
    struct store_change *change;
    uint64_t chunks = s->chunks + (s->tail.len > 0); // so many documents there are
    int r = store_change_new(s->store, &change);

    if (r != 0)
        return r;
    s->run = rt_random();
    if (again) {
        s->chunks = s->taken = 0;
        buf_clear(&s->tail);
    }
    put_head(s, change);
    if (again)
        forget_chunks(s, change, chunks);
    r = store_commit(change);
    store_change_free(change);
    if (r == 0)
        import_state_committed(s);
    return r;
}

void import_state_add(struct import_state *s, const uint8_t key[IMPORT_KEY_BYTES])
{
    buf_put(&s->tail, str_of(key, IMPORT_KEY_BYTES));
    s->taken++;
}

void import_state_put(struct import_state *s, struct store_change *change)
{
    CHECK(buf_ok(&s->tail));
    store_change_doc_put(change, CHUNK_KIND, chunk_key(s, s->chunks), buf_str(&s->tail));
    // the head says how many are full: what is put now may be the last word on this one
    s->chunks += s->tail.len >= IMPORT_CHUNK_BYTES;
    put_head(s, change);
}

void import_state_committed(struct import_state *s)
{
    struct buf old = s->head;

    s->head = s->next;
    s->next = old;
    if (s->tail.len >= IMPORT_CHUNK_BYTES)
        buf_clear(&s->tail);
}
