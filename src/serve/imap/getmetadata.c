// SPDX-License-Identifier: ISC
//
// GETMETADATA (RFC 5464 4.2).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/metadata.h"

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
    if (of.mailbox)
        access_put_name(imap_access(s), s->account_id, of.mailbox, &name);
    imap_put_metadata(s, c, of.mailbox ? buf_str(&name) : STR_NONE, &all, &get, &longest);
    if (longest == 0)
        return imap_ok(s, c, "Done");
    (void)snprintf(text, sizeof(text), "[METADATA LONGENTRIES %zu] There are longer ones", longest);
    return imap_ok(s, c, text);
}
