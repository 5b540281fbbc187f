// SPDX-License-Identifier: ISC
//
// A message on its way in. Up to STORE_BODY_MEMORY_MAX bytes it is one buffer; past that the engine
// takes it piece by piece (BODY_EXTENT bytes each), and only its beginning stays in memory. When
// all of them together hold too much, each is cut down to STORE_BODY_MEMORY_MIN, in pieces as
// small: thousands of senders that stall in the middle must not fill the memory.
#include "base/check.h"
#include "store/crc.h"
#include "store/engine.h"

#include <errno.h>

static bool is_memory_short(struct store *store)
{
    uint64_t max = store->bodies_memory ? store->bodies_memory : STORE_BODIES_MEMORY_MAX;

    return atomic_load_explicit(&store->bodies_held, memory_order_relaxed) > max;
}

/// Of a big one the whole piece counts from the beginning, for it will fill.
static void count_held(struct store_body *body)
{
    size_t held = body->head.cap + body->extent;

    if (held == body->held)
        return;
    atomic_fetch_add_explicit(&body->store->bodies_held, (uint64_t)held - body->held,
                              memory_order_relaxed);
    body->held = held;
}

int store_body_new(struct store *store, struct store_body **out)
{
    struct store_body *body = store_alloc(sizeof(*body));

    body->store = store;
    buf_init(&body->head, store->engine->body_spill ? STORE_BODY_MEMORY_MAX : SIZE_MAX / 2);
    buf_init(&body->tail, BODY_EXTENT);
    buf_init(&body->envelope, STORE_ENVELOPE_MAX);
    *out = body;
    return 0;
}

void store_body_free(struct store_body *body)
{
    if (!body)
        return;
    if (body->store->engine->body_free)
        body->store->engine->body_free(body);
    atomic_fetch_sub_explicit(&body->store->bodies_held, body->held, memory_order_relaxed);
    buf_done(&body->head);
    buf_done(&body->tail);
    buf_done(&body->envelope);
    free(body->chunk_crc);
    free(body);
}

static int spill(struct store_body *body)
{
    int r = body->store->engine->body_spill(body);

    buf_clear(&body->tail);
    return r;
}

static int append_tail(struct store_body *body, struct str bytes)
{
    while (bytes.len) {
        struct str piece = str_head(bytes, body->extent - body->tail.len);

        buf_put(&body->tail, piece);
        bytes = str_skip(bytes, piece.len);
        if (body->tail.len == body->extent) {
            int r = spill(body);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

/// What was collected so far goes the way of all that follows, `bytes` first.
static int become_big(struct store_body *body, struct str bytes)
{
    struct buf all = body->head;
    int r;

    body->big = true;
    body->extent = is_memory_short(body->store) ? BODY_EXTENT_MIN : BODY_EXTENT;
    buf_init(&body->head, STORE_BODY_MEMORY_MIN);
    buf_put(&body->head, str_head(buf_str(&all), STORE_BODY_MEMORY_MIN));
    buf_put(&body->head, str_head(bytes, STORE_BODY_MEMORY_MIN - body->head.len));
    r = append_tail(body, buf_str(&all));
    buf_done(&all);
    count_held(body);
    return r;
}

static bool is_too_big(const struct store_body *body, struct str bytes)
{
    if (bytes.len > body->head.max - body->head.len)
        return true;
    return body->store->engine->body_spill && body->head.len + bytes.len > STORE_BODY_MEMORY_MIN &&
           is_memory_short(body->store);
}

int store_body_append(struct store_body *body, struct str bytes)
{
    if (body->error)
        return body->error;
    body->size += bytes.len;
    if (!body->big && is_too_big(body, bytes))
        body->error = become_big(body, bytes);
    if (body->error)
        return body->error;
    if (body->big) {
        body->error = append_tail(body, bytes);
    } else {
        buf_put(&body->head, bytes);
        count_held(body);
    }
    return body->error;
}

uint64_t store_body_size(const struct store_body *body)
{
    return body->size;
}

struct str store_body_head(const struct store_body *body)
{
    return str_head(buf_str(&body->head), STORE_BODY_MEMORY_MAX);
}

void store_body_set_envelope(struct store_body *body, struct str text)
{
    buf_clear(&body->envelope);
    buf_put(&body->envelope, str_head(text, STORE_ENVELOPE_MAX));
}

void store_body_seal(struct store_body *body)
{
    size_t count = (body->head.len + BODY_CHUNK - 1) / BODY_CHUNK;

    if (body->big || body->chunk_crc)
        return;
    body->chunk_crc = store_alloc(count * sizeof(uint32_t));
    for (size_t i = 0; i < count; i++) {
        struct str chunk = str_head(str_skip(buf_str(&body->head), i * BODY_CHUNK), BODY_CHUNK);

        body->chunk_crc[i] = crc32c(0, chunk.ptr, chunk.len);
    }
}
