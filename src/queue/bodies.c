// SPDX-License-Identifier: ISC
#include "queue/bodies.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "deliver/deliver.h"

enum { HEAD_MAX = 1024 };

/// What whoever must rebuild a lost index would like to know.
static void put_summary(struct buf *out, const struct envelope *e)
{
    buf_putf(out, "id=%llx from=<%.*s> peer=%.*s to=", (unsigned long long)e->id,
             STR_ARG(e->sender), STR_ARG(e->peer));
    for (size_t i = 0; i < e->recipient_count; i++) {
        struct str address = e->recipients[i].address;

        if (out->len + address.len + 8 > out->max)
            break;
        buf_putf(out, "%s<%.*s>", i ? "," : "", STR_ARG(address));
    }
}

static int begin_body(struct store *store, const struct envelope *e, unsigned return_path,
                      struct store_body **out)
{
    CLEANUP(buf_drop) struct buf head = {0}, summary = {0};
    int r;

    r = store_body_new(store, out);
    if (r < 0)
        return r;
    buf_init(&summary, STORE_ENVELOPE_MAX);
    put_summary(&summary, e);
    store_body_set_envelope(*out, buf_str(&summary));
    buf_init(&head, HEAD_MAX);
    deliver_put_head(&head, e->return_paths[return_path]);
    return store_body_append(*out, buf_str(&head));
}

int queue_bodies_begin(struct queue_bodies *bodies, struct store *store, const struct envelope *e)
{
    int r;

    for (size_t i = 0; i < e->recipient_count; i++)
        for (size_t k = 0; k < e->recipients[i].target_count; k++) {
            unsigned return_path = e->recipients[i].targets[k].return_path;

            CHECK(return_path < ENVELOPE_RETURN_PATHS_MAX);
            if (bodies->by_path[return_path])
                continue;
            r = begin_body(store, e, return_path, &bodies->by_path[return_path]);
            if (r < 0)
                return r;
        }
    return 0;
}

int queue_bodies_append(struct queue_bodies *bodies, struct str bytes)
{
    int r;

    for (size_t i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++) {
        if (!bodies->by_path[i])
            continue;
        r = store_body_append(bodies->by_path[i], bytes);
        if (r < 0)
            return r;
    }
    return 0;
}

void queue_bodies_free(struct queue_bodies *bodies)
{
    for (size_t i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++)
        store_body_free(TAKE(bodies->by_path[i]));
}

uint32_t queue_bodies_skip(const struct envelope *e, unsigned return_path)
{
    CLEANUP(buf_drop) struct buf head = {0};

    buf_init(&head, HEAD_MAX);
    deliver_put_head(&head, e->return_paths[return_path]);
    CHECK(buf_ok(&head));
    return (uint32_t)head.len;
}
