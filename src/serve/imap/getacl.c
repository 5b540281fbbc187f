// SPDX-License-Identifier: ISC
//
// GETACL (RFC 4314 3.3): the list of a mailbox, its owner first.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/acl.h"

static void put_entry(struct imap_session *s, const struct access_entry *entry, struct buf *out)
{
    CLEANUP(buf_drop) struct buf who;

    buf_init(&who, ACCOUNT_ADDRESS_MAX + 1);
    if (!access_entry_put(imap_access(s), entry, &who))
        return; // of an account that is gone
    buf_put_char(out, ' ');
    imap_put_identifier(s, buf_str(&who), out);
    buf_put_char(out, ' ');
    access_rights_put(entry->rights, out);
}

int imap_on_getacl(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct access_entry *entries, owner = {.rights = ACCESS_ALL};
    size_t count;
    int result;

    CHECK(mailbox);
    if (imap_find_administered(s, c, mailbox, &result) != 0)
        return result;
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    buf_put(c->out, STR("* ACL "));
    imap_put_name_of(s, mailbox, c->out);
    owner.account_id = mailbox->account_id;
    put_entry(s, &owner, c->out);
    access_list_get(imap_access(s), mailbox->id, c->arena, &entries, &count);
    for (size_t i = 0; i < count; i++)
        put_entry(s, &entries[i], c->out);
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "Done");
}
