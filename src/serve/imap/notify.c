// SPDX-License-Identifier: ISC
//
// The command, and the selected mailbox; the others are in notify_others.c.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/imap/fetch.h"
#include "serve/imap/notify_inside.h"
#include "serve/imap/view.h"

void imap_notify_free(struct imap_notify *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->account_count; i++)
        store_watch_free(n->accounts[i].watch);
    imap_notify_boxes_done(&n->boxes);
    arena_done(&n->arena);
    free(n);
}

static void notify_drop(struct imap_notify **n)
{
    imap_notify_free(*n);
}

static const struct imap_notify_group *selected_group(const struct imap_notify *n)
{
    for (size_t i = 0; i < n->args.count; i++)
        if (n->args.groups[i].kind <= IMAP_NOTIFY_SELECTED_DELAYED)
            return &n->args.groups[i];
    return NULL;
}

static bool has_unknown_event(const struct imap_notify_args *args)
{
    for (size_t i = 0; i < args->count; i++)
        if (args->groups[i].events & IMAP_EVENT_OTHER)
            return true;
    return false;
}

/// False: the answer was given, *out_r is what the verb returns.
static bool begin(struct imap_session *s, struct imap_call *c, struct imap_notify *n, int *out_r)
{
    int r;

    if (has_unknown_event(&n->args)) {
        *out_r = imap_no(s, c,
                         "[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "
                         "SubscriptionChange)] Other events are not told here");
        return false;
    }
    r = imap_notify_watch(s, c, n);
    if (r == 0)
        r = imap_notify_first(s, n, n->args.wants_status, c->out);
    if (r == IMAP_NOTIFY_OVERFLOW)
        *out_r = imap_no(s, c, "[NOTIFICATIONOVERFLOW] Too many mailboxes");
    else if (r != 0)
        *out_r = imap_no_store(s, c, "notify", r);
    return r == 0;
}

int imap_on_notify(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(notify_drop) struct imap_notify *n = calloc(1, sizeof(*n));
    struct str text = scan_rest(&c->in);
    enum imap_notify_answer answer;
    struct scan in;
    int r;

    CHECK(n);
    arena_init(&n->arena, IMAP_ARENA_MAX); // as any command's: a line and what it says
    in = scan_of(arena_str(&n->arena, str_head(text, IMAP_LINE_MAX)));
    answer = text.len <= IMAP_LINE_MAX ? imap_scan_notify(&in, &n->arena, &n->args)
                                       : IMAP_NOTIFY_TOO_MANY;
    if (answer == IMAP_NOTIFY_SYNTAX)
        return imap_bad_syntax(s, c);
    if (answer == IMAP_NOTIFY_TOO_MANY)
        return imap_no(s, c, "[NOTIFICATIONOVERFLOW] Too many names");
    if (n->args.is_set && !begin(s, c, n, &r))
        return r;
    imap_notify_free(s->notify);
    s->notify = n->args.is_set ? TAKE(n) : NULL;
    return imap_ok(s, c, "Done");
}

/// The items that were asked for, of the messages that came.
static int fetch_new(struct imap_session *s, struct imap_call *c, const struct imap_fetch *what,
                     uint32_t uid_first)
{
    size_t first = imap_view_index(s->view, uid_first);

    if (what->count == 0 || first >= s->view->count)
        return 0;
    return imap_fetch_unasked(s, c, what, (uint32_t)first, (uint32_t)s->view->count - 1);
}

static int tell_selected(struct imap_session *s, struct imap_call *c)
{
    const struct imap_notify_group *group = s->notify ? selected_group(s->notify) : NULL;
    enum imap_sync how = IMAP_SYNC_ALL;
    uint32_t uidnext;
    int r;

    if (!s->view || (!s->is_idling && (!group || !(group->events & IMAP_EVENT_NEW))))
        return 0;
    if (!s->is_idling && group->kind == IMAP_NOTIFY_SELECTED_DELAYED)
        how = IMAP_SYNC_KEEP_NUMBERS;
    uidnext = s->view->uidnext;
    r = imap_view_sync(s, how, false, c->out);
    if (r == 0 && group)
        r = fetch_new(s, c, &group->fetch, uidnext);
    return r;
}

int imap_notify_wake(struct imap_session *s)
{
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buf_drop) struct buf out;
    struct imap_call c = {.arena = &arena, .out = &out, .is_uid = true};
    int r;

    arena_init(&arena, IMAP_ARENA_MAX);
    buf_init(&out, IMAP_OUT_MAX);
    if (!imap_is_welcome(s))
        return imap_bye(s, "This account is closed");
    r = tell_selected(s, &c);
    if (r == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (r >= 0 && s->notify)
        r = imap_notify_tell(s, s->notify, &out);
    if (r == IMAP_NOTIFY_OVERFLOW) {
        imap_notify_free(TAKE(s->notify));
        buf_put(&out, STR("* OK [NOTIFICATIONOVERFLOW] Nothing more is told unasked\r\n"));
    }
    if (r < 0 && !imap_is_gone(r))
        log_failure("serve/imap", "notify", r); // the next notification or command tries again
    r = imap_put_out(s, &c, true);
    return r < 0 ? r : RT_NEXT;
}
