// SPDX-License-Identifier: ISC
//
// The lines of LIST: one for the name, and then what was asked to be returned with it.
#include "base/cleanup.h"
#include "proto/imap/create.h"
#include "serve/imap/list.h"
#include "serve/imap/metadata.h"

_Static_assert((int)IMAP_USE_ALL == STORE_USE_ALL && (int)IMAP_USE_ARCHIVE == STORE_USE_ARCHIVE &&
                   (int)IMAP_USE_DRAFTS == STORE_USE_DRAFTS &&
                   (int)IMAP_USE_FLAGGED == STORE_USE_FLAGGED &&
                   (int)IMAP_USE_JUNK == STORE_USE_JUNK && (int)IMAP_USE_SENT == STORE_USE_SENT &&
                   (int)IMAP_USE_TRASH == STORE_USE_TRASH,
               "uses are handed through as they are");

static void put_line(struct imap_lister *l, const struct imap_list_item *item,
                     struct imap_below below)
{
    struct buf *out = l->c->out;
    bool tells_subscribed = (l->list->selects | l->list->returns) & IMAP_LIST_SUBSCRIBED;

    buf_put(out, below.has_mailbox ? STR("* LIST (\\HasChildren") : STR("* LIST (\\HasNoChildren"));
    if (!item->mailbox)
        buf_put(out, STR(" \\NonExistent \\Noselect"));
    else if (item->mailbox->account_id == l->s->account_id) // RFC 6154 2: it is the user's own use
        imap_put_uses(item->mailbox->special_use, out);
    if (tells_subscribed && item->is_subscribed)
        buf_put(out, STR(" \\Subscribed"));
    buf_put(out, STR(") \"/\" "));
    imap_put_name(l->s, item->name, out);
    if ((l->list->selects & IMAP_LIST_RECURSIVE_MATCH) && below.has_subscribed)
        buf_put(out, STR(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"));
    buf_put(out, STR("\r\n"));
}

/// RFC 8440 4
static void put_my_rights(struct imap_lister *l, const struct imap_list_item *item)
{
    buf_put(l->c->out, STR("* MYRIGHTS "));
    imap_put_name(l->s, item->name, l->c->out);
    buf_put_char(l->c->out, ' ');
    access_rights_put(item->rights, l->c->out);
    buf_put(l->c->out, STR("\r\n"));
}

/// [await] RFC 9590 4: for who may read annotations there; others are told nothing of it.
static int put_metadata(struct imap_lister *l, const struct imap_list_item *item)
{
    struct imap_metadata_get get = {.entries = l->list->entries, .count = l->list->entry_count};
    struct imap_annotated of = {(struct store_mailbox *)item->mailbox, item->rights};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_drop) struct buf document = {0};
    struct imap_annotations all;
    size_t longest = 0;
    int r;

    if (!imap_may_annotate(item->rights))
        return 0;
    arena_init(&arena, 1 << 20);
    buf_init(&document, STORE_DOC_MAX);
    r = imap_annotations_load(l->s, &arena, &of, &document, &all);
    if (r == 0)
        imap_put_metadata(l->s, l->c, item->name, &all, &get, &longest);
    return r;
}

int imap_list_put(struct imap_lister *l, const struct imap_list_item *item, struct imap_below below)
{
    unsigned returns = l->list->returns;

    put_line(l, item, below);
    if (!item->mailbox)
        return 0;
    if (returns & IMAP_LIST_MYRIGHTS)
        put_my_rights(l, item);
    if ((returns & IMAP_LIST_STATUS) && (item->rights & ACCESS_READ)) {
        int r = imap_put_status(l->s, item->mailbox, l->list->status_items, l->c->out);

        if (r != 0)
            return r;
    }
    return returns & IMAP_LIST_METADATA ? put_metadata(l, item) : 0;
}
