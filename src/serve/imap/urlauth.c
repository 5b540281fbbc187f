// SPDX-License-Identifier: ISC
#include "serve/imap/urlauth.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>

static const char kind[] = "urlkey";
enum { KEY_NAME_MAX = 48 };

/// "account/mailbox"
static struct str name_of(uint64_t account_id, uint64_t mailbox_id, char to[KEY_NAME_MAX])
{
    (void)snprintf(to, KEY_NAME_MAX, "%" PRIu64 "/%" PRIu64, account_id, mailbox_id);
    return str_from(to);
}

static int read_key(struct imap_session *s, struct str name, struct imap_urlkey *out)
{
    CLEANUP(buf_drop) struct buf value;
    int r;

    buf_init(&value, STORE_DOC_MAX);
    r = store_doc_get(imap_store(s), kind, name, &value);
    if (r != 0)
        return r;
    if (value.len != sizeof(out->bytes))
        return STORE_NOT_FOUND; // not ours: nothing is authorized by it
    memcpy(out->bytes, value.ptr, sizeof(out->bytes));
    return 0;
}

/// [await] STORE_CONFLICT: with `only_new`, when there is one already.
static int write_key(struct imap_session *s, struct str name, bool only_new,
                     struct imap_urlkey *out)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct imap_urlkey key;
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    rt_random_bytes(key.bytes, sizeof(key.bytes));
    if (only_new)
        store_change_doc_put_if(change, kind, name, STR_NONE, str_of(key.bytes, sizeof(key.bytes)));
    else
        store_change_doc_put(change, kind, name, str_of(key.bytes, sizeof(key.bytes)));
    r = store_commit(change);
    if (r == 0 && out)
        *out = key;
    return r;
}

int imap_urlkey_get(struct imap_session *s, uint64_t account_id, uint64_t mailbox_id, bool make,
                    struct imap_urlkey *out)
{
    char text[KEY_NAME_MAX];
    struct str name = name_of(account_id, mailbox_id, text);
    int r = read_key(s, name, out);

    if (r != STORE_NOT_FOUND || !make)
        return r;
    r = write_key(s, name, true, out);
    return r == STORE_CONFLICT ? read_key(s, name, out) : r; // somebody else made one just now
}

int imap_urlkey_renew(struct imap_session *s, uint64_t account_id, uint64_t mailbox_id)
{
    char text[KEY_NAME_MAX];

    return write_key(s, name_of(account_id, mailbox_id, text), false, NULL);
}

struct removing {
    struct str prefix;
    struct store_change *change;
    struct arena names; // until the commit
};

static int remove_key(void *arg, struct str name, struct str value)
{
    struct removing *removing = arg;

    (void)value;
    if (str_starts(name, removing->prefix) && arena_has_room(&removing->names, name.len + 64))
        store_change_doc_remove(removing->change, kind, arena_str(&removing->names, name));
    return 0;
}

int imap_urlkey_remove_all(struct imap_session *s, uint64_t account_id)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    char text[KEY_NAME_MAX];
    struct removing removing;
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    (void)snprintf(text, sizeof(text), "%" PRIu64 "/", account_id);
    removing = (struct removing){.prefix = str_from(text), .change = change};
    arena_init(&removing.names, STORE_MAILBOXES_MAX * 2 * KEY_NAME_MAX);
    r = store_doc_each(imap_store(s), kind, remove_key, &removing);
    if (r == 0)
        r = store_commit(change);
    arena_done(&removing.names);
    return r;
}

/// "01" is this way of making tokens: HMAC-SHA-256 (RFC 4467 2.4.1 wants it to be seen).
void imap_urltoken_put(const struct imap_urlkey *key, struct str rump, struct buf *out)
{
    uint8_t hash[HMAC_BYTES];

    hmac_sha256(str_of(key->bytes, sizeof(key->bytes)), rump, hash);
    buf_put(out, STR("01"));
    for (size_t i = 0; i < sizeof(hash); i++)
        buf_putf(out, "%02x", hash[i]);
}

bool imap_urltoken_is(const struct imap_urlkey *key, struct str rump, struct str token)
{
    CLEANUP(buf_drop) struct buf right;
    unsigned differs = 0;

    buf_init(&right, 2 + 2 * HMAC_BYTES);
    imap_urltoken_put(key, rump, &right);
    if (token.len != right.len)
        return false;
    for (size_t i = 0; i < token.len; i++)
        differs |= (unsigned)(unsigned char)(char_lower(token.ptr[i]) ^ right.ptr[i]);
    return differs == 0;
}

uint64_t imap_account_named(struct imap_session *s, struct str address)
{
    uint64_t id = account_id_of(imap_accounts(s), address);

    return id && account_is_enabled(imap_accounts(s), id) ? id : 0;
}
