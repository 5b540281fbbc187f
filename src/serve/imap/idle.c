// SPDX-License-Identifier: ISC
//
// IDLE (RFC 2177). While it runs the session is parked like any other and costs nothing; the store
// wakes it (session.c).
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

int imap_on_idle(struct imap_session *s, struct imap_call *c)
{
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    buf_put(c->out, STR("+ idling\r\n"));
    r = imap_view_sync(s, IMAP_SYNC_ALL, false, c->out);
    if (r == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    free(s->idle_tag);
    s->idle_tag = strndup(c->tag.ptr, c->tag.len);
    CHECK(s->idle_tag);
    s->is_idling = true;
    r = imap_put_out(s, c, true);
    return r < 0 ? r : RT_NEXT;
}

int imap_idle_line(struct imap_session *s)
{
    CLEANUP(free_drop) char *tag = TAKE(s->idle_tag);
    CLEANUP(buf_drop) struct buf out;
    struct imap_call c = {.out = &out, .tag = str_from(tag)};
    struct str line;
    int r;

    s->is_idling = false;
    buf_init(&out, IMAP_OUT_MAX);
    rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
    r = rt_line(s->conn, IMAP_LINE_MAX, &line);
    if (r < 0)
        return r;
    if (!imap_is_welcome(s))
        return imap_bye(s, "This account is closed");
    if (r != RT_LINE_TOO_LONG && str_case_eq(str_trim(line), STR("DONE")))
        return imap_ok(s, &c, "Done");
    return imap_bad(s, &c, "Expected: DONE");
}
