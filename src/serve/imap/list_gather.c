// SPDX-License-Identifier: ISC
//
// All names that LIST and LSUB look at, sorted so that what is below a name follows it at once: the
// account's own mailboxes, those of others that it may look up (RFC 4314 4, right "l"), and what it
// subscribed to.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/pattern.h"
#include "serve/imap/list.h"

static int by_level(const void *a, const void *b)
{
    struct str x = ((const struct imap_list_item *)a)->name,
               y = ((const struct imap_list_item *)b)->name;
    size_t i = 0;

    while (i < x.len && i < y.len && x.ptr[i] == y.ptr[i])
        i++;
    if (i == x.len || i == y.len)
        return x.len < y.len ? -1 : x.len > y.len;
    if (x.ptr[i] == '/' || y.ptr[i] == '/')
        return x.ptr[i] == '/' ? -1 : 1;
    return (unsigned char)x.ptr[i] < (unsigned char)y.ptr[i] ? -1 : 1;
}

/// Reference and pattern are one name (RFC 3501 6.3.8: the interpretation is the server's).
static void add_pattern(struct imap_lister *l, struct str pattern)
{
    struct str reference = l->list->reference, name;
    size_t len = reference.len + pattern.len;
    char *joined;

    if (len > IMAP_PATTERN_MAX)
        return; // matches nothing
    joined = arena_alloc(l->c->arena, len + 1);
    if (len > 0 && reference.len > 0)
        memcpy(joined, reference.ptr, reference.len);
    if (pattern.len > 0)
        memcpy(joined + reference.len, pattern.ptr, pattern.len);
    if (l->c->is_utf8 ? imap_name_decode_utf8(str_of(joined, len), l->c->arena, &name)
                      : imap_name_decode(str_of(joined, len), l->c->arena, &name))
        l->patterns[l->pattern_count++] = imap_name_normalise(name, l->c->arena);
}

void imap_list_patterns(struct imap_lister *l)
{
    l->patterns = ARENA_ARRAY(l->c->arena, struct str, l->list->pattern_count);
    for (size_t i = 0; i < l->list->pattern_count; i++)
        add_pattern(l, l->list->patterns[i]);
}

/// Names that are both stand as one.
static void merge_twins(struct imap_lister *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->count; i++) {
        struct imap_list_item *last = kept > 0 ? &l->items[kept - 1] : NULL;

        if (last && str_eq(last->name, l->items[i].name)) {
            last->is_subscribed |= l->items[i].is_subscribed;
            if (!last->mailbox) {
                last->mailbox = l->items[i].mailbox;
                last->rights = l->items[i].rights;
            }
        } else {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
}

/// Could a pattern match a name of somebody else's mailbox? Most do not, and need no look.
static bool may_match_others(const struct imap_lister *l)
{
    struct str others = STR(ACCESS_OTHERS);

    for (size_t i = 0; i < l->pattern_count; i++) {
        struct str pattern = l->patterns[i];
        size_t n = 0;

        while (n < pattern.len && n < others.len && pattern.ptr[n] == others.ptr[n])
            n++;
        if (n == pattern.len || n == others.len || pattern.ptr[n] == '*' || pattern.ptr[n] == '%')
            return true;
    }
    return false;
}

static struct str name_of_other(struct imap_lister *l, const struct store_mailbox *mailbox)
{
    CLEANUP(buf_drop) struct buf name;

    buf_init(&name, ACCESS_NAME_MAX);
    access_put_name(imap_access(l->s), l->s->account_id, mailbox, &name);
    return arena_str(l->c->arena, buf_str(&name));
}

/// What others let this account look up, behind the items that are there. Nobody can share so much
/// that others no longer see their own: what has no room is left out.
static int add_others(struct imap_lister *l, const uint64_t *ids, size_t count)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));

    CHECK(mailbox);
    for (size_t i = 0; i < count; i++) {
        struct store_mailbox *kept;
        unsigned rights;
        int r = store_mailbox_by_id(imap_store(l->s), ids[i], mailbox);

        if (r == STORE_NOT_FOUND) { // it went with its account
            access_forget(imap_access(l->s), ids[i]);
            continue;
        }
        if (r != 0)
            return r;
        rights = access_rights(imap_access(l->s), l->s->account_id, mailbox);
        if (!(rights & ACCESS_LOOKUP) || mailbox->account_id == l->s->account_id)
            continue;
        if (!arena_has_room(l->c->arena, sizeof(*kept) + ACCESS_NAME_MAX))
            break;
        kept = ARENA_NEW(l->c->arena, struct store_mailbox);
        *kept = *mailbox;
        l->items[l->count++] = (struct imap_list_item){name_of_other(l, kept), kept, rights, false};
    }
    return 0;
}

static int read_names(struct imap_lister *l)
{
    bool wants_subscribed =
        l->is_lsub || ((l->list->selects | l->list->returns) & IMAP_LIST_SUBSCRIBED);
    int r = 0;

    if (!l->is_lsub)
        r = store_mailboxes(imap_store(l->s), l->s->account_id, &l->mailboxes, &l->mailbox_count);
    if (r == 0 && wants_subscribed)
        r = store_subscriptions(imap_store(l->s), l->s->account_id, &l->subscriptions,
                                &l->subscription_count);
    return r;
}

int imap_list_gather(struct imap_lister *l)
{
    uint64_t *others = NULL;
    size_t other_count = 0;
    int r = read_names(l);

    if (r != 0)
        return r;
    if (!l->is_lsub && may_match_others(l))
        access_candidates(imap_access(l->s), l->s->account_id, l->c->arena, &others, &other_count);
    l->items =
        calloc(l->mailbox_count + l->subscription_count + other_count + 1, sizeof(*l->items));
    CHECK(l->items);
    for (size_t i = 0; i < l->mailbox_count; i++)
        l->items[l->count++] = (struct imap_list_item){str_from(l->mailboxes[i].name),
                                                       &l->mailboxes[i], ACCESS_ALL, false};
    r = add_others(l, others, other_count);
    if (r != 0)
        return r;
    for (size_t i = 0; i < l->subscription_count; i++)
        l->items[l->count++] =
            (struct imap_list_item){str_from(l->subscriptions[i]), NULL, 0, true};
    qsort(l->items, l->count, sizeof(*l->items), by_level);
    merge_twins(l);
    return 0;
}

void imap_list_done(struct imap_lister *l)
{
    free(l->items);
    free(l->mailboxes);
    free(l->subscriptions);
}
