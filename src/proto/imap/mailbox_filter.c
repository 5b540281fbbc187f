// SPDX-License-Identifier: ISC
#include "proto/imap/mailbox_filter.h"

#include "proto/imap/scan.h"

static const struct {
    struct str name;
    enum imap_filter_kind kind;
    bool has_names;
} filters[] = {
    {STR("INBOXES"), IMAP_FILTER_INBOXES, false},
    {STR("MAILBOXES"), IMAP_FILTER_MAILBOXES, true},
    {STR("PERSONAL"), IMAP_FILTER_PERSONAL, false},
    {STR("SELECTED"), IMAP_FILTER_SELECTED, false},
    {STR("SELECTED-DELAYED"), IMAP_FILTER_SELECTED_DELAYED, false},
    {STR("SUBSCRIBED"), IMAP_FILTER_SUBSCRIBED, false},
    {STR("SUBTREE"), IMAP_FILTER_SUBTREE, true},
    {STR("SUBTREE-ONE"), IMAP_FILTER_SUBTREE_ONE, true},
};
enum { FILTER_COUNT = sizeof(filters) / sizeof(*filters) };

/// Doubles it: what a command may take of the arena hangs on the names that it has, not on what
/// else there is of it.
static void grow(struct imap_mailbox_filter *out, size_t *cap, struct arena *arena)
{
    struct str *names = ARENA_ARRAY(arena, struct str, 2 * *cap + 4);

    if (out->count > 0)
        memcpy(names, out->names, out->count * sizeof(*names));
    out->names = names;
    *cap = 2 * *cap + 4;
}

/// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
static bool scan_names(struct scan *in, struct arena *arena, struct imap_mailbox_filter *out)
{
    size_t cap = 0;

    if (!scan_char(in, '(')) {
        out->names = ARENA_NEW(arena, struct str);
        out->count = 1;
        return imap_scan_astring(in, arena, out->names);
    }
    do {
        if (out->count == cap)
            grow(out, &cap, arena);
        if (!imap_scan_astring(in, arena, &out->names[out->count++]))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

bool imap_scan_mailbox_filter(struct scan *in, struct arena *arena, struct imap_mailbox_filter *out)
{
    struct imap_mailbox_filter found = {0};
    struct str word;
    size_t i = 0;

    if (!imap_scan_atom(in, &word))
        return false;
    while (i < FILTER_COUNT && !str_case_eq(filters[i].name, word))
        i++;
    if (i == FILTER_COUNT)
        return false;
    found.kind = filters[i].kind;
    if (filters[i].has_names && (!imap_scan_sp(in) || !scan_names(in, arena, &found)))
        return false;
    *out = found;
    return true;
}

bool imap_scan_search_in(struct scan *in, struct arena *arena, struct imap_mailbox_filter **out,
                         size_t *out_count)
{
    struct imap_mailbox_filter *found;
    size_t count = 0;

    *out = NULL;
    *out_count = 0;
    if (!scan_case_word(in, STR(" IN (")))
        return true;
    found = ARENA_ARRAY(arena, struct imap_mailbox_filter, IMAP_FILTERS_MAX);
    do {
        if (count == IMAP_FILTERS_MAX || !imap_scan_mailbox_filter(in, arena, &found[count]) ||
            found[count++].kind == IMAP_FILTER_SELECTED_DELAYED)
            return false;
    } while (imap_scan_sp(in));
    if (!scan_char(in, ')'))
        return false;
    *out = found;
    *out_count = count;
    return true;
}
