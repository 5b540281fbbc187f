// SPDX-License-Identifier: ISC
//
// Inside of app/server: what it holds, shared by the file that starts it and the one that reloads.
#pragma once

#include "rt/tls.h"
#include "route/route.h"
#include "queue/queue.h"

#include "app/server.h"
#include "app/site.h"
#include "app/way.h"

struct server {
    struct site site;
    struct app_config *config;
    // What reloads have replaced. Sessions may still read them, so they stay to the end; each is a
    // few kilobytes and a reload is rare.
    struct app_config **retired;
    size_t retired_count;
    struct trace *trace;
    struct rt_tls *tls;
    struct rt_tls_client *tls_client;
    struct rt_pool *send_pool;
    struct way way;          // its route is ours
    struct rt_task *reports; // app/reports.c; NULL: none
    struct buf return_secret;
    struct queue_suppress *suppress;
    struct queue queue;
    struct receive *receive;
    struct summaries *summaries;
    struct search *search;
    struct pop3 *pop3;
    struct imap *imap;
    struct listen *listen;
    time_t started;
    _Atomic uint64_t reloads;
    // Loop 0's: all rooms are made; a signal to reload is being obeyed; another one came.
    bool is_up, is_reloading, reload_waits, is_stopping;
    int code;
    struct buf why;
};

/// For readers while it serves: a reload in the pool may be replacing them.
static inline const struct server_config *server_settings_now(const struct server *s)
{
    return __atomic_load_n(&s->site.settings, __ATOMIC_ACQUIRE);
}

/// The sockets in the file system that are opened for programs of this host.
enum server_socket { SERVER_SENDMAIL_SOCKET, SERVER_LMTP_SOCKET, SERVER_SOCKETS };
/// The directory that socket stands in, into the empty *out. False: it is not configured, or stands
/// at the root.
bool server_socket_directory(const struct server *s, enum server_socket socket, struct buf *out);

/// While there is one thread only. What the kernel cannot do is logged.
void server_enter_sandbox(struct server *s);
