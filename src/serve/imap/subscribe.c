// SPDX-License-Identifier: ISC
//
// SUBSCRIBE and UNSUBSCRIBE (RFC 3501 6.3.6, 6.3.7).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"

/// Is there such a mailbox, or one below that name, for this client to see? Else lists of names
/// would grow without end.
static int exists(struct imap_session *s, struct str name)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct access_place place;
    unsigned rights = 0;
    bool has_children;
    int r;

    CHECK(mailbox);
    if (!access_place_of(imap_access(s), s->account_id, name, &place))
        return STORE_NOT_FOUND;
    r = imap_mailbox_at(s, &place, mailbox, &rights);
    if (r < 0 || (rights & ACCESS_LOOKUP))
        return r;
    r = imap_visible_below(s, &place, &has_children);
    return r == 0 && !has_children ? STORE_NOT_FOUND : r;
}

static int subscribe(struct imap_session *s, struct imap_call *c, bool on)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    enum imap_name_answer answer;
    struct str name;
    int r = 0;

    answer = imap_scan_name(c, &name);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (on)
        r = exists(s, name);
    if (r == 0)
        r = store_change_new(imap_store(s), &change);
    if (r == 0) {
        store_change_subscribe(change, s->account_id, name, on);
        r = store_commit(change);
    }
    return r == 0 ? imap_ok(s, c, "Done") : imap_no_store(s, c, "subscribe", r);
}

int imap_on_subscribe(struct imap_session *s, struct imap_call *c)
{
    return subscribe(s, c, true);
}

int imap_on_unsubscribe(struct imap_session *s, struct imap_call *c)
{
    return subscribe(s, c, false);
}
