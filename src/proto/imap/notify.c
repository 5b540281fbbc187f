// SPDX-License-Identifier: ISC
#include "proto/imap/notify.h"

#include "proto/imap/scan.h"

/// Longer words before those they begin with do not matter: words are whole atoms.
static const struct {
    struct str word;
    enum imap_notify_kind kind;
} filters[] = {
    {STR("SELECTED"), IMAP_NOTIFY_SELECTED},
    {STR("SELECTED-DELAYED"), IMAP_NOTIFY_SELECTED_DELAYED},
    {STR("INBOXES"), IMAP_NOTIFY_INBOXES},
    {STR("PERSONAL"), IMAP_NOTIFY_PERSONAL},
    {STR("SUBSCRIBED"), IMAP_NOTIFY_SUBSCRIBED},
    {STR("SUBTREE"), IMAP_NOTIFY_SUBTREE},
    {STR("MAILBOXES"), IMAP_NOTIFY_MAILBOXES},
};

static const struct {
    struct str word;
    enum imap_event event;
} events[] = {
    {STR("MESSAGENEW"), IMAP_EVENT_NEW},
    {STR("MESSAGEEXPUNGE"), IMAP_EVENT_EXPUNGE},
    {STR("FLAGCHANGE"), IMAP_EVENT_FLAGS},
    {STR("MAILBOXNAME"), IMAP_EVENT_NAME},
    {STR("SUBSCRIPTIONCHANGE"), IMAP_EVENT_SUBSCRIPTION},
};

static bool is_selected(const struct imap_notify_group *group)
{
    return group->kind == IMAP_NOTIFY_SELECTED || group->kind == IMAP_NOTIFY_SELECTED_DELAYED;
}

static bool scan_filter(struct scan *in, struct imap_notify_group *out)
{
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        if (!imap_scan_word(in, filters[i].word))
            continue;
        out->kind = filters[i].kind;
        return true;
    }
    return false;
}

/// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
static enum imap_notify_answer scan_names(struct scan *in, struct arena *arena,
                                          struct imap_notify_group *out)
{
    bool in_list;

    if (!imap_scan_sp(in))
        return IMAP_NOTIFY_SYNTAX;
    in_list = scan_char(in, '(');
    out->names = ARENA_ARRAY(arena, struct str, IMAP_NOTIFY_NAMES_MAX);
    do {
        if (out->name_count == IMAP_NOTIFY_NAMES_MAX)
            return IMAP_NOTIFY_TOO_MANY;
        if (!imap_scan_astring(in, arena, &out->names[out->name_count++]))
            return IMAP_NOTIFY_SYNTAX;
    } while (in_list && imap_scan_sp(in));
    return !in_list || scan_char(in, ')') ? IMAP_NOTIFY_OK : IMAP_NOTIFY_SYNTAX;
}

/// event [SP "(" fetch-att *(SP fetch-att) ")"]
static bool scan_event(struct scan *in, struct arena *arena, struct imap_notify_group *out)
{
    enum imap_event event = IMAP_EVENT_OTHER;
    struct scan at;
    struct str word;

    if (!imap_scan_atom(in, &word))
        return false;
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        if (str_case_eq(word, events[i].word))
            event = events[i].event;
    out->events |= event;
    at = *in;
    if (event != IMAP_EVENT_NEW || !imap_scan_sp(&at) || scan_peek(&at) != '(')
        return true;
    *in = at;
    return is_selected(out) && out->fetch.count == 0 && imap_scan_fetch(in, arena, &out->fetch);
}

/// RFC 5465 5: which events go together.
static bool is_sound(const struct imap_notify_group *group)
{
    unsigned both = group->events & (IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE);

    if (both != 0 && both != (IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE))
        return false;
    if ((group->events & IMAP_EVENT_FLAGS) && both == 0)
        return false;
    return !is_selected(group) || !(group->events & (IMAP_EVENT_NAME | IMAP_EVENT_SUBSCRIPTION));
}

/// "(" event *(SP event) ")" / "NONE"
static bool scan_events(struct scan *in, struct arena *arena, struct imap_notify_group *out)
{
    if (imap_scan_word(in, STR("NONE")))
        return true;
    if (!scan_char(in, '('))
        return false;
    do {
        if (!scan_event(in, arena, out))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')') && is_sound(out);
}

/// "(" filter-mailboxes SP events ")"; what is selected once only, so that there is one list of
/// items.
static enum imap_notify_answer scan_group(struct scan *in, struct arena *arena, bool *has_selected,
                                          struct imap_notify_group *out)
{
    enum imap_notify_answer answer = IMAP_NOTIFY_OK;

    *out = (struct imap_notify_group){0};
    if (!scan_char(in, '(') || !scan_filter(in, out) || (is_selected(out) && *has_selected))
        return IMAP_NOTIFY_SYNTAX;
    *has_selected |= is_selected(out);
    if (out->kind == IMAP_NOTIFY_SUBTREE || out->kind == IMAP_NOTIFY_MAILBOXES)
        answer = scan_names(in, arena, out);
    if (answer != IMAP_NOTIFY_OK)
        return answer;
    return imap_scan_sp(in) && scan_events(in, arena, out) && scan_char(in, ')')
               ? IMAP_NOTIFY_OK
               : IMAP_NOTIFY_SYNTAX;
}

enum imap_notify_answer imap_scan_notify(struct scan *in, struct arena *arena,
                                         struct imap_notify_args *out)
{
    bool has_selected = false;

    *out = (struct imap_notify_args){0};
    if (!imap_scan_sp(in))
        return IMAP_NOTIFY_SYNTAX;
    if (imap_scan_word(in, STR("NONE")))
        return scan_is_end(in) ? IMAP_NOTIFY_OK : IMAP_NOTIFY_SYNTAX;
    if (!imap_scan_word(in, STR("SET")) || !imap_scan_sp(in))
        return IMAP_NOTIFY_SYNTAX;
    out->is_set = true;
    out->wants_status = imap_scan_word(in, STR("STATUS"));
    if (out->wants_status && !imap_scan_sp(in))
        return IMAP_NOTIFY_SYNTAX;
    out->groups = ARENA_ARRAY(arena, struct imap_notify_group, IMAP_NOTIFY_GROUPS_MAX);
    do {
        enum imap_notify_answer answer;

        if (out->count == IMAP_NOTIFY_GROUPS_MAX)
            return IMAP_NOTIFY_TOO_MANY;
        answer = scan_group(in, arena, &has_selected, &out->groups[out->count]);
        if (answer != IMAP_NOTIFY_OK)
            return answer;
        out->count++;
    } while (imap_scan_sp(in));
    return scan_is_end(in) ? IMAP_NOTIFY_OK : IMAP_NOTIFY_SYNTAX;
}
