// SPDX-License-Identifier: ISC
#include "queue/secret.h"

#include "rt/rt.h"

#include <errno.h>

enum { SECRET_BYTES = 32 };

static void make(char out[2 * SECRET_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[SECRET_BYTES];

    rt_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < SECRET_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/// [await] STORE_CONFLICT: somebody else did in the same moment, which is as good.
static int put(struct store *store, struct str secret)
{
    struct store_change *change;
    int r;

    r = store_change_new(store, &change);
    if (r < 0)
        return r;
    store_change_doc_put_if(change, "secret", STR("return-path"), STR_NONE, secret);
    r = store_commit(change);
    store_change_free(change);
    return r == STORE_CONFLICT ? 0 : r > 0 ? -EIO : r;
}

int queue_secret_load(struct store *store, struct buf *out)
{
    char fresh[2 * SECRET_BYTES];
    int r;

    r = store_doc_get(store, "secret", STR("return-path"), out);
    if (r != STORE_NOT_FOUND)
        return r;
    make(fresh);
    r = put(store, str_of(fresh, sizeof(fresh)));
    if (r < 0)
        return r;
    r = store_doc_get(store, "secret", STR("return-path"), out);
    return r == STORE_NOT_FOUND ? -EIO : r;
}
