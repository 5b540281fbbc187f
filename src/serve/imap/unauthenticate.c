// SPDX-License-Identifier: ISC
//
// UNAUTHENTICATE (RFC 8437): the session becomes what it was before anybody signed in, so that an
// administrator's client can go on as another user. Nothing is expunged. Compression ends, as
// RFC 8437 4.1 has it: the client's behind this line, ours behind the OK. TLS goes on.
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/imap/session.h"

static void log_out(const struct imap_session *s)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "serve/imap", "signed out, the connection stays");
    log_u64(&line, "session", rt_conn_id(s->conn));
    log_u64(&line, "account", s->account_id);
    log_end(&line);
}

int imap_on_unauthenticate(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1024};
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (!s->config.unauthenticate)
        return imap_bad(s, c, "That is turned off here");
    log_out(s);
    imap_session_forget(s);
    rt_conn_set_idle_ms(s->conn, (uint32_t)s->config.login_idle);
    buf_put(&text, STR("[CAPABILITY "));
    imap_put_capabilities(s, &text);
    buf_put(&text, STR("] Who is next?"));
    r = imap_ok(s, c, buf_cstr(&text));
    if (r != RT_NEXT || !rt_is_deflated(s->conn))
        return r;
    return rt_stop_deflate(s->conn);
}
