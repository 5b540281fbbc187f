// SPDX-License-Identifier: ISC
//
// The four entry points. What a command does is in the files named by the verbs.
#include "base/cleanup.h"
#include "log/log.h"
#include "serve/imap/notify.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

static int on_open(void *session, struct rt_conn *conn)
{
    CLEANUP(buf_drop) struct buf greeting;
    struct imap_session *s = session;

    s->conn = conn;
    s->imap = rt_conn_context(conn);
    s->state = IMAP_NOT_AUTHENTICATED;
    imap_config_get(s->imap, &s->config);
    rt_conn_set_idle_ms(conn, (uint32_t)s->config.login_idle);
    buf_init(&greeting, 1024);
    buf_put(&greeting, STR("* OK [CAPABILITY "));
    imap_put_capabilities(s, &greeting);
    buf_put(&greeting, STR("] Carteiro IMAP at your service\r\n"));
    return rt_put(conn, buf_str(&greeting));
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct imap_session *s = session;

    (void)conn;
    return s->is_idling ? imap_idle_line(s) : imap_command_run(s);
}

static int on_wake(void *session, struct rt_conn *conn, unsigned why)
{
    struct imap_session *s = session;

    rt_conn_set_command_ms(conn, (uint32_t)s->config.stall);
    if (why & RT_WAKE_SHUTDOWN)
        return imap_bye(s, "The server is going down, try again soon");
    if (why & RT_WAKE_IDLE)
        return imap_bye(s, "Autologout: you were silent for too long");
    // what is new is told at once while IDLE runs or NOTIFY asked for it, else with the next
    // command
    return s->is_idling || s->notify ? imap_notify_wake(s) : RT_NEXT;
}

void imap_deselect(struct imap_session *s)
{
    if (!s->view)
        return;
    imap_view_close(s->view);
    imap_saved_clear(s);
    imap_contexts_clear(s);
    s->view = NULL;
    s->state = IMAP_AUTHENTICATED;
}

void imap_session_forget(struct imap_session *s)
{
    imap_deselect(s);
    free(s->idle_tag);
    imap_notify_free(s->notify);
    // Whatever a session gets one day is forgotten here, too.
    *s = (struct imap_session){
        .imap = s->imap,
        .conn = s->conn,
        .config = s->config,
        .state = IMAP_NOT_AUTHENTICATED,
    };
}

static void on_close(void *session)
{
    imap_session_forget(session);
}

const struct rt_protocol imap_protocol = {
    .name = "imap",
    .session_size = sizeof(struct imap_session),
    .open = on_open,
    .command = on_command,
    .wake = on_wake,
    .close = on_close,
    .idle_ms = 90 * 1000,
    .command_ms = 120 * 1000,
};
