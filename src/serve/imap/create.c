// SPDX-License-Identifier: ISC
//
// CREATE (RFC 3501 6.3.3), with the special use of RFC 6154 3 and the id of RFC 8474 4.1. Levels
// above need not exist: they show as \\NonExistent.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/create.h"
#include "serve/imap/objectid.h"
#include "serve/imap/session.h"

/// What a mailbox can be used for by this server: \\All and \\Flagged would be searches, not
/// places.
enum {
    USES = STORE_USE_ARCHIVE | STORE_USE_DRAFTS | STORE_USE_JUNK | STORE_USE_SENT | STORE_USE_TRASH,
};

/// Is there a mailbox with one of these uses already? Who files mail by its use has one place for
/// it then.
static int find_use(struct imap_session *s, unsigned uses, bool *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(s), s->account_id, &mailboxes, &count);

    for (size_t i = 0; i < count && r == 0; i++)
        *out |= (mailboxes[i].special_use & uses) != 0;
    return r;
}

/// The new mailbox has the list of the one above it (RFC 4314 4), from its first moment on.
static int create(struct imap_session *s, const struct access_place *place, uint64_t parent_id,
                  unsigned uses, uint64_t *out_id)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct access_list *list = NULL;
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    store_change_mailbox_create(change, place->account_id, place->name, uses, out_id);
    if (parent_id)
        access_inherit(imap_access(s), parent_id, change, out_id, &list);
    r = store_commit(change);
    access_inherited(imap_access(s), list, *out_id, r);
    return r;
}

/// [await] May it be made there? 0, with the mailbox above it (0: none), or the answer was given.
static int judge(struct imap_session *s, struct imap_call *c, struct str name, unsigned uses,
                 struct access_place *place, uint64_t *out_parent_id, int *out_r)
{
    CLEANUP(free_drop) struct store_mailbox *parent = malloc(sizeof(*parent));
    unsigned rights = 0;
    bool is_taken = false;
    int r = STORE_NOT_FOUND;

    CHECK(parent);
    if (access_place_of(imap_access(s), s->account_id, name, place))
        r = imap_parent_of(s, place, parent, &rights);
    *out_parent_id = r == 0 ? parent->id : 0;
    if ((r == 0 || r == STORE_NOT_FOUND) && !(rights & ACCESS_CREATE)) {
        *out_r = imap_no(s, c, "[NOPERM] You may not make mailboxes there");
        return -1;
    }
    if (uses && place->account_id != s->account_id) {
        *out_r = imap_no(s, c, "[USEATTR] A mailbox of somebody else's has no use for you");
        return -1;
    }
    if (r == STORE_NOT_FOUND)
        r = 0;
    if (r == 0 && uses)
        r = find_use(s, uses, &is_taken);
    if (r != 0)
        *out_r = imap_no_store(s, c, "create", r);
    else if (is_taken)
        *out_r = imap_no(s, c, "[USEATTR] Another mailbox is used for that");
    return r == 0 && is_taken ? -1 : r;
}

int imap_on_create(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(buf_drop) struct buf text = {0};
    enum imap_name_answer answer;
    struct access_place place;
    struct imap_uses uses;
    struct str name;
    uint64_t id = 0, parent_id;
    int r, result;

    answer = imap_scan_name(c, &name);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!imap_scan_uses(&c->in, &uses) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (uses.has_unknown || (uses.bits & ~(unsigned)USES))
        return imap_no(s, c, "[USEATTR] Mailboxes here cannot be used for that");
    if (judge(s, c, name, uses.bits, &place, &parent_id, &result) != 0)
        return result;
    r = create(s, &place, parent_id, uses.bits, &id);
    if (r != 0)
        return imap_no_store(s, c, "create", r);
    imap_put_list_news(s, name, c->given_name, c->out);
    buf_init(&text, 64);
    buf_put(&text, STR("[MAILBOXID ("));
    imap_put_mailboxid(&text, id);
    buf_put(&text, STR(")] Created"));
    return imap_ok(s, c, buf_cstr(&text));
}
