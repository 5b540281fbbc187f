// SPDX-License-Identifier: ISC
//
// NOTIFY for the mailboxes that are not selected: STATUS when messages come, go or change, LIST
// when a mailbox or a subscription does (RFC 5465 5). Rights hold at the moment of telling: `l` to
// hear of a mailbox, `r` to hear of its messages (RFC 5465 6).
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/list.h"
#include "serve/imap/notify_inside.h"
#include "serve/imap/view.h"

void imap_notify_boxes_done(struct imap_notify_boxes *boxes)
{
    for (size_t i = 0; i < boxes->count; i++)
        free(boxes->items[i].name);
    free(boxes->items);
    free(boxes->subscribed);
    *boxes = (struct imap_notify_boxes){0};
}

static void boxes_drop(struct imap_notify_boxes *boxes)
{
    imap_notify_boxes_done(boxes);
}

// ---- which mailboxes, which events

static int watch_account(struct imap_session *s, struct imap_notify *n, uint64_t account_id)
{
    for (size_t i = 0; i < n->account_count; i++)
        if (n->accounts[i].id == account_id)
            return 0;
    if (n->account_count == IMAP_NOTIFY_ACCOUNTS_MAX)
        return IMAP_NOTIFY_OVERFLOW;
    n->accounts[n->account_count].id = account_id;
    return store_watch_new(imap_store(s), account_id, 0, rt_conn_handle(s->conn),
                           &n->accounts[n->account_count++].watch);
}

/// Names that lead nowhere mean no mailbox (RFC 5465 3).
static int find_places(struct imap_session *s, struct imap_call *c, struct imap_notify *n, size_t g)
{
    struct imap_notify_group *group = &n->args.groups[g];
    size_t kept = 0;

    n->places[g] = ARENA_ARRAY(&n->arena, struct access_place, group->name_count + 1);
    for (size_t i = 0; i < group->name_count; i++) {
        struct access_place *place = &n->places[g][kept];
        struct str name;
        int r;

        if (imap_decode_name(c, group->names[i], &name) != IMAP_NAME_OK)
            continue;
        name = arena_str(&n->arena, name);
        if (!access_place_of(imap_access(s), s->account_id, name, place))
            continue;
        r = watch_account(s, n, place->account_id);
        if (r != 0)
            return r;
        kept++;
    }
    group->name_count = kept;
    return 0;
}

int imap_notify_watch(struct imap_session *s, struct imap_call *c, struct imap_notify *n)
{
    int r = watch_account(s, n, s->account_id);

    n->places = ARENA_ARRAY(&n->arena, struct access_place *, n->args.count);
    for (size_t g = 0; g < n->args.count && r == 0; g++)
        r = find_places(s, c, n, g);
    return r;
}

static bool is_below(struct str name, struct str root)
{
    return str_starts(name, root) && (name.len == root.len || name.ptr[root.len] == '/');
}

static bool is_at_place(const struct imap_notify_group *group, const struct access_place *places,
                        uint64_t account_id, struct str name)
{
    for (size_t i = 0; i < group->name_count; i++) {
        if (places[i].account_id != account_id)
            continue;
        if (group->kind == IMAP_NOTIFY_SUBTREE ? is_below(name, places[i].name)
                                               : str_eq(name, places[i].name))
            return true;
    }
    return false;
}

