// SPDX-License-Identifier: ISC
//
// COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), each one change of the store, with COPYUID (RFC 4315).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

/// RFC 6851 4.1: as EXPUNGE, and as setting \Deleted before it.
enum { MOVES_AWAY = ACCESS_DELETED | ACCESS_EXPUNGE };

/// "[COPYUID validity from to] "; nothing when nothing was copied.
static void put_copyuid(const struct store_copying *copying, struct buf *out)
{
    struct imap_set_putter from = {.out = out}, to = {.out = out};

    if (copying->count == 0)
        return;
    buf_put(out, STR("[COPYUID "));
    buf_put_u64(out, copying->uidvalidity);
    buf_put_char(out, ' ');
    for (size_t i = 0; i < copying->count; i++)
        imap_set_put(&from, copying->from_uids[i]);
    imap_set_end(&from);
    buf_put_char(out, ' ');
    for (size_t i = 0; i < copying->count; i++)
        imap_set_put(&to, copying->to_uids[i]);
    imap_set_end(&to);
    buf_put(out, STR("] "));
}

static int commit(struct imap_session *s, struct imap_call *c, struct store_copying *copying)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    CLEANUP(buf_drop) struct buf text;
    int r;

    buf_init(&text, IMAP_OUT_MAX);
    r = store_change_new(imap_store(s), &change);
    if (r == 0) {
        store_change_copy(change, copying);
        r = store_commit(change);
    }
    if (r == STORE_NOT_FOUND)
        return imap_no(s, c, "[TRYCREATE] No such mailbox");
    if (r != 0)
        return imap_no_store(s, c, "copy", r);
    put_copyuid(copying, &text);
    if (!copying->move) {
        buf_put(&text, STR("Copied"));
        return imap_ok(s, c, buf_cstr(&text));
    }
    // RFC 6851 4.3: COPYUID goes before the expunges
    if (copying->count > 0) {
        buf_put(c->out, STR("* OK "));
        buf_put(c->out, buf_str(&text));
        buf_put(c->out, STR("Moved\r\n"));
    }
    return imap_ok_modseq(s, c, "Moved");
}

/// What may not be set in the target is not taken along (RFC 4314 4).
static void keep_to_rights(struct imap_session *s, const struct store_mailbox *target,
                           struct store_copying *copying)
{
    unsigned rights = access_rights(imap_access(s), s->account_id, target);

    copying->drop_flags = IMAP_FLAGS_SETTABLE & ~imap_flags_of_rights(rights);
    copying->drop_keywords = !(rights & ACCESS_WRITE);
}

/// [await] Within one account a move takes no room; whatever comes to another does.
static bool takes_room(struct imap_session *s, const struct store_mailbox *target, bool move)
{
    CLEANUP(free_drop) struct store_mailbox *from = malloc(sizeof(*from));

    CHECK(from);
    return !move || store_mailbox_by_id(imap_store(s), s->view->mailbox_id, from) != 0 ||
           from->account_id != target->account_id;
}

static int copy(struct imap_session *s, struct imap_call *c, bool move)
{
    CLEANUP(free_drop) struct store_mailbox *target = malloc(sizeof(*target));
    struct store_copying copying = {.from_mailbox_id = s->view->mailbox_id, .move = move};
    struct imap_selection selection;
    enum imap_name_answer answer;
    struct str name;
    int r, result;

    CHECK(target);
    if (!imap_scan_selection(s, c, &selection))
        return imap_bad_syntax(s, c);
    answer = imap_scan_name(c, &name);
    if (answer != IMAP_NAME_OK)
        return imap_refuse_name(s, c, answer);
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (move && s->view->is_read_only)
        return imap_no(s, c, "[READ-ONLY] Nothing can be changed here");
    if (move && (s->view->rights & MOVES_AWAY) != MOVES_AWAY)
        return imap_no(s, c, "[NOPERM] You were not given the right to take messages away");
    r = imap_lookup_mailbox(s, c, name, ACCESS_INSERT, target, &result);
    if (r != 0)
        return result;
    if (selection.count == 0)
        return imap_ok(s, c, "No messages of that kind");
    if (!move && imap_is_over_limit(s, selection.messages))
        return imap_no_over_limit(s, c); // RFC 3501 6.4.7: all or nothing
    imap_limit(s, c, &selection);
    copying.to_mailbox_id = target->id;
    copying.uids = imap_selection_uids(s, c, &selection);
    copying.check_quota = takes_room(s, target, move);
    keep_to_rights(s, target, &copying);
    return commit(s, c, &copying);
}

int imap_on_copy(struct imap_session *s, struct imap_call *c)
{
    return copy(s, c, false);
}

int imap_on_move(struct imap_session *s, struct imap_call *c)
{
    return copy(s, c, true);
}
