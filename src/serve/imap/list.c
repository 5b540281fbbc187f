// SPDX-License-Identifier: ISC
//
// LIST (RFC 3501 6.3.8, RFC 3348, RFC 5258, RFC 5819, RFC 6154, RFC 8440) and LSUB (RFC
// 3501 6.3.9).
//
// All names are sorted so that what is below a name follows it at once (list_gather.c). Levels that
// are no mailboxes themselves ("a" when only "a/b" exists) come out of the walk: they are those in
// front of a name that the name before it did not have.
#include "proto/imap/mailbox_name.h"
#include "proto/imap/pattern.h"
#include "serve/imap/list.h"

static bool matches(const struct imap_lister *l, struct str name)
{
    for (size_t i = 0; i < l->pattern_count; i++)
        if (imap_pattern_matches(l->patterns[i], name))
            return true;
    return false;
}

/// Of the names below items[at - 1], or of those from items[at] on that are below `name`.
static struct imap_below look_below(const struct imap_lister *l, struct str name, size_t at)
{
    struct imap_below below = {false, false};

    for (; at < l->count && imap_name_is_below(l->items[at].name, name); at++) {
        below.has_mailbox |= l->items[at].mailbox != NULL;
        below.has_subscribed |= l->items[at].is_subscribed;
    }
    return below;
}

/// Others' uses are theirs (RFC 6154 2).
static bool has_use(const struct imap_lister *l, const struct imap_list_item *item)
{
    return item->mailbox && item->mailbox->special_use &&
           item->mailbox->account_id == l->s->account_id;
}

/// LIST: is it one of those asked for?
static bool is_selected(const struct imap_lister *l, const struct imap_list_item *item,
                        struct imap_below below)
{
    unsigned selects = l->list->selects;

    if ((selects & IMAP_LIST_SPECIAL_USE) && !has_use(l, item))
        return false;
    if (selects & IMAP_LIST_SUBSCRIBED)
        return item->is_subscribed ||
               ((selects & IMAP_LIST_RECURSIVE_MATCH) && below.has_subscribed);
    return item->mailbox || below.has_mailbox;
}

/// RFC 3501 6.3.9: a level that is not subscribed stands for what is below it and does not match.
static void put_lsub(struct imap_lister *l, const struct imap_list_item *item,
                     const struct imap_list_item *cause)
{
    if (!item->is_subscribed && matches(l, cause->name))
        return;
    buf_put(l->c->out,
            item->is_subscribed ? STR("* LSUB () \"/\" ") : STR("* LSUB (\\Noselect) \"/\" "));
    imap_put_name(l->s, item->name, l->c->out);
    buf_put(l->c->out, STR("\r\n"));
}

/// One name; `at` is where the names below it would begin, `cause` the item it came from.
static int tell(struct imap_lister *l, const struct imap_list_item *item,
                const struct imap_list_item *cause, size_t at)
{
    struct imap_below below;
    int r = rt_breathe(); // long names and patterns take their time, also when they do not match

    if (r < 0 || !matches(l, item->name))
        return r;
    below = look_below(l, item->name, at);
    if (l->is_lsub)
        put_lsub(l, item, cause);
    else if (is_selected(l, item, below))
        r = imap_list_put(l, item, below);
    if (r == 0)
        r = imap_put_out(l->s, l->c, false);
    return r;
}

static int walk(struct imap_lister *l)
{
    struct str before = STR("");

    for (size_t i = 0; i < l->count; i++) {
        struct str name = l->items[i].name;
        int r;

        for (size_t n = 1; n < name.len; n++) {
            struct imap_list_item level = {.name = str_head(name, n)};

            if (name.ptr[n] != '/' || str_eq(before, level.name) ||
                imap_name_is_below(before, level.name))
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
    struct imap_lister l = {.s = s, .c = c, .list = what, .is_lsub = is_lsub};
    int r;

    // RFC 3501 6.3.8: an empty name asks for the delimiter
    if (!what->is_extended && what->patterns[0].len == 0) {
        buf_put(c->out, is_lsub ? STR("* LSUB (\\Noselect) \"/\" \"\"\r\n")
                                : STR("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        return imap_ok(s, c, "Done");
    }
    imap_list_patterns(&l);
    r = imap_list_gather(&l);
    if (r == 0)
        r = walk(&l);
    imap_list_done(&l);
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
