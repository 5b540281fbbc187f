// SPDX-License-Identifier: ISC
#include "serve/imap/objectid.h"

#include "crypto/hmac.h"

enum { THREAD_BYTES = 12 }; // of the hash: no two conversations of this world share them by chance

static void put_id(struct buf *out, char kind, uint64_t id)
{
    buf_putf(out, "%c%llx", kind, (unsigned long long)id);
}

void imap_put_emailid(struct buf *out, uint64_t message_id)
{
    put_id(out, 'M', message_id);
}

void imap_put_mailboxid(struct buf *out, uint64_t mailbox_id)
{
    put_id(out, 'F', mailbox_id);
}

void imap_put_threadid(struct buf *out, struct str references, struct str message_id,
                       uint64_t stored_id)
{
    uint8_t hash[HMAC_BYTES];
    struct str root = STR("");

    while (root.len == 0 && str_split(&references, ' ', &root))
        continue;
    if (root.len == 0)
        root = message_id;
    if (root.len == 0) {
        put_id(out, 'T', stored_id);
        return;
    }
    hmac_sha256(STR("thread"), root, hash);
    buf_put_char(out, 'T');
    for (size_t i = 0; i < THREAD_BYTES; i++)
        buf_putf(out, "%02x", hash[i]);
}

/// As put_id writes it, and in no other way: an id has one name.
static bool parse_id(struct str text, char kind, uint64_t *out)
{
    uint64_t id = 0;

    if (text.len < 2 || text.len > 17 || text.ptr[0] != kind || text.ptr[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        int digit = char_hex(text.ptr[i]);

        if (digit < 0 || (text.ptr[i] >= 'A' && text.ptr[i] <= 'F'))
            return false;
        id = id << 4 | (unsigned)digit;
    }
    *out = id;
    return true;
}

bool imap_parse_emailid(struct str text, uint64_t *out_message_id)
{
    return parse_id(text, 'M', out_message_id);
}

bool imap_parse_mailboxid(struct str text, uint64_t *out_mailbox_id)
{
    return parse_id(text, 'F', out_mailbox_id);
}
