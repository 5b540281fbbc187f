// SPDX-License-Identifier: ISC
//
// Names that one account sees, to places and back.
#include "base/cleanup.h"

#include "access/inside.h"

static const struct str others = STR(ACCESS_OTHERS "/");

/// "ana@example.org/Projects": where does the address end? A local part may have a slash, a domain
/// has none.
static size_t address_len(struct str rest)
{
    ptrdiff_t at = str_find(rest, '@'), slash;

    if (at < 0)
        return rest.len;
    slash = str_find(str_skip(rest, (size_t)at), '/');
    return slash < 0 ? rest.len : (size_t)(at + slash);
}

bool access_place_of(struct access *access, uint64_t account_id, struct str name,
                     struct access_place *out)
{
    struct str rest, address;
    uint64_t owner_id;

    *out = (struct access_place){account_id, name, STR("")};
    if (!access || !str_starts(name, str_head(others, others.len - 1)))
        return true;
    if (!str_starts(name, others)) // "Other Users" itself is a level only; "Other Userssss" is free
        return name.len >= others.len;
    rest = str_skip(name, others.len);
    address = str_head(rest, address_len(rest));
    owner_id = account_id_of(access->accounts, address);
    if (!owner_id || owner_id == account_id)
        return false; // one's own have one name only
    rest = str_skip(rest, address.len);
    if (str_eq(rest, STR("/INBOX")))
        return false; // so has the INBOX of others
    out->account_id = owner_id;
    out->name = rest.len > 0 ? str_skip(rest, 1) : STR("INBOX");
    out->prefix = str_head(name, others.len + address.len);
    return true;
}

bool access_is_of_others(struct str name)
{
    return str_starts(name, others) || str_eq(name, STR(ACCESS_OTHERS));
}

void access_put_name(struct access *access, uint64_t account_id,
                     const struct store_mailbox *mailbox, struct buf *out)
{
    struct str name = str_from(mailbox->name);

    if (!access || mailbox->account_id == account_id) {
        buf_put(out, name);
        return;
    }
    buf_put(out, others);
    (void)account_address_of(access->accounts, mailbox->account_id, out);
    if (str_eq(name, STR("INBOX")))
        return;
    buf_put_char(out, '/');
    buf_put(out, name);
}
