// SPDX-License-Identifier: ISC
//
// Tagged answers. Before each OK the client is told what happened in its mailbox.
#include "log/log.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

#include <errno.h>
#include <stdio.h>

int imap_put_out(struct imap_session *s, struct imap_call *c, bool all)
{
    int r;

    if (!buf_ok(c->out))
        return -EFBIG;
    if (c->out->len == 0 || (!all && c->out->len < IMAP_PIECE))
        return 0;
    rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
    r = rt_put(s->conn, buf_str(c->out));
    buf_clear(c->out);
    return r;
}

static int tagged(struct imap_session *s, struct imap_call *c, struct str word, const char *text)
{
    int r;

    buf_put(c->out, c->tag.len > 0 ? c->tag : STR("*"));
    buf_put(c->out, word);
    buf_put(c->out, str_from(text));
    buf_put(c->out, STR("\r\n"));
    r = imap_put_out(s, c, true);
    return r < 0 ? r : RT_NEXT;
}

/// OK to a command that left messages out. An answer has one code only: where there is one
/// already, RFC 9738 3 lets an untagged NO tell.
static int tagged_ok(struct imap_session *s, struct imap_call *c, const char *text)
{
    char code[64], with_code[256];

    if (c->limited_uid == 0)
        return tagged(s, c, STR(" OK "), text);
    snprintf(code, sizeof(code), "[MESSAGELIMIT %llu %u]",
             (unsigned long long)s->config.message_limit, c->limited_uid);
    if (text[0] == '[') {
        buf_putf(c->out, "* NO %s Only the newest were taken\r\n", code);
        return tagged(s, c, STR(" OK "), text);
    }
    snprintf(with_code, sizeof(with_code), "%s %s", code, text);
    return tagged(s, c, STR(" OK "), with_code);
}

static int ok(struct imap_session *s, struct imap_call *c, const char *text, enum imap_sync how)
{
    int gone = imap_view_sync(s, how, c->is_uid, c->out), r;

    if (gone < 0 && !imap_is_gone(gone))
        log_failure("serve/imap", "sync", gone);
    s->bad_commands = 0;
    r = tagged_ok(s, c, text);
    return r == RT_NEXT && gone == IMAP_VIEW_GONE ? imap_bye(s, IMAP_VIEW_GONE_TEXT) : r;
}

int imap_ok(struct imap_session *s, struct imap_call *c, const char *text)
{
    return ok(s, c, text, IMAP_SYNC_ALL);
}

int imap_ok_keeping_numbers(struct imap_session *s, struct imap_call *c, const char *text)
{
    return ok(s, c, text, c->is_uid ? IMAP_SYNC_ALL : IMAP_SYNC_KEEP_NUMBERS);
}

int imap_ok_modseq(struct imap_session *s, struct imap_call *c, const char *text)
{
    char with_modseq[256];

    if (!(s->enabled & IMAP_QRESYNC) || !s->view ||
        imap_view_sync(s, IMAP_SYNC_ALL, c->is_uid, c->out) != 0)
        return imap_ok(s, c, text);
    snprintf(with_modseq, sizeof(with_modseq), "[HIGHESTMODSEQ %llu] %s",
             (unsigned long long)s->view->told_modseq, text);
    return imap_ok(s, c, with_modseq);
}

int imap_no(struct imap_session *s, struct imap_call *c, const char *text)
{
    s->bad_commands = 0;
    return tagged(s, c, STR(" NO "), text);
}

int imap_bad(struct imap_session *s, struct imap_call *c, const char *text)
{
    int r = tagged(s, c, STR(" BAD "), text);

    if (r == RT_NEXT && ++s->bad_commands >= s->config.bad_commands)
        return imap_bye(s, "Too many bad commands");
    return r;
}

int imap_bad_syntax(struct imap_session *s, struct imap_call *c)
{
    struct buf text;
    int r;

    buf_init(&text, 256);
    buf_putf(&text, "Expected: %s", c->usage);
    r = imap_bad(s, c, buf_cstr(&text));
    buf_done(&text);
    return r;
}

int imap_bye(struct imap_session *s, const char *text)
{
    int r = rt_putf(s->conn, "* BYE %s\r\n", text);

    return r < 0 ? r : RT_CLOSE;
}

bool imap_is_gone(int r)
{
    return r == -EPIPE || r == -ECONNRESET || r == -ETIMEDOUT || r == -ECANCELED ||
           r == -EMSGSIZE || r == -EPROTO || r == -EHOSTUNREACH || r == -ENETUNREACH;
}

int imap_no_store(struct imap_session *s, struct imap_call *c, const char *what, int answer)
{
    switch (answer) {
    case STORE_NOT_FOUND:
        return imap_no(s, c, "[NONEXISTENT] No such mailbox");
    case STORE_EXISTS:
        return imap_no(s, c, "[ALREADYEXISTS] A mailbox of that name exists");
    case STORE_OVER_QUOTA:
        return imap_no(s, c, "[OVERQUOTA] Not enough room: the quota is used up");
    case STORE_LIMIT:
        return imap_no(s, c, "[LIMIT] That would pass a limit of this server");
    case STORE_CONFLICT:
        return imap_no(s, c, "[INUSE] Somebody else changed it in the same moment; try again");
    default:
        break;
    }
    if (imap_is_gone(answer))
        return answer; // it was the connection, not the store
    log_failure("serve/imap", what, answer);
    if (answer == -ENOSPC || answer == -EDQUOT)
        return imap_no(s, c, "[UNAVAILABLE] The server's disk is full");
    if (answer == -EIO || answer == -EBADMSG)
        return imap_no(s, c, "[UNAVAILABLE] The store is in trouble; try again later");
    return imap_no(s, c, "[SERVERBUG] That went wrong here");
}
