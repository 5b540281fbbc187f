// SPDX-License-Identifier: ISC
//
// MYRIGHTS (RFC 4314 3.5): what who has signed in may do with a mailbox. The RFC names the rights
// of which one is needed to ask (4).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"

enum {
    ONE_OF =
        ACCESS_LOOKUP | ACCESS_READ | ACCESS_INSERT | ACCESS_CREATE | ACCESS_DELETE | ACCESS_ADMIN,
};

int imap_on_myrights(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    unsigned rights;
    int result;

    CHECK(mailbox);
    if (imap_find_mailbox(s, c, 0, mailbox, &result) != 0)
        return result;
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    rights = access_rights(imap_access(s), s->account_id, mailbox);
    if (!(rights & ONE_OF))
        return imap_no_store(s, c, "myrights", STORE_NOT_FOUND);
    buf_put(c->out, STR("* MYRIGHTS "));
    imap_put_name_of(s, mailbox, c->out);
    buf_put_char(c->out, ' ');
    access_rights_put(rights, c->out);
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "Done");
}
