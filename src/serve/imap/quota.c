// SPDX-License-Identifier: ISC
#include "serve/imap/quota.h"

#include "base/cleanup.h"
#include "serve/imap/acl.h"

bool imap_has_quota(struct imap_session *s, uint64_t account_id)
{
    struct store_quota quota;

    return store_quota_get(imap_store(s), account_id, &quota) == 0 &&
           (quota.bytes_max > 0 || quota.messages_max > 0);
}

void imap_put_quota_root(struct imap_session *s, uint64_t account_id, struct buf *out)
{
    CLEANUP(buf_drop) struct buf address;

    buf_init(&address, ACCOUNT_ADDRESS_MAX);
    (void)account_address_of(imap_accounts(s), account_id, &address);
    imap_put_identifier(s, buf_str(&address), out);
}

static void put_resource(struct str name, uint64_t used, uint64_t limit, struct buf *out)
{
    buf_put(out, name);
    buf_put_u64(out, used);
    buf_put_char(out, ' ');
    buf_put_u64(out, limit);
}

/// RFC 9208 5.1: units of 1024 octets; what was begun counts whole.
static uint64_t units(uint64_t bytes)
{
    return bytes / 1024 + (bytes % 1024 != 0);
}

void imap_put_quota(struct imap_session *s, uint64_t account_id, struct buf *out)
{
    struct store_quota quota;

    if (store_quota_get(imap_store(s), account_id, &quota) != 0)
        return;
    buf_put(out, STR("* QUOTA "));
    imap_put_quota_root(s, account_id, out);
    buf_put(out, STR(" ("));
    if (quota.bytes_max > 0)
        put_resource(STR("STORAGE "), units(quota.bytes), units(quota.bytes_max), out);
    if (quota.bytes_max > 0 && quota.messages_max > 0)
        buf_put_char(out, ' ');
    if (quota.messages_max > 0)
        put_resource(STR("MESSAGE "), quota.messages, quota.messages_max, out);
    buf_put(out, STR(")\r\n"));
}
