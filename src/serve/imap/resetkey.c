// SPDX-License-Identifier: ISC
//
// RESETKEY (RFC 4467 7): what was authorized for a mailbox, or for all of them, is so no more.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/urlauth.h"

int imap_on_resetkey(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct str mechanism;
    int r, result;

    CHECK(mailbox);
    if (scan_is_end(&c->in)) {
        r = imap_urlkey_remove_all(s, s->account_id);
        return r == 0 ? imap_ok(s, c, "All keys are gone") : imap_no_store(s, c, "resetkey", r);
    }
    if (imap_find_mailbox(s, c, ACCESS_READ, mailbox, &result) != 0)
        return result;
    while (!scan_is_end(&c->in)) {
        if (!imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, &mechanism))
            return imap_bad_syntax(s, c);
        if (!str_case_eq(mechanism, STR("INTERNAL")))
            return imap_no(s, c, "[CANNOT] There is no mechanism but INTERNAL");
    }
    r = imap_urlkey_renew(s, s->account_id, mailbox->id);
    if (r != 0)
        return imap_no_store(s, c, "resetkey", r);
    return imap_ok(s, c, "[URLMECH INTERNAL] There is a new key");
}
