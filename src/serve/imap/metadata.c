// SPDX-License-Identifier: ISC
#include "serve/imap/metadata.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct str key_of(const struct imap_session *s, const struct imap_annotated *of,
                         char text[static 24])
{
    uint64_t id = of->mailbox ? of->mailbox->id : s->account_id;

    return str_of(text, (size_t)snprintf(text, 24, "%" PRIu64, id));
}

int imap_annotations_load(struct imap_session *s, struct arena *arena,
                          const struct imap_annotated *of, struct buf *document,
                          struct imap_annotations *out)
{
    const char *kind = of->mailbox ? STORE_DOC_METADATA : STORE_DOC_ACCOUNT_METADATA;
    char key[24];
    int r;

    r = store_doc_get(imap_store(s), kind, key_of(s, of, key), document);
    return r < 0 ? r : imap_annotations_parse(buf_str(document), arena, out);
}

int imap_annotations_save(struct imap_session *s, const struct imap_annotated *of,
                          const struct buf *before, const struct imap_annotations *after)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct str old = before->len > 0 ? buf_str(before) : STR_NONE;
    CLEANUP(buf_drop) struct buf text;
    char key[24];
    int r;

    buf_init(&text, STORE_DOC_MAX);
    imap_annotations_put(after, &text);
    if (!buf_ok(&text))
        return STORE_LIMIT;
    r = store_change_new(imap_store(s), &change);
    if (r != 0)
        return r;
    if (of->mailbox)
        store_change_mailbox_doc(change, STORE_DOC_METADATA, &of->mailbox->id, old,
                                 text.len > 0 ? buf_str(&text) : STR_NONE);
    else if (text.len > 0)
        store_change_doc_put_if(change, STORE_DOC_ACCOUNT_METADATA, key_of(s, of, key), old,
                                buf_str(&text));
    else if (old.ptr)
        store_change_doc_remove(change, STORE_DOC_ACCOUNT_METADATA, key_of(s, of, key));
    return store_commit(change);
}

int imap_find_annotated(struct imap_session *s, struct imap_call *c, struct str wire,
                        unsigned rights, struct imap_annotated *out, int *out_r)
{
    enum imap_name_answer answer;
    struct str name;

    *out = (struct imap_annotated){.rights = ACCESS_LOOKUP | ACCESS_READ};
    if (wire.len == 0)
        return 0;
    answer = imap_decode_name(c, wire, &name);
    if (answer != IMAP_NAME_OK) {
        *out_r = imap_refuse_name(s, c, answer);
        return -1;
    }
    out->mailbox = ARENA_NEW(c->arena, struct store_mailbox);
    if (imap_lookup_mailbox(s, c, name, rights, out->mailbox, out_r) != 0)
        return -1;
    out->rights = access_rights(imap_access(s), s->account_id, out->mailbox);
    if (imap_may_annotate(out->rights))
        return 0;
    *out_r = imap_no(s, c, "[NOPERM] You were not given the right to do that there");
    return -1;
}

bool imap_may_annotate(unsigned rights)
{
    return (rights & ACCESS_LOOKUP) &&
           (rights & (ACCESS_READ | ACCESS_SEEN | ACCESS_WRITE | ACCESS_INSERT | ACCESS_POST));
}

// ---- telling

struct teller {
    struct imap_session *s;
    struct str name;
    struct buf *out;
    bool has_begun;
};

/// RFC 5464 5: nstring, or literal8 for what no string can hold.
static void put_value(struct buf *out, struct str value)
{
    if (value.len == 0 || !memchr(value.ptr, 0, value.len)) {
        imap_put_nstring(out, value);
        return;
    }
    buf_put_char(out, '~');
    imap_put_literal_head(out, value.len);
    buf_put(out, value);
}

static void tell(struct teller *t, struct str entry, struct str value)
{
    if (!t->has_begun) {
        buf_put(t->out, STR("* METADATA "));
        if (t->name.ptr)
            imap_put_name(t->s, t->name, t->out);
        else
            buf_put(t->out, STR("\"\""));
    }
    buf_put(t->out, t->has_begun ? STR(" ") : STR(" ("));
    t->has_begun = true;
    imap_put_astring(t->out, entry);
    buf_put_char(t->out, ' ');
    put_value(t->out, value);
}

/// What was asked for once. False: nothing of it is there.
static bool tell_one(struct teller *t, const struct imap_annotations *all, struct str asked,
                     const struct imap_metadata_get *get, size_t *longest)
{
    uint64_t whose = str_starts(asked, STR("/private/")) ? t->s->account_id : 0;
    bool has_itself = false;

    for (size_t i = 0; i < all->count; i++) {
        const struct imap_annotation *one = &all->items[i];

        if (one->account_id != whose || !imap_annotation_matches(one->entry, asked, get->depth))
            continue;
        has_itself |= str_eq(one->entry, asked);
        if (!get->has_size_max || one->value.len <= get->size_max)
            tell(t, one->entry, one->value);
        else if (one->value.len > *longest)
            *longest = one->value.len;
    }
    return has_itself;
}

void imap_put_metadata(struct imap_session *s, struct imap_call *c, struct str name,
                       const struct imap_annotations *all, const struct imap_metadata_get *get,
                       size_t *longest)
{
    struct teller t = {.s = s, .name = name, .out = c->out};

    for (size_t i = 0; i < get->count; i++)
        if (!tell_one(&t, all, get->entries[i], get, longest) && get->depth == 0)
            tell(&t, get->entries[i], STR_NONE);
    if (t.has_begun)
        buf_put(c->out, STR(")\r\n"));
}
