// SPDX-License-Identifier: ISC
#include "serve/imap/acl.h"

#include "proto/imap/reply.h"

int imap_find_administered(struct imap_session *s, struct imap_call *c, struct store_mailbox *out,
                           int *out_r)
{
    if (imap_access(s))
        return imap_find_mailbox(s, c, ACCESS_ADMIN, out, out_r);
    *out_r = imap_no(s, c, "[CANNOT] Nothing is shared here");
    return -1;
}

bool imap_scan_identifier(struct imap_call *c, struct str *out)
{
    return imap_scan_sp(&c->in) && imap_scan_astring(&c->in, c->arena, out);
}

bool imap_identify(struct imap_session *s, const struct store_mailbox *mailbox, struct str text,
                   struct imap_identifier *out)
{
    out->text = text;
    if (!access_entry_parse(imap_access(s), text, &out->entry))
        return false;
    out->is_owner = out->entry.account_id == mailbox->account_id;
    return true;
}

void imap_put_identifier(const struct imap_session *s, struct str text, struct buf *out)
{
    if (imap_speaks_utf8(s))
        imap_put_mailbox_utf8(out, text);
    else
        imap_put_astring(out, text);
}

int imap_change_acl(struct imap_session *s, struct imap_call *c,
                    const struct store_mailbox *mailbox, const struct imap_identifier *who,
                    enum access_mode mode, unsigned rights)
{
    int r;

    // else a delegate could stay on when it is one no more
    if (s->actor_id && s->actor_id != s->account_id)
        return imap_no(s, c, "[NOPERM] Who acts for another shares nothing of theirs");
    if (who->is_owner)
        return imap_no(s, c, "[CANNOT] The owner has every right, always");
    r = access_set(imap_access(s), mailbox, &who->entry, mode, rights);
    return r == 0 ? imap_ok(s, c, "Done") : imap_no_store(s, c, "acl", r);
}
