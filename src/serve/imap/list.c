// SPDX-License-Identifier: ISC
//
// LIST (RFC 3501 6.3.8, RFC 5258, RFC 5819, RFC 6154, RFC 3348) and LSUB (RFC 3501 6.3.9).
//
// All names the account has are sorted so that what is below a name follows it at once. Levels that
// are no mailboxes themselves ("a" when only "a/b" exists) come out of the walk: they are those in
// front of a name that the name before it did not have.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/list.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/pattern.h"
#include "proto/imap/reply.h"
#include "serve/imap/session.h"

struct item {
    struct str name;
    const struct store_mailbox *mailbox; // NULL: there is none of that name
    bool is_subscribed;
};

struct lister {
    struct imap_session *s;
    struct imap_call *c;
    const struct imap_list *list;
    bool is_lsub;
    struct str *patterns; // decoded, with the reference
    size_t pattern_count;
    struct store_mailbox *mailboxes;
    size_t mailbox_count;
    char **subscriptions;
    size_t subscription_count;
    struct item *items;
    size_t count;
};

static int by_level(const void *a, const void *b)
{
    struct str x = ((const struct item *)a)->name, y = ((const struct item *)b)->name;
    size_t i = 0;

    while (i < x.len && i < y.len && x.ptr[i] == y.ptr[i])
        i++;
    if (i == x.len || i == y.len)
        return x.len < y.len ? -1 : x.len > y.len;
    if (x.ptr[i] == '/' || y.ptr[i] == '/')
        return x.ptr[i] == '/' ? -1 : 1;
    return (unsigned char)x.ptr[i] < (unsigned char)y.ptr[i] ? -1 : 1;
}

static bool is_below(struct str name, struct str above)
{
    return name.len > above.len && str_starts(name, above) && name.ptr[above.len] == '/';
}

static bool matches(const struct lister *l, struct str name)
{
    for (size_t i = 0; i < l->pattern_count; i++)
        if (imap_pattern_matches(l->patterns[i], name))
            return true;
    return false;
}

/// Reference and pattern are one name (RFC 3501 6.3.8: the interpretation is the server's).
static void add_pattern(struct lister *l, struct str pattern)
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
    if (imap_name_decode(str_of(joined, len), l->c->arena, &name))
        l->patterns[l->pattern_count++] = name;
}