static bool is_subscribed(const struct imap_notify_boxes *boxes, struct str name)
{
    size_t low = 0, high = boxes->subscribed_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(str_from(boxes->subscribed[middle]), name);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/// The events of the first group the mailbox is in (RFC 5465 3).
static unsigned events_of(struct imap_session *s, const struct imap_notify *n,
                          const struct imap_notify_boxes *boxes,
                          const struct store_mailbox *mailbox)
{
    bool is_own = mailbox->account_id == s->account_id;
    struct str name = str_from(mailbox->name);

    for (size_t g = 0; g < n->args.count; g++) {
        const struct imap_notify_group *group = &n->args.groups[g];
        bool is_in = false;

        if (group->kind == IMAP_NOTIFY_PERSONAL)
            is_in = is_own;
        else if (group->kind == IMAP_NOTIFY_INBOXES)
            is_in = is_own && str_eq(name, STR("INBOX"));
        else if (group->kind == IMAP_NOTIFY_SUBSCRIBED)
            is_in = is_own && is_subscribed(boxes, name);
        else if (group->kind >= IMAP_NOTIFY_SUBTREE)
            is_in = is_at_place(group, n->places[g], mailbox->account_id, name);
        if (is_in)
            return group->events;
    }
    return 0;
}

static unsigned events_allowed(unsigned rights)
{
    unsigned events = 0;

    if (rights & ACCESS_LOOKUP)
        events |= IMAP_EVENT_NAME | IMAP_EVENT_SUBSCRIPTION;
    if ((rights & ACCESS_LOOKUP) && (rights & ACCESS_READ))
        events |= IMAP_EVENTS_OF_MESSAGES;
    return events;
}

// ---- how things are

static int by_id(const void *a, const void *b)
{
    const struct imap_notify_box *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static int add_box(struct imap_notify_boxes *boxes, const struct store_mailbox *mailbox,
                   unsigned events)
{
    if (boxes->count == IMAP_NOTIFY_MAILBOXES_MAX)
        return IMAP_NOTIFY_OVERFLOW;
    if (boxes->count == boxes->cap) {
        boxes->cap += boxes->cap / 2 + 16;
        boxes->items = realloc(boxes->items, boxes->cap * sizeof(*boxes->items));
        CHECK(boxes->items);
    }
    boxes->items[boxes->count] = (struct imap_notify_box){
        .id = mailbox->id,
        .account_id = mailbox->account_id,
        .modseq = mailbox->modseq,
        .uidnext = mailbox->uidnext,
        .count = mailbox->message_count,
        .events = events,
        .name = strdup(mailbox->name),
    };
    CHECK(boxes->items[boxes->count++].name);
    return 0;
}

static int gather_account(struct imap_session *s, const struct imap_notify *n, uint64_t account_id,
                          struct imap_notify_boxes *boxes)
{
    CLEANUP(free_drop) struct store_mailbox *mailboxes = NULL;
    size_t count = 0;
    int r = store_mailboxes(imap_store(s), account_id, &mailboxes, &count);

    for (size_t i = 0; i < count && r == 0; i++) {
        unsigned events = events_of(s, n, boxes, &mailboxes[i]);

        if (events)
            events &= events_allowed(access_rights(imap_access(s), s->account_id, &mailboxes[i]));
        if (events)
            r = add_box(boxes, &mailboxes[i], events);
    }
    return r;
}

static int gather(struct imap_session *s, const struct imap_notify *n,
                  struct imap_notify_boxes *out)
{
    int r =
        store_subscriptions(imap_store(s), s->account_id, &out->subscribed, &out->subscribed_count);

    for (size_t i = 0; i < n->account_count && r == 0; i++)
        r = gather_account(s, n, n->accounts[i].id, out);
    if (out->count > 0)
        qsort(out->items, out->count, sizeof(*out->items), by_id);
    return r;
}

// ---- telling

static int tell_status(struct imap_session *s, const struct imap_notify_box *box, struct buf *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    unsigned items =
        IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT | IMAP_STATUS_UIDVALIDITY | IMAP_STATUS_UNSEEN;
    int r;

    CHECK(mailbox);
    if (s->enabled & IMAP_CONDSTORE)
        items |= IMAP_STATUS_HIGHESTMODSEQ;
    r = store_mailbox_by_id(imap_store(s), box->id, mailbox);
    if (r == STORE_NOT_FOUND)
        return 0; // gone already; that is told next time
    return r == 0 ? imap_put_status(s, mailbox, items, out) : r;
}

static void put_name(struct imap_session *s, uint64_t account_id, const char *name, struct buf *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = calloc(1, sizeof(*mailbox));

    CHECK(mailbox);
    mailbox->account_id = account_id;
    snprintf(mailbox->name, sizeof(mailbox->name), "%s", name);
    imap_put_name_of(s, mailbox, out);
}

/// `* LIST (attributes) "/" name`, with OLDNAME when there is an old one.
static void tell_list(struct imap_session *s, const struct imap_notify_box *box,
                      const char *attributes, const char *old_name, struct buf *out)
{
    buf_putf(out, "* LIST (%s) \"/\" ", attributes);
    put_name(s, box->account_id, box->name, out);
    if (old_name) {
        buf_put(out, STR(" (\"OLDNAME\" ("));
        put_name(s, box->account_id, old_name, out);
        buf_put(out, STR("))"));
    }
    buf_put(out, STR("\r\n"));
}

static int tell_messages(struct imap_session *s, const struct imap_notify_box *was,
                         const struct imap_notify_box *is, struct buf *out)
{
    bool is_selected = s->view && s->view->mailbox_id == is->id;
    bool is_moved = was->uidnext != is->uidnext || was->count != is->count;

    if (is_selected || was->modseq == is->modseq ||
        !(is->events & (is_moved ? IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE : IMAP_EVENT_FLAGS)))
        return 0;
    return tell_status(s, is, out);
}

static int tell_both(struct imap_session *s, const struct imap_notify_box *was,
                     const struct imap_notify_box *is, struct buf *out)
{
    if ((is->events & IMAP_EVENT_NAME) && strcmp(was->name, is->name) != 0)
        tell_list(s, is, "", was->name, out);
    return tell_messages(s, was, is, out);
}

static int tell_one(struct imap_session *s, const struct imap_notify_box *was,
                    const struct imap_notify_box *is, struct buf *out)
{
    static const struct imap_notify_box empty = {.uidnext = 1};

    if (was && is)
        return tell_both(s, was, is, out);
    if (was && (was->events & IMAP_EVENT_NAME))
        tell_list(s, was, "\\NonExistent", NULL, out);
    if (is && (is->events & IMAP_EVENT_NAME))
        tell_list(s, is, "", NULL, out);
    return is && is->count > 0 ? tell_messages(s, &empty, is, out) : 0;
}

static int tell_mailboxes(struct imap_session *s, const struct imap_notify_boxes *before,
                          const struct imap_notify_boxes *now, struct buf *out)
{
    size_t b = 0, n = 0;
    int r = 0;

    while ((b < before->count || n < now->count) && r == 0) {
        const struct imap_notify_box *was = b < before->count ? &before->items[b] : NULL;
        const struct imap_notify_box *is = n < now->count ? &now->items[n] : NULL;

        if (was && is && was->id != is->id) {
            if (was->id < is->id)
                is = NULL;
            else
                was = NULL;
        }
        b += was != NULL;
        n += is != NULL;
        r = tell_one(s, was, is, out);
    }
    return r;
}

static void tell_subscription(struct imap_session *s, const struct imap_notify *n,
                              const struct imap_notify_boxes *boxes, const char *name, bool is_on,
                              struct buf *out)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = calloc(1, sizeof(*mailbox));
    struct imap_notify_box box = {.account_id = s->account_id, .name = mailbox->name};
    bool exists;

    CHECK(mailbox);
    mailbox->account_id = s->account_id;
    snprintf(mailbox->name, sizeof(mailbox->name), "%s", name);
    if (!(events_of(s, n, boxes, mailbox) & IMAP_EVENT_SUBSCRIPTION))
        return;
    exists = store_mailbox_by_name(imap_store(s), s->account_id, str_from(name), mailbox) == 0;
    tell_list(s, &box,
              exists  ? is_on ? "\\Subscribed" : ""
              : is_on ? "\\Subscribed \\NonExistent"
                      : "\\NonExistent",
              NULL, out);
}

/// A name that is subscribed no longer was in the group SUBSCRIBED until now.
static void tell_subscriptions(struct imap_session *s, const struct imap_notify *n,
                               const struct imap_notify_boxes *before,
                               const struct imap_notify_boxes *now, struct buf *out)
{
    size_t b = 0, i = 0;

    while (b < before->subscribed_count || i < now->subscribed_count) {
        int order = b == before->subscribed_count ? 1
                    : i == now->subscribed_count
                        ? -1
                        : strcmp(before->subscribed[b], now->subscribed[i]);

        if (order < 0)
            tell_subscription(s, n, before, before->subscribed[b], false, out);
        else if (order > 0)
            tell_subscription(s, n, now, now->subscribed[i], true, out);
        b += order <= 0;
        i += order >= 0;
    }
}

int imap_notify_first(struct imap_session *s, struct imap_notify *n, bool tell, struct buf *out)
{
    int r = gather(s, n, &n->boxes);

    for (size_t i = 0; tell && r == 0 && i < n->boxes.count; i++) {
        const struct imap_notify_box *box = &n->boxes.items[i];

        if ((box->events & IMAP_EVENTS_OF_MESSAGES) && !(s->view && s->view->mailbox_id == box->id))
            r = tell_status(s, box, out);
    }
    return r;
}

int imap_notify_tell(struct imap_session *s, struct imap_notify *n, struct buf *out)
{
    CLEANUP(boxes_drop) struct imap_notify_boxes before = {0};
    struct imap_notify_boxes now = {0};
    int r = gather(s, n, &now);

    if (r != 0) {
        imap_notify_boxes_done(&now);
        return r;
    }
    before = n->boxes;
    n->boxes = now;
    tell_subscriptions(s, n, &before, &n->boxes, out);
    return tell_mailboxes(s, &before, &n->boxes, out);
}
