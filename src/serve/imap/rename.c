// SPDX-License-Identifier: ISC
//
// RENAME (RFC 3501 6.3.5): of a mailbox with all below it, of a level that is no mailbox itself,
// and of INBOX, which stays and gives its messages away. Who renames what is somebody else's needs
// the right "x" on all that goes along and "k" where it goes (RFC 4314 4); it stays the owner's.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "proto/imap/mailbox_name.h"
#include "serve/imap/session.h"

/// One change: nobody sees the new mailbox empty, nor finds it so after a crash.
static int empty_inbox(struct imap_session *s, const struct store_mailbox *inbox, struct str name)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct store_range all = {1, UINT32_MAX};
    struct store_copying copying = {.from_mailbox_id = inbox->id, .uids = {&all, 1}, .move = true};
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    store_change_mailbox_create(change, s->account_id, name, STORE_USE_NONE,
                                &copying.to_mailbox_id);
    store_change_copy(change, &copying);
    return store_commit(change);
}

/// Is there a mailbox between `from` and `name`? Then `name` goes along with it.
static bool goes_along(const struct map *names, struct str name, struct str from)
{
    for (size_t n = from.len + 1; n < name.len; n++)
        if (name.ptr[n] == '/' && map_get(names, str_head(name, n)))
            return true;
    return false;
}

static struct str join(struct arena *arena, struct str head, struct str tail)
{
    char *joined = arena_alloc(arena, head.len + tail.len);

    memcpy(joined, head.ptr, head.len);
    memcpy(joined + head.len, tail.ptr, tail.len);
    return str_of(joined, head.len + tail.len);
}

/// Renames the highest mailboxes below a level that is none; what is below them goes along.
static int rename_below(struct imap_session *s, struct imap_call *c, struct str from, struct str to)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0, renamed = 0;
    struct map names;
    int r = store_mailboxes(imap_store(s), s->account_id, &mailboxes, &count);

    if (r == 0)
        r = store_change_new(imap_store(s), &change);
    if (r != 0)
        return r;
    map_init(&names, (uint64_t[2]){rt_random(), rt_random()});
    for (size_t i = 0; i < count; i++)
        map_put(&names, str_from(mailboxes[i].name), &mailboxes[i]);
    for (size_t i = 0; i < count && r == 0; i++) {
        struct str name = str_from(mailboxes[i].name);

        if (!imap_name_is_below(name, from))
            continue;
        if (to.len + name.len - from.len > STORE_NAME_MAX)
            r = STORE_LIMIT;
        else if (!goes_along(&names, name, from) && ++renamed)
            store_change_mailbox_rename(change, mailboxes[i].id,
                                        join(c->arena, to, str_skip(name, from.len)));
    }
    map_done(&names);
    if (r == 0)
        r = renamed > 0 ? store_commit(change) : STORE_NOT_FOUND;
    return r;
}

static int rename_one(struct imap_session *s, uint64_t mailbox_id, struct str to)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    int r = store_change_new(imap_store(s), &change);

    if (r != 0)
        return r;
    store_change_mailbox_rename(change, mailbox_id, to);
    return store_commit(change);
}

/// [await] Own mailboxes.
static int rename_own(struct imap_session *s, struct imap_call *c, struct str from, struct str to)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct access_place place = {s->account_id, from, STR("")};
    unsigned rights;
    int r;

    CHECK(mailbox);
    r = imap_mailbox_at(s, &place, mailbox, &rights);
    if (r == STORE_NOT_FOUND)
        return rename_below(s, c, from, to);
    if (r != 0)
        return r;
    return str_eq(from, STR("INBOX")) ? empty_inbox(s, mailbox, to)
                                      : rename_one(s, mailbox->id, to);
}

/// [await] Has who has signed in the right "x" on all mailboxes below that one?
static int may_move_below(struct imap_session *s, const struct store_mailbox *mailbox, bool *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(s), mailbox->account_id, &mailboxes, &count);

    *out = true;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (imap_name_is_below(str_from(mailboxes[i].name), str_from(mailbox->name)))
            *out &=
                (access_rights(imap_access(s), s->account_id, &mailboxes[i]) & ACCESS_DELETE) != 0;
    }
    return r;
}

/// [await] A mailbox of somebody else's, within what is theirs. What the verb returns.
static int rename_other(struct imap_session *s, struct imap_call *c, struct str from,
                        const struct access_place *to)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    CLEANUP(free_drop) struct store_mailbox *parent = malloc(sizeof(*parent));
    unsigned rights = 0;
    bool may_move;
    int r, result;

    CHECK(mailbox && parent);
    r = imap_lookup_mailbox(s, c, from, ACCESS_DELETE, mailbox, &result);
    if (r != 0)
        return result;
    if (str_eq(str_from(mailbox->name), STR("INBOX")))
        return imap_no(s, c, "[CANNOT] Only its owner empties an INBOX");
    if (imap_name_is_below(to->name, str_from(mailbox->name)))
        return imap_no(s, c, "[CANNOT] A mailbox cannot go below itself");
    r = imap_parent_of(s, to, parent, &rights);
    if (r < 0)
        return imap_no_store(s, c, "rename", r);
    r = may_move_below(s, mailbox, &may_move);
    if (r == 0 && (!may_move || !(rights & ACCESS_CREATE)))
        return imap_no(s, c, "[NOPERM] You were not given the right to do that there");
    if (r == 0)
        r = rename_one(s, mailbox->id, to->name);
    return r == 0 ? imap_ok(s, c, "Renamed") : imap_no_store(s, c, "rename", r);
}

int imap_on_rename(struct imap_session *s, struct imap_call *c)
{
    struct access_place old, new;
    enum imap_name_answer answer;
    struct str from, to, given;
    int r;

    answer = imap_scan_name(c, &from);
    given = c->given_name;
    if (answer == IMAP_NAME_OK)
        answer = imap_scan_name(c, &to);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!access_place_of(imap_access(s), s->account_id, from, &old))
        return imap_no_store(s, c, "rename", STORE_NOT_FOUND);
    if (!access_place_of(imap_access(s), s->account_id, to, &new) ||
        old.account_id != new.account_id)
        return imap_no(s, c, "[CANNOT] A mailbox stays with its owner");
    if (old.account_id != s->account_id)
        return rename_other(s, c, from, &new);
    if (str_eq(to, STR("INBOX")) || str_eq(from, to))
        return imap_no(s, c, "[ALREADYEXISTS] A mailbox of that name exists");
    if (imap_name_is_below(to, from) && !str_eq(from, STR("INBOX")))
        return imap_no(s, c, "[CANNOT] A mailbox cannot go below itself");
    r = rename_own(s, c, from, to);
    if (r != 0)
        return imap_no_store(s, c, "rename", r);
    imap_put_list_news(s, to, str_eq(from, STR("INBOX")) ? to : given, c->out);
    return imap_ok(s, c, "Renamed");
}