/// Names that are both stand as one.
static void merge_twins(struct lister *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->count; i++) {
        struct item *last = kept > 0 ? &l->items[kept - 1] : NULL;

        if (last && str_eq(last->name, l->items[i].name)) {
            last->is_subscribed |= l->items[i].is_subscribed;
            if (!last->mailbox)
                last->mailbox = l->items[i].mailbox;
        } else {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
}

static int gather(struct lister *l)
{
    bool wants_subscribed =
        l->is_lsub || ((l->list->selects | l->list->returns) & IMAP_LIST_SUBSCRIBED);
    int r = 0;

    if (!l->is_lsub)
        r = store_mailboxes(imap_store(l->s), l->s->account_id, &l->mailboxes, &l->mailbox_count);
    if (r == 0 && wants_subscribed)
        r = store_subscriptions(imap_store(l->s), l->s->account_id, &l->subscriptions,
                                &l->subscription_count);
    if (r != 0)
        return r;
    l->items = calloc(l->mailbox_count + l->subscription_count + 1, sizeof(*l->items));
    CHECK(l->items);
    for (size_t i = 0; i < l->mailbox_count; i++)
        l->items[l->count++] =
            (struct item){str_from(l->mailboxes[i].name), &l->mailboxes[i], false};
    for (size_t i = 0; i < l->subscription_count; i++)
        l->items[l->count++] = (struct item){str_from(l->subscriptions[i]), NULL, true};
    qsort(l->items, l->count, sizeof(*l->items), by_level);
    merge_twins(l);
    return 0;
}

/// What is known of the names below items[at - 1], or of those from items[at] on that are below
/// `name`.
struct below {
    bool has_mailbox, has_subscribed;
};
static struct below look_below(const struct lister *l, struct str name, size_t at)
{
    struct below below = {false, false};

    for (; at < l->count && is_below(l->items[at].name, name); at++) {
        below.has_mailbox |= l->items[at].mailbox != NULL;
        below.has_subscribed |= l->items[at].is_subscribed;
    }
    return below;
}

static void put_special_use(unsigned use, struct buf *out)
{
    static const struct {
        unsigned bit;
        struct str name;
    } names[] = {
        {STORE_USE_ALL, STR(" \\All")},       {STORE_USE_ARCHIVE, STR(" \\Archive")},
        {STORE_USE_DRAFTS, STR(" \\Drafts")}, {STORE_USE_FLAGGED, STR(" \\Flagged")},
        {STORE_USE_JUNK, STR(" \\Junk")},     {STORE_USE_SENT, STR(" \\Sent")},
        {STORE_USE_TRASH, STR(" \\Trash")},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (use & names[i].bit)
            buf_put(out, names[i].name);
}

static int put_item(struct lister *l, const struct item *item, struct below below)
{
    struct buf *out = l->c->out;
    bool tells_subscribed = (l->list->selects | l->list->returns) & IMAP_LIST_SUBSCRIBED;

    buf_put(out, below.has_mailbox ? STR("* LIST (\\HasChildren") : STR("* LIST (\\HasNoChildren"));
    if (!item->mailbox)
        buf_put(out, STR(" \\NonExistent \\Noselect"));
    else
        put_special_use(item->mailbox->special_use, out);
    if (tells_subscribed && item->is_subscribed)
        buf_put(out, STR(" \\Subscribed"));
    buf_put(out, STR(") \"/\" "));
    imap_put_mailbox(out, item->name);
    if ((l->list->selects & IMAP_LIST_RECURSIVE_MATCH) && below.has_subscribed)
        buf_put(out, STR(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"));
    buf_put(out, STR("\r\n"));
    if (item->mailbox && (l->list->returns & IMAP_LIST_STATUS))
        return imap_put_status(l->s, item->mailbox, l->list->status_items, out);
    return 0;
}

/// LIST: is it one of those asked for?
static bool is_selected(const struct lister *l, const struct item *item, struct below below)
{
    unsigned selects = l->list->selects;

    if ((selects & IMAP_LIST_SPECIAL_USE) && (!item->mailbox || !item->mailbox->special_use))
        return false;
    if (selects & IMAP_LIST_SUBSCRIBED)
        return item->is_subscribed ||
               ((selects & IMAP_LIST_RECURSIVE_MATCH) && below.has_subscribed);
    return item->mailbox || below.has_mailbox;
}

/// RFC 3501 6.3.9: a level that is not subscribed stands for what is below it and does not match.
static void put_lsub(struct lister *l, const struct item *item, const struct item *cause)
{
    if (!item->is_subscribed && matches(l, cause->name))
        return;
    buf_put(l->c->out,
            item->is_subscribed ? STR("* LSUB () \"/\" ") : STR("* LSUB (\\Noselect) \"/\" "));
    imap_put_mailbox(l->c->out, item->name);
    buf_put(l->c->out, STR("\r\n"));
}

/// One name; `at` is where the names below it would begin, `cause` the item it came from.
static int tell(struct lister *l, const struct item *item, const struct item *cause, size_t at)
{
    struct below below;
    int r = rt_breathe(); // long names and patterns take their time, also when they do not match

    if (r < 0 || !matches(l, item->name))
        return r;
    below = look_below(l, item->name, at);
    if (l->is_lsub)
        put_lsub(l, item, cause);
    else if (is_selected(l, item, below))
        r = put_item(l, item, below);
    if (r == 0)
        r = imap_put_out(l->s, l->c, false);
    return r;
}

static int walk(struct lister *l)
{
    struct str before = STR("");

    for (size_t i = 0; i < l->count; i++) {
        struct str name = l->items[i].name;
        int r;

        for (size_t n = 1; n < name.len; n++) {
            struct item level = {.name = str_head(name, n)};

            if (name.ptr[n] != '/' || str_eq(before, level.name) || is_below(before, level.name))
                continue;
            r = tell(l, &level, &l->items[i], i);
            if (r != 0)
                return r;
        }
        r = tell(l, &l->items[i], &l->items[i], i + 1);
        if (r != 0)
            return r;
        before = name;
    }
    return 0;
}

static int list(struct imap_session *s, struct imap_call *c, const struct imap_list *what,
                bool is_lsub)
{
    struct lister l = {.s = s, .c = c, .list = what, .is_lsub = is_lsub};
    int r;

    // RFC 3501 6.3.8: an empty name asks for the delimiter
    if (!what->is_extended && what->patterns[0].len == 0) {
        buf_put(c->out, is_lsub ? STR("* LSUB (\\Noselect) \"/\" \"\"\r\n")
                                : STR("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        return imap_ok(s, c, "Done");
    }
    l.patterns = ARENA_ARRAY(c->arena, struct str, what->pattern_count);
    for (size_t i = 0; i < what->pattern_count; i++)
        add_pattern(&l, what->patterns[i]);
    r = gather(&l);
    if (r == 0)
        r = walk(&l);
    free(l.items);
    free(l.mailboxes);
    free(l.subscriptions);
    return r == 0 ? imap_ok(s, c, "Done") : imap_no_store(s, c, "list", r);
}

int imap_on_list(struct imap_session *s, struct imap_call *c)
{
    struct imap_list what;

    if (!imap_list_parse(&c->in, c->arena, &what))
        return imap_bad_syntax(s, c);
    return list(s, c, &what, false);
}

int imap_on_lsub(struct imap_session *s, struct imap_call *c)
{
    struct imap_list what;

    if (!imap_lsub_parse(&c->in, c->arena, &what))
        return imap_bad_syntax(s, c);
    return list(s, c, &what, true);
}
