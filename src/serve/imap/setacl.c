// SPDX-License-Identifier: ISC
//
// SETACL (RFC 4314 3.1): replaces what an identifier may do, or adds to it ("+") or takes away from
// it ("-").
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/acl.h"

/// mod-rights = astring; an unknown letter is a syntax error.
static bool scan_rights(struct imap_call *c, enum access_mode *mode, unsigned *out)
{
    struct str text;

    if (!imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &text))
        return false;
    *mode = ACCESS_REPLACE;
    if (text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-')) {
        *mode = text.ptr[0] == '+' ? ACCESS_ADD : ACCESS_REMOVE;
        text = str_skip(text, 1);
    }
    return access_rights_parse(text, out);
}

int imap_on_setacl(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct imap_identifier who;
    enum access_mode mode;
    struct str text;
    unsigned rights;
    int result;

    CHECK(mailbox);
    if (imap_find_administered(s, c, mailbox, &result) != 0)
        return result;
    if (!imap_scan_identifier(c, &text) || !scan_rights(c, &mode, &rights) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!imap_identify(s, mailbox, text, &who))
        return imap_no(s, c, "[CANNOT] Nobody here is called that");
    return imap_change_acl(s, c, mailbox, &who, mode, rights);
}
