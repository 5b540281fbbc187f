// SPDX-License-Identifier: ISC
//
// From names to mailboxes, the account's own and those of others (access/access.h), and back. What
// somebody may not look up is told from what does not exist by nothing (RFC 4314 6).
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/reply.h"
#include "serve/imap/session.h"

void imap_put_name(const struct imap_session *s, struct str name, struct buf *out)
{
    if (imap_speaks_utf8(s))
        imap_put_mailbox_utf8(out, name);
    else
        imap_put_mailbox(out, name);
}

void imap_put_name_of(const struct imap_session *s, const struct store_mailbox *mailbox,
                      struct buf *out)
{
    CLEANUP(buf_drop) struct buf name;

    buf_init(&name, ACCESS_NAME_MAX);
    access_put_name(imap_access(s), s->account_id, mailbox, &name);
    imap_put_name(s, buf_str(&name), out);
}

void imap_put_list_news(const struct imap_session *s, struct str name, struct str old_name,
                        struct buf *out)
{
    if (!(s->enabled & IMAP_REV2))
        return;
    buf_put(out, STR("* LIST () \"/\" "));
    imap_put_name(s, name, out);
    if (!str_eq(name, old_name)) {
        buf_put(out, STR(" (\"OLDNAME\" ("));
        imap_put_name(s, old_name, out);
        buf_put(out, STR("))"));
    }
    buf_put(out, STR("\r\n"));
}

/// [await] A mailbox whose name was not brought to NFC when it was made, by its NFC.
static int find_denormal(struct imap_session *s, const struct access_place *place,
                         struct store_mailbox *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    CLEANUP(arena_done) struct arena arena = {.max = 8 * IMAP_NAME_MAX}; // of one name
    size_t count = 0;
    int r = store_mailboxes(imap_store(s), place->account_id, &mailboxes, &count);

    if (r != 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct str name = str_from(mailboxes[i].name);

        arena_reset(&arena);
        if (charset_is_ascii(name) || !str_eq(imap_name_normalise(name, &arena), place->name))
            continue;
        *out = mailboxes[i];
        return 0;
    }
    return STORE_NOT_FOUND;
}

int imap_mailbox_at(struct imap_session *s, const struct access_place *place,
                    struct store_mailbox *out, unsigned *out_rights)
{
    int r = store_mailbox_by_name(imap_store(s), place->account_id, place->name, out);

    if (r == STORE_NOT_FOUND && !charset_is_ascii(place->name))
        r = find_denormal(s, place, out);
    if (r == 0)
        *out_rights = access_rights(imap_access(s), s->account_id, out);
    return r;
}

int imap_parent_of(struct imap_session *s, const struct access_place *place,
                   struct store_mailbox *out, unsigned *out_rights)
{
    struct access_place above = *place;

    *out_rights = place->account_id == s->account_id ? ACCESS_ALL : 0;
    while (true) {
        ptrdiff_t slash = str_find_last(above.name, '/');
        int r;

        if (slash <= 0)
            return STORE_NOT_FOUND;
        above.name.len = (size_t)slash;
        r = imap_mailbox_at(s, &above, out, out_rights);
        if (r != STORE_NOT_FOUND)
            return r;
    }
}

/// [await] TRYCREATE is for the verbs that file mail, which ask for ACCESS_INSERT, and a hint only
/// for who may make the mailbox.
static int refuse_lookup(struct imap_session *s, struct imap_call *c,
                         const struct access_place *place, unsigned rights)
{
    CLEANUP(free_drop) struct store_mailbox *parent = malloc(sizeof(*parent));
    unsigned may = 0;

    CHECK(parent);
    if (place && (rights & ACCESS_INSERT))
        (void)imap_parent_of(s, place, parent, &may);
    return may & ACCESS_CREATE ? imap_no(s, c, "[TRYCREATE] No such mailbox")
                               : imap_no_store(s, c, "mailbox", STORE_NOT_FOUND);
}

int imap_lookup_mailbox(struct imap_session *s, struct imap_call *c, struct str name,
                        unsigned rights, struct store_mailbox *out, int *out_r)
{
    struct access_place place;
    bool is_place = access_place_of(imap_access(s), s->account_id, name, &place);
    unsigned has = 0;
    int r = is_place ? imap_mailbox_at(s, &place, out, &has) : STORE_NOT_FOUND;

    if (r == 0 && has && (has & rights) == rights)
        return 0;
    if (r == 0 && (has & ACCESS_LOOKUP)) {
        *out_r = imap_no(s, c, "[NOPERM] You were not given the right to do that there");
        return -1;
    }
    if (r == 0 || r == STORE_NOT_FOUND)
        *out_r = refuse_lookup(s, c, is_place ? &place : NULL, rights);
    else
        *out_r = imap_no_store(s, c, "mailbox", r);
    return r == 0 ? STORE_NOT_FOUND : r;
}

int imap_visible_below(struct imap_session *s, const struct access_place *place, bool *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(s), place->account_id, &mailboxes, &count);

    *out = false;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (imap_name_is_below(str_from(mailboxes[i].name), place->name))
            *out |= access_rights(imap_access(s), s->account_id, &mailboxes[i]) & ACCESS_LOOKUP;
    }
    return r;
}
