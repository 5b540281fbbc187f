// SPDX-License-Identifier: ISC
//
// RENAME (RFC 3501 6.3.5): of a mailbox with all below it, of a level that is no mailbox itself,
// and of INBOX, which stays and gives its messages away.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "serve/imap/session.h"

/// `name` stands below `above`.
static bool is_below(struct str name, struct str above)
{
    return name.len > above.len && str_starts(name, above) && name.ptr[above.len] == '/';
}

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

        if (!is_below(name, from))
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

static int rename_mailbox(struct imap_session *s, struct imap_call *c, struct str from,
                          struct str to)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    int r;

    CHECK(mailbox);
    r = store_mailbox_by_name(imap_store(s), s->account_id, from, mailbox);
    if (r == STORE_NOT_FOUND)
        return rename_below(s, c, from, to);
    if (r != 0)
        return r;
    if (str_eq(from, STR("INBOX")))
        return empty_inbox(s, mailbox, to);
    r = store_change_new(imap_store(s), &change);
    if (r != 0)
        return r;
    store_change_mailbox_rename(change, mailbox->id, to);
    return store_commit(change);
}

int imap_on_rename(struct imap_session *s, struct imap_call *c)
{
    enum imap_name_answer answer;
    struct str from, to;
    int r;

    answer = imap_scan_name(c, &from);
    if (answer == IMAP_NAME_OK)
        answer = imap_scan_name(c, &to);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (str_eq(to, STR("INBOX")) || str_eq(from, to))
        return imap_no(s, c, "[ALREADYEXISTS] A mailbox of that name exists");
    if (is_below(to, from) && !str_eq(from, STR("INBOX")))
        return imap_no(s, c, "[CANNOT] A mailbox cannot go below itself");
    r = rename_mailbox(s, c, from, to);
    return r == 0 ? imap_ok(s, c, "Renamed") : imap_no_store(s, c, "rename", r);
}
