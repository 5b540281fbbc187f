// SPDX-License-Identifier: ISC
//
// Arguments that mean something in this session: names of mailboxes, messages of the view. What a
// name leads to is mailbox.c's.
#include "proto/imap/mailbox_name.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

enum imap_name_answer imap_decode_name(struct imap_call *c, struct str wire, struct str *out)
{
    if (wire.len > 8 * IMAP_NAME_MAX)
        return IMAP_NAME_INVALID;
    if (c->is_utf8 ? !imap_name_decode_utf8(wire, c->arena, out)
                   : !imap_name_decode(wire, c->arena, out))
        return IMAP_NAME_INVALID;
    // CREATE may end in the delimiter (RFC 3501 6.3.3); elsewhere it does no harm
    if (out->len > 1 && out->ptr[out->len - 1] == '/')
        out->len--;
    c->given_name = *out;
    *out = imap_name_normalise(*out, c->arena);
    return imap_name_is_valid(*out) ? IMAP_NAME_OK : IMAP_NAME_INVALID;
}

enum imap_name_answer imap_scan_name(struct imap_call *c, struct str *out)
{
    struct str wire;

    if (!imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &wire))
        return IMAP_NAME_SYNTAX;
    return imap_decode_name(c, wire, out);
}

int imap_refuse_name(struct imap_session *s, struct imap_call *c, enum imap_name_answer answer)
{
    if (answer == IMAP_NAME_SYNTAX)
        return imap_bad_syntax(s, c);
    return imap_no(s, c, "[CANNOT] No mailbox can have that name");
}

int imap_find_mailbox(struct imap_session *s, struct imap_call *c, unsigned rights,
                      struct store_mailbox *out, int *out_r)
{
    enum imap_name_answer answer;
    struct str name;

    answer = imap_scan_name(c, &name);
    if (answer == IMAP_NAME_OK)
        return imap_lookup_mailbox(s, c, name, rights, out, out_r);
    *out_r = imap_refuse_name(s, c, answer);
    return -1;
}

/// Message numbers to indexes. False when one is not there (RFC 3501 9, seq-number).
static bool select_numbers(const struct imap_view *view, struct imap_sequence set,
                           struct imap_selection *out)
{
    for (size_t i = 0; i < set.count; i++) {
        if (set.ranges[i].last > view->count)
            return false;
        out->ranges[out->count++] =
            (struct imap_range){set.ranges[i].first - 1, set.ranges[i].last - 1};
    }
    return set.count > 0;
}

static void select_uids(const struct imap_view *view, struct imap_sequence set,
                        struct imap_selection *out)
{
    for (size_t i = 0; i < set.count; i++) {
        size_t first = imap_view_index(view, set.ranges[i].first);
        size_t end = set.ranges[i].last == UINT32_MAX
                         ? view->count
                         : imap_view_index(view, set.ranges[i].last + 1);

        if (first < end)
            out->ranges[out->count++] = (struct imap_range){(uint32_t)first, (uint32_t)end - 1};
    }
}

/// sequence-set =/ "$" (RFC 5182): no messages at all is fine there.
static bool scan_saved(struct scan *in)
{
    struct scan at = *in;

    if (!scan_char(&at, '$') || (!scan_is_end(&at) && scan_peek(&at) != ' '))
        return false;
    *in = at;
    return true;
}

/// What the set means in the view.
static bool select_set(struct imap_session *s, struct imap_call *c, struct imap_sequence set,
                       struct imap_selection *out)
{
    const struct imap_view *view = s->view;

    set = imap_sequence_resolve(set, c->is_uid ? imap_view_last_uid(view) : (uint32_t)view->count,
                                c->arena);
    out->ranges = ARENA_ARRAY(c->arena, struct imap_range, set.count + 1);
    if (!c->is_uid)
        return select_numbers(view, set, out);
    select_uids(view, set, out);
    return true;
}

bool imap_scan_selection(struct imap_session *s, struct imap_call *c, struct imap_selection *out)
{
    struct imap_selection selection = {0};
    struct imap_sequence set;

    if (!imap_scan_sp(&c->in))
        return false;
    if (scan_saved(&c->in)) {
        set = imap_saved_uids(s);
        selection.ranges = ARENA_ARRAY(c->arena, struct imap_range, set.count + 1);
        select_uids(s->view, set, &selection);
    } else if (!imap_scan_sequence(&c->in, c->arena, &set) || !select_set(s, c, set, &selection)) {
        return false;
    }
    for (size_t i = 0; i < selection.count; i++)
        selection.messages += selection.ranges[i].last - selection.ranges[i].first + 1;
    *out = selection;
    return true;
}

struct store_uids imap_selection_uids(struct imap_session *s, struct imap_call *c,
                                      const struct imap_selection *selection)
{
    struct store_range *ranges =
        ARENA_ARRAY(c->arena, struct store_range, selection->count ? selection->count : 1);

    // no uid that the view does not have can lie between two that it has, but expunged ones
    for (size_t i = 0; i < selection->count; i++) {
        ranges[i].first = imap_view_uid(s->view, selection->ranges[i].first);
        ranges[i].last = imap_view_uid(s->view, selection->ranges[i].last);
    }
    return (struct store_uids){ranges, selection->count};
}
