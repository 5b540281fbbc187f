// SPDX-License-Identifier: ISC
//
// Addresses to which nothing is sent, because their hosts have said that they do not exist.
#include "queue/queue.h"
#include "queue/suppress.h"

#include "app/operation.h"
#include "app/server.h"

static json_t *address_json(const struct queue_suppressed *s)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "address", operation_json(s->address), "since",
                     (json_int_t)s->since_s, "until", (json_int_t)s->until_s, "count",
                     (json_int_t)s->count, "reason", operation_json(s->reason));
}

/// [await] The server's, or one of our own in *own.
static struct queue_suppress *open_list(struct operation *op, struct queue_suppress **own)
{
    int r;

    *own = NULL;
    if (op->site->server)
        return server_queue(op->site->server)->suppress;
    r = queue_suppress_open(op->site->store, own);
    if (r < 0)
        buf_put(op->why, str_from(strerror(-r)));
    return *own;
}

int operate_suppress_list(struct operation *op)
{
    struct queue_suppress *own, *list = open_list(op, &own);
    struct queue_suppressed *items;
    json_t *addresses = json_array();
    size_t count = 0;

    if (list)
        queue_suppress_all(list, &op->arena, &items, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(addresses, address_json(&items[i]));
    operation_put(op, "addresses", addresses);
    queue_suppress_close(own);
    return list ? EX_OK : EX_IOERR;
}

int operate_suppress_remove(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct queue_suppress *own, *list = open_list(op, &own);
    int r = list ? queue_suppress_remove(list, address) : 0;

    queue_suppress_close(own);
    if (!list)
        return EX_IOERR;
    if (r == STORE_NOT_FOUND) {
        buf_putf(op->why, "mail to %.*s is not suppressed", STR_ARG(address));
        return EX_NOUSER;
    }
    if (r < 0)
        buf_put(op->why, str_from(strerror(-r)));
    return r < 0 ? EX_IOERR : EX_OK;
}
