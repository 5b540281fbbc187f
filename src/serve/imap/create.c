// SPDX-License-Identifier: ISC
//
// CREATE (RFC 3501 6.3.3). Levels above need not exist: they show as \\NonExistent.
#include "base/cleanup.h"
#include "serve/imap/session.h"

int imap_on_create(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    enum imap_name_answer answer;
    struct str name;
    int r;

    answer = imap_scan_name(c, &name);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    r = store_change_new(imap_store(s), &change);
    if (r == 0) {
        store_change_mailbox_create(change, s->account_id, name, STORE_USE_NONE, NULL);
        r = store_commit(change);
    }
    return r == 0 ? imap_ok(s, c, "Created") : imap_no_store(s, c, "create", r);
}
