// SPDX-License-Identifier: ISC
//
// SETMETADATA (RFC 5464 4.3): all of the values or none. Of the server's entries a client has only
// the private ones to set.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/metadata.h"

enum { TRIES_MAX = 8 };

static bool has_shared(const struct imap_metadata_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (str_starts(set->values[i].entry, STR("/shared/")))
            return true;
    return false;
}

/// Without those of accounts that are gone.
static void forget_gone(struct imap_session *s, struct imap_annotations *all)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->count; i++)
        if (!all->items[i].account_id || account_exists(imap_accounts(s), all->items[i].account_id))
            all->items[kept++] = all->items[i];
    all->count = kept;
}

static enum imap_annotation_answer
change(struct imap_session *s, const struct imap_metadata_set *set, struct imap_annotations *all)
{
    enum imap_annotation_answer answer = IMAP_ANNOTATION_OK;

    forget_gone(s, all);
    for (size_t i = 0; i < set->count && answer == IMAP_ANNOTATION_OK; i++) {
        bool is_private = str_starts(set->values[i].entry, STR("/private/"));
        struct imap_annotation one = {.account_id = is_private ? s->account_id : 0,
                                      .entry = set->values[i].entry,
                                      .value = set->values[i].value};

        answer = imap_annotations_set(all, &one);
    }
    return answer;
}

/// [await] One try: STORE_CONFLICT when somebody was faster.
static int try_set(struct imap_session *s, struct imap_call *c, const struct imap_annotated *of,
                   const struct imap_metadata_set *set, enum imap_annotation_answer *answer)
{
    CLEANUP(buf_drop) struct buf document;
    struct imap_annotations all;
    int r;

    buf_init(&document, STORE_DOC_MAX);
    r = imap_annotations_load(s, c->arena, of, &document, &all);
    if (r != 0)
        return r;
    *answer = change(s, set, &all);
    return *answer == IMAP_ANNOTATION_OK ? imap_annotations_save(s, of, &document, &all) : 0;
}

int imap_on_setmetadata(struct imap_session *s, struct imap_call *c)
{
    enum imap_annotation_answer answer = IMAP_ANNOTATION_OK;
    struct imap_metadata_set set;
    struct imap_annotated of;
    int r = STORE_CONFLICT, result;

    if (!imap_metadata_set_parse(&c->in, c->arena, &set))
        return imap_bad_syntax(s, c);
    if (imap_find_annotated(s, c, set.mailbox, has_shared(&set) ? ACCESS_WRITE : 0, &of, &result) !=
        0)
        return result;
    if (!of.mailbox && has_shared(&set))
        return imap_no(s, c, "[NOPERM] The server's own entries are its administrator's");
    for (int i = 0; i < TRIES_MAX && r == STORE_CONFLICT; i++)
        r = try_set(s, c, &of, &set, &answer);
    if (answer == IMAP_ANNOTATION_TOO_LARGE)
        return imap_no(s, c, "[METADATA MAXSIZE 16384] A value is too large");
    if (answer == IMAP_ANNOTATION_TOO_MANY || r == STORE_LIMIT)
        return imap_no(s, c, "[METADATA TOOMANY] There are too many, or too much, already");
    return r == 0 ? imap_ok(s, c, "Done") : imap_no_store(s, c, "metadata", r);
}

_Static_assert(IMAP_ANNOTATION_MAX == 16384, "as the answer says");
