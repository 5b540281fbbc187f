// SPDX-License-Identifier: ISC
//
// GETMETADATA (RFC 5464 4.2).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/metadata.h"

/// What the settings say stands before what is kept: shared entries have no account, and of the
/// server none are kept.
static void add_settings(const struct imap_session *s, struct imap_annotations *all)
{
    const struct imap_annotation said[] = {
        {0, STR("/shared/admin"), s->config.admin},
        {0, STR("/shared/comment"), s->config.comment},
    };

    for (size_t i = 0; i < 2; i++) {
        if (said[i].value.len == 0 || all->count == IMAP_ANNOTATIONS_ALL_MAX)
            continue;
        memmove(all->items + 1, all->items, all->count * sizeof(*all->items));
        all->items[0] = said[i];
        all->count++;
    }
}

int imap_on_getmetadata(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(buf_drop) struct buf document = {0}, name = {0};
    struct imap_metadata_get get;
    struct imap_annotations all;
    struct imap_annotated of;
    size_t longest = 0;
    char text[80];
    int r, result;

    if (!imap_metadata_get_parse(&c->in, c->arena, &get))
        return imap_bad_syntax(s, c);
    if (imap_find_annotated(s, c, get.mailbox, 0, &of, &result) != 0)
        return result;
    buf_init(&document, STORE_DOC_MAX);
    buf_init(&name, ACCESS_NAME_MAX);
    r = imap_annotations_load(s, c->arena, &of, &document, &all);
    if (r != 0)
        return imap_no_store(s, c, "metadata", r);
    if (!of.mailbox)
        add_settings(s, &all);
    else
        access_put_name(imap_access(s), s->account_id, of.mailbox, &name);
    imap_put_metadata(s, c, of.mailbox ? buf_str(&name) : STR_NONE, &all, &get, &longest);
    if (longest == 0)
        return imap_ok(s, c, "Done");
    (void)snprintf(text, sizeof(text), "[METADATA LONGENTRIES %zu] There are longer ones", longest);
    return imap_ok(s, c, text);
}
